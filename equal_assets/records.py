"""Frozen records that cross modules: documents, QA pairs, extractions."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, field, fields
from typing import Literal

WARM_UP = "warm-up"
"""Who pays for the warm-up sample; all other payers are campaigns."""

PREVIEW = "preview"
"""Takes the place of a round where a campaign pays for what people look at before it is played."""

CHARACTERS_PER_TOKEN = 4
"""Average for English text: estimates a document's tokens before anything has read it."""

ExtractionStatus = Literal["pairs", "no pairs", "failed"]


def content_hash(text: str) -> str:
    """Return the SHA-256 of a text, as 64 hexadecimal digits: its identity for exact duplicates."""
    return hashlib.sha256(text.encode("utf-8")).hexdigest()


def trimmed(text: str) -> str:
    r"""Return a text without white space around it, except the indentation of a block of code.

    That is a first line indented by four or more, or lines that are all indented: a function's body
    without its first indentation is another program, or none.

    Examples
    --------
    >>> trimmed("\n  Paris \n"), trimmed("\n    return a + b\n")
    ('Paris', '    return a + b')
    """
    text = re.sub(r"\A(?:[^\S\n]*\n)+", "", text).rstrip()
    lines = [line for line in text.split("\n") if line.strip()]
    are_all_indented = len(lines) > 1 and all(line.startswith(("  ", "\t")) for line in lines)
    is_block = are_all_indented or text.startswith(("    ", "\t"))
    return text if is_block else text.lstrip()


@dataclass(frozen=True, slots=True)
class QAPair:
    """A question and its answer."""

    question: str
    answer: str

    @property
    def text(self) -> str:
        """The pair as one text, question first: what is embedded (arXiv:2505.12250, section 3)."""
        return f"{self.question}\n{self.answer}"


@dataclass(frozen=True, slots=True)
class Option:
    """An answer to a target question that can be taken, or one more that is right.

    Attributes
    ----------
    label : str or None
        Its letter among the options of the question; ``None`` for a further right answer to a
        question without options.
    text : str
    is_right : bool
    """

    label: str | None
    text: str
    is_right: bool

    @property
    def shown(self) -> str:
        """The option as it stands in the question: letter and text."""
        return f"{self.label}. {self.text}" if self.label else self.text


@dataclass(frozen=True, slots=True)
class Page:
    """What a document was cut from, if that was longer than a document should be.

    Attributes
    ----------
    page_id : str
        The id that the whole would have as a document.
    content_hash : str
        Of its text.
    chunk : int
        The place of the document in it, from 1.
    """

    page_id: str
    content_hash: str
    chunk: int


@dataclass(frozen=True, slots=True)
class Document:
    """A document of the corpus.

    Attributes
    ----------
    document_id : str
        Unique in the corpus: the mapped id field, or the first 16 digits of the content hash; with
        ``#`` and its place, if it is a chunk of a page that has an id of its own.
    text : str
        The document, without leading and trailing white space; never empty. A chunk begins with the
        headings that are above it.
    source : str
        Where it comes from, in people's words: a file, a data set, a package with version.
    file : str
        The file that it was read from.
    row : int
        Its line (text formats), row (tables) or index in the file, from 1.
    url, license : str or None
        As the corpus states them.
    metadata : dict of str to str
        Everything else that the settings map or the reader knows.
    qa_pairs : tuple of QAPair
        QA pairs that came with the document; only the ``replay`` extractor reads them.
    page : Page or None
        What it was cut from.
    """

    document_id: str
    text: str
    source: str
    file: str
    row: int
    url: str | None = None
    license: str | None = None
    metadata: dict[str, str] = field(default_factory=dict)
    qa_pairs: tuple[QAPair, ...] = ()
    page: Page | None = None

    @property
    def content_hash(self) -> str:
        """SHA-256 of the text."""
        return content_hash(self.text)

    @property
    def title(self) -> str | None:
        """What people call it, where its source says so."""
        return self.metadata.get("title") or self.metadata.get("qualname")


@dataclass(frozen=True, slots=True)
class RejectedRow:
    """A row of the corpus that cannot be used, and why.

    Attributes
    ----------
    file : str
        The file that holds it.
    row : int
        Line, row or index in the file, from 1.
    reason : str
        One of a few fixed phrases, so that they can be counted.
    excerpt : str
        The first 200 characters, for people to look at.
    """

    file: str
    row: int
    reason: str
    excerpt: str


@dataclass(frozen=True, slots=True)
class RejectedPair:
    """A pair from an LLM that is not kept, and why."""

    question: str
    answer: str
    reason: str


@dataclass(frozen=True, slots=True)
class Usage:
    """What an extraction used of an LLM, whether it was sent now or answered before.

    Attributes
    ----------
    prompt_tokens, completion_tokens : int
        Tokens read and written, including those of unusable replies.
    paid_prompt_tokens, paid_completion_tokens : int
        The part that was sent for this extraction by its payer.
    cost, paid_cost : float
        Money, at the prices of the time.
    n_requests : int
        Requests that were answered or abandoned.
    n_tries : int
        How often they were sent, retries included.
    request_seconds : float
        Time until each try was answered, summed.
    """

    prompt_tokens: int = 0
    completion_tokens: int = 0
    paid_prompt_tokens: int = 0
    paid_completion_tokens: int = 0
    cost: float = 0.0
    paid_cost: float = 0.0
    n_requests: int = 0
    n_tries: int = 0
    request_seconds: float = 0.0

    def __add__(self, other: Usage) -> Usage:
        return Usage(*(getattr(self, f.name) + getattr(other, f.name) for f in fields(self)))


@dataclass(frozen=True, slots=True)
class Extraction:
    """What came out of one document: pairs, none, or a failure with its reason.

    Attributes
    ----------
    content_hash : str
        Content hash of the document.
    status : {"pairs", "no pairs", "failed"}
        How it ended.
    pairs : tuple of QAPair
        Empty unless ``status`` is ``"pairs"``.
    reason : str or None
        Why it failed; for a document with pairs, which of its chunks failed and why.
    seconds : float
        Wall-clock time of the extraction.
    rejected : tuple of RejectedPair
        Pairs that are not kept, each with its reason.
    usage : Usage
        What it used; nothing for extractors without a model.
    is_changed : bool or None
        Whether refinement changed a pair; ``None`` if none was refined.
    """

    content_hash: str
    status: ExtractionStatus
    pairs: tuple[QAPair, ...]
    reason: str | None
    seconds: float
    rejected: tuple[RejectedPair, ...] = ()
    usage: Usage = field(default_factory=lambda: Usage())
    is_changed: bool | None = None


@dataclass(frozen=True, slots=True)
class Rating:
    """How an LLM rates a document for a target.

    Attributes
    ----------
    content_hash : str
        Content hash of the document.
    rating : int or None
        From 1 to 5; ``None`` if there is none.
    reason : str or None
        Why there is none.
    usage : Usage
        What it used.
    """

    content_hash: str
    rating: int | None
    reason: str | None
    usage: Usage
