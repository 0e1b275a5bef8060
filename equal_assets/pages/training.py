"""What the page of group `training` shows."""

import math
from typing import Any

import dagster as dg

from equal_assets.pages.campaign_run import run_link
from equal_assets.pages.metadata import facts, sparkline, warned
from equal_assets.pages.values import change
from equal_assets.resources.students.student import FineTuning
from equal_assets.settings import DatasetSettings, NoStudentSettings, StudentSettings

LOW_ON_EXAMPLES = (
    "the student of campaign {campaign} is trained on {n} examples, under {least} "
    "(dataset.min_examples): what it learns from so few says little; raise budget_documents, or, "
    "where documents give few pairs, name an LLM, or a larger one, as the extractor "
    "(docs/extraction.md)"
)

LEAST_STEPS = 10
"""Optimizer steps; a student of 270 million parameters was the same after two."""

SMALL_BATCH = 8


def few_examples(campaign: str, n_examples: int, dataset: DatasetSettings) -> str | None:
    """Return the warning about a data set that is too small to train on, if it is."""
    least = dataset.min_examples
    if n_examples >= least:
        return None
    return LOW_ON_EXAMPLES.format(campaign=campaign, n=f"{n_examples:,}", least=f"{least:,}")


def few_steps(campaign: str, n_examples: int, student: StudentSettings) -> str | None:
    """Return the warning about a student that takes too few steps to change, if it does."""
    if isinstance(student, NoStudentSettings):
        return None
    n_steps = student.epochs * math.ceil(n_examples / student.batch_size)
    if not n_examples or n_steps >= LEAST_STEPS:
        return None
    smaller = ""
    if student.batch_size > SMALL_BATCH:
        smaller = f"; with student.batch_size: {SMALL_BATCH} it would take more"
    return (
        f"the student of campaign {campaign} is tuned in {n_steps} steps of {student.batch_size} "
        f"examples, which hardly change it{smaller}"
    )


def student_page(
    row: dict[str, Any], tuning: FineTuning, *, address: str, warning: str | None
) -> dict[str, Any]:
    """Return the page of a fine-tuned student.

    Parameters
    ----------
    row : dict
        Of ``fine_tuned_student``.
    tuning : FineTuning
        Its losses, and the pairs that did not fit the context.
    address : str
        Of its MLflow run.
    warning : str or None
        Of :func:`few_examples` and :func:`few_steps`.
    """
    left_out = tuning.n_left_out
    return {
        **warned(warning),
        "training": f"a model of {row['n_parameters']:,} parameters, tuned on "
        f"{row['n_examples']:,} pairs ({row['n_tokens']:,} tokens)"
        + (f"; {left_out:,} pairs left out, question too long" if left_out else ""),
        "loss": sparkline(
            tuning.losses,
            "How badly the student predicts the answers while it trains; lower is better.",
        ),
        "numbers": facts(
            {
                "answers cut to fit the context": tuning.n_truncated,
                "loss, first and last": change(row["loss_first"], row["loss_last"], form=".3f"),
                "FLOPs": row["flops"],
                "untuned model": row["base_path"],
            }
        ),
        "model": dg.MetadataValue.path(row["path"]),
        "MLflow run": run_link(address, "fine-tune"),
    }
