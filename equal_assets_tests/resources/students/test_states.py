"""Mean hidden states of a micro model."""

import numpy as np
import pytest
import torch

from equal_assets.resources.students import causal_lm
from equal_assets.resources.students.causal_lm import load
from equal_assets.resources.students.student import completion, prompt
from equal_assets_tests.micro_student import PAIRS, silent


def read(student, base, pairs):
    texts = [prompt(pair) for pair in pairs], [completion(pair) for pair in pairs]
    return student.answer_states(base, *texts, progress=silent)


def test_state_is_the_mean_of_the_last_layer_weighted_by_place(student, base):
    model, tokenizer = load(base)
    rows = []
    for pair in PAIRS[:6]:
        answer = tokenizer(completion(pair), add_special_tokens=False)["input_ids"]
        ids = torch.tensor([tokenizer(prompt(pair))["input_ids"] + answer])
        with torch.no_grad():
            states = model.eval()(input_ids=ids, output_hidden_states=True).hidden_states[-1][0]
        mean = np.average(states.numpy(), axis=0, weights=np.arange(1, ids.shape[1] + 1))
        rows.append(mean / np.linalg.norm(mean))
    np.testing.assert_allclose(read(student, base, PAIRS[:6]), rows, atol=1e-5)


def test_states_do_not_depend_on_company(student, base, monkeypatch):
    together = read(student, base, PAIRS[:9])
    monkeypatch.setattr(causal_lm, "SCORING_PART_TOKENS", 1)
    np.testing.assert_allclose(read(student, base, PAIRS[:9]), together, atol=1e-5)


def test_text_without_a_prompt_is_read_like_any_other(student, base):
    texts = ["The sum of 2 and 3 is 5.", "Paris"]
    found = student.answer_states(base, ["", ""], texts, progress=silent)
    assert np.linalg.norm(found, axis=1) == pytest.approx([1, 1])
    assert found[0] @ found[1] < 0.999
