"""Which pairs of a campaign give away a test or protected question: one rule for all."""

from dataclasses import dataclass

import numpy as np
import polars as pl

from equal_assets.algorithms.decontamination import ProtectedQuestions
from equal_assets.progress import Progress, silent
from equal_assets.records import QAPair
from equal_assets.resources.embedding.likely_near import LikelyNear
from equal_assets.resources.embedding.question_vectors import question_vectors
from equal_assets.resources.targets.protected import read_protected
from equal_assets.resources.warehouse import Warehouse, qa_pairs
from equal_assets.settings import Settings

REASONS = {
    "overlap": "overlaps a {kind} question",
    "answer": "repeats a {kind} answer",
    "nearness": "asks a {kind} question in other words",
}

USUAL_QUESTIONS = 500
"""Of the warm-up sample, which tell what most questions of the corpus share."""

REMOVAL = {
    "qa_id": pl.String,
    "reason": pl.String,
    "collided_with": pl.String,
    "similarity": pl.Float64,
}
"""Columns of a pair that is not trained on."""


@dataclass(frozen=True)
class LeakRules:
    """What the pairs of a campaign are checked against; made once for many of them.

    Attributes
    ----------
    names : list of str
        ``test:POSITION`` or ``FILE:LINE`` of each protected question.
    protected : ProtectedQuestions
    question_model : str or None
        What embeds the questions; None: they are not compared by meaning.
    likely_near : LikelyNear or None
        Which questions are embedded, if not all are.
    """

    names: list[str]
    protected: ProtectedQuestions
    question_model: str | None
    likely_near: LikelyNear | None = None

    def leaks(
        self, warehouse: Warehouse, pairs: pl.DataFrame, *, progress: Progress = silent
    ) -> pl.DataFrame:
        """Return which pairs (`qa_id, question, answer`) leak, with reason and question."""
        vectors = None
        if self.question_model is not None:
            vectors = self._vectors(
                warehouse, pairs["question"].to_list(), model=self.question_model, progress=progress
            )
        found = zip(
            pairs["qa_id"], self.protected.find_leaks(qa_pairs(pairs), vectors), strict=True
        )
        rows = [
            (qa_id, self._reason(leak.rule, leak.against), self.names[leak.against], similarity)
            for qa_id, leak in found
            if leak is not None
            for similarity in [leak.similarity]
        ]
        return pl.DataFrame(rows, schema=REMOVAL, orient="row")

    def _vectors(
        self, warehouse: Warehouse, questions: list[str], *, model: str, progress: Progress
    ) -> np.ndarray:
        """Return the vectors of questions; zeros, near no other, for what cannot be near."""
        is_likely = np.ones(len(questions), dtype=bool)
        if self.likely_near is not None:
            is_likely = self.likely_near(questions)
        likely = [questions[row] for row in np.flatnonzero(is_likely)]
        if not likely:
            return np.zeros((len(questions), self.protected.n_dimensions), dtype=np.float32)
        embedded = question_vectors(warehouse, likely, model=model, progress=progress)
        vectors = np.zeros((len(questions), embedded.shape[1]), dtype=np.float32)
        vectors[is_likely] = embedded
        return vectors

    def _reason(self, rule: str, against: int) -> str:
        kind = "test" if self.names[against].startswith("test:") else "protected"
        return REASONS[rule].format(kind=kind)


def leak_rules(campaign: str, settings: Settings, warehouse: Warehouse) -> LeakRules:
    """Return the rules of a campaign, its test and protected questions embedded.

    This is all that test questions decide: no strategy sees them.

    Raises
    ------
    CorpusError
        If a protected file cannot be used.
    """
    test = warehouse.query("target_pairs", campaign=campaign, split="test")
    protected = read_protected(settings.dataset)
    names = [f"test:{position}" for position in test["position"]] + list(protected)
    pairs = qa_pairs(test) + [QAPair(question, "") for question in protected.values()]
    similarity = settings.dataset.leak_similarity
    model = None if similarity is None else settings.dataset.question_model
    questions = [pair.question for pair in pairs]
    usual = warehouse.query("usual_questions", limit=USUAL_QUESTIONS)["question"].to_list()
    return LeakRules(
        names=names,
        protected=ProtectedQuestions(
            pairs,
            n=settings.dataset.ngram_words,
            vectors=question_vectors(warehouse, questions, model=model)
            if model is not None
            else None,
            similarity=similarity or 1.0,
        ),
        question_model=model,
        likely_near=LikelyNear.of_model(model, questions, usual, similarity=similarity)
        if model is not None and similarity is not None
        else None,
    )
