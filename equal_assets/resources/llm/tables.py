"""The tables of the request journal, and how a journal of an earlier version gets them."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import psutil

from equal_assets.errors import ExtractionError

REQUESTS = """
create table if not exists requests (
  id integer primary key,
  key text not null,                   -- prompt, model and sampling: the same request again
  document text not null,              -- content hash
  payer text not null,                 -- 'warm-up' or 'campaign|round-NNN'
  run text not null,
  process text not null,               -- that sent it: 'machine pid start'
  outcome text not null default 'open' -- open, answered, unusable, refused, lost
    check (outcome in ('open', 'answered', 'unusable', 'refused', 'lost')),
  reason text,                         -- why it was not answered
  prompt_tokens integer not null,      -- charged; the maximum until it is settled
  completion_tokens integer not null,
  cost real not null,                  -- money, at the prices of that moment
  seconds real,                        -- until it was settled
  reply text,                          -- of answered and unusable requests
  sent_at real not null                -- seconds since 1970; shown to people, decides nothing
);
create index if not exists requests_by_key on requests (key) where outcome = 'answered';
create index if not exists requests_by_payer on requests (payer);
create index if not exists requests_by_run on requests (run);
create index if not exists open_requests on requests (process) where outcome = 'open';
create index if not exists unusable_by_key on requests (key) where outcome = 'unusable';
create index if not exists unusable_by_document on requests (document) where outcome = 'unusable';
"""

ACCOUNTS = """
alter table requests add column idempotency_key text;
alter table requests add column most_prompt_tokens integer;  -- a bound from the text alone
alter table requests add column prompt_price real;             -- money per token
alter table requests add column account text
  as ('payer ' || substr(payer, 1, instr(payer || '|', '|') - 1)) virtual;
create index requests_by_account on requests (account, document);
create index requests_by_run_and_document on requests (run, document);
drop index requests_by_run;
create index open_by_key on requests (key) where outcome = 'open';
create index lost_by_key on requests (key) where outcome = 'lost';
create index prompt_shares on requests (prompt_tokens * 1.0 / most_prompt_tokens)
  where outcome in ('answered', 'unusable');
create table accounts (                -- what all requests of a payer or run sum up to
  name text primary key,               -- 'payer NAME', 'run NAME' or 'all'
  tokens integer not null,
  cost real not null,
  documents integer not null
);
insert into accounts
  select account, sum(prompt_tokens + completion_tokens), sum(cost), count(distinct document)
  from requests group by account
  union all
  select 'run ' || run, sum(prompt_tokens + completion_tokens), sum(cost), count(distinct document)
  from requests group by run
  union all
  select 'all', coalesce(sum(prompt_tokens + completion_tokens), 0), coalesce(sum(cost), 0.0),
    count(distinct document)
  from requests;
create table processes (               -- that send requests: how often each has shown itself
  name text primary key,
  n_signs integer not null
);
create index requests_by_document on requests (document);
create trigger book_request after insert on requests begin
  insert into accounts
    select new.account, 0, 0.0, 0 union all select 'run ' || new.run, 0, 0.0, 0
    where true on conflict do nothing;
  update accounts
  set tokens = tokens + new.prompt_tokens + new.completion_tokens,
    cost = cost + new.cost,
    documents = documents + case name
      when 'all' then not exists (
        select * from requests where document = new.document and id <> new.id)
      when new.account then not exists (
        select * from requests
        where account = new.account and document = new.document and id <> new.id)
      else not exists (
        select * from requests where run = new.run and document = new.document and id <> new.id)
    end
  where name in ('all', new.account, 'run ' || new.run);
end;
create trigger book_outcome after update of prompt_tokens, completion_tokens, cost on requests begin
  update accounts
  set tokens = tokens + new.prompt_tokens + new.completion_tokens
      - old.prompt_tokens - old.completion_tokens,
    cost = cost + new.cost - old.cost
  where name in ('all', new.account, 'run ' || new.run);
end;
"""

NOTES = """
alter table requests add column written_at_most integer;  -- of the reply, while it streams
"""

FORMATS = (REQUESTS, ACCOUNTS, NOTES)
"""What each format adds to the one before; never change one that has been released."""

NETWORK = frozenset(
    {"9p", "afs", "ceph", "cifs", "fuse.sshfs", "glusterfs", "lustre", "nfs", "nfs4", "smb3"}
)
"""Kinds of file systems that several machines may share."""


def connect(path: Path) -> sqlite3.Connection:
    """Open the journal at a path, with all tables; it is made where there is none.

    Raises
    ------
    ExtractionError
        If the file is not a journal, or one of a later version.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        connection = sqlite3.connect(path, timeout=60, isolation_level=None)
        # a log beside the file is quicker, but all who use it must be on one machine
        mode = "delete" if is_shared(path) else "wal"
        connection.execute(f"pragma journal_mode = {mode}")
        # on the disk before a request is sent: safe from a killed process and a power failure
        connection.execute("pragma synchronous = full")
        _upgrade(connection, path)
    except sqlite3.DatabaseError as error:
        raise ExtractionError(f"{path} cannot be used as request journal: {error}") from error
    return connection


def is_shared(path: Path) -> bool:
    """Say whether a file lies where other machines may have it open."""
    place = path.resolve()
    mounts = [m for m in psutil.disk_partitions(all=True) if place.is_relative_to(m.mountpoint)]
    nearest = max(mounts, key=lambda mount: len(mount.mountpoint), default=None)
    return nearest is not None and nearest.fstype in NETWORK


def _upgrade(connection: sqlite3.Connection, path: Path) -> None:
    """Add what the format of a journal lacks, in one transaction; its requests stay."""
    if _format(connection) == len(FORMATS):
        return
    connection.execute("begin immediate")
    try:
        found = _format(connection)  # another process may have been quicker
        if found > len(FORMATS):
            raise ExtractionError(
                f"{path} has format {found}: must be {len(FORMATS)}, this version's; update "
                "equal-assets, or name another folder in EQUAL_HOME"
            )
        for script in FORMATS[found:]:
            for statement in _statements(script):
                connection.execute(statement)
        connection.execute(f"pragma user_version = {len(FORMATS)}")
        connection.execute("commit")
    except BaseException:
        if connection.in_transaction:
            connection.execute("rollback")
        connection.close()
        raise


def _format(connection: sqlite3.Connection) -> int:
    return int(connection.execute("pragma user_version").fetchone()[0])


def _statements(script: str) -> Iterator[str]:
    """Yield the statements of a script, a trigger with those inside it."""
    statement = ""
    for line in script.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""
