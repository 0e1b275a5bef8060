"""What the page of a campaign says in words; its parts and its safety: `test_end_to_end`."""

import polars as pl
import pytest

from equal_assets.pages.report import write_report
from equal_assets.pages.values import without_emphasis
from equal_assets.resources.extraction.extractors import build_extractor
from equal_assets_tests.export.stored import store_campaign

RECALL = {f"recall_at_{k}_{when}": 0.5 for k in (1, 10) for when in ("before", "after")}
EMBEDDER = {"embedder_version": "v", "path": "models/v", "base_model": "m", "method": "none"}
EMBEDDER |= {"n_dimensions": 2, "n_train_pairs": 0, "n_held_out_pairs": 0, "seconds": 0.0, **RECALL}


@pytest.fixture
def report(tmp_path):
    """A function that changes the stored campaign and returns its page as one line."""
    stored = store_campaign(tmp_path)
    with stored.warehouse.transaction() as transaction:
        transaction.insert("contrastive_embedder", pl.DataFrame([EMBEDDER]))
    extractor = build_extractor(stored.settings.extractor, tmp_path / ".equal")

    def written(*changes: str) -> str:
        with stored.warehouse.get_connection() as connection:
            for change in changes:
                connection.execute(change)
        return " ".join(
            write_report("rivers", stored.settings, stored.warehouse, extractor).split()
        )

    return written


def test_headline_tells_what_is_trained_on_and_what_became_of_the_others(report):
    assert "9 pairs to train on, of 12 pairs extracted from 8 documents (3 removed by rules)." in (
        report()
    )
    rejected = "update removed_qa set reason = 'rejected by anna: wrong' where qa_id <> 'r0'"
    page = report(rejected)
    assert "(2 rejected by reviewers, 1 removed by rules)." in page
    assert "3 extracted pairs were removed, 2 of these by reviewers." in page
    assert "anna" not in page
    unmade = report("delete from removed_qa", "delete from qa_dataset")
    assert "12 pairs extracted from 8 documents; the data set is not made yet." in unmade


def test_played_is_from_the_start_of_the_first_round(report):
    page = report(
        "update rounds set finished_at = '2026-01-02 10:30:00', seconds = 1800 where round = 1",
        "update rounds set finished_at = '2026-01-02 11:45:00', seconds = 60 where round = 2",
        "update campaign_settings set started_at = '2026-01-02 10:30:00'",
    )
    assert "Played from 2026-01-02 10:00 to 2026-01-02 11:45." in page


def test_sample_pairs_show_no_stars_and_no_html(report):
    page = report(
        "update qa_dataset set answer = 'An **active** <b>attacker</b>.' where campaign = 'rivers'"
    )
    assert "Pairs of the data set, by chance:" in page
    assert "An active &lt;b&gt;attacker&lt;/b&gt;." in page
    assert "**" not in page.partition("<section>")[0].partition("<body>")[2]


@pytest.mark.parametrize(
    "said",
    [
        "f(**options, **more)",
        "{**a, **b}",
        "2**3**4 and 2 ** 3 ** 4",
        "****",
        "a **b\nc** d",
        "*a*",
    ],
)
def test_stars_that_make_nothing_bold_stay(said):
    assert without_emphasis(said) == said


def test_bold_words_lose_their_stars():
    assert without_emphasis("**Note:** use **two words**, twice") == "Note: use two words, twice"
