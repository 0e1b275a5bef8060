"""The warm-up sample: which documents, and whether they are enough to tune the embedder on."""

import numpy as np
import polars as pl

from equal_assets.algorithms.contrastive_pairs import MIN_DOCUMENTS, sample_documents
from equal_assets.errors import ExtractionError
from equal_assets.resources.extraction.extractors import Extractor
from equal_assets.resources.llm.llm import CUT_OFF
from equal_assets.resources.warehouse import Warehouse
from equal_assets.settings import WarmUpSettings


def draw_sample(warehouse: Warehouse, warmup: WarmUpSettings) -> list[str]:
    """Return the ids of the documents that are drawn for the warm-up; always the same ones."""
    ids = warehouse.query("document_ids")["document_id"].to_numpy()
    rng = np.random.default_rng(warmup.seed)
    return list(ids[sample_documents(len(ids), share=warmup.share, rng=rng)])


def check_sample(
    pairs: pl.DataFrame,
    failures: pl.DataFrame,
    extractor: Extractor,
    *,
    n_documents: int,
    dropped: str | None = None,
) -> None:
    """Check that enough documents of the sample gave pairs.

    Parameters
    ----------
    pairs : DataFrame
        Rows of ``warmup_qa``.
    failures : DataFrame
        Rows of the query ``warmup_failures``.
    extractor : Extractor
    n_documents : int
        Documents of the sample that were extracted.
    dropped : str or None
        That refinement drops the pairs.

    Raises
    ------
    ExtractionError
        If fewer than two did; the message names why, and what to do.
    """
    n_found = pairs["document_id"].n_unique()
    if n_found >= MIN_DOCUMENTS:
        return
    told = f"documents with QA pairs in the warm-up sample = {n_found}: must be at least 2"
    if dropped:
        raise ExtractionError(f"{told}; {dropped}")
    if failures.is_empty():
        raise ExtractionError(
            f"{told}; raise warmup.share, or use an extractor that finds pairs in this corpus"
        )
    first = failures.row(0, named=True)
    again = CUT_OFF in first["reason"] or extractor.worth_another_try({"": first["reason"]})
    raise ExtractionError(
        f"{told}; {failures['documents'].sum():,} of {n_documents:,} documents failed, "
        f"{first['documents']:,} of them with: {first['reason']}. Mend that; then "
        f"{'`equal run`' if again else '`equal retry`, then `equal run`,'} asks for them again"
    )


def forget_barren_sample(warehouse: Warehouse) -> None:
    """Let a stored sample be extracted again if no embedder can be tuned on it."""
    if warehouse.query("sampled_documents").item() < MIN_DOCUMENTS:
        forget_sample(warehouse)


def forget_sample(warehouse: Warehouse) -> None:
    """Let the sample be made again from what the store holds now."""
    with warehouse.transaction() as transaction:
        transaction.delete("materialized", asset="warmup_qa")
