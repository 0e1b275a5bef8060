"""The chain of a QA pair that `equal trace` shows: from its document to the students it trained.

Reads the warehouse with DuckDB only: importing Dagster and Polars would take longer than this.
"""

from __future__ import annotations

import json
from datetime import datetime
from itertools import groupby
from pathlib import Path
from typing import Any

import duckdb

from equal_assets.errors import TraceError
from equal_assets.resources.warehouse_file import AS_IT_TAKES, Patience, read_sql, read_warehouse

Row = dict[str, Any]

SHOWN_IDS = 5
"""Candidates that a message lists."""

EXTRACTION = (
    "extractor",
    "backend",
    "model",
    "position",
    "document_pairs",
    "prompt_tokens",
    "completion_tokens",
    "cost",
    "paid_prompt_tokens",
    "paid_completion_tokens",
    "paid_cost",
    "n_requests",
    "n_tries",
    "request_seconds",
    "first_asked_by",
    "extracted_at",
)
DOCUMENT = (
    "document_id",
    "page",
    "chunk",
    "title",
    "source",
    "file",
    "row",
    "url",
    "license",
    "n_copies",
    "content_hash",
)
CLUSTER = ("cluster", "cluster_documents", "medoid_document_id", "distance")
PULL = ("round", "pull", "mean_reward", "exploration_bonus", "ucb_score", "reward", "finished_at")
OUTCOME = ("outcome", "removed_because", "collided_with", "collided_question", "similarity")
REVIEW = (
    "verdict",
    "reviewer",
    "reviewed_at",
    "rejected_because",
    "new_question",
    "new_answer",
)


def trace(
    database: Path, qa_id: str, campaign: str | None = None, *, patience: Patience = AS_IT_TAKES
) -> Row:
    """Return the whole chain of a QA pair, as JSON values.

    Parameters
    ----------
    database : Path
        The warehouse.
    qa_id : str
        Id of the pair, or enough of its first digits to be unique.
    campaign : str, optional
        Only this one of the campaigns that requested its document.
    patience : Patience
        How to wait for another process that writes.

    Raises
    ------
    TraceError
        If there is no warehouse, no or several such pairs, or the campaign did not request it.
    WarehouseLockedError
        If another process keeps the warehouse open.
    """
    if not database.is_file():
        raise TraceError(f"{database}: no such warehouse; `equal run` makes it")
    with read_warehouse(str(database), patience=patience) as connection:
        found = _resolve(connection, qa_id)
        rows = _query(connection, "trace_pair", qa_id=found)
        students = _query(connection, "trace_students", qa_id=found)
        ids = [row["document_id"] for row in rows[:1] if row["document_id"]]
        names = _query(connection, "document_names", document_ids=ids)
    asked_by = [row["campaign"] for row in rows if row["campaign"]]
    if campaign and campaign not in asked_by:
        raise TraceError(
            f"campaign {campaign} did not request the document of pair {found}; campaigns that "
            f"did: {', '.join(asked_by) or 'none, only the warm-up'}"
        )
    first = rows[0]
    settings = json.loads(first["extractor_settings"] or "{}")
    return {
        "qa_id": found,
        "question": first["question"],
        "answer": first["answer"],
        "document": {
            **_part(first, DOCUMENT),
            "name": names[0]["name"] if names else None,
            "metadata": json.loads(first["metadata"] or "{}"),
        },
        "extraction": {**_part(first, EXTRACTION), "settings": settings},
        "is_in_warmup": first["is_in_warmup"],
        "campaigns": [
            _campaign(row, [student for student in students if student["campaign"] == name])
            for row in rows
            if (name := row["campaign"]) and campaign in (None, name)
        ],
    }


def _campaign(row: Row, students: list[Row]) -> Row:
    """Return the outcome of the pair in one campaign; ``students`` has one row per metric."""
    runs = groupby(students, key=lambda s: (s["student"], s["mlflow_run_id"], s["n_examples"]))
    return {
        **_part(row, ("campaign", "strategy", "target")),
        "cluster": _part(row, CLUSTER),
        "pull": _part(row, PULL),
        **_part(row, OUTCOME),
        "review": _part(row, REVIEW) if row["verdict"] else None,
        "students": [
            {
                "student": student,
                "mlflow_run_id": run_id,
                "n_examples": n_examples,
                "metrics": {
                    metric["metric"]: _part(metric, ("base", "tuned")) for metric in metrics
                },
            }
            for (student, run_id, n_examples), metrics in runs
        ],
    }


def _part(row: Row, names: tuple[str, ...]) -> Row:
    found = {name: row[name] for name in names}
    return {
        name: value.isoformat(timespec="seconds") if isinstance(value, datetime) else value
        for name, value in found.items()
    }


def _resolve(connection: duckdb.DuckDBPyConnection, qa_id: str) -> str:
    """Return the id of the only pair whose id begins so."""
    found = _query(connection, "pairs_by_prefix", prefix=qa_id, limit=SHOWN_IDS + 1)
    if len(found) == 1 and qa_id:
        return str(found[0]["qa_id"])
    if found:
        more = " and more" if len(found) > SHOWN_IDS else ""
        raise TraceError(
            f"several pairs have an id that begins with {qa_id!r}: {_listed(found)}{more}\n"
            "Give more of its digits"
        )
    if of_document := _query(connection, "pairs_of_document", document_id=qa_id):
        raise TraceError(f"{qa_id} is a document; trace one of its pairs: {_listed(of_document)}")
    nearest = _query(connection, "nearest_ids", qa_id=qa_id, limit=SHOWN_IDS)
    if not nearest:
        raise TraceError(f"no QA pair {qa_id}: nothing is extracted yet; `equal run` extracts")
    raise TraceError(
        f"no QA pair {qa_id}; closest matches: {_listed(nearest)}\n"
        "Ids are in the column qa_id of the exported data sets and of the view qa_lineage"
    )


def _listed(pairs: list[Row]) -> str:
    questions = {pair["qa_id"]: " ".join(pair["question"].split()) for pair in pairs[:SHOWN_IDS]}
    return "".join(f"\n  {qa_id}  {question[:70]}" for qa_id, question in questions.items())


def _query(connection: duckdb.DuckDBPyConnection, name: str, **parameters: Any) -> list[Row]:
    cursor = connection.execute(read_sql("queries", name), parameters)
    names = [column[0] for column in cursor.description or ()]
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
