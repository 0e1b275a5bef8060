"""The whole graph at several sizes of the corpus: CPU seconds and peak memory of each asset.

    python benchmarks/scale.py --documents 20000 80000 320000 --out scale

Documents are made up: 120 words each, half of them from one of 1,000 topics; two pairs with each,
which are replayed. The target asks about 20 of the topics. Every asset is made in a process of its
own, as Dagster does it; so are the rounds, each on its own (`first round`, `last round`). The table
ends with the exponent of each asset's CPU seconds over the number of documents.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import resource
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import polars as pl
import yaml

N_TOPICS, N_TARGET_TOPICS, TOPIC_WORDS = 1_000, 20, 30
DOCUMENT_WORDS, QUESTION_WORDS, ANSWER_WORDS = 120, 12, 25
PAIRS, REFERENCE, TEST = 2, 50, 50
FILE_DOCUMENTS = 20_000
DOCUMENTS_PER_ROUND, ROUNDS = 500, 8

SHARED = (
    "documents",
    "target_qa",
    "warmup_qa",
    "contrastive_embedder",
    "document_yields",
    "document_embeddings",
    "clusters",
    "cluster_geometry",
)
OF_CAMPAIGN = ("reward_curve", "qa_dataset")


def write_project(folder: Path, n_documents: int) -> None:
    """Write corpus, target and campaigns.yaml."""
    rng = np.random.default_rng(0)
    words = _words()
    topics = rng.choice(len(words), (N_TOPICS, TOPIC_WORDS))
    (folder / "data").mkdir(parents=True)
    for first in range(0, n_documents, FILE_DOCUMENTS):
        rows = [
            _document(number, words, topics, rng)
            for number in range(first, min(n_documents, first + FILE_DOCUMENTS))
        ]
        pl.DataFrame(rows).write_parquet(folder / "data" / f"{first:09}.parquet")
    for split, n_questions in (("reference", REFERENCE), ("test", TEST)):
        chosen = rng.integers(N_TARGET_TOPICS, size=n_questions)
        pairs = [_pair(words, topics[topic], rng) for topic in chosen]
        lines = "".join(f"{json.dumps(pair)}\n" for pair in pairs)
        (folder / f"{split}.jsonl").write_text(lines)
    settings = {
        "corpus": {
            **{"source": "files", "paths": ["data/*.parquet"], "text_field": "text"},
            **{"id_field": "id", "qa_field": "pairs", "min_characters": 1},
        },
        "extractor": {"backend": "replay"},
        "clustering": {"n_clusters": min(1_000, n_documents // 20)},
        "targets": {"made-up": {"reference": "reference.jsonl", "test": "test.jsonl"}},
        "campaigns": {
            "equal": {
                "target": "made-up",
                "strategy": "equal",
                "budget_documents": DOCUMENTS_PER_ROUND * ROUNDS,
                "documents_per_pull": 10,
                "arms_per_round": DOCUMENTS_PER_ROUND // 10,
            }
        },
    }
    (folder / "campaigns.yaml").write_text(yaml.safe_dump(settings))


def _words() -> np.ndarray:
    """Return words that the embedder knows as a token each."""
    from equal_assets.resources.embedding.embedder import bundled_model

    vocabulary = json.loads((bundled_model() / "tokenizer.json").read_text())["model"]["vocab"]
    return np.array([word for word in vocabulary if word.isalpha() and len(word) > 3])


def _document(number: int, words: np.ndarray, topics: np.ndarray, rng: np.random.Generator) -> dict:
    topic = topics[rng.integers(N_TOPICS)]
    return {
        "id": f"doc-{number:09}",
        "text": _sentence(words, topic, DOCUMENT_WORDS, rng),
        "pairs": [_pair(words, topic, rng) for _ in range(PAIRS)],
    }


def _pair(words: np.ndarray, topic: np.ndarray, rng: np.random.Generator) -> dict[str, str]:
    return {
        "question": _sentence(words, topic, QUESTION_WORDS, rng) + "?",
        "answer": _sentence(words, topic, ANSWER_WORDS, rng),
    }


def _sentence(words: np.ndarray, topic: np.ndarray, n: int, rng: np.random.Generator) -> str:
    rows = np.where(
        rng.random(n) < 0.5, rng.choice(topic, n), (len(words) * rng.random(n) ** 2).astype(int)
    )
    return " ".join(words[rows])


def make(folder: Path, asset: str, partition: str | None) -> dict[str, float]:
    """Make an asset in a process of its own; return its CPU seconds, clock seconds, peak MiB."""
    command = [sys.executable, __file__, "--make", asset, *([partition] if partition else [])]
    given = os.environ | {
        "EQUAL_CAMPAIGNS": str(folder / "campaigns.yaml"),
        "EQUAL_HOME": str(folder / ".equal"),
        "DAGSTER_HOME": str(folder / ".dagster"),
    }
    (folder / ".dagster").mkdir(exist_ok=True)
    done = subprocess.run(command, env=given, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{asset}: {done.stdout[-2000:]}{done.stderr[-4000:]}")
    return json.loads(done.stdout.splitlines()[-1])


def _make_here(asset: str, partition: str | None) -> None:
    """Make an asset in this process, and print what it took beyond what loading it takes."""
    import dagster as dg

    from equal_assets.definitions import defs

    started, clock = time.process_time(), time.monotonic()
    with dg.DagsterInstance.ephemeral() as instance:
        defs.resolve_implicit_global_asset_job_def().execute_in_process(
            asset_selection=[dg.AssetKey(asset)], partition_key=partition, instance=instance
        )
    used = resource.getrusage(resource.RUSAGE_SELF)
    print()
    print(
        json.dumps(
            {
                "cpu": time.process_time() - started,
                "clock": time.monotonic() - clock,
                "peak": used.ru_maxrss / 1024,
            }
        )
    )


def measured(folder: Path) -> Iterator[tuple[str, dict[str, float]]]:
    """Make everything, one after the other; yield what each took."""
    for asset in SHARED:
        partition = "equal" if asset == "target_qa" else None
        yield asset, make(folder, asset, partition)
    for number in range(1, ROUNDS + 1):
        found = make(folder, "bandit_round", f"equal|round-{number:03}")
        if number in (1, ROUNDS):
            yield "first round" if number == 1 else "last round", found
    for asset in OF_CAMPAIGN:
        yield asset, make(folder, asset, "equal")


def main() -> None:
    """Play every size, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--documents", type=int, nargs="+", default=[20_000, 80_000, 320_000])
    parser.add_argument("--out", type=Path, default=Path("scale"))
    parser.add_argument("--make", nargs="+", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.make:
        _make_here(*[*options.make, None][:2])
        return
    took: dict[str, dict[int, dict[str, float]]] = {}
    for n_documents in options.documents:
        folder = options.out / str(n_documents)
        write_project(folder, n_documents)
        for what, found in measured(folder.resolve()):
            took.setdefault(what, {})[n_documents] = found
            print(f"{n_documents:,} {what}: {found}", file=sys.stderr, flush=True)
    print(f"| asset | {' | '.join(f'{n:,}: CPU s (peak MiB)' for n in options.documents)} | exp. |")
    print("| --- |" + " ---: |" * (len(options.documents) + 1))
    for what, by_size in took.items():
        cells = [f"{found['cpu']:.1f} ({found['peak']:.0f})" for found in by_size.values()]
        print(f"| {what} | {' | '.join(cells)} | {_exponent(by_size)} |")


def _exponent(by_size: dict[int, dict[str, float]]) -> str:
    """Return the slope of the logarithms between the two largest sizes."""
    if len(by_size) < 2:
        return ""
    (small, before), (large, after) = list(by_size.items())[-2:]
    return f"{math.log(after['cpu'] / before['cpu']) / math.log(large / small):.2f}"


if __name__ == "__main__":
    main()
