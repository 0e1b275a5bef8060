import pytest

from equal_assets.algorithms.judging.code import extract_code, program_of

PREFIX = 'def add(a, b):\n    """Return the sum."""\n'
ADD = "import math\n\ndef add(a, b):\n    return a + b"


def extract(output, wanted=()):
    return extract_code(output, prefix="", wanted=wanted)


def go_on(output):
    return extract_code(output, prefix=PREFIX, wanted={"add"})


@pytest.mark.parametrize(
    "output",
    [
        ADD,
        f"```python\n{ADD}\n```",
        f"```\n{ADD}\n```",
        f"Sure! Here it is:\n\n```py\n{ADD}\n```\nIt adds.",
        f"Run it:\n```bash\npython add.py\n```\n```python\n{ADD}\n```",
        f"```python\nadd(1, 2)\n```\nwhere\n```python\n{ADD}\n```",
        f"```python\n{ADD}\n```\nExample:\n```python\ndef other(): ...\n```",
        f"```python\n{ADD}",
        f"Here is the function.\n\n{ADD}\n\nThis function adds two numbers.",
        f"[BEGIN]\n{ADD}\n[DONE]\n\nYou are an expert",
    ],
)
def test_the_program_is_found_in_fences_and_in_plain_text(output):
    assert extract(output) == ADD


@pytest.mark.parametrize("output", ["", "  \n", "I do not know.", "```python\n```"])
def test_an_output_without_code_has_none(output):
    assert extract(output) is None


def test_plain_code_is_kept_whole():
    code = (
        "from collections import Counter\nR = 3\nx, y = 1, 2\nn: int = 4\nboxes[0] = 1\n@cache\n"
        "def f(\n    a,\n):\n    '''Text.\n\n    '''\n    return a\n\n# a comment\n"
        "if R > 2:\n    R += 1\nelse:\n    R = 0\nfor i in range(3): f(i)\nprint(f(1))"
    )
    assert extract(code) == code


def test_plain_text_that_is_cut_off_is_code_up_to_its_end():
    assert extract("def add(a, b):\n    return a +") == "def add(a, b):\n    return a +"


def test_characters_that_are_line_ends_to_unicode_alone_stay():
    assert extract("def f():\n    return '\u2028\x0c'") == "def f():\n    return '\u2028\x0c'"


def test_a_continuation_keeps_its_indentation_and_ends_with_its_block():
    output = "    return a + b\n\n\ndef main():\n    print(add(1,"
    assert go_on(output) == "    return a + b"


def test_a_continuation_may_be_a_whole_program():
    assert go_on(ADD) == ADD
    assert go_on(f"```python\n{ADD}\n```") == ADD


def test_a_program_begins_with_what_the_question_shows():
    assert program_of("    return 1", "def f():\n    '''One.'''\n") == (
        "def f():\n    '''One.'''\n    return 1"
    )
    assert program_of(ADD, "") == ADD
