"""Strategies played on documents whose pairs are known; nothing is simulated but extraction."""

from __future__ import annotations

import hashlib
import tempfile
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from equal_assets.algorithms.clusters.geometry import assign_clusters
from equal_assets.algorithms.coverage import TargetCoverage, kernel_of
from equal_assets.algorithms.optimal_transport import measure_bias
from equal_assets.algorithms.pruning import prune
from equal_assets.algorithms.strategies.equal import EqualParameters
from equal_assets.algorithms.strategies.strategy import Corpus, ExtractedPairs, Strategy, Target
from equal_assets.algorithms.strategies.table import Plan, make_strategy
from equal_assets.algorithms.surface import surface_features
from equal_assets.algorithms.yields import YieldModel
from equal_assets.settings import DatasetSettings, EqualSettings

KEPT_SHARE = 0.6
KEPT_PER_QUESTION = 4
WARM_UP_SHARE = 0.05
DOCUMENTS_PER_PULL = 10


@dataclass(frozen=True)
class Data:
    """Documents (or pages), and their true pairs."""

    corpus: Corpus
    pair_embeddings: np.ndarray  # (n_pairs, n_dimensions), sorted by document
    pair_lengths: np.ndarray  # characters of each answer
    pair_rows: np.ndarray  # index into the pairs of the data set
    owners: np.ndarray  # document of each pair
    first_pair: np.ndarray  # (n_documents + 1,)
    texts: Sequence[str] = ()  # of the documents, where they were read

    def pairs_of(self, rows: Iterable[int]) -> np.ndarray:
        """Return the indices of the pairs of documents, in the order of the documents."""
        spans = [np.arange(self.first_pair[row], self.first_pair[row + 1]) for row in rows]
        return np.concatenate(spans) if spans else np.zeros(0, dtype=np.int64)

    def without(self, pairs: np.ndarray) -> Data:
        """Return the documents without some of their pairs, which are held out."""
        kept = np.setdiff1d(np.arange(len(self.owners)), pairs)
        owners = self.owners[kept]
        return replace(
            self,
            pair_embeddings=self.pair_embeddings[kept],
            pair_lengths=self.pair_lengths[kept],
            pair_rows=self.pair_rows[kept],
            owners=owners,
            first_pair=np.searchsorted(owners, np.arange(len(self.first_pair))),
        )

    def affordable(self, order: np.ndarray, share: float) -> np.ndarray:
        """Return the first documents of an order that a share of the cost of all pays for."""
        spent = np.cumsum(self.corpus.costs[order])
        return order[: np.searchsorted(spent, share * self.corpus.costs.sum(), side="right")]


@dataclass(frozen=True)
class Job:
    """One strategy on one target with one seed."""

    folder: Path
    is_pages: bool
    n_clusters: int
    documents_per_round: int
    target: str
    strategy: str
    seed: int
    changes: tuple[tuple[str, float], ...] = ()
    debias: bool = False
    is_pruned: bool = False
    label: str = ""
    is_by_chunk: bool = False  # documents as they are, paid by the token
    learns_yields: bool = True  # from a warm-up sample, where tokens are paid

    @property
    def name(self) -> str:
        """What the tables call it."""
        return self.label or self.strategy

    @property
    def counts_tokens(self) -> bool:
        """Whether the budget is in tokens."""
        return self.is_pages or self.is_by_chunk


def cluster_arms(embeddings: np.ndarray, *, n_clusters: int, seed: int) -> np.ndarray:
    """Cluster once per corpus and seed: all jobs of a run share the file."""
    key = f"equal-arms-{len(embeddings)}-{embeddings[:9].sum():.4f}-{n_clusters}-{seed}.npy"
    path = Path(tempfile.gettempdir()) / key
    if not path.exists():
        labels = assign_clusters(embeddings, n_clusters=n_clusters, seed=seed)
        with tempfile.NamedTemporaryFile(dir=path.parent, suffix=".npy", delete=False) as file:
            np.save(file, labels)
        Path(file.name).replace(path)
    return np.load(path)


def draw_warm_up(n_documents: int, *, seed: int) -> np.ndarray:
    """Return the rows of 5% of the documents, drawn at random."""
    drawn = np.random.default_rng(seed).permutation(n_documents)
    return drawn[: round(WARM_UP_SHARE * n_documents)]


def learn_yields(texts: list[str], data: Data, *, seed: int) -> Data:
    """Return data with what documents should give, learned from a warm-up sample."""
    n_documents = data.corpus.n_documents
    sample = draw_warm_up(n_documents, seed=seed)
    pairs = np.bincount(data.owners, minlength=n_documents)
    characters = np.bincount(data.owners, weights=data.pair_lengths, minlength=n_documents)
    features = _features(texts)
    model = YieldModel(features[sample], pairs[sample], characters[sample])
    return replace(data, corpus=replace(data.corpus, yields=model.predict(features)))


def _features(texts: list[str]) -> np.ndarray:
    """Count once per list of texts: all jobs of a run share the file."""
    digest = hashlib.sha256("\0".join(texts).encode()).hexdigest()[:16]
    path = Path(tempfile.gettempdir()) / f"equal-features-{digest}.npy"
    if not path.exists():
        with tempfile.NamedTemporaryFile(dir=path.parent, suffix=".npy", delete=False) as file:
            np.save(file, surface_features(texts))
        Path(file.name).replace(path)
    return np.load(path)


def select(job: Job, data: Data, reference: Target, *, share: float) -> tuple[np.ndarray, float]:
    """Play a strategy until a share of the corpus is paid for.

    Returns
    -------
    tuple of ndarray and float
        Documents in the order asked for, and CPU seconds per round of selection.
    """
    corpus = data.corpus
    rng = np.random.default_rng(job.seed)
    budget = share * corpus.costs.sum()
    most = int(np.searchsorted(np.cumsum(np.sort(corpus.costs)), budget, side="right"))
    if job.debias:
        reference = replace(reference, bias=measure_bias(reference.embeddings))
    parameters = replace(EqualParameters(**EqualSettings().model_dump()), **dict(job.changes))
    plan = Plan(n_documents=most, documents_per_pull=DOCUMENTS_PER_PULL, equal=parameters)
    strategy = make_strategy(job.strategy, corpus, reference, plan, rng=rng)
    order: list[int] = []
    seconds, n_rounds, spent = 0.0, 0, 0.0
    while spent < budget and len(order) < most:
        started = time.process_time()
        wanted = min(job.documents_per_round, most - len(order))
        pulls = strategy.plan(wanted, np.random.default_rng([job.seed, n_rounds]))
        rows = [row for pull in pulls for row in pull.documents]
        order += rows
        _observe(strategy, data, pulls, order)
        seconds += time.process_time() - started
        spent += float(corpus.costs[rows].sum())
        n_rounds += 1
    return np.array(order), seconds / n_rounds


def _observe(strategy: Strategy, data: Data, pulls: list, order: list[int]) -> None:
    pool = data.pairs_of([row for pull in pulls for row in pull.documents])
    extracted = ExtractedPairs(
        documents=data.owners[pool],
        embeddings=data.pair_embeddings[pool],
        answer_lengths=data.pair_lengths[pool],
    )
    asked = np.array(order)
    arms = data.corpus.arms[asked]
    rewards = (
        [
            strategy.reward(data.pair_embeddings[data.pairs_of(asked[arms == pull.arm])])
            for pull in pulls
        ]
        if strategy.learns_from_rewards
        else [0.0] * len(pulls)
    )
    strategy.observe(pulls, extracted, rewards)


def nearest(pool: np.ndarray, reference: Target) -> np.ndarray:
    """Return the nearest 60% of a pool, nearest to the reference set first."""
    if not len(pool):
        return np.zeros(0, dtype=np.int64)
    best = (pool @ reference.embeddings.T).max(axis=1)
    return np.argsort(-best, kind="stable")[: max(1, round(KEPT_SHARE * len(pool)))]


def nearest_per_question(pool: np.ndarray, reference: Target) -> np.ndarray:
    """Return the rows of a pool that are among the nearest to some reference question."""
    ranking = np.argsort(-(pool @ reference.embeddings.T), axis=0, kind="stable")
    return np.unique(ranking[:KEPT_PER_QUESTION])


def pruned(pool: np.ndarray, answer_lengths: np.ndarray, reference: Target) -> np.ndarray:
    """Return the rows of a pool that a data set keeps, in order."""
    how = DatasetSettings(min_examples=0).pruning
    return np.flatnonzero(prune(pool, answer_lengths, reference, **how).is_kept)


def unit(rows: np.ndarray) -> np.ndarray:
    """Return rows of length 1."""
    rows = rows.astype(np.float32)
    return rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12)


class Served:
    """What tells best what a student gains from a pool: `F` of test pairs, by long enough pairs."""

    def __init__(self, data: Data, reference: Target, test: Target) -> None:
        """Make the kernel of the test pairs; answers are long enough by the reference set."""
        width = EqualSettings().temperature
        kernel = kernel_of(data.corpus.embeddings, test.embeddings, temperature=width)
        self._data, self._reference = data, reference
        self._coverage = TargetCoverage(kernel, test, shortest=0.0)

    def of(self, pool: np.ndarray) -> dict[str, float]:
        """Return `F` of a pool without its short answers, and the share of the others."""
        if not len(pool):
            return {"F": 0.0, "share_long_enough": 0.0}
        lengths = self._data.pair_lengths[pool]
        shortest = DatasetSettings(min_examples=0).shortest_answer or 0.0
        is_enough = lengths >= np.quantile(self._reference.answer_lengths, shortest)
        kept = pool[is_enough]
        owned = ExtractedPairs(
            documents=np.zeros(len(kept), dtype=np.int64),
            embeddings=self._data.pair_embeddings[kept],
            answer_lengths=self._data.pair_lengths[kept],
        )
        masses, _ = self._coverage.given(owned, np.zeros(1, dtype=np.int64))
        return {
            "F": float(self._coverage.gain(masses[0])),
            "share_long_enough": float(is_enough.mean()),
        }
