"""Real models: a 1.5 B model extracts, and a 270 M student judges what each strategy bought.

    python benchmarks/real.py prepare --data DIR --out OUT          pools of true pairs, documents
    python benchmarks/real.py students --out OUT/true --student FOLDER
    python benchmarks/real.py extract --out OUT/real --extractor FOLDER
    python benchmarks/real.py campaigns --out OUT/real
    python benchmarks/real.py students --out OUT/real --student FOLDER
    python benchmarks/real.py tables --out OUT/true

(a) `OUT/true`: the data sets that strategies buy with 1% and 5% of the documents whose true pairs
are known (what DIR holds is written in `known_pairs.py`). (b) `OUT/real`: every document of a
sample is extracted once by a real model with the package's own recipe; strategies then buy
extractions at what they really took, with the same tokens. Every step goes on where it was stopped.
All but `prepare` and `tables` run without a network and without polars, DuckDB and MLflow, so that
a bare GPU machine can do them: transformers writes the replies, see `batched.py`.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import product
from pathlib import Path

import numpy as np
from playing import Data, Job, cluster_arms, nearest, select, unit
from real_students import Cell, train, write_cells

from equal_assets.algorithms.strategies.strategy import Corpus, Target
from equal_assets.records import CHARACTERS_PER_TOKEN, QAPair

TARGETS = ("gsm8k", "mbpp")
TEST_SPLITS = {"gsm8k": ("test",), "mbpp": ("test",)}
STRATEGIES = ("equal", "round-robin", "random", "document-similarity", "equal-paper")
ALL, UNTUNED = "all", "untuned"
TRUE_BUDGETS = (0.01, 0.05)
REAL_BUDGETS = (0.05, 0.1)
"""Shares: of the documents, and of the tokens that all documents take."""
REAL_STRATEGIES = ("equal", "round-robin", "random")
NEAREST_PER_QUESTION = (1, 4)
N_QUESTIONS, N_DOCUMENTS, N_SEEDS = 300, 5_000, 3
N_CLUSTERS = {"true": 100, "real": 50}
REPLY_TOKENS = 448


# ---- (a) pools of true pairs ---------------------------------------------------------------------


def prepare(data: Path, out: Path) -> None:
    """Write the data sets of true pairs, and the documents that a real model shall extract."""
    from extraction_quality import packaged_recipe, recipe_json
    from known_pairs import read_questions, read_texts_and_pairs

    for part, target in product(("true", "real"), TARGETS):
        (out / part / "questions").mkdir(parents=True, exist_ok=True)
        asked = [p for split in TEST_SPLITS[target] for p in read_questions(data, target, split)]
        drawn = np.random.default_rng(0).permutation(len(asked))[:N_QUESTIONS]
        _write_pairs(out / part / "questions" / f"{target}.jsonl", [asked[n] for n in drawn])
    texts, pairs = read_texts_and_pairs(data)
    drawn = np.sort(np.random.default_rng(0).permutation(len(texts))[:N_DOCUMENTS])
    with (out / "real" / "documents.jsonl").open("w") as file:
        for row in drawn:
            document = {"id": str(row), "kind": "", "text": texts[row]}
            file.write(json.dumps(document, ensure_ascii=False) + "\n")
    (out / "real" / "recipe.json").write_text(recipe_json(packaged_recipe(None, refine=False)))
    np.save(out / "real" / "documents.npy", np.load(data / "embeddings" / "documents.npy")[drawn])
    for target in TARGETS:
        known = np.load(data / "embeddings" / f"target_{target}-validation.npy")
        lengths = [len(pair.answer) for pair in read_questions(data, target, "validation")]
        np.savez(out / "real" / f"target-{target}.npz", embeddings=known, lengths=lengths)
    for target, seed in product(TARGETS, range(N_SEEDS)):
        write_cells(out / "true", true_cells(data, pairs, target, seed))


def true_cells(data: Path, pairs: Sequence[QAPair], target: str, seed: int) -> list[Cell]:
    """Return the data sets of all strategies on a target."""
    from known_pairs import load, load_target

    job = Job(data, False, N_CLUSTERS["true"], 50, target, ALL, seed)
    loaded, reference = load(job), load_target(job, "validation")
    written = np.array([len(pair.text) for pair in pairs])[loaded.pair_rows] / CHARACTERS_PER_TOKEN

    def cell(strategy: str, budget: float, asked: np.ndarray, kept: np.ndarray) -> Cell:
        return Cell(
            target=target,
            strategy=strategy,
            budget=budget,
            seed=seed,
            pairs=_texts(pairs[row] for row in loaded.pair_rows[kept]),
            documents=len(asked),
            extraction_tokens=float(
                loaded.corpus.tokens[asked].sum() + written[loaded.pairs_of(asked)].sum()
            ),
        )

    cells = [] if seed else [Cell(target, UNTUNED, 0.0, seed)]
    for strategy in STRATEGIES:
        order, _ = select(
            replace(job, strategy=strategy), loaded, reference, share=TRUE_BUDGETS[-1]
        )
        for budget in TRUE_BUDGETS:
            asked = loaded.affordable(order, budget)
            for label, kept in pools(strategy, loaded, asked, reference).items():
                cells.append(cell(label, budget, asked, kept))
    everything = np.arange(loaded.corpus.n_documents)
    kept = nearest(loaded.pair_embeddings, reference)
    rng = np.random.default_rng(seed)
    for equal in [found for found in cells if found.strategy == "equal"]:
        drawn = rng.choice(kept, len(equal.pairs), replace=False)
        cells.append(cell(ALL, equal.budget, everything, drawn))
    return cells


def pools(strategy: str, data: Data, asked: np.ndarray, reference: Target) -> dict[str, np.ndarray]:
    """Return what is kept of the pairs of documents: 60%, and for two strategies other ways."""
    pool = data.pairs_of(asked)
    near = data.pair_embeddings[pool]
    kept = {strategy: pool[nearest(near, reference)]}
    if strategy in ("equal", "round-robin"):
        kept[f"{strategy}, all kept"] = pool
        similarity = near @ reference.embeddings.T
        for n in NEAREST_PER_QUESTION:
            best = np.argsort(-similarity, axis=0, kind="stable")[:n]
            kept[f"{strategy}, {n} a question"] = pool[np.unique(best)]
    return kept


# ---- (b) a real model extracts -------------------------------------------------------------------


def extract(folders: Sequence[Path], extractor: Path, *, tokens_at_once: int, at_once: int) -> None:
    """Extract the documents of folders that have no row in `extracted.jsonl` yet.

    A folder has `documents.jsonl` (`id, kind, text`), and `recipe.json` as
    `extraction_quality.recipe_json` writes it.
    """
    from batched import BatchedModel
    from extraction_quality import Answer, Asked, recipe_of, run_recipe

    model = BatchedModel(extractor, max_new_tokens=REPLY_TOKENS, tokens_at_once=tokens_at_once)

    def answer(asked: Sequence[Asked]) -> list[Answer]:
        started = time.perf_counter()
        written = model.answer([chat for chat, _ in asked], [schema for _, schema in asked])
        seconds = (time.perf_counter() - started) / len(asked)
        return [
            Answer(
                text=reply.text,
                prompt_tokens=reply.prompt_tokens,
                completion_tokens=reply.completion_tokens,
                is_cut_off=reply.is_cut_off,
                seconds=seconds,
            )
            for reply in written
        ]

    for folder in folders:
        recipe = recipe_of((folder / "recipe.json").read_text())
        path = folder / "extracted.jsonl"
        done = len(path.read_text().splitlines()) if path.is_file() else 0
        documents = [json.loads(line) for line in (folder / "documents.jsonl").open()]
        for start in range(done, len(documents), at_once):
            rows = run_recipe(documents[start : start + at_once], recipe, answer)
            with path.open("a") as file:
                file.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
            n, requests = start + len(rows), [one for row in rows for one in row["requests"]]
            tokens = sum(one["prompt_tokens"] + one["completion_tokens"] for one in requests)
            seconds = sum(one["seconds"] for one in requests)
            print(
                f"{folder}: {n:,} of {len(documents):,} documents, "
                f"{tokens / seconds:,.0f} tokens/s, "
                f"{sum(len(row['kept']) for row in rows):,} pairs kept",
                flush=True,
            )


def campaigns(out: Path, embedder: str) -> None:
    """Write the data sets that strategies buy of the extractions with the same tokens."""
    from sentence_transformers import SentenceTransformer

    rows = [json.loads(line) for line in (out / "extracted.jsonl").open()]
    pairs = [QAPair(pair["question"], pair["answer"]) for row in rows for pair in row["kept"]]
    owners = np.repeat(np.arange(len(rows)), [len(row["kept"]) for row in rows])
    # what a reply takes is not known before it is there: strategies see the prompts
    read = np.array([row["requests"][0]["prompt_tokens"] for row in rows], dtype=float)
    took = np.array(
        [
            sum(one["prompt_tokens"] + one["completion_tokens"] for one in row["requests"])
            for row in rows
        ],
        dtype=float,
    )
    documents = unit(np.load(out / "documents.npy")[: len(rows)])
    vectors = unit(
        np.asarray(
            SentenceTransformer(embedder).encode([f"{p.question}\n{p.answer}" for p in pairs])
        )
    )
    for target, seed in product(TARGETS, range(N_SEEDS)):
        known = np.load(out / f"target-{target}.npz")
        n = len(known["embeddings"])
        reference = Target(
            unit(known["embeddings"]), known["lengths"].astype(float), np.full(n, 1.0 / n)
        )
        arms = cluster_arms(documents, n_clusters=N_CLUSTERS["real"], seed=seed)
        data = Data(
            corpus=Corpus(documents, arms, read, read),
            pair_embeddings=vectors,
            pair_lengths=np.array([len(pair.answer) for pair in pairs], dtype=float),
            pair_rows=np.arange(len(pairs)),
            owners=owners,
            first_pair=np.searchsorted(owners, np.arange(len(rows) + 1)),
        )
        write_cells(out, real_cells(data, pairs, took, reference, target, seed))


def real_cells(
    data: Data,
    pairs: Sequence[QAPair],
    took: np.ndarray,
    reference: Target,
    target: str,
    seed: int,
) -> list[Cell]:
    """Return the data sets of a target and seed, each of what the same tokens bought."""
    cells = [] if seed else [Cell(target, UNTUNED, 0.0, seed)]
    for strategy in REAL_STRATEGIES:
        job = Job(Path(), False, N_CLUSTERS["real"], 50, target, strategy, seed)
        order, _ = select(job, data, reference, share=min(1.0, 2 * REAL_BUDGETS[-1]))
        spent = np.cumsum(took[order])
        for budget in REAL_BUDGETS:
            asked = order[: np.searchsorted(spent, budget * took.sum(), side="right")]
            pool = data.pairs_of(asked)
            kept = pool[nearest(data.pair_embeddings[pool], reference)]
            found = _texts(pairs[row] for row in kept)
            tokens = float(took[asked].sum())
            cells.append(Cell(target, strategy, budget, seed, found, len(asked), tokens))
    return cells


# ---- tables --------------------------------------------------------------------------------------


def tables(out: Path) -> None:
    """Print the tables of the students that are done."""
    import polars as pl
    from accuracy_tables import print_tables

    rows = [json.loads(path.read_text()) for path in sorted((out / "answers").glob("*.json"))]
    answers = []
    for row in rows:
        cell = Cell(*(row[key] for key in ("target", "strategy", "budget", "seed")))
        with np.load(out / "answers" / f"{cell.name}.npz") as known:
            frame = pl.DataFrame({key: known[key] for key in known.files})
        keys = {key: pl.lit(row[key]) for key in ("target", "strategy", "budget", "seed")}
        answers.append(frame.with_row_index("question").with_columns(**keys))
    students = pl.DataFrame(rows, infer_schema_length=None)
    print_tables(students.with_columns(cpu_seconds="seconds"), pl.concat(answers))


def _write_pairs(path: Path, pairs: Sequence[QAPair]) -> None:
    rows = [{"question": pair.question, "answer": pair.answer} for pair in pairs]
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows))


def _texts(pairs: Iterable[QAPair]) -> tuple[tuple[str, str], ...]:
    return tuple((pair.question, pair.answer) for pair in pairs)


def main() -> None:
    """Do one step."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("step", choices=("prepare", "extract", "campaigns", "students", "tables"))
    parser.add_argument("--data", type=Path)
    parser.add_argument("--out", type=Path, required=True, nargs="+", help="several: extract")
    parser.add_argument("--student", type=Path, help="folder of transformers")
    parser.add_argument("--extractor", type=Path, help="folder of transformers")
    parser.add_argument("--embedder", default="all-MiniLM-L6-v2", help="folder, or a hub id")
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--epochs", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=float("inf"), help="then begin no student")
    parser.add_argument("--tokens-at-once", type=int, default=16_000, help="1,000,000 on 80 GB")
    parser.add_argument("--documents-at-once", type=int, default=20, help="2,500 on 80 GB")
    options = parser.parse_args()
    out = options.out[0]
    if options.step == "prepare":
        prepare(options.data, out)
    elif options.step == "extract":
        extract(
            options.out,
            options.extractor,
            tokens_at_once=options.tokens_at_once,
            at_once=options.documents_at_once,
        )
    elif options.step == "campaigns":
        campaigns(out, options.embedder)
    elif options.step == "students":
        train(
            out,
            options.student.resolve(),
            processes=options.processes,
            epochs=options.epochs,
            seconds=options.seconds,
        )
    else:
        tables(out)


if __name__ == "__main__":
    main()
