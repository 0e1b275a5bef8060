"""What a campaign covers of its target so far, and what random documents would have covered."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import polars as pl

from equal_assets.algorithms.chance import Chance, Range
from equal_assets.algorithms.coverage import TargetCoverage, kernel_of
from equal_assets.algorithms.stopping import Added, Evidence, ended_since, evidence, in_words
from equal_assets.algorithms.strategies.equal import EqualStrategy
from equal_assets.algorithms.strategies.strategy import ExtractedPairs, Strategy
from equal_assets.algorithms.strategies.table import BY_CHANCE
from equal_assets.progress import Progress
from equal_assets.resources.embedding.embedder import Embedder
from equal_assets.resources.embedding.pair_vectors import pair_vectors
from equal_assets.resources.extraction.extractors import Extractor
from equal_assets.resources.warehouse import Warehouse, read_embedder, stack_vectors
from equal_assets.settings import Settings
from equal_assets.steps.leaks import LeakRules
from equal_assets.steps.sample import draw_sample

MOST_SAMPLED = 2_000
"""Documents of the warm-up sample that stand for chance; of more, so many drawn at random."""

PER_TOKENS = 1_000
"""Tokens that gains are stated for, where any are billed."""


@dataclass
class PoolCoverage:
    """What the pairs of a campaign give to the reference questions, round by round.

    Attributes
    ----------
    coverage : TargetCoverage
    chance : Chance
        The warm-up sample.
    counts_tokens : bool
        Whether gains are stated for tokens; else for documents.
    is_chance : bool
        Whether the campaign itself takes documents by chance.
    masses : ndarray of shape (n_questions,)
    n_near, documents, tokens : int
        Near pairs so far, and what was spent.
    added : list of Added
        Of each round since gains are kept.
    pays : list of bool or None
        What the evidence said after each round.
    """

    coverage: TargetCoverage
    chance: Chance
    counts_tokens: bool
    is_chance: bool
    masses: np.ndarray
    n_near: int = 0
    documents: int = 0
    tokens: int = 0
    added: list[Added] = field(default_factory=list)
    pays: list[bool | None] = field(default_factory=list)

    @property
    def spent(self) -> float:
        """What the campaign has spent, in what gains are stated for."""
        return float(self.tokens if self.counts_tokens else self.documents)

    def take(self, asked: pl.DataFrame, pairs: ExtractedPairs, *, scoring_tokens: int) -> pl.Series:
        """Add a round; return what each of its documents added to the coverage, in order.

        Parameters
        ----------
        asked : DataFrame
            Its documents: ``row``, ``prompt_tokens``, ``completion_tokens``.
        pairs : ExtractedPairs
            Of these documents.
        scoring_tokens : int
            What an LLM took to choose them.
        """
        masses, n_near = self.coverage.given(pairs, asked["row"].to_numpy())
        so_far = self.masses + np.cumsum(np.vstack([np.zeros_like(self.masses), masses]), axis=0)
        gains = np.diff(self.coverage.value(so_far))
        tokens = (asked["prompt_tokens"] + asked["completion_tokens"]).to_numpy()
        self.masses = so_far[-1]
        self.n_near += int(n_near.sum())
        self.documents += len(asked)
        self.tokens += int(tokens.sum()) + scoring_tokens
        costs = tokens.astype(float) if self.counts_tokens else np.ones(len(asked))
        self.added.append(Added(gains, costs))
        return pl.Series("gain", gains)

    def judge(self) -> Evidence | None:
        """Return whether further documents pay; None where chance chooses or little is known."""
        found = None
        if not self.is_chance:
            found = evidence(self.added, self.chance.gains(self.spent), self.chance.costs)
        self.pays.append(found.pays if found else None)
        return found

    @property
    def no_longer_pays(self) -> bool:
        """Whether the last rounds that were judged did not pay."""
        return ended_since(self.pays) is not None

    def in_words(self, found: Evidence) -> str:
        """Return the evidence in a sentence."""
        scale = PER_TOKENS if self.counts_tokens else 1
        unit = "1,000 tokens" if self.counts_tokens else "document"
        return in_words(found.gain.times(scale), found.chance.times(scale), unit)

    def standing(self, found: Evidence | None) -> dict[str, object]:
        """Return the columns of `rounds` that say how far the campaign is."""
        scale = PER_TOKENS if self.counts_tokens else 1
        return {
            "target_coverage": self.value,
            "near_pairs": self.n_near,
            "question_masses": self.masses.tolist(),
            **_columns("random_coverage", self.chance.covers(self.spent)),
            **_columns("random_near_pairs", self.chance.finds(self.spent)),
            **_columns("gain", found.gain.times(scale) if found else None),
            **_columns("random_gain", found.chance.times(scale) if found else None),
            "pays": found.pays if found else None,
        }

    @property
    def value(self) -> float:
        """The coverage so far."""
        return float(self.coverage.value(self.masses))


def _columns(name: str, found: Range | None) -> dict[str, float | None]:
    """Return the columns of a number with its interval."""
    ends = {"": "value", "_low": "low", "_high": "high"}
    return {
        f"{name}{end}": None if found is None else getattr(found, of) for end, of in ends.items()
    }


def pool_coverage(
    name: str,
    settings: Settings,
    warehouse: Warehouse,
    extractor: Extractor,
    embedder: Embedder,
    strategy: Strategy,
    document_ids: np.ndarray,
    rules: LeakRules,
    *,
    progress: Progress,
) -> PoolCoverage:
    """Return what a campaign covered after its last round; the sample is embedded if it is new.

    Parameters
    ----------
    name : str
        Of the campaign.
    settings, warehouse, extractor, embedder
    strategy : Strategy
        Of the campaign.
    document_ids : ndarray of shape (n_documents,), str
        In the order of the rows of its corpus; sorted.
    rules : LeakRules
        Pairs of the sample that leak count for nothing, like those of the campaign.
    progress : Progress
    """
    target = strategy.target
    kernel = (
        strategy.kernel
        if isinstance(strategy, EqualStrategy)
        else kernel_of(
            strategy.corpus.embeddings,
            target.embeddings,
            temperature=settings.equal.temperature,
        )
    )
    shortest = settings.dataset.shortest_answer or 0.0
    coverage = TargetCoverage(kernel, target, shortest=shortest)
    sample = _sample(settings, warehouse, extractor)
    rows = np.searchsorted(document_ids, sample["document_id"].to_numpy())
    found = warehouse.query(
        "extracted_pairs",
        document_ids=sample["document_id"].to_list(),
        extractor=extractor.fingerprint,
    )
    leaked = rules.leaks(warehouse, found, progress=progress)
    found = found.join(leaked, on="qa_id", how="anti", maintain_order="left")
    pairs = _as_extracted(
        found,
        pair_vectors(warehouse, embedder, found, progress=progress),
        np.searchsorted(document_ids, found["document_id"].to_numpy()),
    )
    masses, n_near = coverage.given(pairs, rows)
    tokens = sample["tokens"].to_numpy().astype(float)
    counts_tokens = bool(tokens.sum())
    pool = PoolCoverage(
        coverage=coverage,
        chance=Chance(coverage, masses, n_near, tokens if counts_tokens else np.ones(len(rows))),
        counts_tokens=counts_tokens,
        is_chance=settings.campaigns[name].strategy in BY_CHANCE,
        masses=np.zeros(len(target.weights)),
    )
    _go_on(pool, name, warehouse)
    return pool


def _sample(settings: Settings, warehouse: Warehouse, extractor: Extractor) -> pl.DataFrame:
    """Return the documents of the warm-up sample that were extracted: `document_id, tokens`."""
    drawn = draw_sample(warehouse, settings.warmup)
    order = np.random.default_rng(settings.warmup.seed).permutation(len(drawn))
    return warehouse.query(
        "sample_spend",
        document_ids=[drawn[row] for row in order[:MOST_SAMPLED]],
        extractor=extractor.fingerprint,
    )


def _as_extracted(rows: pl.DataFrame, vectors: np.ndarray, documents: np.ndarray) -> ExtractedPairs:
    lengths = rows["answer"].str.len_chars().to_numpy().astype(float)
    return ExtractedPairs(documents.astype(np.int64), vectors, lengths)


def _go_on(pool: PoolCoverage, name: str, warehouse: Warehouse) -> None:
    """Take over what was stored with the last round of a campaign."""
    stored = warehouse.query("campaign_coverage", campaign=name)
    if stored.is_empty():
        return
    row = stored.row(0, named=True)
    pool.documents, pool.tokens, pool.n_near = row["documents"], row["tokens"], row["near_pairs"]
    pool.pays = row["pays"]
    if row["question_masses"] is not None:
        pool.masses = np.array(row["question_masses"])
    else:
        pool.masses, pool.n_near = _played_before(pool, name, warehouse)
    gains = warehouse.query("document_gains", campaign=name)
    for _, of_round in gains.group_by("round", maintain_order=True):
        costs = of_round["tokens"].to_numpy().astype(float)
        costs = costs if pool.counts_tokens else np.ones(len(of_round))
        pool.added.append(Added(of_round["gain"].to_numpy(), costs))


def _played_before(pool: PoolCoverage, name: str, warehouse: Warehouse) -> tuple[np.ndarray, int]:
    """Return masses and near pairs of rounds that an earlier version played, from their pairs."""
    version = read_embedder(warehouse)["embedder_version"]
    pairs = warehouse.query("compared_pairs", campaign=name, embedder_version=version)
    n_dimensions = pool.coverage.kernel.questions.shape[1]
    vectors = stack_vectors(pairs["embedding"], n_dimensions=n_dimensions)
    lengths = pairs["n_answer_characters"].to_numpy().astype(float)
    documents = np.zeros(len(pairs), dtype=np.int64)
    masses, n_near = pool.coverage.given(
        ExtractedPairs(documents, vectors, lengths), np.zeros(1, dtype=np.int64)
    )
    return masses[0], int(n_near[0])
