"""What `equal check` says of a corpus: a document was read, or why none can be."""

import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from equal_assets.errors import CorpusError
from equal_assets.planning import corpus as looking
from equal_assets.planning.corpus import look_at_corpus
from equal_assets.settings import HubDatasetSettings
from equal_assets_tests.resources.corpora.test_reading import files, write_jsonl


@pytest.fixture(autouse=True)
def no_project(tmp_path, monkeypatch):
    monkeypatch.delenv("EQUAL_CAMPAIGNS", raising=False)
    monkeypatch.chdir(tmp_path)


def test_first_document_is_shown_and_every_file_counted(tmp_path):
    write_jsonl(tmp_path / "a.jsonl", {"text": "ab"}, {"text": "The first text.\nTwo lines " * 9})
    (tmp_path / "old.doc").write_text("old")
    (tmp_path / "old2.doc").write_text("old")
    assert look_at_corpus(files(tmp_path)) == (
        "files found: 3, skipped: 2 (.doc: 2), opened: 1; first document a.jsonl:2, "
        "233 characters: The first text. Two lines The first text. Two lines The firs…"
    )


def test_first_document_of_a_long_text_is_said_to_be_a_chunk(tmp_path):
    write_jsonl(tmp_path / "a.jsonl", {"id": 7, "text": "Some words of it. " * 50})
    said = look_at_corpus(files(tmp_path, id_field="id", chunk_characters=300))
    assert "first document a.jsonl:1, chunk 1 of page 7, 287 characters: Some words" in said


def test_file_without_a_document_is_named_beside_the_others(tmp_path):
    write_jsonl(tmp_path / "a.jsonl", {"text": "long enough"})
    write_jsonl(tmp_path / "b.jsonl", {"body": "long enough", "id": 1})
    (tmp_path / "c.json").write_text("[]")
    said = look_at_corpus(files(tmp_path))
    assert "first document a.jsonl:1" in said
    assert "without a document at the beginning: 2 (b.jsonl:1 missing text, text is not" in said
    assert "c.json:1 empty file" in said


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        (
            "a.jsonl",
            json.dumps({"id": 1, "text": "a text"}),
            r"corpus\.text_field = body: must give documents; .*\(missing text: 1\)\. a\.jsonl:1 "
            r"missing text, body is not there; the row has: id, text: name the field",
        ),
        ("a.jsonl", "", r"corpus\.paths = a\.jsonl: must .*\(empty file: 1\).* it holds no row"),
        ("a.json", "{}", r"body is not there; the row has: none"),
        ("a.json", '{"body": ["p", "q"]}', r"corpus\.text_field = body: .* body is a list of 2"),
        ("a.jsonl", '{"body": "café au lait"}'.encode("latin-1"), r"corpus\.encoding = None: must"),
        ("a.jsonl", '{"body": "ab"}', r"corpus\.min_characters = 5: must give documents; .*lower"),
        ("a.txt", b"", r"corpus\.paths = a\.txt: must give documents; .*empty text: 1"),
        ("a.csv", "id,text\n1,a text\n", r"a\.csv has no field body; it has: id, text"),
        ("a.csv", "id,body\n", r"corpus\.paths = a\.csv: must give documents; .*empty file"),
        ("a.parquet", b"PAR1", r"corpus\.paths = a\.parquet: must .*unreadable file: 1"),
        ("a.jsonl", "<html><body>404</body></html>", r"broken JSON, <html>"),
    ],
)
def test_corpus_that_gives_no_document_is_told_with_place_and_advice(tmp_path, name, content, told):
    (tmp_path / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(CorpusError, match=told):
        look_at_corpus(files(tmp_path / name, text_field="body"))


@pytest.mark.parametrize(
    ("column", "told"),
    [
        ([1, 2], "text is a number: 1"),
        ([["a", "b"]], "text is a list of 2, the first str"),
        ([{"body": "b", "lang": "en"}], "text is an object with the fields body, lang"),
        (pa.array([None, None], pa.string()), "text is null"),
        ([True], "text is true or false"),
    ],
)
def test_column_of_another_type_is_told_by_name_and_type(tmp_path, column, told):
    pq.write_table(pa.table({"text": column}), tmp_path / "a.parquet")
    with pytest.raises(CorpusError, match=told):
        look_at_corpus(files(tmp_path))


def test_only_some_files_are_opened_the_first_and_late_ones_among_them(tmp_path, monkeypatch):
    for number in range(100):
        write_jsonl(tmp_path / f"{number:02}.jsonl", {"text": f"text number {number}"})
    (tmp_path / "90.jsonl").write_text("")
    assert "files found: 100, opened: 20; first document 00.jsonl:1" in look_at_corpus(
        files(tmp_path)
    )
    assert "90.jsonl:1 empty file" in look_at_corpus(files(tmp_path))
    monkeypatch.setattr(looking, "LOOKED_AT_SECONDS", 0.0)
    assert "found: 100, opened: 1;" in look_at_corpus(files(tmp_path))


def test_a_file_of_each_kind_and_the_header_of_every_table_are_looked_at(tmp_path):
    for number in range(100):
        write_jsonl(tmp_path / f"{number:02}.jsonl", {"text": f"text number {number}"})
        (tmp_path / f"{number:02}.csv").write_text("text\na text\n")
    (tmp_path / "43b.txt").write_text("")
    assert "43b.txt:1 empty text" in look_at_corpus(files(tmp_path))
    (tmp_path / "51.csv").write_text("body\na text\n")
    with pytest.raises(CorpusError, match=r"51\.csv has no field text; it has: body"):
        look_at_corpus(files(tmp_path))


def test_other_sources_show_their_first_document(tmp_path):
    folder = tmp_path / "notes"
    folder.mkdir()
    write_jsonl(folder / "train.jsonl", {"text": "ab"}, {"text": "long enough"})
    hub = HubDatasetSettings(source="hub", dataset=str(folder), min_characters=5)
    assert look_at_corpus(hub) == ("hub: first document notes/train:2, 11 characters: long enough")
