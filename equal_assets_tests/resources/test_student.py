"""The tiny student on a micro model: pretraining, fine-tuning, log-probabilities, evaluation."""

import dataclasses
import random

import numpy as np
import pytest

from equal_assets.algorithms.flops import training_flops
from equal_assets.algorithms.metrics import perplexity
from equal_assets.errors import ModelError
from equal_assets.records import QAPair
from equal_assets.resources import student as module
from equal_assets.resources.student import TinyStudent, build_student, completion, prompt
from equal_assets.settings import Student as StudentSettings

MICRO = StudentSettings(
    vocabulary=512,
    hidden_size=32,
    layers=1,
    heads=2,
    context_tokens=64,
    pretrain_tokens=12_000,
    pretrain_learning_rate=2e-2,
    batch_size=8,
    epochs=4,
    learning_rate=5e-3,
)
COLORS = ("red", "green", "blue", "yellow", "violet", "orange")
THINGS = ("lamp", "chair", "river", "stone", "window", "garden", "letter", "engine")
PLACES = ("the hall", "the attic", "the harbor", "the valley", "the market")


def facts() -> list[tuple[str, str, str]]:
    shuffled = [(color, thing, place) for color in COLORS for thing in THINGS for place in PLACES]
    random.Random(0).shuffle(shuffled)
    return shuffled


TEXTS = [
    f"A {color} {thing} stands in {place}. Whoever comes to {place} sees that it is {color}, "
    f"and that no other {thing} is near."
    for color, thing, place in facts()
]
PAIRS = [
    QAPair(f"Where is the {color} {thing}?", f"The {color} {thing} stands in {place}.")
    for color, thing, place in facts()
]
TRAIN, HELD_OUT = PAIRS[:160], PAIRS[200:]


def silent(done: int, total: int) -> None:
    """Progress that nobody listens to."""


def unread() -> list[str]:
    raise AssertionError("the corpus was read although the model is there")


def micro(folder, **changes) -> TinyStudent:
    return build_student(MICRO.model_copy(update=changes), str(folder))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("models")


@pytest.fixture(scope="module")
def student(folder):
    return micro(folder)


@pytest.fixture(scope="module")
def base(student):
    return student.base(TEXTS, corpus_version="facts", progress=silent)


@pytest.fixture(scope="module")
def tuning(student, base, folder):
    return student.fine_tune(base, TRAIN, out=folder / "tuned", progress=silent)


def weights(path) -> bytes:
    return (path / "model.safetensors").read_bytes()


def leftovers(folder) -> list[str]:
    return [path.name for path in folder.iterdir() if path.name.startswith(".new-")]


def long_question(n_words: int) -> str:
    return " ".join(["Where is the red lamp and"] * n_words)


def test_base_is_made_once_and_does_not_depend_on_fine_tuning(student, base, folder):
    assert student.base(unread, corpus_version="facts", progress=silent) == base
    other = micro(folder, epochs=9, learning_rate=1e-4, choices=2)
    assert other.base(unread, corpus_version="facts", progress=silent) == base


def test_base_is_made_again_for_another_corpus_seed_or_size(student, folder):
    for changed, version in (
        (student, "other facts"),
        (micro(folder, seed=1), "facts"),
        (micro(folder, hidden_size=48), "facts"),
    ):
        with pytest.raises(AssertionError, match="the corpus was read"):
            changed.base(unread, corpus_version=version, progress=silent)


def test_base_is_the_same_whatever_the_order_of_the_corpus(base, tmp_path):
    again = micro(tmp_path).base(lambda: iter(TEXTS[::-1]), corpus_version="facts", progress=silent)
    assert again.name == base.name
    assert weights(again) == weights(base)
    assert (again / "tokenizer.json").read_bytes() == (base / "tokenizer.json").read_bytes()


def test_base_that_is_interrupted_leaves_nothing(tmp_path):
    def stop(done, total):
        if done > total / 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        micro(tmp_path).base(TEXTS, corpus_version="facts", progress=stop)
    assert not list(tmp_path.iterdir())


def test_base_refuses_a_corpus_that_fills_no_context(tmp_path):
    with pytest.raises(ValueError, match=r"the corpus gives \d+ tokens .* expected at least 64"):
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
    sample = module._sample(texts, n_characters=1990, reading=lambda: None)
    assert sum(map(len, sample)) == 2000
    assert sample == module._sample(texts[::-1], n_characters=1990, reading=lambda: None)
    assert 15 < sum(text in texts[:250] for text in sample) < 85


def test_tokenizer_is_lossless_and_what_transformers_loads(base):
    from transformers import AutoTokenizer

    tokenizer = module._load(base)[1]
    text = "A red lamp -- naïve, 光, </s>\n\n\tdef f(): ..."
    ids = tokenizer(text)["input_ids"]
    assert ids[0] == tokenizer.bos_token_id
    assert tokenizer.decode(ids, skip_special_tokens=True) == text
    assert AutoTokenizer.from_pretrained(base)(text)["input_ids"] == ids


def test_loss_falls_and_the_account_adds_up(student, base, tuning):
    from transformers import AutoModelForCausalLM

    model, tokenizer = AutoModelForCausalLM.from_pretrained(base), module._load(base)[1]
    lengths = [len(tokenizer(prompt(p) + completion(p) + module.EOS)["input_ids"]) for p in TRAIN]
    assert np.mean(tuning.losses[-5:]) < 0.5 * tuning.losses[0]
    assert (tuning.n_examples, tuning.n_truncated, tuning.n_left_out) == (len(TRAIN), 0, 0)
    assert tuning.n_parameters == sum(p.numel() for p in model.parameters())
    assert tuning.n_tokens == MICRO.epochs * sum(lengths)
    assert tuning.flops == training_flops(tuning.n_parameters, tuning.n_tokens)
    assert tuning.seconds > 0


def test_fine_tuning_improves_held_out_answers(student, base, tuning):
    before, after = (
        student.evaluate(path, HELD_OUT, progress=silent) for path in (base, tuning.path)
    )
    assert after.perplexity < 0.5 * before.perplexity
    assert after.accuracy > before.accuracy


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


def test_another_seed_gives_other_weights(base, folder, tmp_path):
    first, second = (
        micro(folder, seed=seed, epochs=1).fine_tune(
            base, TRAIN[:24], out=tmp_path / str(seed), progress=silent
        )
        for seed in (0, 1)
    )
    assert weights(first.path) != weights(second.path)


def test_loss_is_on_the_answer_and_its_end_alone(student, base, tmp_path):
    model, tokenizer = module._load(base)
    trainer = student._sft_trainer(model, tokenizer, TRAIN[:16], tmp_path, silent)
    for pair, row in zip(TRAIN, trainer.train_dataset, strict=False):
        trained = [label for label in row["labels"] if label != -100]
        n_prompt = len(row["labels"]) - len(trained)
        assert row["input_ids"][n_prompt:] == trained
        assert row["input_ids"][0] == tokenizer.bos_token_id
        assert tokenizer.decode(row["input_ids"][1:n_prompt]) == prompt(pair)
        assert tokenizer.decode(trained) == completion(pair) + tokenizer.eos_token


def test_evaluation_reads_the_tokens_that_training_saw(base):
    tokenizer = module._load(base)[1]
    answers = ["x = 3", "(yes)", "\n\nindented", "...", "42", "'quoted'", "Émile"]
    for pair in [*PAIRS[:20], *(QAPair("Why?", answer) for answer in answers)]:
        apart = module._tokens(tokenizer, [prompt(pair), completion(pair)])
        whole = module._tokens(tokenizer, [prompt(pair) + completion(pair)])[0]
        assert [*apart[0], *apart[1]] == whole


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
        ([], "no QA pairs to fine-tune on"),
        ([*TRAIN[:3], QAPair("Why?", " \n")], "pair 3 is .* expected a question and an answer"),
        ([QAPair("", "Because.")], "pair 0 is .* expected a question and an answer"),
        ([QAPair(long_question(20), "Hm.")], "each of the 1 questions fills the context of 64"),
    ],
)
def test_fine_tuning_refuses(student, base, tmp_path, pairs, message):
    with pytest.raises(ValueError, match=message):
        student.fine_tune(base, pairs, out=tmp_path / "model", progress=silent)
    assert not list(tmp_path.iterdir())


def test_log_probabilities_equal_a_forward_pass_of_each_text_alone(student, tuning):
    import torch

    model, tokenizer = module._load(tuning.path)
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


def test_log_probabilities_do_not_depend_on_company(student, base, monkeypatch):
    prompts, answers = [prompt(p) for p in PAIRS[:30]], [completion(p) for p in PAIRS[30:60]]
    together = student.answer_log_probabilities(base, prompts, answers, progress=silent)
    monkeypatch.setattr(module, "EVALUATION_PART_TOKENS", 1)
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
    with pytest.raises(ValueError, match="answer 1 is empty"):
        student.answer_log_probabilities(base, ["", ""], [" yes", ""], progress=silent)


def test_log_probabilities_refuse_unequal_numbers(student, base):
    with pytest.raises(ValueError, match="2 prompts for 1 answers"):
        student.answer_log_probabilities(base, ["", ""], [" yes"], progress=silent)


def test_missing_model_says_what_to_do(student, tmp_path):
    with pytest.raises(ModelError, match=r"there is no model in .* materialize"):
        student.evaluate(tmp_path / "nowhere", HELD_OUT, progress=silent)


def test_evaluation_repeats_and_adds_up(student, tuning):
    scores = student.evaluate(tuning.path, HELD_OUT, progress=silent)
    assert scores == student.evaluate(str(tuning.path), HELD_OUT, progress=silent)
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


def scripted(**changes) -> Scripted:
    return Scripted(models_folder="none", **{**MICRO.model_dump(), **changes})


def test_student_that_knows_every_answer_is_right_everywhere():
    pairs = [QAPair(f"Is it {word}?", word) for word in ("one", "two", "three", "four", "five")]
    scores = scripted().evaluate("none", pairs, progress=silent)
    assert scores.accuracy == 1.0
    assert scores.perplexity == pytest.approx(np.exp(9 / 2))


def test_student_that_cannot_tell_is_wrong_everywhere():
    pairs = [QAPair("Which?", word) for word in ("one", "two", "three", "four", "five")]
    assert scripted().evaluate("none", pairs, progress=silent).accuracy == 0.0


def test_answer_like_the_true_one_is_no_wrong_choice():
    pairs = [QAPair(f"Is it {word}?", word) for word in ("yes", "yes", "no", "no")]
    assert scripted(choices=4).evaluate("none", pairs, progress=silent).accuracy == 1.0


def test_evaluation_refuses_fewer_questions_than_choices():
    with pytest.raises(ValueError, match="n_questions = 3, expected >= 4"):
        scripted().evaluate("none", PAIRS[:3], progress=silent)


def test_evaluation_refuses_a_question_without_answer():
    with pytest.raises(ValueError, match=r"pair 3 is .* expected a question and an answer"):
        scripted().evaluate("none", [*PAIRS[:3], QAPair("Why?", "")], progress=silent)


def test_nothing_is_printed(student, base, tmp_path, capfd, recwarn):
    student.fine_tune(base, TRAIN[:16], out=tmp_path / "model", progress=silent)
    printed = capfd.readouterr()
    assert (printed.out, printed.err) == ("", "")
    assert not [w for w in recwarn if issubclass(w.category, FutureWarning)]


def test_records_are_frozen(tuning):
    with pytest.raises(dataclasses.FrozenInstanceError):
        tuning.n_tokens = 0
