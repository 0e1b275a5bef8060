"""What the pages of group `evaluation` show."""

from typing import Any

import polars as pl

from equal_assets.comparison.points import matches
from equal_assets.pages.costs import cost_table, shared_cost_table
from equal_assets.pages.figures.canvas import drawn
from equal_assets.pages.figures.students import comparison_figure
from equal_assets.pages.metadata import in_place, in_short, markdown, opened
from equal_assets.pages.students import before_and_after

WRONG_ANSWERS_SHOWN = 3
"""Of each measure."""

READ = (
    "Questions of the test split, which selection never saw, with 95% intervals; untuned: before "
    "it was trained on the pairs. A perplexity is better where lower, all else where higher."
)

AT_THE_END = {
    "campaign": "campaign",
    "strategy": "strategy",
    "documents": "documents",
    "n_pairs": "pairs",
    "ot_cost_test": "OT cost (lower is better)",
    "coverage_test": "coverage (higher)",
    "near_pairs": "near pairs (higher)",
    "perplexity": "perplexity (lower)",
}
"""Columns of ``strategy_comparison`` at a glance, and what people read for them."""


def accuracy_page(rows: pl.DataFrame, tuned_answers: pl.DataFrame) -> dict[str, Any]:
    """Return the page of a campaign's student on the test split.

    Parameters
    ----------
    rows : DataFrame
        Of the query ``student_accuracy``, of one campaign.
    tuned_answers : DataFrame
        Rows of ``student_answers`` of the tuned student.
    """
    columns, lines = before_and_after(rows)
    return {
        "before and after": in_place(pl.DataFrame(lines, schema=columns, orient="row")),
        "how to read it": READ,
        "answers that were wrong": in_place(in_short(_wrong_answers(tuned_answers))),
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
    of_targets = rows.partition_by("target", maintain_order=True)
    return {
        "at the end": in_place(_at_the_end(rows)),
        "documents to match": in_place(
            matches(rows).rename({"ot_cost_test": "OT cost to the test split"})
        ),
        "curves": markdown(drawn(comparison_figure(rows, accuracy))),
        "all tables": opened(
            {
                "points of the budget": rows,
                "students on the same questions": paired,
                **{f"cost by part: {each['target'][0]}": cost_table(each) for each in of_targets},
                "cost shared by all campaigns": shared_cost_table(costs),
            }
        ),
    }


def _at_the_end(rows: pl.DataFrame) -> pl.DataFrame:
    """Return what campaigns are worth at their last round, in words; no column without a value."""
    last = rows.filter("is_last").select(*AT_THE_END).rename(AT_THE_END)
    return last.select(column for column in last if column.null_count() < len(last))


def _wrong_answers(answers: pl.DataFrame) -> pl.DataFrame:
    """Return a few wrong answers for people to look at, the first of each measure."""
    wrong = answers.filter(~pl.col("is_correct")).group_by("measure", maintain_order=True)
    return wrong.head(WRONG_ANSWERS_SHOWN).select(
        "measure", "prompt", "output", "extracted", "reason"
    )
