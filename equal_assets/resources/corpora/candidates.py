"""What readers yield: candidates for documents, and rejected rows with a reason that is counted."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from equal_assets.records import QAPair, RejectedRow

EXCERPT_CHARACTERS = 200


class Reason(StrEnum):
    """Why a row is rejected: the whole set, so that rejections can be counted by reason."""

    INVALID_UTF8 = "invalid UTF-8"  # bytes, or characters that UTF-8 cannot write
    BROKEN_JSON = "broken JSON"
    NOT_AN_OBJECT = "not an object"
    BROKEN_CSV = "broken CSV"  # quotes that do not close, a field beyond all bounds
    WRONG_FIELD_COUNT = "wrong number of fields"
    MISSING_TEXT = "missing text"
    TEXT_NOT_A_STRING = "text is not a string"
    EMPTY_TEXT = "empty text"
    UNDER_MIN_CHARACTERS = "under min_characters"
    OVER_MAX_CHARACTERS = "over max_characters"
    BROKEN_QA_PAIRS = "broken QA pairs"
    UNREADABLE_VALUE = "unreadable value"  # Parquet: a date that Python has no value for
    NOT_VALID_PYTHON = "not valid Python"
    UNREADABLE_FILE = "unreadable file"  # from this row on: truncated, corrupt, no permission
    ENCRYPTED_FILE = "encrypted file"
    NO_TEXT_IN_FILE = "no text in the file"  # a scan: pictures of pages
    FILE_BEYOND_BOUNDS = "file beyond the bounds"  # of size or memory, as a ZIP bomb is
    CONVERSION_TOO_SLOW = "conversion took too long"
    NO_ANSWER = "question without an answer"  # Stack Exchange: none that counts


@dataclass(frozen=True, slots=True)
class Candidate:
    """What a reader found, before the text policy; the fields are those of a document."""

    source: str
    file: str
    row: int
    text: str
    document_id: str | None = None
    url: str | None = None
    license: str | None = None
    metadata: dict[str, str] = field(default_factory=dict)
    qa_pairs: tuple[QAPair, ...] = ()


NumberedRow = tuple[int, dict[str, Any]]


def is_unicode(*texts: str) -> bool:
    """Tell whether texts can be stored: JSON and Python allow lone surrogates, UTF-8 does not."""
    try:
        for text in texts:
            text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def reject(file: str, row: int, reason: Reason, content: str | bytes) -> RejectedRow:
    """Return a row that cannot be used, with the beginning of what stands in it."""
    return RejectedRow(file, row, reason.value, excerpt(content))


def unreadable(file: str, row: int, error: Exception) -> RejectedRow:
    """Return what stands for a file from the row on where it cannot be read further."""
    # An OSError's own text repeats the path of this machine.
    detail = getattr(error, "strerror", None) or str(error)
    return reject(file, row, Reason.UNREADABLE_FILE, f"{type(error).__name__}: {detail}")


def excerpt(value: str | bytes) -> str:
    """Return the first characters as one line that any terminal and file can hold."""
    head = value[: EXCERPT_CHARACTERS * 4]  # a character has up to 4 bytes
    encoded = head if isinstance(head, bytes) else head.encode("utf-8", "backslashreplace")
    text = encoded.decode("utf-8", "backslashreplace")[:EXCERPT_CHARACTERS]
    return "".join(character if character.isprintable() else " " for character in text)
