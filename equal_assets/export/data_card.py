"""``README.md`` of an export: what the data set is, its origin, its cost and its quality."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl
import yaml

from equal_assets.export.card_files import files_section
from equal_assets.export.card_metadata import front_matter
from equal_assets.export.contents import Contents
from equal_assets.export.manifest import PACKAGE, ManifestSplit, package_versions
from equal_assets.pages.students import before_and_after
from equal_assets.pages.values import markdown_table
from equal_assets.resources.embedding.question_vectors import not_compared
from equal_assets.settings import DatasetSettings, ExportFormat, ExportKey

CURVE = (
    *("round", "documents", "pool_pairs", "target_coverage", "random_coverage", "near_pairs"),
    *("mean_reward", "best_reward", "pool_ot_cost"),
)
"""Columns of the curve that a card shows."""

CURVE_PICTURE = "reward_curve.png"
NOT_STATED = "unknown: the corpus states none"
MOST_SOURCES = 100
"""Rows of the table of sources; the manifest has all."""

SECTIONS = (
    "corpus",
    "embedder",
    "warmup",
    "clustering",
    "equal",
    "influence",
    "llm_scoring",
    "extractor",
    "dataset",
    "student",
    "evaluation",
)
"""Sections of campaigns.yaml that decide a data set or the student that evaluates it."""

PRIVATE = frozenset({"base_urls", "api_key_variable", "headers"})
"""Keys of the extractor that decide nothing and are private."""


def data_card(
    contents: Contents,
    *,
    formats: Sequence[ExportFormat],
    splits: Mapping[str, ManifestSplit],
    validation: float,
    campaigns_file: Mapping[str, Any],
    leave_out: Sequence[ExportKey] = (),
) -> str:
    """Return the text of the card.

    Parameters
    ----------
    contents : Contents
    formats : sequence of str
    splits : mapping of str to Split
    validation : float
        Share of the documents that were set aside.
    campaigns_file : mapping
        The content of campaigns.yaml.
    leave_out : sequence of str
        Keys that were not written.
    """
    parts = [
        front_matter(contents, formats, list(splits)),
        _head(contents),
        files_section(formats, splits, validation=validation, leave_out=leave_out),
        _sources(contents),
        _selection(contents),
        _spent(contents),
        _curve(contents),
        _removed(contents),
        _languages(contents, campaigns_file),
        _students(contents),
        _reproduction(contents, campaigns_file),
    ]
    return "\n".join(filter(None, parts))


def _head(contents: Contents) -> str:
    own, extractor = contents.settings["campaign"], contents.settings["extractor"]
    n_pages = contents.examples["page"].drop_nulls().n_unique()
    cut = f" (chunks of {n_pages:,} page{'s' * (n_pages > 1)} among them)" if n_pages else ""
    if "model" in extractor:
        writer = (
            f"Questions and answers were written by `{extractor['model']}` from these documents; "
            "its terms may restrict their use, in addition to the licenses of the documents."
        )
    else:
        writer = "Questions and answers are parts of these documents; no model wrote them."
    return (
        f"# {contents.campaign}\n\n"
        f"{len(contents.examples):,} questions with answers, from {len(contents.document_ids):,} "
        f"documents{cut}, to tune a language model for the task `{own['target']}`. The documents "
        f"were chosen by the strategy `{own['strategy']}` of [equal-assets]"
        "(https://arxiv.org/abs/2505.12250), which spends a limited extraction budget where it "
        f"gains the most for the task. {writer}\n"
    )


def _sources(contents: Contents) -> str:
    stated = contents.sources.with_columns(pl.col("license").fill_null(NOT_STATED))
    licenses = stated.group_by("license").agg(
        pl.col("source").n_unique().alias("sources"), pl.col("documents", "examples").sum()
    )
    licenses = licenses.sort("examples", "license", descending=[True, False])
    rows = stated.select("source", "license", "documents", "examples")
    n_more = len(rows) - MOST_SOURCES
    more = f"\n{n_more:,} more sources are listed in `manifest.json`.\n" if n_more > 0 else ""
    return (
        "## Sources and licenses\n\nAs the corpus states them, unchecked.\n\n"
        f"{markdown_table(licenses.columns, licenses.rows())}\n"
        f"{markdown_table(rows.columns, rows.head(MOST_SOURCES).rows())}{more}"
    )


def _selection(contents: Contents) -> str:
    standing, settings = contents.standing, contents.settings
    own = settings["campaign"]
    ends = {"budget": "its budget was spent", "gain": "another round would have gained too little"}
    ended = (
        f"The campaign ended because {ends[standing['ended_by']]}{_because(standing)}"
        if standing["ended_by"]
        else "The campaign has not ended: more rounds may follow"
    )
    extractor = settings["extractor"]
    rows = [
        ["strategy", own["strategy"]],
        ["target", own["target"]],
        ["rounds", standing["rounds"]],
        [
            "documents per pull, pulls per round",
            f"{own['documents_per_pull']}, {own['arms_per_round']}",
        ],
        ["clusters of documents", settings["clustering"]["n_clusters"]],
        ["embedder", f"{settings['embedder']['model']}, warm-up: {settings['warmup']['method']}"],
        ["extractor", ", ".join(filter(None, (extractor["backend"], extractor.get("model"))))],
        ["seed", str(own["seed"])],
    ]
    return (
        f"## How it was selected\n\n{ended}. All settings that decided it "
        f"(fingerprint `{contents.fingerprint}`) are in `manifest.json`.\n\n"
        f"{markdown_table(['', ''], rows)}"
    )


def _because(standing: Mapping[str, Any]) -> str:
    because = standing["ended_because"]
    return f" ({because})" if because else ""


def _spent(contents: Contents) -> str:
    standing, own = contents.standing, contents.settings["campaign"]
    rows = [
        ["documents used", standing["documents"], own["budget_documents"]],
        ["LLM tokens used", standing["tokens"], own["budget_tokens"]],
        ["money used", standing["cost"], own["budget_cost"]],
        ["LLM tokens paid", standing["paid_tokens"], None],
        ["money paid", standing["paid_cost"], None],
    ]
    return (
        f"## What it took\n\n{markdown_table(['', 'spent', 'budget'], rows)}\n"
        "Documents that another campaign had extracted before count as used, but were not paid "
        "again. Money is in the unit of the extractor's prices. "
        f"{standing['failed']:,} documents failed. {standing['pairs']:,} pairs were extracted.\n"
    )


def _curve(contents: Contents) -> str:
    curve = contents.curve.select(CURVE)
    curve = curve.drop(name for name in CURVE if curve[name].null_count() == len(curve))
    return (
        "## Reward curve\n\n`target_coverage` says how many near pairs each reference question of "
        "the task has so far, in a mean in which unserved questions count most, and `near_pairs` "
        "how many pairs are near any; higher is better. `random_coverage` is that of random "
        "documents for as much. Rewards are minus optimal-transport costs to the reference "
        "questions of the task; `pool_ot_cost` is the cost of all pairs so far.\n\n"
        f"![Reward curve]({CURVE_PICTURE})\n\n{markdown_table(curve.columns, curve.rows())}"
    )


def _removed(contents: Contents) -> str:
    if contents.removed.is_empty():
        return "## Removed pairs\n\nNone.\n"
    return (
        "## Removed pairs\n\nExtracted, but not in this data set:\n\n"
        f"{markdown_table(contents.removed.columns, contents.removed.rows())}"
    )


def _languages(contents: Contents, campaigns_file: Mapping[str, Any]) -> str:
    """Return which examples no rule by meaning has judged; nothing where it judged all."""
    dataset = DatasetSettings.model_validate(
        {
            key: value
            for key, value in campaigns_file.get("dataset", {}).items()
            if key in ("question_model", "leak_similarity", "same_meaning")
        }
    )
    told = not_compared(dataset, contents.examples["question"].to_list())
    if told is None:
        return ""
    return (
        f"## Languages\n\n{told}. Leaks and repeats in other words were not looked for among "
        "them.\n"
    )


def _students(contents: Contents) -> str:
    if contents.students.is_empty():
        return "## What it does to a student\n\nNo student was tuned on this data set yet.\n"
    return (
        "## What it does to a student\n\nA student on test questions that the selection never saw, "
        "before and after it was tuned on all examples, validation included, with 95% intervals:"
        f"\n\n{markdown_table(*before_and_after(contents.students))}"
    )


def _reproduction(contents: Contents, campaigns_file: Mapping[str, Any]) -> str:
    versions = package_versions()
    package = f"{PACKAGE} {versions[PACKAGE]}"
    changed = (
        "Since then, the inputs of these have changed: "
        f"{', '.join(contents.changed)}. The settings below are the current ones.\n\n"
        if contents.changed
        else ""
    )
    snippet = yaml.safe_dump(
        relevant_settings(contents, campaigns_file), sort_keys=False, allow_unicode=True
    )
    assets = [[asset, found["version"]] for asset, found in contents.assets.items()]
    return (
        f"## How to make it again\n\n{changed}Put this into `campaigns.yaml`, then `equal run "
        f"{contents.campaign}` and `equal export {contents.campaign}` with {package}:\n\n"
        f"```yaml\n{snippet}```\n\nVersions of its inputs; the same content has the same "
        f"version:\n\n{markdown_table(['asset', 'version'], assets)}\n"
        "`manifest.json` lists the packages of the environment that exported it.\n"
    )


def relevant_settings(contents: Contents, campaigns_file: Mapping[str, Any]) -> dict[str, Any]:
    """Return the part of campaigns.yaml that a reader needs to make the data set again."""
    campaign = campaigns_file["campaigns"][contents.campaign]
    kept = {name: campaigns_file[name] for name in SECTIONS if name in campaigns_file}
    if "extractor" in kept:
        extractor = kept["extractor"]
        kept["extractor"] = {key: extractor[key] for key in extractor if key not in PRIVATE}
    return {
        **kept,
        "targets": {campaign["target"]: campaigns_file["targets"][campaign["target"]]},
        "campaigns": {contents.campaign: campaign},
    }
