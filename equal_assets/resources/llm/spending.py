"""Hard caps on tokens and money: no request is sent that could exceed them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from equal_assets.records import Usage


@dataclass(frozen=True)
class Amount:
    """Tokens, money and documents that go together."""

    tokens: int = 0
    cost: float = 0.0
    documents: int = 0

    def __add__(self, other: Amount) -> Amount:
        return Amount(
            self.tokens + other.tokens, self.cost + other.cost, self.documents + other.documents
        )

    def __sub__(self, other: Amount) -> Amount:
        return Amount(
            self.tokens - other.tokens, self.cost - other.cost, self.documents - other.documents
        )


NOTHING = Amount()
Unit = Literal["tokens", "cost", "documents"]


def payer_name(payer: str) -> str:
    """Return the payer without the round: ``"warm-up"`` or the campaign."""
    return payer.partition("|")[0]


@dataclass(frozen=True)
class Prices:
    """Money per million tokens."""

    prompt: float = 0.0
    completion: float = 0.0

    def amount(self, prompt_tokens: int, completion_tokens: int) -> Amount:
        """Return the cost of a request."""
        cost = (prompt_tokens * self.prompt + completion_tokens * self.completion) / 1e6
        return Amount(prompt_tokens + completion_tokens, cost)


@dataclass(frozen=True)
class Cap:
    """A limit that the user has set.

    Attributes
    ----------
    name : str
        The key in campaigns.yaml.
    scope : {"campaign", "run"}
        A campaign's cap counts every request, even if answered before, so that strategies
        compare; a run's cap counts only what it pays.
    unit : {"tokens", "cost", "documents"}
        What is limited; documents count if requests were sent for them.
    limit, used : float
        The most in all, and how much of it is spent before the allowance begins.
    """

    name: str
    scope: Literal["campaign", "run"]
    unit: Unit
    limit: float
    used: float = 0.0

    def __str__(self) -> str:
        return f"{self.name} = {self.limit:,.10g}"


@dataclass
class Allowance:
    """What may still be spent under all caps; an amount is reserved before it is spent.

    Attributes
    ----------
    caps : sequence of Cap
        Empty: there is no limit.
    asked, paid : Amount
        Settled so far; ``asked`` includes what was answered before.
    held : Amount
        Reserved for requests in progress.
    """

    caps: Sequence[Cap] = ()
    asked: Amount = field(default=NOTHING)
    paid: Amount = field(default=NOTHING)
    held: Amount = field(default=NOTHING)

    def hold(self, amount: Amount) -> bool:
        """Reserve an amount if every cap has room for it; tell whether it has."""
        if self.exceeded_by(amount) is not None:
            return False
        self.held += amount
        return True

    def release(self, amount: Amount) -> None:
        """Release an amount that was reserved."""
        self.held -= amount

    def exceeded_by(
        self, amount: Amount, *, scope: Literal["campaign", "run"] | None = None
    ) -> Cap | None:
        """Return the first cap, of any scope or of one, that an amount exceeds."""
        for cap in self.caps:
            if scope not in (None, cap.scope):
                continue
            settled = self.asked if cap.scope == "campaign" else self.paid
            total: float = getattr(settled + self.held + amount, cap.unit)
            if cap.used + total > cap.limit:
                return cap
        return None


class BudgetSpentError(Exception):
    """A cap has no room for the next request of a document."""


class Meter:
    """What one document reserves and uses of an allowance."""

    def __init__(self, allowance: Allowance, held: Amount) -> None:
        self.usage = Usage()
        self._allowance = allowance
        self._held = held
        self._has_paid = False

    def cover(self, amount: Amount) -> None:
        """Reserve the maximum cost of a request; raise BudgetSpentError if it exceeds a cap."""
        missing = Amount(
            max(0, amount.tokens - self._held.tokens), max(0.0, amount.cost - self._held.cost)
        )
        if missing != NOTHING and not self._allowance.hold(missing):
            raise BudgetSpentError
        self._held = self._held + missing - amount

    def settle(self, covered: Amount, *, spent: Amount, usage: Usage, is_paid: bool) -> None:
        """Count the cost of a request, and keep the rest for the next."""
        if is_paid and not self._has_paid:
            spent += Amount(documents=1)
            self._has_paid = True
        self._allowance.release(spent)
        self._held += covered - spent
        if is_paid:
            self._allowance.paid += spent
        self._allowance.asked += spent
        self.usage += usage

    def close(self) -> None:
        """Release the rest."""
        self._allowance.release(self._held)
        self._held = NOTHING


def caps(
    prefix: str, scope: Literal["campaign", "run"], used: Amount, **limits: float | None
) -> list[Cap]:
    """Return a cap for each limit that is set.

    Parameters
    ----------
    prefix : str
        Of the keys in campaigns.yaml, before the unit: ``"extractor.run_"``.
    scope : {"campaign", "run"}
    used : Amount
        Spent before.
    **limits : float or None
        By unit; ``None``: no limit.
    """
    units: tuple[Unit, ...] = ("documents", "tokens", "cost")
    return [
        Cap(f"{prefix}{unit}", scope, unit, limit, getattr(used, unit))
        for unit in units
        if (limit := limits.get(unit)) is not None
    ]
