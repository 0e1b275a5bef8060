"""What `equal init` asks, and the findings that it shows in between."""

from __future__ import annotations

import os
import shlex
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import click

from equal_assets.errors import CorpusError, EqualError
from equal_assets.init.campaigns import Sizes, campaigns_text
from equal_assets.init.documents import formats, holds_markdown
from equal_assets.init.fields import Fields, look_at_fields
from equal_assets.init.targets import (
    guess_answers,
    guess_fields,
    look_at_target,
    read_file,
    shared_fields,
    shown_pair,
    split_questions,
)
from equal_assets.resources.corpora.looking import (
    LOOKED_AT_SECONDS,
    Documents,
    look_at_documents,
)
from equal_assets.settings import FilesSettings

T = TypeVar("T")
Say = Callable[[str], None]

BACKENDS = ("structural", "openai", "vllm", "llama-cpp")
LOCAL_SERVER = "http://127.0.0.1:8000/v1"
SHOWN_FIELDS = 8
TARGET_FILES = "JSON, Parquet or CSV"


@dataclass(frozen=True)
class Answers:
    """What was given as flags; what is None is asked, or guessed where nothing may be asked."""

    folder: Path
    documents: tuple[str, ...] = ()
    text_field: str | None = None
    reference: Path | None = None
    test: Path | None = None
    question_field: str | None = None
    answer_field: str | None = None
    choice_key: str | None = None
    extractor: str | None = None
    model: str | None = None
    base_url: str | None = None
    may_ask: bool = True


@dataclass(frozen=True)
class Project:
    """What is to be written: campaigns.yaml, and the halves of a file of questions by name.

    ``is_paid``: extraction costs tokens.
    """

    campaigns: str
    halves: dict[str, str]
    is_paid: bool


def interview(given: Answers, say: Say) -> Project:
    """Look at what was given, show it, ask for the rest.

    Raises
    ------
    CorpusError
        If the value of a flag cannot be used; for a bad answer the question is repeated.
    UsageError
        If something is missing and nothing may be asked.
    """
    corpus, found = _documents(given, say)
    target, halves = _target(given, say)
    extractor = _extractor(given, found)
    is_paid = extractor["backend"] != "structural"
    sizes = Sizes.of(found.n_documents, is_paid=is_paid, is_whole=found.is_whole)
    basis = f"of {_at_least(found)}{found.n_documents:,} documents"
    text = campaigns_text(
        corpus=corpus, extractor=extractor, target=target, sizes=sizes, basis=basis
    )
    return Project(text, halves, is_paid)


def _documents(given: Answers, say: Say) -> tuple[dict[str, Any], Documents]:
    """Return the section `corpus`, and what its documents hold."""

    def usable(text: str) -> tuple[list[str], dict[str, int]]:
        try:
            patterns = shlex.split(text)
        except ValueError as error:
            raise CorpusError(f"documents = {text}: must be paths; {error}") from error
        return patterns, formats(_absolute(patterns))

    patterns, counted = _answer(
        given,
        shlex.join(given.documents) or None,
        "Documents (a folder, files or globs)",
        usable,
        flag="--documents",
    )
    fields = look_at_fields(_absolute(patterns))
    mapping = fields.mapping(_text_field(given, fields))
    splitting = {"split": "headings"} if holds_markdown(counted) else {}
    keys = {"source": "files", **splitting, **mapping}
    files = ", ".join(f"{n:,} {ending}" for ending, n in counted.items())
    say(f"files      {files}; read for {LOOKED_AT_SECONDS:.0f} s at most")
    found = look_at_documents(FilesSettings(paths=_absolute(patterns), **keys))
    for line in _shown_documents(found, fields, mapping):
        say(line)
    paths = [_from_folder(pattern, given.folder) for pattern in patterns]
    return {"source": keys.pop("source"), "paths": paths, **keys}, found


def _text_field(given: Answers, fields: Fields) -> str | None:
    known = list(fields.lengths)
    if not known and given.text_field is None:
        return None

    def usable(name: str) -> str:
        if name not in known:
            there = ", ".join(known) or "there is none"
            raise CorpusError(f"text_field = {name}: must be a field of text: {there}")
        return name

    prompt = f"Field with the text ({', '.join(known[:SHOWN_FIELDS])})"
    return _answer(
        given, given.text_field, prompt, usable, flag="--text-field", guess=fields.text()
    )


def _shown_documents(found: Documents, fields: Fields, mapping: dict[str, str]) -> Iterator[str]:
    if fields.names:
        more = len(fields.names) - SHOWN_FIELDS
        names = ", ".join(fields.names[:SHOWN_FIELDS]) + (f" and {more} more" if more > 0 else "")
        yield f"fields     {names}; the text is in {mapping.get('text_field', 'none')}"
    count = f"{_at_least(found)}{found.n_documents:,}"
    yield f"documents  {count}, half of them longer than {found.characters:,.0f} characters"
    if found.n_chunks:
        texts = f"{found.n_pages:,} longer text{'s' * (found.n_pages > 1)}"
        yield f"           among them {found.n_chunks:,} chunks of {texts}"
    for reason, n in found.rejected.items():
        yield f"           {n:,} rejected: {reason}"
    languages = ", ".join(f"{name} {n}" for name, n in found.languages.items())
    yield f"languages  {languages} (of {found.n_sampled} documents)"
    yield (
        f"pairs      {found.n_pairs} are laid out in {found.n_with_pairs} of {found.n_sampled} "
        "documents (structural extractor)"
    )


def _at_least(found: Documents) -> str:
    return "" if found.is_whole else "at least "


def _target(given: Answers, say: Say) -> tuple[dict[str, Any], dict[str, str]]:
    """Return the keys of the target, and the halves of a file where one is split."""
    named = {
        "question_field": given.question_field,
        "answer_field": given.answer_field,
        "choice_key": given.choice_key,
    }
    reference, fields = _answer(
        given,
        None if given.reference is None else str(given.reference),
        f"Questions with answers that say what you want ({TARGET_FILES})",
        lambda text: (Path(text), guess_fields(Path(text), named)),
        flag="--reference",
    )
    test = _answer(
        given,
        None if given.test is None else str(given.test),
        f"Questions for evaluation only ({TARGET_FILES}; none: half of the first file)",
        lambda text: Path(text) if text else None,
        flag="--test",
        guess="",
    )
    if test is None:
        stem = reference.name.partition(".")[0]
        names = [f"{stem}-{split}.jsonl" for split in ("reference", "test")]
        halves = dict(zip(names, split_questions(reference, fields), strict=True))
        counts = [text.count("\n") for text in halves.values()]
        paths, example = names, next(iter(read_file(reference, fields).values()))
    else:
        fields = shared_fields(fields, test, named)
        looked = look_at_target(reference, test, fields)
        halves, counts, example = {}, [looked.n_reference, looked.n_test], looked.example
        paths = [_from_folder(str(path), given.folder) for path in (reference, test)]
    say(f"questions  {counts[0]:,} to steer by ({paths[0]}), {counts[1]:,} to test ({paths[1]})")
    both = [reference] if test is None else [reference, test]
    answers = guess_answers(pair for file in both for pair in read_file(file, fields).values())
    judged = {} if answers == "text" else {"answers": answers}
    usual = {"question_field": "question", "answer_field": "answer"}
    unusual = {key: name for key, name in fields.items() if usual.get(key) != name} | judged
    keys = ", ".join(f"{key}: {value}" for key, value in unusual.items())
    say(f"read as    {keys or 'question and answer'}; the first pair:")
    for line in shown_pair(example):
        say(f"           {line}")
    return {"reference": paths[0], "test": paths[1], **unusual}, halves


def _extractor(given: Answers, found: Documents) -> dict[str, Any]:
    def usable(backend: str) -> str:
        if backend not in BACKENDS:
            raise CorpusError(f"extractor = {backend}: must be one of {', '.join(BACKENDS)}")
        if backend == "structural" and found.n_with_pairs < 2:
            raise CorpusError(
                f"extractor = structural: must find pairs; {found.n_with_pairs} of "
                f"{found.n_sampled} documents have any laid out, so use openai, vllm or "
                "llama-cpp"
            )
        return backend

    backend = _answer(
        given,
        given.extractor,
        f"Extractor ({', '.join(BACKENDS)})",
        usable,
        flag="--extractor",
        guess="structural",
    )
    if backend == "structural":
        return {"backend": backend}
    model = _answer(given, given.model, "Model", str, flag="--model")
    if backend == "vllm":
        return {"backend": backend, "model": model}
    if backend == "llama-cpp":
        return {"backend": backend, "model": _from_folder(model, given.folder)}
    url = _answer(
        given, given.base_url, "Address of the server", str, flag="--base-url", guess=LOCAL_SERVER
    )
    return {"backend": backend, "base_urls": [url], "model": model}


def _answer(
    given: Answers,
    value: str | None,
    prompt: str,
    use: Callable[[str], T],
    *,
    flag: str,
    guess: str | None = None,
) -> T:
    """Return what ``use`` makes of a flag's value, of the guess, or of what is typed."""
    if value is None and not given.may_ask:
        value = guess
        if value is None:
            raise click.UsageError(f"{flag} must be given with --yes, which asks nothing")
    if value is not None:
        return use(value)
    while True:
        try:
            return use(click.prompt(prompt, default=guess, show_default=bool(guess)))
        except EqualError as error:
            click.echo(f"  {error}")


def _absolute(patterns: Sequence[str]) -> list[str]:
    return [str(Path.cwd() / pattern) for pattern in patterns]


def _from_folder(pattern: str, folder: Path) -> str:
    """Return a path of the current folder as campaigns.yaml names it; absolute ones stay."""
    return (
        pattern
        if Path(pattern).is_absolute()
        else Path(os.path.relpath(pattern, folder)).as_posix()
    )
