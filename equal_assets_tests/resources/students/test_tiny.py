"""The tiny student on a micro model: its base."""

import pytest

from equal_assets.resources.students.causal_lm import load
from equal_assets.resources.students.tiny import _sample
from equal_assets_tests.micro_student import TEXTS, facts, micro, silent


def unread() -> list[str]:
    raise AssertionError("the corpus was read although the model is there")


def weights(path) -> bytes:
    return (path / "model.safetensors").read_bytes()


def test_base_is_made_once_and_does_not_depend_on_fine_tuning(student, base, micro_folder):
    assert student.base(unread, corpus_version="facts", progress=silent) == base
    other = micro(micro_folder, epochs=9, learning_rate=1e-4)
    assert other.base(unread, corpus_version="facts", progress=silent) == base


def test_base_is_made_again_for_another_corpus_seed_or_size(student, micro_folder):
    for changed, version in (
        (student, "other facts"),
        (micro(micro_folder, seed=1), "facts"),
        (micro(micro_folder, hidden_size=48), "facts"),
    ):
        with pytest.raises(AssertionError, match="the corpus was read"):
            changed.base(unread, corpus_version=version, progress=silent)


def test_base_is_the_same_whatever_the_order_of_the_corpus(base, tmp_path):
    again = micro(tmp_path).base(lambda: iter(TEXTS[::-1]), corpus_version="facts", progress=silent)
    assert again.name == base.name
    assert weights(again) == weights(base)
    assert (again / "tokenizer.json").read_bytes() == (base / "tokenizer.json").read_bytes()


@pytest.mark.parametrize("share", [0.05, 0.5])
def test_base_that_is_interrupted_goes_on_from_its_last_checkpoint(base, tmp_path, share):
    def stop(done, total):
        if done > share * total:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        micro(tmp_path).base(TEXTS, corpus_version="facts", progress=stop)
    assert (
        bool(list(tmp_path.glob(".tiny-*/checkpoint-*")))
        == (share > 0.1)
        == any(tmp_path.iterdir())
    )
    steps = []
    again = micro(tmp_path).base(
        TEXTS, corpus_version="facts", progress=lambda done, total: steps.append(done)
    )
    assert [path.name for path in tmp_path.iterdir()] == [again.name]
    assert weights(again) == weights(base)
    trained = [done for done in steps if done]
    assert (trained[0] > 0.3 * trained[-1]) == (share > 0.1)


def test_base_refuses_a_corpus_that_fills_no_context(tmp_path):
    with pytest.raises(ValueError, match=r"the corpus gives \d+ tokens .* must be at least 64"):
        micro(tmp_path).base(["a stone"], corpus_version="short", progress=silent)


def test_pretraining_teaches_the_corpus(student, base, tmp_path):
    untrained = micro(tmp_path, pretrain_learning_rate=1e-9).base(
        TEXTS, corpus_version="facts", progress=silent
    )
    held_out = [f" A {color} {thing} stands in {place}." for color, thing, place in facts()[:20]]
    before, after = (
        student.answer_log_probabilities(path, [""] * 20, held_out, progress=silent)[0].sum()
        for path in (untrained, base)
    )
    assert after > 0.7 * before  # log-probabilities: nearer to 0 is likelier


def test_sample_is_even_large_enough_and_independent_of_order():
    texts = [f"{number:04d}" * 5 for number in range(500)]
    sample = _sample(texts, n_characters=1990, reading=lambda: None)
    assert sum(map(len, sample)) == 2000
    assert sample == _sample(texts[::-1], n_characters=1990, reading=lambda: None)
    assert 15 < sum(text in texts[:250] for text in sample) < 85


def test_tokenizer_is_lossless_and_what_transformers_loads(base):
    from transformers import AutoTokenizer

    tokenizer = load(base)[1]
    text = "A red lamp -- naïve, 光, </s>\n\n\tdef f(): ..."
    ids = tokenizer(text)["input_ids"]
    assert ids[0] == tokenizer.bos_token_id
    assert tokenizer.decode(ids, skip_special_tokens=True) == text
    assert AutoTokenizer.from_pretrained(base)(text)["input_ids"] == ids
