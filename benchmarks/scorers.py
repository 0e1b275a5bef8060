"""Reference answers through the scorers of generated answers: all of them have to be right.

    python benchmarks/scorers.py --data DIR [--workers 2]

DIR holds JSON Lines of GSM8K, MATH and MBPP, ``gsm8k-test.jsonl`` and so on. Each true answer is
scored as if a student had written it. Lists every miss with its reason, and exits with 1 if fewer
are right than have to be.
"""

from __future__ import annotations

import argparse
import functools
import json
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from equal_assets.algorithms.judging.numbers import number_verdicts
from equal_assets.algorithms.judging.verdicts import Verdict
from equal_assets.progress import silent
from equal_assets.resources.judges.code_judge import code_verdicts
from equal_assets.resources.judges.math_judge import math_verdicts
from equal_assets.resources.judges.sandbox import Limits
from equal_assets.resources.targets.reading import CodeTests

LIMITS = Limits(seconds=10, memory_mb=1024)
Row = dict[str, Any]


@dataclass(frozen=True)
class Scored:
    """The reference answers of one target, scored in one way."""

    name: str
    bar: float
    ids: list[str]
    verdicts: list[Verdict]
    seconds: float

    @property
    def n_correct(self) -> int:
        """Answers found right."""
        return sum(verdict.is_correct for verdict in self.verdicts)

    @property
    def is_held(self) -> bool:
        """Whether as many are right as have to be."""
        return self.n_correct >= self.bar * len(self.ids) > 0


def main() -> None:
    """Score, print a Markdown table and the misses."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--workers", type=int, default=2)
    arguments = parser.parse_args()
    print("| target | scorer | answers | right | bar | seconds |")
    print("| --- | --- | ---: | ---: | ---: | ---: |")
    done = []
    for scored in _scored(arguments.data, arguments.workers):
        share = scored.n_correct / len(scored.ids)
        print(
            f"| {scored.name} | {len(scored.ids):,} | {scored.n_correct:,} ({share:.2%}) | "
            f"{scored.bar:.0%} | {scored.seconds:.1f} |",
            flush=True,
        )
        done.append(scored)
    for scored in done:
        for row, verdict in zip(scored.ids, scored.verdicts, strict=True):
            if not verdict.is_correct:
                print(f"{scored.name}: {row}: {verdict.reason}")
    raise SystemExit(0 if all(scored.is_held for scored in done) else 1)


def _scored(folder: Path, n_workers: int) -> Iterator[Scored]:
    gsm8k, math, mbpp = (_rows(folder, name) for name in ("gsm8k", "math", "mbpp"))

    def number(rows: Sequence[Row], is_strict: bool, reference: str) -> list[Verdict]:
        answers = [row["answer"] for row in rows]
        return number_verdicts(answers, [row[reference] for row in rows], is_strict=is_strict)

    def mathematics(rows: Sequence[Row]) -> list[Verdict]:
        answers = [row["answer"] for row in rows]
        return math_verdicts(
            answers,
            [row["final_answer"] for row in rows],
            seconds=LIMITS.seconds,
            memory_mb=LIMITS.memory_mb,
            n_workers=n_workers,
            progress=silent,
        )

    def code(rows: Sequence[Row]) -> list[Verdict]:
        return code_verdicts(
            [row["answer"] for row in rows],
            [_tests(row) for row in rows],
            limits=LIMITS,
            n_workers=n_workers,
            progress=silent,
        )

    for form, is_strict in (("strict", True), ("flexible", False)):
        for reference in ("answer", "final_answer"):
            judge = functools.partial(number, is_strict=is_strict, reference=reference)
            yield _timed(f"GSM8K | number, {form}, against {reference}", gsm8k, judge, bar=1.0)
    yield _timed("MATH | math", math, mathematics, bar=1.0)
    yield _timed("MBPP | code", mbpp, code, bar=0.99)


def _rows(folder: Path, target: str) -> list[Row]:
    paths = sorted(folder.glob(f"{target}-*.jsonl"))
    if not paths:
        raise SystemExit(f"{folder} holds no {target}-*.jsonl: name the folder of the targets")
    return [json.loads(line) for path in paths for line in path.open(encoding="utf-8")]


def _tests(row: Row) -> CodeTests:
    statements = row["test_list"]
    if isinstance(statements, str):
        statements = [statements]
    return CodeTests(
        prefix="", tests="\n".join([row["test_setup_code"], *statements]), answer=row["answer"]
    )


def _timed(
    name: str, rows: list[Row], judge: Callable[[list[Row]], list[Verdict]], *, bar: float
) -> Scored:
    started = time.perf_counter()
    verdicts = judge(rows)
    seconds = time.perf_counter() - started
    return Scored(name, bar, [row["id"] for row in rows], verdicts, seconds)


if __name__ == "__main__":
    main()
