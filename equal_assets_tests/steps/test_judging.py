"""Judging by choice: of a micro student, and of one whose answers are scripted."""

import numpy as np
import polars as pl
import pytest

from equal_assets.pages.students import asked_questions
from equal_assets.records import Option, QAPair
from equal_assets.resources.students.tiny import TinyStudent
from equal_assets.settings import EvaluationSettings
from equal_assets.steps.judging import (
    ANSWER_COLUMNS,
    answers_on_test,
    drawn_questions,
    metrics_of,
)
from equal_assets.steps.judging import judge as ask
from equal_assets.steps.multiple_choice import judge_by_choice
from equal_assets_tests.micro_student import HELD_OUT, MICRO, PAIRS, silent

EVALUATION = EvaluationSettings(choices=4)


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
    with pytest.raises(ValueError, match="n_questions = 3: must be >= 4"):
        judge(scripted(), "none", PAIRS[:3], progress=silent)


def test_evaluation_refuses_a_question_without_answer():
    with pytest.raises(ValueError, match=r"pair 3 = .* must be a question and an answer"):
        judge(scripted(), "none", [*PAIRS[:3], QAPair("Why?", "")], progress=silent)


def test_fine_tuning_improves_held_out_answers(student, base, tuning):
    before, after = (
        judge(student, path, HELD_OUT, progress=silent) for path in (base, tuning.path)
    )
    assert after.perplexity < 0.5 * before.perplexity
    assert after.accuracy > before.accuracy


class Writing(Scripted):
    """Writes what the question says after 'write:'; sample n says how often it has been asked."""

    def generate(self, path, questions, *, max_tokens, samples, temperature, seed, progress):
        return [
            [question.partition("write: ")[2].replace("<n>", str(n)) for n in range(samples)]
            for question in questions
        ]


def written(rows, *, answers, decimal=None, options=(), **evaluation):
    """Return the answers of a student that writes each row's second text."""
    frame = pl.DataFrame(
        [
            {
                "question": f"Question {number}, write: {text}",
                "answer": truth,
                "code_prefix": "",
                "code_tests": truth,
            }
            for number, (truth, text) in enumerate(rows)
        ]
    )
    student = Writing(models_folder="none", **MICRO.model_dump(exclude={"kind"}))
    asked = EvaluationSettings(choices=2, **evaluation)
    return ask(
        student,
        "none",
        frame,
        answers=answers,
        decimal=decimal,
        evaluation=asked,
        progress=silent,
        options=options,
    )


def test_options_are_weighed_against_each_other_and_judged_as_written():
    offered = [
        [Option("A", "tin", is_right=False), Option("B", "iron", is_right=True)],
        [Option("A", "oak", is_right=True), Option("B", "elm", is_right=False)],
        [Option("A", "two", is_right=False), Option("B", "six", is_right=True)],
    ]
    rows = [("B. iron", "B. iron"), ("A. oak", "the answer is elm"), ("B. six", "six")]
    answers = written(rows, answers="text", options=offered)
    assert answers.filter(measure="choice")["is_correct"].to_list() == [True, False, True]
    assert answers.filter(measure="choice")["extracted"][1] == "B. elm"
    weighed = answers.filter(measure="pmi_accuracy")
    # `Scripted` holds for likelier what its prompt spells out: the first alone
    assert weighed["output"].to_list()[0] == "B. iron"
    assert weighed["is_correct"].to_list() == [True, False, False]
    assert {"choice", "pmi_accuracy"} < set(metrics_of(answers)["metric"])


def test_questions_may_have_different_numbers_of_options():
    pairs = [QAPair("Is it A. one?", "A. one"), QAPair("Is it C. two?", "C. two")]
    offered = [
        [Option("A", "one", is_right=True), Option("B", "two", is_right=False)],
        [
            Option(label, text, text == "two")
            for label, text in zip("ABC", ("x", "y", "two"), strict=True)
        ],
    ]
    scores = judge_by_choice(
        scripted(), "none", pairs, choices=4, seed=0, progress=silent, options=offered
    )
    assert scores.taken == ("A. one", "C. two")
    assert scores.accuracy == 1.0


def test_any_of_several_right_answers_counts_and_is_no_wrong_choice():
    more = [[Option(None, "18.5", is_right=True)], []]
    rows = [("18", "The answer is 18.5."), ("7", "The answer is 18.5.")]
    answers = written(rows, answers="number", options=more)
    strict = answers.filter(measure="number_strict")
    assert strict["is_correct"].to_list() == [True, False]
    assert strict["reason"].to_list() == [None, "wrong value: expected 7"]
    pairs = [QAPair("Is it yes?", "yes"), QAPair("Is it no, no or yes?", "no")]
    alias = [[], [Option(None, "yes", is_right=True)]]
    scores = judge_by_choice(
        scripted(), "none", pairs, choices=2, seed=0, progress=silent, options=alias
    )
    assert scores.accuracy == 1.0


def test_final_numbers_are_read_strictly_and_flexibly():
    answers = written(
        [
            ("The answer is 1,234.", "So 1234 it is. The answer is $1,234."),
            ("#### 18", "she has 18 of them"),
            ("The answer is 5.", "The answer is 6."),
        ],
        answers="number",
    )
    found = metrics_of(answers).filter(pl.col("metric").str.starts_with("number"))
    assert dict(found.select("metric", "value").rows()) == pytest.approx(
        {"number_strict": 1 / 3, "number_flexible": 2 / 3}
    )
    flexible = answers.filter(measure="number_flexible")
    assert flexible["extracted"].to_list() == ["$1,234", "18", "6"]
    assert flexible["output"][1] == "she has 18 of them"
    assert flexible["reason"].null_count() == 2


def test_a_decimal_comma_is_told_by_the_target_or_by_its_other_answers():
    rows = [("18,50", "Die Antwort ist 18,5."), ("1.234", "#### 1234"), ("2,5", "Es sind 7,5.")]
    answers = written(rows, answers="number")
    flexible = answers.filter(measure="number_flexible")
    assert flexible["is_correct"].to_list() == [True, True, False]
    declared = written([("1,234", "#### 1234"), ("1", "2")], answers="number", decimal="point")
    assert declared.filter(measure="number_strict")["is_correct"].to_list() == [True, False]


def test_expressions_are_compared_as_mathematics():
    answers = written(
        [
            (r"so \boxed{\frac{1}{2}}", r"it is \boxed{0.5}"),
            (r"\boxed{x^2+2x+1}", r"\boxed{(x+1)^2}"),
            (r"\boxed{3}", r"\boxed{4}"),
        ],
        answers="math",
    )
    assert answers.filter(measure="math")["is_correct"].to_list() == [True, True, False]


def test_code_is_run_and_several_samples_give_pass_at_k():
    answers = written(
        [
            ("assert f() == 1", "def f():\n    return <n>"),
            ("assert f() == 9", "def f():\n    return <n>"),
        ],
        answers="code",
        samples=3,
        temperature=1.0,
    )
    metrics = {row["metric"]: row for row in metrics_of(answers).iter_rows(named=True)}
    assert metrics["pass_at_1"]["value"] == pytest.approx(1 / 6)
    assert metrics["pass_at_3"]["value"] == 0.5
    assert metrics["pass_at_3"]["low"] < 0.5 < metrics["pass_at_3"]["high"]
    ran = answers.filter(measure="code")
    assert ran.select("position", "sample", "is_correct").rows() == [
        (position, sample, (position, sample) == (0, 1))
        for position in range(2)
        for sample in range(3)
    ]
    assert "AssertionError" in ran["reason"][0]


def test_tuned_student_writes_what_is_judged(student, tuning):
    pairs = [QAPair(pair.question, "The answer is 5.") for pair in HELD_OUT[:6]]
    asked = EvaluationSettings(choices=2, samples=2, temperature=1.0, max_answer_tokens=12)
    answers = ask(
        student, tuning.path, questions(pairs), answers="number", evaluation=asked, progress=silent
    )
    strict = answers.filter(measure="number_strict")
    assert strict.select("position", "sample").rows() == [(p, s) for p in range(6) for s in (0, 1)]
    assert any("stands in" in output for output in strict["output"])  # as it was tuned to
    found = {row["metric"]: row for row in metrics_of(answers).iter_rows(named=True)}
    assert found["number_strict"]["value"] == 0.0
    assert found["number_strict"]["n_questions"] == 6


def test_the_same_questions_are_drawn_each_time_and_more_are_those_and_others():
    test = pl.DataFrame({"position": range(100)})
    few, more, other = (
        drawn_questions(test, EvaluationSettings(questions=n, seed=seed))["position"].to_list()
        for n, seed in ((10, 0), (30, 0), (30, 1))
    )
    assert len(few) == 10
    assert few == sorted(few)
    assert set(few) < set(more)
    assert set(more) != set(other)
    for all_of_them in (EvaluationSettings(), EvaluationSettings(questions=1000)):
        assert drawn_questions(test, all_of_them).equals(test)


@pytest.mark.parametrize("campaign", ["equal", "random"])
def test_a_limited_number_of_test_questions_is_asked_and_their_places_are_kept(
    warehouse, campaigns, campaign
):
    words = [f"w{number}" for number in range(40)]
    rows = [
        {"campaign": campaign, "split": "test", "position": place, "answer": word}
        | {"question": f"Is it {word}?"}
        for place, word in enumerate(words)
    ]
    with warehouse.transaction() as transaction:
        transaction.insert("target_qa", pl.DataFrame(rows))
    settings = campaigns.load()
    limited = settings.model_copy(update={"evaluation": EvaluationSettings(questions=6)})
    answers = answers_on_test(
        scripted(),
        "none",
        warehouse,
        campaign=campaign,
        name="tuned",
        identity="model",
        settings=limited,
        log=None,
    )
    asked = answers.filter(measure="pmi_accuracy")
    drawn = drawn_questions(pl.DataFrame(rows), limited.evaluation)["position"].to_list()
    assert asked["position"].to_list() == drawn != list(range(6))
    assert asked["output"].to_list() == [words[place] for place in asked["position"]]
    stored = warehouse.query("student_answers", campaign=campaign, student="tuned")
    assert set(stored["position"]) == set(asked["position"])
    with warehouse.transaction() as transaction:
        found = metrics_of(answers).rename({"value": "tuned", "low": "tuned_low"})
        found = found.rename({"high": "tuned_high"}).with_columns(campaign=pl.lit(campaign))
        same = {f"base{end}": pl.col(f"tuned{end}") for end in ("", "_low", "_high")}
        transaction.insert("student_accuracy", found.with_columns(**same))
    row = warehouse.query("student_accuracy", campaigns=[campaign]).row(0, named=True)
    assert asked_questions(row) == "6 of 40"


def test_fewer_questions_than_choices_are_refused():
    with pytest.raises(ValueError, match=r"questions = 3: must be at least choices \(4\)"):
        EvaluationSettings(questions=3)
