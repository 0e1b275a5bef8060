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
from equal_assets.records import PREVIEW, Document
from equal_assets.resources.embedding.pair_vectors import find_pair_vectors
from equal_assets.resources.extraction.store import campaign_caps, extract_through_store
from equal_assets.resources.llm.spending import Cap
from equal_assets.resources.warehouse import read_documents
from equal_assets.settings import fingerprint
from equal_assets.steps.accepted import has_enough
from equal_assets.steps.campaign_pairs import KeptPairs, kept_pairs
from equal_assets.steps.review import arm_verdicts, begin_round
from equal_assets.steps.round_player import RoundPlayer
from equal_assets.steps.student_scores import StudentScorer

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
    with player.warehouse.reading():
        documents, caps = _planned_documents(player, pulls), _caps(player)
    expected_gain = player.strategy.expected_gain
    clock.lap("selection")
    asked = _extract(player, pulls, documents, number, caps=caps)
    clock.lap("extraction")
    if asked.is_empty():
        return _end_before(player, number)
    share_asked = len(asked) / sum(len(pull.documents) for pull in pulls)
    pulls, asked = _asked_pulls(pulls, asked)
    pairs, leaked = _new_pairs(player, asked, number)
    clock.lap("embedding")
    if player.scorer is not None and player.strategy.learns_from_rewards:
        pairs = _scored(player, player.scorer, pairs, asked, number)
        clock.lap("scoring")
    player.pairs.add(pairs.kept)
    rewards = {arm: _reward(player, arm) for arm in {p.arm for p in pulls}}
    player.strategy.observe(pulls, pairs.extracted, [rewards[pull.arm] for pull in pulls])
    scoring = _scoring_spend(player, asked["content_hash"].to_list(), number)
    gains = player.coverage.take(asked, pairs.extracted, scoring_tokens=scoring["scoring_tokens"])
    found = player.coverage.judge()
    ended_by, ended_because = _ended(player, number, found, share_asked=share_asked)
    outcome = {
        "campaign": player.name,
        "round": number,
        **_pool(player),
        **player.coverage.standing(found),
        **scoring,
        "expected_gain": expected_gain,
        "ended_by": ended_by,
        "ended_because": ended_because,
    }
    rows = _pull_rows(player, number, pulls, rewards).join(
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


def _planned_documents(player: RoundPlayer, pulls: list[Pull]) -> list[Document]:
    """Return the documents that a round would extract, in order of id."""
    rows = [row for pull in pulls for row in pull.documents]
    return read_documents(player.warehouse, player.document_ids[rows].tolist())


def _caps(player: RoundPlayer) -> list[Cap]:
    return campaign_caps(player.name, player.campaign, player.extractor, player.warehouse)


def _extract(
    player: RoundPlayer,
    pulls: list[Pull],
    documents: list[Document],
    number: int,
    *,
    caps: list[Cap],
) -> pl.DataFrame:
    """Extract the documents of each pull that the budget has room for; one row a document."""
    drawn = [
        {"pull": index, "cluster": pull.arm, "document_id": player.document_ids[row], "row": row}
        for index, pull in enumerate(pulls)
        for row in pull.documents
    ]
    extractions = extract_through_store(
        player.warehouse,
        player.extractor,
        documents,
        asked_by=str(round_key(player.name, number)),
        run=player.run,
        caps=caps,
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
        stated = ", ".join(f"{cap} ({cap.used:,.10g} used)" for cap in _caps(player))
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
class _NewPairs:
    """The pairs of a round that are no leaks, in order of id; rows of both."""

    kept: KeptPairs
    documents: np.ndarray  # (n_pairs,), row of the document in the corpus
    answer_lengths: np.ndarray  # (n_pairs,), characters

    @property
    def extracted(self) -> ExtractedPairs:
        """The same, as strategies learn from them."""
        return ExtractedPairs(self.documents, self.kept.vectors, self.answer_lengths)


def _new_pairs(
    player: RoundPlayer, asked: pl.DataFrame, number: int
) -> tuple[_NewPairs, pl.DataFrame]:
    """Return the pairs of a round, embedded, and which of them leak, with their content hash."""
    label = f"{player.name} round {number}: embed"
    with player.warehouse.reading() as read:
        pairs = read.query(
            "round_pairs",
            hashes=asked["content_hash"].to_list(),
            extractor=player.extractor.fingerprint,
        )
        found = find_pair_vectors(read, pairs, version=player.embedder_version)
    vectors = found.completed(
        player.warehouse,
        player.embedder,
        path=player.model_path,
        n_dimensions=player.reference.shape[1],
        progress=report(player.log, label),
    )
    leaked = player.rules.leaks(
        player.warehouse, pairs, progress=report(player.log, f"{label} the questions")
    ).join(pairs.select("qa_id", "content_hash"), on="qa_id", how="left", maintain_order="left")
    is_kept = ~pairs["qa_id"].is_in(leaked["qa_id"].to_list())
    rows = pairs.filter(is_kept).join(
        asked.select("content_hash", "cluster", "row"), on="content_hash", maintain_order="left"
    )
    kept = kept_pairs(rows.with_columns(score=None), vectors[is_kept.to_numpy()])
    lengths = rows["answer"].str.len_chars().to_numpy().astype(float)
    return _NewPairs(kept, rows["row"].to_numpy().astype(np.int64), lengths), leaked


def _reward(player: RoundPlayer, arm: int) -> float:
    pairs = player.pairs.of_arm(arm)
    return player.strategy.reward(pairs.vectors, pairs.scores)


def _pull_rows(
    player: RoundPlayer,
    number: int,
    pulls: list[Pull],
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
            "arm_pairs": len(player.pairs.of_arm(pull.arm)),
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


def _pool(player: RoundPlayer) -> dict:
    """Return size and OT cost of all pairs of the campaign, the round's own included."""
    if not player.pairs.n_pairs:
        return {"pool_pairs": 0, "pool_ot_cost": None}
    weights = player.strategy.target.weights
    costs = cosine_cost(player.pairs.sample.vectors, player.reference)
    return {
        "pool_pairs": player.pairs.n_pairs,
        "pool_ot_cost": ot_cost(costs, target_weights=weights),
    }


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
    stated = " and ".join(f"{cap} ({cap.used:,.10g} used)" for cap in _caps(player))
    return f"{stated}: no room for another round, reserved at its maximum cost"


def _scored(
    player: RoundPlayer, scorer: StudentScorer, pairs: _NewPairs, asked: pl.DataFrame, number: int
) -> _NewPairs:
    """Have the student score the pairs of a round that it has not scored before."""
    scorer.score_pairs(
        asked["content_hash"].to_list(),
        extractor=player.extractor.fingerprint,
        label=f"{player.name} round {number}: {scorer.kind} of the pairs",
    )
    ids = pl.DataFrame({"qa_id": pl.Series(pairs.kept.ids.tolist(), dtype=pl.String)})
    found = player.warehouse.query("pair_scores", qa_ids=ids["qa_id"].to_list(), scorer=scorer.key)
    scores = ids.join(found, on="qa_id", how="left", maintain_order="left")["score"]
    return replace(pairs, kept=replace(pairs.kept, scores=scores.fill_null(np.nan).to_numpy()))


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
