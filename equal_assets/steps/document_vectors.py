"""The vectors of all documents: made a page of texts at a time, and read again."""

from dataclasses import dataclass

import numpy as np
import polars as pl

from equal_assets.algorithms.clusters.terms import cluster_terms
from equal_assets.progress import Progress, silent
from equal_assets.resources.embedding.embedder import Embedded, Embedder
from equal_assets.resources.warehouse import Warehouse, read_embedder

PAGE_DOCUMENTS = 1_024
"""Documents whose texts are in memory at once while they are embedded."""

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
    ids : list of str
    vectors : ndarray of shape (n_documents, n_dimensions), float32
    n_tokens : int
        That the model read.
    flops : float
        Floating-point operations of the model.
    """

    ids: list[str]
    vectors: np.ndarray
    n_tokens: int
    flops: float

    def rows(self) -> pl.DataFrame:
        """Return the rows of `document_embeddings`."""
        kind = pl.Array(pl.Float32, self.vectors.shape[1])
        embeddings = pl.Series(self.vectors, dtype=kind)
        return pl.DataFrame({"document_id": self.ids, "embedding": embeddings})


def embed_documents(
    warehouse: Warehouse, embedder: Embedder, *, progress: Progress
) -> EmbeddedDocuments:
    """Embed all documents with the tuned embedder."""
    n_documents = warehouse.query("corpus_summary")["n_documents"].item()
    path = read_embedder(warehouse)["path"]
    ids: list[str] = []
    parts: list[Embedded] = []
    while page := _page(warehouse, after=ids[-1] if ids else ""):
        parts.append(embedder.embed([text for _, text in page], path=path, progress=silent))
        ids += [document_id for document_id, _ in page]
        progress(len(ids), n_documents)
    return EmbeddedDocuments(
        ids=ids,
        vectors=np.concatenate([part.vectors for part in parts]),
        n_tokens=sum(int(part.n_tokens.sum()) for part in parts),
        flops=sum(float(part.flops.sum()) for part in parts),
    )


def read_vectors(warehouse: Warehouse) -> tuple[list[str], np.ndarray]:
    """Return document ids, in order, and their vectors, shape (n_documents, n_dimensions)."""
    rows = warehouse.query("document_vectors")
    return rows["document_id"].to_list(), rows["embedding"].to_numpy()


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


def _page(warehouse: Warehouse, *, after: str) -> list[tuple[str, str]]:
    return warehouse.query("document_texts", after=after, limit=PAGE_DOCUMENTS).rows()
