"""What a reviewer teaches the next round: a scripted one, on a project that was played.

    python benchmarks/review.py --project DIR [--round 6] [--kinds 6] [--play 3]

Copies the state of DIR, forgets its rounds from ``--round`` on, and asks each campaign that learns
what that round would read: as it is, and after a reviewer has seen up to 30 pairs of one kind (a
cluster), drawn by chance, and rejected some of them. Kinds are those that the round would read most
of. ``--play`` rounds are then played, with 30 rejections and without, and their documents of the
kind counted: use a project without an LLM, which costs nothing.
"""

from __future__ import annotations

import argparse
import logging
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))

LOG = logging.getLogger("review")
READ = ((0, 30), (3, 27), (15, 15), (1, 0), (3, 0), (10, 0), (30, 0))
"""Pairs of a kind that are rejected, and accepted."""


class Reviewed:
    """A copy of a project that begins at a round."""

    def __init__(self, folder: Path, begin: int) -> None:
        from equal_assets.graph import ASSETS
        from equal_assets.resources.campaigns_file import CampaignsFile
        from equal_assets.resources.embedding.embedder import build_embedder
        from equal_assets.resources.engine.build import build_engine
        from equal_assets.resources.extraction.extractors import build_extractor
        from equal_assets.resources.students.build import build_student
        from equal_assets.resources.verdicts import verdicts_beside
        from equal_assets.resources.warehouse import Warehouse

        state = folder / ".equal"
        self.begin = begin
        self.warehouse = Warehouse(database=str(state / "warehouse.duckdb"))
        self.verdicts = verdicts_beside(self.warehouse.database)
        campaigns = CampaignsFile(path=str(folder / "campaigns.yaml"), state_folder=str(state))
        self.settings = campaigns.load()
        self.roles = {
            "warehouse": self.warehouse,
            "campaigns": campaigns,
            "extractor": build_extractor(self.settings.extractor, state),
            "embedder": build_embedder(self.settings.embedder, state / "models"),
            "student": build_student(self.settings.student, str(state / "models")),
            "engine": build_engine(self.settings.engine, state),
        }
        with self.warehouse.get_connection() as connection:
            for table in ASSETS["bandit_round"].tables:
                connection.execute(f"delete from {table} where round >= $1", [begin])  # noqa: S608
            connection.execute("update rounds set ended_by = null")

    def player(self, campaign: str):  # noqa: ANN201
        """Return what plays the rounds of a campaign."""
        from equal_assets.steps.round_player import prepare_campaign

        return prepare_campaign(campaign, **self.roles, run="benchmark", log=LOG)

    def pairs(self, campaign: str) -> dict[int, list]:
        """Return the pairs of a campaign by cluster, as they were extracted."""
        from equal_assets.records import QAPair

        found: dict[int, list] = {}
        for row in self.warehouse.query("campaign_pairs", campaign=campaign).iter_rows(named=True):
            found.setdefault(row["cluster"], []).append(QAPair(row["question"], row["answer"]))
        return found

    def say(
        self, campaign: str, kind: int, *, rejected: int, accepted: int, rng: np.random.Generator
    ) -> None:
        """Reject and accept pairs of a kind, drawn by chance."""
        from equal_assets.resources.verdicts import PairVerdict

        pairs = self.pairs(campaign)[kind]
        seen = [pairs[i] for i in rng.permutation(len(pairs))[: rejected + accepted]]
        said = ["rejected"] * rejected + ["accepted"] * accepted
        self.verdicts.add(
            self.settings.campaigns[campaign].target,
            [PairVerdict(*of, "script") for of in zip(seen, said, strict=True)],
        )

    def unsay(self) -> None:
        """Forget all verdicts."""
        self.verdicts.path.unlink(missing_ok=True)


@contextmanager
def copied(project: Path, begin: int) -> Iterator[Reviewed]:
    """Yield a copy of a project."""
    with tempfile.TemporaryDirectory(prefix="review-") as folder:
        copy = Path(folder, "project")
        shutil.copytree(
            project, copy, ignore=shutil.ignore_patterns(".dagster", "mlartifacts", "exports")
        )
        os.environ["EQUAL_CAMPAIGNS"] = str(copy / "campaigns.yaml")
        os.environ["EQUAL_HOME"] = str(copy / ".equal")
        yield Reviewed(copy, begin)


def planned(player, number: int) -> np.ndarray:  # noqa: ANN001
    """Return the documents of each cluster that a round would read, shape (n_clusters,)."""
    from equal_assets.steps.rounds import plan_round

    counts = np.zeros(player.strategy.corpus.n_arms)
    for pull in plan_round(player, number):
        counts[pull.arm] += len(pull.documents)
    return counts


def table(project: Path, campaign: str, *, begin: int, n_kinds: int) -> list[int]:
    """Print the plans of a round; return the kinds."""
    with copied(project, begin) as reviewed:
        player = reviewed.player(campaign)
        plain = planned(player, begin)
        pairs = reviewed.pairs(campaign)
        enough = [
            c for c in np.argsort(-plain, kind="stable").tolist() if len(pairs.get(c, [])) >= 30
        ]
        kinds = [c for c in enough if plain[c]][:n_kinds]
        shares = np.zeros((len(kinds), 1 + len(READ)))
        for row, kind in enumerate(kinds):
            shares[row, 0] = plain[kind] / plain.sum()
            for column, (rejected, accepted) in enumerate(READ, 1):
                reviewed.unsay()
                rng = np.random.default_rng([kind, rejected])
                reviewed.say(campaign, kind, rejected=rejected, accepted=accepted, rng=rng)
                counts = planned(player, begin)
                shares[row, column] = counts[kind] / counts.sum()
        print(f"\n{campaign}, round {begin}: share of its documents in one cluster, %")
        heads = [f"{rejected} of {rejected + accepted}" for rejected, accepted in READ]
        print("| cluster | pairs so far | none | " + " | ".join(heads) + " |")
        print("| --- " * (3 + len(READ)) + "|")
        for kind, of_kind in zip(kinds, shares, strict=True):
            cells = " | ".join(f"{100 * share:.1f}" for share in of_kind)
            print(f"| {kind} | {len(pairs[kind])} | {cells} |")
        print("| mean | | " + " | ".join(f"{100 * s:.1f}" for s in shares.mean(axis=0)) + " |")
    return kinds


def play(project: Path, campaign: str, kind: int, *, begin: int, n_rounds: int) -> None:
    """Print how many documents and pairs of a kind rounds read, with and without a reviewer."""
    from equal_assets.steps.rounds import play_round

    for rejected in (0, 30):
        with copied(project, begin) as reviewed:
            if rejected:
                rng = np.random.default_rng([kind, rejected])
                reviewed.say(campaign, kind, rejected=rejected, accepted=0, rng=rng)
            player = reviewed.player(campaign)
            for number in range(begin, begin + n_rounds):
                play_round(player, number)
            with reviewed.warehouse.get_connection() as connection:
                found = connection.execute(
                    "select round, sum(n_documents) filter (where cluster = $1)::int, "
                    "sum(n_documents)::int, sum(n_pairs) filter (where cluster = $1)::int, "
                    "sum(n_pairs)::int from bandit_round where campaign = $2 and round >= $3 "
                    "group by round order by round",
                    [kind, campaign, begin],
                ).fetchall()
        told = "; ".join(f"round {r}: {d or 0} of {of}" for r, d, of, _, _ in found)
        pairs = f"{sum(row[3] or 0 for row in found)} of {sum(row[4] for row in found)} pairs"
        print(f"| {campaign} | {kind} | {rejected} | {told} | {pairs} |", flush=True)


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--project", type=Path, required=True)
    parser.add_argument("--round", type=int, default=6, help="the first that is forgotten")
    parser.add_argument("--kinds", type=int, default=6)
    parser.add_argument("--play", type=int, default=0, help="rounds to play")
    parser.add_argument("campaigns", nargs="*", default=["equal", "equal-paper"])
    given = parser.parse_args()
    kinds = {
        name: table(given.project, name, begin=given.round, n_kinds=given.kinds)
        for name in given.campaigns
    }
    if given.play:
        print("\n| campaign | cluster | rejected before | its documents | its pairs |")
        print("| --- " * 5 + "|")
        for name, found in kinds.items():
            for kind in found[:3]:
                play(given.project, name, kind, begin=given.round, n_rounds=given.play)


if __name__ == "__main__":
    main()
