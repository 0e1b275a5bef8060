"""Which pairs of a campaign give away a test or protected question: one rule for all."""

from dataclasses import dataclass

import polars as pl

from equal_assets.algorithms.decontamination import ProtectedQuestions
from equal_assets.progress import Progress, silent
from equal_assets.records import QAPair
from equal_assets.resources.embedding.question_vectors import question_vectors
from equal_assets.resources.targets.protected import read_protected
from equal_assets.resources.warehouse import Warehouse, qa_pairs
from equal_assets.settings import Settings

REASONS = {
    "overlap": "overlaps a {kind} question",
    "answer": "repeats a {kind} answer",
    "nearness": "asks a {kind} question in other words",
}

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
    """

    names: list[str]
    protected: ProtectedQuestions
    question_model: str | None

    def leaks(
        self, warehouse: Warehouse, pairs: pl.DataFrame, *, progress: Progress = silent
    ) -> pl.DataFrame:
        """Return which pairs (`qa_id, question, answer`) leak, with reason and question."""
        vectors = None
        if self.question_model is not None:
            questions = pairs["question"].to_list()
            vectors = question_vectors(
                warehouse, questions, model=self.question_model, progress=progress
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
    return LeakRules(
        names=names,
        protected=ProtectedQuestions(
            pairs,
            n=settings.dataset.ngram_words,
            vectors=question_vectors(warehouse, [p.question for p in pairs], model=model)
            if model is not None
            else None,
            similarity=similarity or 1.0,
        ),
        question_model=model,
    )
