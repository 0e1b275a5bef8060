"""What a campaign did and gained, as one HTML page that needs nothing beside itself."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from typing import Any

import polars as pl
import yaml

from equal_assets.comparison.costs import campaign_costs
from equal_assets.comparison.points import at_shared_points
from equal_assets.errors import CampaignError
from equal_assets.pages.campaign_run import campaign_run
from equal_assets.pages.corpus import chunks_of_pages
from equal_assets.pages.coverage import (
    BEHIND,
    TARGET_COVERAGE,
    CoverageCurve,
    coverage_curves,
    lines,
)
from equal_assets.pages.figures.clusters import campaign_map_figure, pulls_figure
from equal_assets.pages.figures.curves import coverage_figure, reward_curve_figure, spend_figure
from equal_assets.pages.figures.students import accuracy_figure, comparison_figure
from equal_assets.pages.html import rendered
from equal_assets.pages.sections import ReportSection, ReportTable, drawn, table
from equal_assets.pages.students import asked_questions, before_and_after
from equal_assets.pages.values import (
    NONE,
    change,
    counted,
    metric_form,
    metric_label,
    money,
    text,
    without_emphasis,
)
from equal_assets.resources.extraction.extractors import Extractor
from equal_assets.resources.publishing import publishing, seal
from equal_assets.resources.tracking import Tracker
from equal_assets.resources.warehouse import Warehouse
from equal_assets.settings import Settings

REPORT_FILE = "report.html"

LISTED_CLUSTERS, LISTED_SOURCES, FIRST_PAIRS = 20, 15, 2
"""Rows that a page has room for, and pairs on its first screen."""

PACKAGES = ("equal-assets", "dagster", "duckdb", "mlflow", "torch", "sentence-transformers", "POT")

REJECTED = "rejected in review"
"""What the query `removed_by_reason` calls all that reviewers rejected."""

IN_WORDS = {
    f"{TARGET_COVERAGE} (random)": f"{TARGET_COVERAGE}: near pairs per target question, more is "
    "better (random documents)"
}

COMPARED = {
    "campaign": "campaign",
    "strategy": "strategy",
    "documents": "documents",
    "n_pairs": "pairs",
    "ot_cost_test": "OT cost to the test split",
    "coverage_test": "test coverage",
    "near_pairs": "pairs near the test split",
}


def write_report(name: str, settings: Settings, warehouse: Warehouse, extractor: Extractor) -> str:
    """Return the page of a campaign.

    Parameters
    ----------
    name : str
        Of the campaign.
    settings : Settings
    warehouse : Warehouse
    extractor : Extractor
        Knows what a token takes.

    Raises
    ------
    CampaignError
        If the campaign has no rounds yet.
    """
    curve = warehouse.query("reward_curve", campaign=name)
    if curve.is_empty():
        raise CampaignError(
            f"no rounds yet of {name}: there is nothing to report; `equal run {name}` plays them"
        )
    content = _Content(name, settings, warehouse, extractor, curve)
    return rendered(
        REPORT_FILE,
        name=name,
        headline=content.headline(),
        facts=content.facts(),
        pairs=content.pairs[:FIRST_PAIRS],
        sections=content.sections(),
    )


def publish_report(
    name: str,
    path: Path,
    settings: Settings,
    warehouse: Warehouse,
    extractor: Extractor,
    tracker: Tracker,
) -> None:
    """Write the page of a campaign to a file and to its MLflow run."""
    page = write_report(name, settings, warehouse, extractor)
    with publishing(path) as draft:
        draft.write_text(page, encoding="utf-8")
        with warehouse.transaction() as transaction:
            place = warehouse.stored_path(path)
            transaction.publish(place, seal(draft), asset="report", campaign=name)
    tracker.log_text(campaign_run(warehouse, tracker, name), page, REPORT_FILE)


@dataclass(frozen=True)
class _Content:
    """Reads what the page of a campaign shows."""

    name: str
    settings: Settings
    warehouse: Warehouse
    extractor: Extractor
    curve: pl.DataFrame  # rows of reward_curve

    @cached_property
    def students(self) -> pl.DataFrame:
        return self.warehouse.query("student_accuracy", campaigns=[self.name])

    @cached_property
    def standing(self) -> dict[str, Any]:
        return self.warehouse.query("campaign_status").filter(campaign=self.name).row(0, named=True)

    @cached_property
    def clusters(self) -> pl.DataFrame:
        return self.warehouse.query("campaign_clusters", campaign=self.name)

    @cached_property
    def covered(self) -> CoverageCurve:
        return coverage_curves(self.warehouse, [self.name])[self.name]

    @cached_property
    def pairs(self) -> list[dict[str, Any]]:
        """Pairs of the data set, by chance."""
        rows = self.warehouse.query("sample_examples", campaign=self.name).to_dicts()
        return [
            row | {name: without_emphasis(row[name]) for name in ("question", "answer")}
            for row in rows
        ]

    @cached_property
    def removed(self) -> pl.DataFrame:
        return self.warehouse.query("removed_by_reason", campaign=self.name)

    def headline(self) -> str:
        campaign = self.settings.campaigns[self.name]
        return (
            f"Instruction data for {campaign.target}, chosen by the strategy {campaign.strategy}: "
            f"{self._in_the_data_set()}"
        )

    def _in_the_data_set(self) -> str:
        """Return how many of the extracted pairs are trained on, and what became of the others."""
        n_kept = self.standing["examples"] or 0
        extracted = (
            f"{counted(self.standing['pairs'], 'pair')} extracted from "
            f"{counted(self.standing['documents'], 'document')}"
        )
        n_removed, n_rejected = self.removed["pairs"].sum(), self._n_rejected
        if not n_kept and not n_removed:
            return f"{extracted}; the data set is not made yet."
        by_others = f"{n_removed - n_rejected:,} removed by rules" if n_removed > n_rejected else ""
        by_people = f"{n_rejected:,} rejected by reviewers" if n_rejected else ""
        gone = ", ".join(filter(None, (by_people, by_others)))
        return f"{n_kept:,} pairs to train on, of {extracted}{f' ({gone})' if gone else ''}."

    @property
    def _n_rejected(self) -> int:
        return int(self.removed.filter(reason=REJECTED)["pairs"].sum())

    def facts(self) -> dict[str, str]:
        """Return what the page begins with: a few words a fact."""
        row, campaign = self.standing, self.settings.campaigns[self.name]
        facts = {
            **{IN_WORDS.get(label, label): said for label, said in lines(self.covered).items()},
            "documents": f"{row['documents']:,} of {campaign.budget_documents:,}",
            **({"of these": cut} if (cut := chunks_of_pages(row["chunks"], row["pages"])) else {}),
            **({"LLM tokens": f"{row['tokens']:,}"} if row["tokens"] else {}),
            **({"cost": money(row["cost"], self.settings.currency)} if row["cost"] else {}),
            "rounds": f"{row['rounds']}"
            + (f", ended by {row['ended_by']}" if row["ended_by"] else f" of {campaign.n_rounds}"),
            "training examples": text(row["examples"]),
        }
        return facts | {
            f"{metric_label(student['metric'])}, untuned → tuned": change(
                student["base"], student["tuned"], form=metric_form(student["metric"])
            )
            for student in self.students.iter_rows(named=True)
        }

    def sections(self) -> Iterator[ReportSection]:
        if self.covered:
            yield ReportSection(
                "What it covers of the target",
                f"Left: {self.covered.coverage_sentence} Right: {self.covered.near_sentence} "
                f"{self._ending()}",
                figures=[drawn("target coverage", coverage_figure(self.covered))],
            )
        yield self._where_it_looked()
        yield self._what_it_took()
        yield self._student()
        yield from self._other_campaigns()
        yield self._data_set()
        yield self._rewards()
        yield self._how_to_reproduce()

    def _ending(self) -> str:
        """Return why the campaign has ended, and whether another document pays."""
        because, verdict = self.standing["ended_because"], self.covered.verdict
        ended = f"The campaign has ended. {because}. " if because else ""
        return f"{ended}{verdict[0].upper()}{verdict[1:]}"

    def _rewards(self) -> ReportSection:
        before, after = self.standing["ot_cost_first"], self.standing["ot_cost_last"]
        return ReportSection(
            "Rewards and transport",
            "The reward of a cluster is minus the optimal-transport (OT) cost between its pairs "
            f"and the target's reference pairs. {BEHIND} Of all pairs so far it is "
            f"{change(before, after, form='.3f')}, first → last round.",
            figures=[drawn("rewards and OT cost", reward_curve_figure(self.curve, self.name))],
        )

    def _where_it_looked(self) -> ReportSection:
        reference = self.warehouse.query("reference_plane", campaign=self.name)
        pulled = self.clusters.filter(pl.col("pulls") > 0)
        shown = pulled.head(LISTED_CLUSTERS).select(
            "cluster",
            pl.col("terms").alias("words that set it apart"),
            pl.col("medoid").alias("its most central document begins"),
            pl.col("medoid_source").alias("source"),
            pl.col("n_documents").alias("documents"),
            pl.col("documents").alias("used"),
            "pulls",
            "pairs",
            "reward",
        )
        return ReportSection(
            "Where it looked",
            f"{len(pulled):,} of {len(self.clusters):,} clusters were pulled. {self._pull()}",
            figures=[
                drawn(
                    "clusters in the plane of their first two principal axes; area is size",
                    campaign_map_figure(self.clusters, reference, self.name),
                ),
                drawn("pulls per cluster", pulls_figure(self.clusters)),
            ],
            tables=[table("most used clusters", shown)],
        )

    def _pull(self) -> str:
        """Return what a pull is, in a sentence."""
        campaign = self.settings.campaigns[self.name]
        if campaign.strategy_row.pulls_arms:
            return f"A pull takes up to {campaign.documents_per_pull:,} documents of a cluster."
        return (
            f"A pull is what a round takes of a cluster; {campaign.strategy} chooses documents, so "
            "that may be one or many."
        )

    def _what_it_took(self) -> ReportSection:
        costs = campaign_costs(self.warehouse, self.extractor, [self.name])
        shown = costs.select("part", "tokens", "seconds", pl.col("flops").alias("FLOPs"), "cost")
        return ReportSection(
            "What it took",
            "Tokens and FLOPs cover all that the campaign requested, seconds are as measured; "
            f"{NONE} means unknown or not counted. Shared parts are paid once, for all campaigns.",
            figures=[drawn("spend over documents", spend_figure(self.curve))],
            tables=[table("spend by part", shown)],
        )

    def _student(self) -> ReportSection:
        title = "What a student learned from it"
        if self.students.is_empty():
            return ReportSection(title, "No student is tuned on these pairs yet.")
        asked = asked_questions(self.students.row(0, named=True))
        return ReportSection(
            title,
            f"On the target's test questions ({asked}), with 95% intervals; perplexity is better "
            "where lower.",
            figures=[drawn("before and after", accuracy_figure(self.students))],
            tables=[ReportTable("before and after", *before_and_after(self.students))],
        )

    def _other_campaigns(self) -> Iterator[ReportSection]:
        """Yield the comparison, where another campaign has the same target."""
        rows = self.warehouse.query(
            "strategy_comparison", campaigns=list(self.settings.campaigns)
        ).filter(target=self.settings.campaigns[self.name].target)
        names = rows["campaign"].unique(maintain_order=True).to_list()
        if self.name not in names or len(names) < 2:
            return
        points = at_shared_points(rows)
        at_budget = points.filter(pl.col("point") == points["point"].max())
        tables = [
            table("at the same budget", at_budget.select(*COMPARED).rename(COMPARED)),
        ]
        paired = self.warehouse.query("student_comparison", campaigns=names)
        own = paired.filter(pl.col("campaign") == self.name).select(
            pl.col("other").alias("other campaign"),
            pl.col("metric").map_elements(metric_label, return_dtype=pl.String),
            pl.col("n_questions").alias("questions"),
            pl.col("difference").alias("difference of accuracies"),
            pl.col("ratio").alias("ratio of perplexities"),
            pl.col("p_value").alias("p"),
        )
        if len(own):
            tables.append(table("its student and theirs, on the same questions", own))
        accuracy = self.warehouse.query("accuracy_over_budget", campaigns=names)
        yield ReportSection(
            "Compared with other campaigns of the target",
            f"After at most {rows['shared_budget'][0]:,} documents, judged by the test split, as "
            "`equal run` or `equal compare` found it last.",
            figures=[drawn("pools and students", comparison_figure(rows, accuracy))],
            tables=tables,
        )

    def _data_set(self) -> ReportSection:
        query = self.warehouse.query
        sources = query("examples_by_source", campaign=self.name)
        return ReportSection(
            "The data set",
            f"{sources['pairs'].sum():,} pairs from {counted(len(sources), 'source')}; "
            f"{self.removed['pairs'].sum():,} extracted pairs were removed"
            + (f", {self._n_rejected:,} of these by reviewers." if self._n_rejected else "."),
            tables=[
                table("pairs by source", sources.head(LISTED_SOURCES)),
                table("removed pairs by reason", self.removed),
            ],
            pairs=self.pairs[FIRST_PAIRS:],
        )

    def _how_to_reproduce(self) -> ReportSection:
        query = self.warehouse.query
        start = query("campaign_start", campaign=self.name).row(0, named=True)
        period = query("campaign_period", campaign=self.name).row(0, named=True)
        made_of = json.loads(start["settings"])
        versions = [[package, version(package)] for package in PACKAGES]
        return ReportSection(
            "How to reproduce it",
            f"Played from {period['started_at']:%Y-%m-%d %H:%M} to "
            f"{period['finished_at']:%Y-%m-%d %H:%M}. With these settings in campaigns.yaml, "
            f"`equal run {self.name}` uses the same documents. Fingerprint of settings and "
            f"inputs: {start['fingerprint']}.",
            tables=[ReportTable("versions", ["package", "version"], versions)],
            code=yaml.safe_dump(made_of, sort_keys=False, allow_unicode=True),
        )
