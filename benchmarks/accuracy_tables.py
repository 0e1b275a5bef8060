"""The tables of `accuracy.py`: perplexity, PMI accuracy, what separates strategies, and cost."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
import polars as pl
from markdown import markdown
from paired import Estimate, crossed_mean, mean_of

from equal_assets.algorithms.flops import inference_flops

REFERENCE = "equal"
UNTUNED = "untuned"
EXTRACTOR_PARAMETERS = 72e9
"""Of the paper's extractor, Qwen2.5-72B."""

Column = tuple[str, float]
"""Target and budget."""


@dataclass(frozen=True)
class Answers:
    """What the students of one strategy and budget answered to the questions of a target."""

    seeds: tuple[int, ...]
    tokens: np.ndarray  # (n_questions,), of the true answers
    losses: np.ndarray  # (n_seeds, n_questions): negative log-probability of the true answer
    correct: np.ndarray  # (n_seeds, n_questions): 1.0 or 0.0

    def only(self, seeds: Iterable[int]) -> Answers:
        """Return the answers of some of the seeds."""
        rows = [self.seeds.index(seed) for seed in seeds]
        return Answers(tuple(seeds), self.tokens, self.losses[rows], self.correct[rows])

    def less(self, other: Answers) -> Answers:
        """Return the differences from other answers, of the seeds that both have."""
        seeds = sorted({*self.seeds} & {*other.seeds})
        mine, theirs = self.only(seeds), other.only(seeds)
        return Answers(
            mine.seeds, self.tokens, mine.losses - theirs.losses, mine.correct - theirs.correct
        )


@dataclass(frozen=True)
class Measure:
    """What a table shows of answers, and how."""

    estimate: Callable[[Answers], Estimate]
    show: Callable[[Estimate], str]


PERPLEXITY = Measure(lambda own: crossed_mean(own.losses, own.tokens), lambda e: _powers(e, 1))
RATIO = Measure(PERPLEXITY.estimate, lambda e: _powers(e, 3))
ACCURACY = Measure(
    lambda own: crossed_mean(own.correct, np.ones(own.tokens.size)),
    lambda e: f"{e.mean:.3f} [{e.interval[0]:.3f}, {e.interval[1]:.3f}]",
)


def print_tables(students: pl.DataFrame, answers: pl.DataFrame) -> None:
    """Print all tables as Markdown, with 95% intervals."""
    cells = _cells(answers.filter(pl.col("strategy") != UNTUNED))
    differences = _differences(cells)
    print("\nPerplexity of the true answers\n")
    print(_table(cells, PERPLEXITY))
    print(f"\nPerplexity over that of `{REFERENCE}`, paired\n")
    print(_table(differences, RATIO))
    print("\nPMI accuracy\n")
    print(_table(cells, ACCURACY))
    print(f"\nPMI accuracy less that of `{REFERENCE}`, paired\n")
    print(_table(differences, ACCURACY))
    for row in students.filter(pl.col("strategy") == UNTUNED).iter_rows(named=True):
        print(
            f"\nUntuned, {row['target']}: perplexity {row['perplexity']:.1f}, "
            f"PMI accuracy {row['pmi_accuracy']:.3f}"
        )
    print("\nCost, mean over seeds\n")
    print(_cost(students))


Cells = dict[str, dict[Column, Answers]]
"""By strategy."""


def _cells(answers: pl.DataFrame) -> Cells:
    cells: Cells = {}
    ordered = answers.sort("strategy", "target", "budget", "seed", "question")
    for (strategy, target, budget), cell in ordered.group_by(
        "strategy", "target", "budget", maintain_order=True
    ):
        seeds = tuple(cell["seed"].unique(maintain_order=True))
        cells.setdefault(strategy, {})[target, budget] = Answers(
            seeds=seeds,
            tokens=cell["tokens"].to_numpy().reshape(len(seeds), -1)[0].astype(float),
            losses=-cell["log_probability"].to_numpy().reshape(len(seeds), -1),
            correct=cell["is_correct"].to_numpy().reshape(len(seeds), -1).astype(float),
        )
    return cells


def _differences(cells: Cells) -> Cells:
    reference = cells[REFERENCE]
    return {
        strategy: {
            column: answers.less(reference[column])
            for column, answers in own.items()
            if column in reference
        }
        for strategy, own in cells.items()
        if strategy != REFERENCE
    }


def _table(cells: Cells, measure: Measure) -> str:
    """Lay out a strategy a line, a column per target and budget, and one for all of them."""
    columns = sorted(cells[max(cells, key=lambda name: len(cells[name]))])
    lines = [
        {
            "strategy": strategy,
            **{
                f"{target} {100 * budget:g}%": measure.show(measure.estimate(own[target, budget]))
                if (target, budget) in own
                else ""
                for target, budget in columns
            },
            "all": measure.show(_mean(own, measure)) if len(own) == len(columns) else "",
        }
        for strategy, own in cells.items()
    ]
    return markdown(pl.DataFrame(lines))


def _mean(cells: dict[Column, Answers], measure: Measure) -> Estimate:
    """Estimate over all columns: budgets share the questions, targets do not."""
    targets = dict.fromkeys(target for target, _ in cells)
    return mean_of(
        [
            measure.estimate(_merged([own for (t, _), own in cells.items() if t == target]))
            for target in targets
        ]
    )


def _merged(answers: list[Answers]) -> Answers:
    """Return the mean answers of the seeds that all have."""
    seeds = sorted(set[int].intersection(*({*own.seeds} for own in answers)))
    same = [own.only(seeds) for own in answers]
    return Answers(
        seeds=tuple(seeds),
        tokens=same[0].tokens,
        losses=np.mean([own.losses for own in same], axis=0),
        correct=np.mean([own.correct for own in same], axis=0),
    )


def _powers(estimate: Estimate, digits: int) -> str:
    low, high = np.exp(estimate.interval)
    return f"{np.exp(estimate.mean):.{digits}f} [{low:.{digits}f}, {high:.{digits}f}]"


def _cost(students: pl.DataFrame) -> str:
    means = students.group_by("target", "strategy", "budget", maintain_order=True).agg(
        pl.col("documents", "extraction_tokens", "pairs", "training_flops", "cpu_seconds").mean()
    )
    return markdown(
        means.sort("target", "budget", "strategy").select(
            "target",
            "strategy",
            budget=(100 * pl.col("budget")).round(1),
            documents=pl.col("documents").round().cast(pl.Int64),
            tokens=pl.col("extraction_tokens").round().cast(pl.Int64),
            extraction_flops=pl.col("extraction_tokens").map_elements(
                lambda tokens: f"{inference_flops(EXTRACTOR_PARAMETERS, tokens):.2e}",
                return_dtype=pl.String,
            ),
            pairs=pl.col("pairs").round().cast(pl.Int64),
            training_flops=pl.col("training_flops").map_elements(
                "{:.2e}".format, return_dtype=pl.String
            ),
            cpu_seconds=pl.col("cpu_seconds").round().cast(pl.Int64),
        )
    )
