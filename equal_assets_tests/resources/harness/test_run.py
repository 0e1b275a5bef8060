"""A micro student on local lm-eval tasks: figures and items, against the student's own scores."""

import json
import re
import shutil

import numpy as np
import pytest

from equal_assets.errors import ModelError
from equal_assets.progress import silent
from equal_assets.resources.harness.run import run_harness
from equal_assets.resources.students.causal_lm import load
from equal_assets_tests import harness_tasks
from equal_assets_tests.harness_tasks import N_QUESTIONS

SETTINGS = {
    "num_fewshot": None,
    "limit": None,
    "batch_size": 4,
    "seed": 0,
    "allow_unsafe_code": False,
    "progress": silent,
}


@pytest.fixture(scope="module")
def tasks(tmp_path_factory):
    return harness_tasks.write(tmp_path_factory.mktemp("harness") / "task files")


@pytest.fixture(scope="module")
def run(tasks):
    def run(path, *names, **changes):
        return run_harness(path, tasks=names, include_path=tasks, **{**SETTINGS, **changes})

    return run


@pytest.fixture(scope="module")
def whole(run, tuning):
    """The tuned student on every question."""
    return run(tuning.path, "facts")


def metrics(result):
    return {(metric.task, metric.metric): metric for metric in result.metrics}


def verdicts(result, task, name, metric):
    items = [item for item in result.items if (item.task, item.filter) == (task, name)]
    assert [item.doc_id for item in items] == list(range(len(items)))
    return [json.loads(item.verdict)[metric] for item in items]


def test_each_metric_is_the_mean_of_its_verdicts_with_its_standard_error(whole):
    found = metrics(whole)
    assert found.keys() == {
        ("facts_choice", "acc"),
        ("facts_choice", "acc_mutual_info"),
        ("facts_generated", "exact_match/strict"),
        ("facts_generated", "exact_match/flexible"),
        ("facts", "acc"),
    }
    for (task, metric), value in found.items():
        if task == "facts":
            continue
        name, _, filtered = metric.partition("/")
        judged = verdicts(whole, task, filtered or "none", name)
        assert value.n == len(judged) == N_QUESTIONS
        assert value.value == pytest.approx(np.mean(judged))
        error = np.std(judged, ddof=1) / np.sqrt(N_QUESTIONS)
        assert value.standard_error == pytest.approx(error)
    assert found["facts", "acc"].value == found["facts_choice", "acc"].value


def test_options_have_the_log_probabilities_of_the_student_itself(whole, student, tuning):
    items = [item for item in whole.items if item.task == "facts_choice"]
    for item in items:
        true = item.doc_id % 2
        options = json.loads(item.output)
        texts = [option["option"] for option in options]
        conditional, _ = student.answer_log_probabilities(
            tuning.path, [item.prompt] * 2, texts, progress=silent
        )
        alone, _ = student.answer_log_probabilities(tuning.path, [""] * 2, texts, progress=silent)
        given = [option["log_probability"] for option in options]
        np.testing.assert_allclose(given, conditional, atol=1e-3)
        assert (item.target, item.extracted) == (texts[true], texts[int(np.argmax(given))])
        assert json.loads(item.verdict) == {
            "acc": float(np.argmax(conditional) == true),
            "acc_mutual_info": float(np.argmax(conditional - alone) == true),
        }


def test_generated_text_is_kept_with_what_each_filter_takes_from_it(whole):
    patterns = {"strict": (r"stands in (the \w+)", 0), "flexible": (r"(the \w+)", -1)}
    items = [item for item in whole.items if item.task == "facts_generated"]
    assert len(items) == 2 * N_QUESTIONS
    assert any(item.extracted == item.target for item in items)
    for item in items:
        pattern, which = patterns[item.filter]
        matches = re.findall(pattern, item.output)
        assert item.extracted == (matches[which] if matches else "[invalid]")
        verdict = float(item.extracted == item.target)
        assert json.loads(item.verdict) == {"exact_match": verdict}


def test_fine_tuning_shows(run, base, whole):
    untuned, tuned = metrics(run(base, "facts_generated")), metrics(whole)
    key = ("facts_generated", "exact_match/strict")
    assert untuned[key].value < tuned[key].value


def test_limit_takes_the_first_questions(run, whole, tuning):
    few = run(tuning.path, "facts_choice", limit=5)
    assert {metric.n for metric in few.metrics} == {5}
    expected = [i for i in whole.items if i.task == "facts_choice" and i.doc_id < 5]
    assert [(i.doc_id, i.verdict) for i in few.items] == [(i.doc_id, i.verdict) for i in expected]


def test_tasks_done_are_reported(run, tuning):
    reports = []
    run(
        tuning.path,
        "facts_choice",
        "facts_generated",
        limit=1,
        progress=lambda *report: reports.append(report),
    )
    assert reports == [(0, 2, "facts_choice"), (1, 2, "facts_generated"), (2, 2)]


def test_worked_examples_stand_before_the_question_and_repeat_by_seed(tasks, run, tuning):
    shown = {**SETTINGS, "num_fewshot": 1, "limit": 3}
    text = (tasks / "choice.yaml").read_text().replace("facts_choice", "facts_shown")
    (tasks / "shown.yaml").write_text(text + "fewshot_split: test\n")
    first, again = (run(tuning.path, "facts_shown", **shown) for _ in range(2))
    other = run(tuning.path, "facts_shown", **{**shown, "seed": 1})
    (tasks / "shown.yaml").unlink()
    assert first == again
    assert [i.prompt for i in first.items] != [i.prompt for i in other.items]
    for item in first.items:
        assert item.prompt.count("Question:") == 2
        assert item.prompt.endswith("\nAnswer:")


def test_adapter_is_evaluated_as_the_model_that_it_makes_of_its_base(run, tuning, tmp_path):
    import torch
    from peft import LoraConfig, get_peft_model

    model, tokenizer = load(tuning.path)
    torch.manual_seed(0)
    adapted = get_peft_model(model, LoraConfig(r=4, target_modules="all-linear"))
    with torch.no_grad():
        for name, weight in adapted.named_parameters():
            if "lora_B" in name:
                weight.normal_(std=0.3)
    adapted.save_pretrained(tmp_path / "adapter")
    adapted.merge_and_unload().save_pretrained(tmp_path / "merged")
    tokenizer.save_pretrained(tmp_path / "merged")
    scores = {}
    for folder in (tmp_path / "adapter", tmp_path / "merged", tuning.path):
        items = run(folder, "facts_choice", limit=4).items
        options = [option for item in items for option in json.loads(item.output)]
        scores[folder.name] = [option["log_probability"] for option in options]
    adapter, merged, untouched = scores.values()
    np.testing.assert_allclose(adapter, merged, atol=1e-3)
    assert np.abs(np.subtract(adapter, untouched)).min() > 0.01


def test_folder_without_weights_in_safetensors_is_no_model(run, tuning, tmp_path):
    with pytest.raises(ModelError, match=r"no model in .*: config\.json is missing"):
        run(tmp_path, "facts_choice")
    (tmp_path / "adapter_config.json").write_text("{}")
    (tmp_path / "adapter_model.bin").write_bytes(b"")
    with pytest.raises(ModelError, match=r"no model in .*: adapter_model\.safetensors is missing"):
        run(tmp_path, "facts_choice")
    pickled = tmp_path / "pickled"
    shutil.copytree(tuning.path, pickled)
    (pickled / "model.safetensors").unlink()
    (pickled / "pytorch_model.bin").write_bytes(b"")
    with pytest.raises(OSError, match="safetensors"):
        run(pickled, "facts_choice")
