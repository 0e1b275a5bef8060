"""What reviewers said of pairs: on disk at once, and beside the warehouse.

A SQLite file, because a verdict is written while a campaign may hold the warehouse, in a
millisecond. A verdict is about what a pair says and a target, not about a round or an extraction:
it holds wherever the same pair is found again. Nothing is overwritten: the newest word on a pair
counts, and taking one back is an entry of its own, so that what counted at any moment can be told.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal, get_args

from equal_assets.errors import ReviewError
from equal_assets.records import QAPair

VERDICTS_FILE = "verdicts.sqlite"
"""In the state folder."""

Said = Literal["accepted", "edited", "rejected"]
SAID: tuple[Said, ...] = get_args(Said)

FORMAT = 1

TABLES = """
create table verdicts (
  id integer primary key,
  target text not null,
  pair text not null,          -- identifies question and answer
  question text not null,      -- as extracted
  answer text not null,
  said text check (said in ('accepted', 'edited', 'rejected')), -- null: takes another back
  takes_back integer references verdicts (id),
  reason text,                 -- of a rejection
  new_question text,           -- of an edited pair
  new_answer text,
  reviewer text not null,
  said_at text not null        -- ISO 8601, UTC
);
create index verdicts_by_pair on verdicts (target, pair);
create index taken_back on verdicts (takes_back) where takes_back is not null;
create table rounds (          -- what a round has learned from, and does if it is played again
  campaign text not null,
  round integer not null,
  last_verdict integer not null, -- the newest one when it began; 0: none
  primary key (campaign, round)
);
"""

STANDING = """
select id, question, answer, said, coalesce(reason, ''), new_question, new_answer, reviewer, said_at
from verdicts
where id in (
  select max(id) from verdicts
  where target = :target and id <= :until and said is not null
    and id not in (
      select takes_back from verdicts where takes_back is not null and id <= :until)
  group by pair)
order by id
"""


@dataclass(frozen=True)
class PairVerdict:
    """A reviewer's word on a pair.

    Attributes
    ----------
    pair : QAPair
        As it was extracted.
    said : {"accepted", "edited", "rejected"}
    reviewer : str
    reason : str
        Of a rejection.
    edited : QAPair or None
        What takes its place.
    said_at : str
        ISO 8601, UTC; set when it is stored.
    """

    pair: QAPair
    said: Said
    reviewer: str
    reason: str = ""
    edited: QAPair | None = None
    said_at: str = ""


class Verdicts:
    """The file of a project; made with the first verdict or round.

    Parameters
    ----------
    path : Path

    Raises
    ------
    ReviewError
        By every method, if the file cannot be used.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def add(self, target: str, verdicts: Iterable[PairVerdict]) -> None:
        """Store verdicts, all or none; they are on the disk when this returns."""
        now = datetime.now(UTC).isoformat(timespec="seconds")
        rows = [
            (
                *(target, pair_key(v.pair), v.pair.question, v.pair.answer, v.said),
                *(v.reason or None, v.edited and v.edited.question, v.edited and v.edited.answer),
                *(v.reviewer, now),
            )
            for v in verdicts
        ]
        with self._writing() as connection:
            connection.executemany(
                "insert into verdicts (target, pair, question, answer, said, reason, "
                "new_question, new_answer, reviewer, said_at) "
                "values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                rows,
            )

    def take_back(self, target: str, reviewer: str, among: Collection[QAPair]) -> QAPair | None:
        """Take a reviewer's last verdict on some pairs back; return its pair, if there is one.

        What was said of the pair before counts again.
        """
        now = datetime.now(UTC).isoformat(timespec="seconds")
        with self._writing() as connection:
            said = connection.execute(
                "select id, question, answer from verdicts "
                "where target = ? and reviewer = ? and said is not null and id not in "
                "(select takes_back from verdicts where takes_back is not null) "
                "order by id desc",
                (target, reviewer),
            ).fetchall()
            found = ((last, QAPair(*texts)) for last, *texts in said)
            last, pair = next((row for row in found if row[1] in among), (None, None))
            if pair is not None:
                connection.execute(
                    "insert into verdicts (target, pair, question, answer, takes_back, reviewer, "
                    "said_at) values (?, ?, ?, ?, ?, ?, ?)",
                    (target, pair_key(pair), pair.question, pair.answer, last, reviewer, now),
                )
        return pair

    def standing(self, target: str, *, until: int | None = None) -> dict[QAPair, PairVerdict]:
        """Return what counts for a target, by pair; with ``until``, when that was the newest."""
        with self._reading() as connection:
            if connection is None:
                return {}
            newest = _newest(connection) if until is None else until
            rows = connection.execute(STANDING, {"target": target, "until": newest}).fetchall()
        return {verdict.pair: verdict for verdict in map(_verdict, rows)}

    def digest(self, target: str) -> str | None:
        """Return what changes with what counts for a target; None where nothing was said."""
        standing = self.standing(target)
        if not standing:
            return None
        told = sorted(
            (pair_key(v.pair), v.said, v.reviewer, v.reason, v.edited and pair_key(v.edited))
            for v in standing.values()
        )
        return hashlib.sha256(json.dumps(told).encode()).hexdigest()[:16]

    def begin_round(self, campaign: str, number: int) -> None:
        """Settle which verdicts a round learns from: those of now, unless it has begun before.

        So a round that is killed and played again uses the same documents.
        """
        with self._writing() as connection:
            connection.execute(
                "insert or ignore into rounds select ?, ?, coalesce(max(id), 0) from verdicts",
                (campaign, number),
            )

    def seen_by(self, campaign: str, number: int) -> int | None:
        """Return the newest verdict that a round learns from, if it has begun."""
        with self._reading() as connection:
            if connection is None:
                return None
            row = connection.execute(
                "select last_verdict from rounds where campaign = ? and round = ?",
                (campaign, number),
            ).fetchone()
        return int(row[0]) if row else None

    def forget_rounds(self, campaign: str, from_round: int) -> None:
        """Let rounds learn anew when they are played again; verdicts stay."""
        if self.path.is_file():
            with self._writing() as connection:
                connection.execute(
                    "delete from rounds where campaign = ? and round >= ?", (campaign, from_round)
                )

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        """Open the file for changes that are stored together, and are on the disk at the end."""
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            connection = sqlite3.connect(self.path, timeout=60, isolation_level=None)
            try:
                connection.execute("pragma synchronous = full")
                connection.execute("begin immediate")
                self._ready(connection)
                yield connection
                connection.execute("commit")
            finally:
                connection.close()  # rolls back what was not committed
        except sqlite3.Error as error:
            raise self._unusable(error) from error

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection | None]:
        """Open the file, or None where there is none."""
        if not self.path.is_file():
            yield None
            return
        try:
            connection = sqlite3.connect(f"{self.path.resolve().as_uri()}?mode=ro", uri=True)
            try:
                connection.execute("pragma busy_timeout = 60000")
                yield connection if _format(connection) else None
            finally:
                connection.close()
        except sqlite3.Error as error:
            raise self._unusable(error) from error

    def _ready(self, connection: sqlite3.Connection) -> None:
        """Make the tables in a file that is new."""
        if (found := _format(connection)) > FORMAT:
            raise ReviewError(
                f"{self.path} has format {found}: must be {FORMAT}, this version's; update "
                "equal-assets, or name another folder in EQUAL_HOME"
            )
        if not found:
            for statement in filter(str.strip, TABLES.split(";\n")):
                connection.execute(statement)
            connection.execute(f"pragma user_version = {FORMAT}")

    def _unusable(self, error: sqlite3.Error) -> ReviewError:
        return ReviewError(
            f"{self.path}: the verdicts of reviewers cannot be used: {error}. Nothing was stored; "
            "free space or mend the disk, then try again"
        )


def verdicts_beside(database: str) -> Verdicts:
    """Return the verdicts of the project with this warehouse."""
    return Verdicts(Path(database).parent / VERDICTS_FILE)


def pair_key(pair: QAPair) -> str:
    """Return 16 hexadecimal digits that identify what a pair says."""
    return hashlib.sha256(json.dumps([pair.question, pair.answer]).encode()).hexdigest()[:16]


def _newest(connection: sqlite3.Connection) -> int:
    return int(connection.execute("select max(id) from verdicts").fetchone()[0] or 0)


def _format(connection: sqlite3.Connection) -> int:
    return int(connection.execute("pragma user_version").fetchone()[0])


def _verdict(row: Sequence[str | None]) -> PairVerdict:
    _, question, answer, said, reason, new_question, new_answer, reviewer, said_at = row
    edited = None if new_question is None else QAPair(new_question, str(new_answer))
    pair = QAPair(str(question), str(answer))
    return PairVerdict(pair, said, str(reviewer), str(reason), edited, str(said_at))  # type: ignore[arg-type]
