import datasets
import pytest

from equal_assets.errors import CorpusError, SettingsError
from equal_assets.resources.targets.presets import MATH_SUBJECTS, PRESETS
from equal_assets.resources.targets.reading import read_code_tests, read_target
from equal_assets.settings import TargetSettings, load_settings
from equal_assets.settings.campaigns import TARGET_PRESETS

MBPP_ROW = {
    "task_id": 601,
    "text": "Write a function to add.",
    "code": "def add(a, b):\n    return a + b",
    "test_list": ["assert add(1, 2) == 3", "assert add(0, 0) == 0"],
    "test_setup_code": "import math",
}
# rows as the data sets have them: by (data set, subset, split)
HUB = {
    ("openai/gsm8k", "main", "train"): [
        {"question": "What is 1 + 1?", "answer": "It is 2.\n#### 2"},
        {"question": "what is  1 + 1?", "answer": "2\n#### 2"},
        {"question": "What is 2 + 2?", "answer": "4\n#### 4"},
    ],
    ("openai/gsm8k", "main", "test"): [{"question": "What is 2 + 2?", "answer": "#### 4"}],
    ("google-research-datasets/mbpp", "full", "train"): [MBPP_ROW],
    ("google-research-datasets/mbpp", "full", "test"): [{**MBPP_ROW, "text": "Write a sum."}],
    ("openai/openai_humaneval", None, "test"): [
        {
            "task_id": "HumanEval/0",
            "prompt": "def twice(x):\n",
            "canonical_solution": "    return 2 * x\n",
            "test": "def check(candidate):\n    assert candidate(1) == 2\n",
            "entry_point": "twice",
        }
    ],
    **{
        ("EleutherAI/hendrycks_math", subject, split): [
            {"problem": f"{subject} {split}?", "solution": "$\\boxed{1}$"}
        ]
        for subject in MATH_SUBJECTS
        for split in ("train", "test")
    },
}


@pytest.fixture
def preset(tmp_path, monkeypatch):
    """Return a function that gives the target of a preset, its hub being :data:`HUB`."""
    monkeypatch.setenv("EQUAL_HOME", str(tmp_path / "home"))

    def load(dataset, name=None, split=None):
        return datasets.Dataset.from_list(HUB[dataset, name, split])

    monkeypatch.setattr(datasets, "load_dataset", load)
    return lambda name: TargetSettings.model_validate({"preset": name})


def test_files_of_gsm8k_are_fetched_once_without_what_stands_twice(preset, tmp_path, monkeypatch):
    reference, test = read_target(preset("gsm8k"))
    assert [pair.question for pair in reference] == ["What is 1 + 1?"]
    assert [pair.question for pair in test] == ["What is 2 + 2?"]
    assert (tmp_path / "home" / "targets" / "gsm8k" / "test.jsonl").is_file()
    monkeypatch.setattr(datasets, "load_dataset", None)
    assert read_target(preset("gsm8k")) == (reference, test)


def test_all_subjects_of_math_are_one_target(preset):
    reference, test = read_target(preset("math"))
    assert (len(reference), len(test)) == (7, 7)


def test_code_targets_come_with_what_runs_their_answers(preset):
    reference, _ = read_target(preset("mbpp"))
    assert reference[0].question == (
        "Write a function to add.\nYour code should pass this test:\nassert add(1, 2) == 3"
    )
    (tests,) = read_code_tests(preset("mbpp"))
    assert tests.tests == "import math\nassert add(1, 2) == 3\nassert add(0, 0) == 0"

    reference, (task,) = read_target(preset("humaneval"))
    assert reference[0].answer.startswith("def add")
    (tests,) = read_code_tests(preset("humaneval"))
    assert tests.prefix == task.question + "\n"
    assert tests.tests.endswith("check(twice)")


def test_hub_that_cannot_be_reached_is_an_error_that_says_what_to_do(preset, monkeypatch):
    def refuse(*args, **kwargs):
        raise ConnectionError("no route to host")

    monkeypatch.setattr(datasets, "load_dataset", refuse)
    with pytest.raises(
        CorpusError, match=r"openai/gsm8k .*no route to host.*needs a network.*files of your own"
    ):
        read_target(preset("gsm8k"))


def test_every_preset_of_the_settings_can_be_fetched():
    assert TARGET_PRESETS.keys() == PRESETS.keys()


def test_mistakes_with_presets_are_told_with_their_lines(tmp_path):
    path = tmp_path / "campaigns.yaml"
    path.write_text(
        "corpus: {source: hub, preset: mathtext}\n"
        "targets:\n"
        "  a: {preset: gsm9k}\n"
        "  b: {preset: gsm8k, reference: mine.jsonl}\n"
        "campaigns: {c: {target: a, budget_documents: 1}}\n"
    )
    with pytest.raises(SettingsError) as raised:
        load_settings(path)
    text = str(raised.value)
    assert "campaigns.yaml:1: corpus.preset = 'mathtext'" in text
    assert "campaigns.yaml:3: targets.a.preset = 'gsm9k'" in text
    assert "campaigns.yaml:4: targets.b: preset gsm8k has its own reference" in text


def test_preset_of_a_corpus_fills_what_the_file_leaves_out(tmp_path):
    path = tmp_path / "campaigns.yaml"
    path.write_text(
        "corpus: {source: hub, preset: auto-math-text, subset: arxiv-0.50-to-1.00}\n"
        "targets: {a: {preset: gsm8k}}\n"
        "campaigns: {c: {target: a, budget_documents: 1}}\n"
    )
    corpus = load_settings(path).corpus
    assert (corpus.dataset, corpus.subset) == ("math-ai/AutoMathText", "arxiv-0.50-to-1.00")
    assert (corpus.text_field, corpus.url_field, corpus.license) == ("text", "url", "CC BY-SA 4.0")
