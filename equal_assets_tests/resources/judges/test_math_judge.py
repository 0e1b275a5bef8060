import threading
import time

import psutil
import pytest

from equal_assets.algorithms.judging.verdicts import Verdict
from equal_assets.progress import silent
from equal_assets.resources.judges.math_judge import math_verdicts


def judge(outputs, references, *, seconds=30.0, n_workers=1, progress=silent):
    return math_verdicts(
        outputs,
        references,
        seconds=seconds,
        memory_mb=1024,
        n_workers=n_workers,
        progress=progress,
    )


def children() -> set[psutil.Process]:
    return set(psutil.Process().children(recursive=True))


def test_verdicts_come_in_the_order_of_the_outputs_and_progress_is_told():
    told = []
    verdicts = judge(
        [r"\boxed{0.5}", "", r"\boxed{3}", "2 apples"],
        [r"\frac12", "1", "2", "2"],
        n_workers=2,
        progress=lambda done, total, note="": told.append((done, total)),
    )
    assert [verdict.reason for verdict in verdicts] == [
        None,
        "empty",
        "wrong value: expected 2",
        None,
    ]
    assert told == [(1, 4), (2, 4), (3, 4), (4, 4)]


def test_true_answers_are_right_in_every_shape_and_others_in_none():
    truths = [r"\frac{3}{4}", "1,234", r"\text{Monday}", "[1, 2)", r"90^\circ", r"x^2 + 1", "-5"]
    shapes = [
        r"So $\boxed{%s}$.",
        "<think>\\boxed{17}? No.</think>\\[\n\\boxed{\n%s\n}\n\\]",
        "First \\boxed{17}. Then\n\n**\\boxed{%s}**\n\nProblem: 1 + 1?\n\\boxed{2}",
        r"\boxed{\text{The answer is } %s}",
        "%s",
    ]
    outputs = [shape % truth for truth in truths for shape in shapes]
    references = [rf"so \boxed{{{truth}}}." for truth in truths for _ in shapes]
    assert [verdict.reason for verdict in judge(outputs, references)] == [None] * len(outputs)
    others = references[len(shapes) :] + references[: len(shapes)]
    assert not any(verdict.is_correct for verdict in judge(outputs, others))


def test_an_expression_without_bounds_is_ended_and_the_next_is_judged():
    started, before = time.monotonic(), children()
    # the first answer is judged with all the time there is: the library is warm after it
    verdicts = judge([r"\boxed{9^{9^{9^9}}}", r"\boxed{7}"], ["7", "7"], seconds=3.0)
    assert verdicts == [
        Verdict(extracted=None, is_correct=False, reason=verdicts[0].reason),
        Verdict(extracted="7", is_correct=True, reason=None),
    ]
    assert verdicts[0].reason in ("timeout after 3 seconds", "MemoryError in 1024 MiB")
    assert time.monotonic() - started < 60
    assert children() <= before


def test_a_thread_can_judge():
    found = []
    thread = threading.Thread(target=lambda: found.extend(judge([r"\boxed{1/2}"], ["0.5"])))
    thread.start()
    thread.join()
    assert [verdict.is_correct for verdict in found] == [True]


def test_a_reference_without_an_answer_is_refused():
    before = children()
    with pytest.raises(ValueError, match=r"reference = .*: must be an answer, in a complete"):
        judge(["1"], [r"\boxed{1"])
    assert children() <= before


def test_memory_that_is_not_enough_to_start_is_an_error():
    with pytest.raises(RuntimeError, match="did not start with memory_mb = 16"):
        math_verdicts(["1"], ["1"], seconds=1, memory_mb=16, n_workers=1, progress=silent)
