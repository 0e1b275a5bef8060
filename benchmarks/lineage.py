"""The questions of docs/lineage.md on a large warehouse: seconds, cold and warm.

    python benchmarks/lineage.py --documents 1000000

Fills a warehouse in a temporary folder with synthetic rows (lineage_rows.sql), and runs every SQL
block of the page. Cold: the file is neither open nor in the page cache of the system; warm: the
median of five on an open connection. Then `equal trace` as a command, on this warehouse.
"""

from __future__ import annotations

import argparse
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path

import duckdb
import polars as pl
from markdown import markdown

from equal_assets.resources.warehouse_file import open_warehouse

BENCHMARKS = Path(__file__).resolve().parent
PAGE = BENCHMARKS.parent / "docs" / "lineage.md"
ID = re.compile(r"\b(qa_id|document_id) = '[0-9a-f]{16}'")
N_WARM = 5


def fill(database: str, n_documents: int) -> None:
    """Make the warehouse and its rows."""
    with open_warehouse(database) as connection:
        connection.execute(f"set variable n = {n_documents:d}")
        connection.execute((BENCHMARKS / "lineage_rows.sql").read_text(encoding="utf-8"))


def questions(known: dict[str, str]) -> list[tuple[str, str]]:
    """Return heading and SQL of each block of the page, with ids that are in the warehouse."""
    found, heading = [], ""
    for line in re.split(r"^(?=## |```sql\n)", PAGE.read_text(encoding="utf-8"), flags=re.M):
        if line.startswith("## "):
            heading = line.splitlines()[0].removeprefix("## ")
        elif line.startswith("```sql"):
            sql = line.removeprefix("```sql\n").partition("```")[0]
            found.append((heading, ID.sub(lambda m: f"{m[1]} = '{known[m[1]]}'", sql)))
    return found


def cold_seconds(database: str, sql: str) -> float:
    """Return what opening the warehouse and asking takes when the system has forgotten the file."""
    with open(database, "rb") as file:
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
    started = time.perf_counter()
    with closing(duckdb.connect(database, read_only=True)) as connection:
        connection.execute(sql).fetchall()
    return time.perf_counter() - started


def warm_seconds(database: str, sql: str) -> tuple[float, int]:
    """Return the median of what asking takes on an open connection, and the number of rows."""
    with closing(duckdb.connect(database, read_only=True)) as connection:
        seconds = []
        for _ in range(1 + N_WARM):
            started = time.perf_counter()
            rows = connection.execute(sql).fetchall()
            seconds.append(time.perf_counter() - started)
    return statistics.median(seconds[1:]), len(rows)


def trace_seconds(home: Path, qa_id: str) -> float:
    """Return the median of what the command takes, the start of Python included."""
    seconds = []
    for _ in range(N_WARM):
        started = time.perf_counter()
        subprocess.run(
            [sys.executable, "-m", "equal_assets.cli.main", "trace", qa_id],
            env={**os.environ, "EQUAL_HOME": str(home)},
            stdout=subprocess.DEVNULL,
            check=True,
        )
        seconds.append(time.perf_counter() - started)
    return statistics.median(seconds)


def main() -> None:
    """Fill, ask, print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--documents", type=int, default=1_000_000)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="equal-lineage-") as home:
        database = str(Path(home) / "warehouse.duckdb")
        started = time.perf_counter()
        fill(database, arguments.documents)
        size = Path(database).stat().st_size / 1e6
        print(f"filled in {time.perf_counter() - started:.0f} s, {size:,.0f} MB")
        with closing(duckdb.connect(database, read_only=True)) as connection:
            for table in ("documents", "extracted_qa", "bandit_documents", "qa_dataset"):
                print(f"{table}: {len(connection.table(table)):,} rows")
            ((qa_id, document_id),) = connection.execute(
                "select qa_id, document_id from qa_dataset where campaign = 'random' limit 1"
            ).fetchall()
        rows = []
        for heading, sql in questions({"qa_id": qa_id, "document_id": document_id}):
            warm, n_rows = warm_seconds(database, sql)
            view = re.search(r"from (\w+)", sql)[1]
            cold = cold_seconds(database, sql)
            rows.append((heading, view, n_rows, round(cold, 2), round(warm, 2)))
        named = ["question", "view", "rows", "cold, s", "warm, s"]
        print(markdown(pl.DataFrame(rows, schema=named, orient="row")))
        print(f"equal trace: {trace_seconds(Path(home), qa_id):.2f} s")


if __name__ == "__main__":
    main()
