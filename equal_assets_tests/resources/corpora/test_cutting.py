"""Pages that are cut where the corpus is read: texts, ids, headings, pairs."""

import json

import pytest

from equal_assets.records import Document, Page, QAPair, content_hash
from equal_assets.resources.corpora import read_corpus
from equal_assets.resources.corpora.cutting import cut_page
from equal_assets.settings import FilesSettings, InstalledPackagesSettings
from equal_assets_tests.timing import takes_less_than

SECTIONS = [f"## Part {n}\n\n{f'Words of part {n}. ' * 20}".strip() for n in range(4)]
PAGE = "\n\n".join(["# Guide", *SECTIONS])


def read(folder, *rows, **settings):
    (folder / "pages.jsonl").write_text("\n".join(map(json.dumps, rows)))
    given = {"chunk_characters": 500, "min_characters": 5, **settings}
    corpus = FilesSettings(source="files", paths=[str(folder / "pages.jsonl")], **given)
    return list(read_corpus(corpus))


def test_page_becomes_documents_below_their_headings(tmp_path):
    found = read(tmp_path, {"id": "a", "text": PAGE, "url": "u"}, id_field="id", url_field="url")
    assert [d.document_id for d in found] == ["a#1", "a#2", "a#3", "a#4"]
    assert found[0].text == f"# Guide\n\n{SECTIONS[0]}"
    assert [d.text for d in found[1:]] == [f"Guide\n\n{section}" for section in SECTIONS[1:]]
    assert [d.page for d in found] == [Page("a", content_hash(PAGE), n) for n in (1, 2, 3, 4)]
    assert {(d.url, d.row) for d in found} == {("u", 1)}


def test_title_is_above_every_chunk_that_does_not_name_it(tmp_path):
    row = {"text": PAGE, "title": "The Guide of Ada"}
    first, second, *_ = read(tmp_path, row, metadata_fields=["title"])
    assert first.text.startswith("The Guide of Ada\n\n# Guide\n\n## Part 0")
    assert second.text.startswith("The Guide of Ada > Guide\n\n## Part 1")
    assert read(tmp_path, {**row, "title": "Guide"}, metadata_fields=["title"])[1].text == (
        f"Guide\n\n{SECTIONS[1]}"
    )


def test_title_in_the_first_line_is_not_told_twice_and_a_letter_is_no_title(tmp_path):
    text = "\n\n".join(["The Guide of Ada", *[f"Words and words {n}. " * 20 for n in range(4)]])
    for title, top in (("The guide of Ada", "The Guide of Ada\n\nWords"), ("A", "A\n\nThe Guide")):
        found = read(tmp_path, {"text": text, "title": title}, metadata_fields=["title"])
        assert found[0].text.startswith(top)
        assert found[1].text.startswith(f"{title}\n\nWords and words 1")


def test_text_that_is_no_longer_than_a_chunk_is_as_it_was(tmp_path):
    text = PAGE[:500].strip()
    (found,) = read(tmp_path, {"text": text})
    assert found == Document(
        document_id=content_hash(text)[:16],
        text=text,
        source="pages.jsonl",
        file=str(tmp_path / "pages.jsonl"),
        row=1,
    )


def test_null_leaves_a_text_whole_however_long(tmp_path):
    (found,) = read(tmp_path, {"text": PAGE}, chunk_characters=None)
    assert (found.text, found.page) == (PAGE, None)


def test_chunks_of_a_page_without_an_id_keep_theirs_where_the_page_changes_elsewhere(tmp_path):
    before = read(tmp_path, {"text": PAGE})
    begun = PAGE.replace("# Guide\n\n", "# Guide\n\nNew at the top.\n\n")
    for changed in (f"{PAGE}\n\n## Part 5\n\nNew.", begun):
        after = {d.document_id: d.text for d in read(tmp_path, {"text": changed})}
        assert len(after.keys() & {d.document_id for d in before}) >= 3
    assert all(d.document_id == content_hash(d.text)[:16] for d in before)


def test_chunks_of_a_page_with_an_id_keep_theirs_where_something_is_added_at_the_end(tmp_path):
    before = read(tmp_path, {"id": 7, "text": PAGE}, id_field="id")
    longer = f"{PAGE}\n\n## Part 5\n\n{'New words. ' * 30}"
    after = read(tmp_path, {"id": 7, "text": longer}, id_field="id")
    assert [(d.document_id, d.text) for d in after[: len(before)]] == [
        (d.document_id, d.text) for d in before
    ]
    assert [d.document_id for d in after[len(before) :]] == ["7#5"]


def test_length_of_a_page_is_judged_before_it_is_cut(tmp_path):
    settings = {"too_long": "reject", "max_characters": 1000}
    (row,) = read(tmp_path, {"text": PAGE}, **settings)
    assert row.reason == "over max_characters"
    assert len(read(tmp_path, {"text": f"{PAGE}\n\nEnd."}, min_characters=600)) == 4


def test_pairs_come_with_the_chunk_that_they_stand_in(tmp_path):
    pairs = [("What?", "Words of part 2."), ("Words of part 3.", "x"), ("Who?", "nobody")]
    rows = [{"question": question, "answer": answer} for question, answer in pairs]
    found = read(tmp_path, {"text": PAGE, "pairs": rows}, qa_field="pairs")
    assert [[pair.question for pair in d.qa_pairs] for d in found] == [
        ["Who?"],
        [],
        ["What?"],
        ["Words of part 3."],
    ]
    assert found[2].qa_pairs == (QAPair("What?", "Words of part 2."),)


def test_block_of_code_keeps_its_indentation(tmp_path):
    code = "\n".join(f"    if x == {n}:\n        return {n}" for n in range(12))
    text = f"{'Words before it. ' * 20}\n\n{code}\n\n{'Words after it. ' * 20}"
    assert code in [d.text for d in read(tmp_path, {"text": text})]


@pytest.mark.timing
def test_time_grows_with_the_length_of_a_page_alone():
    text = "我们今天学习数学。" * 300_000
    page = Document(document_id="a", text=text, source="s", file="f", row=1)
    assert takes_less_than(5, lambda _: list(cut_page(page, max_characters=4000, has_id=True)))


@pytest.mark.parametrize("name", ["a.txt", "a.md"])
def test_files_of_text_are_cut_as_well(tmp_path, name):
    (tmp_path / name).write_text(PAGE)
    corpus = FilesSettings(source="files", paths=[str(tmp_path)], chunk_characters=500)
    found = list(read_corpus(corpus))
    assert [d.page.chunk for d in found] == [1, 2, 3, 4]
    assert found[1].text == f"Guide\n\n{SECTIONS[1]}"


def test_sections_of_a_file_are_chunks_of_it_and_as_long_as_chunks_may_be(tmp_path):
    (tmp_path / "a.md").write_text(PAGE)
    given = {"source": "files", "paths": [str(tmp_path)], "split": "headings"}
    short = list(read_corpus(FilesSettings(**given, chunk_characters=500)))
    assert [d.text for d in short[1:]] == [
        "Guide > " + section.removeprefix("## ") for section in SECTIONS[1:]
    ]
    assert {d.page.page_id for d in short} == {content_hash(PAGE)[:16]}
    (whole,) = read_corpus(FilesSettings(**given))
    assert whole.page is None


def test_docstrings_are_whole_unless_settings_say_otherwise():
    packages = {"source": "installed-packages", "packages": ["networkx"], "min_characters": 5000}
    whole = list(read_corpus(InstalledPackagesSettings(**packages)))
    documents = [d for d in whole if isinstance(d, Document)]
    assert documents
    assert all(d.page is None for d in documents)
    cut = read_corpus(InstalledPackagesSettings(**packages, chunk_characters=1000))
    assert any(d.page for d in cut if isinstance(d, Document))


def test_restructuredtext_in_a_text_file_has_its_titles_above_its_chunks(tmp_path):
    parts = [f"Part {n}\n======\n\nOf {n}\n~~~~\n\n{f'Words of {n}. ' * 30}" for n in range(4)]
    text = "\n\n".join(["=====\nForms\n=====", *parts, "See :ref:`forms`."])
    (tmp_path / "forms.txt").write_text(text)
    corpus = FilesSettings(source="files", paths=[str(tmp_path)], chunk_characters=450)
    first, *others = read_corpus(corpus)
    assert first.text == f"=====\nForms\n=====\n\n{parts[0].strip()}"
    assert [document.text.split("\n")[:3] for document in others] == [
        ["Forms", "", f"Part {n}"] for n in (1, 2, 3)
    ]
    assert others[-1].text.endswith(":ref:`forms`.")
