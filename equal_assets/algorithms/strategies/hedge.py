"""Which rule chooses the next document: the learned one, or a simple one that brings more."""

from __future__ import annotations

import numpy as np

LEARNED, NEAREST, CENTRAL = range(3)
"""The rules: by what the campaign has learned; the document nearest to the question whose turn it
is, as in ``round-robin``; the one nearest to the target's mean, as in ``document-similarity``."""

N_RULES = 3

AUDIT = 0.05
"""Share of the cost that goes to each rule that does not lead."""

ERRORS = 3.0
"""Standard errors by which a simple rule must bring more before it leads."""

LEAST_DOCUMENTS = 10
"""Of a rule, before anything is made of what they brought."""


class Hedge:
    """Lets the learned rule lead until a simple one has shown that it brings more per cost.

    Each rule that does not lead is owed :data:`AUDIT` of all that is spent, and takes its next
    document as soon as that pays for it. What a document brings is measured, not predicted: what
    its pairs alone add to the coverage ``F`` that the pool had before the round, per cost, relative
    to the round's mean. A simple rule leads when it has taken :data:`LEAST_DOCUMENTS` and its rate
    is :data:`ERRORS` standard errors above that of the learned rule.

    **Bound.** Where the budget counts documents, what a campaign of ``n`` documents has read
    includes the first ``AUDIT * n``, rounded down, of each simple rule's own order, whatever the
    corpus: its coverage is never below theirs. If a simple rule keeps bringing ``r > 1`` times as
    much per cost as the learned one, it leads after about ``(ERRORS * sigma / (r - 1)) ** 2``
    of its own documents, or :data:`LEAST_DOCUMENTS` if that is more, ``sigma`` being the deviation
    of what a document brings, in units of the learned rule's mean; from then on it gets
    ``1 - 2 * AUDIT`` of the cost.

    Attributes
    ----------
    owed : ndarray of shape (n_rules,)
        Cost that each rule may spend without leading; 0 for the leader.
    sums : ndarray of shape (6, n_rules)
        Over each rule's documents: their number, and the sums of cost, squared cost, gain, gain
        times cost, and squared gain.
    """

    def __init__(self) -> None:
        """Start without evidence."""
        self.owed = np.zeros(N_RULES)
        self.sums = np.zeros((6, N_RULES))

    def leader(self) -> int:
        """Return the rule that the evidence favors."""
        documents, costs, squared_costs, gains, products, squared_gains = self.sums
        is_known = documents >= LEAST_DOCUMENTS
        if not is_known[LEARNED]:
            return LEARNED
        rates = np.divide(gains, costs, out=np.zeros(N_RULES), where=is_known)
        residuals = squared_gains - 2 * rates * products + rates**2 * squared_costs
        variance = residuals[is_known].sum() / squared_costs[is_known].sum()
        errors = np.sqrt(np.maximum(variance, 0.0) * squared_costs) / np.maximum(costs, 1e-300)
        errors = np.hypot(errors, errors[LEARNED])  # of the difference to the learned rule
        lower = np.where(is_known, rates - ERRORS * errors, -np.inf)
        lower[LEARNED] = rates[LEARNED]
        return int(lower.argmax())

    def credit(self, rules: np.ndarray, gains: np.ndarray, costs: np.ndarray) -> None:
        """Learn what the documents of a round brought.

        Parameters
        ----------
        rules : ndarray of shape (n_documents,), int64
            The rule that took each, in order.
        gains, costs : ndarray of shape (n_documents,)
        """
        leader = self.leader()
        for rule, cost in zip(rules, costs, strict=True):
            book(self.owed, int(rule), float(cost), leader=leader)
        if gains.sum() > 0:
            gains = gains * costs.sum() / gains.sum()
        terms = (np.ones(len(rules)), costs, costs**2, gains, gains * costs, gains**2)
        for row, values in zip(self.sums, terms, strict=True):
            np.add.at(row, rules, values)


def book(owed: np.ndarray, rule: int, cost: float, *, leader: int) -> None:
    """Change what rules are owed, in place, by a document that one of them took."""
    owed += AUDIT * cost
    owed[rule] -= cost
    owed[leader] = 0.0


def turns(weights: np.ndarray, *, first: int, n_turns: int) -> np.ndarray:
    """Return whose turn it is: each question as often as it weighs, evenly spread.

    Parameters
    ----------
    weights : ndarray of shape (n_questions,)
        >= 0; their sum is 1.
    first : int
        Turns taken before.
    n_turns : int

    Returns
    -------
    ndarray of shape (n_turns,), int64
        Rows of questions.

    Examples
    --------
    >>> turns(np.array([0.5, 0.25, 0.25]), first=0, n_turns=8).tolist()
    [0, 0, 1, 2, 0, 0, 1, 2]
    """
    last = first + n_turns
    counts = np.ceil(last * weights).astype(np.int64) + 1
    counts[weights <= 0] = 0
    questions = np.repeat(np.arange(len(weights)), counts)
    ordinals = np.arange(len(questions)) - np.repeat(np.cumsum(counts) - counts, counts)
    due = (ordinals + 1) / weights[questions]
    return questions[np.argsort(due, kind="stable")][first:last]
