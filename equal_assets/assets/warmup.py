"""Group `warmup`: a sample of documents, its QA pairs, and the embedder tuned on them."""

import math
import time
from contextlib import closing

import dagster as dg
import numpy as np
import polars as pl

from equal_assets.algorithms.clusters.geometry import assign_clusters
from equal_assets.algorithms.contrastive_pairs import (
    qa_spread,
    recall_at,
    sample_documents,
    split_by_document,
)
from equal_assets.errors import ExtractionError
from equal_assets.pages.figures.corpus import recall_figure
from equal_assets.pages.metadata import first_words, markdown, readable, with_bars
from equal_assets.progress import report, silent
from equal_assets.records import WARM_UP
from equal_assets.resources.campaigns_file import CampaignsFile
from equal_assets.resources.embedding.embedder import Embedder
from equal_assets.resources.extraction.extractors import Extractor
from equal_assets.resources.extraction.store import extract_through_store
from equal_assets.resources.llm.spending import caps
from equal_assets.resources.warehouse import Warehouse, qa_pairs, read_documents
from equal_assets.runs import run_name
from equal_assets.versions import expected_inputs, stored_versions

SHOWN_OF_EMBEDDER = (
    "base_model",
    "method",
    "n_train_pairs",
    "n_held_out_pairs",
    "n_dimensions",
    "path",
    "seconds",
)


@dg.asset(group_name="warmup", kinds={"duckdb"}, deps=["documents"])
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
    started = time.monotonic()
    inputs = expected_inputs("warmup_qa", settings, stored_versions(warehouse))
    ids = warehouse.query("document_ids")["document_id"].to_numpy()
    rng = np.random.default_rng(settings.warmup.seed)
    sample = list(ids[sample_documents(len(ids), share=settings.warmup.share, rng=rng)])
    try:
        with closing(extractor):
            extractions = extract_through_store(
                warehouse,
                extractor,
                read_documents(warehouse, sample),
                asked_by=WARM_UP,
                run=run_name(context.run),
                caps=caps(
                    "warmup.budget_",
                    "campaign",
                    extractor.paid_by(WARM_UP),
                    tokens=settings.warmup.budget_tokens,
                    cost=settings.warmup.budget_cost,
                ),
                progress=report(context.log, "extract the warm-up sample"),
            )
    except ExtractionError as error:
        raise dg.Failure(str(error), allow_retries=False) from error
    with warehouse.transaction() as transaction:
        pairs = transaction.query(
            "extracted_pairs", document_ids=sample, extractor=extractor.fingerprint
        )
        failures = transaction.query(
            "warmup_failures", document_ids=sample, extractor=extractor.fingerprint
        )
        transaction.replace("warmup_qa", pairs)
        version = transaction.record("warmup_qa", inputs=inputs, seconds=time.monotonic() - started)
    return dg.MaterializeResult(
        data_version=dg.DataVersion(version),
        metadata={
            "dagster/row_count": len(pairs),
            "documents asked for": len(extractions),
            "documents by outcome": markdown(
                with_bars(extractions["status"].value_counts(sort=True), "count")
            ),
            "sample pairs": markdown(
                pairs.sort("qa_id")
                .head(5)
                .select(
                    question=first_words(pl.col("question"), 90),
                    answer=first_words(pl.col("answer"), 90),
                )
            ),
            "failed documents": markdown(failures.head(20)),
            "pairs not kept": int(extractions["n_rejected"].sum()),
            "prompt tokens": int(extractions["prompt_tokens"].sum()),
            "completion tokens": int(extractions["completion_tokens"].sum()),
            "cost": float(extractions["cost"].sum()),
            "requests": int(extractions["n_requests"].sum()),
            "tries": int(extractions["n_tries"].sum()),
        },
    )


@dg.asset(
    group_name="warmup", kinds={"torch", "sentence-transformers"}, deps=["documents", "warmup_qa"]
)
def contrastive_embedder(
    context: dg.AssetExecutionContext,
    warehouse: Warehouse,
    campaigns: CampaignsFile,
    embedder: Embedder,
) -> dg.MaterializeResult:
    """One row is the tuned embedder, with what tuning brought on held-out documents."""
    settings = campaigns.load()
    started = time.monotonic()
    inputs = expected_inputs("contrastive_embedder", settings, stored_versions(warehouse))
    pairs = warehouse.query("warmup_pairs")
    split = split_by_document(
        pairs["document_id"].to_list(),
        held_out=settings.warmup.held_out,
        rng=np.random.default_rng(settings.warmup.seed),
    )
    base = embedder.base_path(progress=report(context.log, "distill the static embedder"))
    texts = [pair.text for pair in qa_pairs(pairs)]
    tuning = embedder.tune(
        pairs["text"].gather(split.train).to_list(),
        [texts[row] for row in split.train],
        base=base,
        out=campaigns.models_folder / "contrastive_embedder",
        settings=settings.warmup,
        progress=report(context.log, "tune the embedder"),
    )
    held_out = pairs.with_columns(pair_text=pl.Series(texts))[split.held_out]
    measured = {
        f"{measure}_{when}": value
        for when, path in (("before", base), ("after", str(tuning.path)))
        for measure, value in _measure(
            embedder, held_out, path=path, seed=settings.warmup.seed
        ).items()
    }
    row = {
        "embedder_version": embedder.version(str(tuning.path)),
        "path": str(tuning.path),
        "base_model": embedder.model,
        "method": settings.warmup.method,
        "n_dimensions": embedder.encode(["a"], path=str(tuning.path), progress=silent).shape[1],
        "n_train_pairs": len(split.train),
        "n_held_out_pairs": len(split.held_out),
        "loss_first": tuning.loss_first,
        "loss_last": tuning.loss_last,
        **measured,
        "seconds": time.monotonic() - started,
    }
    with warehouse.transaction() as transaction:
        transaction.replace("contrastive_embedder", pl.DataFrame([row]))
        version = transaction.record(
            "contrastive_embedder",
            inputs=inputs,
            version=row["embedder_version"],
            seconds=row["seconds"],
            flops=tuning.flops,
        )
    return dg.MaterializeResult(
        data_version=dg.DataVersion(version),
        metadata={
            "before and after tuning": markdown(_before_and_after(row)),
            "recall": markdown(recall_figure(row)),
            **readable({name: row[name] for name in SHOWN_OF_EMBEDDER} | measured),
            "FLOPs of tuning": tuning.flops,
        },
    )


def _before_and_after(row: dict) -> pl.DataFrame:
    """Return the measures of the embedder side by side."""
    measures = ("recall_at_1", "recall_at_10", "qa_spread")
    return pl.DataFrame(
        {
            "measure": [measure.replace("_", " ") for measure in measures] + ["loss, first/last"],
            "before": [row[f"{measure}_before"] for measure in measures] + [row["loss_first"]],
            "after": [row[f"{measure}_after"] for measure in measures] + [row["loss_last"]],
        },
        schema_overrides={"before": pl.Float64, "after": pl.Float64},
    )


def _measure(
    embedder: Embedder, held_out: pl.DataFrame, *, path: str, seed: int
) -> dict[str, float | None]:
    """Return recall of own pairs, and spread of the pairs in ``sqrt(n_documents)`` clusters."""
    documents = held_out.unique("document_id", maintain_order=True)
    owner_of = {key: row for row, key in enumerate(documents["document_id"])}
    owners = np.array([owner_of[key] for key in held_out["document_id"]])
    embedded_documents, embedded_pairs = (
        embedder.encode(texts.to_list(), path=path, progress=silent)
        for texts in (documents["text"], held_out["pair_text"])
    )
    n_clusters = math.ceil(math.sqrt(len(documents)))
    labels = assign_clusters(embedded_documents, n_clusters=n_clusters, seed=seed)
    has_spread = held_out["pair_text"].n_unique() > 1
    return {
        "recall_at_1": recall_at(embedded_documents, embedded_pairs, owners, k=1),
        "recall_at_10": recall_at(embedded_documents, embedded_pairs, owners, k=10),
        "qa_spread": qa_spread(embedded_pairs, labels[owners]) if has_spread else None,
    }
