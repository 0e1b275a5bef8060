"""What the verdicts of reviewers do: to the data set of a campaign, and to its next round."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
import polars as pl

from equal_assets.algorithms.acceptance import score_threshold
from equal_assets.algorithms.extraction.score import pair_score
from equal_assets.algorithms.extraction.source import source
from equal_assets.records import QAPair
from equal_assets.resources.verdicts import SAID, PairVerdict, verdicts_beside
from equal_assets.resources.warehouse import Warehouse, qa_pairs, read_documents
from equal_assets.settings import fingerprint
from equal_assets.steps.leaks import REMOVAL
from equal_assets.steps.round_player import RoundPlayer

LOW_SCORE = "scores lower than what reviewers accept"

VERDICTS: dict[str, Any] = {
    "qa_id": pl.String,
    "verdict": pl.String,
    "reason": pl.String,
    "new_question": pl.String,
    "new_answer": pl.String,
    "reviewer": pl.String,
    "reviewed_at": pl.Datetime("us", "UTC"),
}
"""Columns of the table `verdicts`, beside the campaign."""


@dataclass(frozen=True)
class ReviewedPairs:
    """The pairs of a campaign, as its reviewers left them.

    Attributes
    ----------
    pairs : DataFrame
        The pairs that were given, edited ones in their new words, with a column ``is_edited``.
    removed : DataFrame
        Rows of :data:`~equal_assets.steps.leaks.REMOVAL`: rejected, or scored as what is rejected.
    verdicts : DataFrame
        Rows of the table `verdicts`, without the campaign.
    threshold : float
        The score below which pairs without a verdict go; 0: none does.
    """

    pairs: pl.DataFrame
    removed: pl.DataFrame
    verdicts: pl.DataFrame
    threshold: float

    @property
    def summary(self) -> str:
        """What reviewers said, in a sentence; empty where they said nothing."""
        if self.verdicts.is_empty():
            return ""
        counts = dict(self.verdicts["verdict"].value_counts().iter_rows())
        said = ", ".join(f"{counts.get(kind, 0):,} {kind}" for kind in SAID)
        seen = f"{len(self.verdicts):,} of {len(self.pairs):,} pairs reviewed: {said}"
        if not self.threshold:
            return seen
        n_low = self.removed.filter(reason=LOW_SCORE).height
        return f"{seen}; {n_low:,} others score below {self.threshold:.2f} and are left out"

    @property
    def changes(self) -> list[tuple[str, ...]]:
        """What the data set owes to reviewers, as plain values; empty: it would be the same."""
        edited = self.pairs.filter("is_edited").select("qa_id", "question", "answer")
        return [*edited.iter_rows(), *self.removed.select("qa_id", "reason").iter_rows()]


def review_pairs(warehouse: Warehouse, pairs: pl.DataFrame, *, target: str) -> ReviewedPairs:
    """Return what reviewers make of pairs.

    Parameters
    ----------
    warehouse : Warehouse
    pairs : DataFrame
        Columns ``qa_id``, ``question``, ``answer``, ``document_id``, each pair once.
    target : str
        Of the campaign: a verdict holds for pairs that serve the same one.
    """
    standing = verdicts_beside(warehouse.database).standing(target)
    said = [standing.get(pair) for pair in qa_pairs(pairs)]
    scores = _scores(warehouse, pairs, standing) if any(said) else np.ones(len(pairs))
    is_reviewed = np.array([verdict is not None for verdict in said], dtype=bool)
    is_accepted = np.array([v is not None and v.said == "accepted" for v in said], dtype=bool)
    threshold = score_threshold(scores[is_reviewed], is_accepted[is_reviewed])
    reasons = [
        _reason(verdict) if verdict else LOW_SCORE if score < threshold else None
        for verdict, score in zip(said, scores, strict=True)
    ]
    removed = [
        (qa_id, reason, None, None)
        for qa_id, reason in zip(pairs["qa_id"], reasons, strict=True)
        if reason is not None
    ]
    found = [(qa_id, v) for qa_id, v in zip(pairs["qa_id"], said, strict=True) if v is not None]
    return ReviewedPairs(
        pairs=_edited(pairs, said),
        removed=pl.DataFrame(removed, schema=REMOVAL, orient="row"),
        verdicts=pl.DataFrame([_row(*f) for f in found], schema=VERDICTS, orient="row"),
        threshold=threshold,
    )


def vector_ids(rows: pl.DataFrame) -> pl.DataFrame:
    """Return pairs by the ids of their vectors: an edited pair has another one than its original.

    Parameters
    ----------
    rows : DataFrame
        Columns ``qa_id``, ``question``, ``answer``, ``is_edited``.
    """
    ids = [
        hashlib.sha256(f"{question}\n{answer}".encode()).hexdigest()[:16] if is_edited else qa_id
        for qa_id, question, answer, is_edited in rows.select(
            "qa_id", "question", "answer", "is_edited"
        ).iter_rows()
    ]
    return rows.select(pl.Series("qa_id", ids, dtype=pl.String), "question", "answer")


def reviewed_version(inputs: dict[str, Any], review: ReviewedPairs) -> str:
    """Return the version of a data set: another one only where reviewers have changed something."""
    settings = {key: value for key, value in inputs["settings"].items() if key != "verdicts"}
    made_from = {**inputs, "settings": settings}
    return fingerprint([made_from, review.changes] if review.changes else made_from)


def begin_round(player: RoundPlayer, number: int) -> None:
    """Settle which verdicts a round learns from."""
    verdicts_beside(player.warehouse.database).begin_round(player.name, number)


def arm_verdicts(player: RoundPlayer, number: int) -> tuple[np.ndarray, np.ndarray]:
    """Return how many pairs of each arm were accepted, and reviewed, as a round sees it.

    A round that has begun sees what there was at its beginning, a later one what there is now. An
    edited pair counts as accepted: its document was worth reading.
    """
    verdicts = verdicts_beside(player.warehouse.database)
    until = verdicts.seen_by(player.name, number)
    standing = list(verdicts.standing(player.campaign.target, until=until).values())
    accepted, reviewed = np.zeros((2, player.strategy.corpus.n_arms))
    if standing:
        rows = player.warehouse.query(
            "arm_verdicts",
            campaign=player.name,
            questions=[verdict.pair.question for verdict in standing],
            answers=[verdict.pair.answer for verdict in standing],
            is_accepted=[verdict.said != "rejected" for verdict in standing],
        )
        arms = rows["cluster"].to_numpy()
        accepted[arms], reviewed[arms] = rows["accepted"].to_numpy(), rows["reviewed"].to_numpy()
    return accepted, reviewed


def _reason(verdict: PairVerdict) -> str | None:
    if verdict.said != "rejected":
        return None
    return f"rejected by {verdict.reviewer}" + (f": {verdict.reason}" if verdict.reason else "")


def _scores(
    warehouse: Warehouse, pairs: pl.DataFrame, standing: Mapping[QAPair, PairVerdict]
) -> np.ndarray:
    """Return the score of each pair; ones where the verdicts cannot tell scores apart."""
    if len({verdict.said == "accepted" for verdict in standing.values()}) < 2:
        return np.ones(len(pairs))
    documents = read_documents(warehouse, pairs["document_id"].unique().to_list())
    sources = {document.document_id: source(document.text) for document in documents}
    columns = pairs.select("question", "answer", "document_id").iter_rows()
    return np.array([pair_score(q, a, sources[of]) for q, a, of in columns], dtype=float)


def _edited(pairs: pl.DataFrame, said: list[PairVerdict | None]) -> pl.DataFrame:
    new = [verdict and verdict.edited for verdict in said]
    question, answer = (
        pl.Series(name, [pair and getattr(pair, name) for pair in new], dtype=pl.String)
        for name in ("question", "answer")
    )
    return pairs.with_columns(
        pl.coalesce(question, "question").alias("question"),
        pl.coalesce(answer, "answer").alias("answer"),
        pl.Series("is_edited", [pair is not None for pair in new], dtype=pl.Boolean),
    )


def _row(qa_id: str, verdict: PairVerdict) -> tuple[object, ...]:
    new = verdict.edited
    return (
        *(qa_id, verdict.said, verdict.reason or None),
        *(new and new.question, new and new.answer),
        *(verdict.reviewer, datetime.fromisoformat(verdict.said_at)),
    )
