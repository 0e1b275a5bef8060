"""Whether pairs are refined: `refine: auto` stops once refinement has changed nothing."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence

from equal_assets.algorithms.extraction.recipe import DROPPED_BY_REFINEMENT
from equal_assets.progress import warn
from equal_assets.records import Document
from equal_assets.resources.extraction.extractors import Extractor
from equal_assets.resources.warehouse import Warehouse

TRIAL_DOCUMENTS = 20
"""Refined documents in which nothing changed, after which refinement is not worth its tokens."""

PART_DOCUMENTS = 2 * TRIAL_DOCUMENTS
"""Extracted together while that is open: what is decided does not depend on which comes first."""

EMPTIED_DOCUMENTS, EMPTIED_SHARE = 5, 0.8
"""Refined documents, and the share of them without a pair left, from which a model is suspected."""

LOG = logging.getLogger(__name__)


def is_vain(warehouse: Warehouse, extractor: Extractor) -> bool | None:
    """Say whether refinement has changed nothing; ``None`` while too few documents tell."""
    row = _refined(warehouse, extractor)
    if row["changed"]:
        return False
    return True if row["refined"] >= TRIAL_DOCUMENTS else None


def emptied(warehouse: Warehouse, extractor: Extractor) -> str | None:
    """Return a warning if refinement leaves no pair of most documents: small models drop all."""
    row = _refined(warehouse, extractor)
    n_refined, n_emptied = row["refined"], row["emptied"]
    if n_refined < EMPTIED_DOCUMENTS or n_emptied < EMPTIED_SHARE * n_refined:
        return None
    return (
        f"refinement has dropped every pair of {n_emptied:,} of {n_refined:,} documents, as small "
        "models do: set extractor.refine: false (replies that are stored are not asked for again), "
        "or use a larger model"
    )


def tell_emptied(warehouse: Warehouse, extractor: Extractor) -> bool:
    """Warn at once if refinement leaves no pair of most documents; say whether it does."""
    warning = emptied(warehouse, extractor)
    if warning:
        warn(LOG, warning)
    return warning is not None


def _refined(warehouse: Warehouse, extractor: Extractor) -> dict[str, int]:
    asked = {"extractor": extractor.fingerprint, "dropped": DROPPED_BY_REFINEMENT}
    return warehouse.query("refined_documents", **asked).row(0, named=True)


def in_parts(
    warehouse: Warehouse, extractor: Extractor, documents: Sequence[Document]
) -> Iterator[tuple[Sequence[Document], bool]]:
    """Yield the documents in parts, each with whether its pairs are refined.

    A part must be stored before the next is taken: with `refine: auto` it decides about that.
    """
    rest, is_auto = documents, extractor.refinement() == "auto"
    while rest:
        found = is_vain(warehouse, extractor)
        if found:
            _tell(extractor)
        if found is None and is_auto:
            part, rest = rest[:PART_DOCUMENTS], rest[PART_DOCUMENTS:]
            yield part, True
        else:
            yield rest, not (found and is_auto)
            return


def _tell(extractor: Extractor) -> None:
    if extractor.refinement() == "auto":
        done = "it is left out from here on (extractor.refine: auto)"
    elif extractor.refinement():
        done = "`extractor.refine: auto` or `false` would save its tokens"
    else:
        return
    warn(LOG, f"refinement has changed no pair of {TRIAL_DOCUMENTS} documents or more: {done}")
