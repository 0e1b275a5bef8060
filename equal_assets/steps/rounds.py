"""How a round of a campaign is played: plan, extract, reward, store."""

import json
import time
from dataclasses import dataclass, replace

import numpy as np
import polars as pl

from equal_assets.algorithms.optimal_transport import cosine_cost, ot_cost
from equal_assets.algorithms.stopping import Evidence
from equal_assets.algorithms.strategies.strategy import ExtractedPairs, Pull
from equal_assets.errors import CampaignError
from equal_assets.partitions import round_key
from equal_assets.progress import report
from equal_assets.records import PREVIEW
from equal_assets.resources.embedding.pair_vectors import store_vectors
from equal_assets.resources.extraction.store import campaign_caps, extract_through_store
from equal_assets.resources.warehouse import read_documents, stack_vectors
from equal_assets.settings import fingerprint
from equal_assets.steps.accepted import has_enough
from equal_assets.steps.review import arm_verdicts, begin_round
from equal_assets.steps.round_player import RoundPlayer
from equal_assets.steps.student_scores import StudentScorer

POOL_SAMPLE_PAIRS = 1_000
"""Pairs drawn by id from a larger pool, to measure its OT cost after a round."""

TIMED_PARTS = ("extraction", "embedding", "selection")
"""Whose seconds a round stores; `scoring_spend` has the seconds of scoring."""


def play_round(player: RoundPlayer, number: int) -> bool:
    """Play and store one round; return whether it was new.

    The round depends on the campaign's settings, seed, earlier rounds and the verdicts of reviewers
    when it began, alone: played again after a killed attempt it uses the same documents, and finds
    what was extracted in the store.

    Raises
    ------
    CampaignError
        If the round before it is missing, or another process stored this one meanwhile.
    """
    clock = _Clock()
    if not _is_next(player, number):
        return False
    if has_enough(player, number - 1):
        player.log.info(f"{player.name}: ended after {number - 1} rounds, by budget")
        return False
    begin_round(player, number)
    pulls = plan_round(player, number)
    expected_gain = player.strategy.expected_gain
    clock.lap("selection")
    asked = _extract(player, pulls, number)
    clock.lap("extraction")
    if asked.is_empty():
        return _end_before(player, number)
    share_asked = len(asked) / sum(len(pull.documents) for pull in pulls)
    pulls, asked = _asked_pulls(pulls, asked)
    hashes = asked["content_hash"].to_list()
    _embed_pairs(player, hashes, number)
    leaked = _find_leaks(player, hashes, number)
    clock.lap("embedding")
    if player.scorer is not None and player.strategy.learns_from_rewards:
        _score_pairs(player, player.scorer, hashes, number)
        clock.lap("scoring")
    pairs = _arm_pairs(player, asked, leaked)
    rewards = {arm: player.strategy.reward(*pairs.of(arm)) for arm in {p.arm for p in pulls}}
    player.strategy.observe(pulls, pairs.extracted(), [rewards[pull.arm] for pull in pulls])
    scoring = _scoring_spend(player, hashes, number)
    gains = player.coverage.take(asked, pairs.extracted(), scoring_tokens=scoring["scoring_tokens"])
    found = player.coverage.judge()
    ended_by, ended_because = _ended(player, number, found, share_asked=share_asked)
    outcome = {
        "campaign": player.name,
        "round": number,
        **_pool(player, asked, leaked),
        **player.coverage.standing(found),
        **scoring,
        "expected_gain": expected_gain,
        "ended_by": ended_by,
        "ended_because": ended_because,
    }
    rows = _pull_rows(player, number, pulls, pairs, rewards).join(
        _totals(player, number, asked, leaked), on="pull", maintain_order="left"
    )
    clock.lap("selection")
    outcome |= {f"{part}_seconds": clock.seconds[part] for part in TIMED_PARTS}
    outcome["seconds"] = sum(clock.seconds.values())
    _store_round(player, number, rows, asked.with_columns(gains), leaked, outcome)
    has_enough(player, number)
    return True


def _is_next(player: RoundPlayer, number: int) -> bool:
    """Say whether a round is to be played: it is not stored, and the campaign has not ended."""
    progress = player.warehouse.query("last_round", campaign=player.name).row(0, named=True)
    last, ended_by = progress["round"], progress["ended_by"]
    if number <= last:
        player.log.info(
            f"{player.name}: round {number} is there already and is not played again; `equal rerun "
            f"{player.name} --from-round {number}` removes it and all after it, then plays them"
        )
        return False
    if ended_by:
        player.log.info(f"{player.name}: ended after {last} rounds, by {ended_by}")
        return False
    _check_previous(player, number, last)
    return True


class _Clock:
    """Times the parts of a round: every moment belongs to one of them."""

    def __init__(self) -> None:
        self.seconds = dict.fromkeys((*TIMED_PARTS, "scoring"), 0.0)
        self._last = time.monotonic()

    def lap(self, part: str) -> None:
        """Give a part the time since the lap before."""
        now = time.monotonic()
        self.seconds[part] += now - self._last
        self._last = now


def _check_previous(player: RoundPlayer, number: int, last: int) -> None:
    if number == last + 1:
        return
    missing = round_key(player.name, last + 1)
    through = f" through {round_key(player.name, number - 1)}" if number > last + 2 else ""
    raise CampaignError(
        f"round {number} of campaign {player.name} needs round {number - 1}, which is not there: "
        f"materialize {missing}{through} first, or select the range and launch one backfill"
    )


def plan_round(player: RoundPlayer, number: int) -> list[Pull]:
    """Return the pulls of a round, given the rounds before it."""
    campaign = player.campaign
    player.strategy.heed(*arm_verdicts(player, number))
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
    """Return the pulls with the documents that were requested, without pulls that lost all.

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
            "their maximum possible cost. Raise the budget, or lower "
            "extractor.max_reply_tokens or extractor.chunk_characters"
        )
    with player.warehouse.transaction() as transaction:
        transaction.execute(
            "end_campaign", campaign=player.name, round=number - 1, because=_no_room(player)
        )
    player.log.info(f"{player.name}: ended after {number - 1} rounds, by budget")
    return False


@dataclass(frozen=True)
class _ArmPairs:
    """All pairs of the arms that a round pulled, from earlier rounds as well."""

    owners: np.ndarray  # (n_pairs,), arm of each
    vectors: np.ndarray  # (n_pairs, n_dimensions)
    scores: np.ndarray  # (n_pairs,), of the student; NaN where there are none
    answer_lengths: np.ndarray  # (n_pairs,), characters
    rows: pl.Series  # (n_pairs,), row of the document in the corpus; null for earlier rounds

    def of(self, arm: int) -> tuple[np.ndarray, np.ndarray]:
        """Return vectors and scores of an arm's pairs."""
        return self.vectors[self.owners == arm], self.scores[self.owners == arm]

    def extracted(self) -> ExtractedPairs:
        """Return the pairs of the round itself."""
        is_new = self.rows.is_not_null().to_numpy()
        return ExtractedPairs(
            documents=self.rows.drop_nulls().to_numpy().astype(np.int64),
            embeddings=self.vectors[is_new],
            answer_lengths=self.answer_lengths[is_new],
        )


def _arm_pairs(player: RoundPlayer, asked: pl.DataFrame, leaked: pl.DataFrame) -> _ArmPairs:
    """Return the pairs of the pulled arms, without leaks."""
    pairs = _query_pairs(player, "arm_pairs", asked, leaked, scorer=player.score_key).join(
        asked.select("document_id", "row"), on="document_id", how="left", maintain_order="left"
    )
    return _ArmPairs(
        owners=pairs["cluster"].to_numpy(),
        vectors=stack_vectors(pairs["embedding"], n_dimensions=player.reference.shape[1]),
        scores=pairs["score"].to_numpy(),
        answer_lengths=pairs["n_answer_characters"].to_numpy().astype(float),
        rows=pairs["row"],
    )


def _pull_rows(
    player: RoundPlayer,
    number: int,
    pulls: list[Pull],
    pairs: _ArmPairs,
    rewards: dict[int, float],
) -> pl.DataFrame:
    """Return the rows of `bandit_round`, without the outcomes of the pulls."""
    rows = [
        {
            "campaign": player.name,
            "round": number,
            "pull": index,
            "cluster": pull.arm,
            "n_documents": len(pull.documents),
            "mean_reward": pull.mean_reward,
            "exploration_bonus": pull.exploration_bonus,
            "ucb_score": pull.ucb_score,
            "arm_pairs": int((pairs.owners == pull.arm).sum()),
            "reward": rewards[pull.arm],
        }
        for index, pull in enumerate(pulls)
    ]
    return pl.DataFrame(rows, infer_schema_length=None)


def _totals(
    player: RoundPlayer, number: int, asked: pl.DataFrame, leaked: pl.DataFrame
) -> pl.DataFrame:
    """Return the outcomes of each pull, and what the round or a preview before it spent on it."""
    own = [str(round_key(player.name, number)), f"{player.name}|{PREVIEW}"]
    paid = pl.col("first_asked_by").is_in(own)
    n_leaked = leaked.group_by("content_hash").len("n_leaked")
    counted = asked.join(n_leaked, on="content_hash", how="left").with_columns(
        pl.col("n_leaked").fill_null(0)
    )
    return counted.group_by("pull").agg(
        pl.col(
            "n_pairs", "n_leaked", "n_rejected", "prompt_tokens", "completion_tokens", "cost"
        ).sum(),
        (pl.col("status") == "failed").sum().alias("n_failed"),
        (~paid).sum().alias("n_cached"),
        pl.col("^paid_.*$", "n_requests", "n_tries", "request_seconds").filter(paid).sum(),
    )


def _pool(player: RoundPlayer, asked: pl.DataFrame, leaked: pl.DataFrame) -> dict:
    """Return size and OT cost of all pairs of the campaign, the round's own included."""
    pool = _query_pairs(player, "pool_sample", asked, leaked, limit=POOL_SAMPLE_PAIRS)
    if pool.is_empty():
        return {"pool_pairs": 0, "pool_ot_cost": None}
    vectors = stack_vectors(pool["embedding"], n_dimensions=player.reference.shape[1])
    weights = player.strategy.target.weights
    cost = ot_cost(cosine_cost(vectors, player.reference), target_weights=weights)
    return {"pool_pairs": pool["pool_pairs"][0], "pool_ot_cost": cost}


def _query_pairs(
    player: RoundPlayer, name: str, asked: pl.DataFrame, leaked: pl.DataFrame, **more: int | str
) -> pl.DataFrame:
    """Run a query over the campaign's pairs, with a round that is not stored yet."""
    return player.warehouse.query(
        name,
        campaign=player.name,
        document_ids=asked["document_id"].to_list(),
        clusters=asked["cluster"].to_list(),
        hashes=asked["content_hash"].to_list(),
        leaked=leaked["qa_id"].to_list(),
        extractor=player.extractor.fingerprint,
        embedder_version=player.embedder_version,
        **more,
    )


def _ended(
    player: RoundPlayer, number: int, found: Evidence | None, *, share_asked: float
) -> tuple[str | None, str | None]:
    """Say what ends the campaign after a round, and why: a budget, a gain too small, or nothing.

    A budget of tokens or money ends it where it had room for less than half of the round.
    """
    campaign = player.campaign
    if number == campaign.n_rounds:
        return "budget", f"budget_documents = {campaign.budget_documents:,} is used up"
    if share_asked < 0.5:
        return "budget", _no_room(player)
    if campaign.stop == "auto" and found is not None and player.coverage.no_longer_pays:
        return "gain", f"stop = auto: {player.coverage.in_words(found)}"
    if not campaign.stop_below_gain:
        return None, None
    plan_round(player, number + 1)
    gain = player.strategy.expected_gain
    if gain is None or gain >= campaign.stop_below_gain:
        return None, None
    return "gain", (
        f"stop_below_gain = {campaign.stop_below_gain:g}: the next round should add {gain:.3g} for "
        "each 1,000 tokens"
    )


def _no_room(player: RoundPlayer) -> str:
    limits = campaign_caps(player.name, player.campaign, player.extractor, player.warehouse)
    stated = " and ".join(f"{cap} ({cap.used:,.10g} used)" for cap in limits)
    return f"{stated}: no room for another round, reserved at its maximum cost"


def _embed_pairs(player: RoundPlayer, hashes: list[str], number: int) -> None:
    pairs = player.warehouse.query(
        "unembedded_pairs",
        hashes=hashes,
        extractor=player.extractor.fingerprint,
        embedder_version=player.embedder_version,
    )
    if not pairs.is_empty():
        store_vectors(
            player.warehouse,
            player.embedder,
            pairs,
            path=player.model_path,
            version=player.embedder_version,
            progress=report(player.log, f"{player.name} round {number}: embed"),
        )


def _find_leaks(player: RoundPlayer, hashes: list[str], number: int) -> pl.DataFrame:
    """Return the pairs of a round that give away a test or protected question, with their hash."""
    pairs = player.warehouse.query(
        "round_pairs", hashes=hashes, extractor=player.extractor.fingerprint
    )
    progress = report(player.log, f"{player.name} round {number}: embed the questions")
    leaks = player.rules.leaks(player.warehouse, pairs, progress=progress)
    return leaks.join(
        pairs.select("qa_id", "content_hash"), on="qa_id", how="left", maintain_order="left"
    )


def _score_pairs(
    player: RoundPlayer, scorer: StudentScorer, hashes: list[str], number: int
) -> None:
    """Have the student score the pairs of a round that it has not scored before."""
    scorer.score_pairs(
        hashes,
        extractor=player.extractor.fingerprint,
        label=f"{player.name} round {number}: {scorer.kind} of the pairs",
    )


def _scoring_spend(player: RoundPlayer, hashes: list[str], number: int) -> dict:
    """Return the cost of the scores that the round was chosen by, or learned from."""
    return player.warehouse.query(
        "scoring_spend",
        campaign=player.name,
        scorer=player.score_key,
        hashes=hashes,
        extractor=player.extractor.fingerprint,
        is_first=number == 1,
    ).row(0, named=True)


def _store_round(
    player: RoundPlayer,
    number: int,
    rows: pl.DataFrame,
    asked: pl.DataFrame,
    leaked: pl.DataFrame,
    outcome: dict,
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
        "gain",
        "status",
    )
    state = pl.DataFrame(
        [
            {"campaign": player.name, "round": number, "name": name, "values": vector.tolist()}
            for name, vector in player.strategy.state().items()
        ],
        schema={
            "campaign": pl.String,
            "round": pl.Int32,
            "name": pl.String,
            "values": pl.List(pl.Float64),
        },
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
        transaction.insert(
            "leaked_qa",
            leaked.drop("content_hash").with_columns(
                campaign=pl.lit(player.name), round=pl.lit(number)
            ),
        )
        transaction.insert("rounds", pl.DataFrame([outcome]))
        transaction.insert("strategy_state", state)
        transaction.record(
            "bandit_round",
            partition=player.name,
            inputs=player.inputs,
            version=fingerprint([player.fingerprint, number]),
            seconds=outcome["seconds"],
        )
