"""Scores of a micro model, by hand and in any company."""

import numpy as np
import pytest

from equal_assets.errors import ModelError
from equal_assets.records import QAPair
from equal_assets.resources.students import causal_lm
from equal_assets.resources.students.causal_lm import load
from equal_assets.resources.students.student import completion, prompt
from equal_assets.resources.students.tokens import tokens
from equal_assets_tests.micro_student import PAIRS, long_question, silent


def test_evaluation_reads_the_tokens_that_training_saw(base):
    tokenizer = load(base)[1]
    answers = ["x = 3", "(yes)", "\n\nindented", "...", "42", "'quoted'", "Émile"]
    for pair in [*PAIRS[:20], *(QAPair("Why?", answer) for answer in answers)]:
        apart = tokens(tokenizer, [prompt(pair), completion(pair)])
        whole = tokens(tokenizer, [prompt(pair) + completion(pair)])[0]
        assert [*apart[0], *apart[1]] == whole


def test_log_probabilities_equal_a_forward_pass_of_each_text_alone(student, tuning):
    import torch

    model, tokenizer = load(tuning.path)
    prompts = [prompt(pair) for pair in PAIRS[:12]] + [""] * 12
    answers = [completion(pair) for pair in PAIRS[:6]] + [" It is " + "so " * n for n in range(6)]
    found, n_tokens = student.answer_log_probabilities(
        tuning.path, prompts, answers * 2, progress=silent
    )
    for index, (before, answer) in enumerate(zip(prompts, answers * 2, strict=True)):
        tail = tokenizer(answer, add_special_tokens=False)["input_ids"]
        ids = torch.tensor([tokenizer(before)["input_ids"] + tail])
        with torch.no_grad():
            log_softmax = model.eval()(input_ids=ids).logits.double().log_softmax(-1)[0]
        start = ids.shape[1] - len(tail)
        expected = sum(log_softmax[start - 1 + i, token].item() for i, token in enumerate(tail))
        assert n_tokens[index] == len(tail)
        assert found[index] == pytest.approx(expected, abs=1e-3)


def test_logits_are_scored_as_the_model_gives_them(base):
    import torch
    from transformers import Gemma2Config, Gemma2ForCausalLM

    tokenizer = load(base)[1]
    config = Gemma2Config(
        vocab_size=len(tokenizer),
        hidden_size=16,
        intermediate_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        num_key_value_heads=1,
        head_dim=8,
        final_logit_softcapping=0.01,  # caps them behind the output layer
    )
    model = Gemma2ForCausalLM(config)
    model.get_output_embeddings().weight.data *= 100  # far from uniform, but for the cap
    found, n_tokens = causal_lm.score_answers(
        model, tokenizer, ["Why?", ""], [" So it is.", " No."], context_tokens=64, progress=silent
    )
    uniform = -n_tokens * np.log(len(tokenizer))
    np.testing.assert_allclose(found, uniform, atol=0.02 * n_tokens.max())
    assert torch.is_grad_enabled()


def test_log_probabilities_do_not_depend_on_company(student, base, monkeypatch):
    prompts, answers = [prompt(p) for p in PAIRS[:30]], [completion(p) for p in PAIRS[30:60]]
    together = student.answer_log_probabilities(base, prompts, answers, progress=silent)
    monkeypatch.setattr(causal_lm, "SCORING_PART_TOKENS", 1)
    alone = student.answer_log_probabilities(base, prompts, answers, progress=silent)
    np.testing.assert_allclose(together[0], alone[0], atol=1e-3)
    np.testing.assert_array_equal(together[1], alone[1])


def test_long_answers_are_scored_over_the_same_tokens_with_and_without_prompt(student, base):
    answer = " The red lamp stands in the hall." * 20
    _, n_tokens = student.answer_log_probabilities(
        base, [long_question(20), ""], [answer, answer], progress=silent
    )
    assert n_tokens.tolist() == [32, 32]


def test_log_probabilities_refuse_an_empty_answer(student, base):
    with pytest.raises(ValueError, match="answer 1 = '': must be text"):
        student.answer_log_probabilities(base, ["", ""], [" yes", ""], progress=silent)


def test_log_probabilities_refuse_unequal_numbers(student, base):
    with pytest.raises(ValueError, match="2 prompts and 1 answers"):
        student.answer_log_probabilities(base, ["", ""], [" yes"], progress=silent)


def test_missing_model_says_what_to_do(student, tmp_path):
    with pytest.raises(ModelError, match=r"there is no model in .* materialize"):
        student.answer_log_probabilities(tmp_path / "nowhere", ["Why?"], [" So."], progress=silent)
