"""Tables of `pool_statistics.py`: what predicts a student's gain, what to keep, which strategy."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from itertools import combinations
from pathlib import Path

import numpy as np
import polars as pl
from markdown import markdown
from paired import Estimate, crossed_mean, mean_of
from pools import BOUGHT, DOMAINS, KEPT_AGAIN, STRATEGIES, TASKS
from real_students import Cell, read_cells
from scipy.stats import rankdata

CONTROLS = ("untuned", "reference", "near 240, wrong answers")
"""Not pools that a statistic of vectors could tell from others."""
TARGETS = (*TASKS, *DOMAINS)
OT = "ot"
ORACLE = "tuned student's gain on the reference"
"""Known too late to choose by."""
N_DRAWS = 500


@dataclass(frozen=True)
class Pool:
    """A pool that a student was tuned on.

    Attributes
    ----------
    gains, tokens : ndarray of shape (n_questions,)
        Of each true answer: nats by which it is likelier than to the untuned student, and tokens.
    statistics : dict
    """

    target: str
    name: str
    budget: float
    seed: int
    pairs: frozenset[tuple[str, str]]
    gains: np.ndarray
    tokens: np.ndarray
    statistics: dict[str, float] = field(default_factory=dict)

    @property
    def gain(self) -> float:
        """Nats per token by which the student is better than the untuned one."""
        return float(self.gains.sum() / self.tokens.sum())


def print_tables(out: Path) -> None:
    """Print all tables."""
    pools = read_pools(out)
    n = sum(bool(cell.pairs) for cell in read_cells(out))
    print(f"{len(pools)} of {n} students are tuned. Gain: nats per token, less untuned.\n")
    errors = {target: f"{error.variance**0.5:.4f}" for target, error in seed_errors(pools).items()}
    print(f"Deviation of a gain by the seed: {errors}\n")
    print_gains(pools)
    compared = distinct([pool for pool in pools if pool.name not in CONTROLS])
    for label, some in (("All pools", compared), ("Bought", [p for p in compared if p.budget])):
        print_correlations(label, some)
        print_choices(label, some)
    print_kept([pool for pool in pools if not pool.seed])
    for way in KEPT_AGAIN:
        print_apart(pools, f"equal {way}", [f"{other} {way}" for other in STRATEGIES[1:]])
    *others, best = KEPT_AGAIN
    for strategy in STRATEGIES:
        print_apart(pools, f"{strategy} {best}", [f"{strategy} {way}" for way in others])


def read_pools(out: Path) -> list[Pool]:
    """Return the pools whose student is done, with every statistic."""
    cells = read_cells(out)
    rows = [json.loads(line) for line in (out / "statistics.jsonl").read_text().splitlines()]
    known = {row.pop("name"): row for row in rows}
    pools = []
    for target in TARGETS:
        untuned = _answers(out, Cell(target, "untuned", 0.0, 0))
        for cell in [cell for cell in cells if cell.target == target and cell.pairs]:
            answers = _answers(out, cell)
            if answers is None or untuned is None:
                continue
            gains = {
                of: answers[f"{of}_log_probability"] - untuned[f"{of}_log_probability"]
                for of in ("questions", "references")
            }
            statistics = known.get(cell.name, {})  # the reference set is no pool
            statistics[ORACLE] = gains["references"].sum() / answers["references_tokens"].sum()
            named = (target, cell.strategy, cell.budget, cell.seed, frozenset(cell.pairs))
            tokens = answers["questions_tokens"]
            pools.append(Pool(*named, gains["questions"], tokens, statistics))
    return pools


def _answers(out: Path, cell: Cell) -> dict[str, np.ndarray] | None:
    path = out / "answers" / f"{cell.name}.npz"
    if not path.exists():
        return None
    with np.load(path) as known:
        return dict(known)


def distinct(pools: Sequence[Pool]) -> list[Pool]:
    """Return pools that differ; of the same pairs, with two seeds, the mean of both students."""
    groups: dict[tuple, list[Pool]] = {}
    for pool in pools:
        groups.setdefault((pool.target, pool.pairs), []).append(pool)
    return [
        replace(group[0], gains=np.mean([pool.gains for pool in group], axis=0))
        for group in groups.values()
    ]


def seed_errors(pools: Sequence[Pool]) -> dict[str, Estimate]:
    """Return for each target the variance of a gain by the seed, over all pools that have two.

    Two seeds tell little of a pool's own variance.
    """
    found = {}
    for target in TARGETS:
        first, second = (
            {pool.name: pool.gain for pool in pools if (pool.target, pool.seed) == (target, seed)}
            for seed in (0, 1)
        )
        apart = np.array([first[name] - second[name] for name in first if name in second])
        found[target] = Estimate(0.0, float((apart**2).mean() / 2), len(apart))
    return found


def print_gains(pools: Sequence[Pool]) -> None:
    """Print the gain of every pool on every target."""
    rows = []
    for name, seed in dict.fromkeys((pool.name, pool.seed) for pool in pools):
        found = {p.target: p for p in pools if (p.name, p.seed) == (name, seed)}
        gains = {target: pool.gain for target, pool in found.items()}
        sizes = [pool.statistics.get("n_pairs", np.nan) for pool in found.values()]
        row = {"pool": name, "seed": seed, "pairs": f"{np.mean(sizes):.0f}"}
        rows.append(row | _per_target(gains))
    _print("Gain", sorted(rows, key=lambda row: -float(row["mean"])))


def _per_target(values: dict[str, float]) -> dict[str, str]:
    each = {t: f"{values[t]:+.3f}" if t in values else "" for t in TARGETS}
    return each | {"mean": f"{np.mean(list(values.values())):+.3f}"}


def _print(title: str, rows: Sequence[dict[str, object]]) -> None:
    print(f"## {title}\n\n{markdown(pl.DataFrame(rows))}\n")


# ---- correlations --------------------------------------------------------------------------------


def _correlation(values: np.ndarray, gains: np.ndarray) -> float:
    if len(set(values)) < 2:
        return 0.0
    return float(np.corrcoef(rankdata(values), rankdata(gains))[0, 1])


def _columns(
    pools: Sequence[Pool], names: Sequence[str]
) -> Iterable[tuple[np.ndarray, np.ndarray]]:
    """Yield statistics (n_names, n_pools) and gains of each target's pools."""
    for target in TARGETS:
        group = [pool for pool in pools if pool.target == target]
        values = [[pool.statistics[name] for pool in group] for name in names]
        yield np.array(values), np.array([pool.gain for pool in group])


def correlations(pools: Sequence[Pool], name: str) -> np.ndarray:
    """Return the rank correlation of a statistic with the gain on each target."""
    return np.array([_correlation(values[0], gains) for values, gains in _columns(pools, [name])])


def drawn_correlations(pools: Sequence[Pool], name: str) -> tuple[np.ndarray, np.ndarray]:
    """Return mean correlations of a statistic and of OT over draws of the pools of each target."""
    rng = np.random.default_rng(0)
    means = []
    columns = list(_columns(pools, [name, OT]))
    for _ in range(N_DRAWS):
        found = []
        for values, gains in columns:
            rows = rng.integers(len(gains), size=len(gains))
            found.append([_correlation(each[rows], gains[rows]) for each in values])
        means.append(np.mean(found, axis=0))
    of_name, of_ot = np.array(means).T
    return of_name, of_ot


def print_correlations(label: str, pools: Sequence[Pool]) -> None:
    """Print how well each statistic ranks the pools of a target, and how much better than OT."""
    rows = []
    for name in pools[0].statistics:
        each = correlations(pools, name)
        drawn, ot = drawn_correlations(pools, name)
        row = {"statistic": name} | _per_target(dict(zip(TARGETS, each, strict=True)))
        row |= {"95%": _interval(drawn), "over OT": _interval(abs(drawn) - abs(ot))}
        rows.append(row)
    rows.sort(key=lambda row: -abs(float(row["mean"])))
    _print(f"{label}, {len(pools)}: rank correlation with the gain", rows)


def _interval(drawn: np.ndarray) -> str:
    low, high = np.quantile(drawn, (0.025, 0.975))
    return f"[{low:+.2f}, {high:+.2f}]"


def print_choices(label: str, pools: Sequence[Pool]) -> None:
    """Print the statistic that is best on some targets, its sign too, and what it is on others."""
    found = {name: correlations(pools, name) for name in pools[0].statistics if name != ORACLE}
    halves = [(TASKS, DOMAINS), (DOMAINS, TASKS)]
    left_out = [([t for t in TARGETS if t != target], [target]) for target in TARGETS]
    rows = []
    for on, reported in halves + left_out:
        seen, other = ([TARGETS.index(target) for target in side] for side in (on, reported))
        best = max(found, key=lambda name, seen=seen: abs(found[name][seen].mean()))
        sign = np.sign(found[best][seen].mean())
        rows.append(
            {
                "reported on": ", ".join(reported),
                "chosen on the others": best,
                "there": f"{abs(found[best][seen].mean()):.2f}",
                "correlation": f"{sign * found[best][other].mean():.2f}",
                "OT's": f"{-found[OT][other].mean():.2f}",
                "F's": f"{found['F'][other].mean():.2f}",
            }
        )
    _print(f"{label}: chosen on some targets, reported on others", rows)


# ---- what to keep, and which strategy ------------------------------------------------------------


def print_kept(pools: Sequence[Pool]) -> None:
    """Print the gain by what is kept, and of the rule that is best on half of the targets."""
    halves = [(TASKS, DOMAINS), (DOMAINS, TASKS)]
    splits = list(combinations(TARGETS, len(TARGETS) // 2))
    for (strategy, seed), ways in BOUGHT.items():
        known = {
            way: {pool.target: pool.gain for pool in pools if pool.name == f"{strategy} {way}"}
            for way in ways
        }
        gains = {way: found for way, found in known.items() if len(found) == len(TARGETS)}
        if seed or len(gains) < 2:
            continue
        rows = [{"kept": way} | _per_target(found) for way, found in gains.items()]
        _print(f"{strategy}, seed {seed}: gain by what is kept", rows)
        for half, other in halves:
            best, gain = _best_of(gains, half, other)
            print(f"- chosen on {', '.join(half)}: {best}; on the others {gain:+.3f}")
        found = [_best_of(gains, half, [t for t in TARGETS if t not in half]) for half in splits]
        times = Counter(best for best, _ in found).most_common()
        mean = np.mean([gain for _, gain in found])
        print(f"- chosen on each of {len(found)} halves: {times}; on the others {mean:+.3f}\n")


def _best_of(
    gains: dict[str, dict[str, float]], on: Sequence[str], reported: Sequence[str]
) -> tuple[str, float]:
    best = max(gains, key=lambda way: np.mean([gains[way][target] for target in on]))
    return best, float(np.mean([gains[best][target] for target in reported]))


def print_apart(pools: Sequence[Pool], first: str, others: Sequence[str]) -> None:
    """Print how much more a pool gains than others, paired by question and seed of selection."""
    known = {(pool.name, pool.target, pool.seed): pool for pool in pools}
    errors = seed_errors(pools)
    rows = []
    for other in others:
        seeds = [
            seed
            for seed in (0, 1)
            if all((name, t, seed) in known for name in (first, other) for t in TARGETS)
        ]
        if not seeds:
            continue
        apart = {
            target: _apart(
                [known[first, target, seed] for seed in seeds],
                [known[other, target, seed] for seed in seeds],
                errors[target],
            )
            for target in TARGETS
        }
        apart["mean"] = mean_of(list(apart.values()))
        row = {"less": other, "seeds": len(seeds)}
        row |= {target: _estimate(found) for target, found in apart.items()}
        rows.append(row | {"perplexity": f"{np.exp(-apart['mean'].mean):.3f}"})
    _print(f"{first}: how much more it gains", rows)


def _apart(first: Sequence[Pool], other: Sequence[Pool], seed_error: Estimate) -> Estimate:
    """Estimate a difference whose error has a part by questions and one by seeds."""
    gains = np.mean([one.gains - two.gains for one, two in zip(first, other, strict=True)], axis=0)
    of_questions = crossed_mean(gains[None], first[0].tokens)
    by_seed = 2.0 * seed_error.variance / len(first)
    variance = of_questions.variance + by_seed
    parts = of_questions.variance**2 / of_questions.freedom + by_seed**2 / seed_error.freedom
    return Estimate(of_questions.mean, variance, variance**2 / parts)


def _estimate(found: Estimate) -> str:
    low, high = found.interval
    return f"{found.mean:+.3f} [{low:+.3f}, {high:+.3f}]"
