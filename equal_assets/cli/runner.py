"""Runs what a campaign still needs, as Dagster runs on the project's own instance."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import dagster as dg

from equal_assets.automation.jobs import next_to_make
from equal_assets.automation.preview import PreviewConfig
from equal_assets.automation.retry_failures import forget_barren_warm_up
from equal_assets.cli.terminal import dagster_logs
from equal_assets.definitions import defs
from equal_assets.graph import stages
from equal_assets.pages.corpus import reading_line
from equal_assets.partitions import round_key
from equal_assets.resources.warehouse import Warehouse
from equal_assets.runs import process_tags
from equal_assets.settings import Settings
from equal_assets.versions import is_current, stored_versions

UNITS = {
    "documents": "documents",
    "target_qa": "pairs of the target",
    "warmup_qa": "pairs of the warm-up sample",
    "cluster_geometry": "clusters",
    "qa_dataset": "pairs to train on",
    "fine_tuned_student": "student",
    "strategy_comparison": "points of budgets compared",
}
"""What the rows of an asset are called in the line that its stage leaves behind."""


@dataclass(frozen=True)
class Made:
    """What a Dagster run made: rows by asset, and the seconds it took."""

    rows: dict[str, int]
    seconds: float


def result_line(stage: str, found: Sequence[str], seconds: float) -> str:
    """Return the line that a stage leaves behind.

    >>> result_line("equal: 10 rounds", ["1,500 documents", "1,529 pairs"], 44.8)
    'equal: 10 rounds: 1,500 documents, 1,529 pairs (45 s)'
    """
    return f"{stage}: {', '.join(found) or 'done'} ({seconds:,.0f} s)"


@dataclass(frozen=True)
class Runner:
    """Plays campaigns on a Dagster instance.

    Attributes
    ----------
    instance : DagsterInstance
        Where the runs are recorded.
    warehouse : Warehouse
    settings : Settings
    announce : callable
        Called with a line for people before each stage that has something to do, and after it with
        what came of it.
    """

    instance: dg.DagsterInstance
    warehouse: Warehouse
    settings: Settings
    announce: Callable[[str], None]

    def run(self, campaigns: Sequence[str]) -> int:
        """Materialize all that the campaigns need and lack; return the number of Dagster runs."""
        forget_barren_warm_up(self.warehouse)
        n_runs = self._job("prepare")
        for name in campaigns:
            n_runs += self._job("read_target", campaign=name)
            n_runs += self._rounds(name)
            n_runs += self._job("finish_campaign", campaign=name)
        return n_runs + self.compare()

    def compare(self) -> int:
        """Materialize the comparison if rounds or students have come since; return the runs."""
        return self._job("compare_strategies")

    def retry(self, campaigns: Sequence[str]) -> int:
        """Try the failed documents of campaigns again; return the number of runs."""
        job = defs.resolve_job_def("retry_failures")
        job.execute_in_process(
            instance=self.instance,
            tags=process_tags(),
            run_config={
                "ops": {"ask_again": {"config": {"campaigns": list(campaigns)}}},
                "loggers": dagster_logs(),
            },
        )
        return 1

    def preview(self, asked: PreviewConfig) -> list[str]:
        """Extract documents to look at, and return their ids.

        What they are chosen by is made before, if it is not there.
        """
        if asked.of_sample:
            self.prepare_documents()
        else:
            self._job("prepare")
            self._job("read_target", campaign=asked.campaign)
        result = defs.resolve_job_def("preview_documents").execute_in_process(
            instance=self.instance,
            tags=process_tags(),
            run_config={
                "ops": {"preview": {"config": asked.model_dump()}},
                "loggers": dagster_logs(),
            },
        )
        document_ids: list[str] = result.output_for_node("preview")
        return document_ids

    def prepare_documents(self) -> int:
        """Read the corpus, if it is not there; nothing is extracted. Return the number of runs."""
        return self._stage("read the corpus", ("documents",))

    def _rounds(self, name: str) -> int:
        """Play the rounds that are missing; one run, so that rounds follow each other at once."""
        campaign = self.settings.campaigns[name]
        progress = self.warehouse.query("last_round", campaign=name).row(0, named=True)
        stored = stored_versions(self.warehouse)
        if progress["ended_by"] and is_current(
            "bandit_round", self.settings, stored, campaign=name
        ):
            return 0
        first = min(progress["round"] + 1, campaign.n_rounds)
        self.announce(f"{name}: rounds {first} to {campaign.n_rounds}")
        tags = {
            "dagster/asset_partition_range_start": str(round_key(name, first)),
            "dagster/asset_partition_range_end": str(round_key(name, campaign.n_rounds)),
        }
        seconds = self._execute(("bandit_round",), tags=tags).seconds
        row = self.warehouse.query("campaign_status").filter(campaign=name).row(0, named=True)
        found = [f"{row['documents']:,} documents", f"{row['pairs']:,} pairs"]
        found += [f"{row['tokens']:,} LLM tokens"] if row["tokens"] else []
        self.announce(result_line(f"{name}: {row['rounds']} rounds", found, seconds))
        return 1

    def _job(self, job: str, *, campaign: str = "") -> int:
        """Materialize what a job makes, stage by stage; return the number of runs."""
        prefix = f"{campaign}: " if campaign else ""
        return sum(
            self._stage(f"{prefix}{label}", assets, campaign=campaign)
            for label, assets in stages(job, self.settings).items()
        )

    def _stage(self, label: str, assets: Sequence[str], *, campaign: str = "") -> int:
        """Materialize assets that are not current, until all are; return the number of runs."""
        named = {"campaign": campaign} if campaign else {}
        for n_runs in range(len(assets)):
            stored = stored_versions(self.warehouse)
            stale = next_to_make(assets, self.settings, stored, campaign=campaign)
            if not stale:
                return n_runs
            self.announce(f"{label}: {', '.join(stale)}")
            made = self._execute(stale, partition=campaign or None, tags=named)
            rows = made.rows
            found = [f"{rows[name]:,} {unit}" for name, unit in UNITS.items() if name in rows]
            self.announce(result_line(label, found, made.seconds))
            if "documents" in stale and (line := reading_line(self.warehouse)):
                self.announce(line)
        return len(assets)

    def _execute(
        self,
        assets: Sequence[str],
        *,
        partition: str | None = None,
        tags: dict[str, str] | None = None,
    ) -> Made:
        job, started = defs.resolve_implicit_global_asset_job_def(), time.monotonic()
        done = job.execute_in_process(
            instance=self.instance,
            asset_selection=[dg.AssetKey(name) for name in assets],
            partition_key=partition,
            tags={**process_tags(), **(tags or {})},
            run_config={"loggers": dagster_logs(), **self._config(assets)},
        )
        events = [event.materialization for event in done.get_asset_materialization_events()]
        rows = {
            event.asset_key.to_user_string(): int(str(event.metadata[name].value))
            for event in events
            for name in ("rows", "dagster/row_count")
            if name in event.metadata
        }
        return Made(rows, time.monotonic() - started)

    def _config(self, assets: Sequence[str]) -> dict[str, Any]:
        """Return the run config of assets: the command line may set milestones."""
        if "accuracy_over_budget" not in assets:
            return {}
        config = {"milestones": self.settings.milestones}
        return {"ops": {"accuracy_over_budget": {"config": config}}}
