"""Group `warmup`: a sample of documents, its QA pairs, and the embedder tuned on them."""

from contextlib import closing

import dagster as dg
import polars as pl

from equal_assets.errors import CampaignError
from equal_assets.pages.warmup import embedder_page, warmup_page, yields_page
from equal_assets.partitions import declared
from equal_assets.progress import report, warn
from equal_assets.records import WARM_UP
from equal_assets.resources.campaigns_file import CampaignsFile
from equal_assets.resources.embedding.embedder import Embedder
from equal_assets.resources.engine.engine import Engine
from equal_assets.resources.extraction.extractors import Extractor
from equal_assets.resources.extraction.prose import stored_yield
from equal_assets.resources.extraction.refinement import emptied
from equal_assets.resources.extraction.store import extract_through_store, warmup_caps
from equal_assets.resources.publishing import seal
from equal_assets.resources.warehouse import Warehouse, read_documents
from equal_assets.runs import run_name
from equal_assets.steps.contrastive import tune_on_pairs
from equal_assets.steps.making import making
from equal_assets.steps.sample import check_sample, draw_sample
from equal_assets.steps.text_yields import yields_by_document

TUNABLE_DOCUMENTS = 2
"""With pairs: one to tune the embedder on, and one to measure it."""


@dg.asset(**declared("warmup_qa"), kinds={"duckdb"})
def warmup_qa(
    context: dg.AssetExecutionContext,
    warehouse: Warehouse,
    campaigns: CampaignsFile,
    extractor: Extractor,
) -> dg.MaterializeResult:
    """One row is a QA pair of the warm-up sample, shared by all campaigns.

    The sample is outside the budgets of the campaigns and has one of its own; what it extracted
    stays in the store, and a campaign that asks for one of its documents does not pay again.
    """
    settings = campaigns.load()
    with making("warmup_qa", warehouse, settings) as made, closing(extractor):
        sample = draw_sample(warehouse, settings.warmup)
        extractions = extract_through_store(
            warehouse,
            extractor,
            read_documents(warehouse, sample),
            asked_by=WARM_UP,
            run=run_name(context.run),
            caps=warmup_caps(settings.warmup, extractor),
            progress=report(context.log, "extract the warm-up sample"),
        )
        if warning := stored_yield(warehouse, extractor).warning(settings.extractor):
            if extractions["n_pairs"].gt(0).sum() < TUNABLE_DOCUMENTS:
                raise CampaignError(warning)  # the embedder has nothing to be tuned on
            warn(context.log, warning)
        dropped = emptied(warehouse, extractor)
        asked = {"document_ids": sample, "extractor": extractor.fingerprint}
        with made.transaction() as transaction:
            pairs = transaction.query("extracted_pairs", **asked)
            failures = transaction.query("warmup_failures", **asked)
            check_sample(pairs, failures, extractor, n_documents=len(extractions), dropped=dropped)
            transaction.replace("warmup_qa", pairs)
        page = warmup_page(extractions, pairs, failures, warning=warning or dropped)
        return made.result(page, n_rows=len(pairs))


@dg.asset(**declared("contrastive_embedder"), kinds={"torch", "sentence-transformers"})
def contrastive_embedder(
    context: dg.AssetExecutionContext,
    warehouse: Warehouse,
    campaigns: CampaignsFile,
    embedder: Embedder,
) -> dg.MaterializeResult:
    """One row is the tuned embedder, with what tuning brought on held-out documents."""
    settings = campaigns.load()
    with making("contrastive_embedder", warehouse, settings) as made:
        row, flops = tune_on_pairs(
            embedder,
            warehouse.query("warmup_pairs"),
            settings.warmup,
            out=campaigns.models_folder / "contrastive_embedder",
            log=context.log,
        )
        row |= {"seconds": made.seconds, "path": warehouse.stored_path(row["path"])}
        made.version = row["embedder_version"]
        sealed = seal(campaigns.models_folder / "contrastive_embedder")
        with made.transaction(flops=flops) as transaction:
            transaction.replace("contrastive_embedder", pl.DataFrame([row]))
            transaction.publish(row["path"], sealed, asset=made.asset)
        return made.result(embedder_page(row, flops), n_rows=1)


@dg.asset(**declared("document_yields"), kinds={"scikit-learn", "duckdb"})
def document_yields(
    context: dg.AssetExecutionContext,
    warehouse: Warehouse,
    campaigns: CampaignsFile,
    extractor: Extractor,
    engine: Engine,
) -> dg.MaterializeResult:
    """One row is a document with the pairs that its text should give, learned from the warm-up."""
    settings = campaigns.load()
    with making("document_yields", warehouse, settings) as made:
        sample = warehouse.query(
            "sample_yields",
            document_ids=draw_sample(warehouse, settings.warmup),
            extractor=extractor.fingerprint,
        )
        progress = report(context.log, "look at the texts")
        rows = yields_by_document(warehouse, sample, engine, progress=progress)
        with made.transaction() as transaction:
            transaction.replace("document_yields", rows)
        return made.result(yields_page(sample, rows), n_rows=len(rows))
