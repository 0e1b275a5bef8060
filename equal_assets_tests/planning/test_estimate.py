from dataclasses import replace

import numpy as np
import polars as pl
import pytest
import yaml

from equal_assets.algorithms.strategies.table import STRATEGIES
from equal_assets.planning.estimate import (
    MEASURED_DOCUMENTS,
    TokensPerDocument,
    assumed_tokens,
    estimates,
    together,
    tokens_per_document,
)
from equal_assets.planning.requirements import requirements
from equal_assets.resources.extraction.extractors import build_extractor
from equal_assets.resources.llm.journal import journal
from equal_assets.settings import load_settings
from equal_assets_tests.assets.test_checks import asked, extraction, finished_round, pull, store
from equal_assets_tests.conftest import TINY

CHARACTERS = 4000
LLM = {
    "backend": "openai",
    "base_urls": ["http://127.0.0.1:9/v1"],
    "model": "m",
    "refine": False,
    "prompt_price": 2.0,
    "completion_price": 10.0,
}


@pytest.fixture
def project(tmp_path, warehouse):
    """Return a function that writes settings and gives them with their extractor."""
    n = range(1000)
    rows = {
        "document_id": [f"d{i:04}" for i in n],
        "content_hash": [f"h{i:04}" for i in n],
        "text": ["x"] * 1000,
        "n_characters": [CHARACTERS] * 1000,
        "row": list(n),
        "n_copies": [1] * 1000,
        **{name: ["-"] * 1000 for name in ("source", "file", "metadata", "qa_pairs")},
        **{name: [None] * 1000 for name in ("url", "license")},
    }
    types = {"url": pl.String, "license": pl.String}
    store(warehouse, documents=pl.DataFrame(rows, schema_overrides=types))

    def write(*, warmup=None, **campaign):
        settings = yaml.safe_load(TINY.read_text())
        demo = TINY.parents[2] / "equal_assets" / "demo"
        settings["targets"]["python-libraries"] = {
            split: str(demo / f"{split}.jsonl") for split in ("reference", "test")
        }
        settings["extractor"] = LLM
        settings["warmup"] |= warmup or {}
        settings["campaigns"] = {
            "c": {"target": "python-libraries", "budget_documents": 100, **campaign}
        }
        path = tmp_path / "campaigns.yaml"
        path.write_text(yaml.safe_dump(settings))
        loaded = load_settings(path)
        return loaded, build_extractor(loaded.extractor, tmp_path)

    return write


def test_tokens_are_assumed_by_the_length_of_documents_and_templates(project, warehouse):
    settings, extractor = project()
    each = tokens_per_document(settings, extractor, warehouse)
    template = len(settings.extractor.prompts.template("extract"))
    assert each.prompt == pytest.approx((CHARACTERS + template) / 4)
    assert each.completion == 50 + CHARACTERS / 8
    assert each.basis.startswith("assumed: 4 characters per token, replies of 50 tokens")
    low, high = each.interval(100)
    assert low == pytest.approx((CHARACTERS + template) / 5 + 10 + CHARACTERS / 50)
    assert high == pytest.approx((CHARACTERS + template) / 3 + 2048)  # at most max_reply_tokens


def test_tokens_are_measured_once_enough_documents_are_extracted(project, warehouse):
    settings, extractor = project()
    measured = extraction("no pairs").with_columns(
        prompt_tokens=pl.lit(900), completion_tokens=pl.lit(50)
    )
    for number in range(MEASURED_DOCUMENTS):
        row = measured.with_columns(
            content_hash=pl.lit(f"h{number}"), extractor=pl.lit(extractor.fingerprint)
        )
        store(warehouse, extractions=row)
    each = tokens_per_document(settings, extractor, warehouse)
    assert (each.prompt, each.completion) == (900, 50)
    assert each.basis == f"measured on {MEASURED_DOCUMENTS} documents"


def test_refinement_reads_document_and_reply_again(project, warehouse):
    settings, _ = project()
    refining = settings.extractor.model_copy(update={"refine": True})
    one, two = (assumed_tokens(llm, CHARACTERS) for llm in (settings.extractor, refining))
    assert two.completion == 2 * one.completion
    first, second = refining.asked().values()
    template = len(second) / 4 + (0 if "$document" in second else len(first) / 4)
    assert two.prompt == pytest.approx(one.prompt + CHARACTERS / 4 + template + one.completion)


def extracted(warehouse, extractor, *tokens):
    """Store extractions that took these tokens."""
    for number, (prompt, completion) in enumerate(tokens):
        row = extraction("no pairs").with_columns(
            content_hash=pl.lit(f"h{number}"),
            extractor=pl.lit(extractor.fingerprint),
            prompt_tokens=pl.lit(prompt),
            completion_tokens=pl.lit(completion),
        )
        store(warehouse, extractions=row)


def test_interval_of_what_was_measured_holds_the_mean_of_further_documents(project, warehouse):
    rng = np.random.default_rng(0)
    settings, extractor = project()
    taken = rng.lognormal(6, 0.6, size=(2000, 8 + 40))  # eight measured, then forty to come
    n_held = 0
    for row in taken:
        each = TokensPerDocument(
            float(row[:8].mean()), 0.0, "", deviation=float(row[:8].std(ddof=1)), n_measured=8
        )
        low, high = each.interval(40)
        n_held += low <= row[8:].mean() <= high
    assert 0.85 < n_held / 2000 < 0.97  # a few too few: eight of so skew a kind say little
    extracted(warehouse, extractor, (900, 100), (900, 300), (900, 100), (900, 300), (900, 200))
    each = tokens_per_document(settings, extractor, warehouse)
    assert (each.total, each.deviation) == (1100, pytest.approx(100))
    low, high = each.interval(10**9)
    assert (low + high) / 2 == pytest.approx(1100)
    assert high - 1100 == pytest.approx(2.776 * 100 / 5**0.5, rel=1e-3)  # t of four


def test_tokens_lie_between_what_documents_of_few_and_of_many_tokens_come_to(project, warehouse):
    _, extractor = project()
    extracted(warehouse, extractor, *[(900, 100), (900, 300)] * 10)
    each, found = estimated(project, warehouse)
    least, most = found["c"].between
    assert (least, most) == tuple(pytest.approx(100 * one, abs=1) for one in each.interval(100))
    assert least < found["c"].tokens < most


def test_budget_of_tokens_bounds_what_documents_of_many_tokens_come_to(project, warehouse):
    _, extractor = project()
    extracted(warehouse, extractor, *[(900, 100), (900, 300)] * 10)
    _, found = estimated(project, warehouse, budget_tokens=50_000)
    least, most = found["c"].between
    assert 0.9 * 50_000 < least <= 50_000
    assert 0.9 * 50_000 < most <= 50_000


def estimated(project, warehouse, **settings):
    loaded, extractor = project(**settings)
    each = tokens_per_document(loaded, extractor, warehouse)
    found = estimates(loaded, ["c"], each, extractor, warehouse)
    return each, {row.payer: row for row in found}


def test_share_of_the_warm_up_and_budget_of_documents(project, warehouse):
    each, found = estimated(project, warehouse)
    assert (found["warm-up"].documents, found["warm-up"].ends_by) == (200, "share")
    assert (found["c"].documents, found["c"].ends_by) == (100, "budget_documents")
    assert found["c"].tokens == pytest.approx(100 * (each.prompt + each.completion), abs=1)
    cost = 100 * (2 * each.prompt + 10 * each.completion) / 1e6
    assert found["c"].cost == pytest.approx(cost)


@pytest.mark.parametrize("budget", [{"budget_tokens": 31_000}, {"budget_cost": 0.08}])
def test_tightest_budget_ends_it(project, warehouse, budget):
    each, found = estimated(project, warehouse, warmup=budget, **budget)
    if "budget_tokens" in budget:
        n_documents = int(31_000 / (each.prompt + each.completion))
    else:
        n_documents = int(0.08 / ((2 * each.prompt + 10 * each.completion) / 1e6))
    assert 5 < n_documents < 30
    for payer in ("warm-up", "c"):
        assert (found[payer].documents, found[payer].ends_by) == (n_documents, *budget)


def test_what_was_spent_is_gone(project, warehouse, tmp_path):
    with journal(tmp_path / "requests.sqlite") as opened:
        opened.open(
            "k",
            document="d",
            payer="c|round-001",
            run="r",
            prompt_tokens=20_000,
            completion_tokens=0,
            cost=0.0,
        )
    store(warehouse, rounds=finished_round(), bandit_round=pull(), bandit_documents=asked())
    each, found = estimated(project, warehouse, budget_tokens=31_000)
    assert found["c"].documents == int(11_000 / (each.prompt + each.completion))
    assert found["c"].ends_by == "budget_tokens"
    _, found = estimated(project, warehouse)
    assert found["c"].documents == 99


def test_campaign_that_has_ended_asks_for_nothing(project, warehouse):
    ended = finished_round().with_columns(ended_by=pl.lit("gain"))
    store(warehouse, rounds=ended, bandit_round=pull(), bandit_documents=asked())
    _, found = estimated(project, warehouse)
    assert (found["c"].documents, found["c"].ends_by) == (0, "ended by gain")


def read_before(warehouse, extractor, numbers, *, payer):
    """Store extractions of documents of the corpus, of 1,000 tokens each."""
    row = extraction("no pairs").with_columns(
        extractor=pl.lit(extractor.fingerprint),
        first_asked_by=pl.lit(payer),
        prompt_tokens=pl.lit(900),
        completion_tokens=pl.lit(100),
    )
    hashes = (pl.lit(f"h{number:04}").alias("content_hash") for number in numbers)
    store(warehouse, extractions=pl.concat(row.with_columns(each) for each in hashes))


def test_what_the_warm_up_has_read_is_not_paid_again(project, warehouse):
    _, extractor = project()
    read_before(warehouse, extractor, range(200), payer="warm-up")
    _, found = estimated(project, warehouse)
    assert (found["warm-up"].documents, found["warm-up"].tokens) == (0, 0)
    assert found["c"].documents == 80  # a fifth of all documents is paid: as much of its hundred
    assert found["c"].tokens == 80_000
    least, most = found["c"].between
    assert (least, most) == (80_000, 100_000)


def test_what_campaigns_have_read_may_be_all_that_another_wants(project, warehouse):
    _, extractor = project()
    read_before(warehouse, extractor, range(500), payer="other|round-001")
    _, found = estimated(project, warehouse)
    assert found["c"].documents == 50
    assert found["c"].between == (0, 100_000)


def test_corpus_that_is_read_costs_nothing_more(project, warehouse):
    _, extractor = project()
    read_before(warehouse, extractor, range(1000), payer="other|round-001")
    _, found = estimated(project, warehouse)
    assert (found["c"].documents, found["c"].tokens, found["c"].cost) == (0, 0, 0)
    assert found["c"].between == (0, 0)


def test_together_a_document_is_paid_once_and_no_more_than_there_are(project, warehouse):
    settings, extractor = project(warmup={"share": 0.5})
    large = settings.campaigns["c"].model_copy(update={"budget_documents": 600})
    twice = {"c": large, "d": large}
    settings = settings.model_copy(update={"campaigns": twice})
    each = tokens_per_document(settings, extractor, warehouse)
    found = estimates(settings, ["c", "d"], each, extractor, warehouse)
    assert [row.documents for row in found] == [500, 600, 600]
    all_of_them = together(found, each, extractor, warehouse)
    assert all_of_them.documents == 920  # of 1,000, half times 0.4 times 0.4 are left out
    assert all_of_them.tokens == pytest.approx(920 * each.total, rel=1e-3)
    assert all_of_them.cost == pytest.approx(920 / 1700 * sum(row.cost for row in found))
    low, high = each.interval(1000)
    assert all_of_them.between == (round(600 * low), round(1000 * high))


def test_ratings_are_estimated_beside_the_extraction(project, warehouse):
    settings, _ = project(strategy="llm-scoring")
    _, found = estimated(project, warehouse, strategy="llm-scoring")
    rated = found["c: ratings"]
    assert (rated.documents, rated.ends_by) == (300, "llm_scoring.candidates")
    template = len(settings.extractor.prompts.template("rate"))
    shown = settings.llm_scoring.document_characters  # half of each document
    assert 300 * ((template + shown) / 4 + 10) < rated.tokens
    assert rated.tokens < 300 * ((template + shown) / 4 + 200)
    assert rated.cost > 0
    assert found["c"].documents == 100


def test_ratings_of_a_new_strategy_are_estimated_by_its_row(project, warehouse, monkeypatch):
    rated = replace(STRATEGIES["llm-scoring"], name="rated-anew")
    monkeypatch.setitem(STRATEGIES, rated.name, rated)
    settings, _ = project(strategy=rated.name)
    _, found = estimated(project, warehouse, strategy=rated.name)
    assert found["c: ratings"].documents == 300
    told = " ".join(requirements(settings, n_read=1000, n_characters=1000 * CHARACTERS))
    assert "300 ratings" in told


def test_ratings_take_no_more_than_their_share_of_the_budget(project, warehouse):
    each, found = estimated(project, warehouse, strategy="llm-scoring", budget_tokens=60_000)
    rated = found["c: ratings"]
    assert 25_000 < rated.tokens <= 30_000
    assert rated.ends_by == "budget_tokens"
    left = (60_000 - rated.tokens) / (each.prompt + each.completion)
    assert found["c"].documents == int(left)


def test_ratings_are_not_asked_for_again_once_rounds_are_played(project, warehouse):
    store(warehouse, rounds=finished_round(), bandit_round=pull(), bandit_documents=asked())
    _, found = estimated(project, warehouse, strategy="llm-scoring")
    assert list(found) == ["warm-up", "c"]


def test_interval_holds_the_estimate_where_a_cap_ends_the_campaign(project, warehouse):
    settings, extractor = project(budget_tokens=9_000)
    extracted(warehouse, extractor, (900, 100), (300, 100), (1500, 100), (700, 100), (1100, 100))
    each = tokens_per_document(settings, extractor, warehouse)
    *_, row = estimates(settings, ["c"], each, extractor, warehouse)
    assert row.ends_by == "budget_tokens"
    assert row.between[0] <= row.tokens <= row.between[1] <= 9_000
    assert row.between[0] < row.tokens
