"""What the rules of the data set take among many pairs: seconds, and pairs removed by each.

    python benchmarks/removal.py --data DIR [--pairs 20000]

DIR holds `corpus.parquet`, whose column `qa_pairs` lists `question` and `answer`, and
`targets/*-test.jsonl`, against whose questions leaks are looked for. Each rule sees all pairs; the
embedding of the questions is timed apart.
"""

from __future__ import annotations

import argparse
import json
import resource
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl
from markdown import markdown

from equal_assets.algorithms.decontamination import ProtectedQuestions
from equal_assets.algorithms.deduplication import equal_pairs, near_duplicates, same_meaning
from equal_assets.records import QAPair
from equal_assets.resources.embedding.question_vectors import embed_questions
from equal_assets.settings import DatasetSettings, quiet_libraries


def main() -> None:
    """Time each rule and print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--pairs", type=int, default=20_000)
    options = parser.parse_args()
    quiet_libraries()
    rules, rows = DatasetSettings(), []
    pairs = sample_pairs(options.data / "corpus.parquet", options.pairs)
    questions = [pair.question for pair in pairs]
    tests = [
        QAPair(row["question"], row["answer"])
        for path in sorted(options.data.glob("targets/*-test.jsonl"))
        for row in map(json.loads, path.read_text(encoding="utf-8").splitlines())
    ]

    def timed(rule: str, work: Callable[[], list]) -> list:
        wall, cpu = time.perf_counter(), time.process_time()
        found = work()
        removed = sum(item is not None for item in found) if isinstance(found, list) else None
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
        rows.append((rule, len(pairs), removed, round(wall, 1), round(cpu, 1), peak))
        return found

    vectors: np.ndarray = timed("embed the questions", lambda: embed_questions(questions))
    protected = ProtectedQuestions(
        tests,
        n=rules.ngram_words,
        vectors=embed_questions([pair.question for pair in tests]),
        similarity=rules.leak_similarity,
    )
    timed(f"leaks of {len(tests):,} questions", lambda: protected.find_leaks(pairs, vectors))
    timed("repeated pair", lambda: equal_pairs(pairs))
    timed("near-duplicate", lambda: near_duplicates(pairs, threshold=rules.near_duplicate))
    timed("same meaning", lambda: same_meaning(questions, vectors, threshold=rules.same_meaning))
    named = ["rule", "pairs", "removed", "wall s", "CPU s", "peak MiB so far"]
    print(markdown(pl.DataFrame(rows, schema=named, orient="row")))


def sample_pairs(path: Path, n_pairs: int) -> list[QAPair]:
    """Draw pairs of a corpus, with a fixed seed."""
    pairs = pl.read_parquet(path, columns=["qa_pairs"]).explode("qa_pairs").drop_nulls()
    drawn = pairs.unnest("qa_pairs").sample(min(n_pairs, len(pairs)), seed=1, shuffle=True)
    return [QAPair(*row) for row in drawn.select("question", "answer").iter_rows()]


if __name__ == "__main__":
    main()
