"""Fine-tuning of a micro model on answers."""

import dataclasses

import numpy as np
import pytest

from equal_assets.algorithms.flops import training_flops
from equal_assets.errors import ModelError
from equal_assets.records import QAPair
from equal_assets.resources.students.causal_lm import load, load_tokenizer
from equal_assets.resources.students.fine_tuning import encode
from equal_assets.resources.students.student import completion, prompt
from equal_assets.resources.students.tiny import EOS
from equal_assets_tests.micro_student import MICRO, TRAIN, long_question, micro, silent


def weights(path) -> bytes:
    return (path / "model.safetensors").read_bytes()


def leftovers(folder) -> list[str]:
    return [path.name for path in folder.iterdir() if path.name.startswith(".")]


def test_loss_falls_and_the_account_adds_up(student, base, tuning):
    from transformers import AutoModelForCausalLM

    model, tokenizer = AutoModelForCausalLM.from_pretrained(base), load(base)[1]
    lengths = [len(tokenizer(prompt(p) + completion(p) + EOS)["input_ids"]) for p in TRAIN]
    assert np.mean(tuning.losses[-5:]) < 0.5 * tuning.losses[0]
    assert (tuning.n_examples, tuning.n_truncated, tuning.n_left_out) == (len(TRAIN), 0, 0)
    assert tuning.n_parameters == sum(p.numel() for p in model.parameters())
    assert tuning.n_tokens == MICRO.epochs * sum(lengths)
    assert tuning.flops == training_flops(tuning.n_parameters, tuning.n_tokens)
    assert tuning.seconds > 0


def test_fine_tuning_repeats_and_replaces_what_is_there(student, base, tuning, tmp_path):
    out = tmp_path / "students" / "again"
    out.mkdir(parents=True)
    (out / "stale.txt").write_text("from an earlier run")
    calls = []
    again = student.fine_tune(base, TRAIN, out=out, progress=lambda *call: calls.append(call))
    assert weights(again.path) == weights(tuning.path)
    assert again.losses == tuning.losses
    assert not (out / "stale.txt").exists()
    assert not leftovers(out.parent)
    assert calls[-1] == (len(TRAIN) * MICRO.epochs, len(TRAIN) * MICRO.epochs)


def test_fine_tuning_that_fails_leaves_the_earlier_model(student, base, tmp_path):
    out = tmp_path / "model"
    out.mkdir()
    (out / "earlier.txt").write_text("still here")

    def fail(done, total):
        raise RuntimeError("lost the terminal")

    with pytest.raises(RuntimeError, match="lost the terminal"):
        student.fine_tune(base, TRAIN[:8], out=out, progress=fail)
    assert [path.name for path in out.iterdir()] == ["earlier.txt"]
    assert not leftovers(tmp_path)


def test_another_seed_gives_other_weights(base, micro_folder, tmp_path):
    first, second = (
        micro(micro_folder, seed=seed, epochs=1).fine_tune(
            base, TRAIN[:24], out=tmp_path / str(seed), progress=silent
        )
        for seed in (0, 1)
    )
    assert weights(first.path) != weights(second.path)


def test_training_of_one_step_teaches_something(base, micro_folder, tmp_path):
    student = micro(micro_folder, epochs=1)
    student.fine_tune(base, TRAIN[:3], out=tmp_path / "tuned", progress=silent)
    assert weights(tmp_path / "tuned") != weights(base)


def test_first_of_two_steps_teaches_something(base, micro_folder, tmp_path):
    student = micro(micro_folder, epochs=2)
    tuning = student.fine_tune(base, TRAIN[:8], out=tmp_path / "tuned", progress=silent)
    first, second = tuning.losses
    assert second < first


def test_loss_is_on_the_answer_and_its_end_alone(base):
    tokenizer = load_tokenizer(base)
    examples, _ = encode(tokenizer, TRAIN[:16], 64)
    for pair, row in zip(TRAIN, examples, strict=False):
        trained = [label for label in row["labels"] if label != -100]
        n_prompt = len(row["labels"]) - len(trained)
        assert row["input_ids"][n_prompt:] == trained
        assert row["input_ids"][0] == tokenizer.bos_token_id
        assert tokenizer.decode(row["input_ids"][1:n_prompt]) == prompt(pair)
        assert tokenizer.decode(trained) == completion(pair) + tokenizer.eos_token


def test_long_pairs_are_cut_and_questions_without_room_left_out(student, base, tmp_path):
    pairs = [
        *TRAIN[:8],
        QAPair("Where is it?", "The red lamp stands in the hall. " * 20),
        QAPair(long_question(20), "In the hall."),
    ]
    tuning = student.fine_tune(base, pairs, out=tmp_path / "cut", progress=silent)
    assert (tuning.n_examples, tuning.n_truncated, tuning.n_left_out) == (9, 1, 1)


@pytest.mark.parametrize(
    ("pairs", "message"),
    [
        ([], "QA pairs to fine-tune on = 0: must be at least 1"),
        ([*TRAIN[:3], QAPair("Why?", " \n")], "pair 3 = .* must be a question and an answer"),
        ([QAPair("", "Because.")], "pair 0 = .* must be a question and an answer"),
    ],
)
def test_fine_tuning_refuses(student, base, tmp_path, pairs, message):
    with pytest.raises(ValueError, match=message):
        student.fine_tune(base, pairs, out=tmp_path / "model", progress=silent)
    assert not list(tmp_path.iterdir())


def test_questions_without_room_for_an_answer_are_told_as_a_setting(student, base, tmp_path):
    pairs = [QAPair(long_question(20), "Hm.")]
    with pytest.raises(ModelError) as told:
        student.fine_tune(base, pairs, out=tmp_path / "model", progress=silent)
    assert str(told.value).startswith("student.context_tokens = 64: must leave room")
    assert "each of the 1 questions fills the context of 64 tokens" in str(told.value)
    assert not list(tmp_path.iterdir())


def test_nothing_is_printed(student, base, tmp_path, capfd, recwarn):
    student.fine_tune(base, TRAIN[:16], out=tmp_path / "model", progress=silent)
    printed = capfd.readouterr()
    assert (printed.out, printed.err) == ("", "")
    assert not [w for w in recwarn if issubclass(w.category, FutureWarning)]


def test_records_are_frozen(tuning):
    with pytest.raises(dataclasses.FrozenInstanceError):
        tuning.n_tokens = 0
