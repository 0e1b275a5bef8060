"""Train/validation split by document or page: all of its pairs are on one side."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Collection


def validation_documents(document_ids: Collection[str], share: float) -> frozenset[str]:
    """Choose the documents whose pairs are set aside for validation.

    Takes the ids with the smallest hashes: the same on every machine, and nearly the same when
    documents are added.

    Parameters
    ----------
    document_ids : collection of str
        May repeat; their order does not matter.
    share : float
        Of the documents, from 0 to 0.5; rounded up to whole documents.

    Returns
    -------
    frozenset of str
        Empty only if ``share`` is 0.

    Raises
    ------
    ValueError
        If ``share`` is out of range, or leaves no document to train on.
    """
    if not 0 <= share <= 0.5:
        raise ValueError(f"validation share = {share}: must be 0 (none) to 0.5")
    ranked = sorted(set(document_ids), key=_digest)
    n_validation = math.ceil(round(share * len(ranked), 6))  # 0.07 * 100 is a bit more than 7
    if n_validation and n_validation == len(ranked):
        raise ValueError(
            f"validation share = {share} of {len(ranked)} document leaves none to train on; "
            "allowed here: 0"
        )
    return frozenset(ranked[:n_validation])


def _digest(document_id: str) -> str:
    return hashlib.sha256(document_id.encode("utf-8")).hexdigest()
