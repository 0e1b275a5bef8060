"""`equal init` as people type it: flags, questions, and a project that `equal check` accepts."""

import json
import re
import shutil

import pytest
from click.testing import CliRunner

from equal_assets.cli import terminal
from equal_assets.cli.main import main
from equal_assets.settings import load_settings
from equal_assets_tests.project import REPOSITORY

TEXT = "Rivers carry water from the mountains to the sea, and shape the valleys on their way. " * 3


@pytest.fixture
def here(tmp_path, monkeypatch):
    """A folder with documents and questions, and no project."""
    monkeypatch.delenv("EQUAL_CAMPAIGNS")
    monkeypatch.delenv("EQUAL_HOME")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(terminal.console, "width", 200)
    (tmp_path / "documents").mkdir()
    rows = [
        {"body": f"Q: What is river {n}?\nA: The one numbered {n}.\n\n{TEXT}"} for n in range(20)
    ]
    write(tmp_path / "documents" / "rivers.jsonl", rows)
    write(
        tmp_path / "questions.jsonl", [{"prompt": f"Why {n}?", "answer": "So."} for n in range(9)]
    )
    return tmp_path


def write(path, rows):
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")


def equal(*arguments, typed=None):
    return CliRunner().invoke(main, arguments, input=typed)


FLAGS = ("--documents", "documents", "--reference", "questions.jsonl")


def test_flags_alone_make_a_project_that_check_accepts(here):
    done = equal("init", *FLAGS, "--yes")
    assert done.exit_code == 0, done.output
    for said in (
        "files      1 .jsonl; read for 30 s at most",
        "fields     body; the text is in body",
        "documents  20, half of them longer than ",
        "languages  en 20 (of 20 documents)",
        "pairs      20 are laid out in 20 of 20 documents",
        "questions  5 to steer by (questions-reference.jsonl), 4 to test (questions-test.jsonl)",
    ):
        assert said in done.output
    settings = load_settings(here / "campaigns.yaml")
    assert settings.corpus.paths == [str(here / "documents")]
    assert settings.corpus.text_field == "body"
    assert settings.targets["my-task"].question_field == "prompt"
    assert settings.targets["my-task"].answer_field == "answer"
    assert {c.strategy for c in settings.campaigns.values()} == {"equal", "random"}
    checked = equal("check")
    assert checked.exit_code == 0, checked.output
    assert "all there: `equal run` can start" in checked.output


def test_chunks_of_long_texts_are_told(here):
    sentences = "".join(f"Sentence {n} is about the number {n}.\n\n" for n in range(300))
    write(here / "documents" / "long.jsonl", [{"body": sentences}])
    done = equal("init", *FLAGS, "--yes")
    assert done.exit_code == 0, done.output
    assert "among them 3 chunks of 1 longer text\n" in done.output


def test_local_model_is_written_with_what_suits_it_and_estimated_first(here):
    flags = ["--extractor", "llama-cpp", "--model", "models/m.gguf"]
    done = equal("init", *FLAGS, *flags, "--yes")
    assert done.exit_code == 0, done.output
    assert "next       equal check && equal preview && equal run" in done.output
    written = (here / "campaigns.yaml").read_text()
    assert "# refine: false" in written
    assert "prompt_price" not in written
    assert load_settings(here / "campaigns.yaml").extractor.backend == "llama-cpp"


def test_paths_work_from_another_folder(here):
    shutil.copy(here / "questions.jsonl", here / "more.jsonl")
    lines = (here / "questions.jsonl").read_text().splitlines(keepends=True)
    (here / "questions.jsonl").write_text("".join(lines[:5]))
    (here / "more.jsonl").write_text("".join(lines[5:]))
    done = equal("init", "projects/rivers", *FLAGS, "--test", "more.jsonl", "--yes")
    assert done.exit_code == 0, done.output
    assert "next       cd projects/rivers && equal check && equal run" in done.output
    folder = here / "projects" / "rivers"
    assert "paths: [../../documents]" in (folder / "campaigns.yaml").read_text()
    settings = load_settings(folder / "campaigns.yaml")
    assert settings.targets["my-task"].test == str(folder / "../../more.jsonl")


def test_questions_are_asked_again_until_an_answer_can_be_used(here):
    (here / "documents" / "notes.md").write_text(f"# Rivers\n\n{TEXT}\n\n# Lakes\n\n{TEXT}")
    answers = [
        "'quoted",
        "nowhere",
        "documents",
        "title",
        "body",
        "none.jsonl",
        "questions.jsonl",
        "",
    ]
    answers += ["magic", "openai", "Qwen/Qwen2.5-7B-Instruct", ""]
    done = equal("init", typed="".join(f"{answer}\n" for answer in answers))
    assert done.exit_code == 0, done.output
    assert "documents = 'quoted: must be paths; No closing quotation" in done.output
    assert re.search(r"/nowhere\b.* supported", done.output)
    assert "text_field = title: must be a field of text: body" in done.output
    assert "none.jsonl: must be a file of questions" in done.output
    assert "extractor = magic: must be one of structural, openai, vllm" in done.output
    settings = load_settings(here / "campaigns.yaml")
    assert settings.corpus.split == "headings"  # of Markdown
    assert settings.extractor.base_urls == ["http://127.0.0.1:8000/v1"]
    assert settings.extractor.model == "Qwen/Qwen2.5-7B-Instruct"


@pytest.mark.parametrize("name", ["campaigns.yaml", "questions-test.jsonl"])
def test_nothing_is_overwritten(name, here):
    (here / name).write_text("mine")
    done = equal("init", *FLAGS, "--yes")
    assert done.exit_code == 2
    assert f"error: {name} exists and `equal init` never overwrites" in done.output
    assert (here / name).read_text() == "mine"
    assert not (here / "dagster.yaml").exists()


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (("--yes",), 2, "--documents must be given with --yes"),
        (("--demo", "--model", "m"), 2, "--demo has its own documents: leave out --model"),
        ((*FLAGS, "--yes", "--extractor", "x"), 1, "extractor = x: must be one of structural"),
        ((*FLAGS, "--yes", "--extractor", "vllm"), 2, "--model must be given with --yes"),
        ((*FLAGS, "--yes", "--text-field", "x"), 1, "text_field = x: must be a field of text"),
        ((*FLAGS, "--yes", "--answer-field", "x"), 1, "--answer-field = x: must be a field of"),
        ((*FLAGS, "--yes", "--test", "questions.jsonl"), 1, "steer the selection"),
    ],
)
def test_wrong_flag_is_told_with_what_is_allowed(arguments, code, told, here):
    done = equal("init", *arguments)
    assert done.exit_code == code, done.output
    assert told in " ".join(done.output.split())
    assert not (here / "campaigns.yaml").exists()


def test_structural_extractor_is_refused_where_it_finds_nothing(here):
    write(here / "documents" / "rivers.jsonl", [{"body": f"{n} {TEXT}"} for n in range(5)])
    done = equal("init", *FLAGS, "--yes")
    assert done.exit_code == 1
    assert "0 of 5 documents have any laid out, so use openai, vllm or llama-cpp" in done.output


def test_documents_without_rows_have_no_field(here):
    (here / "documents" / "rivers.jsonl").unlink()
    for n in range(3):
        (here / "documents" / f"{n}.txt").write_text(f"Q: What is {n}?\nA: A number.\n\n{TEXT}")
    done = equal("init", *FLAGS, "--yes", "--text-field", "body")
    assert "text_field = body: must be a field of text: there is none" in done.output
    done = equal("init", *FLAGS, "--yes")
    assert done.exit_code == 0, done.output
    assert "text_field" not in (here / "campaigns.yaml").read_text()


def test_demo_needs_nothing(here):
    done = equal("init", "demo", "--demo")
    assert done.exit_code == 0, done.output
    settings = load_settings(here / "demo" / "campaigns.yaml")
    own = load_settings(REPOSITORY / "campaigns.yaml")
    assert settings.campaigns == own.campaigns
    assert settings.corpus == own.corpus


def test_schema_is_printed_or_written(here):
    printed = equal("schema")
    assert json.loads(printed.output)["title"] == "campaigns.yaml"
    assert equal("schema", "--out", "s.json").exit_code == 0
    assert (here / "s.json").read_text() == printed.output
