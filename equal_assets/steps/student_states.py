"""What the untuned student makes of documents and reference pairs: read once, and stored."""

import numpy as np
import polars as pl

from equal_assets.algorithms.strategies.strategy import Space
from equal_assets.records import content_hash
from equal_assets.resources.warehouse import qa_pairs
from equal_assets.steps.student_scores import StudentScorer, answers_of

TABLE = "student_states"


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
    ids = scorer.warehouse.query("documents_without_state", scorer=scorer.key)["document_id"]
    scorer.read_documents(ids, table=TABLE, label="the student reads the documents")


def _reference_states(scorer: StudentScorer) -> pl.Series:
    query = scorer.warehouse.query
    pairs = qa_pairs(query("target_pairs", campaign=scorer.campaign, split="reference"))
    hashes = [content_hash(pair.text) for pair in pairs]
    asked = {"scorer": scorer.key, "hashes": hashes}
    known = set(query("states_of_texts", **asked)["content_hash"])
    new = {key: pair for key, pair in zip(hashes, pairs, strict=True) if key not in known}
    part = answers_of(pl.Series("content_hash", list(new)), list(new.values()))
    scorer.read([part], len(new), table=TABLE, label="the student reads the reference pairs")
    states = query("states_of_texts", **asked)
    own = pl.DataFrame({"content_hash": hashes})
    return own.join(states, on="content_hash", how="left", maintain_order="left")["state"]


def _matrix(states: pl.Series) -> np.ndarray:
    return states.list.to_array(len(states[0])).to_numpy()
