"""Tunes the embedder on the pairs of the warm-up, and measures the gain."""

import math
from pathlib import Path
from typing import Any

import dagster as dg
import numpy as np
import polars as pl

from equal_assets.algorithms.clusters.geometry import assign_clusters
from equal_assets.algorithms.contrastive_pairs import qa_spread, recall_at, split_by_document
from equal_assets.progress import report, silent
from equal_assets.resources.embedding.embedder import Embedder
from equal_assets.resources.warehouse import qa_pairs
from equal_assets.settings import WarmUpSettings, portable


def tune_on_pairs(
    embedder: Embedder,
    pairs: pl.DataFrame,
    warmup: WarmUpSettings,
    *,
    out: Path,
    log: dg.DagsterLogManager,
) -> tuple[dict[str, Any], float]:
    """Tune an embedder on pairs and their documents; some documents are held out to measure it.

    Parameters
    ----------
    embedder : Embedder
    pairs : DataFrame
        Rows of the query ``warmup_pairs``: document, its text, question and answer.
    warmup : WarmUpSettings
    out : Path
        Folder for the tuned model.
    log : DagsterLogManager

    Returns
    -------
    dict
        The row of `contrastive_embedder`, without its seconds.
    float
        Floating-point operations of the tuning.
    """
    split = split_by_document(
        pairs["document_id"].to_list(),
        held_out=warmup.held_out,
        rng=np.random.default_rng(warmup.seed),
    )
    base = embedder.base_path(progress=report(log, "distill the static embedder"))
    texts = [pair.text for pair in qa_pairs(pairs)]
    tuning = embedder.tune(
        pairs["text"].gather(split.train).to_list(),
        [texts[row] for row in split.train],
        base=base,
        out=out,
        settings=warmup,
        progress=report(log, "tune the embedder"),
    )
    tuned = str(tuning.path)
    held_out = pairs.with_columns(pair_text=pl.Series(texts))[split.held_out]
    row = {
        "embedder_version": embedder.version(tuned),
        "path": tuned,
        "base_model": portable(embedder.model),
        "method": warmup.method,
        "n_dimensions": embedder.encode(["a"], path=tuned, progress=silent).shape[1],
        "n_train_pairs": len(split.train),
        "n_held_out_pairs": len(split.held_out),
        "loss_first": tuning.loss_first,
        "loss_last": tuning.loss_last,
    }
    for when, path in (("before", base), ("after", tuned)):
        measured = _measure(embedder, held_out, path=path, seed=warmup.seed)
        row |= {f"{measure}_{when}": value for measure, value in measured.items()}
    return row, tuning.flops


def _measure(
    embedder: Embedder, held_out: pl.DataFrame, *, path: str, seed: int
) -> dict[str, float | None]:
    """Return recall of own pairs, and spread of the pairs in ``sqrt(n_documents)`` clusters."""
    documents = held_out.unique("document_id", maintain_order=True)
    owner_of = {key: row for row, key in enumerate(documents["document_id"])}
    owners = np.array([owner_of[key] for key in held_out["document_id"]])
    embedded_documents, embedded_pairs = (
        embedder.encode(texts.to_list(), path=path, progress=silent)
        for texts in (documents["text"], held_out["pair_text"])
    )
    n_clusters = math.ceil(math.sqrt(len(documents)))
    labels = assign_clusters(embedded_documents, n_clusters=n_clusters, seed=seed)
    has_spread = held_out["pair_text"].n_unique() > 1
    return {
        "recall_at_1": recall_at(embedded_documents, embedded_pairs, owners, k=1),
        "recall_at_10": recall_at(embedded_documents, embedded_pairs, owners, k=10),
        "qa_spread": qa_spread(embedded_pairs, labels[owners]) if has_spread else None,
    }
