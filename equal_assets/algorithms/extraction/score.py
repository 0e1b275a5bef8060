"""How good a pair probably is: one figure from what the checks see of it."""

from __future__ import annotations

from math import exp

from equal_assets.algorithms.extraction.grounding import word_share
from equal_assets.algorithms.extraction.invention import invented_numbers
from equal_assets.algorithms.extraction.leaning import NAMED, dangling_reference
from equal_assets.algorithms.extraction.premises import missing_premise
from equal_assets.algorithms.extraction.source import Source
from equal_assets.algorithms.extraction.steps import dropped_steps

SIGNS = ("leans", "lacks a premise", "drops steps", "invents numbers", "ungrounded", "unnamed")
"""What a pair is judged by: four times 0 or 1, the share of the answer's words that its document
does not have, and whether the question has no name, number, quotation, code or formula."""

WEIGHTS = (-2.9, -4.2, -2.9, -3.1, -1.9, -0.5)
INTERCEPT = 0.1
"""Logistic regression on half of the labeled pairs; benchmarks/pair_checks.py prints it."""


def signs(question: str, answer: str, source: Source) -> tuple[float, ...]:
    """Return what a pair is judged by, in the order of ``SIGNS``."""
    return (
        float(dangling_reference(question) is not None),
        float(missing_premise(question, answer, source) is not None),
        float(dropped_steps(answer, source) is not None),
        float(bool(invented_numbers(question, answer, source))),
        1 - word_share(answer, source),
        float(NAMED.search(question) is None),
    )


def pair_score(question: str, answer: str, source: Source) -> float:
    """Return the probability that a careful reader would call a pair good.

    Parameters
    ----------
    question, answer : str
    source : Source
        The document that they were taken from.

    Returns
    -------
    float
        From 0 to 1. It sorts; of a small model's pairs with .5 only one in four is good.
    """
    pair_signs = signs(question, answer, source)
    logit = INTERCEPT + sum(w * sign for w, sign in zip(WEIGHTS, pair_signs, strict=True))
    return 1 / (1 + exp(-logit))
