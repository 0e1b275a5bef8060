"""Which tasks of lm-eval are found, and which are refused, before a model is loaded."""

import sys

import pytest

from equal_assets.errors import EvaluationError
from equal_assets.resources.harness.tasks import check_tasks, load_tasks
from equal_assets.settings import PAPER_TASKS
from equal_assets_tests import harness_tasks

CODE_TASK = """\
task: code
dataset_path: json
dataset_kwargs: {data_files: {test: nowhere.jsonl}}
test_split: test
output_type: generate_until
doc_to_text: "{{prompt}}"
doc_to_target: "{{place}}"
"""


@pytest.fixture
def tasks(tmp_path):
    return harness_tasks.write(tmp_path / "task files")


def check(*names, folder=None, allow_unsafe_code=False):
    check_tasks(names, include_path=folder, allow_unsafe_code=allow_unsafe_code)


def load(*names, folder=None):
    return load_tasks(names, include_path=folder, allow_unsafe_code=False, num_fewshot=None, seed=0)


@pytest.mark.slow
def test_every_task_of_the_preset_is_known_and_those_that_run_code_are_refused():
    assert len(PAPER_TASKS) == 13
    check(*PAPER_TASKS, allow_unsafe_code=True)
    refused = set()
    for task in PAPER_TASKS:
        try:
            check(task)
        except EvaluationError:
            refused.add(task)
    assert refused == {"humaneval", "mbpp"}


def test_unknown_task_is_told_with_its_neighbors():
    with pytest.raises(EvaluationError, match=r"no task 'gsm9k'; near: gsm8k"):
        check("gsm9k", "arc_easy")


def test_task_that_runs_code_without_saying_so_is_refused():
    with pytest.raises(EvaluationError, match=r"task cruxeval_input .*runs the model's code"):
        check("cruxeval_input")


def test_standard_task_without_the_hub_is_named():
    with pytest.raises(EvaluationError, match=r"task gsm8k: .*not be loaded: .*openai/gsm8k"):
        load("gsm8k")


@pytest.mark.slow
def test_unknown_local_task_is_told_with_the_tasks_and_idle_files_of_the_folder(tasks):
    (tasks / "broken.yaml").write_text("task: [")
    with pytest.raises(EvaluationError) as caught:
        check("facts_choise", folder=tasks)
    assert str(caught.value) == (
        "lm-eval knows no task 'facts_choise'; near: facts_choice; "
        f"task files in {tasks}: facts, facts_choice, facts_generated; "
        "files there that define no task or are not YAML: broken.yaml"
    )


@pytest.mark.slow
def test_group_of_local_and_standard_tasks_is_found(tasks):
    (tasks / "mixed.yaml").write_text("group: mixed\ntask: [facts_choice, arc_easy]\n")
    check("mixed", folder=tasks)
    (tasks / "mixed.yaml").write_text("group: mixed\ntask: [facts_choice, arc_esay]\n")
    with pytest.raises(EvaluationError, match="no task 'arc_esay'; near: arc_easy"):
        check("mixed", folder=tasks)


def test_task_named_by_itself_and_by_its_group_is_refused(tasks):
    check("facts", folder=tasks)
    with pytest.raises(EvaluationError, match="facts_choice is named twice, by facts_choice and"):
        check("facts_choice", "facts", folder=tasks)


@pytest.mark.parametrize(
    "line",
    [
        "unsafe_code: true",
        "process_results: !function judge.run",
        "metric_list: [{metric: !function judge.run}]",
        "metric_list: [{metric: code_eval}]",
    ],
)
def test_local_task_that_runs_code_is_refused_unless_it_may(tasks, line):
    (tasks / "judge.py").write_text("def run(doc, results):\n    exec(results[0])\n    return {}\n")
    (tasks / "code.yaml").write_text(f"{CODE_TASK}{line}\n")
    (tasks / "group.yaml").write_text("group: facts\ntask: [facts_choice, code]\n")
    with pytest.raises(EvaluationError, match=r"task code runs the .* `answers: code` runs it"):
        check("code", folder=tasks)
    with pytest.raises(EvaluationError, match=r"task code \(in facts\) runs .*allow_unsafe_code"):
        load("facts", folder=tasks)
    check("facts", folder=tasks, allow_unsafe_code=True)


def test_local_task_whose_functions_run_nothing_is_loaded(tasks):
    (tasks / "shape.py").write_text("def text(doc):\n    return doc['prompt'].upper()\n")
    path = tasks / "choice.yaml"
    path.write_text(path.read_text().replace('"{{prompt}}"', "!function shape.text"))
    task = load("facts_choice", folder=tasks)["facts_choice"]["tasks"]["facts_choice"]
    assert task.doc_to_text(next(iter(task.test_docs()))).startswith("QUESTION: ")


def test_local_data_that_is_missing_is_told_with_its_task_and_the_folder_it_counts_from(tasks):
    (tasks / "code.yaml").write_text(CODE_TASK)
    with pytest.raises(
        EvaluationError, match=r"task code: .*nowhere\.jsonl.* relative to the current fol"
    ):
        load("code", folder=tasks)


def test_package_that_a_task_lacks_is_told(tasks):
    (tasks / "shape.py").write_text("import no_such_package\ndef text(doc):\n    return ''\n")
    (tasks / "code.yaml").write_text(CODE_TASK.replace('"{{prompt}}"', "!function shape.text"))
    with pytest.raises(EvaluationError, match=r"task code needs another package: .*no_such_pack"):
        load("code", folder=tasks)


def test_missing_extra_is_told_with_what_to_install(tasks, monkeypatch):
    for name in ("lm_eval", "lm_eval.tasks"):
        monkeypatch.setitem(sys.modules, name, None)  # Python then says that it is not there
    with pytest.raises(EvaluationError, match=r"needs lm-eval .*pip install 'lm-eval\[hf,math\]"):
        check("facts", folder=tasks)
