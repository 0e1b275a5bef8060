import sys
import textwrap

import pytest

from equal_assets.progress import silent
from equal_assets.resources.judges.code_judge import code_verdicts
from equal_assets.resources.judges.sandbox import Limits
from equal_assets.resources.targets.reading import CodeTests, read_code_tests, read_target
from equal_assets.settings import TargetSettings
from equal_assets_tests.resources.corpora.test_reading import write_jsonl

if sys.platform != "linux":
    pytest.skip("the sandbox is Linux's", allow_module_level=True)

LIMITS = Limits(seconds=2, memory_mb=512)
MBPP = CodeTests(prefix="", tests="assert add(1, 2) == 3\nassert add(0, 0) == 0")
HUMANEVAL = CodeTests(
    prefix='def add(a, b):\n    """Return the sum."""\n',
    tests="def check(candidate):\n    assert candidate(1, 2) == 3\ncheck(add)",
)


PROMPT = '''from typing import List


def count_even(values: List[int]) -> int:
    """ Count the even numbers.
    >>> count_even([1, 2, 4])
    2
    """
'''
BODY = """    total = 0
    for value in values:
        if value % 2 == 0:
            total += 1
    return total
"""
TESTS = (
    "def check(candidate):\n    assert candidate([1, 2, 4]) == 2\n    assert candidate([]) == 0\n"
)
CONTINUED = CodeTests(prefix=PROMPT, tests=f"{TESTS}check(count_even)")
ALONE = CodeTests(prefix="", tests=f"{TESTS}check(count_even)")

WHOLE = f"def count_even(values):\n{BODY}"
LISTED = textwrap.indent(f"```python\n{WHOLE}```", "   ")
DRAFT = "```python\ndef count_even(values):\n    return 0\n```"
FENCED = f"```python\n{WHOLE}```"
HELPER = "def _is_even(value):\n    return value % 2 == 0\n"
USING = "def count_even(values):\n    return sum(map(_is_even, values))\n"
COUNTED = "def count_even(values):\n    return Counter(v % 2 for v in values)[0]\n"
DOCUMENTED = (
    "def count_even(values):\n"
    '    """Use it.\n\n    ```\n    count_even([2])\n    ```\n    """\n'
    f"{BODY}"
)
UNINDENTED = DOCUMENTED.replace("    ```", "```")

WHOLE_SHAPES = {
    "function": WHOLE,
    "sentence before": f"Here is the function:\n\n{WHOLE}",
    "sentences around": f"Sure\n\n{WHOLE}\nThis function counts them.",
    "indented after a sentence": f"Sure:\n\n{textwrap.indent(WHOLE, '    ')}",
    "fenced": f"Sure:\n{FENCED}\nDone.",
    "no end of the fence": f"```python\n{WHOLE}",
    "only the end of the fence": f"{WHOLE}```\nThis counts them.",
    "tildes": f"~~~python\n{WHOLE}~~~",
    "four ticks": f"````py\n{WHOLE}````",
    "attributes": f"```{{.python .numberLines}}\n{WHOLE}```",
    "in a list item": f"1. First define it:\n\n{LISTED}\n\n2. Then use it.",
    "fence after a sentence": f"The function: ```python\n{WHOLE}```\nDone.",
    "fence at the end of a line": f"```python\n{WHOLE.rstrip()}```\nThis counts them.",
    "import after it": f"{FENCED}\nNeeds:\n```python\nimport operator\n```",
    "in a quote": textwrap.indent(FENCED, "> "),
    "helper first": f"Helper:\n```python\n{HELPER}```\nMain:\n```python\n{USING}```",
    "helper last": f"Main:\n```python\n{USING}```\nHelper:\n```python\n{HELPER}```",
    "helper without a fence": f"We need\n\n{HELPER}\nand with it\n\n{USING}\nThat is all.",
    "imports first": f"```python\nfrom collections import Counter\n```\n```python\n{COUNTED}```",
    "fence in a docstring": f"```python\n{DOCUMENTED}```\nDone.",
    "unindented fence in a docstring": f"```python\n{UNINDENTED}```\nDone.",
    "draft": f"<think>Maybe\n{DRAFT}\n</think>\n{FENCED}",
    "draft that began in the prompt": f"Maybe\n{DRAFT}\n</think>\n{FENCED}",
    "first try": f"{DRAFT}\nThat is wrong. Better:\n{FENCED}",
    "signature after it": f"{FENCED}\nIts form:\n```python\ndef count_even(values): ...\n```",
    "use before it": f"```python\ncount_even([1])\n```\nwhere\n{FENCED}",
    "use after it": f"{FENCED}\n```python\nprint(count_even([1], 2))\n```",
    "dialog in it": f"```python\n{WHOLE}\nvalues = eval(input())\nprint(count_even(values))\n```",
    "output after it": f"{FENCED}\nOutput:\n```\n2\n```",
    "shell before it": f"```bash\npython count.py\n```\n{FENCED}",
    "prompts of the interpreter": "```pycon\n>>> from operator import not_\n>>> "
    "count_even = lambda v: sum(not_(x % 2) for x in v)\n>>> count_even([2])\n1\n```",
    "Windows": FENCED.replace("\n", "\r\n"),
    "cut off after it": f"{WHOLE}\nprint(count_even([1,",
    "future": f"```python\nfrom __future__ import annotations\n{WHOLE}```",
    "in a bullet, with tabs": "* Solution:\n\n\t```python\n"
    + textwrap.indent(WHOLE.replace("    ", "\t"), "\t")
    + "\t```\n",
    "method with another name": "```python\nclass Solution:\n    def count(self, values):\n"
    "        return sum(v % 2 == 0 for v in values)\n\ncount_even = Solution().count\n```",
    "tags of Code Llama": f"[PYTHON]\n{WHOLE}[/PYTHON]\n[TESTS]\nassert count_even([2])\n[/TESTS]",
    "second version cut off": f"{FENCED}\nOr:\n```python\ndef count_even(values):\n    n = len(v",
    "decorator from another block": "```python\nimport functools\n```\n```python\n"
    "@functools.cache\ndef _is_even(value):\n    return value % 2 == 0\n\n"
    f"{USING}```",
    "language left over": f"python\n{WHOLE}",
    "sentence that speaks of imports": f"We import math.\nimport math\n\n{WHOLE}",
    "inputs in a block of text": f"```text\nInput: [1]\n```\n{FENCED}",
    "tags of HTML": f"<code>\n{WHOLE}</code>",
    "asks for input at the end": f"```python\n{WHOLE}\nif __name__ == '__main__':\n    "
    "print(count_even(eval(input())))\n```",
    "delimiters of MBPP": f"[BEGIN]\n{WHOLE}[DONE]\nYou are",
}
BODY_SHAPES = {
    "body": BODY,
    "first indentation gone": BODY.strip(),
    "all indentation gone": textwrap.dedent(BODY),
    "half of the first indentation gone": BODY[2:],
    "tabs": BODY.replace("    ", "\t"),
    "empty line first": f"\n{BODY}",
    "goes on": f"{BODY}\n\ndef main():\n    print(count_even([1,",
    "all indentation gone, goes on": f"{textwrap.dedent(BODY)}\n\ndef main():\n    print((1,",
    "comment at the margin": BODY.replace("    return", "# done\n    return"),
    "needs what follows": f"    return sum(map(_is_even, values))\n\n\n{HELPER}",
    "end of a fence": f"{BODY}```\nThis counts them.",
    "fenced body": f"```python\n{BODY}```",
    "fenced body without indentation": f"```python\n{textwrap.dedent(BODY)}```",
    "fenced, first indentation gone": f"```python\n{BODY.strip()}\n```",
    "in a list item": textwrap.indent(f"1. So:\n   ```python\n{BODY}   ```", "  "),
    "prompt repeated": PROMPT + BODY,
    "a stub, then better": f"{PROMPT}    pass\n\nImproved:\n{FENCED}",
    "sentence before the body": f"The body is:\n\n{BODY}",
    "body with a docstring in a fence": f'```python\n    """Count."""\n{BODY}```',
    "two spaces": BODY.replace("    ", "  "),
    "comment first": f"    # count them\n{BODY}",
    "function within": "    def is_even(v):\n        return v % 2 == 0\n"
    "    return sum(map(is_even, values))",
    "one line": "return sum((lambda v: v % 2 == 0)(v) for v in values)",
    "prompt repeated in a fence": f"```python\n{PROMPT}{BODY}```",
}


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


@pytest.mark.parametrize("question", [CONTINUED, ALONE], ids=["HumanEval", "MBPP"])
def test_a_right_function_is_right_in_every_shape_and_a_wrong_one_in_none(question):
    right = list(WHOLE_SHAPES.values())
    spoilt = [text.replace("% 2", "% 3") for text in right]
    assert _shapes_found(WHOLE_SHAPES, judge(right, [question] * len(right))) == set(WHOLE_SHAPES)
    assert _shapes_found(WHOLE_SHAPES, judge(spoilt, [question] * len(right))) == set()


def test_a_right_body_is_right_in_every_shape_and_a_wrong_one_in_none():
    right = list(BODY_SHAPES.values())
    spoilt = [text.replace("% 2", "% 3") for text in right]
    assert _shapes_found(BODY_SHAPES, judge(right, [CONTINUED] * len(right))) == set(BODY_SHAPES)
    assert _shapes_found(BODY_SHAPES, judge(spoilt, [CONTINUED] * len(right))) == set()


def _shapes_found(shapes, verdicts):
    return {name for name, verdict in zip(shapes, verdicts, strict=True) if verdict.is_correct}


def test_the_true_answers_of_a_file_like_humaneval_are_right(tmp_path):
    row = {"prompt": PROMPT, "canonical_solution": BODY, "test": TESTS, "entry_point": "count_even"}
    one_line = {
        **row,
        "prompt": f"\n{PROMPT}",
        "canonical_solution": f"    {BODY_SHAPES['one line']}\n",
    }
    steering = {"prompt": "def up(x):\n", "canonical_solution": "    return x + 1\n"}
    target = TargetSettings(
        reference=str(write_jsonl(tmp_path / "reference.jsonl", steering)),
        test=str(write_jsonl(tmp_path / "test.jsonl", row)),
        question_field="prompt",
        answer_field="canonical_solution",
        answers="code",
        tests_field="test",
        prefix_field="prompt",
        entry_point_field="entry_point",
    )
    (pair,), tests = read_target(target)[1], read_code_tests(target)
    assert pair.answer == BODY.rstrip()
    assert judge([pair.answer], tests)[0].reason is None
    write_jsonl(tmp_path / "test.jsonl", one_line)
    (pair,), tests = read_target(target)[1], read_code_tests(target)
    assert judge([pair.answer], tests)[0].reason is None


@pytest.mark.parametrize(
    "output",
    [
        f"<think>\nMaybe\n{FENCED}",
        "```python\nassert count_even([1, 2, 4]) == 2\n```",
        "```python\ndef count_odd(values):\n    return 2\n```",
    ],
)
def test_a_draft_without_an_end_and_tests_alone_are_no_answer(output):
    assert not any(verdict.is_correct for verdict in judge([output] * 2, [CONTINUED, ALONE]))


def test_a_prefix_without_a_docstring_gives_way_to_the_whole_function():
    question = CodeTests(prefix="import math\n\ndef up(x):\n", tests="assert up(1.5) == 2")
    outputs = ["def up(x):\n    return math.ceil(x)", "return math.ceil(x)", "def up(x):\n    retu"]
    verdicts = judge(outputs, [question] * 3)
    assert [verdict.is_correct for verdict in verdicts] == [True, True, False]
    assert "NameError" in verdicts[2].reason


def test_a_prefix_may_end_within_a_loop_or_a_method():
    loop = CodeTests(
        prefix="def total(xs):\n    found = 0\n    for x in xs:\n",
        tests="assert total([1, 2]) == 3",
    )
    method = CodeTests(
        prefix="class Counter:\n    def up(self, n):\n        '''Add 1.'''\n",
        tests="assert Counter().up(1) == 2",
    )
    outputs = [
        "        found += x\n    return found",
        "found += x\n    return found",
        "        return n + 1",
        "return n + 1",
    ]
    verdicts = judge(outputs, [loop, loop, method, method])
    assert [verdict.reason for verdict in verdicts] == [None] * 4
