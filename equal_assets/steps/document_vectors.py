"""The vectors of all documents: made a shard of texts at a time, and read again."""

from collections.abc import Iterator
from dataclasses import dataclass

import polars as pl

from equal_assets.algorithms.clusters.terms import cluster_terms
from equal_assets.progress import Progress
from equal_assets.resources.embedding.embedder import Embedder
from equal_assets.resources.embedding.shards import (
    SHARD_DOCUMENTS,
    EmbedTexts,
    ShardVectors,
    Texts,
    stored_texts,
)
from equal_assets.resources.engine.engine import Engine
from equal_assets.resources.engine.sharing import shared_model
from equal_assets.resources.storage import Storage
from equal_assets.resources.warehouse import Warehouse, read_embedder
from equal_assets.steps.text_pages import text_pages

VECTORS = "vectors"
"""The folder of all shards, in the storage of the engine; below it one folder an embedder."""

N_TERMS = 8
"""Words kept per cluster."""

TERM_DOCUMENTS, TERM_CHARACTERS = 20_000, 1_000
"""How many documents give the clusters their words, and how many characters of each are read."""

MIN_TERM_DOCUMENTS, MAX_TERM_DOCUMENTS = 10, 100
"""Of a cluster."""


@dataclass(frozen=True)
class EmbeddedDocuments:
    """The documents of a corpus as vectors.

    Attributes
    ----------
    storage : Storage
        Of the shards.
    rows : DataFrame
        ``document_id``, ``shard`` (a name in the storage) and ``row``, in order of id.
    n_new : int
        Documents that were embedded now; the others were found.
    n_tokens : int
        That the model read for all.
    flops : float
        Floating-point operations of the model, for all.
    """

    storage: Storage
    rows: pl.DataFrame
    n_new: int
    n_tokens: int
    flops: float


def embed_documents(
    warehouse: Warehouse, embedder: Embedder, engine: Engine, *, progress: Progress
) -> EmbeddedDocuments:
    """Embed all documents with the tuned embedder, as far as their texts are not embedded yet."""
    model = read_embedder(warehouse)
    storage = engine.storage.below(VECTORS).below(model["embedder_version"])
    embed = EmbedTexts(embedder, shared_model(model["path"], engine), storage)
    documents = warehouse.query("document_ids")
    index = stored_texts(storage)
    known = index["content_hash"]
    n_found = n_done = int(documents["content_hash"].is_in(known).sum())
    for n_embedded in engine.map(embed, _lacking(warehouse, set(known))):
        n_done += n_embedded
        progress(n_done, len(documents))
    if n_done > n_found:
        index = stored_texts(storage)
    found = documents.join(index, on="content_hash", how="left", maintain_order="left")
    return EmbeddedDocuments(
        storage=storage,
        rows=found.select("document_id", "shard", "row"),
        n_new=len(documents) - n_found,
        n_tokens=int(found["n_tokens"].sum()),
        flops=float(found["flops"].sum()),
    )


def read_vectors(warehouse: Warehouse) -> ShardVectors:
    """Return the vectors of all documents, in order of id; they are read where they are used."""
    return ShardVectors(
        Storage(warehouse.found_path(warehouse.query("vectors_folder").item())),
        warehouse.query("document_places"),
        n_dimensions=read_embedder(warehouse)["n_dimensions"],
    )


def _lacking(warehouse: Warehouse, known: set[str]) -> Iterator[Texts]:
    """Yield the texts that are not embedded yet, in shards."""
    waiting = pl.DataFrame(schema={"content_hash": pl.String, "text": pl.String})
    for page in text_pages(warehouse):
        is_new = [content_hash not in known for content_hash in page["content_hash"]]
        waiting = waiting.vstack(page.filter(is_new).select(waiting.columns))
        while len(waiting) >= SHARD_DOCUMENTS:
            yield _texts(waiting.head(SHARD_DOCUMENTS))
            waiting = waiting.tail(-SHARD_DOCUMENTS)
    if len(waiting):
        yield _texts(waiting)


def _texts(rows: pl.DataFrame) -> Texts:
    return Texts(hashes=rows["content_hash"].to_list(), texts=rows["text"].to_list())


def name_clusters(warehouse: Warehouse, *, n_clusters: int) -> list[list[str]]:
    """Return the words of each cluster, from the beginnings of some of its documents."""
    texts = warehouse.query(
        "cluster_texts",
        documents_per_cluster=max(
            MIN_TERM_DOCUMENTS, min(MAX_TERM_DOCUMENTS, TERM_DOCUMENTS // n_clusters)
        ),
        n_characters=TERM_CHARACTERS,
    )
    return cluster_terms(
        texts["text"].to_list(),
        texts["cluster"].to_numpy(),
        n_clusters=n_clusters,
        n_terms=N_TERMS,
    )
