"""What the untuned student makes of documents and reference pairs: read once, and stored."""

import time
from collections.abc import Sequence

import numpy as np
import polars as pl

from equal_assets.algorithms.strategies.strategy import Space
from equal_assets.progress import Progress, report
from equal_assets.records import content_hash
from equal_assets.resources.students.student import completion, prompt
from equal_assets.resources.warehouse import qa_pairs, read_documents
from equal_assets.steps.base_student import base_student
from equal_assets.steps.student_scores import SCORED_TOGETHER, StudentScorer, part_of


def student_space(scorer: StudentScorer) -> Space:
    """Return all documents, in order of id, and the reference pairs of a campaign as states.

    Parameters
    ----------
    scorer : StudentScorer
        Of the kind ``states``.
    """
    _read_documents(scorer)
    documents = scorer.warehouse.query("document_states", scorer=scorer.key)["state"]
    return Space(documents=_matrix(documents), questions=_matrix(_reference_states(scorer)))


def _read_documents(scorer: StudentScorer) -> None:
    query = scorer.warehouse.query
    ids = query("documents_without_state", scorer=scorer.key)["document_id"].to_list()
    progress = report(scorer.log, "the student reads the documents")
    for start in range(0, len(ids), SCORED_TOGETHER):
        page = read_documents(scorer.warehouse, ids[start : start + SCORED_TOGETHER])
        _read(
            scorer,
            [document.content_hash for document in page],
            [""] * len(page),
            [document.text for document in page],
            progress=part_of(progress, start, len(ids)),
        )


def _reference_states(scorer: StudentScorer) -> pl.Series:
    query = scorer.warehouse.query
    pairs = qa_pairs(query("target_pairs", campaign=scorer.campaign, split="reference"))
    hashes = [content_hash(pair.text) for pair in pairs]
    asked = {"scorer": scorer.key, "hashes": hashes}
    known = set(query("states_of_texts", **asked)["content_hash"])
    new = {key: pair for key, pair in zip(hashes, pairs, strict=True) if key not in known}
    if new:
        _read(
            scorer,
            list(new),
            [prompt(pair) for pair in new.values()],
            [completion(pair) for pair in new.values()],
            progress=report(scorer.log, "the student reads the reference pairs"),
        )
    states = query("states_of_texts", **asked)
    own = pl.DataFrame({"content_hash": hashes})
    return own.join(states, on="content_hash", how="left", maintain_order="left")["state"]


def _read(
    scorer: StudentScorer,
    hashes: Sequence[str],
    prompts: Sequence[str],
    answers: Sequence[str],
    *,
    progress: Progress,
) -> None:
    """Have the student read texts, and store what it makes of each."""
    base = base_student(scorer.student, scorer.warehouse, log=scorer.log)
    started = time.monotonic()
    states = scorer.student.answer_states(base, prompts, answers, progress=progress)
    rows = pl.DataFrame(
        {
            "content_hash": hashes,
            "state": states.tolist(),
            "flops": scorer.flops(base, prompts, answers),
        },
        schema_overrides={"state": pl.List(pl.Float32)},
    ).with_columns(scorer=pl.lit(scorer.key), seconds=(time.monotonic() - started) / len(states))
    with scorer.warehouse.transaction() as transaction:
        transaction.insert("student_states", rows)


def _matrix(states: pl.Series) -> np.ndarray:
    return states.list.to_array(len(states[0])).to_numpy()
