"""The strategy ``equal``: documents by the marginal gain that they should bring to the target."""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from equal_assets.algorithms.coverage import Kernel, answer_values, kernel_of
from equal_assets.algorithms.strategies.hedge import (
    CENTRAL,
    LEARNED,
    NEAREST,
    Hedge,
    book,
    turns,
)
from equal_assets.algorithms.strategies.strategy import (
    Corpus,
    ExtractedPairs,
    Pull,
    State,
    Strategy,
    Target,
    group_by_arm,
)
from equal_assets.algorithms.vectors import blocks, vector_sums

SIZE_EXPONENT = 1 / 3
"""A document of eight times the cost is expected to hold twice the mass: it has room for more
pairs, but its embedding says less about each of its parts."""

SMALLEST_SIZE = 1e-3
"""A text from which hardly anything is expected still counts as so much of the mean one."""

TRUSTS = np.array([0.0, 0.25, 0.5, 0.75, 1.0])
"""Exponents of a document's prediction; the evidence picks one."""

SHORTLIST_BUDGETS = 4
"""Documents kept as candidates, as a multiple of what the budget pays for."""

SHORTLIST_MINIMUM = 5_000


@dataclass(frozen=True)
class EqualParameters:
    """Parameters of the strategy; `settings.EqualSettings` holds defaults and bounds.

    Attributes
    ----------
    temperature : float
        Width of the kernel around a question, in standard deviations of the similarity of
        documents to it, > 0.
    prior_strength : float
        Predicted mass, > 0, after which an arm's own outcome counts as much as its neighbors'.
    sharing : float
        Distance over which arms share what they learned, as a multiple of the median distance to
        the nearest arm, >= 0; 0 shares nothing.
    exploration : float
        Posterior standard deviations added to an arm's yield, >= 0.
    answer_length : float
        Exponent of the answer's length relative to the target's, >= 0; 0 counts all pairs alike.
    coverage : float
        Exponent of the diminishing return of a question, >= 0; 1 makes the gain logarithmic, 0
        looks for near pairs wherever they are.
    """

    temperature: float
    prior_strength: float
    sharing: float
    exploration: float
    answer_length: float
    coverage: float


@dataclass(frozen=True)
class Shortlist:
    """What is computed from the vectors of all documents, once for a campaign.

    Attributes
    ----------
    kernel : Kernel
    rows : ndarray of shape (n_candidates,), int64
        Of the documents that are candidates, sorted.
    vectors : ndarray of shape (n_candidates, n_dimensions), float32
        Theirs.
    relatedness : ndarray of shape (n_arms, n_arms), float64
        How much of one arm's outcome counts for another; 1 for its own.
    """

    kernel: Kernel
    rows: np.ndarray
    vectors: np.ndarray
    relatedness: np.ndarray


def make_shortlist(
    corpus: Corpus, target: Target, parameters: EqualParameters, *, n_documents: int
) -> Shortlist:
    """Read the vectors of all documents, and keep those with the largest mass per cost.

    Parameters
    ----------
    corpus, target, parameters
    n_documents : int
        Documents that the whole budget pays for.
    """
    kernel = kernel_of(corpus.embeddings, target.embeddings, temperature=parameters.temperature)
    sizes = document_sizes(corpus, target, parameters)
    rows = _candidates(
        corpus, kernel, sizes, max(SHORTLIST_MINIMUM, SHORTLIST_BUDGETS * n_documents)
    )
    return Shortlist(
        kernel, rows, corpus.embeddings[rows], _relatedness(corpus, sharing=parameters.sharing)
    )


def document_sizes(corpus: Corpus, target: Target, parameters: EqualParameters) -> np.ndarray:
    """Return the relative mass of documents that are equally near, shape (n_documents,)."""
    yields = corpus.yields
    if yields is None:
        return (corpus.costs / corpus.costs.mean()) ** SIZE_EXPONENT
    values = answer_values(yields.answer_lengths, target, exponent=parameters.answer_length)
    expected = yields.pairs * values
    return np.maximum(expected / expected.mean(), SMALLEST_SIZE)


def _candidates(corpus: Corpus, kernel: Kernel, sizes: np.ndarray, n_candidates: int) -> np.ndarray:
    """Return the documents with the largest mass for any question, per cost; sorted rows."""
    if n_candidates >= corpus.n_documents:
        return np.arange(corpus.n_documents)
    best = np.empty(corpus.n_documents, dtype=np.float32)
    for rows, block in blocks(corpus.embeddings):
        best[rows] = kernel(block).max(axis=1)
    ranking = np.argsort(-best * sizes / corpus.costs, kind="stable")
    return np.sort(ranking[:n_candidates])


class EqualStrategy(Strategy):
    """Chooses the documents with the largest expected marginal gain per cost.

    **Gain.** A QA pair ``p`` gives question ``q`` of the target the mass ``v(p) k(p,q)``:
    ``k = exp((cos(p,q) - c_q) / tau_q)``, cut at ``e^2``, with ``c_q`` the mean similarity of the
    50 documents nearest to ``q`` and ``tau_q`` proportional to the spread of all; the value
    ``v = min(1, answer length / median answer length of the target)``, since a student learns from
    the tokens of answers. The pool's coverage is ``F = sum_q w_q log(1 + m_q)``, ``m_q`` the mass
    that all pairs gave to ``q``: every question counts, well-served ones less.

    **Prediction.** Document ``d`` of arm ``a`` is expected to give ``rho_a k(d,q) s_d``: its
    similarity to the target before anything is extracted, times the value ``s_d`` of the pairs
    that its text should give, relative to the mean document (where nothing was learned about
    texts, the cube root of its relative cost), times the yield of such predictions in the
    arm so far. ``rho_a = (realized_a + n nu_a) / (predicted_a + n)`` is the mean of a Gamma
    posterior with the prior strength ``n``; its prior mean ``nu_a`` is the same ratio over the
    nearby arms, weighted by an exponential kernel between centroids and shrunk to the ratio over
    all arms. Documents without pairs lower it; pairs nearer to the target, longer or more numerous
    than the document promised raise it. How far predictions can tell documents of one arm apart is
    learned too: they enter with the exponent of :meth:`trust`, 1 until the evidence favors less.

    **Choice.** One by one, the document with the largest ``sum_q w_q (expected mass)_q
    / (1 + m_q)`` per cost, where ``m`` includes what the documents chosen before it are expected to
    give, and ``rho_a`` is raised by posterior standard deviations: an arm about which little is
    known is tried as far as its documents look promising. This is measured against round-robin and
    document similarity all the time, and gives way where they bring more: :class:`Hedge` states the
    bound. Where reviewers have spoken, all three count an arm's documents for the share of its
    pairs that they accept.

    Notes
    -----
    The gain has diminishing returns, so gains computed earlier bound later ones and lazy evaluation
    finds the exact greedy choice. Candidates are the documents nearest to any question, a few times
    the budget.
    """

    relatedness: np.ndarray

    def __init__(
        self,
        corpus: Corpus,
        target: Target,
        parameters: EqualParameters,
        *,
        n_documents: int,
        rng: np.random.Generator,
        shortlist: Shortlist | None = None,
    ) -> None:
        """Start from a shortlist.

        Parameters
        ----------
        corpus, target, parameters
        n_documents : int
            Documents that the whole budget pays for.
        rng : numpy.random.Generator
            Draws the order in which questions have their turns, as in ``round-robin``.
        shortlist : Shortlist, optional
            Of the same corpus, target, parameters and number; made if it is not given.
        """
        super().__init__(corpus, target)
        self.parameters = parameters
        if shortlist is None:
            shortlist = make_shortlist(corpus, target, parameters, n_documents=n_documents)
        self.kernel = shortlist.kernel
        self.sizes = document_sizes(corpus, target, parameters)
        self.candidates = shortlist.rows
        near = self._near = shortlist.vectors
        self.predicted_mass = self.kernel(near) * (
            self.sizes[self.candidates, None].astype(np.float32)
        )  # (n_candidates, n_questions)
        self.similarity = target.embeddings @ near.T  # (n_questions, n_candidates)
        self.centrality = target.weights @ self.similarity
        self.order = rng.permutation(len(target.embeddings))
        self.hedge = Hedge()
        self.taken_by: dict[int, int] = {}
        self.relatedness = shortlist.relatedness
        self.realized = np.zeros(corpus.n_arms)
        self.predicted = np.zeros((len(TRUSTS), corpus.n_arms))
        self.evidence = np.zeros(1)
        self.masses = np.zeros(len(target.embeddings))

    def state(self) -> State:
        """Return what arms promised and gave, what questions have, and what the rules brought."""
        return {
            "realized": self.realized,
            "predicted": self.predicted.ravel(),
            "evidence": self.evidence,
            "masses": self.masses,
            "owed": self.hedge.owed,
            "brought": self.hedge.sums.ravel(),
        }

    def trust(self) -> int:
        """Return the index in :data:`TRUSTS` of the exponent that fits the outcomes best.

        The one with the highest likelihood if a document's realized mass is Poisson around
        ``rho_a * prediction^t``, with the best ``rho_a`` for each; the largest where nothing is
        known.
        """
        known = self.realized > 0
        likelihoods = TRUSTS * self.evidence - (
            np.log(self.predicted[:, known]) @ self.realized[known]
        )
        return int(np.flatnonzero(likelihoods >= likelihoods.max() - 1e-9)[-1])

    def yields(self, trust: int) -> tuple[np.ndarray, np.ndarray]:
        """Return posterior mean and standard deviation of every arm's yield, shape (n_arms,)."""
        strength, asked = self.parameters.prior_strength, self.predicted[trust]
        overall = (self.realized.sum() + strength) / (asked.sum() + strength)
        nearby = (self.relatedness @ self.realized + strength * overall) / (
            self.relatedness @ asked + strength
        )
        realized = self.realized + strength * nearby
        predicted = asked + strength
        return realized / predicted, np.sqrt(realized) / predicted

    def _restore(self, state: State) -> None:
        self.realized, self.evidence = state["realized"].copy(), state["evidence"].copy()
        self.predicted = state["predicted"].reshape(self.predicted.shape).copy()
        self.masses = state["masses"].copy()
        self.hedge.owed = state["owed"].copy()
        self.hedge.sums = state["brought"].reshape(self.hedge.sums.shape).copy()

    def _plan(self, wanted: int, rng: np.random.Generator) -> list[Pull]:
        trust = self.trust()
        means, deviations = (self.acceptance * part for part in self.yields(trust))
        bonuses = self.parameters.exploration * deviations
        chosen, gains = self._choose(wanted, means + bonuses, TRUSTS[trust])
        self.expected_gain = 1000.0 * sum(gains) / float(self.corpus.tokens[chosen].sum())
        return [
            Pull(
                arm=arm,
                documents=tuple(rows),
                mean_reward=float(means[arm]),
                exploration_bonus=float(bonuses[arm]),
                ucb_score=float(means[arm] + bonuses[arm]),
            )
            for arm, rows in group_by_arm(chosen, self.corpus.arms).items()
        ]

    def _observe(
        self, pulls: Sequence[Pull], pairs: ExtractedPairs, rewards: Sequence[float]
    ) -> None:
        weights = self._question_weights(self.masses)
        weights /= weights.sum()
        rows = np.concatenate([pull.documents for pull in pulls]).astype(np.int64)
        predicted = (self.kernel(self._vectors(rows)) @ weights) * self.sizes[rows]
        for trust, by_arm in zip(TRUSTS, self.predicted, strict=True):
            np.add.at(by_arm, self.corpus.arms[rows], predicted**trust)
        given = self._given(rows, pairs)
        gained = given @ weights
        np.add.at(self.realized, self.corpus.arms[rows], gained)
        self.evidence += gained @ np.log(predicted)
        brought = np.log1p(given / (1.0 + self.masses)) @ self.target.weights
        rules = np.array([self.taken_by.get(row, LEARNED) for row in rows.tolist()])
        self.hedge.credit(rules, brought, self.corpus.costs[rows])
        self.masses += given.sum(axis=0)

    def _vectors(self, rows: np.ndarray) -> np.ndarray:
        """Return the vectors of documents; those of candidates are at hand."""
        places = np.searchsorted(self.candidates, rows)
        places[places == len(self.candidates)] = 0
        is_near = self.candidates[places] == rows
        vectors = self._near[places]
        if not is_near.all():
            vectors[~is_near] = self.corpus.embeddings[rows[~is_near]]
        return vectors

    def _given(self, rows: np.ndarray, pairs: ExtractedPairs) -> np.ndarray:
        """Return the mass that documents' pairs gave to questions, shape (n_rows, n_questions)."""
        values = answer_values(
            pairs.answer_lengths, self.target, exponent=self.parameters.answer_length
        )
        places = {row: place for place, row in enumerate(rows.tolist())}
        given = np.zeros((len(rows), len(self.masses)))
        if len(pairs.documents):
            owners = [places[row] for row in pairs.documents.tolist()]
            np.add.at(given, owners, self.kernel(pairs.embeddings) * values[:, None])
        return given

    def _choose(
        self, wanted: int, yields: np.ndarray, trust: float
    ) -> tuple[list[int], list[float]]:
        """Return rows in order of choice, and the gain expected of each.

        Which rule took a row is remembered until it is observed.
        """
        masses, owed, leader = self.masses.copy(), self.hedge.owed.copy(), self.hedge.leader()
        costs = self.corpus.costs[self.candidates]
        scale = yields[self.corpus.arms[self.candidates]]
        is_left = self.unread[self.candidates]

        def expected(candidates: Any) -> tuple[Any, Any]:
            worth = self._question_weights(masses)
            prediction = (self.predicted_mass[candidates] @ worth) / worth.sum()
            return prediction, prediction**trust * worth.sum() * scale[candidates]

        greedy = _Greedy(
            expected(np.arange(len(costs)))[1] / costs,
            is_left,
            lambda candidate: float(expected(candidate)[1]) / costs[candidate],
        )
        best = self._rules(wanted, greedy, is_left)
        chosen: list[int] = []
        gains: list[float] = []
        self.taken_by = {}
        cheapest = costs.min()
        for _ in range(min(wanted, int(is_left.sum()))):
            waiting = (rule for rule in np.argsort(-owed, kind="stable") if owed[rule] >= cheapest)
            rule = next((rule for rule in waiting if costs[best[rule]()] <= owed[rule]), leader)
            candidate = best[rule]()
            prediction, gain = expected(candidate)
            masses += self.predicted_mass[candidate] * (
                scale[candidate] * prediction ** (trust - 1)
            )
            is_left[candidate] = False
            book(owed, int(rule), float(costs[candidate]), leader=leader)
            chosen.append(int(self.candidates[candidate]))
            gains.append(float(gain))
            self.taken_by[chosen[-1]] = int(rule)
        return [*chosen, *self._others(wanted - len(chosen))], gains

    def _rules(
        self, wanted: int, greedy: _Greedy, is_left: np.ndarray
    ) -> dict[int, Callable[[], int]]:
        """Return for each rule what gives the candidate that it would take next."""
        taken = int(self.hedge.sums[0, NEAREST])
        weights = self.target.weights[self.order]
        acceptance = self.acceptance[self.corpus.arms[self.candidates]]
        questions = self.order[turns(weights, first=taken, n_turns=wanted)]

        def nearest() -> int:
            n_taken = sum(rule == NEAREST for rule in self.taken_by.values())
            similarity = self.similarity[questions[n_taken]] * acceptance
            return int(np.where(is_left, similarity, -np.inf).argmax())

        def central() -> int:
            return int(np.where(is_left, self.centrality * acceptance, -np.inf).argmax())

        return {LEARNED: greedy.best, NEAREST: nearest, CENTRAL: central}

    def _others(self, wanted: int) -> list[int]:
        """Return unread documents outside the shortlist, once it is used up, in corpus order."""
        is_candidate = np.zeros(self.corpus.n_documents, dtype=bool)
        is_candidate[self.candidates] = True
        return np.flatnonzero(self.unread & ~is_candidate)[:wanted].tolist()

    def _question_weights(self, masses: np.ndarray) -> np.ndarray:
        """Return the current worth of a unit of mass to each question, shape (n_questions,)."""
        return self.target.weights / (1.0 + masses) ** self.parameters.coverage


class _Greedy:
    """Candidates by gains that only shrink: an older gain bounds the one of now."""

    def __init__(
        self, gains: np.ndarray, is_left: np.ndarray, gain_of: Callable[[int], float]
    ) -> None:
        """Start with the gains of now; ``is_left`` and what ``gain_of`` returns change later."""
        left = np.flatnonzero(is_left)
        self._gains, self._is_left, self._gain_of = gains, is_left, gain_of
        self._waiting = deque(left[np.argsort(-gains[left], kind="stable")].tolist())
        self._heap: list[tuple[float, int]] = []

    def best(self) -> int:
        """Return the candidate with the largest gain; it stays until it is taken."""
        while True:
            while self._waiting and (
                not self._heap or self._gains[self._waiting[0]] >= -self._heap[0][0]
            ):
                first = self._waiting.popleft()
                heapq.heappush(self._heap, (-self._gains[first], first))
            _, candidate = heapq.heappop(self._heap)
            if not self._is_left[candidate]:
                continue
            gain = self._gain_of(candidate)
            bounds = [-self._heap[0][0]] if self._heap else []
            bounds += [self._gains[self._waiting[0]]] if self._waiting else []
            heapq.heappush(self._heap, (-gain, candidate))
            if gain >= max(bounds, default=0.0):
                return candidate


def _relatedness(corpus: Corpus, *, sharing: float) -> np.ndarray:
    """Return how much of one arm's outcome counts for another, shape (n_arms, n_arms); 1 for own.

    ``exp(-distance / bandwidth)``, cosine distance of centroids.
    """
    if not sharing or corpus.n_arms < 2:
        return np.eye(corpus.n_arms)
    centroids = vector_sums(corpus.embeddings, corpus.arms, corpus.n_arms)
    centroids /= np.maximum(np.linalg.norm(centroids, axis=1, keepdims=True), 1e-12)
    distances = np.maximum(1.0 - centroids @ centroids.T, 0.0)
    np.fill_diagonal(distances, np.inf)
    bandwidth = max(sharing * float(np.median(distances.min(axis=1))), 1e-12)
    np.fill_diagonal(distances, 0.0)
    return np.exp(-distances / bandwidth)
