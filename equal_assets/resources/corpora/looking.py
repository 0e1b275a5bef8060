"""Looking at documents before a run: lengths, languages, and the pairs laid out in them."""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median

from equal_assets.algorithms.extraction.laid_out import extract_pairs
from equal_assets.algorithms.language import language
from equal_assets.errors import CorpusError
from equal_assets.records import Document, RejectedRow
from equal_assets.resources.corpora import read_corpus
from equal_assets.settings import CorpusSettings, FilesSettings

LOOKED_AT_SECONDS = 30.0
"""Reading stops then: a converted PDF takes a second, and a corpus may have millions."""

SAMPLE_DOCUMENTS = 50
MAX_PAIRS = 20


@dataclass(frozen=True)
class Documents:
    """What was found in documents.

    Attributes
    ----------
    n_documents : int
        Different texts that can be used.
    n_chunks, n_pages : int
        Those of them that are chunks of a longer text, and how many texts these are.
    is_whole : bool
        Whether all files were read, and not only what :data:`LOOKED_AT_SECONDS` allowed.
    characters : float
        Median length.
    rejected, languages : dict of str to int
        Rows by reason; documents of the sample by language.
    n_sampled, n_with_pairs, n_pairs : int
        Documents in which the structural extractor looked, those in which it found pairs, and the
        pairs.
    """

    n_documents: int
    n_chunks: int
    n_pages: int
    is_whole: bool
    characters: float
    rejected: dict[str, int]
    languages: dict[str, int]
    n_sampled: int
    n_with_pairs: int
    n_pairs: int


def laid_out(document: Document) -> int:
    """Return how many pairs are laid out in the text of a document."""
    return len(extract_pairs(document.text, max_pairs=MAX_PAIRS))


def look_at_documents(
    corpus: CorpusSettings,
    *,
    count: Callable[[Document], int] = laid_out,
    seconds: float = LOOKED_AT_SECONDS,
    max_documents: int | None = None,
) -> Documents:
    """Read documents for a while, and look closer at a random sample of them.

    Parameters
    ----------
    corpus : CorpusSettings
    count : callable
        Returns the pairs in a document; by default those that are laid out in its text.
    seconds : float
        Reading stops then.
    max_documents : int, optional
        Reading stops after so many, too.

    Raises
    ------
    CorpusError
        If no document can be used; the message counts the reasons.
    """
    deadline = time.monotonic() + seconds
    rng = random.Random(0)
    rejected, lengths = Counter[str](), dict[str, int]()
    sample: list[Document] = []
    chunks_of = Counter[str]()
    is_whole = True
    for item in read_corpus(corpus):
        if isinstance(item, RejectedRow):
            rejected[item.reason] += 1
        elif item.content_hash not in lengths:
            lengths[item.content_hash] = len(item.text)
            if item.page is not None:
                chunks_of[item.page.page_id] += 1
            _keep(sample, item, n_seen=len(lengths), rng=rng)
        if time.monotonic() > deadline or len(lengths) == max_documents:
            is_whole = False
            break
    if not lengths:
        reasons = ", ".join(f"{reason}: {n:,}" for reason, n in rejected.most_common())
        raise CorpusError(
            f"{_named(corpus)}: must hold usable documents; rejected by "
            f"reason: {reasons or 'none, the files are empty'}"
        )
    found = [count(document) for document in sample]
    languages = Counter(language(document.text) or "uncertain" for document in sample)
    return Documents(
        n_documents=len(lengths),
        n_chunks=chunks_of.total(),
        n_pages=len(chunks_of),
        is_whole=is_whole,
        characters=median(lengths.values()),
        rejected=dict(rejected.most_common()),
        languages=dict(languages.most_common()),
        n_sampled=len(sample),
        n_with_pairs=sum(n > 0 for n in found),
        n_pairs=sum(found),
    )


def _keep(sample: list[Document], document: Document, *, n_seen: int, rng: random.Random) -> None:
    """Add a document to a uniform sample of all that were seen."""
    if len(sample) < SAMPLE_DOCUMENTS:
        sample.append(document)
    elif (place := rng.randrange(n_seen)) < SAMPLE_DOCUMENTS:
        sample[place] = document


def _named(corpus: CorpusSettings) -> str:
    if isinstance(corpus, FilesSettings):
        return f"corpus.paths = {', '.join(corpus.paths)}"
    return f"corpus.source = {corpus.source}"
