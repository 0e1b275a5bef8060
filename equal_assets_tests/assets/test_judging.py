"""Judging by choice: of a micro student, and of one whose answers are scripted."""

import numpy as np
import pytest

from equal_assets.algorithms.metrics import perplexity
from equal_assets.assets.judging import judge_by_choice
from equal_assets.records import QAPair
from equal_assets.resources.tiny_student import TinyStudent
from equal_assets_tests.micro_student import HELD_OUT, MICRO, PAIRS, silent


def judge(student, path, pairs, *, choices=4, seed=0, progress):
    return judge_by_choice(student, path, pairs, choices=choices, seed=seed, progress=progress)


def test_evaluation_repeats_and_adds_up(student, tuning):
    scores = judge(student, tuning.path, HELD_OUT, progress=silent)
    assert scores == judge(student, str(tuning.path), HELD_OUT, progress=silent)
    assert scores.n_questions == len(HELD_OUT) == len(scores.answer_tokens)
    assert scores.accuracy == np.mean(scores.is_correct)
    assert scores.accuracy_low < scores.accuracy < scores.accuracy_high
    assert scores.perplexity == perplexity(
        np.array(scores.answer_log_probability), np.array(scores.answer_tokens)
    )


class Scripted(TinyStudent):
    """Holds an answer that its prompt spells out for likelier than without, by one nat."""

    def answer_log_probabilities(self, path, prompts, answers, *, progress):
        known = [a.strip() in p for p, a in zip(prompts, answers, strict=True)]
        return np.array(known) - 10.0, np.full(len(answers), 2)


def scripted() -> Scripted:
    return Scripted(models_folder="none", **MICRO.model_dump(exclude={"kind"}))


def test_student_that_knows_every_answer_is_right_everywhere():
    pairs = [QAPair(f"Is it {word}?", word) for word in ("one", "two", "three", "four", "five")]
    scores = judge(scripted(), "none", pairs, progress=silent)
    assert scores.accuracy == 1.0
    assert scores.perplexity == pytest.approx(np.exp(9 / 2))


def test_student_that_cannot_tell_is_wrong_everywhere():
    pairs = [QAPair("Which?", word) for word in ("one", "two", "three", "four", "five")]
    assert judge(scripted(), "none", pairs, progress=silent).accuracy == 0.0


def test_answer_like_the_true_one_is_no_wrong_choice():
    pairs = [QAPair(f"Is it {word}?", word) for word in ("yes", "yes", "no", "no")]
    assert judge(scripted(), "none", pairs, progress=silent).accuracy == 1.0


def test_evaluation_refuses_fewer_questions_than_choices():
    with pytest.raises(ValueError, match="n_questions = 3, expected >= 4"):
        judge(scripted(), "none", PAIRS[:3], progress=silent)


def test_evaluation_refuses_a_question_without_answer():
    with pytest.raises(ValueError, match=r"pair 3 is .* expected a question and an answer"):
        judge(scripted(), "none", [*PAIRS[:3], QAPair("Why?", "")], progress=silent)


def test_fine_tuning_improves_held_out_answers(student, base, tuning):
    before, after = (
        judge(student, path, HELD_OUT, progress=silent) for path in (base, tuning.path)
    )
    assert after.perplexity < 0.5 * before.perplexity
    assert after.accuracy > before.accuracy
