"""What the page of group `training` shows."""

from typing import Any

import dagster as dg

from equal_assets.pages.figures.curves import loss_figure
from equal_assets.pages.metadata import markdown, readable, sparkline
from equal_assets.resources.students.student import FineTuning

SHOWN = ("n_tokens", "n_parameters", "flops", "loss_first", "loss_last")


def student_page(row: dict[str, Any], tuning: FineTuning, *, address: str) -> dict[str, Any]:
    """Return the page of a fine-tuned student.

    Parameters
    ----------
    row : dict
        Of ``fine_tuned_student``.
    tuning : FineTuning
        Its losses, and the pairs that did not fit the context.
    address : str
        Of its MLflow run.
    """
    return {
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
