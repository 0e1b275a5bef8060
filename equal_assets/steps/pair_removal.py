"""Which pairs of a campaign are trained on: none that is rejected, leaks, repeats or is pruned."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import polars as pl

from equal_assets.algorithms.coverage import Kernel, is_near, kernel_of
from equal_assets.algorithms.deduplication import (
    Repeat,
    equal_pairs,
    near_duplicates,
    same_meaning,
)
from equal_assets.algorithms.pruning import Pruning
from equal_assets.progress import Progress, silent
from equal_assets.resources.embedding.embedder import Embedder
from equal_assets.resources.embedding.pair_vectors import embed_target, pair_vectors
from equal_assets.resources.embedding.question_vectors import question_vectors
from equal_assets.resources.engine.engine import Engine
from equal_assets.resources.warehouse import Warehouse, qa_pairs
from equal_assets.settings import DatasetSettings, Settings
from equal_assets.steps.document_vectors import read_vectors
from equal_assets.steps.leaks import REMOVAL, leak_rules
from equal_assets.steps.pruning import prune_pairs
from equal_assets.steps.review import ReviewedPairs, review_pairs, vector_ids

FAR = "not near the target"

REPEATS_REVIEWED = {
    "rejected": "repeat of a rejected pair",
    "edited": "repeat of an edited pair",
}
"""Why a pair is not trained on that repeats what a reviewer has taken out, by what was said."""

Rule = Callable[[pl.DataFrame], pl.DataFrame]


@dataclass(frozen=True)
class SplitPairs:
    """The pairs of a campaign, by whether they are trained on.

    Attributes
    ----------
    kept : DataFrame
        Rows of `qa_dataset`.
    removed : DataFrame
        Rows of `removed_qa`.
    pruning : Pruning or None
        What the last rule did with the pairs that the others had left; None if it is off.
    review : ReviewedPairs
        What reviewers have changed, before all rules.
    """

    kept: pl.DataFrame
    removed: pl.DataFrame
    pruning: Pruning | None
    review: ReviewedPairs


def split_pairs(
    warehouse: Warehouse,
    embedder: Embedder,
    settings: Settings,
    engine: Engine,
    *,
    campaign: str,
    kernel: Kernel | None = None,
    progress: Progress = silent,
) -> SplitPairs:
    """Return which pairs of a campaign are trained on.

    Reviewers come first: what they rejected goes, what they edited is checked in its new words.
    Neither brings back its repeats, which nobody has judged: they stay removed.

    With ``budget_pairs``, what is not near the target is removed too, and what comes after as many
    pairs. ``kernel`` says what is near, where it is known already.

    A rule sees what the rules before it have left, in the order in which documents were used, and
    the first of colliding pairs stays. So what a campaign had kept after a round is the beginning
    of what it keeps in the end, until it is pruned: pruning sees all pairs, and comes last.
    """
    pairs = warehouse.query("campaign_pairs", campaign=campaign).select(
        pl.lit(campaign).alias("campaign"), pl.all()
    )
    review = review_pairs(warehouse, pairs, target=settings.campaigns[campaign].target)
    extracted, pairs = pairs, review.pairs
    leaks = leak_rules(campaign, settings, warehouse)
    kept, removals = _without(pairs, review.removed), [review.removed]
    wanted = settings.campaigns[campaign].budget_pairs
    far = partial(far_pairs, warehouse, embedder, settings, campaign=campaign, kernel=kernel)
    repeats = _repeats(settings.dataset, warehouse, engine, progress=progress)
    rules: list[Rule] = [
        lambda rows: leaks.leaks(warehouse, rows, progress=progress),
        lambda rows: _repeats_of_reviewed(extracted, rows, review.verdicts, rules=repeats),
        *repeats,
        lambda rows: _beyond_cap(rows, "cluster", cap=settings.dataset.max_per_cluster),
        lambda rows: _beyond_cap(rows, "source", cap=settings.dataset.max_per_source),
        *([far] if wanted else []),
    ]
    for rule in rules:
        removals.append(rule(kept))
        kept = _without(kept, removals[-1])
    pruned, pruning = prune_pairs(
        warehouse, embedder, settings, kept, campaign=campaign, progress=progress
    )
    kept = _without(kept, pruned)
    surplus = _removed(kept[wanted:] if wanted else kept.clear(), "beyond budget_pairs")
    removed = pairs.select("campaign", "qa_id", "question", "answer").join(
        pl.concat([*removals, pruned, surplus]), on="qa_id", maintain_order="left"
    )
    return SplitPairs(_without(kept, surplus).drop("is_edited"), removed, pruning, review)


def _without(rows: pl.DataFrame, found: pl.DataFrame) -> pl.DataFrame:
    return rows.join(found, on="qa_id", how="anti", maintain_order="left")


def _repeats(
    settings: DatasetSettings, warehouse: Warehouse, engine: Engine, *, progress: Progress
) -> list[Rule]:
    near, meaning = settings.near_duplicate, settings.same_meaning
    rules: list[Rule] = [lambda rows: _named(rows, equal_pairs(qa_pairs(rows)), "repeated pair")]
    if near is not None:
        rules.append(
            lambda rows: _named(
                rows, near_duplicates(qa_pairs(rows), threshold=near), "near-duplicate"
            )
        )
    if meaning is not None:
        rules.append(
            lambda rows: _named(
                rows,
                same_meaning(
                    questions := rows["question"].to_list(),
                    question_vectors(
                        warehouse,
                        questions,
                        model=settings.question_model,
                        engine=engine,
                        progress=progress,
                    ),
                    threshold=meaning,
                ),
                "same question in other words",
            )
        )
    return rules


def _repeats_of_reviewed(
    extracted: pl.DataFrame, rows: pl.DataFrame, verdicts: pl.DataFrame, *, rules: list[Rule]
) -> pl.DataFrame:
    """Return which rows repeat a pair that reviewers rejected or edited, as all were extracted.

    Repeats are found as if nobody had said anything, so what comes of it was removed before too. A
    row that reviewers have judged itself stays.
    """
    changed = verdicts.filter(pl.col("verdict").is_in(list(REPEATS_REVIEWED)))
    if changed.is_empty():
        return pl.DataFrame(schema=REMOVAL)
    stands = pl.col("qa_id").is_in([*rows["qa_id"], *changed["qa_id"]])
    left, found = extracted.filter(stands), []
    for rule in rules:
        found.append(rule(left))
        left = _without(left, found[-1])
    said = changed.select(
        pl.col("qa_id").alias("collided_with"),
        pl.col("verdict").replace_strict(REPEATS_REVIEWED).alias("said"),
    )
    return (
        _without(pl.concat(found), verdicts)
        .join(said, on="collided_with", maintain_order="left")
        .select("qa_id", pl.col("said").alias("reason"), "collided_with", "similarity")
    )


def _named(rows: pl.DataFrame, repeats: list[Repeat | None], reason: str) -> pl.DataFrame:
    ids = rows["qa_id"].to_list()
    found = [
        (qa_id, reason, ids[repeat.kept], repeat.similarity)
        for qa_id, repeat in zip(ids, repeats, strict=True)
        if repeat is not None
    ]
    return pl.DataFrame(found, schema=REMOVAL, orient="row")


def far_pairs(
    warehouse: Warehouse,
    embedder: Embedder,
    settings: Settings,
    rows: pl.DataFrame,
    *,
    campaign: str,
    kernel: Kernel | None,
) -> pl.DataFrame:
    """Return the pairs that are near no reference question, as near as documents are."""
    if rows.is_empty():
        return _removed(rows, FAR)
    if kernel is None:
        target = embed_target(warehouse, embedder, campaign, progress=silent)
        kernel = kernel_of(
            read_vectors(warehouse), target.embeddings, temperature=settings.equal.temperature
        )
    pairs = pair_vectors(warehouse, embedder, vector_ids(rows), progress=silent)
    return _removed(rows.filter(pl.Series(~is_near(kernel(pairs)))), FAR)


def _removed(rows: pl.DataFrame, reason: str) -> pl.DataFrame:
    return rows.select(
        "qa_id",
        pl.lit(reason).alias("reason"),
        pl.lit(None, pl.String).alias("collided_with"),
        pl.lit(None, pl.Float64).alias("similarity"),
    )


def _beyond_cap(rows: pl.DataFrame, column: str, *, cap: int | None) -> pl.DataFrame:
    """Return what comes after the first ``cap`` pairs of each cluster or source."""
    late = rows.filter(pl.int_range(pl.len()).over(column) >= cap) if cap else rows.clear()
    return _removed(late, f"beyond max_per_{column}")
