"""A warehouse small enough to work out by hand, in which every kind of outcome occurs.

Campaign `a` asked for d1 and d3 in round 1, for d2, d4, d5 and d6 in round 2; `b` for d1; d7 is one
of the warm-up alone. Cluster 1 holds d3, cluster 0 the others. Tokens and thousandths of money are
the numbers in TOKENS.
"""

import json
from dataclasses import asdict

import polars as pl

from equal_assets.records import Usage
from equal_assets.resources.warehouse import Warehouse

TOKENS = {"1": 120, "2": 80, "3": 60, "4": 40, "5": 140, "6": 40, "7": 10}
STATUS = {"3": "no pairs", "4": "failed", "6": "no pairs"}
PAIRS = {"a100": ("1", 0), "a101": ("1", 1), "b200": ("2", 0), "c500": ("5", 0), "f700": ("7", 0)}
PULLS = {("a", 1, 0): "1", ("a", 1, 1): "3", ("a", 2, 0): "2456", ("b", 1, 0): "1"}
REWARDS = {("a", 1, 0): -0.4, ("a", 1, 1): -1.0, ("a", 2, 0): -0.2, ("b", 1, 0): -0.4}
KEPT = {("a", "a100"): (1, 0), ("a", "b200"): (2, 0), ("b", "a100"): (1, 0), ("b", "a101"): (1, 0)}
REMOVED = {"a101": ("repeated pair", "a100", 0.99), "c500": ("overlaps", "test:0", None)}
SETTINGS = {"model": "m", "prompts": {"extract": "Ask of $document"}}


def fill(warehouse: Warehouse) -> None:
    with warehouse.transaction() as transaction:
        transaction.execute(
            "record_extractor",
            extractor="e",
            backend="openai",
            backend_version=1,
            settings=json.dumps(SETTINGS),
        )
        for table, rows in tables().items():
            transaction.insert(table, pl.DataFrame(rows, infer_schema_length=None))


def tables() -> dict[str, list[dict]]:
    pairs = {qa_id: f"question {qa_id}" for qa_id in PAIRS}
    asked = [(*pull, number) for pull, numbers in PULLS.items() for number in numbers]
    return {
        "documents": [document(number) for number in TOKENS],
        "extractions": [extraction(number) for number in TOKENS],
        "extracted_qa": [
            {**pair(qa_id), **key(number), "position": position}
            for qa_id, (number, position) in PAIRS.items()
        ],
        "rejected_qa": [
            {**key("6"), "position": 0, "question": "?", "answer": "!", "reason": "too short: 3"}
        ],
        "warmup_qa": [{**pair(qa_id), "document_id": f"d{qa_id[1]}"} for qa_id in ("a100", "f700")],
        "document_yields": [
            {"document_id": f"d{number}", "expected_pairs": float(number)}
            | {"expected_answer_characters": 10.0}
            for number in TOKENS
        ],
        "clusters": [
            {"document_id": f"d{number}", "cluster": cluster(number), "distance": 0.25}
            for number in TOKENS
        ],
        "cluster_geometry": [
            {"cluster": number, "n_documents": size, "medoid_document_id": medoid, "spread": 0.1}
            | {"centroid": [0.0], "neighbors": [0], "neighbor_distances": [0.0]}
            | {"terms": ["numpy"], "x": 0.0, "y": 0.0}
            for number, size, medoid in ((0, 6, "d1"), (1, 1, "d3"))
        ],
        "bandit_documents": [
            {"campaign": campaign, "document_id": f"d{number}", "round": round_, "pull": pull}
            | {"cluster": cluster(number), "status": STATUS.get(number, "pairs"), **key(number)}
            for campaign, round_, pull, number in asked
        ],
        "bandit_round": [pulled(*pull, numbers) for pull, numbers in PULLS.items()],
        "rounds": [finished("a", 1, 2, 0.5), finished("a", 2, 4, 0.4), finished("b", 1, 2, 0.5)],
        "campaign_settings": [
            {"campaign": name, "fingerprint": name, "settings": started(name)} for name in "ab"
        ],
        "qa_dataset": [
            {"campaign": campaign, "document_id": f"d{PAIRS[qa_id][0]}", "source": "web"}
            | {"license": "MIT", "cluster": 0, "round": round_, "pull": pull, "extractor": "e"}
            | pair(qa_id)
            for (campaign, qa_id), (round_, pull) in KEPT.items()
        ],
        "removed_qa": [
            {"campaign": "a", "qa_id": qa_id, "reason": reason, "question": pairs[qa_id]}
            | {"answer": "a", "collided_with": other, "similarity": similarity}
            for qa_id, (reason, other, similarity) in REMOVED.items()
        ],
        "target_qa": [
            {"campaign": "a", "split": "test", "position": 0, "question": "asked?", "answer": "x"}
        ],
        "fine_tuned_student": [student()],
        "student_accuracy": [accuracy("perplexity", 90.0, 30.0), accuracy("math", 0.25, 0.5)],
        "accuracy_over_budget": [
            {"campaign": "a", "milestone": "50%", "metric": "math", "round": 1, "documents": 2}
            | {"n_examples": 1, "value": 0.375, "value_low": 0.0, "value_high": 1.0}
            | {"training_flops": 1.0, "mlflow_run_id": "run of a", "made_as": "x"}
        ],
    }


def key(number: str) -> dict:
    return {"content_hash": f"h{number}", "extractor": "e"}


def cluster(number: str) -> int:
    return 1 if number == "3" else 0


def pair(qa_id: str) -> dict:
    return {"qa_id": qa_id, "question": f"question {qa_id}", "answer": f"answer {qa_id}"}


def document(number: str) -> dict:
    texts = {"text": f"text {number}", "n_characters": 6, "qa_pairs": "[]", "n_copies": 1}
    return {
        "document_id": f"d{number}",
        "content_hash": f"h{number}",
        "source": "web" if number in "1267" else "book",
        "file": "pages.jsonl",
        "row": int(number),
        "url": f"https://example.org/{number}",
        "license": "MIT",
        "metadata": json.dumps({"title": f"Page {number}"}),
        "page": "p" if number in "12" else None,
        "chunk": int(number) if number in "12" else None,
        **texts,
    }


def usage(numbers: str) -> dict:
    tokens = sum(TOKENS[number] for number in numbers)
    return asdict(Usage(prompt_tokens=tokens - 10, completion_tokens=10, cost=tokens / 1000))


def extraction(number: str) -> dict:
    return {
        **key(number),
        "status": STATUS.get(number, "pairs"),
        "reason": "no JSON" if number == "4" else None,
        "n_pairs": sum(of == number for of, _ in PAIRS.values()),
        "n_rejected": int(number == "6"),
        "seconds": 1.0,
        "first_asked_by": "warm-up" if number in "17" else "a|round-001",
        **usage(number),
    }


def pulled(campaign: str, round_: int, pull: int, numbers: str) -> dict:
    n_pairs = sum(of in numbers for of, _ in PAIRS.values())
    counts = dict.fromkeys(("n_rejected", "n_cached"), 0)
    return {
        "campaign": campaign,
        "round": round_,
        "pull": pull,
        "cluster": cluster(numbers[0]),
        "n_documents": len(numbers),
        "n_pairs": n_pairs,
        "n_failed": int("4" in numbers),
        "mean_reward": 0.5,
        "exploration_bonus": 0.25,
        "ucb_score": 0.75,
        "arm_pairs": n_pairs,
        "reward": REWARDS[campaign, round_, pull],
        **counts,
        **usage(numbers),
    }


def finished(campaign: str, number: int, pool_pairs: int, pool_ot_cost: float) -> dict:
    seconds = ("seconds", "extraction_seconds", "embedding_seconds", "selection_seconds")
    return {
        "campaign": campaign,
        "round": number,
        "pool_pairs": pool_pairs,
        "pool_ot_cost": pool_ot_cost,
        **dict.fromkeys(seconds, 1.0),
    }


def started(campaign: str) -> str:
    return json.dumps(
        {"settings": {"campaign": {"strategy": "equal", "target": f"task {campaign}"}}}
    )


def student() -> dict:
    named = ("campaign", "path", "base_path", "mlflow_model_id")
    numbers = ("n_tokens", "n_parameters", "flops", "loss_first", "loss_last", "seconds")
    return {
        **dict.fromkeys(named, "a"),
        **dict.fromkeys(numbers, 1),
        "mlflow_run_id": "fine-tune",
        "n_examples": 2,
    }


def accuracy(metric: str, base: float, tuned: float) -> dict:
    ends = ("base_low", "base_high", "tuned_low", "tuned_high")
    known = {"campaign": "a", "metric": metric, "base": base, "tuned": tuned, "n_questions": 4}
    return {**known, **dict.fromkeys(ends, 0.0)}
