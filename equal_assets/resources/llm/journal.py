"""Every request to an LLM, on disk before it is sent: what was paid, and what came back.

A SQLite file beside the warehouse, because it is written before and after every request, in a
millisecond, by any number of processes. What a request may cost at most is reserved in the same
transaction that looks at all caps and whether another process is sending the same request. A killed
process leaves its requests open; they are lost, and count as paid in full, since nobody knows what
the server has charged, or as what was noted of a reply that streams.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from equal_assets.errors import ExtractionError
from equal_assets.processes import is_alive, this_process
from equal_assets.resources.llm.llm import CUT_OFF, STOPPED
from equal_assets.resources.llm.spending import Amount
from equal_assets.resources.llm.tables import connect

Outcome = Literal["answered", "unusable", "refused", "lost"]
"""answered: kept; unusable: paid for nothing; refused: not charged; lost: nobody knows."""

LIMIT = re.compile(r" \[(\d+)\]$")
"""At the end of the reason of a reply that was cut off: max_reply_tokens of that moment."""

LEASE_SECONDS = 60.0
"""A process of another machine that shows no sign of life for so long is taken for dead."""


PROMPTS_SEEN, PROMPT_MARGIN = 20, 1.25
"""Once so many prompts were counted by a server, one that was lost is taken to have no more tokens
for its length than any of them, by this factor."""


class RequestTakenError(Exception):
    """The same request has been answered meanwhile, or is being sent by a process that is alive."""


class NoRoomError(Exception):
    """The maximum cost of a request exceeds what a cap leaves."""


@dataclass(frozen=True)
class StoredReply:
    """A reply in the journal, with what its payer spent on it."""

    request: int
    reply: str
    payer: str
    prompt_tokens: int
    completion_tokens: int
    cost: float


def request_key(**parts: Any) -> str:
    """Return 64 hexadecimal digits that identify a request by everything that is sent."""
    canonical = json.dumps(parts, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode("utf-8")).hexdigest()


@dataclass(frozen=True)
class LostRequests:
    """Requests whose fate nobody knows, which count as paid.

    Attributes
    ----------
    payer : str
        Without the round.
    n_requests : int
    amount : Amount
        What they hold of the caps.
    since : float
        When the first of them was sent; seconds since 1970.
    """

    payer: str
    n_requests: int
    amount: Amount
    since: float


class RequestJournal:
    """The journal file; one object belongs to one thread.

    Parameters
    ----------
    path : Path
        Created if it is missing.

    Raises
    ------
    ExtractionError
        If the file is not a journal, or has a later format.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._process = this_process()
        self._connection = connect(path)
        self._last_signs: dict[str, tuple[int, float]] = {}

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    def open(
        self,
        key: str,
        *,
        document: str,
        payer: str,
        run: str,
        prompt_tokens: int,
        completion_tokens: int,
        cost: float,
        prompt_price: float = 0.0,
        known: int = 0,
        idempotency_key: str | None = None,
        has_room: Callable[[Amount, Amount], bool] = lambda of_payer, of_run: True,
    ) -> int:
        """Enter a request that is about to be sent, at its maximum possible cost.

        Parameters
        ----------
        prompt_price : float
            Money per token, if the request is lost and its prompt turns out to be shorter.
        known : int
            The newest answer to the same request that the caller cannot use.
        idempotency_key : str, optional
            By which the server recognizes the request if it is sent again.
        has_room : callable
            Given what payer and run have spent and reserved in all processes, says whether every
            cap has room for the request.

        Raises
        ------
        RequestTakenError
            If another process has its answer, or is about to get it.
        NoRoomError
            If a cap has no room for it.
        """
        with self._transaction():
            for process in self._sent_by(key):
                if not self._is_dead(process):
                    raise RequestTakenError
                self._lose(process)  # before the request comes through, and tells what it takes
            if self._is_answered(key, known):
                raise RequestTakenError
            if not has_room(self.spent(payer=payer.partition("|")[0]), self.spent(run=run)):
                raise NoRoomError
            cursor = self._execute(
                "insert into requests (key, document, payer, run, process, prompt_tokens, "
                "completion_tokens, cost, most_prompt_tokens, prompt_price, idempotency_key, "
                "sent_at) values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    *(key, document, payer, run, self._process),
                    *(prompt_tokens, completion_tokens, cost, prompt_tokens, prompt_price),
                    *(idempotency_key, time.time()),
                ),
            )
        return int(cursor.lastrowid or 0)

    def in_flight(self, key: str) -> str | None:
        """Return the process that is sending the same request, unless it is dead."""
        return next((p for p in self._sent_by(key) if not self._is_dead(p)), None)

    def _sent_by(self, key: str) -> list[str]:
        rows = self._execute(
            "select distinct process from requests where key = ? and outcome = 'open'", (key,)
        )
        return [process for (process,) in rows.fetchall()]

    def _is_answered(self, key: str, known: int) -> bool:
        found = self._execute(
            "select 1 from requests where key = ? and outcome = 'answered' and id > ? limit 1",
            (key, known),
        )
        return found.fetchone() is not None

    def unsettled_by(self, *, payer: str, run: str) -> str | None:
        """Return a process that has requests of a payer or a run in flight: room may come back."""
        found = self._execute(
            "select distinct process from requests "
            "where outcome = 'open' and (account = 'payer ' || ? or run = ?)",
            (payer.partition("|")[0], run),
        ).fetchall()
        return next((process for (process,) in found if not self._is_dead(process)), None)

    def settle(
        self,
        request: int,
        outcome: Outcome,
        *,
        prompt_tokens: int,
        completion_tokens: int,
        cost: float,
        seconds: float,
        reply: str | None = None,
        reason: str | None = None,
        is_counted: bool = True,
    ) -> None:
        """Enter the outcome of a request, and what it cost.

        A prompt that no server has counted tells nothing of others (``is_counted``).
        """
        self._execute(
            "update requests set outcome = ?, prompt_tokens = ?, completion_tokens = ?, cost = ?, "
            "seconds = ?, reply = ?, reason = ?, "
            "most_prompt_tokens = iif(?, most_prompt_tokens, null) where id = ?",
            (
                outcome,
                prompt_tokens,
                completion_tokens,
                cost,
                seconds,
                reply,
                reason,
                is_counted,
                request,
            ),
        )

    def note(self, request: int, at_most: int) -> None:
        """Keep how many tokens are written at most of the reply to a request that is open."""
        self._execute("update requests set written_at_most = ? where id = ?", (at_most, request))

    def likely_tokens(self, most: int) -> int:
        """Return what a prompt takes at most, going by those that servers have counted.

        Parameters
        ----------
        most : int
            A bound from the text alone.
        """
        n_seen, share = self._execute(
            "select (select count(*) from (select 1 from requests "
            "where outcome in ('answered', 'unusable') "
            "and prompt_tokens * 1.0 / most_prompt_tokens is not null limit ?)), "
            "(select max(prompt_tokens * 1.0 / most_prompt_tokens) from requests "
            "where outcome in ('answered', 'unusable'))",
            (PROMPTS_SEEN,),
        ).fetchone()
        return most if n_seen < PROMPTS_SEEN else min(most, math.ceil(most * share * PROMPT_MARGIN))

    def learn(self, request: int, *, prompt_tokens: int) -> Amount:
        """Correct what earlier tries of a request hold that were lost, now that it came through.

        The prompt was the same, so it takes as many tokens. A server that recognizes the request
        has charged it once.

        Parameters
        ----------
        request : int
        prompt_tokens : int
            As the server says.

        Returns
        -------
        Amount
            What the tries of this process held too much.
        """
        freed = Amount()
        if not self._lost_tries(request):
            return freed
        with self._transaction():
            for lost, process, prompt, completion, cost, price, is_charged_once in self._lost_tries(
                request
            ):
                held = Amount(prompt_tokens + completion, cost - (prompt - prompt_tokens) * price)
                if is_charged_once:
                    held = Amount()
                self._execute(
                    "update requests set prompt_tokens = ?, completion_tokens = ?, cost = ? "
                    "where id = ?",
                    (
                        0 if is_charged_once else prompt_tokens,
                        0 if is_charged_once else completion,
                        held.cost,
                        lost,
                    ),
                )
                if process == self._process:
                    freed += Amount(prompt + completion, cost) - held
        return freed

    def _lost_tries(self, request: int) -> list[tuple[Any, ...]]:
        """Return what lost tries of the same request hold, and if a server takes them for one."""
        return self._execute(
            "select lost.id, lost.process, lost.prompt_tokens, lost.completion_tokens, lost.cost, "
            "coalesce(lost.prompt_price, 0), "
            "lost.idempotency_key is not null and lost.idempotency_key = sent.idempotency_key "
            "from requests as lost join requests as sent using (key) "
            "where lost.outcome = 'lost' and sent.id = ? "
            "and lost.prompt_tokens + lost.completion_tokens > 0",
            (request,),
        ).fetchall()

    def answer(self, key: str) -> StoredReply | None:
        """Return the reply to the same request, if there is one."""
        row = self._execute(
            "select id, reply, payer, prompt_tokens, completion_tokens, cost from requests "
            "where key = ? and outcome = 'answered' order by id desc limit 1",
            (key,),
        ).fetchone()
        return StoredReply(*row) if row else None

    def unusable(self, key: str) -> list[StoredReply]:
        """Return the replies to the same request that came whole and could not be read."""
        rows = self._execute(
            "select id, reply, payer, prompt_tokens, completion_tokens, cost from requests "
            "where key = ? and outcome = 'unusable' and reply <> '' "
            "and reason not like ? || '%' and reason not like ? || '%' order by id",
            (key, CUT_OFF, STOPPED),
        ).fetchall()
        return [StoredReply(*row) for row in rows]

    def newest(self) -> int:
        """Return the number of the newest request."""
        return int(self._execute("select max(id) from requests").fetchone()[0] or 0)

    def cut_off(self, key: str, *, limit: int, since: int = 0) -> tuple[StoredReply, str] | None:
        """Return a reply to the same request, sent after another one, that exceeded a limit.

        Or that was stopped in a loop. With it, the reason why it could not be used.
        """
        rows = self._execute(
            "select reason, id, reply, payer, prompt_tokens, completion_tokens, cost "
            "from requests where key = ? and outcome = 'unusable' and id > ? "
            "and (reason like ? || '%' or reason like ? || '%')",
            (key, since, CUT_OFF, STOPPED),
        ).fetchall()
        for reason, *stored in rows:
            found = LIMIT.search(reason)
            if reason.startswith(STOPPED) or (found and int(found[1]) >= limit):
                return StoredReply(*stored), LIMIT.sub("", reason)
        return None

    def highest_limit(self, document: str) -> int | None:
        """Return the highest limit at which a reply on a document was cut off, if one was.

        Requests of earlier versions do not say theirs.
        """
        rows = self._execute(
            "select reason from requests "
            "where document = ? and outcome = 'unusable' and reason like ? || '%'",
            (document, CUT_OFF),
        ).fetchall()
        limits = [found[1] for (reason,) in rows if (found := LIMIT.search(reason))]
        return max(map(int, limits), default=None)

    def spent(self, *, payer: str | None = None, run: str | None = None) -> Amount:
        """Return what a payer (without the round), a run or all have spent and reserved."""
        name = "all" if payer is None and run is None else f"run {run}"
        row = self._execute(
            "select tokens, cost, documents from accounts where name = ?",
            (name if payer is None else f"payer {payer}",),
        ).fetchone()
        return Amount(*row) if row else Amount()

    def disown(self, campaign: str) -> None:
        """Book what a campaign has paid to an earlier attempt of the same name."""
        with self._transaction():
            self._execute(
                "update requests set payer = 'earlier ' || payer where account = 'payer ' || ?",
                (campaign,),
            )
            self._execute("delete from accounts where name = 'payer ' || ?", (campaign,))
            self._execute(
                "insert or replace into accounts "
                "select account, sum(prompt_tokens + completion_tokens), sum(cost), "
                "count(distinct document) from requests where account = 'payer earlier ' || ? "
                "group by account",
                (campaign,),
            )

    def show_sign(self) -> None:
        """Tell the processes of other machines that this one is alive."""
        self._execute(
            "insert into processes values (?, 1) on conflict do update set n_signs = n_signs + 1",
            (self._process,),
        )

    def close_lost(self) -> int:
        """Settle the requests that dead processes left open, as paid; return how many."""
        open_by = self._execute(
            "select distinct process from requests where outcome = 'open'"
        ).fetchall()
        return sum(self._lose(process) for (process,) in open_by if self._is_dead(process))

    def _lose(self, process: str) -> int:
        """Settle what a dead process left open; return how many requests."""
        rows = self._execute(
            "select id, prompt_tokens, "
            "min(completion_tokens, coalesce(written_at_most, completion_tokens)) "
            "from requests where outcome = 'open' and process = ?",
            (process,),
        ).fetchall()
        for request, most, written in rows:
            self._execute(
                "update requests set outcome = 'lost', reason = 'process was killed', "
                "cost = cost - (prompt_tokens - :likely) * coalesce(prompt_price, 0) "
                "- (cost - prompt_tokens * coalesce(prompt_price, 0)) "
                "* (completion_tokens - :written) / max(completion_tokens, 1), "
                "prompt_tokens = :likely, completion_tokens = :written "
                "where id = :request and outcome = 'open'",
                {"likely": self.likely_tokens(most), "written": written, "request": request},
            )
        return len(rows)

    def open_requests(self) -> dict[str, int]:
        """Return how many requests are in flight, by payer."""
        rows = self._execute(
            "select substr(account, 7), count(*) from requests where outcome = 'open' "
            "group by account order by account"
        ).fetchall()
        return dict(rows)

    def lost(self) -> list[LostRequests]:
        """Return what lost requests hold of the caps, by payer."""
        rows = self._execute(
            "select substr(account, 7), count(*), sum(prompt_tokens + completion_tokens), "
            "sum(cost), count(distinct document), min(sent_at) from requests "
            "where outcome = 'lost' and prompt_tokens + completion_tokens > 0 "
            "group by account order by account"
        ).fetchall()
        return [
            LostRequests(payer, n, Amount(tokens, cost, documents), since)
            for payer, n, tokens, cost, documents, since in rows
        ]

    def release_lost(self, payer: str) -> None:
        """Count the lost requests of a payer as not paid; their reasons keep what they held."""
        self._execute(
            "update requests set prompt_tokens = 0, completion_tokens = 0, cost = 0, "
            "reason = 'released by the user, held ' || (prompt_tokens + completion_tokens) || "
            "' tokens, cost ' || cost || ': ' || coalesce(reason, '') "
            "where outcome = 'lost' and prompt_tokens + completion_tokens > 0 "
            "and account = 'payer ' || ?",
            (payer,),
        )

    def _is_dead(self, process: str) -> bool:
        """Say whether a process has ended; one of another machine must have been silent for long.

        The time is that between two looks of this object at the signs of the other.
        """
        alive = is_alive(process)
        if alive is not None:
            return not alive
        row = self._execute("select n_signs from processes where name = ?", (process,)).fetchone()
        n_signs, now = row[0] if row else 0, time.monotonic()
        last, since = self._last_signs.setdefault(process, (n_signs, now))
        if last != n_signs:
            self._last_signs[process] = (n_signs, now)
            return False
        return now - since > LEASE_SECONDS

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        """Keep all other processes from writing until the end of the block."""
        self._execute("begin immediate")
        try:
            yield
            self._execute("commit")
        except BaseException:
            if self._connection.in_transaction:
                self._connection.rollback()
            raise

    def _execute(self, statement: str, values: Any = ()) -> sqlite3.Cursor:
        try:
            return self._connection.execute(statement, values)
        except sqlite3.Error as error:
            raise ExtractionError(
                f"{self._path}: the journal of requests cannot be used: {error}. Nothing more is "
                "sent; free space or mend the disk, then run this again"
            ) from error


@contextmanager
def journal(path: Path) -> Iterator[RequestJournal]:
    """Open a journal for a moment."""
    opened = RequestJournal(path)
    try:
        yield opened
    finally:
        opened.close()
