"""How a round of a campaign is played: plan, extract, reward, store."""

import json
import time
from dataclasses import dataclass, replace

import dagster as dg
import numpy as np
import polars as pl

from equal_assets.algorithms.equal_strategy import EqualParameters
from equal_assets.algorithms.optimal_transport import cosine_cost, measure_bias, ot_cost
from equal_assets.algorithms.selection import Plan, make_strategy
from equal_assets.algorithms.strategy import Corpus, ExtractedPairs, Pull, Strategy, Target
from equal_assets.assets.warmup import read_documents
from equal_assets.errors import CampaignError
from equal_assets.partitions import round_key
from equal_assets.progress import report
from equal_assets.records import CHARACTERS_PER_TOKEN
from equal_assets.resources.campaigns_file import CampaignsFile
from equal_assets.resources.embedder import Embedder
from equal_assets.resources.extraction_store import campaign_caps, extract_through_store
from equal_assets.resources.extractors import Extractor
from equal_assets.resources.warehouse import Warehouse, qa_pairs
from equal_assets.settings import Campaign, Settings, fingerprint
from equal_assets.versions import expected_inputs, stored_versions

POOL_SAMPLE_PAIRS = 1_000
"""Pairs of a larger pool, drawn by their id, that stand for it in its OT cost after a round."""


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
    strategy: Strategy
    document_ids: np.ndarray  # (n_documents,), str; rows of the strategy's corpus
    run: str  # for the caps of a run
    log: dg.DagsterLogManager

    @property
    def fingerprint(self) -> str:
        """Identifies settings and inputs of the campaign."""
        return fingerprint(self.inputs)

    @property
    def reference(self) -> np.ndarray:
        """Embedded reference pairs, shape (n_reference, n_dimensions)."""
        return self.strategy.target.embeddings


def prepare_campaign(
    name: str,
    warehouse: Warehouse,
    campaigns: CampaignsFile,
    extractor: Extractor,
    embedder: Embedder,
    *,
    run: str,
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
    _check_budget(name, settings, warehouse)
    model = warehouse.query("embedder").row(0, named=True)
    rows = warehouse.query("target_pairs", campaign=name, split="reference")
    pairs, weights = qa_pairs(rows), rows["weight"].to_numpy()
    reference = embedder.encode(
        [pair.text for pair in pairs],
        path=model["path"],
        progress=report(log, "embed the reference pairs"),
    )
    target = Target(
        embeddings=reference,
        answer_lengths=np.array([len(pair.answer) for pair in pairs], dtype=float),
        weights=weights / weights.sum(),
        bias=measure_bias(reference) if settings.campaigns[name].debias_reward else None,
    )
    document_ids, strategy = _resume_strategy(name, settings, warehouse, target)
    return RoundPlayer(
        name=name,
        campaign=settings.campaigns[name],
        inputs=inputs,
        warehouse=warehouse,
        extractor=extractor,
        embedder=embedder,
        model_path=model["path"],
        embedder_version=model["embedder_version"],
        strategy=strategy,
        document_ids=document_ids,
        run=run,
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
    clock = _Clock()
    progress = player.warehouse.query("last_round", campaign=player.name).row(0, named=True)
    last, ended_by = progress["round"], progress["ended_by"]
    if number <= last:
        player.log.info(f"{player.name}: round {number} is there already; nothing to do")
        return False
    if ended_by:
        player.log.info(f"{player.name}: ended after {last} rounds, by {ended_by}")
        return False
    _check_previous(player, number, last)
    pulls = _plan(player, number)
    expected_gain = player.strategy.expected_gain
    clock.lap("selection")
    asked = _extract(player, pulls, number)
    clock.lap("extraction")
    if asked.is_empty():
        return _end_before(player, number)
    n_planned = sum(len(pull.documents) for pull in pulls)
    pulls, asked = _asked_pulls(pulls, asked)
    _embed_pairs(player, asked["content_hash"].to_list(), number)
    clock.lap("embedding")
    rows, extracted = _reward(player, pulls, asked, number)
    player.strategy.observe(pulls, extracted, rows["reward"].to_list())
    outcome = {
        "campaign": player.name,
        "round": number,
        **_pool(player, asked),
        "expected_gain": expected_gain,
        "ended_by": _ended_by(player, number, share_asked=len(asked) / n_planned),
    }
    clock.lap("selection")
    outcome |= {f"{part}_seconds": seconds for part, seconds in clock.seconds.items()}
    outcome["seconds"] = sum(clock.seconds.values())
    _store_round(player, number, rows, asked, outcome)
    return True


class _Clock:
    """Measures what the parts of a round take: every moment belongs to one of them."""

    def __init__(self) -> None:
        self.seconds = dict.fromkeys(("extraction", "embedding", "selection"), 0.0)
        self._last = time.monotonic()

    def lap(self, part: str) -> None:
        """Give a part the time since the lap before."""
        now = time.monotonic()
        self.seconds[part] += now - self._last
        self._last = now


def _check_budget(name: str, settings: Settings, warehouse: Warehouse) -> None:
    n_documents = warehouse.query("corpus_summary")["n_documents"].item()
    campaign = settings.campaigns[name]
    stated = f"campaigns.{name}.budget_documents = {campaign.budget_documents}"
    if campaign.budget_documents > n_documents:
        raise CampaignError(
            f"{stated}: the corpus holds {n_documents} documents; allowed: 1 to {n_documents}"
        )
    if campaign.strategy == "all" and campaign.budget_documents != n_documents:
        raise CampaignError(f"{stated}: strategy all extracts all {n_documents} documents")


def _resume_strategy(
    name: str, settings: Settings, warehouse: Warehouse, target: Target
) -> tuple[np.ndarray, Strategy]:
    """Return the ids of the documents, and the strategy as it was after the last round."""
    campaign = settings.campaigns[name]
    documents = warehouse.query("candidate_documents", campaign=name)
    tokens = documents["n_characters"].to_numpy() / CHARACTERS_PER_TOKEN
    strategy = make_strategy(
        campaign.strategy,
        Corpus(
            embeddings=documents["embedding"].to_numpy(),
            arms=documents["cluster"].to_numpy().astype(np.int64),
            tokens=tokens,
            costs=np.ones(len(documents)) if campaign.counts_documents else tokens,
        ),
        target,
        Plan(
            n_documents=campaign.budget_documents,
            documents_per_pull=campaign.documents_per_pull,
            equal=EqualParameters(**settings.equal.model_dump()),
        ),
        rng=np.random.default_rng(campaign.seed),
    )
    stored = warehouse.query("strategy_state", campaign=name).rows()
    state = {key: np.array(values) for key, values in stored}
    strategy.restore(state, np.flatnonzero(documents["is_read"].to_numpy()))
    return documents["document_id"].to_numpy(), strategy


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
    campaign = player.campaign
    spent = campaign.documents_per_round * (number - 1)
    return player.strategy.plan(
        min(campaign.documents_per_round, campaign.budget_documents - spent),
        np.random.default_rng([campaign.seed, number]),
    )


def _extract(player: RoundPlayer, pulls: list[Pull], number: int) -> pl.DataFrame:
    """Extract the documents of each pull that the budget has room for; one row a document."""
    drawn = [
        {"pull": index, "cluster": pull.arm, "document_id": player.document_ids[row], "row": row}
        for index, pull in enumerate(pulls)
        for row in pull.documents
    ]
    extractions = extract_through_store(
        player.warehouse,
        player.extractor,
        read_documents(player.warehouse, [row["document_id"] for row in drawn]),
        asked_by=str(round_key(player.name, number)),
        run=player.run,
        caps=campaign_caps(player.name, player.campaign, player.extractor, player.warehouse),
        progress=report(player.log, f"{player.name} round {number}: extract"),
    )
    return pl.DataFrame(drawn).join(extractions, on="document_id", maintain_order="left")


def _asked_pulls(pulls: list[Pull], asked: pl.DataFrame) -> tuple[list[Pull], pl.DataFrame]:
    """Return the pulls with the documents that were asked for, without those that lost all.

    In ``asked``, pulls are numbered as they are returned.
    """
    numbers = {old: new for new, old in enumerate(asked["pull"].unique().sort())}
    rows = set(asked["row"])
    kept = [
        replace(pulls[old], documents=tuple(d for d in pulls[old].documents if d in rows))
        for old in numbers
    ]
    return kept, asked.with_columns(pl.col("pull").replace(numbers))


def _end_before(player: RoundPlayer, number: int) -> bool:
    """End a campaign whose budget has no room for any document of a round.

    Raises
    ------
    CampaignError
        If that is so in the first round.
    """
    if number == 1:
        limits = campaign_caps(player.name, player.campaign, player.extractor, player.warehouse)
        stated = ", ".join(f"{cap} ({cap.used:,.10g} used)" for cap in limits)
        raise CampaignError(
            f"{stated}: no room for a single document of round 1, whose requests are reserved at "
            "the most that they may come to. Raise the budget, or lower "
            "extractor.max_reply_tokens or extractor.chunk_characters"
        )
    with player.warehouse.transaction() as transaction:
        transaction.execute("end_campaign", campaign=player.name, round=number - 1)
    player.log.info(f"{player.name}: ended after {number - 1} rounds, by budget")
    return False


def _reward(
    player: RoundPlayer, pulls: list[Pull], asked: pl.DataFrame, number: int
) -> tuple[pl.DataFrame, ExtractedPairs]:
    """Return the rows of the pulls, and the pairs that came out of the round."""
    pairs = _query_pairs(player, "arm_pairs", asked).join(
        asked.select("document_id", "row"), on="document_id", how="left", maintain_order="left"
    )
    vectors = stack_vectors(pairs["embedding"], n_dimensions=player.reference.shape[1])
    owners = pairs["cluster"].to_numpy()
    rewards = {
        arm: player.strategy.reward(vectors[owners == arm]) for arm in {p.arm for p in pulls}
    }
    paid = pl.col("first_asked_by") == str(round_key(player.name, number))
    totals = asked.group_by("pull").agg(
        pl.col("n_pairs", "n_rejected", "prompt_tokens", "completion_tokens", "cost").sum(),
        (pl.col("status") == "failed").sum().alias("n_failed"),
        (~paid).sum().alias("n_cached"),
        pl.col("^paid_.*$", "n_requests", "n_tries", "request_seconds").filter(paid).sum(),
    )
    rows = pl.DataFrame(
        [
            {
                "campaign": player.name,
                "round": number,
                "pull": index,
                "cluster": pull.arm,
                "n_documents": len(pull.documents),
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
    is_new = pairs["row"].is_not_null().to_numpy()
    extracted = ExtractedPairs(
        documents=pairs["row"].drop_nulls().to_numpy().astype(np.int64),
        embeddings=vectors[is_new],
        answer_lengths=pairs["n_answer_characters"].to_numpy().astype(float)[is_new],
    )
    return rows, extracted


def _pool(player: RoundPlayer, asked: pl.DataFrame) -> dict:
    """Return size and OT cost of all pairs of the campaign, the round's own included."""
    pool = _query_pairs(player, "pool_sample", asked, limit=POOL_SAMPLE_PAIRS)
    if pool.is_empty():
        return {"pool_pairs": 0, "pool_ot_cost": None}
    vectors = stack_vectors(pool["embedding"], n_dimensions=player.reference.shape[1])
    weights = player.strategy.target.weights
    cost = ot_cost(cosine_cost(vectors, player.reference), target_weights=weights)
    return {"pool_pairs": pool["pool_pairs"][0], "pool_ot_cost": cost}


def _query_pairs(player: RoundPlayer, name: str, asked: pl.DataFrame, **more: int) -> pl.DataFrame:
    """Run a query over the campaign's pairs and those of a round that is not stored yet."""
    return player.warehouse.query(
        name,
        campaign=player.name,
        document_ids=asked["document_id"].to_list(),
        clusters=asked["cluster"].to_list(),
        hashes=asked["content_hash"].to_list(),
        extractor=player.extractor.fingerprint,
        embedder_version=player.embedder_version,
        **more,
    )


def _ended_by(player: RoundPlayer, number: int, *, share_asked: float) -> str | None:
    """Say what ends the campaign after a round: its budget, a gain too small, or nothing yet.

    A budget of tokens or money ends it where it had room for less than half of the round.
    """
    if number == player.campaign.n_rounds or share_asked < 0.5:
        return "budget"
    if not player.campaign.stop_below_gain:
        return None
    _plan(player, number + 1)
    gain = player.strategy.expected_gain
    return "gain" if gain is not None and gain < player.campaign.stop_below_gain else None


def _embed_pairs(player: RoundPlayer, hashes: list[str], number: int) -> None:
    pairs = player.warehouse.query(
        "unembedded_pairs",
        hashes=hashes,
        extractor=player.extractor.fingerprint,
        embedder_version=player.embedder_version,
    )
    if pairs.is_empty():
        return
    embedded = player.embedder.embed(
        [pair.text for pair in qa_pairs(pairs)],
        path=player.model_path,
        progress=report(player.log, f"{player.name} round {number}: embed"),
    )
    rows = pairs.select("qa_id").with_columns(
        pl.lit(player.embedder_version).alias("embedder_version"),
        pl.Series("embedding", embedded.vectors.tolist(), dtype=pl.List(pl.Float32)),
        pl.Series("n_tokens", embedded.n_tokens),
        pl.Series("flops", embedded.flops),
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
    state = pl.DataFrame(
        [
            {"campaign": player.name, "name": name, "values": vector.tolist()}
            for name, vector in player.strategy.state().items()
        ],
        schema={"campaign": pl.String, "name": pl.String, "values": pl.List(pl.Float64)},
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
        transaction.replace("strategy_state", state, campaign=player.name)
        transaction.record(
            "bandit_round",
            partition=player.name,
            inputs=player.inputs,
            version=fingerprint([player.fingerprint, number]),
            seconds=outcome["seconds"],
        )
