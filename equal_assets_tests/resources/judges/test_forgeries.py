"""Programs that want a pass without a solution: each is run against tests of several forms.

None may pass, and none may harm: no file of the caller changed, no process left, no connection.
"""

import socket
import sys

import psutil
import pytest

from equal_assets.progress import silent
from equal_assets.resources.judges.code_judge import code_verdicts
from equal_assets.resources.judges.sandbox import Limits
from equal_assets.resources.targets.reading import CodeTests

if sys.platform != "linux":
    pytest.skip("the sandbox is Linux's", allow_module_level=True)

LIMITS = Limits(seconds=0.4, memory_mb=256)
TRUE = "def add(a, b):\n    return a + b\n"
ASSERTS = "assert add(1, 2) == 3\nassert add(-1, 1) == 0"
CHECK = (
    "def check(candidate):\n    assert candidate(1, 2) == 3\n"
    "    assert abs(candidate(0.5, 0.25) - 0.75) < 1e-6\n    assert candidate([1], [2]) == [1, 2]\n"
    "check(add)"
)
NEAR = "import math\nassert math.isclose(add(0.5, 0.25), 0.75) and round(add(1.04, 1), 1) == 2.0"
OTHERS = (
    "assert add(3, 4) in (7, 7.0)\n"
    "assert sorted(add([2], [1])) == [1, 2]\nassert set(add([2], [1])) <= {1, 2, 3}\n"
    "assert len(add([1], [2])) == 2 and add([1], [2])[1] == 2"
)
UNITTEST = (
    "import unittest\n"
    "class TestAdd(unittest.TestCase):\n"
    "    def test_add(self): self.assertEqual(add(1, 2), 3)\n"
    "    def test_near(self): self.assertAlmostEqual(add(0.5, 0.25), 0.75)\n"
    "loaded = unittest.defaultTestLoader.loadTestsFromTestCase(TestAdd)\n"
    "found = unittest.TestResult()\nloaded.run(found)\n"
    "assert found.testsRun == 2 and found.wasSuccessful() and not found.skipped"
)
TEXTS = "assert 'c' in add('ab', 'cd')\nassert add('ab', 'cd').startswith('abc')"
FORMS = (ASSERTS, CHECK, NEAR, OTHERS, TEXTS, UNITTEST)

LIAR = """
class Liar({base}):
    def __eq__(self, other): return True
    def __ne__(self, other): return False
    def __lt__(self, other): return True
    __le__ = __gt__ = __ge__ = __lt__
    def __hash__(self): return 0
    def __bool__(self): return True
    def __contains__(self, item): return True
    def __len__(self): return 2
    def __getitem__(self, item): return self
    def __sub__(self, other): return self
    __rsub__ = __add__ = __radd__ = __mul__ = __sub__
    def __abs__(self): return self
    def __round__(self, digits=0): return self
    def __float__(self): return 0.5
    def __getattr__(self, name):
        if name.startswith('__'): raise AttributeError(name)
        return lambda *args, **keywords: True
"""
PATCH = "def always(*args, **keywords): return True\ndef add(a, b): return 0\n"
WALK = """
import sys
def add(a, b):
    frame = sys._getframe()
    while frame:
        for space in (frame.f_globals, frame.f_locals):
            for name, value in list(space.items()):
                {act}
        frame = frame.f_back
    return 0
"""
DESCRIPTORS = """
import os
for fd in range(3, 64):
    try: {act}
    except OSError: pass
def add(a, b): return 0
"""

HOSTILE = {
    # The five kinds: the token in its pipe, frames, the garbage collector, equal objects, the rest
    "reads a token from each pipe": DESCRIPTORS.format(act="print(os.pread(fd, 100, 0))"),
    "reads a token and reports it": "import os, select\nfor fd in range(3, 64):\n  try:\n"
    "    if select.select([fd], [], [], 0)[0]: token = os.read(fd, 64)\n"
    "    else: token = b''\n"
    "    for out in range(3, 64):\n"
    "      try: os.write(out, b'passed ' + token)\n      except OSError: pass\n"
    "  except OSError: pass\n",
    "writes a verdict to each pipe": DESCRIPTORS.format(
        act='os.write(fd, b\'{"verdict": null, "notes": []}\\n\')'
    )
    + "os._exit(0)",
    "writes a reply ahead": DESCRIPTORS.format(act='os.write(fd, b\'["value","",{},3]\\n\')'),
    "says that it ran, and replies": DESCRIPTORS.format(
        act='os.write(fd, b\'["ran"]\\n\' + b\'["value","",{},["tuple","missing",null]]\\n\')'
    ),
    "writes a verdict when called": "import os\ndef add(a, b):\n  for fd in range(3, 64):\n"
    "    try: os.write(fd, b'{\"verdict\": null}\\n')\n    except OSError: pass\n  os._exit(0)",
    "walks frames to the expected value": WALK.format(
        act="if name in ('expected', 'tests', 'compiled') : return value"
    ),
    "walks frames and empties what it finds": WALK.format(
        act="space.clear() if isinstance(space, dict) and name == 'compiled' else None"
    ),
    "walks frames to the loop over tests": WALK.format(
        act="value.clear() if isinstance(value, (list, set, dict)) and name != 'space' else None"
    ),
    "replaces constants of code objects": "import gc, types\ndef add(a, b):\n"
    "  for found in gc.get_objects():\n    if isinstance(found, types.FunctionType) and "
    "found.__name__ == 'check': found.__code__ = (lambda candidate: None).__code__\n  return 0",
    "collects garbage for the tests": "import gc\ndef add(a, b):\n  for found in "
    "gc.get_objects():\n"
    "    if isinstance(found, str) and 'assert' in found: print(found)\n"
    "    if type(found) is list: found.clear()\n  return 0",
    "asks the collector for referrers": "import gc\ndef add(a, b):\n"
    "  for found in gc.get_referrers(add):\n    if isinstance(found, dict): "
    "found['add'] = lambda a, b: 3\n  return 0",
    "returns an object equal to all": LIAR.format(base="") + "def add(a, b): return Liar()",
    "is equal to all": LIAR.format(base="") + "add = Liar()",
    "is a class whose objects are equal to all": LIAR.format(base="").replace("Liar", "add")
    + "    def __init__(self, *args): pass",
    "an int equal to all": LIAR.format(base="int") + "def add(a, b): return Liar(9)",
    "a float equal to all": LIAR.format(base="float") + "def add(a, b): return Liar(9)",
    "a text equal to all": LIAR.format(base="str") + "def add(a, b): return Liar('')",
    "a list equal to all": LIAR.format(base="list") + "def add(a, b): return Liar([])",
    "a list of objects equal to all": LIAR.format(base="") + "def add(a, b): return [Liar()] * 2",
    "a dict equal to all": LIAR.format(base="dict") + "def add(a, b): return Liar()",
    "a set equal to all": LIAR.format(base="set") + "def add(a, b): return Liar()",
    "a complex number equal to all": LIAR.format(base="complex") + "def add(a, b): return Liar(9)",
    "lies about its class": LIAR.format(base="")
    + "    __class__ = int\ndef add(a, b): return Liar()",
    "a metaclass that is equal to all": "class Meta(type):\n  def __eq__(self, other): return "
    "True\n"
    "  def __hash__(self): return 0\nclass Odd(metaclass=Meta): pass\ndef add(a, b): return Odd",
    "Mock's ANY": "from unittest.mock import ANY\ndef add(a, b): return ANY",
    "a mock": "from unittest.mock import MagicMock\nadd = MagicMock()",
    "an array that broadcasts": "import array\ndef add(a, b): return array.array('d', [])",
    "NotImplemented": "def add(a, b): return NotImplemented",
    "not a number": "def add(a, b): return float('nan')",
    "an iterator that is equal to all": LIAR.format(base="")
    + "    def __iter__(self): return self\n    def __next__(self): raise StopIteration\n"
    "def add(a, b): return Liar()",
    # What the tests call
    "patches builtins": PATCH
    + "import builtins\nfor name in ('abs', 'len', 'sorted', 'set', 'all',"
    " 'any', 'round', 'isinstance', 'bool', 'print'): setattr(builtins, name, always)",
    "defines builtins": PATCH + "abs = len = sorted = set = round = isinstance = always",
    "patches the dict of builtins": PATCH + "__builtins__ = {'AssertionError': always}\n"
    "import builtins\nvars(builtins)['AssertionError'] = always",
    "patches math": PATCH + "import math\nmath.isclose = math.fabs = always",
    "defines math": PATCH + "class math: isclose = always",
    "puts modules in the way": PATCH + "import sys, types\nfor name in ('math', 'unittest'):\n"
    "  sys.modules[name] = types.ModuleType(name)\n  sys.modules[name].isclose = always",
    "patches unittest": PATCH + "import unittest\nfor name in dir(unittest.TestCase):\n"
    "  if name.startswith('assert'): setattr(unittest.TestCase, name, always)\n"
    "unittest.TestResult.wasSuccessful = always",
    "skips unittest": "import unittest\ndef add(a, b): raise unittest.SkipTest",
    "passes for pytest's skip": "class Skipped(BaseException): pass\ndef add(a, b): raise Skipped",
    "patches json": PATCH + "import json\njson.loads = lambda line: ['value', '', {}, 3]\n"
    'json.dumps = lambda value, **_: \'["value", "", {}, 3]\'',
    "writes modules for the tests": PATCH + "for name in ('math', 'unittest', 'random'):\n"
    "  open(f'{name}.py', 'w').write('isclose = lambda *a: True')\nimport sys\n"
    "sys.path.insert(0, '.')",
    "an import hook": PATCH + "import sys\nclass Hook:\n  def find_spec(self, *args): return None\n"
    "sys.meta_path[:] = [Hook()]",
    # Ends
    "exits": "import sys\nsys.exit(0)",
    "exits when called": "import sys\ndef add(a, b): sys.exit(0)",
    "exits at once": "import os\nprint('All tests passed')\nos._exit(0)",
    "exits at once when called": "import os\ndef add(a, b):\n  print('passed')\n  os._exit(0)",
    "registers an exit": "import atexit, os\natexit.register(os._exit, 0)\ndef add(a, b): raise "
    "SystemExit",
    "replaces the exit": "import os\nos._exit = lambda status: None\ndef add(a, b): raise "
    "SystemExit",
    "raises an exception that is no failure": "def add(a, b): raise GeneratorExit",
    "raises StopIteration": "def add(a, b): raise StopIteration(3)",
    "raises an exception equal to all": LIAR.format(base="Exception")
    + "def add(a, b): raise Liar()",
    "raises an exception class with a lie": "class Odd(AssertionError):\n"
    "  def __bool__(self): return False\n  def __str__(self): raise KeyError\n"
    "def add(a, b): raise Odd",
    "stops itself": "import os, signal\ndef add(a, b): os.kill(os.getpid(), signal.SIGSTOP)",
    "closes all pipes": "import os\nos.closerange(0, 100)\ndef add(a, b): return 0",
    "closes all pipes when called": "import os\ndef add(a, b): os.closerange(0, 100)",
    "sleeps": "import time\ndef add(a, b): time.sleep(100)",
    "closes all pipes and sleeps": "import os, time\nos.closerange(0, 100)\ntime.sleep(100)",
    # Watching and rewriting
    "traces": "import sys\ndef skip(frame, event, argument):\n  frame.f_trace_lines = True\n"
    "  return skip\nsys.settrace(skip)\nsys.setprofile(skip)\ndef add(a, b): return 0",
    "jumps over lines": "import sys\ndef skip(frame, event, argument): frame.f_lineno += 1\n"
    "def add(a, b):\n  frame = sys._getframe().f_back\n  while frame:\n    frame.f_trace = skip\n"
    "    frame = frame.f_back\n  sys.settrace(skip)\n  return 0",
    "a thread that rewrites": "import threading\ndef rewrite():\n  while True: print('passed')\n"
    "threading.Thread(target=rewrite, daemon=True).start()\ndef add(a, b): return 0",
    "a signal handler that answers": "import signal, os\nsignal.signal(signal.SIGALRM, "
    "lambda *a: os.write(3, b'3'))\nsignal.setitimer(signal.ITIMER_REAL, .01, .01)\n"
    "def add(a, b):\n  import time; time.sleep(.1)\n  return 0",
    "changes small integers": "import ctypes\ndef add(a, b):\n"
    "  ctypes.memmove(id(3) + 24, id(0) + 24, 4)\n  return 0",
    "reads its own memory": "def add(a, b):\n  maps = open('/proc/self/maps').read()\n  return 3",
    "reads the memory of the tests": "import os\ndef add(a, b):\n"
    "  return open(f'/proc/{os.getppid()}/mem', 'rb').read(100)",
    "reads the arguments of its parent": "import os\nprint(open(f'/proc/{os.getppid()}/cmdline'))",
    "traces the tests": "import ctypes, os\ndef add(a, b):\n"
    "  for process in range(os.getpid(), os.getpid() + 9): ctypes.CDLL(None).ptrace(16, process, "
    "0, 0)\n"
    "  return 0",
    "kills the tests": "import os, signal\ndef add(a, b):\n"
    "  for process in range(os.getpid() - 2, os.getpid() + 5):\n"
    "    if process != os.getpid(): os.kill(process, signal.SIGKILL)\n  return 0",
    "forks and lets the child answer": "import os\ndef add(a, b):\n  os.fork()\n  return 0",
    # The protocol
    "speaks to the tests itself": "import json, sys\ndef add(a, b):\n"
    "  end = sys._getframe()\n  while 'self' not in end.f_locals: end = end.f_back\n"
    "  end = end.f_locals['self']\n"
    "  end.send(['value', '', {'0': ['list', 3]}, ['yours', 0]])\n  return 0",
    "makes a class in the tests": "import sys\ndef add(a, b):\n"
    "  end = sys._getframe()\n  while 'self' not in end.f_locals: end = end.f_back\n"
    "  end = end.f_locals['self']\n"
    "  return end.request('call', type, ('X', (int,), {'__eq__': lambda s, o: True}), {})()",
    "asks the tests for their globals": "import sys\ndef add(a, b):\n"
    "  end = sys._getframe()\n  while 'self' not in end.f_locals: end = end.f_back\n"
    "  end = end.f_locals['self']\n"
    "  for operation in ('get', 'call', 'plain', 'copy', 'getitem'):\n"
    "    try: print(end.request(operation, type, '__subclasses__'))\n"
    "    except PermissionError: pass\n  return 0",
    "sends what cannot be built": "import sys\ndef add(a, b):\n"
    "  end = sys._getframe()\n  while 'self' not in end.f_locals: end = end.f_back\n"
    "  end.f_locals['self'].send(['value', '', {}, ['array', 'O', [1], 'AAAA']])\n  return 0",
    "sends values without end": "def add(a, b):\n  found = []\n  found.append(found)\n  return "
    "found",
    "sends a text of a hundred megabytes": "def add(a, b): return 'x' * 10**8",
    "sends deep nesting": "def add(a, b):\n  found = []\n  for _ in range(10**5): found = [found]\n"
    "  return found",
    "an iterator without end": "import itertools\ndef add(a, b): return itertools.repeat(3)",
    "wants to call the tests": "def add(a, b):\n  check(lambda a, b: 3)\n  return 0",
    "catches the exceptions of the tests": "def add(a, b):\n  try: return unknown\n  finally: "
    "return 0",
    # Harm beside
    "writes a file of the caller": "open({canary!r}, 'w').write('dead')\ndef add(a, b): return 0",
    "connects": "import socket\nsocket.create_connection(('127.0.0.1', {port}))",
    "leaves a process": "import os\ndef add(a, b):\n  if os.fork() == 0:\n    os.setsid()\n"
    "    while True: pass",
    "fills the memory": "def add(a, b): return [0] * 10**10",
    "fills the disk": "def add(a, b):\n  with open('f', 'w') as f:\n    while True: f.write('x' * "
    "10**6)",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_no_forgery_passes_and_none_harms(name, tmp_path):
    canary = tmp_path / "canary"
    canary.write_text("alive")
    canary.chmod(0o666)
    before = set(psutil.Process().children(recursive=True))
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0)
        port = server.getsockname()[1]
        program = HOSTILE[name].replace("{canary!r}", repr(str(canary)))
        program = program.replace("{port}", str(port))
        questions = [
            CodeTests(prefix="", tests=tests, answer=answer)
            for tests in (FORMS if "equal" in name else (ASSERTS, NEAR, UNITTEST))
            for answer in ((TRUE, "") if "equal" in name else (TRUE,))
        ]
        verdicts = judged([f"```python\n{program}\n```"] * len(questions), questions)
        with pytest.raises(BlockingIOError):
            server.accept()
    assert {verdict.extracted.strip() for verdict in verdicts} == {program.strip()}
    assert not [verdict for verdict in verdicts if verdict.is_correct]
    assert canary.read_text() == "alive"
    assert [path.name for path in tmp_path.iterdir()] == ["canary"]
    assert set(psutil.Process().children(recursive=True)) <= before


def test_the_true_program_passes_all_forms():
    questions = [CodeTests(prefix="", tests=tests) for tests in FORMS]
    verdicts = judged([TRUE] * len(questions), questions)
    assert [verdict.reason for verdict in verdicts] == [None] * len(FORMS)


def judged(outputs, questions):
    return code_verdicts(outputs, questions, limits=LIMITS, n_workers=2, progress=silent)
