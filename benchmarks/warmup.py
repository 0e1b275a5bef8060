"""What the warm-up brings, outside its sample: no tuning, a linear head, every weight.

    python benchmarks/warmup.py --data DIR [--documents 3000] [--full]

``DIR`` holds ``corpus.parquet`` (``text``, ``qa_pairs``: list of question and answer),
``targets/<task>-validation.jsonl`` and, made with all-MiniLM-L6-v2, ``embeddings/documents.npy``,
``qa_pairs.npy`` and ``target_<task>-validation.npy``, rows in the order of the files. A random 5%
of the documents tunes; documents with QA pairs outside it are measured. ``--full`` adds MiniLM on
whole texts, tuned in every weight: hours on two cores.

Columns: recall of a document's own pairs; spread of the pairs within 100 clusters of their
documents, in the row's own space and as untuned MiniLM sees the pairs (lower is purer); rank
correlation of document-target and pair-target similarity; seconds of tuning.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from equal_assets.algorithms.clusters.geometry import assign_clusters
from equal_assets.algorithms.contrastive_pairs import (
    qa_spread,
    recall_at,
    sample_documents,
    target_rank_correlation,
)
from equal_assets.progress import silent
from equal_assets.records import QAPair
from equal_assets.resources.embedding.contrastive import train_head
from equal_assets.resources.embedding.embedder import (
    BUNDLED_MODEL,
    STATIC_MODEL,
    Embedder,
    build_embedder,
)
from equal_assets.settings import EmbedderSettings, WarmUpSettings, quiet_libraries

TASKS = ("gsm8k", "mbpp", "math")
N_CLUSTERS = 100
STATIC_FULL = WarmUpSettings(method="full", epochs=5, learning_rate=1e-3)
COLUMNS = ("recall@1", "recall@10", "qa spread", "qa spread, MiniLM", *TASKS, "seconds")


@dataclass(frozen=True)
class Texts:
    """Documents, the QA pairs of all of them, and the document of each pair."""

    documents: list[str]
    pairs: list[str]
    owners: np.ndarray

    def of(self, rows: np.ndarray) -> tuple[Texts, np.ndarray]:
        """Return some documents with their pairs, and which pairs these are."""
        place = np.full(len(self.documents), -1)
        place[rows] = np.arange(len(rows))
        pairs = np.flatnonzero(place[self.owners] >= 0)
        part = Texts(
            [self.documents[row] for row in rows],
            [self.pairs[row] for row in pairs],
            place[self.owners[pairs]],
        )
        return part, pairs


@dataclass(frozen=True)
class Space:
    """Unit rows of documents, their pairs and the pairs of each target in one embedding space."""

    documents: np.ndarray
    pairs: np.ndarray
    targets: dict[str, np.ndarray]

    def through(self, weights: np.ndarray) -> Space:
        """Return the space behind a linear head."""
        return Space(
            _unit(self.documents @ weights.T),
            _unit(self.pairs @ weights.T),
            {task: _unit(rows @ weights.T) for task, rows in self.targets.items()},
        )


@dataclass(frozen=True)
class Sample:
    """What tunes and what is measured."""

    train: Texts
    held_out: Texts
    targets: dict[str, list[str]]
    judge_pairs: np.ndarray  # held-out pairs as untuned MiniLM sees them


def main() -> None:
    """Measure and print a Markdown table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--documents", type=int, default=3000, help="held-out documents measured")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--full", action="store_true", help="tune MiniLM in every weight as well")
    arguments = parser.parse_args()
    quiet_libraries()
    texts = _read_texts(arguments.data)
    rng = np.random.default_rng(arguments.seed)
    warmup = sample_documents(len(texts.documents), share=WarmUpSettings().share, rng=rng)
    outside = np.setdiff1d(np.unique(texts.owners), warmup)
    held_out = rng.choice(outside, size=arguments.documents, replace=False)
    sample, rows = _sample(texts, warmup, held_out, arguments.data)
    print(f"{len(sample.train.pairs)} pairs tune, {len(sample.held_out.pairs)} are measured\n")
    print(f"| model | tuning | {' | '.join(COLUMNS)} |\n| --- | --- |{' ---: |' * len(COLUMNS)}")
    for line in rows:
        print(line, flush=True)
    with tempfile.TemporaryDirectory(prefix="equal-benchmark-") as scratch:
        _tune_and_print(STATIC_MODEL, sample, Path(scratch), STATIC_FULL)
        if arguments.full:
            _tune_and_print(BUNDLED_MODEL, sample, Path(scratch), WarmUpSettings(method="full"))


def _sample(
    texts: Texts, warmup: np.ndarray, held_out: np.ndarray, folder: Path
) -> tuple[Sample, list[str]]:
    """Split the corpus; return also the lines of MiniLM on the embeddings that are there."""
    train, train_pairs = texts.of(warmup)
    measured, measured_pairs = texts.of(held_out)
    documents, pairs, *targets = (
        _unit(np.load(folder / "embeddings" / f"{name}.npy").astype(np.float32))
        for name in ("documents", "qa_pairs", *(f"target_{task}-validation" for task in TASKS))
    )
    sample = Sample(train, measured, _read_targets(folder), pairs[measured_pairs])
    space = Space(
        documents[held_out], pairs[measured_pairs], dict(zip(TASKS, targets, strict=True))
    )
    started = time.perf_counter()
    weights, _ = train_head(
        documents[warmup][train.owners],
        pairs[train_pairs],
        anchor_ids=train.owners,
        positive_ids=np.unique(train.pairs, return_inverse=True)[1],
        settings=WarmUpSettings(),
        progress=silent,
    )
    seconds = time.perf_counter() - started
    name = "MiniLM, embeddings of the data folder"
    return sample, [
        _line(name, "none", space, sample, 0.0),
        _line(name, "head", space.through(weights), sample, seconds),
    ]


def _tune_and_print(model: str, sample: Sample, scratch: Path, full: WarmUpSettings) -> None:
    embedder = build_embedder(EmbedderSettings(model=model), scratch)
    base = embedder.base_path(progress=silent)
    for settings in (WarmUpSettings(method="none"), WarmUpSettings(method="head"), full):
        started = time.perf_counter()
        tuned = embedder.tune(
            [sample.train.documents[row] for row in sample.train.owners],
            sample.train.pairs,
            base=base,
            out=scratch / "tuned",
            settings=settings,
            progress=silent,
        )
        seconds = time.perf_counter() - started
        space = _embed(embedder, sample, str(tuned.path))
        print(_line(model, settings.method, space, sample, seconds), flush=True)


def _embed(embedder: Embedder, sample: Sample, path: str) -> Space:
    def embed(texts: list[str]) -> np.ndarray:
        return embedder.encode(texts, path=path, progress=silent)

    targets = {task: embed(texts) for task, texts in sample.targets.items()}
    return Space(embed(sample.held_out.documents), embed(sample.held_out.pairs), targets)


def _line(model: str, method: str, space: Space, sample: Sample, seconds: float) -> str:
    owners = sample.held_out.owners
    labels = assign_clusters(space.documents, n_clusters=N_CLUSTERS, seed=0)[owners]
    measures = [
        *(recall_at(space.documents, space.pairs, owners, k=k) for k in (1, 10)),
        qa_spread(space.pairs, labels),
        qa_spread(sample.judge_pairs, labels),
        *(
            target_rank_correlation(space.documents, space.pairs, owners, space.targets[task])
            for task in TASKS
        ),
    ]
    cells = " | ".join(f"{value:.3f}" for value in measures)
    return f"| {model} | {method} | {cells} | {seconds:.1f} |"


def _read_texts(folder: Path) -> Texts:
    corpus = pl.read_parquet(folder / "corpus.parquet", columns=["text", "qa_pairs"])
    pairs = [
        (row, QAPair(pair["question"], pair["answer"]).text)
        for row, found in enumerate(corpus["qa_pairs"].to_list())
        for pair in found
    ]
    return Texts(
        corpus["text"].to_list(), [text for _, text in pairs], np.array([row for row, _ in pairs])
    )


def _read_targets(folder: Path) -> dict[str, list[str]]:
    return {
        task: [
            QAPair(pair["question"], pair["answer"]).text
            for pair in map(
                json.loads, (folder / "targets" / f"{task}-validation.jsonl").open(encoding="utf-8")
            )
        ]
        for task in TASKS
    }


def _unit(rows: np.ndarray) -> np.ndarray:
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


if __name__ == "__main__":
    main()
