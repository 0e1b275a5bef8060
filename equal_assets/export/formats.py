"""One QA pair as a record of each format, and files of such records."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl

from equal_assets.records import QAPair
from equal_assets.resources.students.student import completion, prompt
from equal_assets.settings import ExportFormat

ROWS_PER_GROUP = 100_000

LINE_BREAKS = {"\u0085": "\\u0085", "\u2028": "\\u2028", "\u2029": "\\u2029"}
"""Line breaks to ``str.splitlines`` and other readers that JSON leaves unescaped."""


def messages(pair: QAPair) -> dict[str, Any]:
    """Return a conversation for chat APIs, TRL and chat templates."""
    return {
        "messages": [
            {"role": "user", "content": pair.question},
            {"role": "assistant", "content": pair.answer},
        ]
    }


def sharegpt(pair: QAPair) -> dict[str, Any]:
    """Return a conversation in the ShareGPT format."""
    return {
        "conversations": [
            {"from": "human", "value": pair.question},
            {"from": "gpt", "value": pair.answer},
        ]
    }


def alpaca(pair: QAPair) -> dict[str, Any]:
    """Return an instruction in the Stanford Alpaca format, without input."""
    return {"instruction": pair.question, "input": "", "output": pair.answer}


def prompt_completion(pair: QAPair) -> dict[str, Any]:
    """Return the text that the students of this project are tuned on, in its two parts.

    Trainers join the two as they are, so they contain the space between them.
    """
    return {"prompt": prompt(pair), "completion": completion(pair)}


RECORDS: dict[ExportFormat, Callable[[QAPair], dict[str, Any]]] = {
    "messages": messages,
    "sharegpt": sharegpt,
    "alpaca": alpaca,
    "prompt-completion": prompt_completion,
}
"""Formats of JSON lines; Parquet has the columns of the examples."""


def file_name(form: ExportFormat, split: str) -> str:
    """Return the file of a split in an export."""
    return f"{form}/{split}.{'jsonl' if form in RECORDS else 'parquet'}"


def write_examples(examples: pl.DataFrame, form: ExportFormat, path: Path) -> None:
    """Write examples as a file; the same examples are always the same bytes.

    Parameters
    ----------
    examples : DataFrame
        Rows of the query ``exported_examples``, without the columns that are left out.
    form : str
    path : Path
        In an existing folder.
    """
    if form == "parquet":
        _write_parquet(examples, path)
        return
    record = RECORDS[form]
    kept = [name for name in ("qa_id",) if name in examples.columns]
    with path.open("w", encoding="utf-8", newline="\n") as file:
        for row in examples.select("question", "answer", *kept).iter_rows(named=True):
            said = record(QAPair(row["question"], row["answer"]))
            file.write(_line({**said, **{name: row[name] for name in kept}}))


def _line(record: dict[str, Any]) -> str:
    line = json.dumps(record, ensure_ascii=False, separators=(",", ":"))
    for character, escaped in LINE_BREAKS.items():
        line = line.replace(character, escaped)
    return f"{line}\n"


def _write_parquet(examples: pl.DataFrame, path: Path) -> None:
    """Write Parquet with plain strings: not every reader knows the strings of Polars."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    types = {pl.String: pa.string(), pl.Int32: pa.int32()}
    schema = pa.schema([(name, types[type(kind)]) for name, kind in examples.schema.items()])
    pq.write_table(
        examples.to_arrow().cast(schema),
        path,
        compression="zstd",
        compression_level=3,
        row_group_size=ROWS_PER_GROUP,
        version="2.6",
    )
