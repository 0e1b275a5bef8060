"""The one table of strategies: a row holds all that the rest of the project needs to know.

Every strategy answers the same question, which documents deserve to be extracted, and is compared
at the same budget. Settings read this table, so it loads no array library: a constructor imports
its class when it is called.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    import numpy as np

    from equal_assets.algorithms.strategies.equal import EqualParameters, Shortlist
    from equal_assets.algorithms.strategies.strategy import Corpus, Strategy, Target

StudentScore = Literal["perplexity", "influence", "states"]
"""What the untuned student says of a text: two numbers, and its mean hidden state."""


@dataclass(frozen=True)
class Plan:
    """What every strategy is told about its campaign.

    Attributes
    ----------
    n_documents : int
        Most documents that the whole budget pays for.
    documents_per_pull : int
        Most documents in one pull of an arm, where the strategy pulls arms.
    equal : EqualParameters
        Of the strategy ``equal``.
    shortlist : Shortlist or None
        What ``equal`` has taken from all vectors before, if it has.
    """

    n_documents: int
    documents_per_pull: int
    equal: EqualParameters
    shortlist: Shortlist | None = None


@dataclass(frozen=True)
class ModelScore:
    """The scores that a strategy needs from a model, and the work that they take.

    Attributes
    ----------
    kind : {"perplexity", "influence", "states", "rating"}
        The untuned student gives the first three, the extractor's LLM the last.
    of : {"pairs", "documents"}
        Documents are scored before the first round, pairs in the round that extracts them.
    before_first_round, each_round : str
        For people, such as "a forward pass per document"; empty: nothing.
    """

    kind: StudentScore | Literal["rating"]
    of: Literal["pairs", "documents"]
    before_first_round: str = ""
    each_round: str = ""


@dataclass(frozen=True)
class StrategyRow:
    """A strategy as settings, estimates, rounds and docs know it.

    Attributes
    ----------
    name : str
        In campaigns.yaml.
    chooses : str
        Which documents it extracts, in a line for people.
    make : callable
        Returns the strategy before its first round; see :func:`make_strategy`.
    sections : tuple of str
        Sections of campaigns.yaml that decide what it selects, besides the shared ones.
    score : ModelScore or None
        The scores that it needs, if any.
    counts_words : bool
        Whether documents are scored by the words that they share with the reference pairs.
    pulls_arms : bool
        Whether ``documents_per_pull`` decides how many documents it takes from an arm.
    predicts_gain : bool
        Whether it sets :attr:`Strategy.expected_gain`, at which a campaign can end.
    has_shortlist : bool
        Whether it starts from a :class:`Shortlist`.
    takes_all : bool
        Whether its budget has to be the whole corpus.
    """

    name: str
    chooses: str
    make: Callable[[Corpus, Target, Plan, np.random.Generator], Strategy]
    sections: tuple[str, ...] = ()
    score: ModelScore | None = None
    counts_words: bool = False
    pulls_arms: bool = False
    predicts_gain: bool = False
    has_shortlist: bool = False
    takes_all: bool = False

    @property
    def student_score(self) -> StudentScore | None:
        """The scores that it needs from the untuned student, if any."""
        return None if self.score is None or self.score.kind == "rating" else self.score.kind

    @property
    def needs_ratings(self) -> bool:
        """Whether the extractor's LLM rates documents before the first round."""
        return self.score is not None and self.score.kind == "rating"

    @property
    def scores_documents(self) -> bool:
        """Whether documents have a score before the first round, from a model or their words."""
        return self.counts_words or (
            self.score is not None and self.score.of == "documents" and not self.compares_states
        )

    @property
    def compares_states(self) -> bool:
        """Whether documents and reference pairs are compared by what the student makes of them."""
        return self.score is not None and self.score.kind == "states"


def make_strategy(
    name: str, corpus: Corpus, target: Target, plan: Plan, *, rng: np.random.Generator
) -> Strategy:
    """Return a strategy before its first round.

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
    from threadpoolctl import threadpool_limits

    if name not in STRATEGIES:
        raise ValueError(f"strategy = {name!r}: must be one of {', '.join(STRATEGIES)}")
    with threadpool_limits(1, user_api="blas"):
        return STRATEGIES[name].make(corpus, target, plan, rng)


def _equal(corpus: Corpus, target: Target, plan: Plan, rng: np.random.Generator) -> Strategy:
    from equal_assets.algorithms.strategies.equal import EqualStrategy

    return EqualStrategy(
        corpus,
        target,
        plan.equal,
        n_documents=plan.n_documents,
        rng=rng,
        shortlist=plan.shortlist,
    )


def _paper(corpus: Corpus, target: Target, plan: Plan, rng: np.random.Generator) -> Strategy:
    from equal_assets.algorithms.strategies.arms import ArmBandit
    from equal_assets.algorithms.strategies.bandit import ds_scores

    return ArmBandit(corpus, target, ds_scores, documents_per_pull=plan.documents_per_pull, rng=rng)


def _greedy(corpus: Corpus, target: Target, plan: Plan, rng: np.random.Generator) -> Strategy:
    from equal_assets.algorithms.strategies.arms import ArmBandit
    from equal_assets.algorithms.strategies.bandit import greedy_scores

    return ArmBandit(
        corpus, target, greedy_scores, documents_per_pull=plan.documents_per_pull, rng=rng
    )


def _uniform(corpus: Corpus, target: Target, plan: Plan, rng: np.random.Generator) -> Strategy:
    from equal_assets.algorithms.strategies.arms import UniformArms

    return UniformArms(corpus, target, documents_per_pull=plan.documents_per_pull, rng=rng)


def _authors(corpus: Corpus, target: Target, plan: Plan, rng: np.random.Generator) -> Strategy:
    from equal_assets.algorithms.strategies.arms import AuthorsBandit

    return AuthorsBandit(corpus, target, documents_per_pull=plan.documents_per_pull)


def _perplexity(corpus: Corpus, target: Target, plan: Plan, rng: np.random.Generator) -> Strategy:
    from equal_assets.algorithms.strategies.arms import ScoredArmBandit

    return ScoredArmBandit(
        corpus, target, documents_per_pull=plan.documents_per_pull, without_pairs=0.0, rng=rng
    )


def _influence(corpus: Corpus, target: Target, plan: Plan, rng: np.random.Generator) -> Strategy:
    from equal_assets.algorithms.strategies.arms import ScoredArmBandit

    return ScoredArmBandit(
        corpus, target, documents_per_pull=plan.documents_per_pull, without_pairs=-1.0, rng=rng
    )


def _scored(corpus: Corpus, target: Target, plan: Plan, rng: np.random.Generator) -> Strategy:
    from equal_assets.algorithms.strategies.ranked import RankedDocuments, score_order

    return RankedDocuments(corpus, target, score_order(corpus, target))


def _random(corpus: Corpus, target: Target, plan: Plan, rng: np.random.Generator) -> Strategy:
    from equal_assets.algorithms.strategies.ranked import RankedDocuments

    return RankedDocuments(corpus, target, rng.permutation(corpus.n_documents))


def _all(corpus: Corpus, target: Target, plan: Plan, rng: np.random.Generator) -> Strategy:
    from equal_assets.algorithms.strategies.ranked import RankedDocuments, corpus_order

    return RankedDocuments(corpus, target, corpus_order(corpus))


def _similarity(corpus: Corpus, target: Target, plan: Plan, rng: np.random.Generator) -> Strategy:
    from equal_assets.algorithms.strategies.ranked import RankedDocuments, similarity_order

    return RankedDocuments(corpus, target, similarity_order(corpus, target))


def _round_robin(corpus: Corpus, target: Target, plan: Plan, rng: np.random.Generator) -> Strategy:
    from equal_assets.algorithms.strategies.ranked import RankedDocuments, round_robin_order

    order = round_robin_order(corpus, target, n_documents=plan.n_documents, rng=rng)
    return RankedDocuments(corpus, target, order)


def _rds(corpus: Corpus, target: Target, plan: Plan, rng: np.random.Generator) -> Strategy:
    from equal_assets.algorithms.strategies.ranked import RankedDocuments, space_order

    order = space_order(corpus, n_documents=plan.n_documents, rng=rng)
    return RankedDocuments(corpus, target, order)


def _classifier(corpus: Corpus, target: Target, plan: Plan, rng: np.random.Generator) -> Strategy:
    from equal_assets.algorithms.strategies.classifier import classifier_order
    from equal_assets.algorithms.strategies.ranked import RankedDocuments

    return RankedDocuments(corpus, target, classifier_order(corpus, target, rng=rng))


def _tsds(corpus: Corpus, target: Target, plan: Plan, rng: np.random.Generator) -> Strategy:
    from numpy import asarray

    from equal_assets.algorithms.strategies.ranked import RankedDocuments
    from equal_assets.algorithms.strategies.tsds import tsds_ranking

    order = tsds_ranking(
        asarray(corpus.embeddings),
        target.embeddings,
        n_documents=min(plan.n_documents, corpus.n_documents),
        alpha=0.5,
        scale=5.0,
        kernel_size=0.75,
        max_neighbors=5000,
        rng=rng,
    )
    return RankedDocuments(corpus, target, order)


_ROWS = (
    StrategyRow(
        "equal",
        "the documents with the largest expected marginal gain for the target",
        _equal,
        sections=("equal",),
        predicts_gain=True,
        has_shortlist=True,
    ),
    StrategyRow(
        "equal-paper",
        "the clusters with the highest document sampling score of the paper",
        _paper,
        pulls_arms=True,
    ),
    StrategyRow(
        "equal-paper-no-exploration",
        "the paper's ablation: the clusters with the highest rewards so far",
        _greedy,
        pulls_arms=True,
    ),
    StrategyRow(
        "equal-paper-no-bandit",
        "the paper's ablation: clusters at random, each as likely as any other",
        _uniform,
        pulls_arms=True,
    ),
    StrategyRow(
        "equal-authors",
        "the clusters that the authors' code would pull, where it departs from the paper",
        _authors,
        pulls_arms=True,
    ),
    StrategyRow(
        "round-robin",
        "each reference question in turn: its nearest unread document",
        _round_robin,
    ),
    StrategyRow(
        "bm25",
        "the documents whose words answer best to those of the reference pairs",
        _scored,
        counts_words=True,
    ),
    StrategyRow(
        "document-similarity",
        "the documents nearest to the mean of the reference pairs",
        _similarity,
    ),
    StrategyRow(
        "rds",
        "each reference pair in turn: the unread document that the student takes most like it "
        "(RDS+, arXiv 2503.01807)",
        _rds,
        sections=("student",),
        score=ModelScore(
            "states",
            "documents",
            before_first_round="a forward pass per document and per reference pair",
        ),
    ),
    StrategyRow(
        "target-classifier",
        "the documents that a linear model takes for near some reference pair (arXiv 2507.12466)",
        _classifier,
    ),
    StrategyRow(
        "tsds",
        "documents drawn by optimal transport with repetition control (arXiv 2410.11303)",
        _tsds,
    ),
    StrategyRow(
        "perplexity-mab",
        "the paper's bandit, rewarded where the student finds a cluster's pairs least perplexing",
        _perplexity,
        sections=("student",),
        score=ModelScore("perplexity", "pairs", each_round="a forward pass per pair"),
        pulls_arms=True,
    ),
    StrategyRow(
        "influence-mab",
        "the paper's bandit, rewarded where a cluster's pairs pull the student's weights the way "
        "the reference pairs do",
        _influence,
        sections=("student", "influence"),
        score=ModelScore(
            "influence",
            "pairs",
            before_first_round="a backward pass per reference pair",
            each_round="a backward pass per pair",
        ),
        pulls_arms=True,
    ),
    StrategyRow(
        "perplexity",
        "the documents that the student finds the least perplexing",
        _scored,
        sections=("student",),
        score=ModelScore(
            "perplexity", "documents", before_first_round="a forward pass per document"
        ),
    ),
    StrategyRow(
        "influence",
        "the documents that pull the student's weights most the way the reference pairs do",
        _scored,
        sections=("student", "influence"),
        score=ModelScore(
            "influence",
            "documents",
            before_first_round="a backward pass per document and per reference pair",
        ),
    ),
    StrategyRow(
        "llm-scoring",
        "the documents that the extractor's LLM rates best for the target, out of a few times "
        "the budget",
        _scored,
        sections=("llm_scoring",),
        score=ModelScore("rating", "documents", before_first_round="an LLM call per candidate"),
    ),
    StrategyRow("random", "documents at random", _random),
    StrategyRow("all", "every document; the budget is the whole corpus", _all, takes_all=True),
)

STRATEGIES = {row.name: row for row in _ROWS}
"""Every strategy by the name that campaigns.yaml gives; to add one, add its class and a row."""

BY_CHANCE = frozenset({"random", "all"})
"""Strategies that choose no document over another."""
