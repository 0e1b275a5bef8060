"""Hostile programs are real: each would do harm outside the sandbox; the harm is looked for."""

import os
import platform
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from equal_assets.errors import SandboxError
from equal_assets.resources.judges import sandbox, syscall_filter
from equal_assets.resources.judges.sandbox import Limits, run_tests, verify_sandbox

if sys.platform != "linux":
    pytest.skip("the sandbox is Linux's", allow_module_level=True)

LIMITS = Limits(seconds=0.4, memory_mb=256)  # asleep: three times as long
ADD = "def add(a, b):\n    return a + b\n"
TESTS = "assert add(1, 2) == 3\nassert add(-1, 1) == 0"


def run(program, tests=TESTS, limits=LIMITS):
    return run_tests(program, tests, limits)


@pytest.fixture
def canary(tmp_path):
    """A file of the caller that its own modes would let anyone change."""
    folder = tmp_path / "canaries"
    folder.mkdir()
    file = folder / "canary"
    file.write_text("alive")
    for path in (tmp_path, folder, file):
        path.chmod(0o777)
    return file


@pytest.fixture
def port():
    """A port that someone listens on: a connection that fails is the sandbox's doing."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


# What passes


def test_a_right_program_passes():
    outcome = run(ADD)
    assert outcome.has_passed
    assert outcome.reason is None


def test_output_is_kept():
    assert run(f"import sys\nprint('out')\nprint('err', file=sys.stderr)\n{ADD}").output == (
        "out\nerr\n"
    )


@pytest.mark.parametrize(
    "program",
    [
        "import collections, datetime, decimal, heapq, itertools, json, math, random, re, typing",
        "import numpy as np\nassert np.linalg.inv(2 * np.eye(2))[0, 0] == 0.5",
        "import asyncio\nasync def f(): await asyncio.sleep(0)\nasyncio.run(f())",
        "open('a', 'w').write('x')\nimport os\nos.rename('a', 'b')\nprint(open('b').read())\n"
        "os.remove('b')\nassert os.listdir() == []",
        "import tempfile\ntempfile.TemporaryFile().write(b'x')",
        "from dataclasses import dataclass\n@dataclass\nclass P:\n  x: int = 1\nassert P() == P()",
        "if __name__ == '__main__':\n    raise ValueError",
    ],
)
def test_what_solutions_need_works(program):
    assert run(f"{program}\n{ADD}").reason is None


def test_the_order_of_a_set_is_the_same_every_time():
    program = "print(list(map(str, {str(i) for i in range(50)})))\n" + ADD
    assert run(program).output == run(program).output


# What fails, and why


@pytest.mark.parametrize(
    ("program", "reason"),
    [
        ("def add(a, b):\n    return a - b", "AssertionError (in assert add(1, 2) == 3)"),
        ("def add(a, b):\n    return 3", "AssertionError (in assert add(-1, 1) == 0)"),
        ("", "NameError: name 'add' is not defined (in assert add(1, 2) == 3)"),
        ("def add(a, b:", "SyntaxError: '(' was never closed (<program>, line 1) (in the program)"),
        ("1 / 0", "ZeroDivisionError: division by zero (in the program)"),
        ("a\0b", "SyntaxError: source code string cannot contain null bytes (in the program)"),
        ("raise ValueError('\\udc80')", "ValueError: ? (in the program)"),
        ("import ctypes\nctypes.string_at(0)", "killed by SIGSEGV"),
        ("def add(a, b):\n    return add(a, b)", "RecursionError: maximum recursion depth"),
    ],
)
def test_a_wrong_program_says_why(program, reason):
    assert run(program).reason.startswith(reason)


def test_an_exception_that_cannot_be_told_is_told_by_its_class():
    program = "class Odd(Exception):\n    def __str__(self): raise KeyError\nraise Odd"
    assert run(program).reason == "Odd: KeyError (in the program)"


# Limits


@pytest.mark.parametrize(
    ("program", "reason"),
    [
        ("while True: pass", "timeout after 1 seconds"),
        (
            "import signal\nsignal.signal(signal.SIGXCPU, lambda *_: None)\nwhile True: pass",
            "timeout after 1 ",
        ),
        ("import time\ntime.sleep(60)", "timeout after 1 seconds on the clock"),
        ("import os\nos.closerange(0, 100)\nwhile True: pass", "timeout after 1 seconds"),
        ("9 ** 9 ** 9", "timeout after 1 seconds"),
        ("block = bytearray(10 * 2**30)", "MemoryError (in the program)"),
        (
            "blocks = []\nwhile True: blocks.append(bytearray(2**20))",
            "MemoryError (in the program)",
        ),
        ("import mmap\nmmap.mmap(-1, 10 * 2**30)", "OSError: [Errno 12]"),
        ("while True: print('x' * 1000)", "more than 256 KiB of output"),
        ("f = open('f', 'w')\nwhile True: f.write('x' * 10**5)", "OSError: [Errno 27] File too"),
        ("n = 0\nwhile True:\n  open(f'{n}', 'w').close()\n  n += 1", "more than 64 files"),
        ("import os\nos.mkdir('folder')", "PermissionError: [Errno 13]"),
        ("files = [open('f', 'w') for _ in range(100)]", "OSError: [Errno 24] Too many open files"),
    ],
)
def test_limits_hold(program, reason):
    started = time.monotonic()
    assert run(f"{ADD}{program}").reason.startswith(reason)
    assert time.monotonic() - started < 30


def test_a_busy_machine_changes_no_verdict():
    # it needs 0.6 of 1 second of processor time, on the clock far more than three times 0.4
    program = f"import time\nwhile time.process_time() < 0.6: pass\n{ADD}"
    loops = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(6)]
    try:
        assert run(program).reason is None
    finally:
        for loop in loops:
            loop.kill()
            loop.wait()


def test_a_program_that_gets_no_processor_time_is_not_judged(monkeypatch):
    monkeypatch.setattr(sandbox, "PATIENCE_SECONDS", 0)
    with pytest.raises(SandboxError, match=r"was not judged: 3 times.*too busy: run again later"):
        run("while True: pass", limits=Limits(seconds=0.003, memory_mb=256))


# Harm


@pytest.mark.parametrize(
    "program",
    [
        "while True: os.fork()",
        "while True: threading.Thread(target=time.sleep, args=(9,)).start()",
        "subprocess.run(['true'])",
        "os.system('true') and 1 / 0",
        "os.execv('/bin/true', ['true'])",
        "multiprocessing.Process(target=print).start()",
        "if os.fork() == 0:\n  os.setsid()\n  if os.fork() == 0:\n    time.sleep(600)",
        "os.kill(os.getppid(), signal.SIGKILL)",
        "os.killpg(0, signal.SIGKILL)",
        "socket.create_connection(('127.0.0.1', {port}), timeout=1)",
        "socket.socket(socket.AF_UNIX).connect('/run/docker.sock')",
        "urllib.request.urlopen('http://127.0.0.1:{port}', timeout=1)",
        "open('/proc/self/environ').read()",
        "open(f'/proc/{{os.getppid()}}/environ').read()",
        "open('/etc/passwd').read()",
        "os.listdir('/')",
        "os.setuid(0)",
        "resource.setrlimit(resource.RLIMIT_AS, (-1, -1))",
    ],
)
def test_harm_is_refused(program, port):
    modules = "multiprocessing, os, resource, signal, socket, subprocess, threading, time"
    before = set(psutil.Process().children(recursive=True))  # what other tests have left running
    outcome = run(f"import urllib.request, {modules}\n{program.format(port=port)}\n{ADD}")
    assert not outcome.has_passed
    assert "timeout" not in outcome.reason
    assert set(psutil.Process().children(recursive=True)) <= before


@pytest.mark.parametrize(
    "program",
    [
        "os.remove({file!r})",
        "shutil.rmtree({folder!r})",
        "open({file!r}, 'w')",
        "open({file!r}, 'a').write('x')",
        "os.open({file!r}, os.O_RDONLY | os.O_TRUNC)",
        "os.truncate({file!r}, 0)",
        "os.rename({file!r}, 'taken')",
        "os.replace('own', {file!r})",
        "os.link({file!r}, 'linked')",
        "os.symlink({file!r}, 'linked')",
        "os.chmod({file!r}, 0)",
        "os.chown({file!r}, 1, 1)",
        "os.utime({file!r}, (0, 0))",
        "os.setxattr({file!r}, 'user.x', b'x')",
        "open({folder!r} + '/new', 'w')",
        "print(open({file!r}).read())",
    ],
)
def test_files_of_the_caller_are_out_of_reach(program, canary):
    before = canary.stat()
    hostile = program.format(file=str(canary), folder=str(canary.parent))
    outcome = run(f"import os, shutil\nopen('own', 'w').close()\n{hostile}\n{ADD}")
    assert "PermissionError" in outcome.reason
    assert "alive" not in outcome.output
    assert [path.name for path in canary.parent.iterdir()] == ["canary"]
    assert canary.read_text() == "alive"
    after = canary.stat()
    assert (before.st_mode, before.st_mtime, before.st_uid) == (
        after.st_mode,
        after.st_mtime,
        after.st_uid,
    )


@pytest.mark.skipif(platform.machine() != "x86_64", reason="the numbers are those of x86_64")
def test_system_calls_that_could_do_harm_are_refused_below_the_libraries():
    calls = {
        "socket": (41, 2, 1, 0), "connect": (42, 3, 0, 0), "bind": (49, 3, 0, 0),
        "sendmsg": (46, 3, 0, 0), "clone": (56, 17, 0, 0), "fork": (57,), "vfork": (58,),
        "execve": (59, 0, 0, 0), "kill": (62, os.getpid(), 0), "fcntl F_SETOWN": (72, 1, 8, 1),
        "fcntl F_SETSIG": (72, 1, 10, 9), "truncate": (76, 0, 0), "link": (86, 0, 0),
        "symlink": (88, 0, 0), "chmod": (90, 0, 0), "chown": (92, 0, 0, 0), "ptrace": (101, 16, 1),
        "setuid": (105, 0), "setsid": (112,), "mknod": (133, 0, 0, 0), "prctl": (157, 4, 1),
        "mount": (165, 0, 0, 0), "setxattr": (188, 0, 0, 0), "tkill": (200, 1, 0),
        "tgkill": (234, 1, 1, 0), "keyctl": (250, 0), "unshare": (272, 1 << 28),
        "shmget": (29, 0, 9),
        "openat O_TRUNC": (257, -100, 0, os.O_TRUNC), "utimensat": (280, 0, 0, 0),
        "socketpair datagram": (53, 1, 2, 0), "prlimit64": (302, os.getpid(), 7, 0, 0),
        "open_by_handle_at": (304, 0, 0, 0), "setns": (308, 0, 0), "seccomp": (317, 0),
        "process_vm_writev": (311, 1, 0, 0), "memfd_create": (319, 0, 0), "bpf": (321, 0),
        "userfaultfd": (323, 0), "pidfd_send_signal": (424, 0, 0), "io_uring_setup": (425, 1, 0),
        "pidfd_open": (434, 1, 0), "clone3": (435, 0, 0), "openat2": (437, 0, 0),
        "a call of the future": (999,), "32-bit numbers (x32)": (0x40000000 | 41, 2, 1, 0),
    }  # fmt: skip
    program = (
        "import ctypes\nlibc = ctypes.CDLL(None, use_errno=True)\n"
        f"for name, (number, *arguments) in {calls!r}.items():\n"
        "    ctypes.set_errno(0)\n"
        "    got = libc.syscall(*map(ctypes.c_long, (number, *arguments)))\n"
        "    assert (got, ctypes.get_errno()) == (-1, 1), (name, got, ctypes.get_errno())\n"
    )
    assert run(program + ADD).reason is None


def test_the_environment_of_the_caller_is_not_there(monkeypatch):
    monkeypatch.setenv("A_SECRET", "s3cret")
    outcome = run(f"import os\nprint(dict(os.environ))\n{ADD}")
    assert "HOME" in outcome.output
    assert "s3cret" not in outcome.output
    assert "A_SECRET" not in outcome.output


def test_descriptors_of_the_caller_are_not_there(canary):
    program = (
        "import os\nfound = []\nfor fd in range(64):\n  try:\n    os.fstat(fd)\n"
        f"  except OSError: continue\n  found.append(fd)\nprint(len(found))\n{ADD}"
    )
    with canary.open() as secret:
        os.set_inheritable(secret.fileno(), True)
        assert (
            run(program).output == "5\n"
        )  # the standard three, and the pipes from and to the tests


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has rights to drop")
def test_root_becomes_nobody():
    program = "import os\nprint(os.getresuid(), os.getresgid(), os.getgroups())\n"
    assert run(program + ADD).output == "(65534, 65534, 65534) (65534, 65534, 65534) []\n"


def test_nothing_is_left_behind():
    for end in (ADD, "while True: pass"):
        outcome = run(f"import os\nopen('x', 'w').write('x')\nprint(os.getcwd())\n{end}")
        folder = Path(outcome.output.strip())
        assert folder.name.startswith("equal-sandbox-")
        assert not folder.exists()


def test_a_program_ends_with_its_parent(tmp_path):
    source = (
        "from equal_assets.resources.judges.sandbox import Limits, run_tests\n"
        "run_tests('while True: pass', '', Limits(seconds=30, memory_mb=256))"
    )
    root = Path(sandbox.__file__).parents[3]
    environment = {"TMPDIR": str(tmp_path)}  # the killed parent leaves its folder
    parent = subprocess.Popen([sys.executable, "-c", source], cwd=root, env=environment)
    try:
        found: list[psutil.Process] = []
        deadline = time.monotonic() + 60
        while not (found and found[-1].status() == psutil.STATUS_RUNNING):
            assert time.monotonic() < deadline
            starter, *_ = psutil.Process(parent.pid).children() or [None]
            program, *_ = (starter.children() if starter else []) or [None]
            found = [process for process in (starter, program) if process]
            time.sleep(0.2)  # long enough for the child to be confined
    finally:
        parent.send_signal(signal.SIGKILL)
        parent.wait()
    _, alive = psutil.wait_procs(found, timeout=10)
    assert not alive


# Forgeries


@pytest.mark.parametrize(
    "program",
    [
        "print('All tests passed.')\nprint('passed')\nraise SystemExit(0)",
        "import sys\nsys.exit(0)",
        "import os\nos._exit(0)",
        "import atexit, os\natexit.register(os._exit, 0)\nraise SystemExit",
        "import os\nfor fd in range(3, 64):\n  try: os.write(fd, b'ready\\npassed ' + b'0' * 64)\n"
        "  except OSError: pass\nos._exit(0)",
        "import builtins\nbuiltins.exec = builtins.compile = lambda *a, **k: None",
        "import builtins\nbuiltins.AssertionError = builtins.NameError = type('E', (), {})",
        "import os\nos.read = lambda *a: b''\nos._exit = lambda *a: None\nraise SystemExit",
        "import __main__\n__main__.statements = __main__.judge = lambda *a, **k: []",
        "import sys\nsys.excepthook = lambda *a: None\nraise ValueError",
        "import sys\nsys.stdout.write = print\nsys.modules['os'] = None",
        "import sys\ndef skip(frame, event, argument): frame.f_lineno += 1\nsys.settrace(skip)",
        "import sys\nfor name in list(sys.modules): del sys.modules[name]",
        "def add(a, b): raise SystemExit(0)",
        "import gc\nfor found in gc.get_objects():\n  if type(found) is list: found.clear()",
    ],
)
def test_success_is_not_to_be_had_without_running_the_tests(program):
    assert not run(program).has_passed


def test_a_program_cannot_stop_the_evaluation():
    program = (
        "import os\nfor fd in range(3, 64):\n  try: os.write(fd, b'refused by me\\n')\n"
        "  except OSError: pass\nos._exit(0)"
    )
    assert run(program).reason == "ended with status 0 before the last test"


# What the machine and the caller have to bring


def test_tests_that_are_no_python_are_the_callers_mistake():
    with pytest.raises(ValueError, match="the tests are not Python: invalid syntax"):
        run(ADD, "assert add(1, 2) = = 3")


def test_limits_have_bounds():
    with pytest.raises(ValueError, match="seconds = 0: must be > 0"):
        Limits(seconds=0, memory_mb=512)
    with pytest.raises(ValueError, match="memory_mb = 8: must be >= 64"):
        Limits(seconds=1, memory_mb=8)


def test_this_machine_holds_what_the_sandbox_promises():
    verify_sandbox(LIMITS)


def test_a_sandbox_whose_filter_lets_all_pass_is_found_out(monkeypatch):
    allow_all = (0x7FFF0000 << 32 | syscall_filter.RETURN).to_bytes(8, "little")
    monkeypatch.setattr(sandbox, "filter_program", lambda: allow_all)
    with pytest.raises(SandboxError, match=r"did not hold.*(mode is changed|socket is opened)"):
        verify_sandbox(LIMITS)


def test_a_sandbox_that_may_read_all_files_is_found_out(monkeypatch):
    monkeypatch.setattr(sandbox, "SYSTEM_FILES", ("/",))
    with pytest.raises(SandboxError, match="a file outside its folder is read"):
        verify_sandbox(LIMITS)


def test_a_kernel_that_takes_no_filter_is_an_error_not_a_wrong_answer(monkeypatch):
    monkeypatch.setattr(sandbox, "filter_program", lambda: b"\0" * 8)  # no valid instruction
    with pytest.raises(SandboxError, match=r"cannot be run safely.*seccomp filters are missing"):
        run(ADD)


def test_a_kernel_without_landlock_is_an_error_that_says_so():
    source = (
        "import struct\n"
        "from equal_assets.errors import SandboxError\n"
        "from equal_assets.resources.judges import sandbox, sandbox_child\n"
        "refuse, allow = (6, 0, 0, 0x50026), (6, 0, 0, 0x7FFF0000)\n"
        "no_landlock = [(0x20, 0, 0, 0), (0x15, 0, 1, 444), refuse, allow]\n"
        "sandbox_child._prctl(sandbox_child.PR_SET_NO_NEW_PRIVS, 1)\n"
        "sandbox_child._install_filter(b''.join(struct.pack('<HBBI', *i) for i in no_landlock))\n"
        "try: sandbox.run_tests('', '', sandbox.Limits(seconds=5, memory_mb=256))\n"
        "except SandboxError as error: print(error)\n"
    )
    root = Path(sandbox.__file__).parents[3]
    found = subprocess.run(
        [sys.executable, "-c", source], cwd=root, capture_output=True, text=True, check=True
    )
    assert "cannot be run safely on this machine: Landlock is missing" in found.stdout
    assert "Function not implemented" in found.stdout


def test_another_processor_is_refused(monkeypatch):
    monkeypatch.setattr(platform, "machine", lambda: "riscv64")
    with pytest.raises(SandboxError, match="'riscv64'; must be one of x86_64, aarch64"):
        run(ADD)


def test_another_system_is_refused(monkeypatch):
    monkeypatch.setattr(sys, "platform", "darwin")
    with pytest.raises(SandboxError, match="cannot be run safely on darwin"):
        run(ADD)


@pytest.mark.parametrize("machine", ["x86_64", "aarch64"])
def test_the_filter_of_every_machine_ends_in_a_refusal_and_jumps_within_itself(
    machine, monkeypatch
):
    monkeypatch.setattr(platform, "machine", lambda: machine)
    program = syscall_filter.filter_program()
    instructions = [program[at : at + 8] for at in range(0, len(program), 8)]
    assert int.from_bytes(instructions[-1][:2], "little") == syscall_filter.RETURN
    assert int.from_bytes(instructions[-1][4:], "little") >> 16 == syscall_filter.REFUSE >> 16
    for position, instruction in enumerate(instructions):
        assert position + max(instruction[2], instruction[3]) < len(instructions)
