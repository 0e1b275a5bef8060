"""The page of all strategies, written from their table.

``python -m equal_assets.algorithms.strategies.docs > docs/strategies.md``, or ``make docs``.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable

from equal_assets.algorithms.strategies.table import STRATEGIES, ModelScore, StrategyRow

PAGE = """\
# Strategies

Written from the code by `make docs`. `strategy` decides which documents a campaign extracts.
Everything else stays the same: extraction, budget, training, evaluation. A baseline is therefore a
campaign with another `strategy`. [method.md](method.md) explains how they work,
[benchmarks/RESULTS.md](../benchmarks/RESULTS.md) how they compare.

{strategies}

The paper's ablation without a warm-up is `equal-paper` with `warmup: {{method: none}}`.
`stop_below_gain` works only with a strategy that predicts its gain: {predicting}.

## Model-based strategies

These strategies ask a model; the others need none. The student is the untuned one. Every score is
computed once and stored, and the campaign's costs include it.

{scores}

## Size of a round

A round extracts `documents_per_pull` x `arms_per_round` documents. A strategy that chooses clusters
takes `documents_per_pull` documents from each of `arms_per_round` clusters: 5 x 10 visits more
clusters than 10 x 5. One that chooses documents takes them wherever they are, so only the product
counts: 10 x 5 and 5 x 10 extract the same documents.

## Settings of single strategies

Besides the shared settings, these sections of `campaigns.yaml` decide what a strategy selects; they
do not affect other strategies. Their keys are in [settings.md](settings.md).

{sections}
"""


def strategy_reference() -> str:
    """Return the page as Markdown: what each strategy chooses, needs and reads."""
    rows = STRATEGIES.values()
    return PAGE.format(
        strategies=_table(
            ("strategy", "extracts", "chooses"),
            [(f"`{r.name}`", r.chooses, "clusters" if r.pulls_arms else "documents") for r in rows],
        ),
        predicting=", ".join(f"`{row.name}`" for row in rows if row.predicts_gain),
        scores=_table(
            ("strategy", "needs", "before round 1", "each round"),
            [_score(row, row.score) for row in rows if row.score],
        ),
        sections=_table(
            ("strategy", "sections"),
            [
                (f"`{row.name}`", ", ".join(f"`{name}`" for name in row.sections))
                for row in rows
                if row.sections
            ],
        ),
    )


def _score(row: StrategyRow, score: ModelScore) -> tuple[str, ...]:
    asked = "the extractor's LLM" if row.needs_ratings else "the student"
    needs = f"{score.kind} of {score.of}, from {asked}"
    return f"`{row.name}`", needs, score.before_first_round or "–", score.each_round or "–"


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [head, ("---",) * len(head), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


if __name__ == "__main__":
    sys.stdout.write(strategy_reference())
