"""Documents whose true QA pairs and embeddings are known.

A folder of them holds `corpus.parquet` (`text, source, url, qa_pairs`),
`targets/<task>-{validation,test}.jsonl` and `embeddings/` with `documents.npy`, `qa_pairs.npy`,
`qa_document.npy` (document row of each pair) and `target_<task>-<split>.npy`. Extraction is a
replay of the true pairs; nothing else is simulated: the strategies are those of the package.
`validation` steers, `test` judges.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import polars as pl
from playing import Data, Job, cluster_arms, learn_yields, unit

from equal_assets.algorithms.strategies.strategy import Corpus, Target
from equal_assets.records import CHARACTERS_PER_TOKEN, QAPair

PAGE_CHUNKS = 12


def load(job: Job) -> Data:
    """Read documents and pairs, and cluster the documents."""
    embeddings = unit(np.load(job.folder / "embeddings" / "documents.npy"))
    pairs = unit(np.load(job.folder / "embeddings" / "qa_pairs.npy"))
    owners = np.load(job.folder / "embeddings" / "qa_document.npy").astype(np.int64)
    table = pl.read_parquet(job.folder / "corpus.parquet")
    answers = table["qa_pairs"].explode().drop_nulls().struct.field("answer")
    tokens = np.maximum(1.0, table["text"].str.len_chars().to_numpy() / CHARACTERS_PER_TOKEN)
    texts = table["text"].to_list()
    if job.is_pages:
        pages = _pages(table)
        texts = _page_texts(table, pages)
        owners = pages[owners]
        pooled = np.zeros((pages.max() + 1, embeddings.shape[1]), dtype=np.float32)
        np.add.at(pooled, pages, embeddings * tokens[:, None].astype(np.float32))
        embeddings, tokens = unit(pooled), np.bincount(pages, weights=tokens)
    order = np.argsort(owners, kind="stable")
    data = Data(
        corpus=Corpus(
            embeddings=embeddings,
            arms=cluster_arms(embeddings, n_clusters=job.n_clusters, seed=job.seed),
            tokens=tokens,
            costs=tokens if job.counts_tokens else np.ones(len(embeddings)),
        ),
        pair_embeddings=pairs[order],
        pair_lengths=answers.str.len_chars().to_numpy().astype(float)[order],
        pair_rows=order,
        owners=owners[order],
        first_pair=np.searchsorted(owners[order], np.arange(len(embeddings) + 1)),
        texts=texts,
    )
    learns = job.counts_tokens and job.learns_yields
    return learn_yields(texts, data, seed=job.seed) if learns else data


def _pages(table: pl.DataFrame) -> np.ndarray:
    """Return the page of each chunk: up to 12 chunks of one source path, in file order."""
    numbered = table.select(pl.struct("source", "url").rank("dense").alias("path")).with_columns(
        page=pl.int_range(pl.len()).over("path") // PAGE_CHUNKS
    )
    return numbered.select(pl.struct("path", "page").rank("dense") - 1).to_series().to_numpy()


def _page_texts(table: pl.DataFrame, pages: np.ndarray) -> list[str]:
    chunks = table.select("text", pl.Series("page", pages))
    joined = chunks.group_by("page", maintain_order=True).agg(pl.col("text").str.join("\n\n"))
    return joined.sort("page")["text"].to_list()


def load_target(job: Job, split: str) -> Target:
    """Read a split of a target."""
    embeddings = unit(np.load(job.folder / "embeddings" / f"target_{job.target}-{split}.npy"))
    questions = read_questions(job.folder, job.target, split)
    return Target(
        embeddings=embeddings,
        answer_lengths=np.array([len(pair.answer) for pair in questions], dtype=float),
        weights=np.full(len(embeddings), 1.0 / len(embeddings)),
    )


def read_questions(folder: Path, target: str, split: str) -> list[QAPair]:
    """Read the questions of a split with their true answers."""
    lines = (folder / "targets" / f"{target}-{split}.jsonl").read_text().splitlines()
    rows = [json.loads(line) for line in lines]
    return [QAPair(question=row["question"], answer=row["answer"]) for row in rows]


def read_texts_and_pairs(folder: Path) -> tuple[list[str], list[QAPair]]:
    """Read all documents, and all true pairs in the order of `Data.pair_rows`' indices."""
    table = pl.read_parquet(folder / "corpus.parquet", columns=["text", "qa_pairs"])
    pairs = table["qa_pairs"].explode().drop_nulls().to_list()
    return table["text"].to_list(), [QAPair(**pair) for pair in pairs]
