import polars as pl
import pytest

from equal_assets.planning.estimate import interval_of_mean
from equal_assets.planning.projection import outlook
from equal_assets_tests.assets.test_checks import extraction, store
from equal_assets_tests.planning.test_estimate import project as project

MANY = [(900, 100, 4), (700, 100, 1), (1100, 100, 4)]


def extracted(warehouse, extractor, rows, *, seconds=2.0):
    """Store extractions of prompt and completion tokens and pairs."""
    stored = [
        extraction("pairs").with_columns(
            content_hash=pl.lit(f"h{number:04}"),
            extractor=pl.lit(extractor.fingerprint),
            first_asked_by=pl.lit("warm-up"),
            prompt_tokens=pl.lit(prompt),
            completion_tokens=pl.lit(completion),
            n_pairs=pl.lit(n_pairs),
            seconds=pl.lit(seconds),
            request_seconds=pl.lit(seconds),
        )
        for number, (prompt, completion, n_pairs) in enumerate(rows)
    ]
    store(warehouse, extractions=pl.concat(stored))


def test_two_documents_are_the_least_to_go_by(project, warehouse):
    settings, extractor = project()
    extracted(warehouse, extractor, MANY[:1])
    found = outlook("c", settings, extractor, warehouse)
    assert found.rows == []
    assert found.basis == "1 extracted: two documents are the least to go by"


def test_campaign_takes_and_gives_what_the_documents_did(project, warehouse):
    settings, extractor = project()
    extracted(warehouse, extractor, MANY)
    found = outlook("c", settings, extractor, warehouse)
    assert found.basis == "measured on 3 documents"
    warm_up, campaign = found.rows
    assert [row.estimate.payer for row in found.rows] == ["warm-up", "c"]
    assert warm_up.estimate.documents == 200 - len(MANY)
    assert campaign.estimate.chosen == 100
    assert campaign.pairs == 300
    low, high = campaign.between
    mean_low, mean_high = interval_of_mean(3, 3**0.5, n_measured=3, n_further=100)
    assert (low, high) == pytest.approx((100 * mean_low, 100 * mean_high))
    assert low < 300 < high
    least, most = campaign.estimate.between
    price = campaign.estimate.cost / campaign.estimate.tokens
    assert campaign.cost == pytest.approx((price * least, price * most))


def test_warm_up_of_which_nothing_is_left_is_left_out(project, warehouse):
    settings, extractor = project(warmup={"share": 0.003})
    extracted(warehouse, extractor, MANY)
    found = outlook("c", settings, extractor, warehouse)
    assert [row.estimate.payer for row in found.rows] == ["c"]


def test_pairs_are_those_of_all_that_is_chosen_and_tokens_of_what_is_not_paid(project, warehouse):
    settings, extractor = project()
    extracted(warehouse, extractor, [(900, 100, 2)] * 500)
    *_, campaign = outlook("c", settings, extractor, warehouse).rows
    assert campaign.estimate.documents == 50
    assert (campaign.estimate.chosen, campaign.pairs) == (100, 200)


def test_time_lies_between_full_use_of_the_server_and_the_pace_that_was_seen(project, warehouse):
    settings, extractor = project()
    extracted(warehouse, extractor, MANY)
    *_, campaign = outlook("c", settings, extractor, warehouse).rows
    n_documents, at_once = campaign.estimate.documents, settings.extractor.concurrency
    assert campaign.seconds == pytest.approx((n_documents * 2 / at_once, n_documents * 2 / 3))


def test_extractor_without_an_llm_takes_its_time_one_by_one(project, warehouse):
    from equal_assets.resources.extraction.extractors import build_extractor
    from equal_assets.settings import StructuralSettings

    settings, _ = project()
    settings = settings.model_copy(update={"extractor": StructuralSettings()})
    extractor = build_extractor(settings.extractor, warehouse.database)
    extracted(warehouse, extractor, [(0, 0, 2)] * 5, seconds=0.5)
    *_, campaign = outlook("c", settings, extractor, warehouse).rows
    assert (campaign.estimate.tokens, campaign.cost) == (0, (0, 0))
    assert campaign.seconds == pytest.approx((campaign.estimate.documents * 0.5,) * 2)
    assert campaign.pairs == 200


def test_ratings_give_no_pairs(project, warehouse):
    settings, extractor = project(strategy="llm-scoring")
    extracted(warehouse, extractor, MANY)
    _, ratings, campaign = outlook("c", settings, extractor, warehouse).rows
    assert ratings.estimate.of_ratings
    assert (ratings.pairs, ratings.between, ratings.seconds) == (0, (0, 0), (0, 0))
    assert campaign.pairs == 300
