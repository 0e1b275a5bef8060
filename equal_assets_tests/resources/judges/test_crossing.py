"""Tests and program are in two processes: what tests see of a program is as if they were in one."""

import sys

import pytest

from equal_assets.progress import silent
from equal_assets.resources.judges.code_judge import code_verdicts
from equal_assets.resources.judges.sandbox import Limits, run_tests
from equal_assets.resources.targets.reading import CodeTests

if sys.platform != "linux":
    pytest.skip("the sandbox is Linux's", allow_module_level=True)

LIMITS = Limits(seconds=2, memory_mb=256)
STACK = (
    "class Stack:\n    def __init__(self): self.items = []\n"
    "    def push(self, item): self.items.append(item)\n    def pop(self): return "
    "self.items.pop()\n"
    "    def __len__(self): return len(self.items)\n"
)
VALUES = """
from collections import *
from decimal import Decimal
from fractions import Fraction
import datetime, math, pathlib, uuid
values = [
    None, True, False, 0, -1, 2**53, -2**200, 10**4000, 1.5, -0.0, 1e-300, float('inf'), 1 + 2j, '',
    'Ä\\0\\n\\u2028', '\\udc80', '\\ud83d\\ude00', '\\U0001f600', b'\\xff', bytearray(b'a'),
    [], [[]], (), (1,), {}, {1: {2: 3}}, {(1, 2): [3]}, set(), {1}, frozenset({1}), range(1, 9, 2),
    slice(1, 2), deque([1], 3), Counter('aab'), OrderedDict(a=1), Ellipsis, int, ValueError,
    Decimal('1.10'), Fraction(1, 3), datetime.date(2020, 1, 2), datetime.timedelta(1, 2, 3),
    datetime.datetime(2020, 1, 2, 3, 4, 5, 6), datetime.time(1, 2), pathlib.Path('a/b'),
    uuid.UUID(int=5), {1: 2}.keys(), {1: 2}.items(), 'x' * 10**6, list(range(10**4)),
]
"""


def test_values_arrive_as_they_are_both_ways():
    tests = (
        f"{VALUES}for value in values:\n    found = back(value)\n"
        "    assert found == value and type(found) is type(value), value\n"
        "    assert repr(found) == repr(value)\n"
        "assert back(10**5000) == 10**5000\n"
        "assert math.isnan(back(math.nan)) and str(back(-0.0)) == '-0.0'\n"
        "assert back(defaultdict(list))['new'] == [] and back(deque([1], 3)).maxlen == 3"
    )
    assert run_tests("def back(value): return value", tests, LIMITS).reason is None


@pytest.mark.parametrize(
    ("program", "tests"),
    [
        ("def f(x): x.sort()", "x = [3, 1, 2]\nassert f(x) is None and x == [1, 2, 3]"),
        ("def f(x): x['a'].append(x)", "x = {'a': []}\nf(x)\nassert x['a'][0] is x"),
        ("def f(x): return x", "x = [1]\nassert f(x) is x and f([x, x])[0] is x"),
        ("def f(x): x[0] = x[1] = [1]", "x = [0, 0]\nf(x)\nassert x[0] is x[1] and x[0] == [1]"),
        ("def f(x): x.clear(); x.update({1: 2})", "x = {3: 4}\nf(x)\nassert x == {1: 2}"),
        ("def f(x): return x + 1", "for x in range(300): assert f(x) == x + 1"),
        ("def f(*a, **k): return a, k", "assert f(1, *[2], b=3) == ((1, 2), {'b': 3})"),
        ("def f(n):\n  for i in range(n): yield i", "assert list(f(3)) == [0, 1, 2]"),
        ("def f():\n  n = 0\n  while True:\n    yield n\n    n += 1",
         "import itertools, types\nassert list(itertools.islice(f(), 3)) == [0, 1, 2]\n"
         "assert 5 in f() and isinstance(f(), types.GeneratorType)"),
        ("def f(x): return map(str, x)", "assert dict(zip(f([1]), 'a')) == {'1': 'a'}"),
        ("def f(n): return lambda x: x + n", "assert f(1)(2) == 3 and callable(f(1))"),
        ("def f(g, x): return g(x)", "assert f(lambda x: x * 2, 3) == 6 and f(str.upper, 'a') == "
        "'A'"),
        ("def f(g, x): return sorted(x, key=g)", "assert f(len, ['bb', 'a']) == ['a', 'bb']"),
        ("def f(x): return next(x) + sum(x)", "assert f(iter([1, 2, 3])) == 6"),
        ("def f(x): raise ValueError('bad', x)",
         "try: f(3)\nexcept ValueError as error: assert error.args == ('bad', 3)\nelse: assert "
         "False"),
        ("class Bad(KeyError):\n  def __init__(self, n):\n    super().__init__(f'no {n}')\n"
         "    self.n = n\nclass Worse(Bad): pass\ndef f(n): raise Worse(n)",
         "try: f(3)\nexcept Bad as error: assert error.n == 3 and isinstance(error, KeyError)\n"
         "else: assert False"),
        ("def f(): print('said')", "import contextlib, io\nwith "
        "contextlib.redirect_stdout(io.StringIO())"
         " as out: f()\nassert out.getvalue() == 'said\\n'"),
        ("import asyncio\nasync def f(x):\n  await asyncio.sleep(0)\n  return x + 1",
         "import asyncio\nassert asyncio.run(f(1)) == 2"),
        (STACK, "s = Stack()\ns.push(1)\ns.push([2])\nassert len(s) == 2 and s.pop() == [2]\n"
         "assert s.items == [1] and isinstance(s, Stack) and not isinstance(1, Stack)"),
        ("from dataclasses import dataclass\n@dataclass(order=True)\nclass P:\n  x: int\n  y: int "
        "= 0",
         "assert P(1) == P(1) and P(1) != P(2) and sorted([P(2), P(1)])[0].x == 1\n"
         "p = P(1)\np.y = 5\nassert p.y == 5 and str(p) == 'P(x=1, y=5)' and len({P.x for P in "
         "[p]}) == 1"),
        ("from collections import namedtuple\nP = namedtuple('P', 'x y')\ndef f(): return P(1, 2)",
         "assert f() == (1, 2) and f().x == 1 and isinstance(f(), tuple)\nx, y = f()\nassert y == "
         "2"),
        ("from enum import IntEnum\nclass E(IntEnum):\n  A = 1\ndef f(): return E.A",
         "assert f() == 1 and f() < 2 and f() in [1] and [0, 5][f()] == 5 and E.A.name == 'A'"),
        ("class V:\n  def __init__(self, x): self.x = x\n  def __mul__(self, n): return V(self.x * "
        "n)\n"
         "  __rmul__ = __mul__\n  def __eq__(self, other): return self.x == other.x\n"
         "  def __getitem__(self, i): return self.x",
         "assert V(2) * 3 == V(6) and 3 * V(2) == V(6) and V(2)[0] == 2"),
        ("class N:\n  def __init__(self, v): self.v, self.next = v, None\n"
         "def f(n): return 1 + (f(n.next) if n.next else 0)",
         "n = N(1)\nn.next = N(2)\nn.next.next = N(3)\nassert f(n) == 3 and f(n.next) == 2"),
        ("def f(n):\n  n.next = Node(n.v + 1)\n  return n.next",
         "class Node:\n  def __init__(self, v): self.v, self.next = v, None\n"
         "n = Node(1)\nassert f(n).v == 2 and f(n) is n.next and isinstance(n.next, Node)"),
        ("def f(x): return math.floor(x) + sqrt(4)", "import math\nfrom math import sqrt\n"
         "assert f(1.5) == 3"),
        ("import math\ndef f(x): return x / 3", "assert math.isclose(f(1), 1 / 3)"),
        ("def sum(a, b): return a * b", "assert sum(2, 3) == 6"),
    ],
)  # fmt: skip
def test_tests_see_a_program_as_if_it_were_beside_them(program, tests):
    assert run_tests(program, tests, LIMITS).reason is None


@pytest.mark.parametrize(
    ("program", "tests", "reason"),
    [
        ("def f(): return True", "assert f() is False", "AssertionError (in assert f() is False)"),
        ("def f(): return 1", "assert f() is True", "AssertionError"),
        ("def f(): return (1,)", "assert f() == [1]", "AssertionError"),
        ("def f(): return {'1': 2}", "assert f() == {1: 2}", "AssertionError"),
        ("def f(): return 3.0000001", "assert f() == 3", "AssertionError"),
        ("def f(x): x + [1]", "x = [0]\nf(x)\nassert x == [0, 1]", "AssertionError"),
        ("def f(): raise KeyError('a')", "f()", "KeyError: 'a' (in f())"),
        ("def f(): raise SystemExit(0)", "try: f()\nexcept Exception: pass", "SystemExit: 0"),
        ("def f(g): g.__globals__", "f(lambda: 0)", "PermissionError: a program may not get"),
        ("def f(n): n._secret", "class N: _secret = 3\nf(N())", "PermissionError"),
        ("def f(c): return c.__subclasses__()", "class N: pass\nf(N)", "PermissionError"),
        ("def f():\n  while True: pass", "f()", "timeout after 2 seconds of processor time"),
        ("def f(): pass", "while True: f()", "timeout after 2 seconds of processor time"),
    ],
)
def test_a_wrong_value_is_wrong(program, tests, reason):
    assert run_tests(program, tests, LIMITS).reason.startswith(reason)


def test_arrays_of_numpy_arrive_as_arrays_and_its_numbers_as_numbers():
    program = (
        "import numpy as np\ndef double(x): return np.array(x) * 2\n"
        "def largest(x): return np.int64(max(x))\ndef apart(x): return np.array(x, dtype=object)"
    )
    tests = (
        "import numpy as np\nassert np.array_equal(double([1, 2]), [2, 4])\n"
        "assert (double(np.array([1.5])) == 3).all() and double([[1]]).shape == (1, 1)\n"
        "assert largest([1, 3]) == 3 and double([1]).tolist() == [2] and len(apart([1, 'a'])) == 2"
    )
    assert run_tests(program, tests, LIMITS).reason is None


def test_what_a_question_shows_is_the_tests_own():
    prefix = (
        "import math\n\ndef poly(xs, x):\n    return sum(c * x ** i for i, c in enumerate(xs))\n\n"
        'def find_zero(xs):\n    """Find x such that poly(xs, x) = 0."""\n'
    )
    tests = "assert math.fabs(poly([1, 2], find_zero([1, 2]))) < 1e-4"
    right, forged = "    return -xs[0] / xs[1]", "def poly(xs, x): return 0\nfind_zero = poly"
    question = CodeTests(prefix=prefix, tests=tests, answer=right)
    outputs = [right, f"```python\n{forged}\ndef find_zero(xs): return poly(xs, 0)\n```"]
    verdicts = code_verdicts(outputs, [question] * 2, limits=LIMITS, n_workers=2, progress=silent)
    assert [verdict.is_correct for verdict in verdicts] == [True, False]


def test_tests_may_trust_objects_only_as_they_trust_those_of_the_true_answer():
    tests = "assert money(3) == 3\nassert money(3) != 4"
    own = (
        "class Money:\n    def __init__(self, n): self.n = n\n"
        "    def __eq__(self, other): return self.n == other\n"
        "def money(n): return Money(n)"
    )
    questions = [CodeTests("", tests, answer) for answer in (own, "def money(n): return n", "")]
    verdicts = code_verdicts([own] * 3, questions, limits=LIMITS, n_workers=2, progress=silent)
    reason = "the tests trust an object of the program's own class (eq int, ne int)"
    assert [verdict.reason for verdict in verdicts] == [None, reason, reason]
