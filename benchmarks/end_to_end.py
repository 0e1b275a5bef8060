"""Time and memory of every asset, from nothing to the closing table.

    python benchmarks/end_to_end.py [--campaigns campaigns.yaml]

Plays the campaigns in a temporary state folder, then once more to time a run with nothing to do.
Memory is the resident set of the process, sampled five times a second. Linux.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import dagster as dg
import polars as pl

REPOSITORY = Path(__file__).resolve().parents[1]
SAMPLE_SECONDS = 0.2


@dataclass(frozen=True)
class Measured:
    """A finished process: when it began, how long it took, its memory over time."""

    seconds: float
    samples: pl.DataFrame  # at (seconds since the epoch), mib


def main() -> None:
    """Measure and print a Markdown table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--campaigns", type=Path, default=REPOSITORY / "campaigns.yaml")
    campaigns = parser.parse_args().campaigns.resolve()
    with tempfile.TemporaryDirectory(prefix="equal-benchmark-") as scratch:
        home = Path(scratch)
        shutil.copy(REPOSITORY / "dagster.yaml", home)
        environment = {
            **os.environ,
            "EQUAL_CAMPAIGNS": str(campaigns),
            "EQUAL_HOME": str(home / "state"),
            "DAGSTER_HOME": str(home),
        }
        first = _measure(home, environment)
        again = _measure(home, environment)
        print(_table(_steps(home), first.samples))
    print(f"\nwhole run {first.seconds:.0f} s, peak {first.samples['mib'].max():,.0f} MiB")
    print(f"run again with nothing to do {again.seconds:.1f} s")


def _measure(home: Path, environment: dict[str, str]) -> Measured:
    started = time.time()
    process = subprocess.Popen(
        [sys.executable, "-m", "equal_assets.cli.main", "run"], cwd=home, env=environment
    )
    samples = []
    while process.poll() is None:
        samples.append((time.time(), _resident_mib(process.pid)))
        time.sleep(SAMPLE_SECONDS)
    if process.returncode:
        raise SystemExit(f"equal run ended with {process.returncode}")
    frame = pl.DataFrame(samples, schema=["at", "mib"], orient="row")
    return Measured(seconds=time.time() - started, samples=frame)


def _resident_mib(pid: int) -> float:
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    except (FileNotFoundError, ProcessLookupError):
        return 0.0
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def _steps(home: Path) -> list[tuple[str, float, float]]:
    """Return asset (with its partition), start and end of every step, in order."""
    os.chdir(home)  # dagster.yaml names its folders relative to the current one
    steps = []
    with dg.DagsterInstance.from_config(str(home)) as instance:
        for run in instance.get_runs():
            partition = run.tags.get("dagster/partition") or run.tags.get(
                "dagster/asset_partition_range_start", ""
            )
            for stats in instance.get_run_step_stats(run.run_id):
                name = f"{stats.step_key} {partition.split('|')[0]}".strip()
                steps.append((name, stats.start_time, stats.end_time))
    return sorted(steps, key=lambda step: step[1])


def _table(steps: list[tuple[str, float, float]], samples: pl.DataFrame) -> str:
    lines = ["| asset | seconds | peak memory, MiB |", "| --- | ---: | ---: |"]
    for name, start, end in steps:
        during = samples.filter(pl.col("at").is_between(start - SAMPLE_SECONDS, end))
        lines.append(f"| {name} | {end - start:.1f} | {during['mib'].max() or 0:,.0f} |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
