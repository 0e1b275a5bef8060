"""Untrusted Python against its tests, in a child process that can do no harm.

The child is one process and one thread in a session of its own, without network, environment,
inherited descriptors or privileges. It reads Python's own files, and reads and writes files in a
temporary folder. Time, memory, processor time, output and files are bounded, by these means:

========================= =====================================================================
seccomp                   an allowlist of system calls: no process, thread, socket, signal to
                          another process, tracing, change of owner or mode
Landlock                  which files may be read and written
resource limits           address space, processor time, file size, descriptors, core dumps
the user `nobody`         when the caller is root
the parent                wall clock, output, number of files; kills the group, removes the folder
========================= =====================================================================

It needs no namespace, container or privilege. If the kernel lacks seccomp or Landlock, nothing
runs and :class:`SandboxError` names what is missing.

A program passes only if the child sends back a random token, which it reads from a pipe after the
last test: exiting early, imitating a test runner's output or replacing builtins does not help.
Code and tests still share an interpreter. Code that compares equal to everything passes a test
for equality, and code written against this very sandbox can walk the stack to the pipe.
"""

from __future__ import annotations

import contextlib
import json
import math
import os
import secrets
import selectors
import signal
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from equal_assets.errors import SandboxError
from equal_assets.resources.judges.syscall_filter import filter_program

NOBODY = 65534
CHILD = Path(__file__).with_name("sandbox_child.py")
SYSTEM_FILES = (
    "/lib",
    "/lib64",
    "/usr/lib",
    "/usr/lib64",
    "/usr/share/zoneinfo",
    "/etc/ld.so.cache",
    "/etc/localtime",
    "/dev/urandom",
)
MAX_OUTPUT_BYTES = 256 * 1024
MAX_REPORT_BYTES = 4096
MAX_FILES = 64  # times MAX_FILE_BYTES, this is all the disk that a program can fill
MAX_FILE_BYTES = 4 * 2**20
MAX_DESCRIPTORS = 64  # files that are open stay when they are deleted
POLL_SECONDS = 0.05
WALL_FACTOR = 3
START_SECONDS = 60  # a busy machine is slow to start Python, which is not the program's fault


@dataclass(frozen=True)
class Limits:
    """What one program may use.

    Parameters
    ----------
    seconds : float
        Processor time, > 0, counted in whole seconds, so that a busy machine changes no verdict. A
        program that waits is ended after three times as much on the clock.
    memory_mb : int
        Address space of the process; >= 64, Python itself takes about 20.
    """

    seconds: float
    memory_mb: int

    def __post_init__(self) -> None:
        if not self.seconds > 0:
            raise ValueError(f"seconds = {self.seconds}: must be > 0")
        if self.memory_mb < 64:
            raise ValueError(f"memory_mb = {self.memory_mb}: must be >= 64")


@dataclass(frozen=True)
class Outcome:
    """Why a program failed (None if it passed), and the first 256 KiB of its output."""

    reason: str | None
    output: str

    @property
    def has_passed(self) -> bool:
        """Whether every test passed."""
        return self.reason is None


@dataclass
class _Child:
    """A child process, and what it has sent so far."""

    process: subprocess.Popen[bytes]
    report_descriptor: int
    output: bytearray = field(default_factory=bytearray)
    report: bytearray = field(default_factory=bytearray)


def run_tests(program: str, tests: str, limits: Limits) -> Outcome:
    """Run a program and then its tests, in a sandbox.

    Parameters
    ----------
    program : str
        Python source; not trusted.
    tests : str
        Python statements, run in turn in the program's namespace; the first exception ends it.
    limits : Limits
        What the program may use.

    Returns
    -------
    Outcome
        Failed with a reason if the program did not run to the end of the last test.

    Raises
    ------
    SandboxError
        If the sandbox does not hold on this machine.
    ValueError
        If the tests are not Python.
    """
    if sys.platform != "linux":
        raise SandboxError(
            f"generated code cannot be run safely on {sys.platform}: the sandbox needs seccomp and "
            "Landlock, which only Linux has; score code answers on Linux"
        )
    token = secrets.token_hex(32).encode()
    with tempfile.TemporaryDirectory(prefix="equal-sandbox-") as folder:
        order = {"program": program, "tests": tests, "folder": folder}
        with _started(order | _confinement(limits), token) as child:
            killed_for = _listen(child, folder, limits)
    printed = child.output[:MAX_OUTPUT_BYTES].decode(errors="replace")
    _demand_ready(bytes(child.report), killed_for, printed)
    reason = killed_for or _reason(bytes(child.report), child.process.returncode, limits)
    has_passed = bytes(child.report) == b"ready\npassed " + token
    return Outcome(reason=None if has_passed else reason, output=printed)


def _confinement(limits: Limits) -> dict[str, Any]:
    paths = sysconfig.get_paths()
    python = {paths[name] for name in ("stdlib", "purelib", "platlib")} | {
        sysconfig.get_config_var("LIBDIR"),
        sysconfig.get_config_var("DESTSHARED"),
    }
    return {
        "limits": {
            "RLIMIT_AS": limits.memory_mb * 2**20,
            "RLIMIT_CPU": math.ceil(limits.seconds),
            "RLIMIT_FSIZE": MAX_FILE_BYTES,
            "RLIMIT_NOFILE": MAX_DESCRIPTORS,
            "RLIMIT_CORE": 0,
        },
        "readable": [path for path in (*SYSTEM_FILES, *python) if path and os.path.exists(path)],
        "packages": paths["purelib"],
        "filter": filter_program().hex(),
        "parent": os.getpid(),
    }


@contextlib.contextmanager
def _started(order: dict[str, Any], token: bytes) -> Iterator[_Child]:
    """Start the child on an order; it is always dead when the block ends."""
    token_out, token_in = os.pipe()
    report_out, report_in = os.pipe()
    os.write(token_in, token)
    os.close(token_in)
    folder = order["folder"]
    try:
        _give_to_nobody(folder)
        with tempfile.TemporaryFile() as sent:
            sent.write(json.dumps(order | {"token": token_out, "report": report_in}).encode())
            sent.seek(0)
            process = subprocess.Popen(
                [sys.executable, "-u", "-P", "-s", "-S", "-B", str(CHILD)],
                stdin=sent,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                pass_fds=(token_out, report_in),
                env=_environment(folder),
                cwd="/",
                start_new_session=True,
            )
    except BaseException:
        os.close(report_out)
        raise
    finally:
        os.close(token_out)
        os.close(report_in)
    try:
        with process:
            try:
                yield _Child(process, report_out)
            finally:
                _kill(process)
    finally:
        os.close(report_out)


def _give_to_nobody(folder: str) -> None:
    """Give a folder to the user that the child becomes, if it will."""
    if os.geteuid() != 0:
        return
    try:
        os.chown(folder, NOBODY, NOBODY)
    except OSError as error:
        raise SandboxError(
            f"generated code cannot be run safely on this machine: root cannot act for user "
            f"{NOBODY} here ({error.strerror}); run as a user other than root"
        ) from error


def _environment(folder: str) -> dict[str, str]:
    return {
        "HOME": folder,
        "TMPDIR": folder,
        "LANG": "C.UTF-8",
        "PYTHONHASHSEED": "0",  # the order of sets, and thus a verdict, is the same every time
        "OPENBLAS_NUM_THREADS": "1",  # numpy's threads are refused, and take address space
    }


def _kill(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _listen(child: _Child, folder: str, limits: Limits) -> str | None:
    """Collect what the child sends until it ends; return why it has to be killed, if it has."""
    began, is_ready = time.monotonic(), False
    deadline = began + START_SECONDS
    assert child.process.stdout is not None
    with selectors.DefaultSelector() as selector:
        selector.register(child.process.stdout.fileno(), selectors.EVENT_READ, child.output)
        selector.register(child.report_descriptor, selectors.EVENT_READ, child.report)
        while selector.get_map() or child.process.poll() is None:
            for key, _ in selector.select(POLL_SECONDS if selector.get_map() else 0.001):
                chunk = os.read(key.fd, 65536)
                key.data.extend(chunk)
                if not chunk:
                    selector.unregister(key.fd)
            if not is_ready and child.report.startswith(b"ready\n"):
                deadline, is_ready = time.monotonic() + WALL_FACTOR * limits.seconds, True
            if time.monotonic() > deadline:
                return f"timeout after {time.monotonic() - began:.0f} seconds on the clock"
            if len(child.output) > MAX_OUTPUT_BYTES or len(child.report) > MAX_REPORT_BYTES:
                return f"more than {MAX_OUTPUT_BYTES // 1024} KiB of output"
            if len(os.listdir(folder)) > MAX_FILES:
                return f"more than {MAX_FILES} files"
    return None


def _demand_ready(report: bytes, killed_for: str | None, printed: str) -> None:
    """Tell a sandbox that could not be set up from a program that failed in it."""
    state = report.partition(b"\n")[0].decode(errors="replace")
    if state == "ready":
        return
    if state.startswith("mistake "):
        raise ValueError(f"the tests are not Python: {state.removeprefix('mistake ')}")
    why = state.removeprefix("refused ") or killed_for or printed[-400:]
    raise SandboxError(
        f"generated code cannot be run safely on this machine: {why or 'the child said nothing'}"
    )


def _reason(report: bytes, status: int, limits: Limits) -> str:
    """Return why a program that ended did not pass."""
    _, _, message = report.partition(b"\n")
    if message.startswith(b"failed "):
        return message.removeprefix(b"failed ").decode(errors="replace")
    if status == -signal.SIGXCPU:
        return f"timeout after {math.ceil(limits.seconds)} seconds of processor time"
    if status < 0:
        return f"killed by {signal.Signals(-status).name}"
    return f"ended with status {status} before the last test"


PROBES = {
    "a file outside its folder is read": "open({canary!r}).read()",
    "a file outside its folder is written": "open({canary!r}, 'w')",
    "a file outside its folder is deleted": "import os; os.unlink({canary!r})",
    "a file's mode is changed": "import os; os.chmod({canary!r}, 0o777)",
    "a socket is opened": "import socket; socket.socket()",
    "a process is started": "import os; os._exit(0) if os.fork() == 0 else None",
    "a process is signaled": "import os; os.kill({parent}, 0)",
}
"""What a sandbox must refuse; each probe succeeds if it does not."""


def verify_sandbox(limits: Limits) -> None:
    """Try to break out in every harmful way, without doing harm.

    Raises
    ------
    SandboxError
        If an attempt succeeds or a harmless program fails: nothing may be run on this machine.
    """
    attempt = "try:\n  {code}\nexcept OSError:\n  pass\nelse:\n  raise SystemExit({what!r})\n"
    with tempfile.NamedTemporaryFile(prefix="equal-canary-") as canary:
        os.chmod(canary.name, 0o666)  # its mode would allow it: Landlock must refuse
        names = {"canary": canary.name, "parent": os.getpid()}
        attempts = "".join(
            attempt.format(code=code.format(**names), what=what) for what, code in PROBES.items()
        )
        outcome = run_tests("import json, decimal\n" + attempts, "", limits)
    if outcome.reason is not None:
        raise SandboxError(
            f"generated code cannot be run safely on this machine: the sandbox did not hold in a "
            f"trial: {outcome.reason}"
        )
