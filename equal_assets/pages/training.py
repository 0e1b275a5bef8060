"""What the page of group `training` shows."""

from collections.abc import Sequence
from typing import Any

import dagster as dg

from equal_assets.pages.figures.curves import loss_figure
from equal_assets.pages.metadata import markdown, readable, sparkline

SHOWN = ("n_examples", "n_tokens", "n_parameters", "flops", "loss_first", "loss_last")


def student_page(row: dict[str, Any], losses: Sequence[float], *, address: str) -> dict[str, Any]:
    """Return the page of a fine-tuned student.

    Parameters
    ----------
    row : dict
        Of ``fine_tuned_student``.
    losses : sequence of float
        In order of time.
    address : str
        Of its MLflow run.
    """
    return {
        "loss": sparkline(losses),
        "loss curve": markdown(loss_figure(losses)),
        **readable({name: row[name] for name in SHOWN}),
        "MLflow run": dg.MetadataValue.url(address),
        "model": dg.MetadataValue.path(row["path"]),
        "base model": dg.MetadataValue.path(row["base_path"]),
    }
