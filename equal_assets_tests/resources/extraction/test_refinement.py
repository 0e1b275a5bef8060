"""`refine: auto`, by documents whose texts say what refinement does to them."""

import pytest
from pydantic import PrivateAttr

from equal_assets.algorithms.extraction.recipe import DROPPED_BY_REFINEMENT
from equal_assets.progress import listen, silent
from equal_assets.records import Document, Extraction, QAPair, RejectedPair
from equal_assets.resources.extraction.extractors import Extractor
from equal_assets.resources.extraction.refinement import (
    PART_DOCUMENTS,
    TRIAL_DOCUMENTS,
    emptied,
    is_vain,
)
from equal_assets.resources.extraction.store import extract_again, extract_through_store


class Refining(Extractor):
    """A document `changed ...` has a pair that refinement changes, `same ...` one that it does not,
    and `empty ...` none."""

    BACKEND = "refining"
    VERSION = 1

    refine: str = "auto"

    _refined: list = PrivateAttr(default_factory=list)
    _plain: list = PrivateAttr(default_factory=list)

    def refinement(self):
        return self.refine == "always" or "auto"

    def extract(self, documents, order):
        for document in documents:
            kind = document.text.split()[0]
            is_refined = order.refine and kind != "empty"
            if kind == "emptied":
                yield Extraction(
                    content_hash=document.content_hash,
                    status="no pairs",
                    pairs=(),
                    reason=None,
                    seconds=0.0,
                    rejected=(RejectedPair("q", "a", DROPPED_BY_REFINEMENT),),
                    is_changed=True,
                )
                continue
            (self._refined if is_refined else self._plain).append(document.document_id)
            yield Extraction(
                content_hash=document.content_hash,
                status="no pairs" if kind == "empty" else "pairs",
                pairs=() if kind == "empty" else (QAPair("q", "a"),),
                reason=None,
                seconds=0.0,
                is_changed=kind == "changed" if is_refined else None,
            )


class Backwards(Refining):
    """Is done with the last document first."""

    BACKEND = "backwards"

    def extract(self, documents, order):
        yield from super().extract(list(documents)[::-1], order)


def documents(*kinds):
    return [
        Document(f"d{number:03}", f"{kind} {number}", "s", "f", number)
        for number, kind in enumerate(kinds)
    ]


def extract(warehouse, extractor, asked):
    told = []
    with listen(lambda *row: None, told.append):
        extract_through_store(warehouse, extractor, asked, asked_by="warm-up", progress=silent)
    return told


def test_refinement_that_changes_nothing_ends_after_a_part_and_says_so(warehouse):
    extractor = Refining()
    asked = documents(*["same"] * (PART_DOCUMENTS + 30))
    told = extract(warehouse, extractor, asked)
    assert extractor._refined == [d.document_id for d in asked[:PART_DOCUMENTS]]
    assert extractor._plain == [d.document_id for d in asked[PART_DOCUMENTS:]]
    assert told == [
        "refinement has changed no pair of 20 documents or more: it is left out from here on "
        "(extractor.refine: auto)"
    ]


@pytest.mark.parametrize(
    ("kinds", "n_told"),
    [
        (["emptied"] * 4, 0),
        (["emptied"] * 4 + ["changed"], 1),
        (["emptied"] * 3 + ["changed"] * 2, 0),
        (["emptied"] * 4 + ["empty", "changed", "same"], 0),
    ],
)
def test_refinement_that_drops_every_pair_of_most_documents_is_told(warehouse, kinds, n_told):
    told = extract(warehouse, Refining(), documents(*kinds))
    warning = emptied(warehouse, Refining())
    assert (warning is not None) == bool(n_told)
    if n_told:
        assert "dropped every pair of 4 of 5 documents" in warning
        assert "extractor.refine: false" in warning
    assert not told or told == [warning]


def test_documents_without_pairs_decide_nothing(warehouse):
    extractor = Refining()
    kinds = ["same"] * (TRIAL_DOCUMENTS - 1) + ["empty"] * 3 * PART_DOCUMENTS
    assert extract(warehouse, extractor, documents(*kinds)) == []
    assert is_vain(warehouse, extractor) is None
    extract(warehouse, extractor, documents(*kinds, "same"))
    assert is_vain(warehouse, extractor) is True


@pytest.mark.parametrize("place", [0, PART_DOCUMENTS - 1])
def test_one_change_in_the_part_keeps_refinement_for_good(warehouse, place):
    kinds = ["same"] * 3 * PART_DOCUMENTS
    kinds[place] = "changed"
    extractor = Refining()
    assert extract(warehouse, extractor, documents(*kinds)) == []
    assert (len(extractor._refined), extractor._plain) == (3 * PART_DOCUMENTS, [])


def test_what_is_decided_does_not_depend_on_which_document_comes_first(warehouse):
    kinds = [*["same"] * (PART_DOCUMENTS - 1), "changed", *["same"] * 9]
    for extractor in (Refining(), Backwards()):
        extract(warehouse, extractor, documents(*kinds))
        assert extractor._plain == []


def test_later_rounds_and_retries_go_by_what_is_stored(warehouse):
    extract(warehouse, Refining(), documents(*["same"] * TRIAL_DOCUMENTS))
    later = Refining()
    asked = documents(*["same"] * (TRIAL_DOCUMENTS + 5))
    extract(warehouse, later, asked)
    assert (later._refined, len(later._plain)) == ([], 5)
    extract_again(
        warehouse, later, asked[:1], asked_by="warm-up", run="r", caps=(), progress=silent
    )
    assert later._refined == []


def test_refinement_that_is_set_goes_on_and_says_what_would_save_tokens(warehouse):
    extractor = Refining(refine="always")
    kinds = ["same"] * (TRIAL_DOCUMENTS + 5)
    assert extract(warehouse, extractor, documents(*kinds[:TRIAL_DOCUMENTS])) == []
    told = extract(warehouse, extractor, documents(*kinds))
    assert len(extractor._refined) == TRIAL_DOCUMENTS + 5
    assert told == [
        "refinement has changed no pair of 20 documents or more: `extractor.refine: auto` or "
        "`false` would save its tokens"
    ]


def test_document_that_is_replaced_counts_once(warehouse):
    extractor = Refining(refine="always")
    asked = documents("same", "changed")
    extract(warehouse, extractor, asked)
    assert is_vain(warehouse, extractor) is False
    extract_again(warehouse, extractor, asked[1:], asked_by="w", run="r", caps=(), progress=silent)
    with warehouse.get_connection() as connection:
        assert connection.execute("select count(*) from refinements").fetchone() == (2,)
