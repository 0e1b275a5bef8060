import sys

import pytest

from equal_assets.progress import silent
from equal_assets.resources.judges.code_judge import code_verdicts
from equal_assets.resources.judges.sandbox import Limits
from equal_assets.resources.targets.reading import CodeTests

if sys.platform != "linux":
    pytest.skip("the sandbox is Linux's", allow_module_level=True)

LIMITS = Limits(seconds=2, memory_mb=512)
MBPP = CodeTests(prefix="", tests="assert add(1, 2) == 3\nassert add(0, 0) == 0")
HUMANEVAL = CodeTests(
    prefix='def add(a, b):\n    """Return the sum."""\n',
    tests="def check(candidate):\n    assert candidate(1, 2) == 3\ncheck(add)",
)


def judge(outputs, references, progress=silent):
    return code_verdicts(outputs, references, limits=LIMITS, n_workers=2, progress=progress)


def test_programs_are_judged_by_their_tests_in_order():
    told = []
    verdicts = judge(
        [
            "```python\ndef add(a, b):\n    return a + b\n```",
            "def add(a, b):\n    return 3",
            "",
            "I cannot.",
            "def add(a, b):\n    return a +",
        ],
        [MBPP] * 5,
        progress=lambda done, total, note="": told.append((done, total)),
    )
    assert [verdict.reason for verdict in verdicts] == [
        None,
        "AssertionError (in assert add(0, 0) == 0)",
        "empty",
        "no code",
        "SyntaxError: invalid syntax (<program>, line 2) (in the program)",
    ]
    assert verdicts[0].extracted == "def add(a, b):\n    return a + b"
    assert told[-1] == (5, 5)


def test_a_continuation_goes_on_from_what_the_question_shows():
    outputs = [
        "    return a + b\n\nprint(add(",
        "```python\ndef add(a, b):\n    return a + b\n```",
        "    return a - b",
    ]
    verdicts = judge(outputs, [HUMANEVAL] * 3)
    assert [verdict.is_correct for verdict in verdicts] == [True, True, False]
    assert verdicts[2].reason == "AssertionError (in check(add))"


def test_each_output_needs_its_tests():
    with pytest.raises(ValueError, match="1 outputs and 2 references"):
        judge([""], [MBPP, MBPP])
