"""Group `warmup`: a sample of documents, its QA pairs, and the embedder tuned on them."""

import json
import time

import dagster as dg
import numpy as np
import polars as pl

from equal_assets.algorithms.contrastive_pairs import (
    Split,
    recall_at,
    sample_documents,
    split_by_document,
)
from equal_assets.progress import report, silent
from equal_assets.records import Document, QAPair
from equal_assets.reporting import markdown
from equal_assets.resources.campaigns_file import CampaignsFile
from equal_assets.resources.embedder import Embedder
from equal_assets.resources.extraction_store import extract_through_store
from equal_assets.resources.extractors import Extractor
from equal_assets.resources.warehouse import Warehouse, qa_pairs
from equal_assets.versions import expected_inputs, stored_versions


@dg.asset(group_name="warmup", kinds={"duckdb"}, deps=["documents"])
def warmup_qa(
    context: dg.AssetExecutionContext,
    warehouse: Warehouse,
    campaigns: CampaignsFile,
    extractor: Extractor,
) -> dg.MaterializeResult:
    """One row is a QA pair of the warm-up sample, shared by all campaigns.

    The sample is outside the budgets of the campaigns; what it extracted stays in the store, and
    a campaign that asks for one of its documents does not pay again.
    """
    settings = campaigns.load()
    started = time.monotonic()
    inputs = expected_inputs("warmup_qa", settings, stored_versions(warehouse))
    ids = warehouse.query("document_ids")["document_id"].to_numpy()
    rng = np.random.default_rng(settings.warmup.seed)
    sample = list(ids[sample_documents(len(ids), share=settings.warmup.share, rng=rng)])
    extractions = extract_through_store(
        warehouse,
        extractor,
        read_documents(warehouse, sample),
        asked_by="warm-up",
        progress=report(context.log, "extract the warm-up sample"),
    )
    with warehouse.transaction() as transaction:
        pairs = transaction.query(
            "extracted_pairs", document_ids=sample, extractor=extractor.fingerprint
        )
        transaction.replace("warmup_qa", pairs)
        version = transaction.record("warmup_qa", inputs=inputs, seconds=time.monotonic() - started)
    return dg.MaterializeResult(
        data_version=dg.DataVersion(version),
        metadata={
            "dagster/row_count": len(pairs),
            "documents asked for": len(sample),
            "documents by outcome": markdown(extractions["status"].value_counts(sort=True)),
            "prompt tokens": int(extractions["prompt_tokens"].sum()),
            "completion tokens": int(extractions["completion_tokens"].sum()),
            "sample pairs": markdown(pairs.select("question", "answer").head(5)),
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
    """One row is the tuned embedder, with its recall of held-out documents' own QA pairs."""
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
    recall = {
        when: _held_out_recall(embedder, pairs, texts, split, path=str(path))
        for when, path in (("before", base), ("after", tuning.path))
    }
    row = {
        "embedder_version": embedder.version(str(tuning.path)),
        "path": str(tuning.path),
        "base_model": embedder.model,
        "n_dimensions": embedder.encode(["a"], path=str(tuning.path), progress=silent).shape[1],
        "n_train_pairs": len(split.train),
        "n_held_out_pairs": len(split.held_out),
        "loss_first": tuning.loss_first,
        "loss_last": tuning.loss_last,
        **{f"recall_at_{k}_{when}": recall[when][k] for when in recall for k in (1, 10)},
        "seconds": time.monotonic() - started,
    }
    with warehouse.transaction() as transaction:
        transaction.replace("contrastive_embedder", pl.DataFrame([row]))
        version = transaction.record(
            "contrastive_embedder",
            inputs=inputs,
            version=row["embedder_version"],
            seconds=row["seconds"],
        )
    shown = {name: value for name, value in row.items() if name != "embedder_version"}
    return dg.MaterializeResult(data_version=dg.DataVersion(version), metadata=shown)


def read_documents(warehouse: Warehouse, document_ids: list[str]) -> list[Document]:
    """Return documents by id, in order of id."""
    rows = warehouse.query("documents_by_id", document_ids=document_ids)
    return [
        Document(
            **{name: row[name] for name in row if name not in ("metadata", "qa_pairs")},
            metadata=json.loads(row["metadata"]),
            qa_pairs=tuple(QAPair(*pair) for pair in json.loads(row["qa_pairs"])),
        )
        for row in rows.iter_rows(named=True)
    ]


def _held_out_recall(
    embedder: Embedder, pairs: pl.DataFrame, texts: list[str], split: Split, *, path: str
) -> dict[int, float]:
    held_out = pairs[split.held_out]
    documents = held_out.unique("document_id", maintain_order=True)
    owner_of = {key: row for row, key in enumerate(documents["document_id"])}
    owners = np.array([owner_of[key] for key in held_out["document_id"]])
    embedded_documents = embedder.encode(documents["text"].to_list(), path=path, progress=silent)
    embedded_pairs = embedder.encode(
        [texts[row] for row in split.held_out], path=path, progress=silent
    )
    return {k: recall_at(embedded_documents, embedded_pairs, owners, k=k) for k in (1, 10)}
