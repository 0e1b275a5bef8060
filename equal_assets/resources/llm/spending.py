"""Hard caps on tokens and money: no request is sent that could exceed them, in any process."""

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
Scope = Literal["campaign", "run"]


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
    booked : float
        What of that is in the journal, in which the spending of other processes is seen.
    """

    name: str
    scope: Scope
    unit: Unit
    limit: float
    used: float = 0.0
    booked: float = 0.0

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
        Reserved for documents in progress.
    in_flight : Amount
        What of that is in the journal, for requests that are being sent.
    """

    caps: Sequence[Cap] = ()
    asked: Amount = field(default=NOTHING)
    paid: Amount = field(default=NOTHING)
    held: Amount = field(default=NOTHING)
    in_flight: Amount = field(default=NOTHING)
    _journal: dict[Scope, Amount] = field(default_factory=dict)

    def see(self, *, of_payer: Amount, of_run: Amount) -> None:
        """Take in what the journal has of payer and run, other processes included."""
        self._journal = {"campaign": of_payer, "run": of_run}

    def has_room_for(self, amount: Amount) -> bool:
        """Say whether every cap has room for a request, whatever is reserved for other documents.

        The journal is asked in the transaction that enters the request: this is the hard limit.
        """
        return all(
            self._used(cap) + getattr(self.in_flight + amount, cap.unit) <= cap.limit
            for cap in self.caps
        )

    def hold(self, amount: Amount) -> bool:
        """Reserve an amount if every cap has room for it; tell whether it has."""
        if self.exceeded_by(amount) is not None:
            return False
        self.held += amount
        return True

    def release(self, amount: Amount) -> None:
        """Release an amount that was reserved."""
        self.held -= amount

    def take_back(self, amount: Amount) -> None:
        """Take in that lost requests have cost less than they were counted at."""
        self.paid -= amount
        self.asked -= amount

    def exceeded_by(self, amount: Amount, *, scope: Scope | None = None) -> Cap | None:
        """Return the first cap, of any scope or of one, that an amount exceeds."""
        for cap in self.caps:
            if scope not in (None, cap.scope):
                continue
            if self._used(cap) + getattr(self.held + amount, cap.unit) > cap.limit:
                return cap
        return None

    def _used(self, cap: Cap) -> float:
        """Return what is spent of a cap, and reserved by other processes."""
        own = self.paid + self.in_flight
        settled = self.asked if cap.scope == "campaign" else self.paid
        total: float = cap.used + getattr(settled, cap.unit)
        if cap.scope in self._journal:
            elsewhere = self._journal[cap.scope] - own
            total += getattr(elsewhere, cap.unit) - cap.booked
        return total


class BudgetSpentError(Exception):
    """A cap has no room for the next request of a document."""


class Meter:
    """What one document reserves and uses of an allowance.

    Attributes
    ----------
    usage : Usage
        Of the document so far.
    may_send : bool
        Else it takes only what the journal has.
    """

    def __init__(self, allowance: Allowance, held: Amount, *, may_send: bool = True) -> None:
        self.usage = Usage()
        self.may_send = may_send
        self._allowance = allowance
        self._held = held
        self._has_sent = self._has_paid = False

    def cover(self, amount: Amount) -> None:
        """Reserve the maximum cost of a request; raise BudgetSpentError if it exceeds a cap."""
        missing = Amount(
            max(0, amount.tokens - self._held.tokens), max(0.0, amount.cost - self._held.cost)
        )
        if missing != NOTHING and not self._allowance.hold(missing):
            raise BudgetSpentError
        self._held = self._held + missing - amount

    def uncover(self, amount: Amount) -> None:
        """Keep what a request would have cost, which is not sent, for the next."""
        self._held += amount

    def has_room_for(self, covered: Amount) -> bool:
        """Say whether every cap has room for a request, as the journal is now."""
        return self._allowance.has_room_for(covered + self._new_document())

    def begin(self, covered: Amount) -> None:
        """Take in that the journal has a request at its maximum cost."""
        self._allowance.in_flight += covered + self._new_document()
        self._has_sent = True

    def _new_document(self) -> Amount:
        return NOTHING if self._has_sent else Amount(documents=1)

    def settle(self, covered: Amount, *, spent: Amount, usage: Usage) -> None:
        """Count the cost of a request that was sent, and keep the rest for the next."""
        ended = covered
        if not self._has_paid:
            spent, ended = spent + Amount(documents=1), covered + Amount(documents=1)
            self._has_paid = True
        self._allowance.in_flight -= ended
        self._allowance.release(spent)
        self._held += covered - spent
        self._allowance.paid += spent
        self._allowance.asked += spent
        self.usage += usage

    def take(self, spent: Amount, *, usage: Usage) -> None:
        """Count the cost of a reply that is in the journal; raise BudgetSpentError as `cover`."""
        self.cover(spent)
        self._allowance.release(spent)
        self._allowance.asked += spent
        self.usage += usage

    def close(self) -> None:
        """Release the rest."""
        self._allowance.release(self._held)
        self._held = NOTHING


def caps(
    prefix: str,
    scope: Scope,
    booked: Amount,
    *,
    besides: Amount = NOTHING,
    **limits: float | None,
) -> list[Cap]:
    """Return a cap for each limit that is set.

    Parameters
    ----------
    prefix : str
        Of the keys in campaigns.yaml, before the unit: ``"extractor.run_"``.
    scope : {"campaign", "run"}
    booked, besides : Amount
        Spent before: what the journal has, and what it has not.
    **limits : float or None
        By unit; ``None``: no limit.
    """
    units: tuple[Unit, ...] = ("documents", "tokens", "cost")
    return [
        Cap(
            f"{prefix}{unit}",
            scope,
            unit,
            limit,
            used=getattr(booked + besides, unit),
            booked=getattr(booked, unit),
        )
        for unit in units
        if (limit := limits.get(unit)) is not None
    ]
