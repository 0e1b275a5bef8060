from dataclasses import replace

import polars as pl
import pytest
from pydantic import PrivateAttr

from equal_assets.progress import silent
from equal_assets.records import Document, Extraction, QAPair, RejectedPair, Usage
from equal_assets.resources.extraction.extractors import Extractor
from equal_assets.resources.extraction.store import (
    STORE_EVERY_DOCUMENTS,
    extract_again,
    extract_through_store,
)
from equal_assets.resources.llm.spending import Cap

COLUMNS = [
    "document_id",
    "content_hash",
    "status",
    "n_pairs",
    "n_rejected",
    "prompt_tokens",
    "completion_tokens",
    "paid_prompt_tokens",
    "paid_completion_tokens",
    "cost",
    "paid_cost",
    "n_requests",
    "n_tries",
    "request_seconds",
    "first_asked_by",
]


class Scripted(Extractor):
    """Extracts from `<status> ...`, remembers whom it was asked for, and may stop half-way."""

    BACKEND = "scripted"
    VERSION = 1

    max_pairs: int = 1

    _asked: list = PrivateAttr(default_factory=list)
    _dies_after: int | None = PrivateAttr(None)

    def extract(self, documents, order):
        for number, document in enumerate(documents):
            if number == self._dies_after:
                raise RuntimeError("the server went away")
            self._asked.append(document.document_id)
            yield self._extraction(document)

    def _extraction(self, document):
        kind = document.text.split()[0]
        pairs = [QAPair(f"{document.document_id} q{i}", f"a{i}") for i in range(self.max_pairs)]
        return Extraction(
            content_hash=document.content_hash,
            status={"pairs": "pairs", "empty": "no pairs", "bad": "failed"}[kind],
            pairs=tuple(pairs) if kind == "pairs" else (),
            reason="no JSON in the completion" if kind == "bad" else None,
            seconds=0.25,
            rejected=(RejectedPair("q?", "a", "not grounded: 0.1"),) if kind == "empty" else (),
            usage=Usage(prompt_tokens=len(document.text), completion_tokens=7, n_requests=1),
        )


def documents(n_documents, *, kind="pairs", start=0):
    return [
        Document(
            document_id=f"d{number:03}", text=f"{kind} {number}", source="s", file="f", row=number
        )
        for number in range(start, start + n_documents)
    ]


def extract(warehouse, extractor, asked, *, asked_by="warm-up", progress=silent, caps=()):
    return extract_through_store(
        warehouse, extractor, asked, asked_by=asked_by, caps=caps, progress=progress
    )


def stored(warehouse, columns, table="extractions"):
    with warehouse.get_connection() as connection:
        return connection.execute(f"select {columns} from {table} order by all").fetchall()


def test_new_documents_are_asked_for_and_described(warehouse):
    extractor = Scripted(max_pairs=2)
    found = extract(warehouse, extractor, documents(1) + documents(1, kind="empty", start=1))
    assert found.columns == COLUMNS
    shown = ("document_id", "status", "n_pairs", "n_rejected", "prompt_tokens", "completion_tokens")
    assert found.select(*shown, "first_asked_by").rows() == [
        ("d000", "pairs", 2, 0, 7, 7, "warm-up"),
        ("d001", "no pairs", 0, 1, 7, 7, "warm-up"),
    ]
    assert extractor._asked == ["d000", "d001"]


def test_stored_documents_are_not_asked_for_again(warehouse):
    extractor = Scripted(max_pairs=1)
    extract(warehouse, extractor, documents(3))
    found = extract(warehouse, extractor, documents(5))
    assert extractor._asked == ["d000", "d001", "d002", "d003", "d004"]
    assert found["document_id"].to_list() == extractor._asked
    assert len(stored(warehouse, "content_hash")) == 5


def test_failed_and_empty_documents_are_not_asked_for_again_either(warehouse):
    extractor = Scripted(max_pairs=1)
    asked = documents(2, kind="bad") + documents(2, kind="empty", start=2)
    for _ in range(2):
        found = extract(warehouse, extractor, asked)
    assert len(extractor._asked) == 4
    assert found["status"].to_list() == ["failed", "failed", "no pairs", "no pairs"]


def test_the_first_who_asked_pays(warehouse):
    extractor = Scripted(max_pairs=1)
    extract(warehouse, extractor, documents(2), asked_by="warm-up")
    found = extract(warehouse, extractor, documents(3), asked_by="demo|round-001")
    assert found["first_asked_by"].to_list() == ["warm-up", "warm-up", "demo|round-001"]
    again = extract(warehouse, extractor, documents(3), asked_by="demo|round-002")
    assert again.equals(found)


def test_failure_is_recorded_with_its_reason_and_its_tokens(warehouse):
    asked = documents(1, kind="bad") + documents(1, kind="empty", start=1) + documents(1, start=2)
    extract(warehouse, Scripted(max_pairs=1), asked)
    assert stored(warehouse, "status, reason, n_pairs, completion_tokens, seconds") == [
        ("failed", "no JSON in the completion", 0, 7, 0.25),
        ("no pairs", None, 0, 7, 0.25),
        ("pairs", None, 1, 7, 0.25),
    ]


def test_failure_after_many_successes_is_recorded_with_its_reason(warehouse):
    # the type of the column `reason` must not be guessed from the first rows
    asked = documents(STORE_EVERY_DOCUMENTS - 1) + documents(1, kind="bad", start=900)
    extract(warehouse, Scripted(max_pairs=1), asked)
    reasons = [reason for (reason,) in stored(warehouse, "reason") if reason]
    assert reasons == ["no JSON in the completion"]


def test_result_is_in_the_order_of_the_documents(warehouse):
    extractor = Scripted(max_pairs=1)
    asked = documents(9)
    extract(warehouse, extractor, asked[3:6])
    found = extract(warehouse, extractor, asked[::-1])
    assert found["document_id"].to_list() == [d.document_id for d in asked[::-1]]
    assert found["content_hash"].to_list() == [d.content_hash for d in asked[::-1]]


def test_pairs_are_stored_in_order_with_ids_that_do_not_change(warehouse, tmp_path):
    extract(warehouse, Scripted(max_pairs=3), documents(2))
    pairs = stored(warehouse, "question, position, answer, qa_id", "extracted_qa")
    assert [pair[:3] for pair in pairs] == [
        (f"d00{d} q{i}", i, f"a{i}") for d in (0, 1) for i in range(3)
    ]
    assert len({pair[3] for pair in pairs}) == 6
    other = warehouse.model_copy(update={"database": str(tmp_path / "other.duckdb")})
    extract(other, Scripted(max_pairs=3), documents(2))
    assert stored(other, "question, position, answer, qa_id", "extracted_qa") == pairs


def test_another_extractor_asks_for_the_same_documents(warehouse):
    few, many = Scripted(max_pairs=1), Scripted(max_pairs=2)
    for extractor in (few, many, few):
        found = extract(warehouse, extractor, documents(2))
        assert found["n_pairs"].to_list() == [extractor.max_pairs] * 2
    assert len(few._asked) == len(many._asked) == 2
    assert len(stored(warehouse, "qa_id", "extracted_qa")) == 6


def test_documents_written_before_a_failure_are_kept_and_not_asked_for_again(warehouse):
    dying = Scripted(max_pairs=1)
    dying._dies_after = 100
    with pytest.raises(RuntimeError, match="the server went away"):
        extract(warehouse, dying, documents(150))
    assert len(stored(warehouse, "content_hash")) == 100
    assert len(stored(warehouse, "qa_id", "extracted_qa")) == 100
    second = Scripted(max_pairs=1)
    found = extract(warehouse, second, documents(150), asked_by="demo|round-001")
    assert second._asked == [f"d{number:03}" for number in range(100, 150)]
    assert found["first_asked_by"].to_list() == ["warm-up"] * 100 + ["demo|round-001"] * 50
    assert set(found["status"]) == {"pairs"}


def test_results_are_visible_while_the_extractor_works(warehouse):
    seen = []

    class Watching(Scripted):
        def extract(self, documents, order):
            for number, extraction in enumerate(super().extract(documents, order)):
                if number in (STORE_EVERY_DOCUMENTS - 1, STORE_EVERY_DOCUMENTS):
                    seen.append(len(stored(warehouse, "content_hash")))  # the warehouse is free
                yield extraction

    extract(warehouse, Watching(max_pairs=1), documents(STORE_EVERY_DOCUMENTS + 2))
    assert seen == [0, STORE_EVERY_DOCUMENTS]


def test_progress_counts_what_is_stored_already(warehouse):
    extractor = Scripted(max_pairs=1)
    extract(warehouse, extractor, documents(10))
    steps = []
    extract(
        warehouse,
        extractor,
        documents(STORE_EVERY_DOCUMENTS + 36),
        progress=lambda done, total, note="": steps.append((done, total)),
    )
    total = STORE_EVERY_DOCUMENTS + 36
    assert steps == [(10, total), (total - 26, total), (total, total)]


def test_no_documents_give_an_empty_frame_of_the_same_columns(warehouse):
    extractor = Scripted(max_pairs=1)
    found = extract(warehouse, extractor, [])
    assert found.columns == COLUMNS
    assert found.is_empty()
    assert found.schema["document_id"] == pl.String
    assert extractor._asked == []


def test_documents_of_the_same_text_are_asked_for_once(warehouse):
    twin = Document(document_id="twin", text=documents(1)[0].text, source="s", file="f", row=9)
    extractor = Scripted(max_pairs=1)
    found = extract(warehouse, extractor, [*documents(1), twin])
    assert found["document_id"].to_list() == ["d000", "twin"]
    assert extractor._asked == ["d000"]


def test_document_that_another_process_stored_meanwhile_is_no_error(warehouse):
    class Overtaken(Scripted):
        def extract(self, documents, order):
            extract(warehouse, Scripted(max_pairs=1), documents[:1], asked_by="other|round-001")
            yield from super().extract(documents, order)

    overtaken = Overtaken(max_pairs=1)
    assert overtaken.fingerprint == Scripted(max_pairs=1).fingerprint
    found = extract(warehouse, overtaken, documents(2))
    assert found["first_asked_by"].to_list() == ["other|round-001", "warm-up"]


def test_rejected_pairs_are_kept_with_their_reason(warehouse):
    extract(warehouse, Scripted(), documents(1, kind="empty"))
    assert stored(warehouse, "position, question, reason", "rejected_qa") == [
        (0, "q?", "not grounded: 0.1")
    ]


def tokens_cap(limit, used=0):
    return Cap("campaigns.demo.budget_tokens", "campaign", "tokens", limit, used)


def test_what_others_paid_counts_against_the_cap_of_who_asks(warehouse):
    extract(warehouse, Scripted(), documents(4), asked_by="other|round-001")  # 14 tokens each
    found = extract(
        warehouse, Scripted(), documents(4), asked_by="demo|round-001", caps=[tokens_cap(30)]
    )
    assert found["document_id"].to_list() == ["d000", "d001"]


def test_what_the_payer_paid_itself_is_in_its_cap_already(warehouse):
    extract(warehouse, Scripted(), documents(4), asked_by="demo|round-001")
    full = [tokens_cap(56, used=56)]
    found = extract(warehouse, Scripted(), documents(4), asked_by="demo|round-001", caps=full)
    assert len(found) == 4


def test_documents_that_the_extractor_left_out_are_not_in_the_result(warehouse):
    class Choosy(Scripted):
        def extract(self, documents, order):
            yield from super().extract(documents[::2], order)

    found = extract(warehouse, Choosy(), documents(5))
    assert found["document_id"].to_list() == ["d000", "d002", "d004"]


def test_failed_document_that_is_asked_again_is_replaced(warehouse):
    class Mended(Scripted):
        def _extraction(self, document):
            return replace(super()._extraction(document), status="pairs", reason=None)

    asked = documents(2, kind="bad")
    extract(warehouse, Scripted(), asked)
    mended = extract_again(
        warehouse, Mended(), asked, asked_by="demo|retry", run="", caps=[], progress=silent
    )
    assert mended == [document.content_hash for document in asked]
    assert (
        stored(warehouse, "status, reason, first_asked_by") == [("pairs", None, "demo|retry")] * 2
    )


def test_first_extraction_describes_its_extractor(warehouse):
    few, many = Scripted(max_pairs=1), Scripted(max_pairs=2)
    for extractor in (few, many, few):
        extract(warehouse, extractor, documents(2))
    found = stored(warehouse, "extractor, backend, version, model, settings", "extractors")
    assert set(found) == {
        (few.fingerprint, "scripted", 1, None, '{"max_pairs": 1}'),
        (many.fingerprint, "scripted", 1, None, '{"max_pairs": 2}'),
    }


def test_extractor_is_not_described_where_nothing_was_extracted(warehouse):
    extract(warehouse, Scripted(), [])
    assert stored(warehouse, "extractor", "extractors") == []
