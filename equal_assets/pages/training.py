"""What the page of group `training` shows."""

import math
from typing import Any

import dagster as dg

from equal_assets.pages.figures.curves import loss_figure
from equal_assets.pages.metadata import markdown, readable, sparkline, warned
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

SHOWN = ("n_tokens", "n_parameters", "flops", "loss_first", "loss_last")


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
    return {
        **warned(warning),
        "loss": sparkline(tuning.losses),
        "loss curve": markdown(loss_figure(tuning.losses)),
        "n_examples": row["n_examples"],
        "answers cut to fit the context": tuning.n_truncated,
        "pairs left out, question too long": tuning.n_left_out,
        **readable({name: row[name] for name in SHOWN}),
        "MLflow run": dg.MetadataValue.url(address),
        "model": dg.MetadataValue.path(row["path"]),
        "base model": dg.MetadataValue.path(row["base_path"]),
    }
