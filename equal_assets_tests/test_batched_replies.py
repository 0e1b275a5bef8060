"""Replies to many chats at once are those that each chat gets alone."""

import importlib.util
import sys
from pathlib import Path

import pytest
import torch

from equal_assets_tests import tiny_llm

FILE = Path(__file__).parents[1] / "benchmarks" / "batched.py"
SPEC = importlib.util.spec_from_file_location("batched", FILE)
batched = importlib.util.module_from_spec(SPEC)
sys.modules["batched"] = batched
SPEC.loader.exec_module(batched)

SCHEMA = {"properties": {"pairs": {"type": "array"}}}
CHATS = [[{"role": "user", "content": "word " * n}] for n in (3, 50, 9, 77, 20, 1)]
N_TOKENS = 70  # more than two times that finished replies leave the batch


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    texts = ["word " * 20, '{"pairs": [{"question": "what", "answer": "that"}]}']
    folder = tiny_llm.make(tmp_path_factory.mktemp("model"), vocabulary=400, texts=texts)
    made = batched.BatchedModel(folder, max_new_tokens=N_TOKENS, tokens_at_once=400)
    made._model.float()
    return made


def alone(model, chat):
    """Return the tokens that transformers itself writes."""
    prompt = (
        model._tokenizer.apply_chat_template(chat, add_generation_prompt=True, return_dict=False)
        + model._tokenizer('{"pairs":', add_special_tokens=False)["input_ids"]
    )
    ends = model._ends.tolist()
    with torch.inference_mode():
        whole = model._model.generate(
            torch.tensor([prompt]),
            attention_mask=torch.ones(1, len(prompt), dtype=torch.long),
            max_new_tokens=N_TOKENS,
            do_sample=False,
            eos_token_id=ends,
            pad_token_id=0,
        )
    return whole[0, len(prompt) :].tolist()


def test_replies_are_those_of_each_chat_alone(model):
    assert {reply.completion_tokens for reply in model.answer(CHATS, [SCHEMA] * 6)} == {N_TOKENS}
    first = alone(model, CHATS[0])
    model._ends = torch.tensor([first[4]])  # some replies end early
    wanted = [alone(model, chat) for chat in CHATS]
    assert min(map(len, wanted)) <= 5
    found = model.answer(CHATS, [SCHEMA] * 6)
    assert [reply.completion_tokens for reply in found] == list(map(len, wanted))
    texts = model._tokenizer.batch_decode(wanted, skip_special_tokens=True)
    assert [reply.text for reply in found] == ['{"pairs":' + text for text in texts]
    cut = [len(tokens) == N_TOKENS and tokens[-1] != first[4] for tokens in wanted]
    assert [reply.is_cut_off for reply in found] == cut
