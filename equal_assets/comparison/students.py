"""Students of several campaigns on the same questions: which differences are more than chance."""

from __future__ import annotations

from itertools import permutations
from typing import Any

import numpy as np
import polars as pl

from equal_assets.algorithms.judging.metrics import CONFIDENCE
from equal_assets.algorithms.judging.paired_tests import compare_accuracies, compare_perplexities

RESAMPLES = 2_000

COLUMNS = {
    "campaign": pl.String,
    "other": pl.String,
    "metric": pl.String,
    "n_questions": pl.Int32,
    "difference": pl.Float64,
    "ratio": pl.Float64,
    "ratio_low": pl.Float64,
    "ratio_high": pl.Float64,
    "p_value": pl.Float64,
}


def compare_students(answers: pl.DataFrame) -> pl.DataFrame:
    """Compare every two students by paired tests.

    Parameters
    ----------
    answers : DataFrame
        Rows of the query ``tuned_answers`` of the campaigns of one target.

    Returns
    -------
    DataFrame
        Rows of the table ``student_comparison``, each pair of campaigns in both orders. Students
        with different questions, or with different tokens for the answers, are left out.
    """
    rows = []
    for (measure,), of_measure in answers.group_by("measure", maintain_order=True):
        students = of_measure.partition_by("campaign", as_dict=True, maintain_order=True)
        for (campaign,), (other,) in permutations(students, 2):
            first, second = students[campaign,], students[other,]
            if first.select("position", "n_tokens").equals(second.select("position", "n_tokens")):
                found = _compare(str(measure), first, second)
                rows.append({"campaign": campaign, "other": other, **found})
    return pl.DataFrame(rows, schema=COLUMNS)


def _compare(measure: str, first: pl.DataFrame, second: pl.DataFrame) -> dict[str, Any]:
    if measure == "perplexity":
        weighed = compare_perplexities(
            first["log_probability"].to_numpy(),
            second["log_probability"].to_numpy(),
            n_tokens=first["n_tokens"].to_numpy(),
            confidence=CONFIDENCE,
            n_resamples=RESAMPLES,
            rng=np.random.default_rng(0),
        )
        found = {"ratio": weighed.ratio, "ratio_low": weighed.low, "ratio_high": weighed.high}
        p_value = weighed.p_value
    else:
        judged = compare_accuracies(first["is_correct"].to_numpy(), second["is_correct"].to_numpy())
        found, p_value = {"difference": judged.difference}, judged.p_value
    metric = "pass_at_1" if measure == "code" else measure
    return {"metric": metric, "n_questions": len(first), **found, "p_value": p_value}
