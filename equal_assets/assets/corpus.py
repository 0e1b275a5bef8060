"""Group `corpus`: the documents."""

from pathlib import Path

import dagster as dg

from equal_assets.pages.corpus import documents_page
from equal_assets.partitions import declared
from equal_assets.progress import report
from equal_assets.resources.campaigns_file import CampaignsFile
from equal_assets.resources.engine.engine import Engine
from equal_assets.resources.warehouse import Warehouse
from equal_assets.steps.making import making
from equal_assets.steps.staging import load_staged, staged_corpus


@dg.asset(**declared("documents"), kinds={"duckdb", "python"})
def documents(
    context: dg.AssetExecutionContext,
    warehouse: Warehouse,
    campaigns: CampaignsFile,
    engine: Engine,
) -> dg.MaterializeResult:
    """One row is a document of the corpus; exact duplicates are merged.

    Rows that cannot be used are kept in `rejected_documents` with file, row and reason.
    """
    settings, folder = campaigns.load(), Path(campaigns.state_folder) / "staging" / context.run_id
    progress = report(context.log, "read the corpus")
    with (
        making("documents", warehouse, settings) as made,
        staged_corpus(settings, folder, engine, progress=progress) as staging,
    ):
        with made.transaction() as transaction:
            load_staged(transaction, settings, staging)
            summary = transaction.query("corpus_summary").row(0, named=True)
            page = documents_page(transaction, summary)
            made.version = transaction.query("corpus_version")["version"].item()
        return made.result(page, n_rows=summary["n_documents"])
