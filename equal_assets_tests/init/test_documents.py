"""What `equal init` sees in documents."""

import csv
import json

import polars as pl
import pytest

from equal_assets.errors import CorpusError
from equal_assets.init.documents import formats
from equal_assets.init.fields import look_at_fields
from equal_assets.resources.corpora.looking import look_at_documents
from equal_assets.settings import FilesSettings

ENGLISH = (
    "Rivers carry water from the mountains to the sea, and shape the valleys on their way. " * 4
)
GERMAN = "Die Flüsse tragen das Wasser aus den Bergen in das Meer und formen dabei die Täler. " * 4
ASKED = f"Q: Where do rivers go?\nA: They flow into the sea or a lake.\n\n{ENGLISH}"


def write_rows(path, rows):
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return str(path)


def files(*paths, **keys):
    return FilesSettings(source="files", paths=[str(path) for path in paths], **keys)


@pytest.fixture(autouse=True)
def no_project(tmp_path, monkeypatch):
    monkeypatch.delenv("EQUAL_CAMPAIGNS")
    monkeypatch.chdir(tmp_path)


def test_formats_are_counted_packed_ones_by_both_endings(tmp_path):
    for name in ("a.md", "b.md", "c.txt", "d.jsonl.gz", "e.jpg", "v1.2.md"):
        (tmp_path / name).touch()
    assert formats([str(tmp_path)]) == {".md": 3, ".txt": 1, ".jsonl.gz": 1}


def test_folder_without_documents_is_refused(tmp_path):
    with pytest.raises(CorpusError, match=r"must match a supported file \(\.jsonl"):
        formats([str(tmp_path)])


def test_field_of_the_text_is_known_by_its_name_else_by_its_length(tmp_path):
    rows = [{"id": 1, "title": "a" * 999, "body": "b", "url": "http://x", "licence": "MIT"}]
    fields = look_at_fields([write_rows(tmp_path / "a.jsonl", rows)])
    assert fields.text() == "body"
    assert fields.mapping("body") == {
        "text_field": "body",
        "url_field": "url",
        "license_field": "licence",
    }
    rows = [{"a": "short", "b": "much longer than that", "c": 10**50}]
    assert look_at_fields([write_rows(tmp_path / "b.jsonl", rows)]).text() == "b"


@pytest.mark.parametrize("ending", ["parquet", "csv", "tsv"])
def test_fields_of_tables_are_seen_too(ending, tmp_path):
    path = tmp_path / f"a.{ending}"
    if ending == "parquet":
        pl.DataFrame({"n": [1, 2], "story": ["once", "upon"]}).write_parquet(path)
    else:
        with path.open("w", newline="") as file:
            delimiter = "," if ending == "csv" else "\t"
            csv.writer(file, delimiter=delimiter).writerows([["n", "story"], [1, "once"]])
    fields = look_at_fields([str(path)])
    assert fields.names == ("n", "story")
    assert fields.text() == "story"


def test_files_of_text_have_no_fields(tmp_path):
    (tmp_path / "a.txt").write_text(ENGLISH)
    fields = look_at_fields([str(tmp_path)])
    assert (fields.names, fields.text(), fields.mapping(None)) == ((), None, {})


def test_documents_are_counted_once_with_languages_pairs_and_rejections(tmp_path):
    texts = [ASKED, ENGLISH, ENGLISH, GERMAN, "short", "brief"]
    path = write_rows(tmp_path / "a.jsonl", [{"text": text} for text in texts])
    found = look_at_documents(files(path))
    assert found.n_documents == 3
    assert found.is_whole
    assert found.rejected == {"under min_characters": 2}
    assert found.languages == {"en": 2, "de": 1}
    assert (found.n_sampled, found.n_with_pairs, found.n_pairs) == (3, 1, 1)
    assert found.characters == sorted(len(t.strip()) for t in (ASKED, ENGLISH, GERMAN))[1]


def test_no_more_than_fifty_documents_are_looked_at_closely_the_same_each_time(tmp_path):
    rows = [{"text": f"{ASKED if n % 2 else ENGLISH} {n}"} for n in range(300)]
    corpus = files(write_rows(tmp_path / "a.jsonl", rows))
    found = look_at_documents(corpus)
    assert (found.n_documents, found.n_sampled) == (300, 50)
    assert 10 < found.n_with_pairs < 40  # of the whole, not of its beginning
    assert look_at_documents(corpus) == found


def test_reading_stops_after_a_while(tmp_path):
    rows = [{"text": f"{number} {ENGLISH}"} for number in range(3)]
    found = look_at_documents(files(write_rows(tmp_path / "a.jsonl", rows)), seconds=0)
    assert not found.is_whole
    assert found.n_documents == 1


def test_documents_that_cannot_be_used_are_refused_with_the_reasons(tmp_path):
    path = write_rows(tmp_path / "a.jsonl", [{"text": "short"}, {"body": ENGLISH}])
    with pytest.raises(
        CorpusError, match=r"must hold usable documents; rejected by reason: "
    ) as told:
        look_at_documents(files(path))
    assert "under min_characters: 1" in str(told.value)
    assert "missing text: 1" in str(told.value)
