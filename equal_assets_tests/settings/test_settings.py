import hashlib
import json
import os
from pathlib import Path

import pytest

from equal_assets.algorithms.strategies.table import STRATEGIES
from equal_assets.errors import SettingsError
from equal_assets.graph import made_by, stages
from equal_assets.settings import (
    MAX_ROUNDS,
    PAPER_TASKS,
    CampaignSettings,
    OpenAISettings,
    PromptsSettings,
    Settings,
    TrackingSettings,
    campaigns_file,
    expand_path,
    fingerprint,
    load_settings,
    project_folder,
    quiet_libraries,
    state_folder,
)

REPOSITORY = Path(__file__).resolve().parents[2]

VALID = """\
corpus:
  source: files
  paths: [corpus.jsonl]
  max_documents: 500
embedder:
  batch_size: 64
warmup:
  share: 0.1
clustering:
  n_clusters: 10
extractor:
  backend: replay
student:
  heads: 4
tracking:
  experiment: tests
targets:
  math:
    reference: reference.jsonl
    test: test.jsonl
campaigns:
  first:
    target: math
    strategy: random
    budget_documents: 100
    documents_per_pull: 10
    arms_per_round: 5
"""

STRATEGY = "must be 'equal', 'equal-paper', 'equal-paper-no-exploration', "
MISTAKES = {
    "value out of bounds": (
        "share: 0.1",
        "share: 1.5",
        "warmup.share = 1.5: must be less than or equal to 1",
    ),
    "value of a wrong type": (
        "batch_size: 64",
        "batch_size: many",
        "embedder.batch_size = 'many': must be a valid integer",
    ),
    "section left empty": (
        "tracking:\n  experiment: tests",
        "tracking:",
        "tracking = None: must be a valid dictionary",
    ),
    "address without a scheme": (
        "experiment: tests",
        "mlflow_url: host:5000",
        "tracking.mlflow_url = 'host:5000': must be an address that "
        "begins with http:// or https://",
    ),
    "value left empty": (
        "budget_documents: 100",
        "budget_documents:",
        "campaigns.first.budget_documents = None: must be a valid integer",
    ),
    "misspelled key": (
        "n_clusters: 10",
        "n_cluster: 10",
        "clustering.n_cluster is not a known key: must be one of n_clusters, neighbors, seed",
    ),
    "misspelled section": (
        "tracking:",
        "trackin:",
        f"trackin is not a known key: must be one of {', '.join(Settings.model_fields)}",
    ),
    "unknown key of the corpus": (
        "max_documents: 500",
        "max_document: 500",
        "corpus.max_document is not a known key: must be one of min_characters, max_characters,",
    ),
    "unknown key of a target": (
        "test: test.jsonl",
        "test: test.jsonl\n    answer: a",
        "targets.math.answer is not a known key: must be one of preset, reference, test,",
    ),
    "unknown key of a campaign": (
        "arms_per_round: 5",
        "arms: 5",
        "campaigns.first.arms is not a known key: must be one of target, strategy,",
    ),
    "unknown strategy": (
        "strategy: random",
        "strategy: greedy",
        f"campaigns.first.strategy = 'greedy': {STRATEGY}",
    ),
    "unknown backend": (
        "backend: replay",
        "backend: magic",
        "extractor.backend = 'magic': must be one of 'structural', 'replay', 'openai', 'vllm'",
    ),
    "unknown kind of student": (
        "student:\n  heads: 4",
        "student:\n  kind: llama",
        "student.kind = 'llama': must be one of 'tiny', 'huggingface'",
    ),
    "unknown key of the tiny student": (
        "student:\n  heads: 4",
        "student:\n  head: 4",
        "student.head is not a known key: must be one of kind, vocabulary, hidden_size,",
    ),
    "unknown key of the hugging face student": (
        "student:\n  heads: 4",
        "student: {kind: huggingface, model: m, heads: 4}",
        "student.heads is not a known key: must be one of kind, model, revision,",
    ),
    "hugging face student without a model": (
        "student:\n  heads: 4",
        "student: {kind: huggingface}",
        "student.model is missing",
    ),
    "adapters of a student that is tuned in full": (
        "student:\n  heads: 4",
        "student: {kind: huggingface, model: m, method: full, lora_rank: 8}",
        "student: method full has no adapters; leave out lora_rank",
    ),
    "batch that cannot be shared out": (
        "student:\n  heads: 4",
        "student: {kind: huggingface, model: m, batch_size: 24, processes: 2}",
        "student: batch_size (24) must be a multiple of per_device_batch_size (8) times processes",
    ),
    "revision of a folder": (
        "student:\n  heads: 4",
        "student: {kind: huggingface, model: ., revision: main}",
        "student: revision applies only to hub ids; leave it out, model is the folder ",
    ),
    "unknown preset": (
        "student:\n  heads: 4",
        "student: {kind: huggingface, model: m, preset: papers}",
        "student.preset = 'papers': must be 'paper'",
    ),
    "student that is no section": (
        "student:\n  heads: 4",
        "student: tiny",
        "student = 'tiny': must be a valid dictionary",
    ),
    "unknown key of the evaluation": (
        "tracking:",
        "evaluation: {choice: 5}\ntracking:",
        "evaluation.choice is not a known key: must be one of choices, questions,"
        " max_answer_tokens, samples, temperature, code_seconds, code_memory_mb, seed",
    ),
    "samples that are all the same": (
        "tracking:",
        "evaluation: {samples: 5}\ntracking:",
        "evaluation: samples = 5: must be 1 with temperature 0",
    ),
    "milestone without percent": (
        "tracking:",
        "milestones: [1%, 2]\ntracking:",
        "milestones.1 = 2: ",
    ),
    "milestone above all": (
        "tracking:",
        "milestones: [1%, 120%]\ntracking:",
        "milestones: '120%' must be a share above 0% and up to 100%, such as 2.5%",
    ),
    "unknown export format": (
        "tracking:",
        "export: {formats: [alpaca, jsonl]}\ntracking:",
        "export.formats.1 = 'jsonl': must be 'messages', 'sharegpt', 'alpaca', "
        "'prompt-completion' or 'parquet'",
    ),
    "no export format": (
        "tracking:",
        "export: {formats: []}\ntracking:",
        "export.formats: must have at least 1 item",
    ),
    "validation share out of bounds": (
        "tracking:",
        "export: {validation: 0.6}\ntracking:",
        "export.validation = 0.6: must be less than or equal to 0.5",
    ),
    "unknown key of the export": (
        "tracking:",
        "export: {format: alpaca}\ntracking:",
        "export.format is not a known key: must be one of formats, validation",
    ),
    "n-gram of two words": (
        "tracking:",
        "dataset: {ngram_words: 2}\ntracking:",
        "dataset.ngram_words = 2: must be greater than or equal to 3",
    ),
    "similarity above one": (
        "tracking:",
        "dataset: {leak_similarity: 1.1}\ntracking:",
        "dataset.leak_similarity = 1.1: must be less than or equal to 1",
    ),
    "missing protected file": (
        "tracking:",
        "dataset: {protected: [test.jsonl, nope.jsonl]}\ntracking:",
        "dataset.protected: no such file: nope.jsonl (looked in ",
    ),
    "unknown key of the data set": (
        "tracking:",
        "dataset: {max_per_document: 3}\ntracking:",
        "dataset.max_per_document is not a known key: must be one of ngram_words, question_model, "
        "leak_similarity, protected, protected_field, near_duplicate, same_meaning, "
        "max_per_cluster, max_per_source, shortest_answer, prune, min_examples",
    ),
    "pruning by no number": (
        "tracking:",
        "dataset: {prune: most}\ntracking:",
        "dataset.prune = 'most': must be auto, null or a number of pairs; set 1 or more for that "
        "many of each reference question, null to keep all",
    ),
    "pruning that leaves no pair": (
        "tracking:",
        "dataset: {prune: 0}\ntracking:",
        "dataset.prune = 0: must be auto, null or a number of pairs; set 1 or more",
    ),
    "answers by no quantile": (
        "tracking:",
        "dataset: {shortest_answer: 1}\ntracking:",
        "dataset.shortest_answer = 1: must be less than 1",
    ),
    "unknown source": (
        "source: files",
        "source: web",
        "corpus.source = 'web': must be one of 'installed-packages', 'files', 'hub', "
        "'stack-exchange'",
    ),
    "no source": (
        "source: files",
        "text_field: text",
        "corpus.source = None: must be one of 'installed-packages', 'files', 'hub', "
        "'stack-exchange'",
    ),
    "missing corpus file": (
        "paths: [corpus.jsonl]",
        "paths: [corpus.jsonl, nope.jsonl, 'no*.csv']",
        "corpus.paths: no file matches nope.jsonl, no*.csv (looked in ",
    ),
    "empty list": (
        "paths: [corpus.jsonl]",
        "paths: []",
        "corpus.paths: must have at least 1 item",
    ),
    "missing target file": (
        "reference: reference.jsonl",
        "reference: nope.jsonl",
        "targets.math.reference = 'nope.jsonl': no such file (looked in ",
    ),
    "unknown target": (
        "target: math",
        "target: maths",
        "campaigns.first.target = 'maths': must be one of the targets: math",
    ),
    "budget above the corpus": (
        "budget_documents: 100",
        "budget_documents: 501",
        "campaigns.first.budget_documents = 501: must be at most 500, the max_documents"
        " of the corpus",
    ),
    "bad campaign name": (
        "  first:",
        "  First Campaign:",
        "campaigns.First Campaign: must be lowercase letters, digits, '.', '_' and '-'",
    ),
    "values that do not fit together": (
        "student:\n  heads: 4",
        "student:\n  heads: 3",
        "student: heads (3) must divide hidden_size (128)",
    ),
    "duplicate key": (
        "strategy: random",
        "strategy: random\n    target: math",
        "campaigns.first.target is a duplicate, first given in line 23",
    ),
    "duplicate campaign": (
        "campaigns:",
        "campaigns:\n  first: {target: math, strategy: random, budget_documents: 1}",
        "campaigns.first is a duplicate, first given in line 22",
    ),
}
LAST_LINE_OF = {
    "duplicate key",
    "unknown key of a target",
    "unknown kind of student",
    "unknown key of the tiny student",
}  # the mistake is the second line
FIRST_CAMPAIGN_LINE = VALID.splitlines().index("  first:") + 1


@pytest.fixture
def folder(tmp_path):
    for name in ("corpus.jsonl", "reference.jsonl", "test.jsonl"):
        (tmp_path / name).write_text("{}\n", encoding="utf-8")
    return tmp_path


@pytest.fixture
def load(folder):
    def load(text=VALID):
        path = folder / "campaigns.yaml"
        path.write_text(text, encoding="utf-8")
        return load_settings(path)

    return load


@pytest.fixture
def complaints(load, folder):
    """Return a function that gives the lines of the error for a text, its head checked."""

    def complaints(text):
        with pytest.raises(SettingsError) as caught:
            load(text)
        head, *lines = str(caught.value).splitlines()
        plural = "" if len(lines) == 1 else "s"
        path = folder / "campaigns.yaml"
        assert head == f"{path} cannot be used: {len(lines)} mistake{plural}"
        return [line.strip() for line in lines]

    return complaints


def line_of(text, part):
    return text[: text.index(part)].count("\n") + 1


def test_shipped_campaigns_file_loads():
    settings = load_settings(REPOSITORY / "campaigns.yaml")
    assert {"equal-paper", "random"} <= set(settings.campaigns)
    for campaign in settings.campaigns.values():
        assert campaign.target in settings.targets
    for target in settings.targets.values():
        assert Path(target.reference).is_file()
        assert Path(target.test).is_file()


def test_shipped_campaigns_differ_in_nothing_but_the_strategy():
    campaigns = load_settings(REPOSITORY / "campaigns.yaml").campaigns.values()
    assert len({campaign.model_copy(update={"strategy": "random"}) for campaign in campaigns}) == 1


def test_valid_file_is_read_as_it_is_written(load, folder):
    settings = load()
    assert settings.corpus.source == "files"
    assert settings.corpus.paths == [str(folder / "corpus.jsonl")]
    assert settings.warmup.share == 0.1
    assert settings.targets["math"].reference == str(folder / "reference.jsonl")
    assert settings.campaigns["first"].budget_documents == 100


def test_sections_that_are_left_out_have_their_defaults(load):
    cut = VALID.index("embedder:"), VALID.index("targets:")
    settings = load(VALID[: cut[0]] + VALID[cut[1] :])
    assert (settings.warmup.share, settings.warmup.temperature) == (0.05, 0.02)  # the paper's
    assert settings.extractor.backend == "structural"


def test_full_tuning_has_the_defaults_of_the_paper_and_what_the_file_says(load):
    full = load(VALID.replace("share: 0.1", "method: full\n  epochs: 3")).warmup
    assert (full.epochs, full.learning_rate, full.batch_size, full.hard_negatives) == (
        3,
        1e-5,
        64,
        1,
    )
    head = load().warmup
    assert (head.method, head.learning_rate, head.hard_negatives) == ("head", 3e-4, 0)


def huggingface(load, keys):
    text = f"student: {{kind: huggingface, model: some/model, {keys}}}"
    return load(VALID.replace("student:\n  heads: 4", text)).student


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        ("", ("lora", 4, 1e-4, 64)),
        ("method: full", ("full", 2, 1e-5, 64)),
        ("preset: paper", ("lora", 4, 1e-5, 512)),
        ("preset: paper, method: full", ("full", 2, 1e-5, 512)),
        ("preset: paper, method: full, epochs: 1, batch_size: 8", ("full", 1, 1e-5, 8)),
    ],
)
def test_preset_and_method_have_their_defaults_and_keys_win(load, keys, expected):
    student = huggingface(load, keys)
    found = (student.method, student.epochs, student.learning_rate, student.batch_size)
    assert found == expected


def test_student_is_tiny_unless_the_file_says_so(load):
    assert load().student.kind == "tiny"
    assert load(VALID.replace("student:\n  heads: 4\n", "")).student.kind == "tiny"
    assert huggingface(load, "").kind == "huggingface"


def test_model_folder_is_relative_to_the_file_and_a_hub_id_stays(load, folder):
    (folder / "llm").mkdir()
    assert huggingface(load, "").model == "some/model"
    text = VALID.replace("student:\n  heads: 4", "student: {kind: huggingface, model: llm}")
    assert load(text).student.model == str(folder / "llm")


@pytest.mark.parametrize(
    "key", ["checkpoint_steps: 7", "processes: 2", "attention: eager", "gradient_checkpointing: no"]
)
def test_speed_of_the_training_makes_no_student_anew(load, key):
    sections = [
        load(
            VALID.replace(
                "student:\n  heads: 4", f"student: {{kind: huggingface, model: m, {keys}}}"
            )
        ).sections("student")
        for keys in ("", key, "epochs: 9")
    ]
    assert sections[0] == sections[1] != sections[2]


@pytest.mark.parametrize(
    ("keys", "problem"),
    [
        (
            "method: none\n  epochs: 3\n  batch_size: 8",
            "warmup: method none trains nothing: leave out batch_size, epochs",
        ),
        (
            "method: head\n  hard_negatives: 2",
            "warmup: hard_negatives = 2: must be 0 with method head; leave it out, or set",
        ),
        ("method: lora", "warmup.method = 'lora': must be 'head', 'full' or 'none'"),
    ],
)
def test_warm_up_keys_that_the_method_does_not_know_are_mistakes(complaints, keys, problem):
    assert problem in "\n".join(complaints(VALID.replace("share: 0.1", keys)))


def with_harness(keys):
    return VALID.replace("tracking:", f"evaluation:\n  harness:\n{keys}\ntracking:")


def test_preset_comes_before_further_tasks_and_none_is_named_twice(load, folder):
    (folder / "tasks").mkdir()
    keys = "    preset: paper\n    allow_unsafe_code: true\n    include_path: tasks"
    harness = load(with_harness(f"{keys}\n    tasks: [mine, gsm8k]")).evaluation.harness
    assert harness.names == [*PAPER_TASKS, "mine"]
    assert harness.include_path == str(folder / "tasks")
    assert load().evaluation.harness.names == []


@pytest.mark.parametrize(
    ("keys", "line", "problem"),
    [
        (
            "    task: [gsm8k]",
            3,
            "evaluation.harness.task is not a known key: must be one of tasks, preset,",
        ),
        ("    tasks: gsm8k", 3, "evaluation.harness.tasks = 'gsm8k': must be a valid list"),
        ("    preset: all", 3, "evaluation.harness.preset = 'all': must be 'paper' or 'none'"),
        ("    limit: 0", 3, "evaluation.harness.limit = 0: must be greater than or equal to 1"),
        ("    num_fewshot: -1", 3, "evaluation.harness.num_fewshot = -1: must be greater than"),
        (
            "    tasks: [a]\n    include_path: nowhere",
            4,
            "evaluation.harness.include_path = 'nowhere': no such folder (looked in ",
        ),
        (
            "    include_path: .",
            2,
            "evaluation.harness: include_path has no effect without tasks; name the tasks to run",
        ),
        (
            "    preset: paper",
            2,
            "evaluation.harness: preset paper has humaneval and mbpp, which run the "
            "model's code without a sandbox; set allow_unsafe_code: true, or",
        ),
    ],
)
def test_mistake_in_what_lm_eval_runs_is_told(complaints, keys, line, problem):
    text = with_harness(keys)
    (complaint,) = complaints(text)
    start = line_of(text, "evaluation:") - 1
    assert complaint.startswith(f"campaigns.yaml:{start + line}: {problem}")


def test_pages_are_where_make_ui_starts_them_unless_the_file_names_them(monkeypatch):
    monkeypatch.delenv("DAGSTER_PORT", raising=False)
    monkeypatch.setenv("MLFLOW_PORT", "5001")
    usual = TrackingSettings()
    assert (usual.mlflow_pages, usual.dagster_pages) == (
        "http://127.0.0.1:5001",
        "http://127.0.0.1:3000",
    )
    assert TrackingSettings(uri="https://mlflow.host/").mlflow_pages == "https://mlflow.host"
    named = TrackingSettings(
        uri="http://in:1", mlflow_url="http://out:2/", dagster_url="http://d:3"
    )
    assert (named.mlflow_pages, named.dagster_pages) == ("http://out:2", "http://d:3")


def test_nothing_happens_on_its_own_unless_the_file_says_so(load, monkeypatch):
    off = load()
    switches = ("next_round", "finish_campaigns", "changed_sources", "webhook")
    assert not any(getattr(off.automation, switch) for switch in switches)
    assert off.automated_campaigns == sorted(off.campaigns)
    monkeypatch.setenv("HOOK", "https://example.org/hook")
    keys = "cron: '@daily', time_zone: Europe/Berlin, campaigns: [first], webhook_variable: HOOK"
    on = load(f"{VALID}\nautomation: {{next_round: true, {keys}}}\n")
    assert (on.automation.next_round, on.automated_campaigns) == (True, ["first"])
    assert on.automation.webhook == "https://example.org/hook"


def test_webhook_without_a_url_in_the_environment_is_told(load, monkeypatch):
    monkeypatch.delenv("HOOK", raising=False)
    automation = load(f"{VALID}\nautomation: {{webhook_variable: HOOK}}\n").automation
    with pytest.raises(SettingsError, match="environment variable HOOK must hold a URL"):
        automation.webhook  # noqa: B018 - it is read from the environment


@pytest.mark.parametrize(
    ("key", "problem"),
    [
        ("cron: hourly", "automation.cron = 'hourly': must be a cron expression: minute, hour,"),
        ("cron: 0 0 30 2 *", "automation.cron = '0 0 30 2 *': must be a cron expression"),
        ("cron: '* * * * * *'", "automation.cron = '* * * * * *': must be a cron expression"),
        ("time_zone: Mars", "automation.time_zone = 'Mars': must be an IANA"),
        ("campaigns: [third]", "automation.campaigns: no campaign third: must be one of first"),
        ("schedule: true", "automation.schedule is not a known key: must be one of next_round,"),
        ("max_failures: 0", "automation.max_failures = 0: must be greater than or equal to 1"),
    ],
)
def test_mistake_in_the_automation_is_told(complaints, key, problem):
    text = f"{VALID}\nautomation:\n  {key}\n"
    (complaint,) = complaints(text)
    assert complaint.startswith(f"campaigns.yaml:{line_of(text, key)}: {problem}")


def test_settings_cannot_be_changed_after_reading(load):
    settings = load()
    with pytest.raises(ValueError, match="frozen"):
        settings.warmup.share = 0.5


@pytest.mark.parametrize("kind", MISTAKES)
def test_mistake_is_told_with_file_line_key_value_and_what_is_allowed(kind, complaints):
    old, new, expected = MISTAKES[kind]
    assert VALID.count(old) == 1
    text = VALID.replace(old, new)
    line = line_of(text, new)
    if kind in LAST_LINE_OF:
        line += 1
    if kind == "duplicate campaign":
        line += 2
    if kind == "no source":
        line = 1  # the corpus itself: there is no line of the key
    (complaint,) = complaints(text)
    assert complaint.startswith(f"campaigns.yaml:{line}: {expected}")


@pytest.mark.parametrize("key", ["target", "budget_documents"])
def test_missing_key_is_told_at_the_line_of_its_section(key, complaints):
    start = VALID.index(f"    {key}:")
    text = VALID[:start] + VALID[VALID.index("\n", start) + 1 :]
    assert complaints(text) == [
        f"campaigns.yaml:{FIRST_CAMPAIGN_LINE}: campaigns.first.{key} is missing"
    ]


def test_missing_sections_are_told(complaints):
    assert complaints("embedder: {}\n") == [
        f"campaigns.yaml:1: {section} is missing" for section in ("campaigns", "corpus", "targets")
    ]


def test_all_mistakes_are_told_at_once_in_order_of_line(complaints):
    kinds = [
        "misspelled key",
        "duplicate key",
        "value out of bounds",
        "value of a wrong type",
        "unknown backend",
        "missing target file",
        "values that do not fit together",
        "bad campaign name",
    ]
    text = VALID
    for kind in kinds:
        old, new, _ = MISTAKES[kind]
        text = text.replace(old, new)
    lines = complaints(text)
    assert len(lines) == 8
    numbers = [int(line.split(":")[1]) for line in lines]
    assert numbers == sorted(numbers)
    for kind in kinds:
        told = MISTAKES[kind][2].replace("campaigns.first", "campaigns.First Campaign")
        assert sum(told in line for line in lines) == 1


def test_mistakes_of_one_campaign_do_not_hide_those_of_another(complaints):
    text = VALID + (
        "  second: {target: none, strategy: random, budget_documents: 0}\n"
        "  third: {target: math, strategy: best, budget_documents: 5}\n"
    )
    last = VALID.count("\n")
    assert [complaint.split(":")[1] for complaint in complaints(text)] == [
        str(last + 1),
        str(last + 1),
        str(last + 2),
    ]


def test_a_mistake_in_the_corpus_does_not_make_campaigns_mistaken(complaints):
    text = VALID.replace("max_documents: 500", "max_documents: -1")
    (complaint,) = complaints(text)
    assert "corpus.max_documents = -1: must be greater than or equal to 1" in complaint


def small_rounds(n_rounds):
    text = VALID.replace("documents_per_pull: 10", "documents_per_pull: 1")
    text = text.replace("arms_per_round: 5", "arms_per_round: 1")
    return text.replace("budget_documents: 100", f"budget_documents: {n_rounds}")


def test_as_many_rounds_as_there_are_days_in_a_year_are_allowed(load):
    assert load(small_rounds(MAX_ROUNDS)).campaigns["first"].n_rounds == 365


def test_what_is_to_be_set_for_fewer_rounds_is_enough(load):
    text = small_rounds(10_000).replace("arms_per_round: 1", "arms_per_round: 28")
    text = text.replace("max_documents: 500", "max_documents: 10_000")
    assert load(text).campaigns["first"].n_rounds <= MAX_ROUNDS
    with pytest.raises(SettingsError, match="set arms_per_round to 28 or more"):
        load(text.replace("arms_per_round: 28", "arms_per_round: 27"))


NO_STUDENT = VALID.replace("student:\n  heads: 4", "student: none")


@pytest.mark.parametrize("text", [NO_STUDENT, NO_STUDENT.replace("none", "{kind: none}")])
def test_project_without_a_student_trains_none(load, text):
    settings = load(text)
    assert not settings.has_student
    assert made_by("finish_campaign", settings) == ("reward_curve", "qa_dataset")
    assert list(stages("finish_campaign", settings)) == ["data set"]
    assert load(VALID).has_student


@pytest.mark.parametrize(
    ("asking", "key"),
    [
        ("milestones: [1%]\n", "milestones"),
        ("evaluation: {harness: {tasks: [arc_easy]}}\n", "evaluation.harness"),
    ],
)
def test_what_needs_a_student_is_refused_without_one(complaints, asking, key):
    (complaint,) = complaints(NO_STUDENT + asking)
    assert f"student.kind = 'none': must be tiny or huggingface, since {key} needs a" in complaint


def test_strategy_that_asks_a_student_is_refused_without_one(complaints):
    text = NO_STUDENT.replace("strategy: random", "strategy: perplexity")
    (complaint,) = complaints(text)
    assert "since campaigns.first.strategy = perplexity needs a student" in complaint


def test_too_many_rounds_are_refused_with_what_to_raise(complaints):
    assert complaints(small_rounds(MAX_ROUNDS + 1)) == [
        f"campaigns.yaml:{FIRST_CAMPAIGN_LINE}: campaigns.first: budget_documents = 366 in rounds "
        "of 1 needs 366 rounds: must be at most 365; set arms_per_round to 2 or more, or raise "
        "documents_per_pull"
    ]


def test_budget_is_not_limited_where_the_corpus_has_no_cap(load):
    text = VALID.replace("  max_documents: 500\n", "").replace(
        "budget_documents: 100", "budget_documents: 10_000"
    )
    assert load(text).campaigns["first"].budget_documents == 10_000


@pytest.mark.parametrize("text", ["a: [1", "a: b: c", "\tcorpus: x", "a: 'open"])
def test_text_that_is_not_yaml_is_refused(load, text):
    with pytest.raises(SettingsError, match=r"campaigns\.yaml is not valid YAML: (?s:.*)line 1"):
        load(text)


def test_bytes_that_are_not_utf_8_are_refused(folder):
    path = folder / "campaigns.yaml"
    path.write_bytes(b"corpus: \xff\xfe\n")
    with pytest.raises(SettingsError, match=r"campaigns\.yaml is not valid YAML: .*utf-8"):
        load_settings(path)


@pytest.mark.parametrize("text", ["", "# only a comment\n", "- a\n- b\n", "corpus\n"])
def test_file_without_sections_is_refused(load, text):
    with pytest.raises(SettingsError, match=r"must hold sections \(corpus, targets, campaigns\)"):
        load(text)


@pytest.mark.parametrize("value", ["{{ corpus }}", "!env CORPUS", "2026-13-45"])
def test_value_that_yaml_cannot_construct_is_refused(load, value):
    with pytest.raises(SettingsError, match=r"campaigns\.yaml"):
        load(VALID.replace("experiment: tests", f"experiment: {value}"))


def test_target_named_by_a_number_is_a_mistake_like_any_other(complaints):
    text = VALID.replace("  math:", "  2024:")
    assert any("targets.2024" in complaint for complaint in complaints(text))


def test_named_file_is_used_wherever_one_stands(folder, tmp_path_factory, monkeypatch):
    (folder / "mine.yaml").write_text(VALID, encoding="utf-8")
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    (elsewhere / "campaigns.yaml").write_text("", encoding="utf-8")
    monkeypatch.chdir(elsewhere)
    monkeypatch.setenv("EQUAL_CAMPAIGNS", str(folder / "mine.yaml"))
    assert campaigns_file() == folder / "mine.yaml"
    assert project_folder() == folder
    assert list(load_settings().campaigns) == ["first"]


def test_named_file_that_is_missing_is_told(folder, monkeypatch):
    named = folder / "nope.yaml"
    monkeypatch.setenv("EQUAL_CAMPAIGNS", str(named))
    with pytest.raises(SettingsError, match=f"^EQUAL_CAMPAIGNS={named}: no such file$"):
        load_settings()


def test_file_is_found_upward_from_a_sub_folder(folder, monkeypatch):
    (folder / "campaigns.yaml").write_text(VALID, encoding="utf-8")
    deep = folder / "a" / "b"
    deep.mkdir(parents=True)
    monkeypatch.delenv("EQUAL_CAMPAIGNS", raising=False)
    monkeypatch.chdir(deep)
    assert campaigns_file() == folder / "campaigns.yaml"


def test_no_file_from_here_upward_is_told(tmp_path, monkeypatch):
    monkeypatch.delenv("EQUAL_CAMPAIGNS", raising=False)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SettingsError, match=f"no campaigns.yaml in {tmp_path} or above it"):
        campaigns_file()


def test_state_stands_beside_the_campaigns_unless_it_is_named(folder, monkeypatch):
    (folder / "campaigns.yaml").write_text(VALID, encoding="utf-8")
    monkeypatch.setenv("EQUAL_CAMPAIGNS", str(folder / "campaigns.yaml"))
    monkeypatch.delenv("EQUAL_HOME", raising=False)
    assert state_folder() == folder / ".equal"
    monkeypatch.setenv("EQUAL_HOME", str(folder / "state"))
    assert state_folder() == folder / "state"


def test_globs_are_expanded_in_order_and_absent_paths_to_nothing(tmp_path):
    for name in ("b.jsonl", "a.jsonl", "c.csv"):
        (tmp_path / name).touch()
    assert [path.name for path in expand_path("*.jsonl", tmp_path)] == ["a.jsonl", "b.jsonl"]
    assert list(expand_path("c.csv", tmp_path)) == [tmp_path / "c.csv"]
    assert list(expand_path("*.txt", tmp_path)) == list(expand_path("d.csv", tmp_path)) == []


def test_fingerprint_is_the_start_of_the_hash_of_canonical_json():
    canonical = b'{"a":[1,2],"b":{"c":null}}'
    expected = hashlib.sha256(canonical).hexdigest()[:16]
    assert fingerprint({"b": {"c": None}, "a": [1, 2]}) == expected


def test_fingerprint_changes_with_any_value_and_with_order_of_lists():
    values = [{"a": 1}, {"a": 2}, {"a": "1"}, {"a": 1.5}, {"b": 1}, {"a": None}, [1, 2], [2, 1]]
    assert len({fingerprint(value) for value in values}) == len(values)


def test_campaign_settings_are_plain_json(load):
    settings = load().campaign_settings("first")
    assert json.loads(json.dumps(settings)) == settings


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("batch_size: 64", "batch_size: 8"),
        ("heads: 4", "heads: 8"),
        ("experiment: tests", "experiment: others"),
        ("  first:", "  second: {target: math, strategy: random, budget_documents: 7}\n  first:"),
    ],
)
def test_campaign_settings_ignore_what_does_not_decide_the_selection(load, old, new):
    assert load(VALID.replace(old, new)).campaign_settings("first") == load().campaign_settings(
        "first"
    )


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("batch_size: 64", "chunk_overlap_tokens: 8"),
        ("share: 0.1", "share: 0.2"),
        ("n_clusters: 10", "n_clusters: 11"),
        ("backend: replay", "backend: structural"),
        ("strategy: random", "strategy: equal-paper"),
        ("budget_documents: 100", "budget_documents: 101"),
        ("documents_per_pull: 10", "documents_per_pull: 9"),
        ("arms_per_round: 5", "arms_per_round: 4"),
        ("arms_per_round: 5", "arms_per_round: 5\n    seed: 1"),
    ],
)
def test_campaign_settings_change_with_what_decides_the_selection(load, old, new):
    changed = load(VALID.replace(old, new)).campaign_settings("first")
    assert fingerprint(changed) != fingerprint(load().campaign_settings("first"))


def test_corpus_that_was_read_before_texts_were_cut_stays_until_a_length_is_given(load):
    assert load().corpus.chunk_characters == 4000
    assert "chunk_characters" not in load().sections("corpus")["corpus"]
    for given, length in (("4000", 4000), ("null", None)):
        text = VALID.replace("source: files", f"source: files\n  chunk_characters: {given}")
        assert load(text).sections("corpus")["corpus"]["chunk_characters"] == length


@pytest.mark.parametrize(
    ("budget", "n_rounds"), [(1, 1), (49, 1), (50, 1), (51, 2), (100, 2), (101, 3)]
)
def test_last_round_may_be_smaller(budget, n_rounds):
    campaign = CampaignSettings(
        target="math",
        strategy="random",
        budget_documents=budget,
        documents_per_pull=10,
        arms_per_round=5,
    )
    assert campaign.documents_per_round == 50
    assert campaign.n_rounds == n_rounds


def test_what_the_user_set_for_a_library_is_kept(monkeypatch):
    names = ("TQDM_DISABLE", "TOKENIZERS_PARALLELISM", "TRANSFORMERS_VERBOSITY")
    names += ("HF_HUB_DISABLE_TELEMETRY", "MLFLOW_DISABLE_TELEMETRY")
    for name in names:
        monkeypatch.setenv(name, "mine")
    monkeypatch.delenv("TQDM_DISABLE")
    quiet_libraries()
    assert os.environ["TQDM_DISABLE"] == "1"
    assert {os.environ[name] for name in names[1:]} == {"mine"}


LLM = """  backend: openai
  model: m
  base_urls: [http://127.0.0.1:8000/v1]
"""
LLM_MISTAKES = {
    "url without a scheme": (
        "base_urls: [http://127.0.0.1:8000/v1]",
        "base_urls: ['127.0.0.1:8000']",
        "extractor.base_urls: '127.0.0.1:8000' must be a URL, http://... or https://.../v1",
    ),
    "url with a port that is none": (
        "base_urls: [http://127.0.0.1:8000/v1]",
        "base_urls: ['http://h:99999/v1']",
        "extractor.base_urls: 'http://h:99999/v1' must be a URL, http://... or https://.../v1",
    ),
    "url with a line end": (
        "base_urls: [http://127.0.0.1:8000/v1]",
        'base_urls: ["http://h/v1\\n"]',
        "must be a URL, http://... or https://.../v1",
    ),
    "url of the endpoint": (
        "base_urls: [http://127.0.0.1:8000/v1]",
        "base_urls: ['http://h/v1/chat/completions?a=b']",
        "must end before /chat/completions; write http://h/v1",
    ),
    "field that has a key": (
        "model: m",
        "model: m\n  extra_body: {temperature: 1}",
        "temperature must not be among them; set extractor.temperature instead",
    ),
    "field that is fixed": (
        "model: m",
        "model: m\n  extra_body: {stream: true}",
        "stream must not be among them",
    ),
    "secret in a header": (
        "model: m",
        "model: m\n  headers: {api-key: sk-123}",
        "it must name an environment variable; write api-key: ${MY_VARIABLE}",
    ),
    "header that is none": (
        "model: m",
        "model: m\n  headers: {'X Team': blue}",
        "'X Team' must be a header's name with a value of printable ASCII",
    ),
    "no model": ("  model: m\n", "", "extractor.model is missing"),
    "unknown key": (
        "model: m",
        "model: m\n  modell: m",
        "extractor.modell is not a known key: must be one of model, max_pairs, refine,",
    ),
    "unknown key of the quality": (
        "model: m",
        "model: m\n  quality: {min_grounded: 0.4}",
        "extractor.quality.min_grounded is not a known key: must be one of "
        "min_question_characters,",
    ),
    "template that is not there": (
        "model: m",
        "model: m\n  prompts: {extract: nope.txt}",
        "extractor.prompts.extract = 'nope.txt': no such file (looked in ",
    ),
    "template without its place": (
        "model: m",
        "model: m\n  prompts: {extract: corpus.jsonl}",
        "extractor.prompts.extract = 'corpus.jsonl': the place $document is missing",
    ),
    "overlap as long as a chunk": (
        "model: m",
        "model: m\n  chunk_characters: 300",
        "extractor: chunk_overlap_characters (400) must be less than chunk_characters (300)",
    ),
    "parameters that are not there": (
        "model: m",
        "model: m\n  parameters: 0",
        "extractor.parameters = 0: must be greater than or equal to 1",
    ),
    "parameters in words": (
        "model: m",
        "model: m\n  parameters: 72B",
        "extractor.parameters = '72B': must be a valid number",
    ),
    "cap in money without a price": (
        "model: m",
        "model: m\n  run_cost: 5",
        "extractor: run_cost needs prompt_price or completion_price",
    ),
}


def with_llm():
    return VALID.replace("  backend: replay\n", LLM)


@pytest.mark.parametrize("kind", LLM_MISTAKES)
def test_mistake_in_the_llm_section_is_told(complaints, kind):
    old, new, told = LLM_MISTAKES[kind]
    (line,) = complaints(with_llm().replace(old, new))
    assert told in line
    assert "sk-123" not in line


def test_budget_of_tokens_needs_an_extractor_that_uses_them(complaints):
    (line,) = complaints(
        VALID.replace("budget_documents: 100", "budget_documents: 100\n    budget_tokens: 9")
    )
    assert "campaigns.first has a budget of tokens or money, but extractor.backend" in line


def test_budget_of_money_needs_a_price(complaints):
    (line,) = complaints(
        with_llm().replace("budget_documents: 100", "budget_documents: 100\n    budget_cost: 9")
    )
    assert "campaigns.first.budget_cost = 9.0 needs extractor.prompt_price" in line


def test_parameters_of_the_llm_are_written_as_people_write_them(load):
    settings = load(with_llm().replace("model: m", "model: m\n  parameters: 72e9"))
    assert settings.extractor.parameters == 72_000_000_000
    assert load(with_llm()).extractor.parameters is None


def llm(**keys):
    return OpenAISettings(backend="openai", model="m", base_urls=["http://h/v1"], **keys)


def test_speed_and_price_do_not_change_what_is_extracted():
    base = llm().identity()
    for change in (
        {"concurrency": 3},
        {"prompt_price": 2.0},
        {"parameters": 72e9},
        {"max_tries": 9},
        {"timeout_seconds": 9},
        {"api_key_variable": "KEY"},
        {"run_tokens": 9},
        {"max_reply_tokens": 99},
    ):
        assert llm(**change).identity() == base


def test_model_sampling_prompts_and_quality_do(tmp_path):
    (tmp_path / "extract.txt").write_text("other $document", encoding="utf-8")
    own = PromptsSettings(extract=str(tmp_path / "extract.txt"))
    identities = [
        fingerprint(settings.identity())
        for settings in (
            llm(),
            llm(temperature=0.5),
            llm(refine=False),
            llm(judge=True),
            llm(quality={"min_grounding": 0.9}),
            llm(prompts=own),
            llm(chunk_characters=500),
        )
    ]
    assert len(set(identities)) == len(identities)


def test_template_counts_by_its_text_not_by_its_path(tmp_path):
    for name in ("a.txt", "b.txt"):
        (tmp_path / name).write_text("x $document", encoding="utf-8")
    first, second = (
        llm(prompts=PromptsSettings(extract=str(tmp_path / n))) for n in ("a.txt", "b.txt")
    )
    assert first.identity() == second.identity()
    (tmp_path / "b.txt").write_text("y $document", encoding="utf-8")
    assert second.identity() == first.identity()  # as it was when it was read
    reread = llm(prompts=PromptsSettings(extract=str(tmp_path / "b.txt")))
    assert first.identity() != reread.identity()


def test_key_is_read_from_the_environment_and_never_stored(monkeypatch):
    settings = llm(api_key_variable="EQUAL_TEST_KEY")
    monkeypatch.setenv("EQUAL_TEST_KEY", "secret")
    assert settings.api_key == "secret"
    assert "secret" not in settings.model_dump_json()
    monkeypatch.delenv("EQUAL_TEST_KEY")
    with pytest.raises(SettingsError, match="environment variable EQUAL_TEST_KEY is not set"):
        _ = settings.api_key
    assert llm().api_key is None


def test_mistake_between_sections_stands_on_the_line_of_its_key(complaints):
    text = with_llm().replace("budget_documents: 100", "budget_documents: 100\n    budget_cost: 9")
    (line,) = complaints(text)
    number = line_of(text, "    budget_cost")
    assert line.startswith(f"campaigns.yaml:{number}: campaigns.first.budget_cost = 9.0 needs ")


def test_no_campaign_is_named_like_the_payer_of_the_sample(complaints):
    (line,) = complaints(VALID.replace("  first:", "  warm-up:"))
    assert "campaigns: no campaign can be named warm-up" in line


def strategy(name, text=VALID):
    return text.replace("strategy: random", f"strategy: {name}")


def test_schema_of_a_campaign_lists_the_strategies():
    allowed = CampaignSettings.model_json_schema()["properties"]["strategy"]
    assert allowed["enum"] == list(STRATEGIES)
    assert allowed["type"] == "string"


@pytest.mark.parametrize("value", ["[equal]", "3", "null"])
def test_strategy_that_is_no_text_is_refused_with_the_known_ones(complaints, value):
    (line,) = complaints(strategy(value))
    assert STRATEGY in line
    assert line.endswith("'llm-scoring', 'random' or 'all'")


def test_end_by_gain_needs_a_strategy_that_predicts_it(complaints, load):
    text = VALID.replace("    strategy: random", "    strategy: random\n    stop_below_gain: 2")
    (line,) = complaints(text)
    told = "must be 0 with strategy random, which predicts no gain; leave it out or choose equal"
    assert line.endswith(f"stop_below_gain = 2.0: {told}")
    assert load(strategy("equal", text)).campaigns["first"].stop_below_gain == 2


def test_end_where_it_no_longer_pays_needs_a_strategy_that_chooses(complaints, load):
    text = VALID.replace("    strategy: random", "    strategy: random\n    stop: auto")
    (line,) = complaints(text)
    assert line.endswith(
        "stop = auto: must be null with strategy random, which chooses no document over another; "
        "leave it out"
    )
    assert load(strategy("round-robin", text)).campaigns["first"].stop == "auto"
    (line,) = complaints(strategy("equal", text.replace("stop: auto", "stop: 0.5")))
    assert "stop = 0.5: must be auto or null; a number of your own belongs to" in line


def test_campaign_of_an_earlier_version_is_the_same_without_the_keys_it_did_not_have(load):
    settings = load(strategy("equal", VALID))
    before = settings.campaign_settings("first")["campaign"]
    assert "stop" not in before
    text = VALID.replace("    strategy: random", "    strategy: random\n    stop: auto")
    after = load(strategy("equal", text)).campaign_settings("first")["campaign"]
    assert after == {**before, "stop": "auto"}


def test_ratings_need_an_extractor_with_an_llm(complaints, load):
    (line,) = complaints(strategy("llm-scoring"))
    assert line.split(":")[1] == str(VALID.splitlines().index("    strategy: random") + 1)
    assert "campaigns.first.strategy = 'llm-scoring': must be one that needs no LLM," in line
    assert "extractor.backend = 'replay' has none" in line
    assert load(strategy("llm-scoring", with_llm())).campaigns["first"].strategy == "llm-scoring"


@pytest.mark.parametrize(
    ("section", "told"),
    [
        (
            "influence: {dimension: 9}",
            "influence.dimension is not a known key: must be one of dimensions",
        ),
        ("influence: {dimensions: 8}", "influence.dimensions = 8: must be greater than or equal"),
        ("llm_scoring: {budget_share: 1}", "llm_scoring.budget_share = 1: must be less than 1"),
        ("llm_scoring: {candidates: 0.5}", "llm_scoring.candidates = 0.5: must be greater than"),
        ("llm_scoring: {drawn_by: luck}", "llm_scoring.drawn_by = 'luck': must be 'similarity'"),
        (
            "llm_scoring: {rate: 1}",
            "llm_scoring.rate is not a known key: must be one of candidates,",
        ),
    ],
)
def test_mistake_in_the_section_of_a_strategy_is_told(complaints, section, told):
    (line,) = complaints(VALID + section + "\n")
    assert line.strip().startswith(f"campaigns.yaml:{len(VALID.splitlines()) + 1}: {told}")


def test_template_of_ratings_is_checked_like_the_others(complaints, folder):
    (folder / "rate.txt").write_text("$document", encoding="utf-8")
    (line,) = complaints(with_llm().replace("model: m", "model: m\n  prompts: {rate: rate.txt}"))
    assert "extractor.prompts.rate = 'rate.txt': the place $questions is missing" in line


@pytest.mark.parametrize(
    ("name", "section", "decides"),
    [
        ("perplexity", "student: {heads: 8}", True),
        ("perplexity-mab", "student: {heads: 8}", True),
        ("influence", "student: {heads: 8}", True),
        ("influence-mab", "influence: {dimensions: 128}", True),
        ("perplexity-mab", "influence: {dimensions: 128}", False),
        ("llm-scoring", "llm_scoring: {candidates: 9}", True),
        ("llm-scoring", "student: {heads: 8}", False),
        ("equal", "student: {heads: 8}", False),
        ("equal-paper", "llm_scoring: {candidates: 9}", False),
    ],
)
def test_section_belongs_to_the_campaigns_whose_strategy_it_decides(load, name, section, decides):
    text = strategy(name, with_llm()).replace("student:\n  heads: 4\n", "")
    before, after = (load(t).campaign_settings("first") for t in (text, f"{text}{section}\n"))
    assert (before != after) is decides


def test_template_of_ratings_decides_what_they_select_and_not_what_is_extracted(load, folder):
    (folder / "rate.txt").write_text("$document $questions", encoding="utf-8")
    text = strategy("llm-scoring", with_llm())
    own = text.replace("model: m", "model: m\n  prompts: {rate: rate.txt}")
    before, after = (load(t).campaign_settings("first") for t in (text, own))
    assert before["extractor"] == after["extractor"]
    assert before["rate"] != after["rate"] == "$document $questions"


def test_aliases_that_grow_without_bound_are_refused_at_once(tmp_path):
    bomb = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    bomb += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 12)]
    (tmp_path / "campaigns.yaml").write_text("\n".join(bomb))
    with pytest.raises(SettingsError, match="at most 100,000 values, and aliases make 357,"):
        load_settings(tmp_path / "campaigns.yaml")
    (tmp_path / "campaigns.yaml").write_text("a: &a [*a]")
    with pytest.raises(SettingsError, match="line 1 is an alias of what it is in"):
        load_settings(tmp_path / "campaigns.yaml")


def test_without_pruning_data_sets_made_before_there_was_any_stay_current(load):
    def decides(keys):
        return load(VALID + f"dataset: {keys}\n").sections("dataset")["dataset"]

    off = decides("{prune: null, shortest_answer: null}")
    assert not {"prune", "shortest_answer", "min_examples"} & off.keys()
    assert off == decides("{prune: null, shortest_answer: null, min_examples: 7}")
    on = decides("{prune: auto}")
    assert on == {**off, "prune": "auto", "shortest_answer": 0.1, "min_examples": 50}
    assert decides("{prune: null}") == {**on, "prune": None}
    assert on != decides("{prune: auto, min_examples: 7}")


@pytest.mark.parametrize(
    ("url", "is_own"),
    [
        ("http://127.0.0.1:8080/v1", True),
        ("http://[::1]:8080/v1", True),
        ("http://localhost:11434/v1", True),
        ("http://10.1.2.3/v1", True),
        ("http://192.168.0.7:1234/v1", True),
        ("http://100.64.0.3/v1", True),
        ("http://gpu-box:8000/v1", True),
        ("http://vllm.default.svc.cluster.local/v1", True),
        ("https://api.openai.com/v1", False),
        ("https://8.8.8.8/v1", False),
        ("https://local.example.com/v1", False),
    ],
)
def test_servers_of_ones_own_stream_and_others_only_if_told(url, is_own):
    def streams(**more):
        settings = OpenAISettings(backend="openai", base_urls=[url], model="m", **more)
        return settings.streams_from(url)

    assert streams() == is_own
    assert not streams(completion_price=1.0)  # somebody charges for it
    assert streams(stream=True, completion_price=1.0)
    assert not streams(stream=False)


def test_following_replies_does_not_extract_anew():
    given = {"backend": "openai", "base_urls": ["http://h/v1"], "model": "m"}
    assert OpenAISettings(**given, stream=True).identity() == OpenAISettings(**given).identity()


def test_tags_of_a_campaign_are_its_strategy_and_its_target_as_dagster_takes_them(tmp_path):
    path = tmp_path / "campaigns.yaml"
    path.write_text(
        VALID.replace("  math:", "  math (hard):").replace("target: math", "target: math (hard)")
    )
    for name in ("corpus", "reference", "test"):
        (tmp_path / f"{name}.jsonl").write_text("")
    settings = load_settings(path)
    assert settings.tags_of("first") == {"strategy": "random", "target": "math--hard-"}
    assert settings.tags_of("") == {}
