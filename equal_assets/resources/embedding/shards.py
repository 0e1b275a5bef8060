"""The vectors of documents on disk: Parquet files, each written once, whole or not at all.

What is embedded is found by the hash of its text. So work that was killed goes on after its last
shard, and a corpus that has grown embeds what is new.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from equal_assets.errors import StorageError
from equal_assets.progress import silent
from equal_assets.resources.embedding.embedder import Embedded, Embedder
from equal_assets.resources.storage import Storage, local_path

if TYPE_CHECKING:
    import pyarrow as pa

SHARD_DOCUMENTS = 1_024
"""Texts of a shard: what is in memory at once, and what a kill can lose."""

ENDING = ".parquet"

INDEX = {
    "content_hash": pl.String,
    "shard": pl.String,
    "row": pl.Int32,
    "n_tokens": pl.Int64,
    "flops": pl.Float64,
}


@dataclass(frozen=True)
class Texts:
    """The texts of a shard.

    Attributes
    ----------
    hashes : list of str
        SHA-256 of each text.
    texts : list of str
    """

    hashes: list[str]
    texts: list[str]

    @property
    def shard(self) -> str:
        """The name of the shard: the same texts have the same one."""
        return hashlib.sha256("".join(self.hashes).encode()).hexdigest()[:16]


@dataclass(frozen=True)
class EmbedTexts:
    """Embeds the texts of a shard and stores it; may be done by any process that sees the storage.

    Attributes
    ----------
    embedder : Embedder
    model : str or Storage
        Folder or hub id; a storage that holds the folder where machines do not share theirs.
    storage : Storage
        Of the embedder's shards.
    """

    embedder: Embedder
    model: str | Storage
    storage: Storage

    def __call__(self, texts: Texts) -> int:
        """Store the shard; return its number of texts."""
        path = local_path(self.model)
        embedded = self.embedder.embed(texts.texts, path=path, progress=silent)
        write_shard(self.storage, texts, embedded)
        return len(texts.hashes)


def write_shard(storage: Storage, texts: Texts, embedded: Embedded) -> None:
    """Write the vectors of texts as a shard."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    n_dimensions = embedded.vectors.shape[1]
    flat = pa.array(embedded.vectors.ravel())
    table = pa.table(
        {
            "content_hash": texts.hashes,
            "embedding": pa.FixedSizeListArray.from_arrays(flat, n_dimensions),
            "n_tokens": embedded.n_tokens,
            "flops": embedded.flops,
        }
    )
    buffer = pa.BufferOutputStream()
    pq.write_table(table, buffer, compression="none", use_dictionary=False)
    storage.write(texts.shard + ENDING, buffer.getvalue())


def stored_texts(storage: Storage) -> pl.DataFrame:
    """Return which texts are embedded: hash, shard, row, tokens and FLOPs, each hash once.

    A shard that cannot be read is removed: its texts are embedded again.
    """
    import pyarrow as pa

    parts = [pl.DataFrame(schema=INDEX)]
    for name in storage.names():
        if not name.endswith(ENDING):
            continue
        try:
            columns = _read(storage, name, ["content_hash", "n_tokens", "flops"])
        except pa.ArrowInvalid:
            storage.remove(name)
            continue
        found = pl.DataFrame(columns).with_row_index("row").with_columns(shard=pl.lit(name))
        parts.append(found.select(pl.col(column).cast(kind) for column, kind in INDEX.items()))
    return pl.concat(parts).unique("content_hash", keep="first", maintain_order=True)


class ShardVectors:
    """The vectors of all documents, read from shards a part at a time.

    Parameters
    ----------
    storage : Storage
        Of the embedder's shards.
    places : DataFrame
        ``shard`` (a name in the storage) and ``row`` of each document, in order of id.
    n_dimensions : int
    """

    def __init__(self, storage: Storage, places: pl.DataFrame, *, n_dimensions: int) -> None:
        self._storage = storage
        self._n_dimensions = n_dimensions
        names = places["shard"].unique(maintain_order=True)
        self._names = names.to_list()
        self._shards = places["shard"].cast(pl.Enum(names)).to_physical().to_numpy()  # of the names
        self._rows = places["row"].to_numpy()  # (n_documents,), in the shard

    @property
    def shape(self) -> tuple[int, int]:
        """Documents and dimensions."""
        return len(self._rows), self._n_dimensions

    def __len__(self) -> int:
        """Return the number of documents."""
        return len(self._rows)

    def __getitem__(self, rows: np.ndarray) -> np.ndarray:
        """Return the vectors of rows, in their order; each shard that holds one is read."""
        wanted = np.asarray(rows)
        found = np.empty((len(wanted), self._n_dimensions), dtype=np.float32)
        shards = self._shards[wanted]
        for shard in np.unique(shards):
            places = np.flatnonzero(shards == shard)
            found[places] = self._vectors(shard)[self._rows[wanted[places]]]
        return found

    def blocks(self) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Yield rows with their vectors, a shard at a time."""
        for shard, rows in enumerate(self._members):
            if len(rows):
                yield rows, self._vectors(shard)[self._rows[rows]]

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        """Return all vectors."""
        every = np.empty(self.shape, dtype=np.float32)
        for rows, block in self.blocks():
            every[rows] = block
        return every if dtype is None else every.astype(dtype)

    @cached_property
    def _members(self) -> list[np.ndarray]:
        """Return the documents of each shard, in order."""
        order = np.argsort(self._shards, kind="stable")
        ends = np.searchsorted(self._shards[order], np.arange(1, len(self._names)))
        return np.split(order, ends)

    def _vectors(self, shard: int) -> np.ndarray:
        import pyarrow as pa

        name = self._names[shard]
        try:
            column = _read(self._storage, name, ["embedding"])["embedding"]
        except (pa.ArrowInvalid, StorageError) as error:
            raise StorageError(
                f"{self._storage.place}/{name}: cannot be read ({error}); `equal doctor --repair`, "
                "then `equal run`, embeds its documents again"
            ) from error
        flat = column.combine_chunks().flatten()
        return flat.to_numpy().reshape(-1, self._n_dimensions)


def _read(storage: Storage, name: str, columns: list[str]) -> pa.Table:
    import pyarrow.parquet as pq

    with storage.reading(name) as file:
        return pq.read_table(file, columns=columns)
