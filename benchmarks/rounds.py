"""CPU seconds of the parts of a round, in warehouses that hold more and more of other campaigns.

    OMP_NUM_THREADS=1 python benchmarks/rounds.py --data DIR --out OUT [--others 0 100000 400000]

DIR holds `corpus.parquet` with a column `qa_pairs`, and `targets/math-{validation,test}.jsonl`. The
project is made in OUT once (1,000 clusters; minutes), then copied for each size: as many pairs of
other campaigns are written into its warehouse, with a document and an extraction for each. A run
of several rounds of 500 documents is then played in a process of its own. The first round and its
page are left out: they import libraries. A part's seconds are without those of the parts that it
calls.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from importlib import import_module
from pathlib import Path
from typing import Any

import duckdb
import yaml

CAMPAIGN = "measured"
PARTS = {
    "make the player": ["steps.round_player:prepare_campaign"],
    "plan": ["steps.rounds:plan_round"],
    "extract and store": ["steps.rounds:extract_through_store"],
    "embed the pairs": ["resources.embedding.embedder:Embedder.embed"],
    "leaks: embed questions": ["resources.embedding.question_vectors:embed_questions"],
    "leaks: tell which to embed": ["resources.embedding.likely_near:LikelyNear.__call__"],
    "leaks: the rest": ["steps.leaks:LeakRules.leaks"],
    "rewards and OT": [
        "algorithms.strategies.strategy:Strategy.reward",
        "algorithms.strategies.equal:EqualStrategy._observe",
        "steps.rounds:ot_cost",
    ],
    "coverage": ["steps.coverage:PoolCoverage.take", "steps.coverage:PoolCoverage.judge"],
    "store the round": ["steps.rounds:_store_round"],
    "queries": ["resources.warehouse:Transaction.query"],
    "open and close DuckDB": [
        "resources.attached:_attach",
        "resources.attached:_detach",
        "resources.warehouse_file:_is_complete",
        "resources.warehouse_file:_columns",
        "resources.warehouse_file:_views",
    ],
    "pages": ["pages.rounds:round_page"],
    "MLflow": [
        "pages.rounds:campaign_run",
        "pages.rounds:link_campaign",
        "resources.tracking:Tracker.log_rounds",
    ],
    "Dagster's events": ["pages.rounds:RoundPages._log", "pages.rounds:tag_run"],
}
"""What is timed, by its name below `equal_assets`."""

OTHER_CAMPAIGNS = """
create temp table other as
  select range as number, sha256('other ' || range) as hash from range($pairs);
insert into documents by name
  select
    hash[:24] as document_id, hash as content_hash, n_characters, n_copies, source, file, row,
    metadata, qa_pairs, repeat(hash || ' ', 40) as text
  from other
  cross join (select * exclude (document_id, content_hash, text) from documents limit 1);
insert into extractions by name
  select
    hash as content_hash,
    extractions.* exclude (content_hash, first_asked_by),
    'other-' || number % 20 || '|round-001' as first_asked_by
  from other
  cross join (select * from extractions limit 1) as extractions;
insert into extracted_qa
  select hash[:16], hash, extractor, 0, 'What is ' || hash || '?', 'It is ' || hash || '.'
  from other
  cross join (select extractor from extractions limit 1);
insert into qa_embeddings
  select
    hash[:16], embedder_version, embedding, 20, 0.0
  from other
  cross join (select embedder_version, embedding from qa_embeddings limit 1);
insert into question_embeddings
  select hash, embedding
  from other
  cross join (select embedding from qa_embeddings limit 1);
insert into bandit_documents
  select
    'other-' || number % 20, hash[:24], 1 + number // 20 % 100, 0, number % 1000, hash, extractor,
    0.0, 'pairs'
  from other
  cross join (select extractor from extractions limit 1)
"""


def make_project(folder: Path, data: Path, *, n_rounds: int, per_round: int) -> None:
    """Write the project, and play it up to its first round."""
    folder.mkdir(parents=True)
    target = {
        split: str(data / "targets" / f"math-{name}.jsonl")
        for split, name in (("reference", "validation"), ("test", "test"))
    }
    settings = {
        "corpus": {
            "source": "files",
            "paths": [str(data / "corpus.parquet")],
            "qa_field": "qa_pairs",
            "license_field": "license",
        },
        "extractor": {"backend": "replay"},
        "embedder": {"model": "static-minilm"},
        "clustering": {"n_clusters": 1000},
        "targets": {"math": target},
        "campaigns": {
            CAMPAIGN: {
                "target": "math",
                "budget_documents": n_rounds * per_round,
                "documents_per_pull": 10,
                "arms_per_round": per_round // 10,
            }
        },
    }
    (folder / "campaigns.yaml").write_text(yaml.safe_dump(settings), encoding="utf-8")
    subprocess.run([sys.executable, __file__, "prepare"], check=True, env=environment(folder))


def environment(folder: Path) -> dict[str, str]:
    """Return the environment of a project."""
    return {
        **os.environ,
        "EQUAL_CAMPAIGNS": str(folder / "campaigns.yaml"),
        "EQUAL_HOME": str(folder / ".equal"),
        "DAGSTER_HOME": str(folder),
    }


def add_others(folder: Path, n_pairs: int) -> None:
    """Write pairs of other campaigns into a warehouse."""
    with duckdb.connect(str(folder / ".equal" / "warehouse.duckdb")) as connection:
        for statement in OTHER_CAMPAIGNS.split(";"):
            parameters = {"pairs": n_pairs} if "$pairs" in statement else {}
            connection.execute(statement, parameters)


def runner() -> Any:
    """Return what plays the project of the environment."""
    import dagster as dg

    from equal_assets.cli.runner import Runner
    from equal_assets.resources.warehouse import Warehouse
    from equal_assets.settings import load_settings, quiet_libraries, state_folder

    quiet_libraries()
    warehouse = Warehouse(database=str(state_folder() / "warehouse.duckdb"))
    return Runner(dg.DagsterInstance.get(), warehouse, load_settings(), print)


def prepare() -> None:
    """Make all that comes before the rounds."""
    play = runner()
    play._job("prepare")
    play._job("read_target", campaign=CAMPAIGN)


class Meter:
    """CPU seconds of this process by part: each belongs to the innermost part that runs."""

    def __init__(self) -> None:
        self.seconds = dict.fromkeys((*PARTS, "everything else"), 0.0)
        self.calls = dict.fromkeys(self.seconds, 0)
        self._stack, self._last = ["everything else"], time.process_time()

    @contextmanager
    def part(self, name: str) -> Iterator[None]:
        """Count the block for a part."""
        self._lap()
        self.calls[name] += 1
        self._stack.append(name)
        try:
            yield
        finally:
            self._lap()
            self._stack.pop()

    def _lap(self) -> None:
        now = time.process_time()
        self.seconds[self._stack[-1]] += now - self._last
        self._last = now

    def total(self) -> dict[str, float]:
        """Return the seconds so far."""
        self._lap()
        return dict(self.seconds)

    def watch(self, part: str, named: str) -> None:
        """Count the calls of a function, or a method, for a part."""
        module, _, path = named.partition(":")
        owner = import_module(f"equal_assets.{module}")
        *classes, name = path.split(".")
        for found in classes:
            owner = getattr(owner, found)
        setattr(owner, name, self._counted(part, getattr(owner, name)))

    def _counted(self, part: str, function: Callable) -> Callable:
        @wraps(function)
        def counted(*arguments: Any, **named: Any) -> Any:
            with self.part(part):
                return function(*arguments, **named)

        return counted


def measure() -> None:
    """Play the rounds; print the CPU seconds of the parts as JSON."""
    play, meter = runner(), Meter()
    for part, functions in PARTS.items():
        for function in functions:
            meter.watch(part, function)
    import equal_assets.assets.selection as selection

    play_round, after = selection.play_round, []

    def counted(player: Any, number: int) -> bool:
        is_new = play_round(player, number)
        after.append((meter.total(), dict(meter.calls)))
        return is_new

    selection.play_round = counted  # type: ignore[assignment]
    play._rounds(CAMPAIGN)
    end, (first, first_calls), (last, last_calls) = meter.total(), after[1], after[-1]
    n_rounds = len(after) - 2
    found = {
        "round": {name: (last[name] - first[name]) / n_rounds for name in last},
        "calls": {name: (last_calls[name] - first_calls[name]) / n_rounds for name in last},
        "end": sum(end.values()) - sum(last.values()),
    }
    Path(os.environ["EQUAL_HOME"], "parts.json").write_text(json.dumps(found))


def main() -> None:
    """Print a table with a column for each size."""
    if sys.argv[1:] in (["prepare"], ["measure"]):
        {"prepare": prepare, "measure": measure}[sys.argv[1]]()
        return
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--others", type=int, nargs="+", default=[0, 100_000, 400_000])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--documents", type=int, default=500, help="of a round")
    options = parser.parse_args()
    base, found = options.out / "base", {}
    if not base.exists():
        make_project(base, options.data, n_rounds=options.rounds, per_round=options.documents)
    for n_pairs in options.others:
        folder = options.out / f"with-{n_pairs}"
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(base, folder)
        add_others(folder, n_pairs)
        subprocess.run([sys.executable, __file__, "measure"], check=True, env=environment(folder))
        found[n_pairs] = json.loads((folder / ".equal" / "parts.json").read_text())
        shutil.rmtree(folder)
    print_table(found)


def print_table(found: dict[int, dict]) -> None:
    """Print the parts of a round by size, with how often each was called at the largest."""
    print("| part of a round, CPU s |", *(f"{n:,} pairs |" for n in found), "calls |")
    print("| --- |", *("---: |" for _ in found), "---: |")
    largest = found[max(found)]
    for part, calls in largest["calls"].items():
        seconds = [f"{size['round'][part]:.3f} |" for size in found.values()]
        print(f"| {part} |", *seconds, f"{calls:.0f} |")
    totals = [f"{sum(size['round'].values()):.2f} |" for size in found.values()]
    ends = [f"{size['end']:.2f} |" for size in found.values()]
    print("| **a round** |", *totals, "|")
    print("| end of the run |", *ends, "|")


if __name__ == "__main__":
    main()
