"""The posts of a Stack Exchange dump on disk: an answer may be far from its question."""

from __future__ import annotations

import sqlite3
import tempfile
import zlib
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

CACHE_KIB = 65_536
"""Of the index that is kept in memory."""

TABLES = """
create table questions (
  id integer primary key,
  line integer not null,     -- of the dump
  accepted integer,          -- id of the answer that the asker has accepted
  created text not null,
  license text,
  score integer not null,
  tags text not null,        -- separated by spaces
  title text not null,
  body blob not null         -- HTML, compressed
);
create table left_out (id integer primary key);  -- questions that the settings leave out
create table answers (
  id integer primary key,
  question integer not null,
  created text not null,
  license text,
  score integer not null,
  body blob not null
);
"""


Row = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer; the body is HTML."""

    id: int
    created: str
    license: str | None
    score: int
    body: str


@dataclass(frozen=True, slots=True)
class Question:
    """A question; the body is HTML, ``accepted`` the id of an answer, ``line`` its place."""

    id: int
    line: int
    accepted: int | None
    created: str
    license: str | None
    score: int
    tags: tuple[str, ...]
    title: str
    body: str


class PostsIndex:
    """A temporary file that is gone with the object, even if the process is killed.

    Parameters
    ----------
    folder : Path
        Holds the file; bodies are compressed in it.
    min_score : int
        Of questions and answers; accepted answers are kept with any score.
    tags : collection of str
        Questions without any of them are left out; if empty, none is.
    """

    def __init__(self, folder: Path, *, min_score: int, tags: Collection[str]) -> None:
        self.min_score = min_score
        self.tags = frozenset(tags)
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=folder, prefix="posts-") as file:
            self._connection = sqlite3.connect(file.name, isolation_level=None)
            for setting in ("journal_mode = off", "synchronous = off", "locking_mode = exclusive"):
                self._connection.execute(f"pragma {setting}")
            self._connection.execute(f"pragma cache_size = -{CACHE_KIB}")
            self._connection.executescript(TABLES)
        self._connection.execute("begin")

    def close(self) -> None:
        """Close and delete the file."""
        self._connection.close()

    def add_question(self, question: Question) -> None:
        """Store a question, unless the settings leave it out."""
        has_tag = not self.tags or not self.tags.isdisjoint(question.tags)
        if question.score < self.min_score or not has_tag:
            self._connection.execute("insert into left_out values (?)", (question.id,))
            return
        self._connection.execute(
            "insert into questions values (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                question.id,
                question.line,
                question.accepted,
                question.created,
                question.license,
                question.score,
                " ".join(question.tags),
                question.title,
                _packed(question.body),
            ),
        )

    def add_answer(self, answer: Answer, question_id: int) -> None:
        """Store an answer that may be of use: its question may come later."""
        left_out = "select 1 from left_out where id = ?"
        if self._connection.execute(left_out, (question_id,)).fetchone():
            return
        if answer.score < self.min_score:
            known = "select accepted from questions where id = ?"
            row = self._connection.execute(known, (question_id,)).fetchone()
            if row and row[0] != answer.id:
                return
        self._connection.execute(
            "insert into answers values (?, ?, ?, ?, ?, ?)",
            (
                answer.id,
                question_id,
                answer.created,
                answer.license,
                answer.score,
                _packed(answer.body),
            ),
        )

    def threads(self, *, max_answers: int) -> Iterator[tuple[Question, list[Answer]]]:
        """Yield each question with its answers, by id: the accepted one first, then by score."""
        self._connection.execute("create index answers_by_question on answers (question)")
        for row in self._connection.execute("select * from questions order by id"):
            question = _question(row)
            answers = self._connection.execute(
                "select id, created, license, score, body from answers "
                "where question = :id and (score >= :min_score or id = :accepted) "
                "order by id = :accepted desc, score desc, id limit :max_answers",
                {
                    "id": question.id,
                    "min_score": self.min_score,
                    "accepted": question.accepted or -1,
                    "max_answers": max_answers,
                },
            )
            yield question, [_answer(row) for row in answers]


def _question(row: Row) -> Question:
    post, line, accepted, created, license_name, score, tags, title, body = row
    names = tuple(tags.split())
    text = _unpacked(body)
    return Question(post, line, accepted, created, license_name, score, names, title, text)


def _answer(row: Row) -> Answer:
    post, created, license_name, score, body = row
    return Answer(post, created, license_name, score, _unpacked(body))


def _packed(text: str) -> bytes:
    return zlib.compress(text.encode("utf-8", "surrogatepass"), level=1)


def _unpacked(content: bytes) -> str:
    return zlib.decompress(content).decode("utf-8", "surrogatepass")
