"""Which cheap statistic of a pool of pairs predicts what a real student gains by it.

    python benchmarks/pool_statistics.py prepare --data DIR --out OUT
    python benchmarks/pool_statistics.py students --out OUT --student FOLDER --processes 14
    python benchmarks/pool_statistics.py tables --out OUT

`prepare` writes the pools of `pools.py` (what DIR holds is written in `known_pairs.py`) as cells of
`real_students.py`, and every statistic that needs no model but the embedder's vectors; `students`
tunes a student on each (`pool_students.py`; without a network, polars or DuckDB) and goes on where
it was stopped; `tables` compares.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable, Sequence
from pathlib import Path

from equal_assets.records import QAPair

SHUFFLED = "near 240"
"""The pool whose answers are also given to each other's questions."""
REPEATED = ("near 240", "nearest 4 a question")
"""Tuned again with another seed: how much of a gain is chance."""

Texts = Sequence[tuple[str, str]]


def prepare(data: Path, out: Path) -> None:
    """Write pools, questions and cheap statistics of every target."""
    from pool_measures import Measures
    from pools import draw_pools, read_grounds
    from real_students import Cell, write_cells

    (out / "questions").mkdir(parents=True, exist_ok=True)
    (out / "references").mkdir(exist_ok=True)
    rows = []
    for ground in read_grounds(data):
        write_pairs(out / "questions" / f"{ground.target}.jsonl", ground.test_pairs)
        write_pairs(out / "references" / f"{ground.target}.jsonl", ground.reference_pairs)
        measures = Measures(ground)
        known = tuple((pair.question, pair.answer) for pair in ground.reference_pairs)
        cells = [Cell(ground.target, "untuned", 0.0, 0)]
        cells.append(Cell(ground.target, "reference", 0.0, 0, known))  # what true pairs would give
        for (label, budget, seed), pool in draw_pools(ground).items():
            texts = [(pair.question, pair.answer) for pair in ground.texts(pool)]
            for name, again, named in variants(label, texts):
                cell = Cell(ground.target, name, budget, seed + again, tuple(named))
                found = measures.of(pool, [answer for _, answer in named])
                cells.append(cell)
                rows.append({"name": cell.name} | found)
        write_cells(out, cells)
        print(f"{ground.target}: {len(cells)} cells, {sum(len(c.pairs) for c in cells):,} pairs")
    (out / "statistics.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))


def variants(label: str, texts: Texts) -> list[tuple[str, int, Texts]]:
    """Return a pool, and beside some the same one with wrong answers, or for another seed."""
    found = [(label, 0, texts)]
    if label == SHUFFLED:
        answers = [answer for _, answer in texts]
        moved = [*answers[1:], answers[0]]  # they are in no order
        wrong = [(asked, said) for (asked, _), said in zip(texts, moved, strict=True)]
        found.append((f"{label}, wrong answers", 0, wrong))
    return found + [(label, 1, texts)] * (label in REPEATED)


def write_pairs(path: Path, pairs: Iterable[QAPair]) -> None:
    """Write pairs, one a line."""
    rows = [{"question": pair.question, "answer": pair.answer} for pair in pairs]
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows))


def main() -> None:
    """Do one step."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("step", choices=("prepare", "students", "tables"))
    parser.add_argument("--data", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--student", type=Path, help="folder of transformers")
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=float("inf"), help="then begin no student")
    options = parser.parse_args()
    if options.step == "prepare":
        prepare(options.data, options.out)
    elif options.step == "students":
        from pool_students import tune_all

        folder = options.student.resolve()
        tune_all(options.out, folder, processes=options.processes, seconds=options.seconds)
    else:
        from pool_tables import print_tables

        print_tables(options.out)


if __name__ == "__main__":
    main()
