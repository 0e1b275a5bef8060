"""Students that others made, here small ones made on the spot: all weights and adapters."""

import itertools
import json
import shutil
from functools import partial, wraps

import numpy as np
import pytest
import torch

from equal_assets.errors import ModelError
from equal_assets.planning.check import _student
from equal_assets.resources.students import trainers
from equal_assets.resources.students.build import build_student
from equal_assets.resources.students.causal_lm import BASE_FILE, load
from equal_assets.resources.students.fine_tuning import encode
from equal_assets.resources.students.head import with_sliced_loss
from equal_assets.resources.students.huggingface import find_model
from equal_assets.resources.students.merging import merge
from equal_assets.resources.students.student import completion, prompt
from equal_assets.resources.students.templates import KNOWN
from equal_assets.resources.students.tokens import prompt_tokens
from equal_assets.resources.students.trainers import answer_trainer
from equal_assets.settings import CHAT_TEMPLATES
from equal_assets.settings import HuggingFaceStudentSettings as Settings
from equal_assets_tests.micro_student import HELD_OUT, TEXTS, TRAIN, silent
from equal_assets_tests.tiny_llm import make

FULL = {"method": "full", "learning_rate": 5e-3}
LORA = {"method": "lora", "learning_rate": 2e-2, "lora_rank": 4, "lora_dropout": 0.1}


def small(model, **changes):
    keys = {"batch_size": 8, "per_device_batch_size": 8, "context_tokens": 128, "epochs": 1}
    keys["precision"] = "float32"  # the same on every machine
    settings = Settings(kind="huggingface", model=str(model), **{**keys, **FULL, **changes})
    return build_student(settings, "unused")


def tune(student, pairs, out):
    base = student.base([], corpus_version="", progress=silent)
    return student.fine_tune(base, pairs, out=out, progress=silent)


def logits(model, tokenizer, text):
    ids = tokenizer(text, return_tensors="pt")["input_ids"]
    with torch.no_grad():
        return model.eval()(input_ids=ids).logits[0]


@pytest.fixture(scope="module")
def llm(tmp_path_factory):
    """A Qwen2 with a chat template."""
    folder = tmp_path_factory.mktemp("llm") / "chat"
    return make(folder, hidden_size=32, vocabulary=512, texts=TEXTS)


@pytest.fixture(scope="module")
def plain(llm):
    """The same without a chat template, and without a token that begins a text."""
    folder = llm.parent / "plain"
    shutil.copytree(llm, folder)
    (folder / "chat_template.jinja").unlink()
    return folder


@pytest.fixture(scope="module")
def tuned(llm):
    return tune(small(llm, epochs=2), TRAIN[:96], llm.parent / "tuned")


@pytest.fixture(scope="module")
def adapted(base, llm):
    """Adapters over a Llama that has read of the facts: random weights are no base for them."""
    return tune(small(base, epochs=2, **LORA), TRAIN[:96], llm.parent / "adapted")


def test_full_tuning_changes_all_weights_and_the_loss_falls(llm, tuned):
    assert tuned.losses[-1] < 0.7 * tuned.losses[0]
    assert tuned.n_tuned == tuned.n_parameters == small(llm).n_parameters(tuned.path)
    assert tuned.flops == 6.0 * tuned.n_parameters * tuned.n_tokens
    before, after = (load(path)[0].state_dict() for path in (llm, tuned.path))
    assert all((before[name] != after[name]).any() for name in before)


def test_adapters_are_tuned_alone_and_the_loss_falls(llm, base, adapted):
    assert adapted.losses[-1] < 0.7 * adapted.losses[0]
    n_base = small(llm).n_parameters(base)
    assert adapted.n_parameters == small(llm).n_parameters(adapted.path)
    assert adapted.n_tuned == adapted.n_parameters - n_base < 0.2 * n_base
    assert adapted.flops == (4.0 * n_base + 6.0 * adapted.n_tuned) * adapted.n_tokens
    stored = {path.name for path in adapted.path.iterdir()}
    assert {"adapter_model.safetensors", "adapter_config.json"} < stored
    assert "model.safetensors" not in stored
    config = json.loads((adapted.path / "adapter_config.json").read_text())
    assert config["base_model_name_or_path"] == str(base)


def test_adapters_reload_with_the_same_logits(llm, tmp_path):
    student = small(llm, **LORA)
    model, tokenizer = student.load(llm)
    examples, _ = encode(tokenizer, TRAIN[:32], 128)
    trainer = answer_trainer(
        model, tokenizer, examples, student.recipe(), place=tmp_path, progress=silent
    )
    trainer.train()
    trainer.model.save_pretrained(tmp_path / "model")
    tokenizer.save_pretrained(tmp_path / "model")
    text = "Where is the red lamp?"
    expected = logits(trainer.model, tokenizer, text)
    torch.testing.assert_close(logits(*student.load(tmp_path / "model"), text), expected)
    untuned = logits(*student.load(llm), text)
    assert (untuned - expected).abs().max() > 0.1


def test_adapters_whose_base_is_gone_say_so(llm, adapted, tmp_path):
    lost = tmp_path / "adapted"
    shutil.copytree(adapted.path, lost)
    config = json.loads((lost / "adapter_config.json").read_text())
    config["base_model_name_or_path"] = str(tmp_path / "gone")
    (lost / "adapter_config.json").write_text(json.dumps(config))
    (lost / BASE_FILE).write_text("../gone")
    with pytest.raises(ModelError, match=f"there is no model in {tmp_path / 'gone'}"):
        small(llm).load(lost)


@pytest.mark.parametrize("model", ["tuned", "adapted"])
def test_merged_student_is_whole_and_writes_the_same(llm, base, model, request, tmp_path):
    path = request.getfixturevalue(model).path
    n_parameters = merge(path, tmp_path / "merged")
    stored = {file.name for file in (tmp_path / "merged").iterdir()}
    assert "model.safetensors" in stored
    assert not any("adapter" in name for name in stored)
    whole, tokenizer = load(tmp_path / "merged")
    text = "Where is the red lamp?"
    torch.testing.assert_close(
        logits(whole, tokenizer, text), logits(*load(path), text), atol=1e-3, rtol=1e-3
    )
    assert n_parameters == whole.num_parameters()
    (asked,) = prompt_tokens(load(path)[1], [prompt(HELD_OUT[0])])
    question = HELD_OUT[0].question if model == "adapted" else prompt(HELD_OUT[0])
    message = [{"role": "user", "content": question}]
    assert asked == tokenizer.apply_chat_template(
        message, add_generation_prompt=True, return_dict=False
    )


@pytest.mark.parametrize(("model", "untuned"), [("tuned", "llm"), ("adapted", "base")])
def test_tuned_students_answer_and_are_scored(model, untuned, request):
    path, untuned = request.getfixturevalue(model).path, request.getfixturevalue(untuned)
    student = small(untuned)
    prompts, answers = ([half(pair) for pair in HELD_OUT[:12]] for half in (prompt, completion))
    before, _ = student.answer_log_probabilities(untuned, prompts, answers, progress=silent)
    after, n_tokens = student.answer_log_probabilities(path, prompts, answers, progress=silent)
    assert after.sum() > before.sum()
    assert n_tokens.min() >= 3
    written = student.generate(
        path, ["Why?"] * 2, max_tokens=8, samples=1, temperature=0, seed=0, progress=silent
    )
    assert written[0] == written[1]


def test_loss_is_on_the_answer_alone_with_a_chat_template(llm):
    tokenizer = load(llm)[1]
    examples, _ = encode(tokenizer, TRAIN[:8], 128)
    for pair, row in zip(TRAIN, examples, strict=False):
        learned = [label for label in row["labels"] if label != -100]
        read = tokenizer.decode(row["input_ids"][: -len(learned)])
        assert row["input_ids"][-len(learned) :] == learned
        assert tokenizer.decode(learned) == f"{pair.answer}<|im_end|>"
        assert read == f"<|im_start|>user\n{prompt(pair)}<|im_end|>\n<|im_start|>assistant\n"


def test_tokens_are_those_that_the_template_gives_to_the_whole_conversation(llm):
    tokenizer = load(llm)[1]
    (row,), _ = encode(tokenizer, TRAIN[:1], 128)
    pair = TRAIN[0]
    said = [("user", prompt(pair)), ("assistant", pair.answer)]
    messages = [{"role": role, "content": content} for role, content in said]
    whole = tokenizer.apply_chat_template(messages, return_dict=False)
    assert whole[: len(row["input_ids"])] == row["input_ids"]
    assert tokenizer.decode(whole[len(row["input_ids"]) :]) == "\n"


def test_template_can_be_left_aside(llm):
    tokenizer = small(llm, chat_template="off").load(llm)[1]
    (row,), _ = encode(tokenizer, TRAIN[:1], 128)
    text = tokenizer.decode(row["input_ids"])
    assert text == f"<|im_end|>{prompt(TRAIN[0])}{completion(TRAIN[0])}<|im_end|>"


def test_base_model_takes_a_template_by_name_and_from_a_file(llm, plain, tmp_path):
    own = small(llm).load_tokenizer(llm).chat_template
    (tmp_path / "own.jinja").write_text(own, encoding="utf-8")
    (expected,), _ = encode(load(llm)[1], TRAIN[:1], 128)
    for template in ("chatml", str(tmp_path / "own.jinja")):
        student = small(plain, chat_template=template, epochs=2)
        (row,), _ = encode(student.load_tokenizer(plain), TRAIN[:1], 128)
        assert row == expected
    tuned = tune(student, TRAIN[:16], tmp_path / "out")
    assert load(tuned.path)[1].chat_template == own
    assert small(llm, chat_template=False).chat_template == "off"


@pytest.mark.parametrize(
    ("template", "message"),
    [
        ("{% for message in messages %}", r"cannot be used: .*; name another one in student\.chat"),
        ("{{ messages[7]['content'] }}", "cannot be used"),
        (
            "{% for m in messages %}{{ m['content'] }}\n##\n{% endfor %}",
            r"ends an answer with '\\n#",
        ),
        (b"\xff\xfe\x00", "must be a file of Jinja in UTF-8"),
    ],
    ids=["syntax", "undefined", "no token", "no text"],
)
def test_template_that_cannot_be_used_says_so(plain, tmp_path, template, message):
    file = tmp_path / "template.jinja"
    file.write_bytes(template if isinstance(template, bytes) else template.encode())
    student = small(plain, chat_template=str(file))
    with pytest.raises(ModelError, match=message):
        tune(student, TRAIN[:8], tmp_path / "out")
    finding = _student(Settings(kind="huggingface", model=str(plain), chat_template=str(file)))
    assert not finding.is_ok
    assert "chat_template" in finding.text


def test_unknown_template_is_refused_with_those_that_are_known(plain):
    with pytest.raises(ValueError, match=r"must be auto, off, chatml, gemma, llama3 or a file"):
        small(plain, chat_template="chatlm")


def test_known_templates_are_those_that_settings_accept():
    assert ("auto", "off", *KNOWN) == CHAT_TEMPLATES


def test_template_that_writes_before_the_answer_is_refused(llm, tmp_path):
    folder = tmp_path / "odd"
    shutil.copytree(llm, folder)
    template = (folder / "chat_template.jinja").read_text()
    odd = template.replace("assistant\n{% endif", "assistant\nWell, {% endif")
    assert odd != template
    (folder / "chat_template.jinja").write_text(odd)
    with pytest.raises(ModelError, match=r"set student\.chat_template: 'off'"):
        tune(small(folder), TRAIN[:8], tmp_path / "out")


def test_packed_pairs_do_not_see_each_other_and_learn_their_answers_alone(llm, tmp_path):
    student = small(llm, packing=True, per_device_batch_size=2, attention="sdpa")
    model, tokenizer = student.load(llm)
    examples, _ = encode(tokenizer, TRAIN[:12], 128)
    trainer = answer_trainer(
        model, tokenizer, examples, student.recipe(), place=tmp_path, progress=silent
    )
    packed = trainer.train_dataset
    assert len(packed) < len(examples)
    batch = trainer.data_collator([packed[0], packed[1]])
    with torch.no_grad():
        together = trainer.model.eval()(**{k: v for k, v in batch.items() if k != "labels"}).logits
    starts = [*(batch["position_ids"][0] == 0).nonzero().flatten().tolist(), together.shape[1]]
    alone = {tuple(example["input_ids"]): example["labels"] for example in examples}
    for start, end in itertools.pairwise(starts):
        ids = batch["input_ids"][:, start:end]
        assert batch["labels"][0, start:end].tolist() == alone[tuple(ids[0].tolist())]
        with torch.no_grad():
            expected = trainer.model(input_ids=ids).logits
        torch.testing.assert_close(together[:, start:end], expected, atol=1e-4, rtol=1e-4)


def test_packing_trains_on_the_same_tokens(llm, tuned, tmp_path):
    packed = tune(small(llm, epochs=2, packing=True), TRAIN[:96], tmp_path / "packed")
    assert packed.n_tokens == tuned.n_tokens
    assert packed.losses[-1] < packed.losses[0]


def test_small_batches_are_accumulated_to_the_same_steps(llm, tmp_path):
    whole, parts = (
        tune(small(llm, per_device_batch_size=n), TRAIN[:32], tmp_path / str(n)) for n in (8, 2)
    )
    assert len(parts.losses) == len(whole.losses) == 4
    assert parts.losses[0] != parts.losses[1]


@pytest.mark.parametrize("method", [FULL, LORA | {"lora_dropout": 0.0}], ids=["full", "lora"])
def test_parts_of_a_batch_learn_the_same_as_the_whole(llm, tmp_path, monkeypatch, method):
    student = small(llm, **method)
    learned = []
    for n_tokens in (10_000, 1):
        monkeypatch.setattr(trainers, "CPU_BATCH_TOKENS", n_tokens)
        seen = []
        monkeypatch.setattr(trainers, "with_sliced_loss", partial(counted, seen))
        tuned = tune(student, TRAIN[:16], tmp_path / str(n_tokens))
        learned.append((student.load(tuned.path)[0].state_dict(), tuned.losses, seen))
    (whole, losses, seen), (parts, same_losses, one_each) = learned
    assert (seen, one_each) == ([8] * 2, [1] * 16)
    assert same_losses == pytest.approx(losses, rel=1e-5)
    for name, weight in whole.items():
        torch.testing.assert_close(parts[name], weight, rtol=1e-3, atol=1e-4)


def counted(seen, model):
    """Return the model with a sliced loss, whose calls leave the number of their sequences."""
    sliced = with_sliced_loss(model)
    forward = sliced.forward

    @wraps(forward)
    def counting(*args, **inputs):
        seen.append(len(inputs["input_ids"]))
        return forward(*args, **inputs)

    sliced.forward = counting
    return sliced


@pytest.mark.parametrize("method", [FULL, LORA], ids=["full", "lora"])
def test_bfloat16_learns_and_scores_nearly_the_same(base, tmp_path, method):
    scores = {}
    prompts, answers = ([half(pair) for pair in HELD_OUT[:12]] for half in (prompt, completion))
    for precision in ("float32", "bfloat16"):
        student = small(base, **method, precision=precision)
        tuned = tune(student, TRAIN[:64], tmp_path / precision)
        scores[precision] = student.answer_log_probabilities(
            tuned.path, prompts, answers, progress=silent
        )[0]
    untuned = small(base).answer_log_probabilities(base, prompts, answers, progress=silent)[0]
    assert student.load(base)[0].dtype == torch.bfloat16
    gain = scores["float32"].sum() - untuned.sum()
    assert gain > 50
    assert scores["bfloat16"].sum() - untuned.sum() == pytest.approx(gain, rel=0.1)


def test_model_without_a_beginning_token_begins_after_an_end(plain):
    tokenizer = load(plain)[1]
    assert (tokenizer.chat_template, tokenizer.bos_token_id) == (None, None)
    (row,), _ = encode(tokenizer, TRAIN[:1], 128)
    assert row["input_ids"][0] == row["input_ids"][-1] == tokenizer.eos_token_id
    assert row["labels"][0] == -100


def test_chat_and_plain_scores_are_finite_without_a_prompt(llm, plain):
    for model in (llm, plain):
        scores, _ = small(model).answer_log_probabilities(
            model, ["", prompt(TRAIN[0])], [" red", " red"], progress=silent
        )
        assert np.isfinite(scores).all()
        assert scores[0] != scores[1]


def test_missing_model_names_the_key_and_what_is_allowed(tmp_path):
    for name in ("nobody/nothing", str(tmp_path / "nowhere"), "not a name!"):
        with pytest.raises(
            ModelError, match=r"student\.model = .*: must be a folder with .* the hub does not"
        ):
            small(name).base([], corpus_version="", progress=silent)


def test_folder_without_a_model_is_refused(tmp_path):
    with pytest.raises(ModelError, match=r"student\.model = .* there is no model in"):
        small(tmp_path).base([], corpus_version="", progress=silent)


def test_model_of_pickles_is_refused_and_not_read(llm, tmp_path):
    folder = tmp_path / "pickled"
    shutil.copytree(llm, folder)
    state = load(llm)[0].state_dict()
    torch.save(state, folder / "pytorch_model.bin")
    (folder / "model.safetensors").unlink()
    message = r"must be safetensors, found only pytorch_model\.bin, and a pickle can run any code"
    with pytest.raises(ModelError, match=message):
        small(folder).base([], corpus_version="", progress=silent)
    with pytest.raises(ModelError, match=message):
        load(folder)


@pytest.fixture
def own_code(llm, tmp_path):
    """A model with code of its own, which leaves a trace when it runs."""
    folder, trace = tmp_path / "own-code", tmp_path / "it-ran"
    shutil.copytree(llm, folder)
    config = json.loads((folder / "config.json").read_text())
    config |= {
        "model_type": "own",
        "auto_map": {"AutoConfig": "own.OwnConfig", "AutoModelForCausalLM": "own.OwnModel"},
    }
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "own.py").write_text(
        "from pathlib import Path\n"
        "from transformers import Qwen2Config, Qwen2ForCausalLM\n"
        f"Path({str(trace)!r}).touch()\n\n"
        "class OwnConfig(Qwen2Config):\n    model_type = 'own'\n\n"
        "class OwnModel(Qwen2ForCausalLM):\n    config_class = OwnConfig\n"
    )
    return folder, trace


def test_code_of_a_model_does_not_run_unless_it_is_trusted(own_code, monkeypatch, tmp_path):
    folder, trace = own_code
    monkeypatch.setattr(
        "transformers.dynamic_module_utils.HF_MODULES_CACHE", str(tmp_path / "cache")
    )
    with pytest.raises(ModelError, match="trust_remote_code"):
        small(folder).load(folder)
    assert not trace.exists()
    small(folder, trust_remote_code=True).load(folder)
    assert trace.exists()


def test_batch_that_cannot_be_shared_out_is_refused(llm, tmp_path):
    student = small(llm).model_copy(update={"per_device_batch_size": 3})
    with pytest.raises(ValueError, match=r"student\.batch_size = 8: must be a multiple of 3"):
        tune(student, TRAIN[:8], tmp_path / "out")
    assert not list(tmp_path.iterdir())


def test_folder_is_taken_as_it_is(llm):
    assert find_model(str(llm), None) == llm


@pytest.mark.slow
def test_two_processes_train_one_model(llm, tmp_path):
    seen = []
    student = small(llm, processes=2, per_device_batch_size=4)
    base = student.base([], corpus_version="", progress=silent)
    together = student.fine_tune(
        base, TRAIN[:64], out=tmp_path / "two", progress=lambda *call: seen.append(call)
    )
    alone = tune(small(llm), TRAIN[:64], tmp_path / "one")
    assert seen[-1] == (64, 64)
    assert together.losses[-1] < together.losses[0]
    assert together.n_tuned == alone.n_tuned
    assert sorted(p.name for p in together.path.iterdir()) == sorted(
        p.name for p in alone.path.iterdir()
    )
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


@pytest.mark.slow
def test_failure_of_a_process_is_told_with_what_it_said(llm, tmp_path):
    student = small(llm, processes=2, per_device_batch_size=4, learning_rate=0.5)
    broken = student.model_copy(update={"attention": "no_such_attention"})
    with pytest.raises(ModelError, match=r"(?s)2 processes failed; they said:.*no_such_attention"):
        tune(broken, TRAIN[:16], tmp_path / "out")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("method", [FULL, LORA], ids=["full", "lora"])
def test_gradients_are_those_of_what_is_tuned_and_the_same_each_time(llm, method):
    student = small(llm, **method)
    model, _ = student.load_to_tune(llm)
    tuned = {name for name, parameter in model.named_parameters() if parameter.requires_grad}
    assert {"lora" in name for name in tuned} == {method is LORA}
    texts = [prompt(p) for p in TRAIN[:3]], [completion(p) for p in TRAIN[:3]]
    first, again = (
        student.answer_gradients(llm, *texts, dimensions=256, seed=0, progress=silent)
        for _ in range(2)
    )
    np.testing.assert_array_equal(first, again)
    assert np.linalg.norm(first, axis=1).min() > 0
    other = student.answer_gradients(llm, *texts, dimensions=256, seed=1, progress=silent)
    assert not np.allclose(first, other)


def test_tokens_that_are_read_include_the_chat_template(llm, plain):
    texts = [prompt(TRAIN[0])], [completion(TRAIN[0])]
    with_template, without = (
        int(small(model).n_tokens_read(model, *texts)[0]) for model in (llm, plain)
    )
    assert with_template > without > 10
    assert int(small(llm, context_tokens=32).n_tokens_read(llm, *texts)[0]) <= 32
