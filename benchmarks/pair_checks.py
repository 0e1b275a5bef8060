"""What the checks of extracted pairs find, and what they reject of good pairs.

    python benchmarks/pair_checks.py [--documents benchmarks/extraction_documents.jsonl] [--misses]

`extraction_documents.jsonl` holds documents with what can be asked of each (`asks`): the good
pairs. `pair_checks.jsonl` holds more pairs of the same documents: short good ones, faulty ones that
were written by hand as small models write them, and, with `by`, those of a real model, read and
labeled one by one (`prompts`: those of earlier versions, `first`, or the present ones, `chat`).
`faults` names what is wrong: `leaning`, `premises`, `steps`, `numbers`, `unsupported`, `wrong`.
`leaning.jsonl` holds questions, half of them leaning on a text.

Documents with odd numbers were used to write the checks and to fit the score, the others only to
measure them; of `leaning.jsonl`, each second couple of lines.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

from equal_assets.algorithms.extraction.leaning import dangling_reference
from equal_assets.algorithms.extraction.quality import QualityBounds, judge_pairs
from equal_assets.algorithms.extraction.score import SIGNS, pair_score, signs
from equal_assets.algorithms.extraction.source import source
from equal_assets.records import QAPair
from equal_assets.settings import QualitySettings

HERE = Path(__file__).parent
OFF = {"min_grounding": 0.0, "same_language": False}
SWITCHES = ("self_contained", "premises", "steps", "numbers")
CHECKS: dict[str, tuple[dict[str, Any], set[str]]] = {
    "leaning question": ({"self_contained": True}, {"leaning"}),
    "missing premise": ({"premises": True}, {"premises", "leaning"}),
    "dropped steps": ({"steps": True}, {"steps"}),
    "invented number": ({"numbers": True}, {"numbers"}),
    "grounding": ({"min_grounding": 0.5}, {"unsupported"}),
    "all": ({**dict.fromkeys(SWITCHES, True), "min_grounding": 0.5}, set()),
}
"""Name of a check: what turns it on, and the faults that it is to find; none: all."""

REAL_WEIGHT = 3.0
"""How much a pair of the real model counts in the fit: there are few, and they are what comes."""

BINS = 5
Row = dict[str, Any]


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--documents", type=Path, default=HERE / "extraction_documents.jsonl")
    parser.add_argument("--misses", action="store_true", help="list what the checks get wrong")
    options = parser.parse_args()
    documents = {row["id"]: row for row in read(options.documents)}
    rows = labeled(documents)
    written = [row for row in rows if "by" not in row]
    halves = {
        "to write the checks": [row for row in written if is_odd(row)],
        "held back": [row for row in written if not is_odd(row)],
        "of a real model": [row for row in rows if "by" in row],
    }
    leaning_table()
    for name, half in halves.items():
        if half:
            check_table(name, half, show_misses=options.misses)
    score_tables(halves)


def read(path: Path) -> list[Row]:
    """Return the rows of a file of JSON lines."""
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def labeled(documents: dict[str, Row]) -> list[Row]:
    """Return all pairs with their faults and the text of their document."""
    good = [
        {"document": name, "faults": [], **ask}
        for name, document in documents.items()
        for ask in document["asks"]
    ]
    rows = good + read(HERE / "pair_checks.jsonl")
    return [{**row, "text": documents[row["document"]]["text"]} for row in rows]


def is_odd(row: Row) -> bool:
    """Whether the document of a pair was used to write the checks."""
    return int(row["document"][-2:]) % 2 == 1


def leaning_table() -> None:
    """Print what is found of the hand-written questions."""
    rows = read(HERE / "leaning.jsonl")
    print("| questions | leaning, found | look-alikes, taken for it |\n| --- | ---: | ---: |")
    for name, half in (("to write the rules", 0), ("held back", 1)):
        own = [row for place, row in enumerate(rows) if place // 2 % 2 == half]
        found = [dangling_reference(row["question"]) is not None for row in own]
        leans = [row["leans"] for row in own]
        hits = sum(f and is_leaning for f, is_leaning in zip(found, leans, strict=True))
        print(
            f"| {name} | {hits} of {sum(leans)} | {sum(found) - hits} of {len(own) - sum(leans)} |"
        )


def check_table(name: str, rows: Sequence[Row], *, show_misses: bool) -> None:
    """Print what each check finds and what it rejects of good pairs."""
    print(f"\n{name}: {len(rows)} pairs, {sum(not row['faults'] for row in rows)} of them good\n")
    print("| check | found of what it is for | good pairs rejected | rejected pairs with a fault |")
    print("| --- | ---: | ---: | ---: |")
    for check, (settings, faults) in CHECKS.items():
        reasons = judged(rows, settings)
        wanted = [
            bool(faults.intersection(row["faults"]) if faults else row["faults"]) for row in rows
        ]
        good = [not row["faults"] for row in rows]
        found = sum(
            r is not None for r, is_wanted in zip(reasons, wanted, strict=True) if is_wanted
        )
        lost = sum(r is not None for r, is_good in zip(reasons, good, strict=True) if is_good)
        n_rejected = sum(reason is not None for reason in reasons)
        precision = f"{1 - lost / n_rejected:.2f}" if n_rejected else ""
        shares = f"{found} of {sum(wanted)} | {lost} of {sum(good)}"
        print(f"| {check} | {shares} | {n_rejected - lost} of {n_rejected} = {precision} |")
        for row, reason, is_good in zip(rows, reasons, good, strict=True):
            if show_misses and (check == "all") and is_good == (reason is not None):
                print("   ", row["document"], row["faults"], reason, "|", row["question"][:200])


def judged(rows: Sequence[Row], settings: dict[str, Any]) -> list[str | None]:
    """Return the reason why each pair is rejected with some checks alone."""
    switches = dict.fromkeys(SWITCHES, False)
    bounds = QualityBounds(**{**QualitySettings().model_dump(), **switches, **OFF, **settings})
    found = []
    for row in rows:
        (verdict,) = judge_pairs([QAPair(row["question"], row["answer"])], row["text"], bounds)
        found.append(f"{verdict.reason}: {verdict.detail}" if verdict else None)
    return found


def score_tables(halves: dict[str, list[Row]]) -> None:
    """Print the fit of the score, how well it sorts, and how far it can be taken at its word."""
    first = halves["to write the checks"] + [
        row for row in halves["of a real model"] if is_odd(row)
    ]
    weights = [REAL_WEIGHT if "by" in row else 1.0 for row in first]
    is_good = [not row["faults"] for row in first]
    fit = LogisticRegression(C=3.0).fit(values(first), is_good, sample_weight=weights)
    shown = ", ".join(f"{sign} {w:.2f}" for sign, w in zip(SIGNS, fit.coef_[0], strict=True))
    print(f"\nfitted: {shown}, intercept {fit.intercept_[0]:.2f}")
    print("\n| pairs | area under the curve | good of 5 bins: share (pairs, mean score) |")
    print("| --- | ---: | --- |")
    for name, rows in halves.items():
        if not rows:
            continue
        scores = np.array([of(row, pair_score) for row in rows])
        is_good = np.array([not row["faults"] for row in rows])
        bins = np.minimum((scores * BINS).astype(int), BINS - 1)
        cells = [
            f"{is_good[own].mean():.2f} ({own.sum()}, {scores[own].mean():.2f})"
            for own in (bins == number for number in range(BINS))
            if own.any()
        ]
        print(f"| {name} | {roc_auc_score(is_good, scores):.3f} | {'; '.join(cells)} |")


def values(rows: Sequence[Row]) -> np.ndarray:
    """Return the signs of pairs, one row each."""
    return np.array([of(row, signs) for row in rows])


def of(row: Row, function: Callable[..., Any]) -> Any:
    """Return what a function makes of a pair and its document."""
    return function(row["question"], row["answer"], source(row["text"]))


if __name__ == "__main__":
    main()
