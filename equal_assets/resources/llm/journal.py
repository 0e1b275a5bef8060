"""Every request to an LLM, on disk before it is sent: what was paid, and what came back.

A SQLite file beside the warehouse, because it is written before and after every request, in well
under a millisecond, by any number of processes. A killed process leaves its requests open; they
count as paid in full, since nobody knows what the server has charged.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from equal_assets.errors import ExtractionError
from equal_assets.resources.llm.llm import CUT_OFF
from equal_assets.resources.llm.spending import Amount

Outcome = Literal["answered", "unusable", "refused", "lost"]
"""answered: kept; unusable: paid for nothing; refused: not charged; lost: nobody knows."""

LIMIT = re.compile(r" \[(\d+)\]$")
"""At the end of the reason of a reply that was cut off: max_reply_tokens of that moment."""

FORMAT = 1
"""Of the table; raise it with every change to the table."""

TABLE = f"""
begin immediate;
create table if not exists requests (
  id integer primary key,
  key text not null,                   -- prompt, model and sampling: the same request again
  document text not null,              -- content hash
  payer text not null,                 -- 'warm-up' or 'campaign|round-NNN'
  run text not null,
  process text not null,               -- that sent it: 'host pid start'
  outcome text not null default 'open' -- open, answered, unusable, refused, lost
    check (outcome in ('open', 'answered', 'unusable', 'refused', 'lost')),
  reason text,                         -- why it was not answered
  prompt_tokens integer not null,      -- charged; the maximum until it is settled
  completion_tokens integer not null,
  cost real not null,                  -- money, at the prices of that moment
  seconds real,                        -- until it was settled
  reply text,                          -- of answered and unusable requests
  sent_at real not null                -- seconds since 1970
);
pragma user_version = {FORMAT};
create index if not exists requests_by_key on requests (key) where outcome = 'answered';
create index if not exists requests_by_payer on requests (payer);
create index if not exists requests_by_run on requests (run);
create index if not exists open_requests on requests (process) where outcome = 'open';
commit;
"""

INDEXES = """
create index if not exists unusable_by_key on requests (key) where outcome = 'unusable';
create index if not exists unusable_by_document on requests (document) where outcome = 'unusable';
"""
"""Also of a journal that an earlier version made."""


@dataclass(frozen=True)
class StoredReply:
    """A reply in the journal, with what its payer spent on it."""

    reply: str
    payer: str
    prompt_tokens: int
    completion_tokens: int
    cost: float


def request_key(**parts: Any) -> str:
    """Return 64 hexadecimal digits that identify a request by everything that is sent."""
    canonical = json.dumps(parts, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode("utf-8")).hexdigest()


class RequestJournal:
    """The journal file; one object belongs to one thread.

    Parameters
    ----------
    path : Path
        Created if it is missing.

    Raises
    ------
    ExtractionError
        If the file is not a journal, or has another format.
    """

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._process = f"{os.uname().nodename} {os.getpid()} {_started(os.getpid())}"
        try:
            self._connection = sqlite3.connect(path, timeout=60, isolation_level=None)
            # written through to the operating system: safe from a killed process
            self._connection.execute("pragma journal_mode = wal")
            self._connection.execute("pragma synchronous = normal")
            version = self._connection.execute("pragma user_version").fetchone()[0]
            if not version:
                self._connection.executescript(TABLE)
            if version in (0, FORMAT):
                self._connection.executescript(INDEXES)
        except sqlite3.DatabaseError as error:
            raise ExtractionError(f"{path} cannot be used as request journal: {error}") from error
        if version not in (0, FORMAT):
            raise ExtractionError(
                f"{path} has format {version}: must be {FORMAT}; move it away, and its requests "
                "are sent again"
            )

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
    ) -> int:
        """Enter a request that is about to be sent, at its maximum possible cost."""
        cursor = self._connection.execute(
            "insert into requests (key, document, payer, run, process, prompt_tokens, "
            "completion_tokens, cost, sent_at) values (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                key,
                document,
                payer,
                run,
                self._process,
                prompt_tokens,
                completion_tokens,
                cost,
                time.time(),
            ),
        )
        return int(cursor.lastrowid or 0)

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
    ) -> None:
        """Enter the outcome of a request, and what it cost."""
        self._connection.execute(
            "update requests set outcome = ?, prompt_tokens = ?, completion_tokens = ?, cost = ?, "
            "seconds = ?, reply = ?, reason = ? where id = ?",
            (
                outcome,
                prompt_tokens,
                completion_tokens,
                cost,
                seconds,
                reply,
                reason,
                request,
            ),
        )

    def answer(self, key: str) -> StoredReply | None:
        """Return the reply to the same request, if there is one."""
        row = self._connection.execute(
            "select reply, payer, prompt_tokens, completion_tokens, cost from requests "
            "where key = ? and outcome = 'answered' order by id limit 1",
            (key,),
        ).fetchone()
        return StoredReply(*row) if row else None

    def unusable(self, key: str) -> list[StoredReply]:
        """Return the replies to the same request that came whole and could not be read."""
        rows = self._connection.execute(
            "select reply, payer, prompt_tokens, completion_tokens, cost from requests "
            "where key = ? and outcome = 'unusable' and reply <> '' and reason not like ? || '%' "
            "order by id",
            (key, CUT_OFF),
        ).fetchall()
        return [StoredReply(*row) for row in rows]

    def highest_limit(self, document: str) -> int | None:
        """Return the highest limit at which a reply on a document was cut off, if one was.

        Requests of earlier versions do not say theirs.
        """
        rows = self._connection.execute(
            "select reason from requests "
            "where document = ? and outcome = 'unusable' and reason like ? || '%'",
            (document, CUT_OFF),
        ).fetchall()
        limits = [found[1] for (reason,) in rows if (found := LIMIT.search(reason))]
        return max(map(int, limits), default=None)

    def spent(self, *, payer: str = "%", run: str = "%") -> Amount:
        """Return what payers and runs (SQL ``like`` patterns) have paid, open requests included."""
        tokens, cost, documents = self._connection.execute(
            "select coalesce(sum(prompt_tokens + completion_tokens), 0), coalesce(sum(cost), 0.0), "
            "count(distinct document) "
            "from requests where payer like ? escape '\\' and run like ?",
            (payer, run),
        ).fetchone()
        return Amount(int(tokens), float(cost), int(documents))

    def disown(self, campaign: str) -> None:
        """Book what a campaign has paid to an earlier attempt of the same name."""
        self._connection.execute(
            "update requests set payer = 'earlier ' || payer where payer like ? escape '\\'",
            (payer_pattern(campaign),),
        )

    def close_lost(self) -> int:
        """Settle the requests that killed processes left open, as paid; return how many."""
        open_by = self._connection.execute(
            "select distinct process from requests where outcome = 'open'"
        ).fetchall()
        n_lost = 0
        for (process,) in open_by:
            if not _is_alive(process):
                n_lost += self._connection.execute(
                    "update requests set outcome = 'lost', reason = 'process was killed' "
                    "where outcome = 'open' and process = ?",
                    (process,),
                ).rowcount
        return n_lost


@contextmanager
def journal(path: Path) -> Iterator[RequestJournal]:
    """Open a journal for a moment."""
    opened = RequestJournal(path)
    try:
        yield opened
    finally:
        opened.close()


def payer_pattern(campaign: str) -> str:
    """Return the ``like`` pattern of all payers of a campaign."""
    escaped = campaign.replace("\\", "\\\\").replace("_", "\\_").replace("%", "\\%")
    return f"{escaped}|%"


def _is_alive(process: str) -> bool:
    host, pid, started = process.rsplit(" ", 2)
    if host != os.uname().nodename:
        return True  # only its own machine can tell
    return _started(int(pid)) == started


def _started(pid: int) -> str:
    """Return when a process started: tells it from a later one with the same id."""
    import psutil

    try:
        return f"{psutil.Process(pid).create_time():.2f}"
    except psutil.NoSuchProcess:
        return "gone"
