"""The pairs of data sets in the terminal: to read, and two data sets beside each other."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import numpy as np
import polars as pl
from rich.table import Table
from rich.text import Text

from equal_assets.pages.values import NONE

DIFFERING_CLUSTERS = 10
"""Shown, of those in which two data sets differ most."""

SAMPLE_PAIRS = 3
"""Shown, of those that only one of two data sets holds."""


def example_texts(pairs: pl.DataFrame) -> Iterator[Text]:
    """Yield each pair for people: where it comes from, its question, its answer.

    Parameters
    ----------
    pairs : DataFrame
        Of columns ``qa_id, question, answer, source, cluster, round, reason``.
    """
    for pair in pairs.iter_rows(named=True):
        text = Text()
        text.append(f"{pair['qa_id']}", style="bold")
        place = f"  {pair['source']}, cluster {pair['cluster']}, round {pair['round']}"
        text.append(place, style="dim")
        if pair["reason"]:
            text.append(f"  {pair['reason']}", style="yellow")
        text.append(f"\nQ  {pair['question']}\nA  {pair['answer']}\n")
        yield text


def difference_table(names: tuple[str, str], datasets: tuple[pl.DataFrame, pl.DataFrame]) -> Table:
    """Return two data sets beside each other: sizes, what they share, lengths.

    Parameters
    ----------
    names : tuple of str
        Of the campaigns.
    datasets : tuple of DataFrame
        Their examples, of columns ``qa_id, question, answer, source``.
    """
    table = Table(title="Data sets", title_justify="left")
    table.add_column("")
    for name in names:
        table.add_column(name, justify="right", overflow="fold")
    shared = len(only_in(*datasets, inverted=True))
    rows: dict[str, list[str]] = {
        "training examples": [f"{len(dataset):,}" for dataset in datasets],
        "of these in both": [f"{shared:,}"] * 2,
        "only here": [f"{len(dataset) - shared:,}" for dataset in datasets],
        "sources": [f"{dataset['source'].n_unique():,}" for dataset in datasets],
        "median characters of a question": [_median(d["question"]) for d in datasets],
        "median characters of an answer": [_median(d["answer"]) for d in datasets],
    }
    for label, values in rows.items():
        table.add_row(label, *values)
    return table


def clusters_table(names: tuple[str, str], clusters: pl.DataFrame) -> Table:
    """Return the clusters in which two data sets differ most.

    Parameters
    ----------
    names : tuple of str
        Of the campaigns.
    clusters : DataFrame
        Of columns ``cluster, terms, n_first, n_second``, the largest difference first.
    """
    table = Table(title="Examples by cluster, the largest differences", title_justify="left")
    table.add_column("cluster", justify="right")
    table.add_column("about")
    for name in names:
        table.add_column(name, justify="right", overflow="fold")
    for row in clusters.head(DIFFERING_CLUSTERS).iter_rows(named=True):
        about = ", ".join(row["terms"] or ()) or NONE
        table.add_row(str(row["cluster"]), about, f"{row['n_first']:,}", f"{row['n_second']:,}")
    return table


def only_in(dataset: pl.DataFrame, other: pl.DataFrame, *, inverted: bool = False) -> pl.DataFrame:
    """Return the examples that another data set does not hold; inverted: those that it does."""
    how: Literal["semi", "anti"] = "semi" if inverted else "anti"
    return dataset.join(other, on="qa_id", how=how, maintain_order="left")


def _median(texts: pl.Series) -> str:
    lengths = texts.str.len_chars().to_numpy()
    return f"{np.median(lengths):,.0f}" if len(lengths) else NONE
