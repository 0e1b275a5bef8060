"""Shards of vectors: written once, found by hash, read a part at a time."""

import numpy as np
import polars as pl
import pytest

from equal_assets.algorithms.vectors import products, vector_sums
from equal_assets.errors import StorageError
from equal_assets.resources.embedding.embedder import Embedded
from equal_assets.resources.embedding.shards import (
    ShardVectors,
    Texts,
    stored_texts,
    write_shard,
)
from equal_assets.resources.storage import Storage


def embedded(vectors):
    n = len(vectors)
    return Embedded(np.asarray(vectors, np.float32), np.arange(n), np.full(n, 2.0))


@pytest.fixture
def storage(tmp_path):
    """Three shards: h0 to h3, h4 to h6, and h7, whose vectors are (i, 0.5)."""
    storage = Storage(str(tmp_path / "vectors"))
    for first, last in ((0, 4), (4, 7), (7, 8)):
        texts = Texts([f"h{i}" for i in range(first, last)], [""] * (last - first))
        write_shard(storage, texts, embedded([[i, 0.5] for i in range(first, last)]))
    return storage


def vectors_of(storage, hashes):
    index = stored_texts(storage)
    wanted = pl.DataFrame({"content_hash": hashes})
    places = wanted.join(index, on="content_hash", how="left", maintain_order="left")
    return ShardVectors(storage, places.select("shard", "row"), n_dimensions=2)


def test_rows_come_back_in_the_order_asked_for_whatever_shards_hold_them(storage):
    vectors = vectors_of(storage, ["h6", "h0", "h7", "h3", "h4"])
    assert vectors.shape == (5, 2)
    assert len(vectors) == 5
    assert vectors[np.array([4, 0, 0, 2])].tolist() == [[4, 0.5], [6, 0.5], [6, 0.5], [7, 0.5]]
    assert np.asarray(vectors)[:, 0].tolist() == [6, 0, 7, 3, 4]


def test_blocks_give_every_row_once(storage):
    parts = list(vectors_of(storage, ["h6", "h0", "h7", "h3", "h4"]).blocks())
    rows = np.concatenate([rows for rows, _ in parts])
    first = np.concatenate([block[:, 0] for _, block in parts])
    assert dict(zip(rows.tolist(), first.tolist(), strict=True)) == {0: 6, 1: 0, 2: 7, 3: 3, 4: 4}


def test_what_is_computed_from_blocks_is_as_from_an_array(storage):
    stored = vectors_of(storage, [f"h{i}" for i in (5, 2, 7, 1, 0, 4)])
    whole, owners = np.asarray(stored), np.array([0, 2, 2, 0, 2, 0])
    others = np.array([[1, 1], [0, 2]], np.float32)
    np.testing.assert_array_equal(products(stored, others), others @ whole.T)
    np.testing.assert_array_equal(vector_sums(stored, owners, 3), vector_sums(whole, owners, 3))
    np.testing.assert_array_equal(
        vector_sums(stored, owners, 3, squared=True), [[42, 0.75], [0, 0], [53, 0.75]]
    )


def test_tokens_and_operations_are_kept_with_each_text(storage):
    index = stored_texts(storage)
    assert sorted(index["content_hash"]) == [f"h{i}" for i in range(8)]
    row = index.filter(pl.col("content_hash") == "h5").row(0, named=True)
    assert (row["n_tokens"], row["flops"], row["row"]) == (1, 2.0, 1)


def test_same_texts_are_the_same_shard(storage):
    names = storage.names()
    texts = Texts([f"h{i}" for i in range(4)], [""] * 4)
    write_shard(storage, texts, embedded([[i, 0.5] for i in range(4)]))
    assert storage.names() == names


def test_text_in_two_shards_counts_once(storage):
    write_shard(storage, Texts(["h0", "h9"], ["", ""]), embedded([[0, 0.5], [9, 0.5]]))
    hashes = stored_texts(storage)["content_hash"].to_list()
    assert sorted(hashes) == [f"h{i}" for i in (0, 1, 2, 3, 4, 5, 6, 7, 9)]


@pytest.mark.parametrize("damage", [b"", b"PAR1 cut off"])
def test_damaged_shard_is_told_when_read_and_forgotten_when_made_again(storage, damage):
    vectors = vectors_of(storage, ["h0", "h7"])
    shard = Texts([f"h{i}" for i in range(4)], []).shard + ".parquet"
    (storage.folder / shard).write_bytes(damage)
    with pytest.raises(StorageError, match=rf"{shard}: cannot be read .*`equal doctor --repair`"):
        vectors[np.array([0])]
    assert vectors[np.array([1])].tolist() == [[7, 0.5]]
    assert sorted(stored_texts(storage)["content_hash"]) == ["h4", "h5", "h6", "h7"]
    assert not storage.has(shard)


def test_missing_shard_is_told(storage):
    vectors = vectors_of(storage, ["h7"])
    storage.remove(Texts(["h7"], []).shard + ".parquet")
    with pytest.raises(StorageError, match="cannot be read"):
        vectors[np.array([0])]
