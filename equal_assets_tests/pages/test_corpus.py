"""The line with which reading a corpus ends."""

import json
from pathlib import Path

import pytest

from equal_assets.errors import CorpusError
from equal_assets.pages.corpus import documents_page, reading_line
from equal_assets.resources.engine.engine import LocalEngine
from equal_assets.resources.warehouse import Warehouse
from equal_assets.settings import load_settings
from equal_assets.steps.staging import load_staged, staged_corpus
from equal_assets_tests.conftest import TINY


@pytest.fixture
def read(tmp_path, monkeypatch):
    """Return a function that reads the folder `data` into a warehouse."""
    import yaml

    demo = TINY.parents[2] / "equal_assets" / "demo"
    warehouse = Warehouse(database=str(tmp_path / "w.duckdb"))
    (tmp_path / "data").mkdir()

    def read(**corpus) -> Warehouse:
        given = yaml.safe_load(TINY.read_text())
        given["corpus"] = {"source": "files", "paths": ["data"], "min_characters": 5, **corpus}
        given["targets"]["python-libraries"] = {
            split: str(demo / f"{split}.jsonl") for split in ("reference", "test")
        }
        (tmp_path / "campaigns.yaml").write_text(yaml.safe_dump(given))
        monkeypatch.setenv("EQUAL_CAMPAIGNS", str(tmp_path / "campaigns.yaml"))
        settings = load_settings(tmp_path / "campaigns.yaml")
        engine = LocalEngine(place=str(tmp_path))
        with (
            staged_corpus(settings, tmp_path / "staging", engine, progress=quiet) as staging,
            warehouse.transaction() as transaction,
        ):
            load_staged(transaction, settings, staging)
        return warehouse

    return read


def quiet(done: int, total: int, note: str = "") -> None:
    """Report no progress."""


def put(folder: Path, name: str, *rows: object) -> None:
    lines = [row if isinstance(row, str) else json.dumps(row) for row in rows]
    (folder / "data" / name).write_text("".join(f"{line}\n" for line in lines))


def test_line_accounts_for_every_file_and_row(read, tmp_path):
    put(tmp_path, "a.jsonl", {"id": 0, "text": "first"}, {"id": 1, "text": "second"}, "oops")
    put(tmp_path, "b.jsonl", {"id": 0, "text": "third"}, {"id": 9, "text": "second"}, {"id": 2})
    put(tmp_path, "c.jsonl", {"id": 0, "text": "fourth"}, {"id": 1, "text": "no"}, {"text": "yes"})
    put(tmp_path, "d.json")
    for name in ("e.doc", "f.doc", "g"):
        put(tmp_path, name, "x")
    warehouse = read(id_field="id")
    assert reading_line(warehouse) == (
        "corpus: files found: 7, read: 4, skipped: 3 (.doc: 2, no ending: 1); documents: 4; "
        "copies merged: 1; ids made unique: 2; rows rejected: 5 "
        "(under min_characters: 2, broken JSON: 1, empty file: 1, missing text: 1)"
    )
    with warehouse.get_connection() as connection:
        files = connection.execute("from corpus_files order by file").fetchall()
        ids = connection.execute("select document_id from documents").fetchall()
    assert files[0] == ("data/a.jsonl", 2, 1, None)
    assert files[4] == ("data/e.doc", 0, 0, ".doc")
    assert len({document_id for (document_id,) in ids}) == 4
    assert {"0", "1"} < {document_id for (document_id,) in ids}
    with warehouse.transaction() as transaction:
        page = documents_page(transaction, transaction.query("corpus_summary").row(0, named=True))
    assert page["how it was read"] == reading_line(warehouse)
    assert "### rejected by reason" in page["what was left out, and every source"].value


def test_documents_beyond_the_cap_are_told(read, tmp_path):
    put(tmp_path, "a.jsonl", *({"text": f"text {n}"} for n in range(99)))
    line = reading_line(read(max_documents=60))
    assert line == ("corpus: files found: 1, read: 1; documents: 60; left out by max_documents: 39")


def test_nothing_is_said_before_a_corpus_was_read(tmp_path):
    assert reading_line(Warehouse(database=str(tmp_path / "w.duckdb"))) is None


def test_corpus_of_rejected_rows_alone_is_an_error_that_counts_them(read, tmp_path):
    put(tmp_path, "a.jsonl", {"body": "a text"})
    put(tmp_path, "b.doc", "x")
    with pytest.raises(CorpusError, match=r"kind of file that is not read: 1, missing text: 1"):
        read()


def test_shards_that_count_from_zero_are_all_kept_and_read_again_alike(read, tmp_path):
    for shard in range(3):
        rows = ({"id": n, "text": f"text {n} of shard {shard}"} for n in range(20))
        put(tmp_path, f"{shard}.jsonl", *rows)
    versions = [read(id_field="id").query("corpus_version")["version"].item() for _ in range(2)]
    line = reading_line(read(id_field="id"))
    assert line.endswith("documents: 60; ids made unique: 40")
    assert versions[0] == versions[1]
