"""What counts as failed, and whom it tells when it is mended; the command: `test_llm_campaign`."""

import polars as pl

from equal_assets_tests.assets.test_checks import asked, extraction, store


def stored(number, status, reason):
    return extraction(status, reason).with_columns(content_hash=pl.lit(f"d{number}"))


def test_documents_that_failed_in_part_are_among_those_to_ask_again(warehouse):
    rows = [
        stored(1, "pairs", None),
        stored(2, "pairs", "chunk 2 of 3: HTTP 500"),
        stored(3, "failed", "chunk 1 of 2: HTTP 500; chunk 2 of 2: HTTP 500"),
        stored(4, "failed", "HTTP 500"),
        stored(5, "no pairs", None),
    ]
    store(warehouse, extractions=pl.concat(rows))
    for number in range(1, 6):
        store(warehouse, bandit_documents=asked(f"d{number}"))
    failed = warehouse.query("failed_documents", campaign="c", extractor="e")
    assert failed["document_id"].to_list() == ["d2", "d3", "d4"]
    reasons = warehouse.query("failures", campaigns=["c"], rounds=[])
    assert reasons.select("reason", "gave_pairs", "documents").rows() == [
        ("HTTP 500", False, 1),
        ("HTTP 500; HTTP 500", False, 1),
        ("HTTP 500", True, 1),
    ]


def test_every_campaign_that_asked_for_a_document_is_found(warehouse):
    for campaign, document in (("a", "d1"), ("b", "d1"), ("c", "d2")):
        row = asked(document).with_columns(campaign=pl.lit(campaign))
        store(warehouse, bandit_documents=row)
    found = warehouse.query("campaigns_of", hashes=["d1"], extractor="e")
    assert found["campaign"].to_list() == ["a", "b"]
    assert warehouse.query("campaigns_of", hashes=["d1"], extractor="other").is_empty()
