"""Extractors: what turns documents into QA pairs, one class per backend."""

import time
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from typing import ClassVar

import dagster as dg
from pydantic import Field

from equal_assets.algorithms.qa_structure import extract_pairs
from equal_assets.records import Document, Extraction, QAPair
from equal_assets.settings import Extractor as ExtractorSettings
from equal_assets.settings import fingerprint


class Extractor(dg.ConfigurableResource, ABC):
    """Role: documents in, one extraction for each out.

    A backend states its ``BACKEND`` name and a ``VERSION``, raised whenever the same document and
    settings give other pairs: stored extractions are found again by the fingerprint of these.
    """

    BACKEND: ClassVar[str]
    VERSION: ClassVar[int]

    max_pairs: int = Field(ge=1, description="pairs kept per document, in document order")

    @property
    def fingerprint(self) -> str:
        """Identity of everything that decides the pairs: backend, version, settings."""
        return fingerprint(
            {
                "backend": self.BACKEND,
                "version": self.VERSION,
                "settings": self.model_dump(mode="json"),
            }
        )

    @abstractmethod
    def extract(self, documents: Sequence[Document]) -> Iterator[Extraction]:
        """Yield one extraction per document, in their order, each as soon as it is there."""


class StructuralExtractor(Extractor):
    """Finds the QA pairs that are laid out in the text; no model."""

    BACKEND: ClassVar[str] = "structural"
    VERSION: ClassVar[int] = 1

    def extract(self, documents: Sequence[Document]) -> Iterator[Extraction]:
        """Yield one extraction per document, in their order."""
        for document in documents:
            started = time.perf_counter()
            pairs = extract_pairs(
                document.text, max_pairs=self.max_pairs, subject=_subject(document)
            )
            yield _extraction(document, pairs, seconds=time.perf_counter() - started)


class ReplayExtractor(Extractor):
    """Hands back the QA pairs that came with a document; pairs with an empty half are dropped."""

    BACKEND: ClassVar[str] = "replay"
    VERSION: ClassVar[int] = 1

    def extract(self, documents: Sequence[Document]) -> Iterator[Extraction]:
        """Yield one extraction per document, in their order."""
        for document in documents:
            started = time.perf_counter()
            whole = [p for p in document.qa_pairs if p.question.strip() and p.answer.strip()]
            yield _extraction(
                document, whole[: self.max_pairs], seconds=time.perf_counter() - started
            )


def build_extractor(settings: ExtractorSettings) -> Extractor:
    """Return the extractor that the settings name.

    Parameters
    ----------
    settings : equal_assets.settings.Extractor
        The ``extractor`` section of campaigns.yaml.

    Returns
    -------
    Extractor

    Raises
    ------
    ValueError
        If no class implements the backend.
    """
    implemented: tuple[type[Extractor], ...] = (StructuralExtractor, ReplayExtractor)
    backends = {extractor.BACKEND: extractor for extractor in implemented}
    if settings.backend not in backends:
        raise ValueError(
            f"extractor.backend = {settings.backend!r} is not known; allowed: {', '.join(backends)}"
        )
    return backends[settings.backend](max_pairs=settings.max_pairs)


def _extraction(document: Document, pairs: Sequence[QAPair], *, seconds: float) -> Extraction:
    return Extraction(
        content_hash=document.content_hash,
        status="pairs" if pairs else "no pairs",
        pairs=tuple(pairs),
        reason=None,
        prompt_tokens=0,
        completion_tokens=0,
        seconds=seconds,
    )


def _subject(document: Document) -> str | None:
    """Return the name of what a docstring documents, as users are likely to import it.

    A private module is an implementation: the package above it offers what it defines.
    """
    module, name = document.metadata.get("module"), document.metadata.get("qualname", "")
    if not module:
        return None
    public = module.partition("._")[0]
    if document.metadata.get("kind") == "module":
        return public  # its qualified name is its own, not one inside it
    name = name.removesuffix("__init__").removesuffix(".")
    return f"{public}.{name}" if name else public
