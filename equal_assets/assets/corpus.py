"""Group `corpus`: the documents, and the target task."""

import json
import shutil
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import dagster as dg
import polars as pl

from equal_assets.errors import CorpusError
from equal_assets.partitions import CAMPAIGNS
from equal_assets.progress import Progress, report
from equal_assets.records import Document, QAPair, RejectedRow
from equal_assets.reporting import markdown
from equal_assets.resources.campaigns_file import CampaignsFile
from equal_assets.resources.corpora import read_corpus
from equal_assets.resources.targets import CodeTests, read_code_tests, read_target, read_weights
from equal_assets.resources.warehouse import Transaction, Warehouse
from equal_assets.settings import Settings
from equal_assets.versions import expected_inputs, stored_versions

STAGED_DOCUMENTS = 4_000
STAGED_CHARACTERS = 20_000_000
"""Documents and characters that are held in memory before they are staged."""


@dg.asset(group_name="corpus", kinds={"duckdb", "python"})
def documents(
    context: dg.AssetExecutionContext, warehouse: Warehouse, campaigns: CampaignsFile
) -> dg.MaterializeResult:
    """One row is a document of the corpus; exact duplicates are merged.

    Rows that cannot be used are kept in `rejected_documents` with file, row and reason.
    """
    settings = campaigns.load()
    started = time.monotonic()
    inputs = expected_inputs("documents", settings, stored_versions(warehouse))
    staging = Path(campaigns.state_folder) / "staging" / context.run_id
    try:
        stage_corpus(settings, staging, progress=report(context.log, "read the corpus"))
        with warehouse.transaction() as transaction:
            summary = _load_staged(transaction, settings, staging)
            reasons = transaction.query("rejected_by_reason")
            version = transaction.record(
                "documents",
                inputs=inputs,
                version=summary["version"],
                seconds=time.monotonic() - started,
            )
    finally:
        shutil.rmtree(staging, ignore_errors=True)
    return dg.MaterializeResult(
        data_version=dg.DataVersion(version),
        metadata={
            "dagster/row_count": summary["n_documents"],
            "characters": summary["n_characters"],
            "merged duplicates": summary["n_duplicates"],
            "rejected rows": summary["n_rejected"],
            "rejected by reason": markdown(reasons),
            "seconds": round(time.monotonic() - started, 1),
        },
    )


@dg.asset(group_name="corpus", kinds={"duckdb"}, partitions_def=CAMPAIGNS)
def target_qa(
    context: dg.AssetExecutionContext, warehouse: Warehouse, campaigns: CampaignsFile
) -> dg.MaterializeResult:
    """One row is a QA pair of a campaign's target: `reference` steers, `test` only judges."""
    settings, campaign = campaigns.load(), context.partition_key
    started = time.monotonic()
    inputs = expected_inputs("target_qa", settings, stored_versions(warehouse), campaign=campaign)
    target = settings.targets[settings.campaigns[campaign].target]
    reference, test = read_target(target)
    rows = pl.concat(
        [
            _target_rows("reference", reference, read_weights(target), []),
            _target_rows("test", test, [1.0] * len(test), read_code_tests(target)),
        ]
    ).with_columns(campaign=pl.lit(campaign))
    with warehouse.transaction() as transaction:
        transaction.replace("target_qa", rows, campaign=campaign)
        version = transaction.record(
            "target_qa", partition=campaign, inputs=inputs, seconds=time.monotonic() - started
        )
    return dg.MaterializeResult(
        data_version=dg.DataVersion(version),
        metadata={
            "dagster/partition_row_count": len(rows),
            "reference pairs": len(reference),
            "test pairs": len(test),
            "reference questions": markdown(rows.select("question").head(5)),
        },
    )


def _target_rows(
    split: str, pairs: list[QAPair], weights: list[float], tests: list[CodeTests]
) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "split": split,
            "position": range(len(pairs)),
            "question": [pair.question for pair in pairs],
            "answer": [pair.answer for pair in pairs],
            "weight": weights,
            "code_prefix": [test.prefix for test in tests] or None,
            "code_tests": [test.tests for test in tests] or None,
        },
        schema_overrides={"code_prefix": pl.String, "code_tests": pl.String},
    )


def stage_corpus(settings: Settings, staging: Path, *, progress: Progress) -> None:
    """Write the corpus to Parquet files in ``staging``, a bounded part at a time.

    Raises
    ------
    CorpusError
        If no row of the corpus can be used; the message counts the reasons.
    """
    shutil.rmtree(staging, ignore_errors=True)
    staging.mkdir(parents=True)
    n_documents, n_rejected, reasons = 0, 0, dict[str, int]()
    for number, (kept, rejected) in enumerate(_parts(read_corpus(settings.corpus))):
        if kept:
            rows = [_document_row(n_documents + i, document) for i, document in enumerate(kept)]
            frame = pl.DataFrame(rows, schema_overrides={"url": pl.String, "license": pl.String})
            frame.write_parquet(staging / f"documents-{number:06}.parquet")
        if rejected:
            pl.DataFrame(rejected).write_parquet(staging / f"rejected-{number:06}.parquet")
        for row in rejected:
            reasons[row.reason] = reasons.get(row.reason, 0) + 1
        n_documents, n_rejected = n_documents + len(kept), n_rejected + len(rejected)
        progress(n_documents + n_rejected, 0)
    if not n_documents:
        counts = ", ".join(f"{reason}: {n:,}" for reason, n in sorted(reasons.items()))
        raise CorpusError(
            f"the corpus ({settings.corpus.source}) holds no usable document; rejected rows by "
            f"reason: {counts or 'none, it is empty'}"
        )


def _parts(
    rows: Iterable[Document | RejectedRow],
) -> Iterator[tuple[list[Document], list[RejectedRow]]]:
    kept: list[Document] = []
    rejected: list[RejectedRow] = []
    n_characters = 0
    for row in rows:
        if isinstance(row, RejectedRow):
            rejected.append(row)
        else:
            kept.append(row)
            n_characters += len(row.text)
        if len(kept) + len(rejected) >= STAGED_DOCUMENTS or n_characters >= STAGED_CHARACTERS:
            yield kept, rejected
            kept, rejected, n_characters = [], [], 0
    yield kept, rejected


def _document_row(ordinal: int, document: Document) -> dict[str, object]:
    return {
        "ordinal": ordinal,
        "document_id": document.document_id,
        "content_hash": document.content_hash,
        "text": document.text,
        "source": document.source,
        "file": document.file,
        "row": document.row,
        "url": document.url,
        "license": document.license,
        "metadata": json.dumps(document.metadata, sort_keys=True),
        "qa_pairs": json.dumps([[pair.question, pair.answer] for pair in document.qa_pairs]),
    }


def _load_staged(transaction: Transaction, settings: Settings, staging: Path) -> dict[str, Any]:
    kept = str(staging / "documents-*.parquet")
    limit = settings.corpus.max_documents or 2**62
    transaction.delete("documents")
    transaction.execute("load_documents", staging=kept, max_documents=limit)
    transaction.delete("rejected_documents")
    for part in sorted(staging.glob("rejected-*.parquet")):
        transaction.insert("rejected_documents", pl.read_parquet(part))
    transaction.execute("reject_claimed_ids", staging=kept)
    return transaction.query("corpus_summary").row(0, named=True)
