"""What came of the documents of a preview: for the terminal and for the page."""

from __future__ import annotations

import string
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from equal_assets.algorithms.extraction.marking import Piece, marked
from equal_assets.algorithms.extraction.score import pair_score
from equal_assets.algorithms.extraction.source import source
from equal_assets.planning.projection import Outlook, outlook
from equal_assets.records import Document, QAPair, RejectedPair
from equal_assets.resources.extraction.extractors import Extractor
from equal_assets.resources.warehouse import Warehouse, document_names, read_documents
from equal_assets.settings import Settings

LEFT_OUT = "left out"
NO_ROOM = (
    "no room within budget_tokens or budget_cost, where requests are reserved at their maximum"
)
"""How a document ends that was not extracted, and why."""


@dataclass(frozen=True)
class ShownPair:
    """A pair that is kept.

    Attributes
    ----------
    name : str
        By which its passage in the document is marked, such as ``2`` or ``B2``.
    pair : QAPair
    score : float
        The probability that a careful reader would call it good.
    """

    name: str
    pair: QAPair
    score: float


@dataclass(frozen=True)
class Found:
    """What an extractor made of a document.

    Attributes
    ----------
    status : str
        How it ended; :data:`LEFT_OUT` where the budget had no room for it.
    reason : str or None
        Why it failed, whole or in part.
    pairs : list of ShownPair
    rejected : list of RejectedPair
    prompt_tokens, completion_tokens : int
    cost, seconds : float
    """

    status: str
    reason: str | None
    pairs: list[ShownPair]
    rejected: list[RejectedPair]
    prompt_tokens: int
    completion_tokens: int
    cost: float
    seconds: float

    @property
    def tokens(self) -> int:
        """Return the tokens read and written."""
        return self.prompt_tokens + self.completion_tokens


@dataclass(frozen=True)
class ShownDocument:
    """A document, with what each extractor made of it.

    Attributes
    ----------
    document : Document
    place : str
        Where it is in the corpus.
    pieces : list of Piece
        Its text; answers count through the pairs of all yields, in their order.
    yields : list of Found
        In the order of the variants.
    """

    document: Document
    place: str
    pieces: list[Piece]
    yields: list[Found]

    @property
    def title(self) -> str:
        """Return what people call it: its title, or where it stands."""
        return self.document.title or self.place

    @property
    def pairs(self) -> list[ShownPair]:
        """Return the pairs of all yields."""
        return [pair for found in self.yields for pair in found.pairs]


@dataclass(frozen=True)
class Variant:
    """An extractor that is looked at: what it is called, its outlook, and what it gave in all.

    The letter before its pairs is empty where there is no other one.
    """

    letter: str
    label: str
    outlook: Outlook
    n_pairs: int
    n_rejected: int
    tokens: int
    cost: float
    mean_score: float | None

    @property
    def tokens_per_pair(self) -> float | None:
        """Return what a pair took."""
        return self.tokens / self.n_pairs if self.n_pairs else None

    def named(self, said: str) -> str:
        """Return what is said of it, after its letter."""
        return f"{self.letter}: {said}" if self.letter else said


@dataclass(frozen=True)
class Preview:
    """A preview as people see it.

    Attributes
    ----------
    campaign : str
    chosen_by : str
        Which documents these are, in a sentence.
    documents : list of ShownDocument
    variants : list of Variant
    has_llm : bool
        Whether anything is paid.
    """

    campaign: str
    chosen_by: str
    documents: list[ShownDocument]
    variants: list[Variant]
    has_llm: bool

    @property
    def is_failure(self) -> bool:
        """Whether the extraction of every document failed."""
        statuses = {found.status for shown in self.documents for found in shown.yields}
        return statuses <= {"failed"}

    @property
    def headline(self) -> str:
        """Return what came out, in a sentence."""
        n = sum(any(y.status != LEFT_OUT for y in shown.yields) for shown in self.documents)
        what = "1 document gave" if n == 1 else f"{n} documents gave"
        said = f"{what} {'; '.join(self._gave(variant) for variant in self.variants)}."
        n_left_out = len(self.documents) - n
        return f"{said} {n_left_out} left out: {NO_ROOM}." if n_left_out else said

    def _gave(self, variant: Variant) -> str:
        by = f" by {variant.label}" if len(self.variants) > 1 else ""
        pairs = "1 pair" if variant.n_pairs == 1 else f"{variant.n_pairs} pairs"
        spent = f", for {spending(variant.tokens, variant.cost)}" if self.has_llm else ""
        return f"{pairs}{by} ({variant.n_rejected} more rejected){spent}"


def read_preview(
    name: str,
    chosen_by: str,
    document_ids: Sequence[str],
    extractors: Mapping[str, tuple[Settings, Extractor]],
    warehouse: Warehouse,
) -> Preview:
    """Return what extractors made of documents.

    Parameters
    ----------
    name : str
        Of the campaign.
    chosen_by : str
        Which documents these are.
    document_ids : sequence of str
        In the order in which they are shown.
    extractors : mapping of str to (Settings, Extractor)
        By what they are called; the settings have the section of each.
    warehouse : Warehouse
    """
    read = read_documents(warehouse, list(document_ids))
    documents = sorted(read, key=lambda document: document_ids.index(document.document_id))
    letters = string.ascii_uppercase[: len(extractors)] if len(extractors) > 1 else [""]
    variants, yields = [], []
    for letter, (label, (settings, extractor)) in zip(letters, extractors.items(), strict=True):
        found = _yields(documents, extractor, warehouse, letter=letter)
        of_campaign = outlook(name, settings, extractor, warehouse)
        variants.append(_variant(letter, label, of_campaign, list(found.values())))
        yields.append(found)
    names = document_names(warehouse, list(document_ids))
    shown = [
        _shown(
            document,
            names[document.document_id],
            [found[document.content_hash] for found in yields],
        )
        for document in documents
    ]
    has_llm = any(variant.tokens for variant in variants)
    return Preview(name, chosen_by, shown, variants, has_llm)


def spending(tokens: float, cost: float) -> str:
    """Return tokens and, where there are prices, money."""
    return f"{tokens:,.0f} tokens" + (f", cost {cost:,.4g}" if cost else "")


def _yields(
    documents: Sequence[Document], extractor: Extractor, warehouse: Warehouse, *, letter: str
) -> dict[str, Found]:
    """Return what an extractor made of documents, by content hash."""
    hashes = list(dict.fromkeys(document.content_hash for document in documents))
    asked = {"extractor": extractor.fingerprint, "hashes": hashes}
    rows = warehouse.query("previewed_extractions", **asked)
    ended = {row["content_hash"]: row for row in rows.iter_rows(named=True)}
    pairs = warehouse.query("previewed_pairs", **asked)
    return {
        document.content_hash: _yield(
            document,
            ended.get(document.content_hash),
            pairs.filter(pl.col("content_hash") == document.content_hash),
            letter=letter,
        )
        for document in documents
    }


def _yield(
    document: Document, ended: Mapping[str, object] | None, pairs: pl.DataFrame, *, letter: str
) -> Found:
    if ended is None:
        return Found(LEFT_OUT, NO_ROOM, [], [], 0, 0, 0.0, 0.0)
    kept: list[ShownPair] = []
    rejected: list[RejectedPair] = []
    for question, answer, reason in pairs.select("question", "answer", "reason").iter_rows():
        if reason is None:
            score = pair_score(question, answer, source(document.text))
            kept.append(ShownPair(f"{letter}{len(kept) + 1}", QAPair(question, answer), score))
        else:
            rejected.append(RejectedPair(question, answer, reason))
    taken = {name: ended[name] for name in Found.__dataclass_fields__ if name in ended}
    return Found(**taken, pairs=kept, rejected=rejected)  # type: ignore[arg-type]


def _shown(document: Document, place: str, yields: list[Found]) -> ShownDocument:
    answers = [shown.pair.answer for found in yields for shown in found.pairs]
    return ShownDocument(document, place, marked(document.text, answers), yields)


def _variant(letter: str, label: str, of_campaign: Outlook, yields: Sequence[Found]) -> Variant:
    scores = [shown.score for found in yields for shown in found.pairs]
    return Variant(
        letter,
        label,
        of_campaign,
        n_pairs=len(scores),
        n_rejected=sum(len(found.rejected) for found in yields),
        tokens=sum(found.tokens for found in yields),
        cost=sum(found.cost for found in yields),
        mean_score=sum(scores) / len(scores) if scores else None,
    )
