"""What the rules of the data set and of extraction keep and find in ten languages.

    python benchmarks/languages.py [--models all-MiniLM-L6-v2 multilingual-e5-small]

`languages.jsonl` holds, written by hand for each language, 20 different questions, among them four
pairs that differ in one word ("capital of Australia", "of Canada"), paraphrases of five of them,
and two documents with two sound pairs each.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np

from equal_assets.algorithms.decontamination import ProtectedQuestions
from equal_assets.algorithms.deduplication import equal_pairs, near_duplicates, same_meaning
from equal_assets.algorithms.extraction.quality import QualityBounds, judge_pairs
from equal_assets.records import QAPair
from equal_assets.resources.embedding.question_vectors import embed_questions, knows
from equal_assets.settings import (
    ENGLISH_MODEL,
    MULTILINGUAL_MODEL,
    DatasetSettings,
    QualitySettings,
    quiet_libraries,
)

ROWS = [
    json.loads(line)
    for line in Path(__file__).with_suffix(".jsonl").read_text(encoding="utf-8").splitlines()
]
DATASET = DatasetSettings()
BOUNDS = QualityBounds(**QualitySettings().model_dump())
THRESHOLDS = (0.75, 0.80, 0.85, 0.90)
COPIES = ("{}", "  {} ", "{}!!", "({})", "「{}」")


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--models", nargs="+", default=[ENGLISH_MODEL, MULTILINGUAL_MODEL])
    options = parser.parse_args()
    quiet_libraries()
    languages = list(dict.fromkeys(row["language"] for row in ROWS))
    for model in options.models:
        print(f"\n{model}, by meaning\n")
        print(
            "| language | known | kept of 20 as repeats | kept of 10 as leaks of the other 10 "
            "| paraphrases found as leaks, of 5 | as repeats |"
        )
        print("| --- | --- | --- | --- | --- | --- |")
        for language in languages:
            print(f"| {language} | {' | '.join(map(str, by_meaning(language, model)))} |")
        print("\n| leak_similarity | languages | different questions taken | paraphrases found |")
        print("| --- | --- | --- | --- |")
        for half in (languages[::2], languages[1::2]):  # to choose by one, and see on the other
            for threshold in THRESHOLDS:
                shown = " | ".join(by_threshold(half, model, threshold))
                print(f"| {threshold} | {', '.join(half)} | {shown} |")
    print("\nby words\n")
    print("| language | copies as repeats, of 5 | copies in a text as leaks, of 5 | kept of 20 |")
    print("| --- | --- | --- | --- |")
    for language in languages:
        print(f"| {language} | {' | '.join(map(str, by_words(language)))} |")
    print("\nquality\n")
    print("| language | sound pairs kept, of 4 | answers of another document rejected, of 4 |")
    print("| --- | --- | --- |")
    for language in languages:
        print(f"| {language} | {' | '.join(map(str, by_quality(language)))} |")


def by_meaning(language: str, model: str) -> tuple[int, int, int, int, int]:
    """Return questions known, kept twice, and paraphrases found twice: see the table's head."""
    rows = [row for row in ROWS if row["language"] == language and "question" in row]
    questions = [row["question"] for row in rows]
    paraphrased = [row for row in rows if "paraphrase" in row]
    planted = [row["paraphrase"] for row in paraphrased]
    vectors, other = vectors_of(questions, model), vectors_of(planted, model)
    repeats = same_meaning(questions, vectors, threshold=DATASET.same_meaning)
    first, last = slice(0, 10), slice(10, 20)
    leaks = protected(questions[last], vectors[last]).find_leaks(
        pairs(questions[first]), vectors[first]
    )
    found = protected(questions, vectors).find_leaks(pairs(planted), other)
    again = same_meaning(
        [*questions, *planted], np.concatenate([vectors, other]), threshold=DATASET.same_meaning
    )[len(questions) :]
    return (
        sum(knows(model, questions)),
        sum(repeat is None for repeat in repeats),
        sum(leak is None for leak in leaks),
        sum(leak is not None for leak in found),
        sum(repeat is not None for repeat in again),
    )


def by_threshold(languages: list[str], model: str, threshold: float) -> list[str]:
    """Return how many different questions and paraphrases a threshold takes for the same."""
    taken, found = [], []
    for language in languages:
        rows = [row for row in ROWS if row["language"] == language and "question" in row]
        vectors = vectors_of([row["question"] for row in rows], model)
        taken += [*(vectors @ vectors.T)[np.triu_indices(len(rows), 1)]]
        own = [row for row, one in enumerate(rows) if "paraphrase" in one]
        planted = vectors_of([rows[row]["paraphrase"] for row in own], model)
        found += [*(planted * vectors[own]).sum(axis=1)]
    return [
        f"{sum(cosine >= threshold for cosine in cosines)} of {len(cosines):,}"
        for cosines in (taken, found)
    ]


def by_words(language: str) -> tuple[int, int, int]:
    """Return copies that are repeats, that are leaks, and different questions that are neither."""
    rows = [row for row in ROWS if row["language"] == language]
    questions = [row["question"] for row in rows if "question" in row]
    text = next(row["text"] for row in rows if "text" in row)
    copies = [form.format(question) for form, question in zip(COPIES, questions, strict=False)]
    own = pairs(questions, answer=text)
    repeats = equal_pairs([*own, *pairs(copies, answer=text)])[len(own) :]
    inside = [QAPair(text, f"{text}\n{copy}\n{text}") for copy in copies]
    leaks = protected(questions, None).find_leaks(inside)
    apart = [
        near_duplicates(pairs(questions), threshold=DATASET.near_duplicate)[row] is None
        and protected(questions[:row] + questions[row + 1 :], None).find_leaks(
            pairs(questions[row : row + 1])
        )
        == [None]
        for row in range(len(questions))
    ]
    return sum(r is not None for r in repeats), sum(k is not None for k in leaks), sum(apart)


def by_quality(language: str) -> tuple[int, int]:
    """Return sound pairs that pass, and pairs of the other document that do not."""
    documents = [row for row in ROWS if row["language"] == language and "text" in row]
    own = [[QAPair(**pair) for pair in row["pairs"]] for row in documents]
    texts = [row["text"] for row in documents]
    sound = [judge_pairs(own[i], texts[i], BOUNDS) for i in (0, 1)]
    foreign = [judge_pairs(own[i], texts[1 - i], BOUNDS) for i in (0, 1)]
    return (
        sum(found is None for judged in sound for found in judged),
        sum(found is not None for judged in foreign for found in judged),
    )


def vectors_of(questions: list[str], model: str) -> np.ndarray:
    """Return vectors as the data set uses them: zeros where the model does not know a question."""
    known = np.array(knows(model, questions))
    return embed_questions(questions, model=model) * known[:, None]


def protected(questions: list[str], vectors: np.ndarray | None) -> ProtectedQuestions:
    """Return test questions with the thresholds of the data set."""
    return ProtectedQuestions(
        pairs(questions),
        n=DATASET.ngram_words,
        vectors=vectors,
        similarity=DATASET.leak_similarity,
    )


def pairs(questions: list[str], *, answer: str = "") -> list[QAPair]:
    """Return the questions with one answer."""
    return [QAPair(question, answer) for question in questions]


if __name__ == "__main__":
    main()
