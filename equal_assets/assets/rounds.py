"""How a round of a campaign is played: plan, extract, reward, store."""

import json
import time
from dataclasses import dataclass

import dagster as dg
import numpy as np
import polars as pl

from equal_assets.algorithms.bandit import ArmStatistics
from equal_assets.algorithms.optimal_transport import cosine_cost, ot_cost, ot_reward
from equal_assets.algorithms.selection import Pull, plan_round
from equal_assets.assets.warmup import read_documents
from equal_assets.errors import CampaignError
from equal_assets.partitions import (
    round_key,
)
from equal_assets.progress import report
from equal_assets.resources.campaigns_file import CampaignsFile
from equal_assets.resources.embedder import Embedder
from equal_assets.resources.extraction_store import extract_through_store
from equal_assets.resources.extractors import Extractor
from equal_assets.resources.warehouse import Warehouse, qa_pairs
from equal_assets.settings import Campaign, fingerprint
from equal_assets.versions import expected_inputs, stored_versions


@dataclass(frozen=True)
class RoundPlayer:
    """Everything that the rounds of one campaign share; made once for a run of several rounds."""

    name: str
    campaign: Campaign
    inputs: dict
    warehouse: Warehouse
    extractor: Extractor
    embedder: Embedder
    model_path: str
    embedder_version: str
    reference: np.ndarray  # (n_reference, n_dimensions)
    log: dg.DagsterLogManager

    @property
    def fingerprint(self) -> str:
        """Identifies settings and inputs of the campaign."""
        return fingerprint(self.inputs)


def prepare_campaign(
    name: str,
    warehouse: Warehouse,
    campaigns: CampaignsFile,
    extractor: Extractor,
    embedder: Embedder,
    log: dg.DagsterLogManager,
) -> RoundPlayer:
    """Check that a campaign can go on, and embed its reference pairs.

    Raises
    ------
    CampaignError
        If what it reads is not there, its settings differ from those that it was started with,
        or its budget is larger than the corpus.
    """
    settings = campaigns.load()
    inputs = expected_inputs("bandit_round", settings, stored_versions(warehouse), campaign=name)
    _check_unchanged(warehouse, name, inputs)
    n_documents = warehouse.query("corpus_summary")["n_documents"].item()
    if settings.campaigns[name].budget_documents > n_documents:
        raise CampaignError(
            f"campaigns.{name}.budget_documents = "
            f"{settings.campaigns[name].budget_documents}: the corpus holds {n_documents} "
            f"documents; allowed: 1 to {n_documents}"
        )
    model = warehouse.query("embedder").row(0, named=True)
    target = warehouse.query("target_pairs", campaign=name, split="reference")
    texts = [pair.text for pair in qa_pairs(target)]
    return RoundPlayer(
        name=name,
        campaign=settings.campaigns[name],
        inputs=inputs,
        warehouse=warehouse,
        extractor=extractor,
        embedder=embedder,
        model_path=model["path"],
        embedder_version=model["embedder_version"],
        reference=embedder.encode(
            texts, path=model["path"], progress=report(log, "embed the reference pairs")
        ),
        log=log,
    )


def play_round(player: RoundPlayer, number: int) -> bool:
    """Play and store one round; return whether it was new.

    The round depends on the campaign's settings, seed and earlier rounds alone: played again after
    a killed attempt it asks for the same documents, and finds what was extracted in the store.

    Raises
    ------
    CampaignError
        If the round before it is missing, or another process stored this one meanwhile.
    """
    started = time.monotonic()
    last = player.warehouse.query("last_round", campaign=player.name)["round"].item()
    if number <= last:
        player.log.info(f"{player.name}: round {number} is there already; nothing to do")
        return False
    if number > player.campaign.n_rounds:
        player.log.info(f"{player.name}: the budget is spent in {player.campaign.n_rounds} rounds")
        return False
    _check_previous(player, number, last)
    pulls = _plan(player, number)
    asked = _extract(player, pulls, number)
    rows, pool_ot_cost, pool_pairs = _reward(player, pulls, asked, number)
    outcome = {
        "campaign": player.name,
        "round": number,
        "pool_pairs": pool_pairs,
        "pool_ot_cost": pool_ot_cost,
        "seconds": time.monotonic() - started,
    }
    _store_round(player, number, rows, asked, outcome)
    return True


def _check_unchanged(warehouse: Warehouse, name: str, inputs: dict) -> None:
    start = warehouse.query("campaign_start", campaign=name)
    if start.is_empty() or start["fingerprint"].item() == fingerprint(inputs):
        return
    before = json.loads(start["settings"].item())
    changes = "; ".join(_differences(before, inputs))
    raise CampaignError(
        f"campaign {name} was started with other settings ({changes}). Give the changed campaign "
        f"a new name, set the old values again, or start it over: equal run --restart {name}"
    )


def _differences(before: dict, after: dict, prefix: str = "") -> list[str]:
    found: list[str] = []
    for key in sorted(before.keys() | after.keys()):
        old, new = before.get(key), after.get(key)
        if isinstance(old, dict) and isinstance(new, dict):
            found += _differences(old, new, f"{prefix}{key}.")
        elif old != new:
            found.append(f"{prefix}{key}: {old} then, {new} now")
    return found


def _check_previous(player: RoundPlayer, number: int, last: int) -> None:
    if number == last + 1:
        return
    missing = round_key(player.name, last + 1)
    through = f" through {round_key(player.name, number - 1)}" if number > last + 2 else ""
    raise CampaignError(
        f"round {number} of campaign {player.name} needs round {number - 1}, which is not there: "
        f"materialize {missing}{through} first, or select the range and launch one backfill"
    )


def _plan(player: RoundPlayer, number: int) -> list[Pull]:
    statistics = player.warehouse.query("arm_statistics", campaign=player.name, round=number)
    campaign = player.campaign
    spent = campaign.documents_per_round * (number - 1)
    return plan_round(
        campaign.strategy,
        ArmStatistics(
            rewards=statistics["reward"].to_numpy(),
            pulls=statistics["pulls"].to_numpy(),
            n_unread=statistics["n_unread"].to_numpy(),
        ),
        n_documents=min(campaign.documents_per_round, campaign.budget_documents - spent),
        documents_per_pull=campaign.documents_per_pull,
        rng=np.random.default_rng([campaign.seed, number]),
    )


def _extract(player: RoundPlayer, pulls: list[Pull], number: int) -> pl.DataFrame:
    """Draw the documents of each pull and extract them; one row a document."""
    clusters = sorted({pull.arm for pull in pulls})
    unread = player.warehouse.query("unread_documents", campaign=player.name, clusters=clusters)
    rng = np.random.default_rng([player.campaign.seed, number, 1])
    shuffled = {
        cluster: rng.permutation(ids["document_id"].to_numpy()).tolist()
        for (cluster,), ids in unread.group_by("cluster", maintain_order=True)
    }
    drawn = [
        {"pull": index, "cluster": pull.arm, "document_id": shuffled[pull.arm].pop()}
        for index, pull in enumerate(pulls)
        for _ in range(pull.n_documents)
    ]
    extractions = extract_through_store(
        player.warehouse,
        player.extractor,
        read_documents(player.warehouse, [row["document_id"] for row in drawn]),
        asked_by=str(round_key(player.name, number)),
        progress=report(player.log, f"{player.name} round {number}: extract"),
    )
    return pl.DataFrame(drawn).join(extractions, on="document_id", maintain_order="left")


def _reward(
    player: RoundPlayer, pulls: list[Pull], asked: pl.DataFrame, number: int
) -> tuple[pl.DataFrame, float | None, int]:
    """Return the rows of the pulls, and OT cost and size of the pool after the round."""
    _embed_pairs(player, asked["content_hash"].to_list(), number)
    pool = player.warehouse.query(
        "pool_embeddings",
        campaign=player.name,
        round=number,
        clusters=asked["cluster"].to_list(),
        hashes=asked["content_hash"].to_list(),
        extractor=player.extractor.fingerprint,
        embedder_version=player.embedder_version,
    )
    vectors = stack_vectors(pool["embedding"], n_dimensions=player.reference.shape[1])
    owners = pool["cluster"].to_numpy()
    rewards = {
        arm: ot_reward(vectors[owners == arm], player.reference) for arm in {p.arm for p in pulls}
    }
    paid = pl.col("first_asked_by") == str(round_key(player.name, number))
    totals = asked.group_by("pull").agg(
        pl.col("n_pairs").sum(),
        (pl.col("status") == "failed").sum().alias("n_failed"),
        pl.col("prompt_tokens", "completion_tokens").sum(),
        pl.col("prompt_tokens", "completion_tokens").filter(paid).sum().name.prefix("paid_"),
    )
    rows = pl.DataFrame(
        [
            {
                "campaign": player.name,
                "round": number,
                "pull": index,
                "cluster": pull.arm,
                "n_documents": pull.n_documents,
                "mean_reward": pull.mean_reward,
                "exploration_bonus": pull.exploration_bonus,
                "ucb_score": pull.ucb_score,
                "arm_pairs": int((owners == pull.arm).sum()),
                "reward": rewards[pull.arm],
            }
            for index, pull in enumerate(pulls)
        ],
        infer_schema_length=None,
    ).join(totals, on="pull", maintain_order="left")
    cost = ot_cost(cosine_cost(vectors, player.reference)) if len(vectors) else None
    return rows, cost, len(vectors)


def _embed_pairs(player: RoundPlayer, hashes: list[str], number: int) -> None:
    pairs = player.warehouse.query(
        "unembedded_pairs",
        hashes=hashes,
        extractor=player.extractor.fingerprint,
        embedder_version=player.embedder_version,
    )
    if pairs.is_empty():
        return
    vectors = player.embedder.encode(
        [pair.text for pair in qa_pairs(pairs)],
        path=player.model_path,
        progress=report(player.log, f"{player.name} round {number}: embed"),
    )
    rows = pairs.select("qa_id").with_columns(
        pl.lit(player.embedder_version).alias("embedder_version"),
        pl.Series("embedding", vectors.tolist(), dtype=pl.List(pl.Float32)),
    )
    with player.warehouse.transaction() as transaction:
        transaction.insert("qa_embeddings", rows)


def stack_vectors(embeddings: pl.Series, *, n_dimensions: int) -> np.ndarray:
    """Return a column of vectors as a matrix, shape (n_rows, n_dimensions); rows may be none."""
    if not len(embeddings):
        return np.zeros((0, n_dimensions), dtype=np.float32)
    return embeddings.list.to_array(n_dimensions).to_numpy()


def _store_round(
    player: RoundPlayer, number: int, rows: pl.DataFrame, asked: pl.DataFrame, outcome: dict
) -> None:
    """Store a round whole, or not at all."""
    documents = asked.select(
        pl.lit(player.name).alias("campaign"),
        "document_id",
        pl.lit(number).alias("round"),
        "pull",
        "cluster",
        "content_hash",
        pl.lit(player.extractor.fingerprint).alias("extractor"),
        "status",
    )
    with player.warehouse.transaction() as transaction:
        last = transaction.query("last_round", campaign=player.name)["round"].item()
        if last != number - 1:
            raise CampaignError(
                f"round {number} of campaign {player.name} was stored by another process while "
                "this one played it; nothing was counted twice"
            )
        if number == 1:
            start = {
                "campaign": player.name,
                "fingerprint": player.fingerprint,
                "settings": json.dumps(player.inputs),
            }
            transaction.replace("campaign_settings", pl.DataFrame([start]), campaign=player.name)
        transaction.insert("bandit_round", rows)
        transaction.insert("bandit_documents", documents)
        transaction.insert("rounds", pl.DataFrame([outcome]))
        transaction.record(
            "bandit_round",
            partition=player.name,
            inputs=player.inputs,
            version=round_version(player, number),
            seconds=outcome["seconds"],
        )


def round_version(player: RoundPlayer, number: int) -> str:
    """Return the version of a campaign's rounds up to one of them."""
    return fingerprint([player.fingerprint, number])
