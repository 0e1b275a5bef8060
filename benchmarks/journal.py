"""What it takes to have every request on the disk: milliseconds per request, entered and settled.

    python benchmarks/journal.py [--folder FOLDER] [--requests 300] [--before 100000]

For each way in which SQLite can write: the journal enters a request with all caps looked at and
its maximum reserved, and settles it with a reply. The folder (default: a new one where temporary
files lie) should be on the disk that holds the project's state. "synchronous = full" survives a
power failure. "normal" survives a killed process only: after a power failure, the last requests
would be paid again, past the caps.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from equal_assets.resources.llm.journal import RequestJournal, journal

WAYS = [(mode, kept) for mode in ("wal", "delete") for kept in ("normal", "full")]
REPLY = "x" * 1500


def send(opened: RequestJournal, number: int) -> float:
    """Enter and settle a request; return the milliseconds that it took."""
    started = time.perf_counter()
    entry = opened.open(
        f"{number:064}",
        document=f"{number // 2:064}",
        payer=f"campaign|round-{number // 1000:03}",
        run="run",
        prompt_tokens=4000,
        completion_tokens=2048,
        cost=0.01,
        has_room=lambda of_payer, of_run: of_payer.tokens < 10**12 and of_run.documents < 10**9,
    )
    charged = {"prompt_tokens": 900, "completion_tokens": 250, "cost": 0.001, "seconds": 1.0}
    opened.settle(entry, "answered", reply=REPLY, **charged)
    return 1000 * (time.perf_counter() - started)


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--folder", type=Path, default=None)
    parser.add_argument("--requests", type=int, default=300, help="measured, for each way")
    parser.add_argument("--before", type=int, default=100_000, help="in the journal already")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=asked.folder) as folder:
        path = Path(folder, "requests.sqlite")
        with journal(path) as opened:
            opened._connection.execute("pragma synchronous = off")
            for number in range(asked.before):
                send(opened, number)
        print("| log | synchronous | ms per request, median | 95% |\n| --- | --- | ---: | ---: |")
        for mode, kept in WAYS:
            with journal(path) as opened:
                opened._connection.execute(f"pragma journal_mode = {mode}")
                opened._connection.execute(f"pragma synchronous = {kept}")
                start = opened.newest()
                each = [send(opened, start + number) for number in range(asked.requests)]
            slowest = statistics.quantiles(each, n=20)[-1]
            print(f"| {mode} | {kept} | {statistics.median(each):.2f} | {slowest:.2f} |")


if __name__ == "__main__":
    main()
