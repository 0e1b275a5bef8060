"""Exports are read as they are by datasets, TRL and LLaMA-Factory, as docs/export.md shows it."""

import json
import re
from pathlib import Path

import polars as pl
import pytest
import yaml

from equal_assets.export.formats import RECORDS, file_name
from equal_assets.records import QAPair
from equal_assets.resources.students.student import completion, prompt
from equal_assets_tests import tiny_llm
from equal_assets_tests.export.conftest import FORMATS
from equal_assets_tests.export.stored import PAIRS

PAGE = (Path(__file__).parents[2] / "docs" / "export.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
EXPECTED = {(pair.question, pair.answer) for pair in PAIRS}
ROLES = {
    "role_tag": "from",
    "content_tag": "value",
    "user_tag": "human",
    "assistant_tag": "gpt",
    "system_tag": "system",
}


def blocks(language):
    return [text for found, text in BLOCKS if found == language]


@pytest.fixture(scope="module")
def project(export, tmp_path_factory):
    """A folder with an export and a model where docs/export.md has them."""
    folder = tmp_path_factory.mktemp("project")
    export(folder / ".equal/exports/my-first")
    texts = [pair.text for pair in PAIRS]
    tiny_llm.make(folder / "path/to/model", hidden_size=32, vocabulary=300, texts=texts)
    return folder


@pytest.fixture
def in_project(project, tmp_path, monkeypatch):
    """The project as current folder, with a cache of its own for datasets."""
    monkeypatch.chdir(project)
    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", tmp_path / "cache")
    return project


def pair_of(record) -> tuple[str, str]:
    """Return question and answer of a record of any format."""
    if "messages" in record:
        return tuple(turn["content"] for turn in record["messages"])
    if "conversations" in record:
        return tuple(turn["value"] for turn in record["conversations"])
    if "instruction" in record:
        return record["instruction"], record["output"]
    if "prompt" in record:
        question = record["prompt"].removeprefix("Question: ").removesuffix("\nAnswer:")
        return question, record["completion"].removeprefix(" ")
    return record["question"], record["answer"]


def test_examples_of_the_page_are_records_of_the_formats():
    pair = QAPair("How long is the Elbe?", "1,094 km.")
    shown = [json.loads(text) for text in blocks("json")]
    expected = [{**record(pair), "qa_id": "8a1807bf35e7e47c"} for record in RECORDS.values()]
    assert shown == expected


def test_datasets_reads_folder_and_files_of_every_format(in_project):
    from datasets import load_dataset

    folder = ".equal/exports/my-first"
    for form in FORMATS:
        files = {split: f"{folder}/{file_name(form, split)}" for split in ("train", "validation")}
        data = load_dataset("parquet" if form == "parquet" else "json", data_files=files)
        assert {name: len(part) for name, part in data.items()} == {"train": 5, "validation": 4}
        read = [pair_of(record) for part in data.values() for record in part]
        assert len(read) == len(EXPECTED)
        assert set(read) == EXPECTED, form
        if form != "parquet":
            by_name = load_dataset(folder, form)
            assert {split: part.to_list() for split, part in by_name.items()} == {
                split: part.to_list() for split, part in data.items()
            }
    assert load_dataset(folder)["train"].column_names == ["messages", "qa_id"]  # the first


def test_datasets_reads_a_folder_of_parquet_alone(export, in_project, tmp_path):
    from datasets import load_dataset

    export(tmp_path / "out", formats=("parquet", "messages"))
    data = load_dataset(str(tmp_path / "out"), "parquet")
    assert {pair_of(record) for part in data.values() for record in part} == EXPECTED


def test_trl_trains_a_step_as_the_page_shows_and_on_messages(in_project):
    loading, training = blocks("python")
    found: dict = {}
    exec(loading, found)
    assert found["examples"]["train"].num_rows == found["data"]["train"].num_rows
    training = training.replace("SFTConfig(", 'SFTConfig(use_cpu=True, report_to="none", ')
    for text in (training, training.replace("prompt-completion", "messages")):
        exec(text, found)
        trainer = found["trainer"]
        assert trainer.state.global_step == 1
        assert 0 < trainer.state.log_history[-1]["train_loss"] < 20


def as_llama_factory_reads(record, description) -> tuple[str, str]:
    """Return question and answer by the rules of LLaMA-Factory's data/README.md."""
    columns = description["columns"]
    if description.get("formatting", "alpaca") == "alpaca":
        query = [record[columns[name]] for name in ("prompt", "query") if name in columns]
        return "\n".join(filter(None, query)), record[columns["response"]]
    tags = {**ROLES, **description["tags"]}
    question, answer = record[columns["messages"]]
    assert question[tags["role_tag"]] == tags["user_tag"]
    assert answer[tags["role_tag"]] == tags["assistant_tag"]
    return question[tags["content_tag"]], answer[tags["content_tag"]]


def test_llama_factory_finds_every_file_and_the_two_sides_of_its_pairs(project):
    folder = project / ".equal/exports/my-first"
    info = json.loads((folder / "dataset_info.json").read_text(encoding="utf-8"))
    read: dict[str, set] = {form: set() for form in FORMATS}
    for name, description in info.items():
        assert set(description) <= {"file_name", "formatting", "columns", "tags"}
        assert description["formatting"] in ("alpaca", "sharegpt")
        assert set(description["columns"]) <= {"prompt", "query", "response", "messages"}
        assert set(description.get("tags", ())) <= set(ROLES)
        path = folder / description["file_name"]
        form, split = path.parent.name, path.stem
        assert name == f"rivers_{form}_{split}"
        rows = (
            pl.read_parquet(path).to_dicts()
            if form == "parquet"
            else [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
        )
        read[form] |= {as_llama_factory_reads(record, description) for record in rows}
    asked = {(prompt(QAPair(q, a)), completion(QAPair(q, a))) for q, a in EXPECTED}
    assert read.pop("prompt-completion") == asked
    assert all(pairs == EXPECTED for pairs in read.values())


def test_data_sets_that_the_page_names_for_llama_factory_are_there(project):
    (text,) = blocks("yaml")
    named = yaml.safe_load(text)
    info = json.loads((project / named["dataset_dir"] / "dataset_info.json").read_text("utf-8"))
    for key in ("dataset", "eval_dataset"):
        assert named[key].replace("my-first", "rivers") in info
