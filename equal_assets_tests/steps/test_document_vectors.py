"""Embedding the documents of a warehouse: what is there is not made again."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from equal_assets.progress import silent
from equal_assets.resources.engine.engine import LocalEngine
from equal_assets.steps.document_vectors import embed_documents, read_vectors
from equal_assets.steps.text_pages import text_pages
from equal_assets_tests.number_embedder import SEEN, number_embedder
from equal_assets_tests.stored_documents import document_rows, embedder_row

N_DOCUMENTS = 2_500  # three shards


def store(warehouse, numbers):
    ids, hashes = [f"d{n:05}" for n in numbers], [f"h{n}" for n in numbers]
    with warehouse.transaction() as transaction:
        transaction.replace("documents", document_rows(ids, hashes, map(str, numbers)))


def embed(warehouse, **given):
    """Embed and store; return how many were new, and the first numbers of all vectors."""
    engine = LocalEngine(place=str(Path(warehouse.database).parent))
    found = embed_documents(warehouse, number_embedder(**given), engine, progress=silent)
    rows = found.rows.with_columns(folder=pl.lit(warehouse.stored_path(found.storage.place)))
    with warehouse.transaction() as transaction:
        transaction.replace("document_embeddings", rows)
    return found, np.asarray(read_vectors(warehouse))[:, 0].astype(int).tolist()


@pytest.fixture
def corpus(warehouse):
    """A warehouse with documents and the row of a tuned embedder."""
    SEEN.clear()
    with warehouse.transaction() as transaction:
        transaction.insert(
            "contrastive_embedder",
            embedder_row(n_dimensions=2),
        )
    store(warehouse, range(N_DOCUMENTS))
    return warehouse


def test_pages_hold_every_text_once_in_order_of_id(corpus):
    pages = list(text_pages(corpus))
    assert [len(page) for page in pages] == [1_024, 1_024, 452]
    assert pl.concat(pages)["text"].to_list() == [str(n) for n in range(N_DOCUMENTS)]


def test_every_document_has_its_own_vector(corpus):
    found, numbers = embed(corpus)
    assert numbers == list(range(N_DOCUMENTS))
    assert (found.n_new, found.n_tokens, found.flops) == (2_500, 2_500, 5_000.0)


def test_killed_work_goes_on_after_its_last_shard(corpus):
    with pytest.raises(KeyboardInterrupt):
        embed(corpus, most=2_100)
    assert len(SEEN) == 2_048
    found, numbers = embed(corpus)
    assert numbers == list(range(N_DOCUMENTS))
    assert len(SEEN) == N_DOCUMENTS  # none twice
    assert (found.n_new, found.n_tokens) == (452, 2_500)


def test_grown_corpus_embeds_what_is_new(corpus):
    embed(corpus)
    SEEN.clear()
    store(corpus, range(1, N_DOCUMENTS * 2, 2))
    found, numbers = embed(corpus)
    assert numbers == list(range(1, N_DOCUMENTS * 2, 2))
    assert sorted(map(int, SEEN)) == [n for n in range(N_DOCUMENTS, 5_000) if n % 2]
    assert found.n_new == 1_250


def test_removed_shard_is_embedded_again(corpus):
    found, _ = embed(corpus)
    found.storage.remove(found.storage.names()[0])
    again, numbers = embed(corpus)
    assert numbers == list(range(N_DOCUMENTS))
    assert 0 < again.n_new < N_DOCUMENTS
