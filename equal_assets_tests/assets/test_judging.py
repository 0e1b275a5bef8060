"""Judging by choice: of a micro student, and of one whose answers are scripted."""

import numpy as np
import polars as pl
import pytest

from equal_assets.assets.judging import ANSWER_COLUMNS, judge_by_choice, metrics_of
from equal_assets.assets.judging import judge as ask
from equal_assets.records import QAPair
from equal_assets.resources.tiny_student import TinyStudent
from equal_assets.settings import Evaluation
from equal_assets_tests.micro_student import HELD_OUT, MICRO, PAIRS, silent

EVALUATION = Evaluation(choices=4)


def judge(student, path, pairs, *, choices=4, seed=0, progress):
    return judge_by_choice(student, path, pairs, choices=choices, seed=seed, progress=progress)


def questions(pairs) -> pl.DataFrame:
    return pl.DataFrame(
        {"question": [p.question for p in pairs], "answer": [p.answer for p in pairs]}
    )


def test_evaluation_repeats_and_adds_up(student, tuning):
    first, again = (
        ask(
            student,
            path,
            questions(HELD_OUT),
            answers="text",
            evaluation=EVALUATION,
            progress=silent,
        )
        for path in (tuning.path, str(tuning.path))
    )
    assert first.equals(again)
    assert first.columns == list(ANSWER_COLUMNS)
    metrics = {row["metric"]: row for row in metrics_of(first).iter_rows(named=True)}
    assert set(metrics) == {"pmi_accuracy", "perplexity"}
    choices = judge(student, tuning.path, HELD_OUT, progress=silent)
    assert metrics["pmi_accuracy"]["value"] == choices.accuracy
    assert metrics["perplexity"]["value"] == pytest.approx(choices.perplexity)
    for row in metrics.values():
        assert row["low"] < row["value"] < row["high"]
        assert row["n_questions"] == len(HELD_OUT)


def test_every_answer_is_told_with_what_was_read_and_taken():
    pairs = [QAPair(f"Is it {word}?", word) for word in ("one", "two", "three", "four", "five")]
    answers = ask(
        scripted(), "none", questions(pairs), answers="text", evaluation=EVALUATION, progress=silent
    )
    taken = answers.filter(measure="pmi_accuracy")
    assert taken["output"].to_list() == [pair.answer for pair in pairs]
    assert taken["is_correct"].to_list() == [True] * 5
    assert taken["prompt"][0] == "Question: Is it one?\nAnswer:"
    weighed = answers.filter(measure="perplexity")
    assert weighed.select("log_probability", "n_tokens").rows() == [(-9.0, 2)] * 5
    assert weighed["is_correct"].to_list() == [None] * 5


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
