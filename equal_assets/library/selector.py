"""A campaign in the hands of another program: it embeds and extracts, the selector chooses."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike

from equal_assets.algorithms.clusters.geometry import assign_clusters
from equal_assets.algorithms.strategies.equal import EqualParameters
from equal_assets.algorithms.strategies.strategy import (
    Corpus,
    ExtractedPairs,
    Pull,
    Strategy,
    Target,
)
from equal_assets.algorithms.strategies.table import STRATEGIES, Plan, make_strategy
from equal_assets.library.vectors import per_row, row_numbers, unit_rows, weights_of
from equal_assets.settings import ClusteringSettings, EqualSettings

DOCUMENTS_PER_PULL = 10
"""As in the paper, for strategies that pull clusters."""

LEARNED = "learned_"
"""Before the names of what the strategy itself has learned, in :meth:`Selector.state`."""

DOCUMENTS_PER_CLUSTER = 50
"""Where clusters are made here: on average at least so many, up to the default of the settings."""


class Selector:
    """Chooses which documents to extract QA pairs from, round by round, until a budget is spent.

    Whoever calls it embeds the documents, extracts their pairs and embeds those::

        selector = Selector(documents, targets, budget=2_000)
        while len(rows := selector.ask()):
            pairs, owners = extract(rows)              # owners: the document of each pair
            selector.tell(owners, embed(pairs))

    Documents, targets and pairs are embedded by the same model.

    Attributes
    ----------
    asked : ndarray of shape (n_asked,), int64
        Documents of all rounds that were told, in the order in which they were asked for.
    """

    def __init__(
        self,
        embeddings: ArrayLike,
        targets: ArrayLike,
        *,
        budget: float,
        strategy: str = "equal",
        documents_per_round: int = 50,
        costs: ArrayLike | None = None,
        clusters: ArrayLike | None = None,
        answer_lengths: ArrayLike | None = None,
        weights: ArrayLike | None = None,
        seed: int = 0,
    ) -> None:
        """Look at all documents once.

        Parameters
        ----------
        embeddings : array of shape (n_documents, n_dimensions)
            Of the documents. Rows are scaled to length 1.
        targets : array of shape (n_targets, n_dimensions)
            QA pairs of the target task, embedded like those that will be extracted.
        budget : float
            Most that all documents together may cost, in the unit of ``costs``: 100 documents by
            default. It is never exceeded.
        strategy : str
            See docs/strategies.md; one that needs no model's scores.
        documents_per_round : int
            Most documents that :meth:`ask` returns.
        costs : array of shape (n_documents,), optional
            What extracting a document costs, such as its tokens; 1 each by default.
        clusters : array of shape (n_documents,), optional
            Whole numbers: the cluster of each document. By default k-means makes them.
        answer_lengths : array of shape (n_targets,), optional
            Characters of each answer of the target. Where they are given, :meth:`tell` takes those
            of the pairs, and short answers count less.
        weights : array of shape (n_targets,), optional
            How much each pair of the target counts; alike by default.
        seed : int
            The same seed, arrays and answers give the same documents.

        Raises
        ------
        ValueError
            If an argument is not what it must be; the message names it.
        """
        _check_call(strategy, documents_per_round=documents_per_round, budget=budget)
        documents = unit_rows("embeddings", embeddings)
        n_documents, n_dimensions = documents.shape
        reference = unit_rows("targets", targets, n_dimensions=n_dimensions)
        n_targets = len(reference)
        taken = per_row("costs", costs, n_rows=n_documents, of="document")
        corpus = Corpus(
            embeddings=documents,
            arms=_arms(clusters, documents, seed=seed),
            tokens=taken,
            costs=taken,
        )
        target = Target(
            embeddings=reference,
            answer_lengths=per_row("answer_lengths", answer_lengths, n_rows=n_targets, of="target"),
            weights=weights_of(weights, n_rows=n_targets),
        )
        self.budget, self.documents_per_round, self.seed = budget, documents_per_round, seed
        self.asked = np.zeros(0, dtype=np.int64)
        self._has_lengths = answer_lengths is not None
        self._most = int(np.searchsorted(np.cumsum(np.sort(taken)), budget, side="right"))
        self._strategy = _make(strategy, corpus, target, n_documents=self._most, seed=seed)
        self._n_rounds = 0
        self._pulls: list[Pull] | None = None  # of the round that was asked for and not told yet
        self._owners = np.zeros(0, dtype=np.int64)  # document of each pair that was told
        self._pairs = np.zeros((0, n_dimensions), dtype=np.float32)

    @property
    def spent(self) -> float:
        """What the documents of all rounds that were told cost."""
        return float(self._strategy.corpus.costs[self.asked].sum())

    def ask(self) -> np.ndarray:
        """Return the documents to extract next.

        Returns
        -------
        ndarray of shape (n_documents,), int64
            Rows of ``embeddings``, none that was told before; the same ones until :meth:`tell` is
            called. Empty once the budget has no room for any document of a round, or all documents
            were asked for.
        """
        if self._pulls is None:
            wanted = min(self.documents_per_round, self._most - len(self.asked))
            draws = np.random.default_rng([self.seed, self._n_rounds])
            self._pulls = self._affordable(self._strategy.plan(wanted, draws))
        return np.array([row for pull in self._pulls for row in pull.documents], dtype=np.int64)

    def tell(
        self,
        documents: ArrayLike,
        pairs: ArrayLike,
        *,
        answer_lengths: ArrayLike | None = None,
    ) -> None:
        """Learn what came out of the documents that :meth:`ask` returned.

        Parameters
        ----------
        documents : array of shape (n_pairs,), int
            The document of each pair. One that :meth:`ask` returned and that is not among them gave
            no pair.
        pairs : array of shape (n_pairs, n_dimensions)
            Embedded pairs; may be empty.
        answer_lengths : array of shape (n_pairs,), optional
            Characters of each answer; where those of the target are known, they must be given.

        Raises
        ------
        RuntimeError
            If nothing was asked for.
        ValueError
            If a document was not asked for, or the arrays are not as long as each other. Nothing
            is learned then.
        """
        if not self._pulls:
            raise RuntimeError("tell() answers ask(): call that first; nothing is asked for")
        rows = self.ask()
        told = self._told(rows, documents, pairs, answer_lengths)
        self._owners = np.concatenate([self._owners, told.documents])
        self._pairs = np.concatenate([self._pairs, told.embeddings])
        rewards = [self._reward(pull) for pull in self._pulls]
        self._strategy.observe(self._pulls, told, rewards)
        self.asked = np.concatenate([self.asked, rows])
        self._n_rounds, self._pulls = self._n_rounds + 1, None

    def state(self) -> dict[str, np.ndarray]:
        """Return what was learned, for ``numpy.savez``: a later process goes on with it.

        A round that was asked for and not told is not in it; it is asked for again.
        """
        own = {f"{LEARNED}{key}": vector for key, vector in self._strategy.state().items()}
        return own | {
            "asked": self.asked,
            "n_rounds": np.array(self._n_rounds),
            "owners": self._owners,
            "pairs": self._pairs,
        }

    def restore(self, state: Mapping[str, np.ndarray]) -> None:
        """Go on where an earlier selector with the same arguments stopped.

        Parameters
        ----------
        state : mapping of str to ndarray
            What :meth:`state` returned, or ``numpy.load`` of it.

        Raises
        ------
        ValueError
            If it is the state of another strategy, other targets or clusters, or no state.
        """
        missing = {"asked", "n_rounds", "owners", "pairs"} - set(state)
        if missing:
            raise ValueError(f"state holds no {', '.join(sorted(missing))}: must be of state()")
        learned = {
            key.removeprefix(LEARNED): state[key] for key in state if key.startswith(LEARNED)
        }
        n_documents = self._strategy.corpus.n_documents
        asked = row_numbers("state['asked']", state["asked"], n_rows=n_documents)
        self._strategy.restore(learned, asked)
        self.asked, self._n_rounds, self._pulls = asked, int(state["n_rounds"]), None
        self._owners, self._pairs = np.asarray(state["owners"]), np.asarray(state["pairs"])

    def _affordable(self, pulls: Sequence[Pull]) -> list[Pull]:
        """Return pulls without the documents that the budget has no room for."""
        costs, left = self._strategy.corpus.costs, self.budget - self.spent
        kept = []
        for pull in pulls:
            rows = []
            for row in pull.documents:
                if costs[row] <= left:
                    rows.append(row)
                    left -= costs[row]
            if rows:
                kept.append(replace(pull, documents=tuple(rows)))
        return kept

    def _told(
        self,
        asked: np.ndarray,
        documents: ArrayLike,
        pairs: ArrayLike,
        answer_lengths: ArrayLike | None,
    ) -> ExtractedPairs:
        corpus = self._strategy.corpus
        owners = row_numbers("documents", documents, n_rows=corpus.n_documents)
        strange = np.flatnonzero(~np.isin(owners, asked))
        if len(strange):
            raise ValueError(
                f"documents[{strange[0]}] = {owners[strange[0]]}: must be one of the "
                f"{len(asked)} that ask() returned"
            )
        vectors = unit_rows(
            "pairs", pairs, n_dimensions=corpus.embeddings.shape[1], may_be_empty=True
        )
        if len(vectors) != len(owners):
            raise ValueError(f"{len(owners)} documents, {len(vectors)} pairs: must be as many")
        if (answer_lengths is not None) != self._has_lengths and len(owners):
            here, there = ("none", "some") if self._has_lengths else ("some", "none")
            raise ValueError(
                f"answer_lengths: {here} with the pairs, {there} with the targets; give both or "
                "neither"
            )
        lengths = per_row("answer_lengths", answer_lengths, n_rows=len(owners), of="pair")
        return ExtractedPairs(documents=owners, embeddings=vectors, answer_lengths=lengths)

    def _reward(self, pull: Pull) -> float:
        """Return the reward of all pairs of an arm, where the strategy learns from it."""
        if not self._strategy.learns_from_rewards:
            return 0.0
        return self._strategy.reward(
            self._pairs[self._strategy.corpus.arms[self._owners] == pull.arm]
        )


def _check_call(strategy: str, *, documents_per_round: int, budget: float) -> None:
    names = [name for name, row in STRATEGIES.items() if row.score is None and not row.takes_all]
    if strategy not in names:
        raise ValueError(f"strategy = {strategy!r}: must be one of {', '.join(names)}")
    if documents_per_round < 1:
        raise ValueError(f"documents_per_round = {documents_per_round}: must be at least 1")
    if not budget > 0:
        raise ValueError(f"budget = {budget}: must be above 0")


def _arms(clusters: ArrayLike | None, documents: np.ndarray, *, seed: int) -> np.ndarray:
    """Return the cluster of each document, numbered from 0 without gaps."""
    if clusters is None:
        most = ClusteringSettings().n_clusters
        n_clusters = min(most, max(2, len(documents) // DOCUMENTS_PER_CLUSTER), len(documents))
        return assign_clusters(documents, n_clusters=n_clusters, seed=seed)
    given = np.asarray(clusters)
    if given.shape != (len(documents),) or not np.issubdtype(given.dtype, np.integer):
        raise ValueError(
            f"clusters has shape {given.shape}, {given.dtype}: must be {len(documents)} whole "
            "numbers, one for each document"
        )
    return np.unique(given, return_inverse=True)[1].astype(np.int64)


def _make(name: str, corpus: Corpus, target: Target, *, n_documents: int, seed: int) -> Strategy:
    plan = Plan(
        n_documents=n_documents,
        documents_per_pull=DOCUMENTS_PER_PULL,
        equal=EqualParameters(**EqualSettings().model_dump()),
    )
    return make_strategy(name, corpus, target, plan, rng=np.random.default_rng(seed))
