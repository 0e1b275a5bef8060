"""How many leaks and how many sound pairs the nearness of questions finds, for each threshold.

    python benchmarks/leaks.py --data DIR [--pairs 10000] [--embedder static-minilm]

DIR holds `corpus.parquet`, whose column `qa_pairs` lists `question` and `answer`, and
`targets/NAME-test.jsonl`. Leaks are the questions of `leak_paraphrases.jsonl`: test questions in
other words, written by hand. Sound pairs are drawn from the corpus, which shares none with them.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from tempfile import gettempdir

import numpy as np
from removal import sample_pairs

from equal_assets.progress import silent
from equal_assets.resources.embedding.embedder import BUNDLED_MODEL, Embedder
from equal_assets.settings import quiet_libraries

THRESHOLDS = (0.75, 0.80, 0.85, 0.90)
PARAPHRASES = Path(__file__).with_name("leak_paraphrases.jsonl")
DEMO = Path(__file__).parents[1] / "equal_assets" / "demo" / "test.jsonl"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--pairs", type=int, default=10_000)
    parser.add_argument("--embedder", default=BUNDLED_MODEL)
    options = parser.parse_args()
    quiet_libraries()
    embed = _embedder(options.embedder)
    leaks = _rows(PARAPHRASES)
    pairs = sample_pairs(options.data / "corpus.parquet", options.pairs)
    sound = embed([pair.question for pair in pairs])
    print("| test | threshold | leaks found | sound pairs taken for leaks |")
    print("| --- | --- | --- | --- |")
    for name in dict.fromkeys(row["test"] for row in leaks):
        path = DEMO if name == "demo" else options.data / "targets" / f"{name}-test.jsonl"
        tests = embed([row["question"] for row in _rows(path)])
        own = [row for row in leaks if row["test"] == name]
        planted = embed([row["question"] for row in own])
        nearest = _nearest(planted, tests), _nearest(sound, tests)
        for threshold in THRESHOLDS:
            found, wrong = (int((cosines >= threshold).sum()) for cosines in nearest)
            print(
                f"| {name} | {threshold:.2f} | {found} of {len(own)} | {wrong} of {len(sound):,} |"
            )


def _embedder(name: str):  # noqa: ANN202 - a function of texts
    folder = Path(gettempdir()) / "equal-benchmark-models"
    embedder = Embedder(
        model=name,
        precision="float32",
        batch_size=64,
        chunk_overlap_tokens=32,
        models_folder=str(folder),
    )
    path = embedder.base_path(progress=silent)
    return lambda texts: embedder.encode(texts, path=path, progress=silent)


def _nearest(vectors: np.ndarray, tests: np.ndarray) -> np.ndarray:
    return (vectors @ tests.T).max(axis=1)


def _rows(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


if __name__ == "__main__":
    main()
