"""Which of the pairs that nothing speaks against serve the target of a campaign: the last rule."""

import numpy as np
import polars as pl

from equal_assets.algorithms.pruning import Pruning, prune
from equal_assets.progress import Progress, silent
from equal_assets.resources.embedding.embedder import Embedder
from equal_assets.resources.embedding.pair_vectors import embed_target, pair_vectors
from equal_assets.resources.warehouse import Warehouse
from equal_assets.settings import Settings
from equal_assets.steps.leaks import REMOVAL
from equal_assets.steps.review import vector_ids

SHORT = "answer shorter than the target's"
PRUNED = "not among the nearest of any reference question"


def prune_pairs(
    warehouse: Warehouse,
    embedder: Embedder,
    settings: Settings,
    rows: pl.DataFrame,
    *,
    campaign: str,
    progress: Progress = silent,
) -> tuple[pl.DataFrame, Pruning | None]:
    """Return which pairs serve no reference question, and how that was decided.

    Parameters
    ----------
    warehouse : Warehouse
    embedder : Embedder
    settings : Settings
    rows : DataFrame
        Columns ``qa_id``, ``question``, ``answer``, ``is_edited``: the pairs that the rules before
        have left.
    campaign : str
    progress : callable
        Called with texts done and in all where some are to be embedded.

    Returns
    -------
    DataFrame, Pruning or None
        A row of :data:`~equal_assets.steps.leaks.REMOVAL` for each pair that goes, unless it is
        too short with the reference question that it comes nearest to serving; None if pruning is
        off.
    """
    how = settings.dataset.pruning
    if how is not None and settings.campaigns[campaign].budget_pairs is not None:
        how = {**how, "at_least": 0}  # what is counted is long enough
    if how is None:
        return pl.DataFrame(schema=REMOVAL), None
    target = embed_target(warehouse, embedder, campaign, progress=progress)
    vectors = pair_vectors(warehouse, embedder, vector_ids(rows), progress=progress)
    lengths = rows["answer"].str.len_chars().to_numpy()
    pruning = prune(vectors, lengths, target, **how)
    nearest = target.embeddings[pruning.questions].astype(np.float64)
    similarities = np.einsum("pd,pd->p", vectors.astype(np.float64), nearest)
    reference = warehouse.query("target_pairs", campaign=campaign, split="reference")
    is_short = pl.Series(pruning.is_short)
    near = pl.format("reference:{}", reference["position"].gather(pruning.questions))
    pruned = rows.select(
        "qa_id",
        pl.when(is_short).then(pl.lit(SHORT)).otherwise(pl.lit(PRUNED)).alias("reason"),
        pl.when(~is_short).then(near).alias("collided_with"),
        pl.when(~is_short).then(pl.Series(similarities.round(6))).alias("similarity"),
    ).filter(~pruning.is_kept)
    return pruned, pruning


def examples_after(
    warehouse: Warehouse, embedder: Embedder, settings: Settings, *, campaign: str, number: int
) -> pl.DataFrame:
    """Return what the data set of a campaign would have been after a round: `qa_id`, pair.

    What pruning leaves out of all pairs may have been the best there was at that point.
    """
    rows = warehouse.query(
        "unpruned_examples", campaign=campaign, round=number, pruned=[SHORT, PRUNED]
    )
    found, _ = prune_pairs(warehouse, embedder, settings, rows, campaign=campaign)
    kept = rows.join(found, on="qa_id", how="anti", maintain_order="left")
    return kept.drop("is_edited")
