"""What readers yield: candidates for documents, and rejected rows with their reasons."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from equal_assets.records import Page, QAPair, RejectedRow

EXCERPT_CHARACTERS = 200

MOST_ROW_BYTES = 1 << 26
"""Of a line, an object, a value: far above any document."""


class Reason(StrEnum):
    """All reasons to reject a row, so that rejections can be counted by reason."""

    INVALID_UTF8 = "invalid UTF-8"  # bytes, or characters that UTF-8 cannot write
    BROKEN_JSON = "broken JSON"
    NOT_AN_OBJECT = "not an object"
    BROKEN_CSV = "broken CSV"  # quotes that do not close, a field that is far too long
    WRONG_FIELD_COUNT = "wrong number of fields"
    MISSING_TEXT = "missing text"
    TEXT_NOT_A_STRING = "text is not a string"
    EMPTY_TEXT = "empty text"
    UNDER_MIN_CHARACTERS = "under min_characters"
    OVER_MAX_CHARACTERS = "over max_characters"
    BROKEN_QA_PAIRS = "broken QA pairs"
    UNREADABLE_VALUE = "unreadable value"  # Parquet: a date that Python cannot represent
    NOT_VALID_PYTHON = "not valid Python"
    UNREADABLE_FILE = "unreadable file"  # from this row on: truncated, corrupt, no permission
    ENCRYPTED_FILE = "encrypted file"
    NO_TEXT_IN_FILE = "no text in the file"  # a scan: pictures of pages
    UNREADABLE_CHARACTERS = "characters without a meaning"  # PDF: fonts that map to no Unicode
    UNREADABLE_FORMULA = "formula that cannot be converted"
    FILE_BEYOND_BOUNDS = "file beyond the bounds"  # of a row, of memory, such as a ZIP bomb
    CONVERSION_TOO_SLOW = "conversion took too long"
    NO_ANSWER = "question without an answer"  # Stack Exchange: none that counts
    EMPTY_FILE = "empty file"
    OTHER_KIND = "kind of file that is not read"
    HIDDEN = "hidden file or folder"
    OUTSIDE = "link out of the folder"
    NO_FILE = "no file that can be read"  # a link that leads nowhere, a socket, a closed folder


SKIPPED = (Reason.OTHER_KIND, Reason.HIDDEN, Reason.OUTSIDE, Reason.NO_FILE)
"""Why a file is not opened at all; the excerpt of the rejection is its kind."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A text that a reader found, before the text policy; it has the fields of a document.

    One that is cut already, at its headings, is not cut further.
    """

    source: str
    file: str
    row: int
    text: str
    document_id: str | None = None
    url: str | None = None
    license: str | None = None
    metadata: dict[str, str] = field(default_factory=dict)
    qa_pairs: tuple[QAPair, ...] = ()
    page: Page | None = None
    is_cut: bool = False


class BeyondBoundsError(OSError):
    """A file holds more than any document, or unpacks to far more than it says."""


NumberedRow = tuple[int, dict[str, Any]]


def is_unicode(*texts: str) -> bool:
    """Tell whether texts can be stored: JSON and Python allow lone surrogates, UTF-8 does not."""
    try:
        for text in texts:
            text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def without_nul(text: str) -> str:
    """Return a text in which no table, file or prompt ends early: NUL becomes U+FFFD."""
    return text.replace("\0", "\ufffd")


def reject(file: str, row: int, reason: Reason, content: str | bytes) -> RejectedRow:
    """Return a row that cannot be used, with the beginning of its content."""
    return RejectedRow(file, row, reason.value, excerpt(content))


def unreadable(file: str, row: int, error: Exception) -> RejectedRow:
    """Return a rejection for the rest of a file, from the row where it cannot be read further."""
    if isinstance(error, BeyondBoundsError):
        return reject(file, row, Reason.FILE_BEYOND_BOUNDS, str(error))
    # An OSError's own text repeats the path of this machine.
    detail = getattr(error, "strerror", None) or str(error)
    return reject(file, row, Reason.UNREADABLE_FILE, f"{type(error).__name__}: {detail}")


def excerpt(value: str | bytes) -> str:
    """Return the first characters as one line that any terminal and file can take."""
    head = value[: EXCERPT_CHARACTERS * 4]  # a character has up to 4 bytes
    encoded = head if isinstance(head, bytes) else head.encode("utf-8", "backslashreplace")
    text = encoded.decode("utf-8", "backslashreplace")[:EXCERPT_CHARACTERS]
    return "".join(character if character.isprintable() else " " for character in text)
