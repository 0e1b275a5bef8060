"""Tables of `pool_statistics.py`: what predicts a student's gain, and what to keep of a pool."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from pathlib import Path

import numpy as np
from pool_students import distinct_pairs
from pools import BOUGHT, BUDGET
from real_students import Cell, read_cells
from scipy.stats import rankdata, spearmanr

from equal_assets.algorithms.judging.metrics import coverage
from equal_assets.algorithms.optimal_transport import cosine_cost, ot_cost

CONTROLS = ("untuned", "reference", "near 240, wrong answers")
"""Not pools that a statistic of vectors could tell from others."""
NAMES = ("name", "pool", "seed", "target")
N_DRAWS = 500
LARGEST_SET = 3
SHORTLIST = 14
"""Statistics that are tried together: the best ones of the other targets."""


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
    gains: np.ndarray
    tokens: np.ndarray
    statistics: dict[str, float] = field(default_factory=dict)

    @property
    def gain(self) -> float:
        """Nats per token by which the student is better than the untuned one."""
        return float(self.gains.sum() / self.tokens.sum())

    @property
    def error(self) -> float:
        """Standard error of the gain over questions like these."""
        residuals = self.gains - self.gain * self.tokens
        n = len(residuals)
        return float(np.sqrt(n / (n - 1) * (residuals**2).sum()) / self.tokens.sum())


def print_tables(out: Path) -> None:
    """Print all tables."""
    pools = read_pools(out)
    targets = list(dict.fromkeys(pool.target for pool in pools))
    compared = [pool for pool in pools if pool.name not in CONTROLS and not pool.seed]
    print(f"{len(pools)} students on {len(targets)} targets, {len(compared)} of them compared\n")
    _print_noise(pools)
    _print_correlations(compared, targets)
    _print_sets(compared, targets)
    _print_kept(compared, targets)
    _print_pools(pools, targets)


def read_pools(out: Path) -> list[Pool]:
    """Return the pools whose student is done, with every statistic."""
    cells = read_cells(out)
    rows = [json.loads(line) for line in (out / "statistics.jsonl").read_text().splitlines()]
    known = {row["name"]: row for row in rows}
    pools = []
    for target in dict.fromkeys(row["target"] for row in rows):
        untuned = _answers(out, Cell(target, "untuned", 0.0, 0))
        of_student = _StudentMeasures(out, target, cells)
        for cell in [cell for cell in cells if cell.target == target and cell.pairs]:
            answers = _answers(out, cell)
            if answers is None or untuned is None:
                continue
            row = known.get(cell.name, {})
            statistics = {key: value for key, value in row.items() if key not in NAMES}
            gains = {
                name: answers[f"{name}_log_probability"] - untuned[f"{name}_log_probability"]
                for name in ("questions", "references")
            }
            statistics["gain_on_reference"] = float(
                gains["references"].sum() / answers["references_tokens"].sum()
            )
            pools.append(
                Pool(
                    target,
                    cell.strategy,
                    cell.budget,
                    cell.seed,
                    gains["questions"],
                    answers["questions_tokens"],
                    statistics | of_student.of(cell),
                )
            )
    return pools


def _answers(out: Path, cell: Cell) -> dict[str, np.ndarray] | None:
    path = out / "answers" / f"{cell.name}.npz"
    if not path.exists():
        return None
    with np.load(path) as known:
        return dict(known)


class _StudentMeasures:
    """Statistics of a pool by what the untuned student makes of its pairs."""

    def __init__(self, out: Path, target: str, cells: Sequence[Cell]) -> None:
        path = out / "measures" / f"{target}.npz"
        self._is_known = path.exists()
        if not self._is_known:
            return
        pairs = distinct_pairs(cells, target)
        self._places = {pair: place for place, pair in enumerate(pairs)}
        with np.load(path) as known:
            tokens = known["tokens"].astype(float)
            before, after = (-known[key] / tokens for key in BEFORE_AND_AFTER)
            states = known["hidden"] * known["scales"]
        n = len(pairs)
        self._tokens, self._before, self._after = tokens[:n], before[:n], after[:n]
        self._reference_loss = float(before[n:] @ tokens[n:] / tokens[n:].sum())
        centered = states - states[:n].mean(axis=0)
        centered /= states[:n].std(axis=0) + 1e-9  # few dimensions have almost all of the length
        units = centered / np.linalg.norm(centered, axis=1, keepdims=True)
        self._hidden, self._reference = units[:n], units[n:]
        self._log_lengths = np.log(tokens[n:])

    def of(self, cell: Cell) -> dict[str, float]:
        if not self._is_known:
            return {}
        rows = np.array([self._places[pair] for pair in cell.pairs])
        tokens, before, after = self._tokens[rows], self._before[rows], self._after[rows]
        drop = before - after
        cost = cosine_cost(self._hidden[rows], self._reference)
        apart = abs(np.log(tokens)[:, None] - self._log_lengths)
        mean_loss = float(before @ tokens / tokens.sum())
        return {
            "student_tokens": float(tokens.sum()),
            "student_mean_tokens": float(tokens.mean()),
            "loss": mean_loss,
            "loss_mismatch": abs(mean_loss - self._reference_loss),
            "loss_of_a_pair": float(before.mean()),
            "loss_drop": float(drop @ tokens / tokens.sum()),
            "loss_drop_of_a_pair": float(drop.mean()),
            "relative_loss_drop": float((drop / before).mean()),
            "loss_drop_sum": float(drop @ tokens),
            "log_loss_drop_sum": float(np.log(max(1.0, drop @ tokens))),
            "share_with_loss_drop": float((drop > 0).mean()),
            "hidden_ot": ot_cost(cost),
            "hidden_coverage": coverage(1.0 - cost),
            "hidden_mean_best": float((1.0 - cost).max(axis=1).mean()),
            "hidden_ot_length_0.2": ot_cost(cost + 0.2 * apart),
            "hidden_coverage_length_0.2": coverage(1.0 - cost - 0.2 * apart),
        }


BEFORE_AND_AFTER = ("log_probability", "log_probability_after")


# ---- correlations --------------------------------------------------------------------------------


def _of_target(pools: Iterable[Pool], target: str) -> list[Pool]:
    return [pool for pool in pools if pool.target == target]


def _correlation(values: np.ndarray, gains: np.ndarray) -> float:
    if len(set(values)) < 2:
        return 0.0
    return float(spearmanr(values, gains).statistic)


def _values(pools: Sequence[Pool], statistic: str) -> np.ndarray:
    return np.array([pool.statistics[statistic] for pool in pools])


def _gains(pools: Sequence[Pool]) -> np.ndarray:
    return np.array([pool.gain for pool in pools])


def correlations(pools: Sequence[Pool], statistic: str, targets: Sequence[str]) -> np.ndarray:
    """Return the rank correlation of a statistic with the gain on each target."""
    groups = [_of_target(pools, target) for target in targets]
    return np.array([_correlation(_values(group, statistic), _gains(group)) for group in groups])


def interval(
    pools: Sequence[Pool], statistic: str, targets: Sequence[str], *, baseline: str | None = None
) -> tuple[float, float]:
    """Return the 95% interval of the mean correlation over draws of the pools of each target.

    With a baseline, of the difference to that statistic's.
    """
    rng = np.random.default_rng(0)
    means = []
    groups = [_of_target(pools, target) for target in targets]
    columns = [
        (_values(group, statistic), _values(group, baseline or statistic), _gains(group))
        for group in groups
    ]
    for _ in range(N_DRAWS):
        found = []
        for values, others, gains in columns:
            rows = rng.integers(len(gains), size=len(gains))
            one = _correlation(values[rows], gains[rows])
            found.append(one - _correlation(others[rows], gains[rows]) if baseline else one)
        means.append(np.mean(found))
    low, high = np.quantile(means, (0.025, 0.975))
    return float(low), float(high)


def _print_noise(pools: Sequence[Pool]) -> None:
    again = [
        (pool.gain, other.gain)
        for pool in pools
        for other in pools
        if (pool.target, pool.name, pool.seed, other.seed) == (other.target, other.name, 0, 1)
    ]
    if again:
        first, second = np.array(again).T
        spread = float(np.sqrt(((first - second) ** 2).mean() / 2))
        print(f"{len(again)} pools tuned twice: a gain has a deviation of {spread:.4f} by the seed")
    errors = [pool.error for pool in pools]
    print(f"Standard error of a gain over questions: {np.median(errors):.4f} (median)\n")


def _print_correlations(pools: Sequence[Pool], targets: Sequence[str]) -> None:
    print("## Rank correlation with the gain\n")
    print("| statistic | " + " | ".join(targets) + " | mean | 95% | less OT's, 95% |")
    print("| --- |" + " ---: |" * (len(targets) + 1) + " --- | --- |")
    found = {name: correlations(pools, name, targets) for name in pools[0].statistics}
    for name in sorted(found, key=lambda name: -abs(found[name].mean())):
        sign = np.sign(found[name].mean()) or 1.0
        low, high = interval(pools, name, targets)
        signed = _signed(pools, name, sign)
        worse, better = interval(signed, name, targets, baseline="minus_ot")
        each = " | ".join(f"{value:+.2f}" for value in found[name])
        print(
            f"| {name} | {each} | {found[name].mean():+.3f} | [{low:+.2f}, {high:+.2f}] | "
            f"[{worse:+.2f}, {better:+.2f}] |"
        )
    print()


def _signed(pools: Sequence[Pool], statistic: str, sign: float) -> list[Pool]:
    """Return pools whose statistic, and minus OT, both rise with what is hoped for."""
    return [
        Pool(
            **{
                **vars(pool),
                "statistics": {
                    statistic: sign * pool.statistics[statistic],
                    "minus_ot": -pool.statistics["ot"],
                },
            }
        )
        for pool in pools
    ]


# ---- several statistics together -----------------------------------------------------------------


def _ranks(pools: Sequence[Pool], statistic: Callable[[Pool], float]) -> np.ndarray:
    """Return ranks within a target, from -1 to 1."""
    ranks = rankdata([statistic(pool) for pool in pools])
    return 2.0 * (ranks - 1.0) / max(1, len(pools) - 1) - 1.0


def _print_sets(pools: Sequence[Pool], targets: Sequence[str]) -> None:
    print("## Statistics together, a target left out\n")
    cheap = [name for name in pools[0].statistics if name not in _known_too_late(pools)]
    student = [name for name in cheap if name in STUDENT]
    for label, names in (
        ("without a model", [name for name in cheap if name not in student]),
        ("with the untuned student's", cheap),
    ):
        for size in range(1, LARGEST_SET + 1):
            left_out = {
                target: _leave_out(pools, targets, target, names, size) for target in targets
            }
            mean = np.mean([value for value, _ in left_out.values()])
            each = "; ".join(
                f"{target} {value:+.2f} ({', '.join(of)})"
                for target, (value, of) in left_out.items()
            )
            print(f"- {label}, {size}: **{mean:+.3f}** on the target left out: {each}")
    print()


STUDENT = {
    "student_tokens", "student_mean_tokens", "loss", "loss_mismatch", "loss_of_a_pair", "loss_drop",
    "loss_drop_of_a_pair", "relative_loss_drop", "loss_drop_sum", "log_loss_drop_sum",
    "share_with_loss_drop", "hidden_ot", "hidden_coverage", "hidden_mean_best",
    "hidden_ot_length_0.2", "hidden_coverage_length_0.2",
}  # fmt: skip


def _known_too_late(pools: Sequence[Pool]) -> set[str]:
    """Return what needs the test set, or a student tuned on the pool."""
    return {name for name in pools[0].statistics if name.endswith("_test")} | {"gain_on_reference"}


def _leave_out(
    pools: Sequence[Pool],
    targets: Sequence[str],
    left_out: str,
    names: Sequence[str],
    size: int,
) -> tuple[float, tuple[str, ...]]:
    """Choose and weigh statistics on the other targets; return the correlation on the one left out.

    The fit is by least squares of ranks within a target.
    """
    groups = {target: _of_target(pools, target) for target in targets}
    columns = {
        (target, name): _ranks(group, lambda pool, name=name: pool.statistics[name])
        for target, group in groups.items()
        for name in names
    }
    gains = {target: _ranks(group, lambda pool: pool.gain) for target, group in groups.items()}
    others = [target for target in targets if target != left_out]

    def fit(of: Sequence[str], on: Sequence[str]) -> np.ndarray:
        known = np.concatenate(
            [np.stack([columns[target, name] for name in of], axis=1) for target in on]
        )
        return np.linalg.lstsq(known, np.concatenate([gains[target] for target in on]), rcond=None)[
            0
        ]

    def judged(of: Sequence[str], weights: np.ndarray, target: str) -> float:
        found = np.stack([columns[target, name] for name in of], axis=1) @ weights
        return _correlation(found, gains[target])

    def quality(of: Sequence[str]) -> float:
        """Leave each of the other targets out in turn."""
        return float(
            np.mean(
                [
                    judged(of, fit(of, [known for known in others if known != target]), target)
                    for target in others
                ]
            )
        )

    single = sorted(names, key=lambda name: -quality([name]))[:SHORTLIST]
    best = max(combinations(single, size), key=quality)
    return judged(best, fit(best, others), left_out), best


# ---- what to keep --------------------------------------------------------------------------------


def _print_kept(pools: Sequence[Pool], targets: Sequence[str]) -> None:
    print("## What to keep of what was bought: gain less that of keeping all, nats per token\n")
    for strategy, ways in BOUGHT.items():
        labels = [f"{strategy} {way}" for way in ways]
        known = {
            (pool.name, pool.target): pool
            for pool in pools
            if pool.name in labels and pool.budget == BUDGET
        }
        whole = [target for target in targets if all((label, target) in known for label in labels)]
        base = f"{strategy} all" if f"{strategy} all" in labels else labels[0]
        if len(labels) < 2 or not whole:
            continue
        print(f"| {strategy} | " + " | ".join(whole) + " | mean |")
        print("| --- |" + " ---: |" * (len(whole) + 1))
        losses = {}
        for label in labels:
            apart = [_apart(known[label, target], known[base, target]) for target in whole]
            losses[label] = np.array([value for value, _ in apart])
            each = " | ".join(f"{value:+.4f} ±{error:.4f}" for value, error in apart)
            print(f"| {label.removeprefix(strategy)} | {each} | {losses[label].mean():+.4f} |")
        _print_halves(losses)
    _print_kept_of_all(pools, targets)


def _print_kept_of_all(pools: Sequence[Pool], targets: Sequence[str]) -> None:
    labels = [f"nearest {n} a question" for n in (1, 2, 4, 8)]
    print("| nearest of all pairs | " + " | ".join(targets) + " | mean |")
    print("| --- |" + " ---: |" * (len(targets) + 1))
    for label in labels:
        found = {pool.target: pool for pool in pools if pool.name == label}
        each = [f"{found[target].gain:+.4f}" if target in found else "" for target in targets]
        print(
            f"| {label} | {' | '.join(each)} | {np.mean([p.gain for p in found.values()]):+.4f} |"
        )
    print()


def _apart(pool: Pool, base: Pool) -> tuple[float, float]:
    """Return how much more is gained than by another pool, and its standard error, paired."""
    both = Pool(pool.target, "", 0.0, 0, pool.gains - base.gains, pool.tokens)
    return both.gain, both.error


def _print_halves(losses: dict[str, np.ndarray]) -> None:
    """Choose on half of the targets, report on the other half, over all ways to halve them."""
    n = len(next(iter(losses.values())))
    chosen: dict[str, int] = {}
    found = []
    for half in combinations(range(n), n // 2):
        other = [place for place in range(n) if place not in half]
        best = max(losses, key=lambda label: losses[label][list(half)].mean())
        chosen[best] = chosen.get(best, 0) + 1
        found.append(losses[best][other].mean())
    if found:
        print(
            f"\nChosen on half of the targets: {chosen}; on the other half {np.mean(found):+.4f}\n"
        )


def _print_pools(pools: Sequence[Pool], targets: Sequence[str]) -> None:
    for target in targets:
        print(f"## {target}\n")
        print("| pool | pairs | answer tokens a pair | OT | coverage | gain | s.e. |")
        print("| --- | ---: | ---: | ---: | ---: | ---: | ---: |")
        for pool in sorted(_of_target(pools, target), key=lambda pool: -pool.gain):
            known = pool.statistics
            name = f"{pool.name}, again" if pool.seed else pool.name
            each = [
                f"{known[key]:{form}}" if key in known else ""
                for key, form in (
                    ("n_pairs", ".0f"),
                    ("mean_answer_tokens", ".0f"),
                    ("ot", ".3f"),
                    ("coverage", ".3f"),
                )
            ]
            print(f"| {name} | {' | '.join(each)} | {pool.gain:+.4f} | {pool.error:.4f} |")
        print()
