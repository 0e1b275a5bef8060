"""What the pages of group `evaluation` show."""

from typing import Any

import polars as pl

from equal_assets.comparison.points import matches
from equal_assets.pages.costs import cost_table, shared_cost_table
from equal_assets.pages.figures.students import accuracy_figure, comparison_figure
from equal_assets.pages.metadata import in_short, markdown, readable

WRONG_ANSWERS_SHOWN = 3
"""Of each measure."""


def accuracy_page(rows: pl.DataFrame, tuned_answers: pl.DataFrame) -> dict[str, Any]:
    """Return the page of a campaign's student on the test split.

    Parameters
    ----------
    rows : DataFrame
        Of the query ``student_accuracy``, of one campaign.
    tuned_answers : DataFrame
        Rows of ``student_answers`` of the tuned student.
    """
    before = {f"{metric} before": value for metric, value in rows.select("metric", "base").rows()}
    return {
        "student on the test split": markdown(rows.drop("campaign")),
        "before and after": markdown(accuracy_figure(rows)),
        "answers that were wrong": markdown(in_short(_wrong_answers(tuned_answers))),
        **readable(dict(rows.select("metric", "tuned").rows()) | before),
    }


def comparison_page(
    rows: pl.DataFrame, paired: pl.DataFrame, accuracy: pl.DataFrame, costs: pl.DataFrame
) -> dict[str, Any]:
    """Return the page of the strategies side by side.

    Parameters
    ----------
    rows : DataFrame
        Of ``strategy_comparison``.
    paired : DataFrame
        Rows of ``student_comparison``.
    accuracy : DataFrame
        Rows of the query ``accuracy_over_budget``.
    costs : DataFrame
        What :func:`equal_assets.comparison.costs.campaign_costs` returns.
    """
    return {
        "documents to match": markdown(matches(rows)),
        "comparison": markdown(comparison_figure(rows, accuracy)),
        "table": markdown(rows),
        "students on the same questions": markdown(paired),
        **{
            f"cost by part: {of_target['target'][0]}": markdown(cost_table(of_target))
            for of_target in rows.partition_by("target", maintain_order=True)
        },
        "cost shared by all campaigns": markdown(shared_cost_table(costs)),
    }


def _wrong_answers(answers: pl.DataFrame) -> pl.DataFrame:
    """Return a few wrong answers for people to look at, the first of each measure."""
    wrong = answers.filter(~pl.col("is_correct")).group_by("measure", maintain_order=True)
    return wrong.head(WRONG_ANSWERS_SHOWN).select(
        "measure", "prompt", "output", "extracted", "reason"
    )
