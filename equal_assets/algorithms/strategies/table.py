"""The strategies by name: which documents deserve to be extracted.

Every strategy answers the same question and is compared at the same budget; extraction, budget,
training and evaluation know nothing of it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from threadpoolctl import threadpool_limits

from equal_assets.algorithms.strategies.arms import (
    ArmBandit,
    AuthorsBandit,
    ScoredArmBandit,
    UniformArms,
)
from equal_assets.algorithms.strategies.bandit import ds_scores, greedy_scores
from equal_assets.algorithms.strategies.equal import EqualParameters, EqualStrategy
from equal_assets.algorithms.strategies.ranked import (
    RankedDocuments,
    round_robin_order,
    score_order,
    similarity_order,
)
from equal_assets.algorithms.strategies.strategy import Corpus, Strategy, Target
from equal_assets.algorithms.strategies.tsds import tsds_ranking


@dataclass(frozen=True)
class Plan:
    """What every strategy is told of its campaign.

    Attributes
    ----------
    n_documents : int
        Most documents that the whole budget can ask for.
    documents_per_pull : int
        Most documents that one pull of an arm asks for, where the strategy pulls arms.
    equal : EqualParameters
        Of the strategy ``equal``.
    """

    n_documents: int
    documents_per_pull: int
    equal: EqualParameters


def make_strategy(
    name: str, corpus: Corpus, target: Target, plan: Plan, *, rng: np.random.Generator
) -> Strategy:
    """Return a strategy that has not asked for anything yet.

    Parameters
    ----------
    name : str
        A key of :data:`STRATEGIES`.
    corpus, target, plan
    rng : numpy.random.Generator
        Draws what stays the same in all rounds.

    Raises
    ------
    ValueError
        If the strategy is unknown.
    """
    if name not in STRATEGIES:
        raise ValueError(f"strategy = {name!r}; allowed: {', '.join(STRATEGIES)}")
    with threadpool_limits(1, user_api="blas"):
        return STRATEGIES[name](corpus, target, plan, rng)


def _equal(corpus: Corpus, target: Target, plan: Plan, rng: np.random.Generator) -> Strategy:
    return EqualStrategy(corpus, target, plan.equal, n_documents=plan.n_documents)


def _paper(corpus: Corpus, target: Target, plan: Plan, rng: np.random.Generator) -> Strategy:
    return ArmBandit(corpus, target, ds_scores, documents_per_pull=plan.documents_per_pull, rng=rng)


def _greedy(corpus: Corpus, target: Target, plan: Plan, rng: np.random.Generator) -> Strategy:
    return ArmBandit(
        corpus, target, greedy_scores, documents_per_pull=plan.documents_per_pull, rng=rng
    )


def _uniform(corpus: Corpus, target: Target, plan: Plan, rng: np.random.Generator) -> Strategy:
    return UniformArms(corpus, target, documents_per_pull=plan.documents_per_pull, rng=rng)


def _authors(corpus: Corpus, target: Target, plan: Plan, rng: np.random.Generator) -> Strategy:
    return AuthorsBandit(corpus, target, documents_per_pull=plan.documents_per_pull)


def _perplexity(corpus: Corpus, target: Target, plan: Plan, rng: np.random.Generator) -> Strategy:
    return ScoredArmBandit(
        corpus, target, documents_per_pull=plan.documents_per_pull, without_pairs=0.0, rng=rng
    )


def _influence(corpus: Corpus, target: Target, plan: Plan, rng: np.random.Generator) -> Strategy:
    return ScoredArmBandit(
        corpus, target, documents_per_pull=plan.documents_per_pull, without_pairs=-1.0, rng=rng
    )


def _scored(corpus: Corpus, target: Target, plan: Plan, rng: np.random.Generator) -> Strategy:
    return RankedDocuments(corpus, target, score_order(corpus, target))


def _random(corpus: Corpus, target: Target, plan: Plan, rng: np.random.Generator) -> Strategy:
    return RankedDocuments(corpus, target, rng.permutation(corpus.n_documents))


def _all(corpus: Corpus, target: Target, plan: Plan, rng: np.random.Generator) -> Strategy:
    return RankedDocuments(corpus, target, np.arange(corpus.n_documents))


def _similarity(corpus: Corpus, target: Target, plan: Plan, rng: np.random.Generator) -> Strategy:
    return RankedDocuments(corpus, target, similarity_order(corpus, target))


def _round_robin(corpus: Corpus, target: Target, plan: Plan, rng: np.random.Generator) -> Strategy:
    order = round_robin_order(corpus, target, n_documents=plan.n_documents, rng=rng)
    return RankedDocuments(corpus, target, order)


def _tsds(corpus: Corpus, target: Target, plan: Plan, rng: np.random.Generator) -> Strategy:
    order = tsds_ranking(
        corpus.embeddings,
        target.embeddings,
        n_documents=min(plan.n_documents, corpus.n_documents),
        alpha=0.5,
        scale=5.0,
        kernel_size=0.75,
        max_neighbors=5000,
        rng=rng,
    )
    return RankedDocuments(corpus, target, order)


STRATEGIES: dict[str, Callable[[Corpus, Target, Plan, np.random.Generator], Strategy]] = {
    "equal": _equal,
    "equal-paper": _paper,
    "equal-paper-no-exploration": _greedy,
    "equal-paper-no-bandit": _uniform,
    "equal-authors": _authors,
    "round-robin": _round_robin,
    "document-similarity": _similarity,
    "tsds": _tsds,
    "perplexity-mab": _perplexity,
    "influence-mab": _influence,
    "perplexity": _scored,
    "influence": _scored,
    "llm-scoring": _scored,
    "random": _random,
    "all": _all,
}
"""Strategy name of ``campaigns.yaml`` -> constructor; settings.Strategy lists the same names."""

SCORED_STRATEGIES = frozenset(
    {"perplexity-mab", "influence-mab", "perplexity", "influence", "llm-scoring"}
)
"""Strategies that need to be told what a model says of documents or pairs."""
