"""A small campaign as the warehouse holds it: nine examples from five documents."""

import json
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from equal_assets.graph import ASSETS
from equal_assets.records import QAPair
from equal_assets.resources.warehouse import Warehouse
from equal_assets.settings import Settings, load_settings
from equal_assets.versions import expected_inputs, stored_versions

CAMPAIGNS = """\
corpus: {source: files, paths: [pages.jsonl]}
targets:
  geography: {reference: reference.jsonl, test: test.jsonl}
campaigns:
  rivers:
    target: geography
    strategy: random
    budget_documents: 8
    documents_per_pull: 4
    arms_per_round: 1
  idle: {target: geography, strategy: equal, budget_documents: 8}
"""
PAIRS = [
    QAPair(
        "Which river flows through Paris, the capital of France, before it reaches the sea?",
        "The Seine, which rises in Burgundy and ends in the English Channel.",
    ),
    QAPair('What does "Donau" mean in English, and how is it written?', 'The "Danube".\n\\ \t|'),
    QAPair("Which line breaks are no new lines of a file?", "They are \u2028, \u2029 and \u0085."),
    QAPair(
        "Wie heißt der längste Fluss, der durch die Stadt Köln und dann in das Meer fließt?",
        "Der Rhein, der in den Alpen entspringt und in die Nordsee mündet. 🛶",
    ),
    QAPair("How do I print the length of a river in Python?", "```python\nprint(865)\n```"),
    QAPair("On which day did the river flood the old town for the first time?", "2002-08-13"),
    QAPair("How long is the river Elbe, in kilometers?", "1094"),
    QAPair("Is the river Spree longer than the river Havel, into which it flows?", "true"),
    QAPair(
        "Which river is the longest one of them all?",
        "The Nile, or the Amazon: that depends on where one takes them to begin.",
    ),
]
DOCUMENTS = ("d0", "d0", "d1", "d1", "d2", "d2", "d3", "d4", "d4")
LICENSES = {"d0": "MIT", "d1": "MIT", "d2": "Some License 3", "d3": None, "d4": None}
COUNTS = {"n_failed": 0, "n_cached": 0, "n_rejected": 0, "n_requests": 4, "n_tries": 4}
TOKENS = {"prompt_tokens": 100, "completion_tokens": 50, "paid_prompt_tokens": 60}
MONEY = {"paid_completion_tokens": 40, "cost": 0.25, "paid_cost": 0.125, "request_seconds": 1.0}


@dataclass(frozen=True)
class Stored:
    """A campaigns file and a warehouse in which its campaign `rivers` is finished."""

    folder: Path
    warehouse: Warehouse

    @property
    def campaigns_file(self) -> Path:
        return self.folder / "campaigns.yaml"

    @property
    def settings(self) -> Settings:
        return load_settings(self.campaigns_file)

    def record(self, *assets: str) -> None:
        """Remember that assets are made from what there is now."""
        settings = self.settings
        with self.warehouse.transaction() as transaction:
            for asset in assets:
                partition = ASSETS[asset].partition("rivers")
                stored = stored_versions(transaction)
                inputs = expected_inputs(asset, settings, stored, campaign=partition)
                transaction.record(asset, partition=partition, inputs=inputs, seconds=1.0)


def store_campaign(folder: Path) -> Stored:
    (folder / "campaigns.yaml").write_text(CAMPAIGNS, encoding="utf-8")
    for name in ("pages.jsonl", "reference.jsonl", "test.jsonl"):
        (folder / name).write_text("{}\n", encoding="utf-8")
    warehouse = Warehouse(database=str(folder / ".equal" / "warehouse.duckdb"))
    stored = Stored(folder, warehouse)
    with warehouse.transaction() as transaction:
        for table, rows in _tables(stored.settings).items():
            transaction.insert(table, rows)
    stored.record(*(asset for asset in ASSETS if asset not in ("strategy_comparison",)))
    return stored


def _tables(settings: Settings) -> dict[str, pl.DataFrame]:
    start = {"upstream": {}, "settings": settings.campaign_settings("rivers")}
    return {
        "campaign_settings": pl.DataFrame(
            {"campaign": "rivers", "fingerprint": "f" * 16, "settings": json.dumps(start)}
        ),
        "qa_dataset": _examples(),
        "removed_qa": pl.DataFrame(
            {
                "campaign": "rivers",
                "qa_id": ["r0", "r1", "r2"],
                "reason": ["repeated pair", "overlaps a test question", "repeated pair"],
                "question": "Which river?",
                "answer": "The Elbe.",
            }
        ),
        "bandit_round": pl.DataFrame([_pull(1, reward=-0.5), _pull(2, reward=-0.375)]),
        "rounds": pl.DataFrame([_round(1, ended_by=None), _round(2, ended_by="budget")]),
        "student_accuracy": pl.DataFrame(
            [
                {"metric": "pmi_accuracy", **_interval("base", 0.25), **_interval("tuned", 0.5)},
                {"metric": "perplexity", **_interval("base", 90.0), **_interval("tuned", 30.0)},
            ]
        ).with_columns(campaign=pl.lit("rivers"), n_questions=pl.lit(168)),
    }


def _examples() -> pl.DataFrame:
    return pl.DataFrame(
        {
            "campaign": "rivers",
            "qa_id": [f"q{number}" for number in range(len(PAIRS))],
            "question": [pair.question for pair in PAIRS],
            "answer": [pair.answer for pair in PAIRS],
            "document_id": DOCUMENTS,
            "source": [f"source of {LICENSES[name] or name}" for name in DOCUMENTS],
            "license": [LICENSES[name] for name in DOCUMENTS],
            "cluster": 3,
            "round": [1] * 6 + [2] * 3,
            "pull": 0,
            "extractor": "e" * 16,
        }
    )


def _pull(number: int, *, reward: float) -> dict:
    place = {"campaign": "rivers", "round": number, "pull": 0, "cluster": 3, "n_documents": 4}
    pairs = {"n_pairs": 6, "arm_pairs": 6 * number, "reward": reward}
    return {**place, **pairs, **COUNTS, **TOKENS, **MONEY}


def _round(number: int, *, ended_by: str | None) -> dict:
    parts = {"extraction_seconds": 0.5, "embedding_seconds": 0.25, "selection_seconds": 0.25}
    gained = {"pool_pairs": 6 * number, "pool_ot_cost": 0.5 / number, "seconds": 1.0}
    return {"campaign": "rivers", "round": number, "ended_by": ended_by, **gained, **parts}


def _interval(student: str, value: float) -> dict[str, float]:
    return {student: value, f"{student}_low": value * 0.875, f"{student}_high": value * 1.125}
