"""The DuckDB warehouse: short transactions, SQL from files."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from types import MappingProxyType
from typing import Any

import duckdb
import numpy as np
import polars as pl
from dagster import get_dagster_logger
from dagster_duckdb import DuckDBResource
from pydantic import Field

from equal_assets.progress import tell
from equal_assets.records import Document, QAPair
from equal_assets.resources.moved import root_of
from equal_assets.resources.publishing import Seal
from equal_assets.resources.warehouse_file import (
    Patience,
    open_warehouse,
    read_sql,
    read_warehouse,
    table_names,
)
from equal_assets.settings import fingerprint, lock_seconds

MODELS = "models"
"""The folder of the models that a project makes, beside its warehouse."""


def qa_pairs(rows: pl.DataFrame) -> list[QAPair]:
    """Return the columns `question` and `answer` of rows as QA pairs, in order."""
    return [QAPair(*row) for row in rows.select("question", "answer").iter_rows()]


def read_documents(warehouse: "Warehouse", document_ids: list[str]) -> list[Document]:
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


def document_names(warehouse: "Warehouse", document_ids: list[str]) -> dict[str, str]:
    """Return what people call documents, by id: the file in the corpus, row and chunk."""
    rows = warehouse.query("document_names", document_ids=document_ids)
    return dict(rows.select("document_id", "name").iter_rows())


def read_embedder(warehouse: "Warehouse") -> dict[str, Any]:
    """Return version, dimensions and folder of the tuned embedder."""
    model = warehouse.query("embedder").row(0, named=True)
    return {**model, "path": warehouse.found_path(model["path"])}


def stack_vectors(embeddings: pl.Series, *, n_dimensions: int) -> np.ndarray:
    """Return a column of vectors as a matrix, shape (n_rows, n_dimensions); may have no rows."""
    if not len(embeddings):
        return np.zeros((0, n_dimensions), dtype=np.float32)
    return embeddings.list.to_array(n_dimensions).to_numpy()


_OPENED: ContextVar[Mapping[str, "Transaction"]] = ContextVar(
    "opened",
    default=MappingProxyType({}),
)
"""What this thread reads, by file; never changed, but replaced."""


class Transaction:
    """Changes that are stored together or not at all; made by :meth:`Warehouse.transaction`."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self._connection = connection

    def query(self, name: str, **parameters: Any) -> pl.DataFrame:
        """Run ``sql/queries/<name>.sql`` and return its rows."""
        return self._connection.sql(read_sql("queries", name), params=parameters).pl()

    def execute(self, name: str, **parameters: Any) -> None:
        """Run ``sql/queries/<name>.sql`` for its effect."""
        self._connection.execute(read_sql("queries", name), parameters)

    def delete(self, table: str, **partition: Any) -> None:
        """Delete the rows of a partition (column = value, all of them); no value: every row."""
        where = " and ".join(f"{column} = ${column}" for column in partition) or "true"
        self._connection.execute(
            f"delete from {_known(table)} where {where}",  # noqa: S608 - a known table, no values
            partition,
        )

    def insert(self, table: str, rows: pl.DataFrame) -> None:
        """Append rows to a table; columns are matched by name."""
        self._connection.register("incoming", rows)
        self._connection.execute(
            f"insert into {_known(table)} by name select * from incoming"  # noqa: S608 - as above
        )
        self._connection.unregister("incoming")

    def replace(self, table: str, rows: pl.DataFrame, **partition: Any) -> None:
        """Replace a partition with rows."""
        self.delete(table, **partition)
        self.insert(table, rows)

    def record(
        self,
        asset: str,
        *,
        partition: str = "",
        inputs: Any,
        version: str | None = None,
        seconds: float,
        tokens: int | None = None,
        flops: float | None = None,
    ) -> str:
        """Record what an asset was made from, and return its version.

        Parameters
        ----------
        asset : str
        partition : str
            Campaign, or ``""`` for an unpartitioned asset.
        inputs : JSON value
            As :func:`equal_assets.versions.expected_inputs` returns them.
        version : str, optional
            Identifies the content; by default the fingerprint of the inputs.
        seconds : float
            Time it took to make.
        tokens : int, optional
            Tokens that a model read for it, if they are counted.
        flops : float, optional
            Floating-point operations of models, if they are counted.
        """
        version = version or fingerprint(inputs)
        self.execute(
            "record_materialized",
            asset=asset,
            partition=partition,
            inputs=fingerprint(inputs),
            made_from=json.dumps(inputs, sort_keys=True),
            version=version,
            seconds=seconds,
            tokens=tokens,
            flops=flops,
        )
        return version

    def publish(
        self,
        path: str,
        sealed: Seal,
        *,
        asset: str,
        campaign: str = "",
        made_from: str = "",
        options: dict[str, Any] | None = None,
    ) -> None:
        """Record what a published file or folder holds.

        Parameters
        ----------
        path : str
            Of :meth:`Warehouse.stored_path`.
        sealed : Seal
        asset : str
            What it is made with, or ``export`` or ``report``.
        campaign : str
            ``""`` where all share it.
        made_from : str
            Version of the data set that it shows, if that can become another.
        options : dict, optional
            With which it can be made again.
        """
        self.execute(
            "record_published",
            path=path,
            asset=asset,
            campaign=campaign,
            sha256=sealed.sha256,
            n_bytes=sealed.n_bytes,
            modified_ns=sealed.modified_ns,
            made_from=made_from,
            options=json.dumps(options or {}, sort_keys=True),
        )

    def recreate(self, table: str, rows: pl.DataFrame) -> None:
        """Recreate a table from rows, for tables whose column types depend on the content."""
        self._connection.register("incoming", rows)
        self._connection.execute(read_sql("tables", table))
        self._connection.unregister("incoming")


class Warehouse(DuckDBResource):
    """The project's DuckDB file.

    DuckDB lets only one process write, and no other read meanwhile; several may read. So each query
    or transaction opens a connection and closes it at once; none is held while a model runs, and a
    process that finds the file locked waits for its turn.
    """

    lock_timeout_seconds: float | None = Field(
        default=None,
        description="Longest wait for another process to close the warehouse; by default what "
        "EQUAL_LOCK_SECONDS says, and without it as long as it takes.",
    )

    @contextmanager
    def get_connection(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """Open the warehouse with its tables and views, waiting for other processes.

        Raises
        ------
        WarehouseLockedError
            If another process keeps it open for longer than ``lock_timeout_seconds``.
        """
        Path(self.database).parent.mkdir(parents=True, exist_ok=True)
        with open_warehouse(self.database, patience=self._patience()) as connection:
            yield connection

    @contextmanager
    def reading(self) -> Iterator[Transaction]:
        """Open the warehouse to read: all queries of the block see the same state.

        So do those of what the block calls, if it is given the same warehouse: opening takes longer
        than most queries. Nothing can be written before the block ends.
        """
        if opened := _OPENED.get().get(self.database):
            yield opened
            return
        Path(self.database).parent.mkdir(parents=True, exist_ok=True)
        with read_warehouse(self.database, patience=self._patience()) as connection:
            connection.execute("begin")
            opened = Transaction(connection)
            token = _OPENED.set({**_OPENED.get(), self.database: opened})
            try:
                yield opened
            finally:
                _OPENED.reset(token)

    def _patience(self) -> Patience:
        given = self.lock_timeout_seconds
        return Patience(
            lock_seconds() if given is None else given,
            lambda said: tell(get_dagster_logger(), said),
        )

    @contextmanager
    def transaction(self) -> Iterator[Transaction]:
        """Open a transaction: committed at the end of the block, rolled back on an error.

        Raises
        ------
        RuntimeError
            In a block of :meth:`reading`.
        """
        if self.database in _OPENED.get():
            raise RuntimeError(f"{self.database} is being read: end `reading` before you write")
        with self.get_connection() as connection:
            connection.execute("begin")
            try:
                yield Transaction(connection)
            except BaseException:
                connection.execute("rollback")
                raise
            connection.execute("commit")

    def query(self, name: str, **parameters: Any) -> pl.DataFrame:
        """Run ``sql/queries/<name>.sql`` with named parameters and return its rows."""
        with self.reading() as read:
            return read.query(name, **parameters)

    def stored_path(self, path: Path | str) -> str:
        """Return a path as tables keep it: relative where it lies in the project, which may move.

        Outside of the project is a model of the hub, in its cache; a URI stays as it is.
        """
        root = root_of(Path(self.database).parent)
        return str(Path(path).relative_to(root) if Path(path).is_relative_to(root) else path)

    def found_path(self, stored: str) -> str:
        """Return where that is now which a table names.

        Earlier versions kept absolute paths: what is not there any more is looked for among the
        models beside the warehouse.
        """
        if "://" in stored:
            return stored
        state = Path(self.database).parent
        path = root_of(state) / stored
        if path.exists() or MODELS not in path.parts:
            return str(path)
        below = path.parts[-path.parts[::-1].index(MODELS) :]
        moved = state.joinpath(MODELS, *below)
        return str(moved if moved.exists() else path)


def _known(table: str) -> str:
    if table not in table_names():
        raise ValueError(f"table = {table!r}: must be one of {', '.join(sorted(table_names()))}")
    return table
