"""The request to rate a document, and the questions in it that represent the target."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from equal_assets.algorithms.extraction.parsing import parse_rating
from equal_assets.algorithms.extraction.prompts import chat, rating_schema
from equal_assets.algorithms.extraction.recipe import Request


@dataclass(frozen=True)
class RatingTask:
    """What documents are rated for.

    Attributes
    ----------
    template : str
        Of :mod:`~equal_assets.algorithms.extraction.prompts`, kind ``rate``.
    questions : tuple of str
        They represent the target.
    document_characters : int
        How much of a document's beginning is shown.
    """

    template: str
    questions: tuple[str, ...]
    document_characters: int

    def request(self, document: str) -> Request:
        """Return the request for the rating of a document, from 1 to 5."""
        listed = "\n".join(f"- {' '.join(question.split())}" for question in self.questions)
        beginning = document[: self.document_characters]
        messages = chat(self.template, questions=listed, document=beginning)
        return Request(messages, rating_schema(), parse_rating)


def draw_questions(
    questions: Sequence[str], *, n_questions: int, rng: np.random.Generator
) -> tuple[str, ...]:
    """Draw the questions that represent the target to all documents; all if there are fewer."""
    drawn = rng.permutation(len(questions))[:n_questions]
    return tuple(questions[index] for index in sorted(drawn))


def draw_candidates(
    ranking: np.ndarray, *, n_candidates: int, is_random: bool, rng: np.random.Generator
) -> np.ndarray:
    """Return the documents to rate, in order.

    Parameters
    ----------
    ranking : ndarray of shape (n_documents,), int64
        Rows of all documents, nearest to the target first.
    n_candidates : int
        Documents to rate; all if there are fewer.
    is_random : bool
        Whether they are drawn from all, or are the first of the ranking.
    rng : numpy.random.Generator
    """
    return (rng.permutation(ranking) if is_random else ranking)[:n_candidates]
