"""Prose: a corpus in which next to no pairs are laid out, so that only an LLM can find them."""

from __future__ import annotations

from dataclasses import dataclass

from equal_assets.records import WARM_UP, Document
from equal_assets.resources.corpora.looking import look_at_documents
from equal_assets.resources.extraction.extractors import Extractor, Order
from equal_assets.resources.llm.spending import Allowance
from equal_assets.resources.warehouse import Warehouse
from equal_assets.settings import CorpusSettings, ExtractorSettings, StructuralSettings

LOW_SHARE = 0.05
"""Of documents that give pairs: with less the extractor, not the selection, decides what comes."""

LOOK_SECONDS, LOOK_DOCUMENTS = 5.0, 500
"""No more is read than either allows, before some of the documents are looked at."""

HOW_TO_NAME_ONE = (
    "set extractor.backend to openai (any server), vllm or llama-cpp, and extractor.model, in "
    "campaigns.yaml; docs/extraction.md says how"
)


@dataclass(frozen=True)
class Yield:
    """What an extractor has found.

    Attributes
    ----------
    n_documents, n_with_pairs, n_pairs : int
        Documents that it has read, those in which it found pairs, and the pairs.
    """

    n_documents: int
    n_with_pairs: int
    n_pairs: int

    def warning(self, extractor: ExtractorSettings) -> str | None:
        """Say that the corpus needs an LLM, if next to no document gave pairs without one.

        >>> print(Yield(844, 5, 39).warning(StructuralSettings()).partition(";")[0])
        0.6% of the documents gave pairs (39 pairs in 5 of 844): this corpus needs an LLM
        >>> Yield(50, 3, 4).warning(StructuralSettings()) is None
        True
        """
        is_low = self.n_with_pairs <= LOW_SHARE * self.n_documents
        if not (self.n_documents and is_low and isinstance(extractor, StructuralSettings)):
            return None
        share = 100 * self.n_with_pairs / self.n_documents
        shown = f"{share:.1f}" if share >= 0.1 else f"{share:.1g}"
        return (
            f"{shown}% of the documents gave pairs ({self.n_pairs:,} pairs in "
            f"{self.n_with_pairs:,} of {self.n_documents:,}): this corpus needs an LLM; "
            f"{HOW_TO_NAME_ONE}"
        )


def stored_yield(warehouse: Warehouse, extractor: Extractor) -> Yield:
    """Return what an extractor has found in the documents of the corpus so far."""
    found = warehouse.query("extraction_yield", extractor=extractor.fingerprint)
    return Yield(**found.row(0, named=True))


def looked_yield(corpus: CorpusSettings, extractor: Extractor) -> Yield:
    """Return what an extractor that takes nothing finds in a sample of the documents.

    Raises
    ------
    CorpusError
        If no document can be used.
    """

    def count(document: Document) -> int:
        order = Order(payer=WARM_UP, run="", allowance=Allowance([]))
        return sum(len(found.pairs) for found in extractor.extract([document], order))

    found = look_at_documents(
        corpus, count=count, seconds=LOOK_SECONDS, max_documents=LOOK_DOCUMENTS
    )
    return Yield(found.n_sampled, found.n_with_pairs, found.n_pairs)
