import json
import re
from html.parser import HTMLParser

import polars as pl
import pytest
from rich.console import Console

from equal_assets.algorithms.extraction.marking import marked
from equal_assets.pages.preview import read_preview
from equal_assets.pages.preview_page import write_preview
from equal_assets.pages.preview_tables import outlook_table, variants_table
from equal_assets.pages.preview_terminal import LEFT_OUT, excerpt, print_preview
from equal_assets.records import content_hash
from equal_assets.resources.extraction.extractors import build_extractor
from equal_assets_tests.assets.test_checks import extraction, store
from equal_assets_tests.planning.test_estimate import project as project

EVIL = "<script>alert(1)</script><img src=http://host/x> \x1b[2J & [red]loud[/red]"
TEXTS = {
    "p0": f"Lost things are kept for 60 days in Quay Street. {EVIL} Buses take no bicycles.",
    "p1": "Tickets are sold on board.",
    "p2": "Nothing that anybody would ask.",
    "p3": "The budget has no room for this one.",
}
PAIR = ("How long are lost things kept? <b>?", "For 60 days <i>in Quay Street</i>.")
REJECTED = ("What does the text say?", EVIL, "question leans on a text: the text")


def stored(warehouse, extractor):
    """Store documents, and what an extractor made of all but the last."""
    rows = [
        {
            "document_id": name,
            "content_hash": content_hash(text),
            "text": text,
            "n_characters": len(text),
            "source": "rules.md",
            "file": "rules.md",
            "row": number,
            "n_copies": 1,
            "url": None,
            "license": None,
            "metadata": json.dumps({"title": "Rules <b>"} if name == "p0" else {}),
            "qa_pairs": "[]",
        }
        for number, (name, text) in enumerate(TEXTS.items(), 1)
    ]
    types = {"url": pl.String, "license": pl.String}
    store(warehouse, documents=pl.DataFrame(rows, schema_overrides=types))
    key = {"content_hash": content_hash(TEXTS["p0"]), "extractor": extractor.fingerprint}
    question, answer = PAIR
    kept = {**key, "qa_id": extractor.fingerprint, "position": 0}
    kept |= {"question": question, "answer": answer}
    lost = {
        **key,
        "position": 0,
        **dict(zip(("question", "answer", "reason"), REJECTED, strict=True)),
    }
    store(warehouse, extracted_qa=pl.DataFrame([kept]), rejected_qa=pl.DataFrame([lost]))
    ends = {"p0": ("pairs", None, 1), "p1": ("failed", "time-out", 0), "p2": ("no pairs", None, 0)}
    for name, (status, reason, n_pairs) in ends.items():
        row = extraction(status, reason).with_columns(
            content_hash=pl.lit(content_hash(TEXTS[name])),
            extractor=pl.lit(extractor.fingerprint),
            prompt_tokens=pl.lit(900),
            completion_tokens=pl.lit(100),
            cost=pl.lit(0.002),
            n_pairs=pl.lit(n_pairs),
            n_rejected=pl.lit(n_pairs),
        )
        store(warehouse, extractions=row)


@pytest.fixture
def preview(project, warehouse, tmp_path):
    """Return a function that shows the documents by some variants of the extractor."""

    def show(*models):
        settings, _ = project()
        extractors = {}
        for model in models:
            llm = settings.extractor.model_copy(update={"model": model})
            extractor = build_extractor(llm, tmp_path)
            if not extractors:
                stored(warehouse, extractor)
            of_model = settings.model_copy(update={"extractor": llm})
            extractors[f"model {model}"] = (of_model, extractor)
        return read_preview("c", "They are the first.", list(TEXTS), extractors, warehouse)

    return show


def printed(preview, *, width=100):
    console = Console(width=width, record=True, file=open("/dev/null", "w"))  # noqa: SIM115
    print_preview(console, preview)
    return console.export_text()


class Tags(HTMLParser):
    """What a browser would make of a page: its tags and their attributes, and its text."""

    def __init__(self, page):
        super().__init__()
        self.tags, self.text = [], ""
        self.feed(page)

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))

    def handle_data(self, data):
        self.text += data


def test_documents_come_with_pairs_rejections_and_what_they_took(preview):
    shown = preview("m")
    first, failed, nothing, left_out = (document.yields[0] for document in shown.documents)
    assert [(p.name, p.pair.question, p.pair.answer) for p in first.pairs] == [("1", *PAIR)]
    assert 0 < first.pairs[0].score < 1
    assert [(r.question, r.answer, r.reason) for r in first.rejected] == [REJECTED]
    assert (first.tokens, first.cost) == (1000, 0.002)
    assert (failed.status, failed.reason) == ("failed", "time-out")
    assert nothing.status == "no pairs"
    assert (left_out.status, left_out.tokens) == ("left out", 0)
    assert [document.title for document in shown.documents[:2]] == ["Rules <b>", "rules.md, row 2"]
    said = "3 documents gave 1 pair (1 more rejected), for 3,000 tokens, cost 0.006. 1 left out: "
    assert shown.headline.startswith(said)
    assert not shown.is_failure


def test_passage_of_an_answer_and_its_words_are_marked(preview):
    pieces = preview("m").documents[0].pieces
    assert "".join(piece.text for piece in pieces) == TEXTS["p0"]
    assert [piece.text for piece in pieces if piece.said_by] == ["60", "days", "Quay", "Street"]


def test_terminal_shows_all_of_it_and_obeys_nothing(preview):
    shown = printed(preview("m"))
    for said in (
        *("1 of 4: Rules <b>", "[1] Lost things are", "[1] How long", "score 0.", "left out"),
        *("rejected question leans on a text", "failed time-out", "no pairs", "a pair: 1,000"),
        *("900 read", "Still to come, measured on 3 documents", "[red]loud[/red]", "tokens"),
    ):
        assert said in shown, said


def test_page_holds_texts_of_others_as_text_alone(preview):
    page = write_preview(preview("m"))
    found = Tags(page)
    assert not {"script", "img", "i", "iframe", "form"} & {tag for tag, _ in found.tags}
    assert not [a for _, a in found.tags if {"src", "style", "onload"} & a.keys()]
    assert all(a["href"].startswith("#") for _, a in found.tags if "href" in a)
    assert "default-src 'none'" in page
    assert "<script>alert(1)</script>" in found.text
    assert "\x1b" not in page
    assert "\u241b[2J" in found.text


def test_page_marks_passages_words_and_names_them(preview):
    page = write_preview(preview("m"))
    assert re.findall(r'<mark class="c0"><b>(\w+)</b></mark>', page) == [
        *("60", "days", "Quay", "Street")
    ]
    assert 'id="d1-0"' in page
    assert 'href="#d1-0"' in page
    for said in (
        "rejected: question leans",
        "failed: time-out",
        "no pairs",
        "left out: no room within",
    ):
        assert said in page


def test_variants_stand_beside_each_other_under_their_letters(preview):
    shown = preview("m", "n")
    assert [variant.letter for variant in shown.variants] == ["A", "B"]
    assert shown.documents[0].yields[0].pairs[0].name == "A1"
    assert shown.documents[0].yields[1].status == "left out"
    assert variants_table(shown).columns == ["", "A: model m", "B: model n"]
    assert variants_table(shown).rows[0] == ["pairs", "1", "0"]
    outlook = outlook_table(shown)
    assert outlook.columns == ["", "A: warm-up", "A: c"]
    assert outlook.caption.endswith("B: 0 extracted: two documents are the least to go by")
    text = printed(shown, width=120)
    assert "A: model m" in text
    assert "B: model n" in text
    assert "repeat(3, minmax(0, 1fr))" in write_preview(shown)


def test_all_failed_is_a_failure(preview, warehouse):
    shown = preview("m")
    assert not shown.is_failure
    failed = [document for document in shown.documents if document.yields[0].status == "failed"]
    assert type(shown)("c", "", failed, shown.variants, has_llm=True).is_failure


def test_long_document_is_shown_around_its_passages():
    far = "Nobody asks for any of this. " * 100
    text = f"{far}Lost things are kept for 60 days in Quay Street. {far}"
    pieces = excerpt(marked(text, ["60 days in Quay Street"]))
    shown = "".join(piece.text for piece in pieces)
    assert "kept for 60 days in Quay Street" in shown
    assert shown.count(LEFT_OUT) == 2
    assert len(shown) < 500
    assert len(excerpt(marked(text, []))[0].text) < len(text) / 2
