"""An export as a whole: what stands where, the same bytes every time, and when it is refused."""

import json
import subprocess

import polars as pl
import pytest

from equal_assets.errors import ExportError
from equal_assets_tests.export.conftest import FORMATS
from equal_assets_tests.export.stored import DOCUMENTS, PAIRS


def files_of(folder) -> dict[str, bytes]:
    found = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in found}


def lines(path) -> list[dict]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_every_format_has_both_splits_beside_card_manifest_picture_and_description(folder):
    data = {
        f"{form}/{split}.{'parquet' if form == 'parquet' else 'jsonl'}"
        for form in FORMATS
        for split in ("train", "validation")
    }
    papers = {"README.md", "manifest.json", "dataset_info.json", "reward_curve.png"}
    assert set(files_of(folder)) == data | papers


def test_no_document_stands_on_both_sides(folder):
    by_split = [
        set(pl.read_parquet(folder / f"parquet/{split}.parquet")["document_id"])
        for split in ("train", "validation")
    ]
    # 40% of five documents: the two whose SHA-256 are the smallest, 0a... and 8b...
    assert by_split == [{"d2", "d3", "d4"}, {"d0", "d1"}]


def test_formats_hold_the_same_examples_in_the_same_order(folder):
    for split in ("train", "validation"):
        expected = pl.read_parquet(folder / f"parquet/{split}.parquet")["qa_id"].to_list()
        for form in set(FORMATS) - {"parquet"}:
            found = [record["qa_id"] for record in lines(folder / f"{form}/{split}.jsonl")]
            assert found == expected, form


def test_every_pair_comes_back_from_every_format(folder):
    """Each of the pairs has something that a format might lose."""
    read = {
        "messages": lambda r: tuple(turn["content"] for turn in r["messages"]),
        "sharegpt": lambda r: tuple(turn["value"] for turn in r["conversations"]),
        "alpaca": lambda r: (r["instruction"], r["output"]),
        "prompt-completion": lambda r: (
            r["prompt"].removeprefix("Question: ").removesuffix("\nAnswer:"),
            r["completion"].removeprefix(" "),
        ),
    }
    expected = {(pair.question, pair.answer) for pair in PAIRS}
    for form, pair_of in read.items():
        records = lines(folder / form / "train.jsonl") + lines(folder / form / "validation.jsonl")
        assert {pair_of(record) for record in records} == expected, form
    examples = pl.read_parquet(folder / "parquet" / "*.parquet")
    assert set(examples.select("question", "answer").iter_rows()) == expected
    assert sorted(examples["document_id"]) == sorted(DOCUMENTS)


def test_repeated_export_is_byte_identical_here_and_elsewhere(folder, export, tmp_path):
    before = files_of(folder)
    assert files_of(export(folder).folder) == before
    assert files_of(export(tmp_path / "elsewhere").folder) == before


def test_manifest_says_what_every_file_is_and_what_it_was_made_from(folder, unchanged):
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    listed = "".join(f"{f['sha256']}  {name}\n" for name, f in manifest["files"].items())
    subprocess.run(
        ["sha256sum", "--check", "--strict"], input=listed, text=True, cwd=folder, check=True
    )
    assert set(manifest["files"]) == set(files_of(folder)) - {"manifest.json"}
    assert all(
        found["bytes"] == (folder / name).stat().st_size
        for name, found in manifest["files"].items()
    )
    assert manifest["files"]["messages/train.jsonl"]["rows"] == 5
    assert "rows" not in manifest["files"]["README.md"]
    assert manifest["splits"] == {
        "train": {"examples": 5, "documents": 3},
        "validation": {"examples": 4, "documents": 2},
    }
    assert manifest["settings"]["campaign"]["strategy"] == "random"
    versions = {
        row["asset"]: {"inputs": row["inputs"], "version": row["version"]}
        for row in unchanged.warehouse.query("materialized").iter_rows(named=True)
    }
    assert set(manifest["assets"]) >= {"documents", "clusters", "bandit_round", "student_accuracy"}
    assert manifest["assets"].items() <= versions.items()
    assert manifest["removed"] == {"repeated pair": 2, "overlaps a test question": 1}
    assert manifest["environment"]["packages"]["pyarrow"]
    assert "vllm" not in manifest["environment"]["packages"]  # an extra


def test_nothing_in_an_export_says_when_or_where_it_was_made(folder, unchanged):
    texts = b"".join(content for name, content in files_of(folder).items() if name[-4:] != ".png")
    assert str(unchanged.folder).encode() not in texts
    stored = unchanged.warehouse.query("materialized")["materialized_at"][0]
    assert str(stored.date()).encode() not in texts


def test_full_disk_is_told_and_leaves_nothing_half(export, tmp_path, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("equal_assets.export.campaign_export.write_examples", full)
    with pytest.raises(ExportError, match=r"out cannot be written: .*No space left on device"):
        export(tmp_path / "out")
    assert list((tmp_path / "out").iterdir()) == []


def test_unknown_campaign_is_refused(export, tmp_path):
    with pytest.raises(ExportError, match=r"no campaign nile in .*; there are: rivers, idle"):
        export(tmp_path / "out", campaign="nile")


def test_campaign_without_a_data_set_is_refused(export, tmp_path):
    with pytest.raises(ExportError, match="idle has no data set yet: `equal run idle` makes it"):
        export(tmp_path / "out", campaign="idle")
    assert not (tmp_path / "out").exists()


def test_data_set_of_other_rounds_is_refused_until_it_is_made_anew(stored, export, tmp_path):
    with stored.warehouse.transaction() as transaction:
        transaction.record(
            "bandit_round", partition="rivers", inputs="as before", version="round 3", seconds=1
        )
    with pytest.raises(ExportError, match="out of date: rounds, target or settings have changed"):
        export(tmp_path / "out", of=stored)
    stored.record("qa_dataset")
    export(tmp_path / "out", of=stored)


def test_empty_data_set_is_refused(stored, export, tmp_path):
    with stored.warehouse.transaction() as transaction:
        transaction.delete("qa_dataset", campaign="rivers")
    with pytest.raises(ExportError, match="is empty: no pair was extracted, or all were removed"):
        export(tmp_path / "out", of=stored)


@pytest.mark.parametrize("share", [-0.1, 0.6])
def test_validation_share_out_of_range_is_refused(share, export, tmp_path):
    with pytest.raises(ExportError, match=r"must be 0 \(none\) to 0.5"):
        export(tmp_path / "out", validation=share)
    assert not (tmp_path / "out").exists()


def test_keys_that_a_trainer_must_not_see_are_left_out_of_every_format(export, tmp_path):
    exported = export(
        tmp_path / "out",
        formats=["messages", "parquet"],
        validation=0,
        leave_out=["qa_id", "url", "round"],
    )
    first, *_ = (exported.folder / "messages" / "train.jsonl").read_text("utf-8").splitlines()
    columns = pl.read_parquet(exported.folder / "parquet" / "train.parquet").columns
    card = (exported.folder / "README.md").read_text("utf-8")
    assert list(json.loads(first)) == ["messages"]
    assert columns == [
        "question",
        "answer",
        "document_id",
        "source",
        "license",
        "cluster",
        "pull",
        "extractor",
    ]
    assert "Rows have no id" in card
    assert "`license`, `cluster`, `pull`, `extractor`" in card


def test_nul_of_an_older_warehouse_does_not_get_out(stored, export, tmp_path):
    with stored.warehouse.get_connection() as connection:
        connection.execute("update qa_dataset set answer = 'a' || chr(0) || 'b'")
    folder = export(
        tmp_path / "out", formats=["messages", "parquet"], validation=0, of=stored
    ).folder
    assert set(pl.read_parquet(folder / "parquet" / "train.parquet")["answer"]) == {"a\ufffdb"}
    assert "\\u0000" not in (folder / "messages" / "train.jsonl").read_text("utf-8")


def test_chunks_of_a_page_stand_on_one_side_and_name_it(stored, export, tmp_path):
    pages = {"d0": "p", "d1": None, "d2": "p", "d3": None, "d4": "p"}
    with stored.warehouse.get_connection() as connection:
        connection.execute("delete from documents")
        for document, page in pages.items():
            columns = "document_id, content_hash, text, n_characters, source, file, row, metadata, "
            values = [document, document, document, 2, "s", "f", 1, "{}", "[]", 1, page]
            connection.execute(
                f"insert into documents ({columns} qa_pairs, n_copies, page) "
                f"values ({', '.join('?' * len(values))})",
                values,
            )
    folder = export(tmp_path / "out", of=stored).folder
    sides = {}
    for split in ("train", "validation"):
        rows = pl.read_parquet(folder / f"parquet/{split}.parquet")
        for document, page in rows.select("document_id", "page").unique().iter_rows():
            assert page == pages[document]
            sides.setdefault(page or document, set()).add(split)
    assert len(sides) == 3
    assert {len(found) for found in sides.values()} == {1}
    card = (folder / "README.md").read_text(encoding="utf-8")
    assert "from 5 documents (chunks of 1 page among them)" in card
