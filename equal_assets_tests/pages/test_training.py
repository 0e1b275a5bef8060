"""The page of a fine-tuned student tells which pairs did not fit its context."""

from pathlib import Path

from equal_assets.pages.training import student_page
from equal_assets.resources.students.student import FineTuning

TUNING = FineTuning(
    path=Path("students/first"),
    n_examples=90,
    n_truncated=7,
    n_left_out=3,
    n_tokens=4_000,
    n_parameters=1_000,
    n_tuned=1_000,
    flops=2.4e7,
    seconds=1.5,
    losses=(3.0, 2.0),
)


def test_pairs_that_were_cut_or_left_out_are_shown():
    row = {"n_examples": 90, "n_tokens": 4_000, "n_parameters": 1_000, "flops": 2.4e7}
    row |= {"loss_first": 3.0, "loss_last": 2.0, "path": "students/first", "base_path": "base"}
    page = student_page(row, TUNING, address="http://127.0.0.1:5000/#/runs/1", warning=None)
    assert page["training"].endswith("; 3 pairs left out, question too long")
    assert "| answers cut to fit the context | 7 |" in page["numbers"].value
    assert page["MLflow run"].value == "[fine-tune](http://127.0.0.1:5000/#/runs/1)"
