"""Written answers: those of a forward pass a token, whatever the batch."""

import re

import pytest
import torch

from equal_assets.resources.students import generation
from equal_assets.resources.students.causal_lm import load
from equal_assets.resources.students.generation import generate_answers
from equal_assets.resources.students.student import ask
from equal_assets.resources.students.tokens import end_tokens, prompt_tokens
from equal_assets_tests.micro_student import TRAIN, long_question, silent

QUESTIONS = [pair.question for pair in TRAIN[:9]]


def write(student, path, questions, **changes):
    keys = {"max_tokens": 24, "samples": 1, "temperature": 0.0, "seed": 0, "progress": silent}
    return student.generate(path, questions, **{**keys, **changes})


def by_hand(path, question, *, n_tokens):
    """Take the likeliest token each time, by a forward pass of the whole text."""
    model, tokenizer = load(path)
    (ids,) = prompt_tokens(tokenizer, [ask(question)])
    start = len(ids)
    while len(ids) - start < n_tokens and ids[-1] not in end_tokens(tokenizer):
        with torch.no_grad():
            ids.append(int(model.eval()(torch.tensor([ids])).logits[0, -1].argmax()))
    return tokenizer.decode(ids[start:], skip_special_tokens=True).strip()


def test_likeliest_answers_are_those_of_single_forward_passes(student, tuning):
    questions = ["Where?", *QUESTIONS[:3], "Where is the old green engine and the red one now?"]
    found = write(student, tuning.path, questions)
    assert found == [[by_hand(tuning.path, question, n_tokens=24)] for question in questions]


def test_tuned_student_answers_what_it_learned(student, tuning):
    found = write(student, tuning.path, [pair.question for pair in TRAIN[:40]])
    assert (
        sum(re.fullmatch(r"The \w+ \w+ stands in the \w+\.", text) is not None for (text,) in found)
        > 30
    )
    assert all(text.endswith(".") for (text,) in found)  # each ended by itself


def test_answers_do_not_depend_on_company(student, tuning, monkeypatch):
    questions = [*QUESTIONS, long_question(5)]
    together = write(student, tuning.path, questions)
    monkeypatch.setattr(generation, "GENERATION_PART_TOKENS", 1)
    calls = []
    alone = write(student, tuning.path, questions, progress=lambda *call: calls.append(call))
    assert alone == together
    assert calls == [(n, 10) for n in range(1, 11)]


def test_samples_differ_and_repeat_with_their_seed(student, base):
    first, same, other = (
        write(student, base, QUESTIONS, samples=3, temperature=1.0, seed=seed) for seed in (0, 0, 1)
    )
    assert [len(texts) for texts in first] == [3] * 9
    assert first == same != other
    assert len({text for texts in first for text in texts}) > 20


def test_samples_at_temperature_zero_are_alike(student, tuning):
    once, thrice = (write(student, tuning.path, QUESTIONS, samples=n) for n in (1, 3))
    assert thrice == [texts * 3 for texts in once]


def test_generation_leaves_the_random_state_alone(student, base):
    before = torch.get_rng_state()
    write(student, base, QUESTIONS[:1], temperature=1.0)
    assert torch.equal(before, torch.get_rng_state())


def recite(base, text, monkeypatch):
    """Make a model write a text, whatever it has read; return answer, tokens written, in all."""
    model, tokenizer = load(base)
    ids = tokenizer(text, add_special_tokens=False)["input_ids"]
    written = []
    forward = model.forward

    def recited(**keys):
        out = forward(**keys)
        out.logits[:, -1] = 0.0
        out.logits[:, -1, ids[len(written)]] = 100.0
        written.append(ids[len(written)])
        return out

    monkeypatch.setattr(model, "forward", recited)
    monkeypatch.setattr(model, "_validate_model_kwargs", lambda keys: None)  # reads the signature
    ((answer,),) = generate_answers(
        model,
        tokenizer,
        ["Question: why?\nAnswer:"],
        context_tokens=256,
        max_tokens=100,
        samples=1,
        temperature=0.0,
        seed=0,
        progress=silent,
    )
    return answer, len(written), len(ids)


def test_answer_ends_where_another_question_begins(base, monkeypatch):
    answer, n_calls, n_tokens = recite(
        base, " It is so.\nQuestion: And the red lamp?\nAnswer: No", monkeypatch
    )
    assert answer == "It is so."
    assert n_calls < n_tokens


def test_answer_may_speak_of_questions(base, monkeypatch):
    text = "The Question: is it?\n\nA Question"
    answer, _, _ = recite(base, f" {text}<|equal-eos|>", monkeypatch)
    assert answer == text


def test_indentation_of_code_is_part_of_an_answer(base, monkeypatch):
    body = "    total = 0\n    return total"
    answer, _, _ = recite(base, f" {body}\n<|equal-eos|>", monkeypatch)
    assert answer == body


def test_what_follows_the_end_is_no_answer(base, monkeypatch):
    answer, n_calls, _ = recite(base, " red<|equal-eos|> green", monkeypatch)
    assert answer == "red"
    assert n_calls < 10


def test_long_questions_keep_their_end_and_leave_room(student, tuning):
    ((answer,),) = write(
        student, tuning.path, [f"{long_question(30)}. {TRAIN[0].question}"], max_tokens=500
    )
    assert answer
    assert len(load(tuning.path)[1](answer)["input_ids"]) <= 32 + 1


def test_no_question_is_no_answer(student, tuning):
    assert write(student, tuning.path, []) == []


@pytest.mark.parametrize("wrong", [{"max_tokens": 0}, {"samples": 0}, {"temperature": -1.0}])
def test_values_out_of_range_are_refused(student, base, wrong):
    with pytest.raises(ValueError, match="must be >= 1, >= 1, >= 0"):
        write(student, base, QUESTIONS, **wrong)


def test_parameters_are_counted_without_reading_the_weights(student, base, tuning):
    assert student.n_parameters(base) == load(base)[0].num_parameters() == tuning.n_parameters
