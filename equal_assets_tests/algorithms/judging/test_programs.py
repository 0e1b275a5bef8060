from equal_assets.algorithms.judging.programs import (
    given_by,
    missing_classes,
    missing_imports,
    names_taken,
)

PREFIX = (
    "import math\n\nclass Node: pass\n\ndef poly(xs, x):\n    return xs[0] + x\n\n"
    'def stub(x): ...\n\ndef find_zero(xs):\n    """Find x."""\n'
)


def test_what_a_question_shows_is_given_but_its_classes_and_what_is_to_be_written():
    given = given_by(PREFIX, "", "assert poly([1], find_zero([1])) == 0")
    assert given == "import math\ndef poly(xs, x):\n    return xs[0] + x"


def test_imports_of_the_true_answer_are_given_where_the_tests_need_them():
    answer = "import re\nfrom math import isclose, sqrt\ndef f(x): return sqrt(x)"
    assert given_by("", answer, "assert isclose(f(4), 2)") == "from math import isclose, sqrt"
    assert given_by("", answer, "from math import isclose\nassert isclose(f(4), 2)") == ""


def test_tests_take_from_a_program_what_they_read_and_do_not_define():
    tests = "import math\nroot = Node(1)\nassert math.isclose(depth(root), 1)"
    assert names_taken("", "", tests) == {"Node", "depth"}
    assert names_taken("def depth(n): return 1", "", tests) == {"Node"}


def test_a_builtin_is_taken_from_a_program_only_if_the_true_answer_defines_it():
    tests = "assert sorted(f([2, 1])) == sum(3)"
    assert names_taken("", "def f(x): return x", tests) == {"f"}
    assert names_taken("", "def sum(x): return x\ndef f(x): return x", tests) == {"f", "sum"}
    assert names_taken("", "", "assert sum(3) == 3") == {"sum"}


def test_a_program_gets_the_imports_and_classes_of_its_tests_that_it_lacks():
    tests = "import math\nimport re\nclass Node: pass\nclass Case: pass\nassert f(Node())"
    program = "def f(n):\n    return math.pi if isinstance(n, Node) else 0"
    assert missing_imports(program, tests) == "import math"
    assert missing_classes(program, tests) == {"Node"}
    assert missing_imports("def f(:", tests) == ""
