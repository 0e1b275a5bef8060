"""Statistics of a pool that need no language model: of vectors, lengths, looks and words."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import pairwise

import numpy as np
from pools import BUDGET, Ground, n_steps
from scipy.stats import wasserstein_distance

from equal_assets.algorithms.judging.metrics import coverage
from equal_assets.algorithms.optimal_transport import cosine_cost, ot_cost
from equal_assets.algorithms.strategies.equal import EqualParameters, EqualStrategy
from equal_assets.records import CHARACTERS_PER_TOKEN
from equal_assets.settings import EqualSettings

LENGTH_COSTS = (0.05, 0.1, 0.2, 0.4)
"""Cosine distances that a factor of e in length costs."""
SUBSAMPLE, N_SUBSAMPLES = 60, 5
WORKED = 2
"""Steps from which an answer is worked."""
PRIOR_WORDS = 20.0
"""Weight of what all pairs say after a word, in words, beside what the pool says."""
N_BACKGROUND = 4_000
END = "\0"

Texts = Sequence[tuple[str, str]]


class Measures:
    """Statistics of the pools of one target; what does not depend on a pool is made once."""

    def __init__(self, ground: Ground) -> None:
        """Measure the reference set."""
        self.ground = ground
        parameters = EqualParameters(**EqualSettings().model_dump())
        n = round(BUDGET * ground.data.corpus.n_documents)
        self._equal = EqualStrategy(ground.data.corpus, ground.reference, parameters, n_documents=n)
        self._answers = [pair.answer for pair in ground.reference_pairs]
        self._log_lengths = np.log(ground.reference.answer_lengths)
        self._words = _Words(ground)

    def of(self, pool: np.ndarray, texts: Texts) -> dict[str, float]:
        """Return all statistics of a pool by name."""
        answers = [answer for _, answer in texts]
        lengths = np.array([len(answer) for answer in answers], dtype=float)
        found = {"n_pairs": float(len(pool)), "target": self.ground.target}
        found |= _sizes(texts, lengths)
        found |= self._nearness(pool, lengths)
        found |= self._looks(answers, lengths)
        return found | self._words.of(answers)

    def _nearness(self, pool: np.ndarray, lengths: np.ndarray) -> dict[str, float]:
        near = self.ground.data.pair_embeddings[pool]
        cost = cosine_cost(near, self.ground.reference.embeddings)
        similarity = 1.0 - cost
        rng = np.random.default_rng(0)
        draws = [
            rng.choice(len(pool), min(SUBSAMPLE, len(pool)), False) for _ in range(N_SUBSAMPLES)
        ]
        apart = abs(np.log(lengths)[:, None] - self._log_lengths)
        found = {
            "ot": ot_cost(cost),
            "ot_subsample": float(np.mean([ot_cost(cost[rows]) for rows in draws])),
            "ot_test": ot_cost(cosine_cost(near, self.ground.test_embeddings)),
            "coverage": coverage(similarity),
            "coverage_test": coverage(near @ self.ground.test_embeddings.T),
            "mean_best_similarity": float(similarity.max(axis=1).mean()),
            "mean_similarity": float(similarity.mean()),
        }
        for weight in LENGTH_COSTS:
            found[f"ot_length_{weight:g}"] = ot_cost(cost + weight * apart)
            found[f"coverage_length_{weight:g}"] = coverage(similarity - weight * apart)
        return found | self._gains(near, lengths, apart)

    def _gains(self, near: np.ndarray, lengths: np.ndarray, apart: np.ndarray) -> dict[str, float]:
        """Return what `equal` maximizes, and the same per pair and with other values of a pair."""
        mass = self._equal._kernel(near)
        values = {
            "f_no_value": np.ones_like(mass),
            "f": np.broadcast_to(
                np.minimum(1.0, lengths / self._equal.typical_answer)[:, None], mass.shape
            ),
            "f_long": np.broadcast_to((lengths / self._equal.typical_answer)[:, None], mass.shape),
            "f_match": np.exp(-apart),
        }
        weights = self.ground.reference.weights
        found = {}
        for name, value in values.items():
            worth = mass * value
            found[name] = float(weights @ np.log1p(worth.sum(axis=0)))
            found[f"{name}_per_pair"] = float(weights @ np.log1p(worth.mean(axis=0)))
        return found

    def _looks(self, answers: Sequence[str], lengths: np.ndarray) -> dict[str, float]:
        logs, median = np.log(lengths), np.median(lengths)
        steps = np.array([n_steps(answer) for answer in answers])
        wanted = np.array([n_steps(answer) for answer in self._answers])
        share, wanted_share = (steps >= WORKED).mean(), (wanted >= WORKED).mean()
        ratio = float(np.log(median / np.median(self.ground.reference.answer_lengths)))
        return {
            "length_distance": float(wasserstein_distance(logs, self._log_lengths)),
            "length_ratio": ratio,
            "length_mismatch": abs(ratio),
            "share_long_enough": float(
                (lengths >= np.quantile(self.ground.reference.answer_lengths, 0.1)).mean()
            ),
            "value": float(np.minimum(1.0, lengths / self._equal.typical_answer).mean()),
            "share_worked": float(share),
            "worked_mismatch": float(abs(share - wanted_share)),
            "steps_distance": float(wasserstein_distance(np.log(steps), np.log(wanted))),
            "length_and_steps_distance": float(
                wasserstein_distance(logs, self._log_lengths)
                + wasserstein_distance(np.log(steps), np.log(wanted))
            ),
        }


def _sizes(texts: Texts, lengths: np.ndarray) -> dict[str, float]:
    tokens = np.maximum(1.0, lengths / CHARACTERS_PER_TOKEN)
    asked = sum(len(question) for question, _ in texts) / CHARACTERS_PER_TOKEN
    return {
        "answer_tokens": float(tokens.sum()),
        "mean_answer_tokens": float(tokens.mean()),
        "median_answer_tokens": float(np.median(tokens)),
        "question_tokens": asked,
        "share_distinct_answers": len({answer for _, answer in texts}) / len(texts),
    }


class _Words:
    """A student made of counts: what a pool's answers say after a word, beside what all say.

    Its gain is what the pool adds to the log-probability of the reference answers; the end of an
    answer is a word, so that answers of the wrong length cost.
    """

    def __init__(self, ground: Ground) -> None:
        rows = np.random.default_rng(0).permutation(len(ground.data.pair_rows))[:N_BACKGROUND]
        self._said = [_words(pair.answer) for pair in ground.reference_pairs]
        background = [_words(pair.answer) for pair in ground.texts(rows)]
        self._pairs, self._firsts = _counts(background)
        self._singles = Counter(word for words in background for word in words[1:])
        self._total = sum(self._singles.values())
        self._n_known = len(self._singles) + 1

    def of(self, answers: Sequence[str]) -> dict[str, float]:
        pool = [_words(answer) for answer in answers]
        pairs, firsts = _counts(pool)
        singles = Counter(word for words in pool for word in words[1:])
        total = sum(singles.values())
        gains = {"unigram_gain": 0.0, "bigram_gain": 0.0}
        n_words = 0
        for words in self._said:
            for before, word in pairwise(words):
                alone = (self._singles[word] + 1.0) / (self._total + self._n_known)
                known = (self._pairs[before, word] + PRIOR_WORDS * alone) / (
                    self._firsts[before] + PRIOR_WORDS
                )
                of_pool = (singles[word] + PRIOR_WORDS**2 * alone) / (total + PRIOR_WORDS**2)

                after = (pairs[before, word] + PRIOR_WORDS * known) / (firsts[before] + PRIOR_WORDS)
                gains["unigram_gain"] += np.log(of_pool / alone)
                gains["bigram_gain"] += np.log(after / known)
                n_words += 1
        return {name: float(gain) / n_words for name, gain in gains.items()}


def _words(text: str) -> list[str]:
    return [END, *re.findall(r"\d|[^\W\d]+|\n|[^\w\s]", text.lower()), END]


def _counts(texts: Iterable[list[str]]) -> tuple[Counter, Counter]:
    pairs: Counter = Counter()
    firsts: Counter = Counter()
    for words in texts:
        pairs.update(pairwise(words))
        firsts.update(words[:-1])
    return pairs, firsts
