"""Train/validation split by document or page: all of its pairs are on one side."""

from __future__ import annotations

import hashlib
import math
from collections import Counter
from collections.abc import Collection


def validation_documents(document_ids: Collection[str], share: float) -> frozenset[str]:
    """Choose the documents whose pairs are set aside for validation.

    Goes through the documents in the order of their hashes, and takes each that is not too large
    for what is still wanted: the same on every machine, and nearly the same when documents are
    added. If all are too large, the smallest is taken.

    Parameters
    ----------
    document_ids : collection of str
        The document of each example; their order does not matter.
    share : float
        Of the examples, from 0 to 0.5; rounded up to whole examples.

    Returns
    -------
    frozenset of str
        Empty only if ``share`` is 0, or there is no example.

    Raises
    ------
    ValueError
        If ``share`` is out of range, or leaves no document to train on.
    """
    if not 0 <= share <= 0.5:
        raise ValueError(f"validation share = {share}: must be 0 (none) to 0.5")
    n_examples = Counter(document_ids)
    wanted = math.ceil(round(share * n_examples.total(), 6))  # 0.07 * 100 is a bit more than 7
    if not wanted:
        return frozenset()
    ranked, taken, n_taken = sorted(n_examples, key=_digest), [], 0
    for name in ranked:
        if n_taken + n_examples[name] <= wanted:
            taken.append(name)
            n_taken += n_examples[name]
    taken = taken or [min(ranked, key=n_examples.__getitem__)]
    if len(taken) == len(ranked):
        raise ValueError(
            f"validation share = {share} of {len(ranked)} document leaves none to train on; "
            "allowed here: 0"
        )
    return frozenset(taken)


def _digest(document_id: str) -> str:
    return hashlib.sha256(document_id.encode("utf-8")).hexdigest()
