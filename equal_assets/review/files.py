"""Reviews that go out as a file and come back: all verdicts in it are taken, or none."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from equal_assets.errors import ReviewError
from equal_assets.records import QAPair
from equal_assets.resources.publishing import publish_text
from equal_assets.resources.verdicts import PairVerdict
from equal_assets.review.argilla import argilla_records, read_argilla
from equal_assets.review.checking import checked_reviewer, checked_verdict
from equal_assets.review.label_studio import CONFIG, label_studio_tasks, read_label_studio
from equal_assets.review.pairs import Reviewing, ReviewPair
from equal_assets.review.rows import FileRow, csv_rows, json_lines, read_csv, read_json_lines

SHOWN_ERRORS = 10

Write = Callable[[Iterable[tuple[ReviewPair, PairVerdict | None]]], str]
Read = Callable[[str], list[FileRow]]


@dataclass(frozen=True)
class FileFormat:
    """A kind of file.

    Attributes
    ----------
    write, read : callable
    beside : tuple of (str, str)
        Ending and content of files that the other program needs as well.
    """

    write: Write
    read: Read
    beside: tuple[tuple[str, str], ...] = ()


FORMATS = {
    "csv": FileFormat(csv_rows, read_csv),
    "jsonl": FileFormat(json_lines, read_json_lines),
    "argilla": FileFormat(argilla_records, read_argilla),
    "label-studio": FileFormat(label_studio_tasks, read_label_studio, ((".xml", CONFIG),)),
}


def write_file(reviewing: Reviewing, path: Path, form: str | None) -> str:
    """Write the pairs that can be reviewed, with what was said of them; return a line about it.

    Raises
    ------
    ReviewError
        If the name of the file does not tell its format.
    """
    chosen, standing = _format("--out", path, form), reviewing.standing()
    rows = [(found, standing.get(found.pair)) for found in reviewing.pairs.values()]
    publish_text(chosen.write(rows), path)
    names = [str(path)]
    for ending, content in chosen.beside:
        publish_text(content, path.with_suffix(ending))
        names.append(str(path.with_suffix(ending)))
    n_said = sum(verdict is not None for _, verdict in rows)
    return f"{len(rows):,} pairs, {n_said:,} with a verdict, in {' and '.join(names)}"


def read_file(reviewing: Reviewing, path: Path, form: str | None) -> str:
    """Take the verdicts of a file, all or none; return a line about it.

    Raises
    ------
    ReviewError
        If the file cannot be read or a row is wrong; the message names file, row, value and what is
        allowed.
    """
    chosen = _format("--in", path, form)
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise ReviewError(
            f"{path}: must be UTF-8; in a spreadsheet, save it as `CSV UTF-8`"
        ) from error
    try:
        rows = chosen.read(text)
    except ReviewError as error:
        raise ReviewError(f"{path}, {error}") from error
    verdicts, n_same = _checked(reviewing, path, rows)
    reviewing.say(verdicts)
    n_open = len(rows) - len(verdicts) - n_same
    return (
        f"{path}: {len(verdicts):,} verdicts taken, {n_same:,} as they were, {n_open:,} rows "
        "without one"
    )


def _format(option: str, path: Path, form: str | None) -> FileFormat:
    found = form or path.suffix.removeprefix(".").lower()
    if found in FORMATS:
        return FORMATS[found]
    raise ReviewError(
        f"{option} = {path}: must end in .csv or .jsonl, or name its kind: --format "
        f"{', '.join(FORMATS)}"
    )


def _checked(
    reviewing: Reviewing, path: Path, rows: list[FileRow]
) -> tuple[list[PairVerdict], int]:
    """Return the new verdicts of rows, and how many stand already."""
    standing, errors = reviewing.standing(), []
    found: dict[QAPair, PairVerdict] = {}
    n_same = 0
    for row in rows:
        try:
            verdict = _row_verdict(reviewing, row)
        except ReviewError as error:
            errors.append(f"{path}, {row.place}: {error}")
            continue
        if verdict is None:
            continue
        if _is_same(verdict, standing.get(verdict.pair)):
            n_same += 1
        elif verdict.pair in found and not _is_same(verdict, found[verdict.pair]):
            errors.append(
                f"{path}, {row.place}: verdict = {verdict.said!r}: must be that of an earlier row "
                "of the same pair; keep one of them"
            )
        else:
            found[verdict.pair] = verdict
    if errors:
        more = f"\n… and {len(errors) - SHOWN_ERRORS:,} more" if len(errors) > SHOWN_ERRORS else ""
        shown = "\n".join(errors[:SHOWN_ERRORS])
        raise ReviewError(f"{shown}{more}\nNothing of the file was taken")
    return list(found.values()), n_same


def _row_verdict(reviewing: Reviewing, row: FileRow) -> PairVerdict | None:
    values = row.values
    if (found := reviewing.pairs.get(values["qa_id"])) is None:
        raise ReviewError(
            f"qa_id = {values['qa_id']!r}: must be one of the {len(reviewing.pairs):,} pairs of "
            f"campaign {reviewing.campaign} that can be reviewed; write the file again with --out"
        )
    for key in ("question", "answer"):
        own = getattr(found.pair, key)
        if values.get(key) and _words(values[key]) != _words(own):
            raise ReviewError(
                f"{key} = {values[key][:60]!r}: must be as extracted; write new words into "
                f"new_{key}, and verdict edited"
            )
    given = {key: values.get(key, "") for key in ("reason", "new_question", "new_answer")}
    if not values.get("verdict", "").strip():
        if said := [key for key, value in given.items() if value.strip()]:
            raise ReviewError(
                f"verdict is empty beside {', '.join(said)}: must be accepted, edited or rejected"
            )
        return None
    reviewer = checked_reviewer(row.reviewer or reviewing.reviewer)
    return checked_verdict(found.pair, values["verdict"], reviewer=reviewer, **given)


def _is_same(verdict: PairVerdict, other: PairVerdict | None) -> bool:
    said = (verdict.said, verdict.reason, verdict.edited)
    return other is not None and said == (other.said, other.reason, other.edited)


def _words(text: str) -> list[str]:
    return text.split()
