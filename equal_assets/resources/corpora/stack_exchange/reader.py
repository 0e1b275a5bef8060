"""Stack Exchange dumps: each question with its best answers (extra ``files``).

``Posts.xml`` is read once, from the file or from the archive, piece by piece, without unpacking it
to disk. Posts that the settings keep go into an index on disk, since answers come anywhere after
their questions, and sometimes before.
"""

from __future__ import annotations

import importlib.util
import re
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path

from equal_assets.errors import CorpusError, MissingExtraError
from equal_assets.extras import install_command
from equal_assets.records import QAPair, RejectedRow
from equal_assets.resources.corpora.candidates import Candidate, Reason, reject, unreadable
from equal_assets.resources.corpora.converted.result import UnusableFileError
from equal_assets.resources.corpora.places import base_folder, scratch_folder, shown_path
from equal_assets.resources.corpora.stack_exchange.dump import Row, broken_dump, parse_posts
from equal_assets.resources.corpora.stack_exchange.index import Answer, PostsIndex, Question
from equal_assets.settings import StackExchangeSettings

MAX_BROKEN_POSTS = 10_000
"""After these, a file does not count as a Stack Exchange dump."""

UNUSABLE_POST = (KeyError, ValueError, OverflowError, sqlite3.IntegrityError)
"""Raised for a post that lacks something or repeats an id."""

LICENSES = (
    ("2018-05-02", "CC BY-SA 4.0"),
    ("2011-04-08", "CC BY-SA 3.0"),
    ("", "CC BY-SA 2.5"),
)
"""By the first day of posts under them (stackoverflow.com/help/licensing)."""

QUESTION, ANSWER = "1", "2"


class _EnoughError(Exception):
    """Ends reading after one post."""


def read_stack_exchange(corpus: StackExchangeSettings) -> Iterator[Candidate | RejectedRow]:
    """Yield the questions that have answers, in the order of their ids.

    Posts that cannot be read and questions without an answer that counts are rejected. If a dump
    breaks off, the part before is used.

    Raises
    ------
    CorpusError
        If a library is missing, or an archive holds no ``Posts.xml``.
    """
    path, file = Path(corpus.path), shown_path(Path(corpus.path), base_folder())
    _require(path)
    from equal_assets.resources.corpora.converted.html import markdown_of

    index = PostsIndex(scratch_folder(), min_score=corpus.min_score, tags=corpus.tags)
    try:
        yield from fill_index(index, path, file)
        for question, answers in index.threads(max_answers=corpus.max_answers):
            yield _document(question, answers, corpus, file, markdown_of)
    except sqlite3.OperationalError as error:
        raise CorpusError(
            f"the index of {file} cannot be written to {scratch_folder()}: {error}. Make room "
            "there, or keep less with corpus.tags or corpus.min_score"
        ) from error
    finally:
        index.close()


def first_post(corpus: StackExchangeSettings) -> int:
    """Return the line of the first post of a dump, to check that it can be read.

    Raises
    ------
    CorpusError
        If it cannot.
    """
    path, file = Path(corpus.path), shown_path(Path(corpus.path), base_folder())
    _require(path)
    lines: list[int] = []

    def stop(row: Row, line: int) -> None:
        lines.append(line)
        raise _EnoughError

    try:
        parse_posts(path, file, stop)
    except _EnoughError:
        return lines[0]
    except (OSError, UnusableFileError) as error:
        raise CorpusError(f"corpus.path: {file} cannot be read: {error}") from error
    raise CorpusError(f"corpus.path: {file} holds no post")


def _require(path: Path) -> None:
    needed = ["markdownify", *(["py7zr"] if path.suffix.lower() == ".7z" else [])]
    if not path.is_file():
        raise CorpusError(
            f"corpus.path = {path}: must exist; dumps are at https://archive.org/details/stackexchange"
        )
    missing = [name for name in needed if importlib.util.find_spec(name) is None]
    if missing:
        raise MissingExtraError(
            f"a Stack Exchange dump needs {', '.join(missing)}: `{install_command('files')}`"
        )


# From the dump into the index


def fill_index(index: PostsIndex, path: Path, file: str) -> Iterator[RejectedRow]:
    """Put the posts of a dump into an index; yield the unreadable ones."""
    rejected: list[RejectedRow] = []
    line = 1

    def add(row: Row, at: int) -> None:
        nonlocal line
        line = at
        try:
            _add(index, row, at)
        except UNUSABLE_POST as error:
            detail = f"{type(error).__name__}: {error} in post {row.get('Id')}"
            rejected.append(reject(file, at, Reason.UNREADABLE_VALUE, detail))
            if len(rejected) == MAX_BROKEN_POSTS:
                raise broken_dump(f"{MAX_BROKEN_POSTS:,} posts cannot be read") from error

    try:
        parse_posts(path, file, add)
    except UnusableFileError as error:
        rejected.append(reject(file, line + 1, error.reason, str(error)))
    except OSError as error:
        rejected.append(unreadable(file, line + 1, error))
    yield from rejected


def _add(index: PostsIndex, row: Row, line: int) -> None:
    kind = row["PostTypeId"]
    if kind not in (QUESTION, ANSWER):
        return  # wiki pages, descriptions of tags, notes of moderators
    post, score, created = int(row["Id"]), int(row["Score"]), row["CreationDate"]
    stated = row.get("ContentLicense")
    if kind == ANSWER:
        answer = Answer(post, created, stated, score, row["Body"])
        index.add_answer(answer, int(row["ParentId"]))
        return
    accepted = row.get("AcceptedAnswerId")
    index.add_question(
        Question(
            id=post,
            line=line,
            accepted=int(accepted) if accepted else None,
            created=created,
            license=stated,
            score=score,
            tags=tuple(re.findall(r"[^<>|\s]+", row.get("Tags", ""))),  # <a><b>, or |a|b|
            title=row["Title"],
            body=row["Body"],
        )
    )


# From the index to documents


def _document(
    question: Question,
    answers: list[Answer],
    corpus: StackExchangeSettings,
    file: str,
    markdown_of: Callable[[str], str],
) -> Candidate | RejectedRow:
    try:
        texts = [(answer, text) for answer in answers if (text := markdown_of(answer.body))]
        body = markdown_of(question.body) if texts else ""
    except RecursionError:
        detail = f"post {question.id} or an answer to it is nested too deep"
        return reject(file, question.line, Reason.UNREADABLE_VALUE, detail)
    if not texts:
        return reject(file, question.line, Reason.NO_ANSWER, question.title)
    site = corpus.site
    asked = f"{question.title.strip()}\n\n{body}".strip()
    parts = [f"# {asked}"]
    for answer, text in texts:
        heading = "Accepted answer" if answer.id == question.accepted else "Answer"
        parts.append(f"## {heading}\n\n{text}")
    licenses = [_license(question), *(_license(answer) for answer, _ in texts)]
    return Candidate(
        source=site or file,
        file=file,
        row=question.line,
        text="\n\n".join(parts),
        document_id=f"{site or 'question'}-{question.id}",
        url=f"https://{site}/q/{question.id}" if site else None,
        license=", ".join(sorted(set(licenses))),
        metadata={
            "title": question.title.strip(),
            "tags": " ".join(question.tags),
            "score": str(question.score),
            "created": question.created,
            "answers": " ".join(str(answer.id) for answer, _ in texts),
        },
        qa_pairs=(QAPair(asked, texts[0][1]),),
    )


def _license(post: Question | Answer) -> str:
    """Return the license of a post: as the dump states it, else by the day it was written."""
    return post.license or next(name for start, name in LICENSES if post.created >= start)
