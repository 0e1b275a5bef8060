"""The campaign files in `examples/`: read, validated and counted; nothing is downloaded."""

import importlib.util
from pathlib import Path

import pytest
from click.testing import CliRunner

from equal_assets.cli.main import main
from equal_assets.planning import check as preflight
from equal_assets.planning.estimate import TokensPerDocument
from equal_assets.planning.requirements import paid_documents, requirements
from equal_assets.settings import load_settings

EXAMPLES = Path(__file__).resolve().parents[1] / "examples"
FILES = sorted(EXAMPLES.glob("*.yaml"))
STUDENTS = {
    "llama": "meta-llama/Llama-3.1-8B",
    "mistral": "mistralai/Mistral-7B-v0.3",
    "qwen": "Qwen/Qwen2.5-7B",
}
BASELINES = {
    "equal-paper",
    "equal-paper-no-bandit",
    "equal-paper-no-exploration",
    "random",
    "document-similarity",
    "perplexity",
    "influence",
    "llm-scoring",
    "perplexity-mab",
    "influence-mab",
    "all",
}


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("EQUAL_HOME", str(tmp_path))


def named(name):
    return load_settings(EXAMPLES / f"{name}.yaml")


def test_every_family_has_every_student():
    families = {path.stem.rpartition("-")[0] for path in FILES}
    assert families == {"auto-math-text", "stack-overflow"}
    assert {path.stem for path in FILES} == {f"{f}-{s}" for f in families for s in STUDENTS}


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_example_is_the_experiment_of_the_paper(path):
    settings = load_settings(path)
    assert settings.student.model == STUDENTS[path.stem.rpartition("-")[2]]
    assert (settings.clustering.n_clusters, settings.milestones) == (1000, ["5%"])
    assert settings.extractor.model == "Qwen/Qwen2.5-72B-Instruct"
    for target in settings.targets:
        own = {n: c for n, c in settings.campaigns.items() if c.target == target}
        assert {c.strategy for c in own.values()} == {"equal", *BASELINES}
        for name, campaign in own.items():
            assert name == f"{target}-{campaign.strategy}"
            share = 1.0 if campaign.strategy == "all" else 0.2
            assert campaign.budget_documents == share * settings.corpus.max_documents


@pytest.mark.parametrize("family", ["auto-math-text", "stack-overflow"])
def test_files_of_a_family_differ_in_the_student_alone(family):
    texts = [(EXAMPLES / f"{family}-{name}.yaml").read_text().splitlines() for name in STUDENTS]
    for lines in zip(*texts, strict=True):
        assert len(set(lines)) == 1 or all("model:" in x or "student" in x for x in lines)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_nothing_is_wrong_with_an_example_that_a_download_does_not_mend(path, monkeypatch):
    monkeypatch.setenv("EQUAL_CAMPAIGNS", str(path))
    wrong = [
        finding.text
        for finding in preflight.findings(load_settings(path), is_plan=True)
        if not finding.is_ok and not finding.is_to_be_fetched
    ]
    assert wrong == []


def test_plan_is_told_with_what_it_needs_and_is_no_failure(monkeypatch):
    monkeypatch.setenv("EQUAL_CAMPAIGNS", str(EXAMPLES / "stack-overflow-qwen.yaml"))
    planned = CliRunner().invoke(main, ["check", "--plan"])
    assert planned.exit_code == 0, planned.output
    assert "not yet corpus: corpus.path = " in planned.output
    assert "needs   GPU memory of the extractor: 135 GiB of weights, 34 on each" in planned.output
    if importlib.util.find_spec("vllm") is None:
        assert "not yet extractor: vllm is not installed: `" in planned.output
        assert " -m pip install vllm==" in planned.output
    checked = CliRunner().invoke(main, ["check"])
    assert checked.exit_code == 1
    assert "missing corpus: corpus.path = " in checked.output


def test_message_of_an_error_keeps_its_brackets(tmp_path, monkeypatch):
    path = tmp_path / "campaigns.yaml"
    path.write_text("corpus: {source: '[files]'}\n")
    monkeypatch.setenv("EQUAL_CAMPAIGNS", str(path))
    assert "corpus.source = '[files]': must be one of" in CliRunner().invoke(main, ["check"]).output


# What campaigns need: worked by hand


def needs(settings, **read):
    return list(requirements(settings, **{"n_read": 0, "n_characters": 0, **read}))


def test_documents_are_paid_once_and_no_more_than_there_are():
    settings = named("auto-math-text-llama")
    assert paid_documents(settings, 1_400_000) == 1_400_000  # 22 campaigns of 20%, two of all
    one = settings.model_copy(
        update={"campaigns": {"gsm8k-equal": settings.campaigns["gsm8k-equal"]}}
    )
    assert paid_documents(one, 1_400_000) == 280_000 + 70_000  # and the warm-up of 5%
    assert paid_documents(one, None) is None


def test_tokens_and_money_follow_from_lengths_and_prices(tmp_path):
    path = tmp_path / "campaigns.yaml"
    path.write_text(
        "corpus: {source: hub, preset: knowledge-pile}\n"
        "extractor: {backend: openai, base_urls: ['http://x/v1'], model: a-7B, refine: false,\n"
        "  prompt_price: 2, completion_price: 4}\n"
        "warmup: {share: 0.1}\n"
        "targets: {gsm8k: {preset: gsm8k}}\n"
        "campaigns: {one: {target: gsm8k, budget_documents: 900}}\n"
    )
    settings = load_settings(path)
    template = len(settings.extractor.prompts.template("extract")) / 4

    found = needs(settings, n_read=1000, n_characters=4_000_000)

    prompt, reply = 1000 + template, 550  # a document of 4,000 characters, 50 and half of it
    tokens = 1000 * (prompt + reply)
    assert found[0] == "documents: at most 1,000; as read"
    assert found[1].startswith(f"LLM tokens: about {tokens / 1e6:,.1f} million")
    money = 1000 * (2 * prompt + 4 * reply) / 1e6
    assert f"money: about {money:,.2f}, at the prices of the extractor" in found
    assert (
        f"operations of the LLM: about {2 * 7e9 * tokens:.1e}, 2 per parameter and token" in found
    )


def small(tmp_path):
    """Return settings for twenty documents."""
    path = tmp_path / "campaigns.yaml"
    path.write_text(
        "corpus: {source: hub, preset: knowledge-pile}\n"
        "extractor: {backend: openai, base_urls: ['http://x/v1'], model: m, refine: false}\n"
        "warmup: {share: 0.5}\n"
        "targets: {gsm8k: {preset: gsm8k}}\n"
        "campaigns: {one: {target: gsm8k, budget_documents: 12}}\n"
    )
    return load_settings(path)


def test_tokens_of_a_small_corpus_are_told_in_thousands(tmp_path):
    settings = small(tmp_path)
    each = (4000 + len(settings.extractor.prompts.template("extract"))) / 4 + 550
    told = needs(settings, n_read=20, n_characters=80_000)[1:3]
    for line, n_documents in zip(told, (20, 12), strict=True):
        assert f"{float(f'{n_documents * each:.3g}'):,.0f}" in line
        assert "million" not in line


def test_tokens_are_those_that_documents_took_once_that_is_measured(tmp_path):
    each = TokensPerDocument(900.0, 100.0, "measured on 9 documents", deviation=30.0, n_measured=9)
    told = needs(small(tmp_path), n_read=20, n_characters=80_000, measured=each)[1]
    assert told.startswith("LLM tokens: about 20,000, 18,000 of them prompts; between 19,4")
    assert told.endswith("measured on 9 documents")


def test_corpus_of_unknown_size_has_no_estimate_of_tokens():
    settings = named("auto-math-text-llama")
    corpus = settings.corpus.model_copy(update={"max_documents": None})
    found = needs(settings.model_copy(update={"corpus": corpus}))
    assert found[0].startswith("documents: unknown before the corpus is read")
    assert "set corpus.max_documents" in found[1]


def test_full_tuning_needs_sixteen_bytes_a_parameter_and_disk_for_every_student():
    settings = named("stack-overflow-qwen")
    student = settings.student.model_copy(update={"method": "full"})
    found = "\n".join(needs(settings.model_copy(update={"student": student})))
    assert f"{7.62e9 * 16 / 2**30:,.0f} GiB of weights, gradients and optimizer" in found
    assert f"{48 * 7.62e9 * 4 / 2**30:,.0f} GiB for 48 in float32" in found
