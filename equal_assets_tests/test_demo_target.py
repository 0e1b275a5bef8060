"""The demo target: enough pairs, no question on both sides, and every answer's code runs."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from equal_assets.algorithms.decontamination import ProtectedQuestions
from equal_assets.resources.targets.reading import read_target
from equal_assets.settings import TargetSettings

DEMO = Path(__file__).parents[1] / "equal_assets" / "demo"
FENCE = re.compile(r"```python\n(.*?)```", re.DOTALL)

RUN_ALL = """
import json, sys, traceback, warnings
failed = []
for name, code in json.load(sys.stdin):
    try:
        exec(compile(code, name, "exec"), {"__name__": name})
    except Exception:
        failed.append(name + "\\n" + traceback.format_exc(limit=-1))
print("\\n".join(failed))
"""


def rows(split: str) -> list[dict]:
    return [json.loads(line) for line in (DEMO / f"{split}.jsonl").read_text().splitlines()]


def test_splits_are_large_enough_and_share_no_question():
    target = TargetSettings.model_construct(
        reference=str(DEMO / "reference.jsonl"),
        test=str(DEMO / "test.jsonl"),
        question_field="question",
        answer_field="answer",
    )
    reference, test = read_target(target)
    assert len(reference) >= 60
    assert len(test) >= 150
    assert set(ProtectedQuestions(test, n=10).find_leaks(reference)) == {None}


@pytest.mark.parametrize("split", ["reference", "test"])
def test_code_of_every_answer_runs(split):
    blocks = [(row["id"], FENCE.findall(row["answer"])) for row in rows(split)]
    assert all(len(code) == 1 for _, code in blocks)
    result = subprocess.run(
        [sys.executable, "-c", RUN_ALL],
        input=json.dumps([(name, code[0]) for name, code in blocks]),
        capture_output=True,
        text=True,
        timeout=240,
        check=True,
    )
    assert result.stdout.strip() == ""
