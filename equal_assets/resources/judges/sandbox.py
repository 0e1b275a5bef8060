"""Untrusted Python against its tests, in child processes that can do no harm.

A child is one process with one thread, without network, environment, inherited descriptors or
privileges. It reads Python's own files, and reads and writes files in a
temporary folder. Time, memory, processor time, output and files are bounded, by these means:

========================= =====================================================================
seccomp                   an allowlist of system calls: no process, thread, socket, signal to
                          another process, tracing, change of owner or mode
Landlock                  which files may be read and written
resource limits           address space, processor time, file size, descriptors, core dumps
the user `nobody`         when the caller is root
the parent                time asleep, output, number of files; kills both, removes the folder
========================= =====================================================================

It needs no namespace, container or privilege. If the kernel lacks seccomp or Landlock, nothing
runs and :class:`SandboxError` names what is missing.

There are two such children. One runs the program; the other runs the tests, calls the program's
functions over a pipe, gets plain values back and reports the verdict. What the program does to its
own process therefore changes no verdict: see :mod:`equal_assets.resources.judges.crossing`.

Nor does a busy machine. Only processor time, and time in which both children sleep, are counted; a
program that has not got enough of the processor after a very long time is run again.
"""

from __future__ import annotations

import contextlib
import json
import math
import os
import selectors
import signal
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import equal_assets
from equal_assets.algorithms.judging.programs import missing_classes, missing_imports, names_tested
from equal_assets.errors import SandboxError
from equal_assets.resources.judges.syscall_filter import filter_program

NOBODY = 65534
ROOT = Path(equal_assets.__file__).parent.parent  # where the child finds the package
START = f"""
import sys
sys.path.insert(0, {str(ROOT)!r})
from equal_assets.resources.judges.sandbox_child import main
del sys.path[0]
main()
"""
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
MAX_FILES = 64  # times MAX_FILE_BYTES, this is all the disk that a program can fill
MAX_FILE_BYTES = 4 * 2**20
MAX_DESCRIPTORS = 64  # files that are open stay when they are deleted
POLL_SECONDS = 0.05
SLEEP_FACTOR = 3
PATIENCE_SECONDS = 900  # on the clock, beside 100 times the processor time: for a very busy machine
TRIES = 3
AT_WORK = "RDTt"  # running or waiting for the processor, the disk, or whoever has stopped it


@dataclass(frozen=True)
class Limits:
    """What one program may use.

    Parameters
    ----------
    seconds : float
        Processor time, > 0, counted in whole seconds, so that a busy machine changes no verdict;
        the tests have as much. A program that sleeps is ended after three times as much asleep.
    memory_mb : int
        Address space of each process; >= 64, Python itself takes about 20.
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
    """The end of a program and its tests.

    Attributes
    ----------
    reason : str or None
        Why the program failed; None if it passed.
    output : str
        The first 256 KiB of what was printed.
    notes : frozenset of str
        What the tests did with objects of the program's own classes, beyond taking values from
        them: ``get size``, ``call``, ``eq int``. Such an object can lie.
    """

    reason: str | None
    output: str
    notes: frozenset[str] = frozenset()

    @property
    def has_passed(self) -> bool:
        """Whether every test passed."""
        return self.reason is None


@dataclass
class _Child:
    """The process that starts the two children, and what they have sent so far."""

    process: subprocess.Popen[bytes]
    report_descriptor: int
    output: bytearray = field(default_factory=bytearray)
    report: bytearray = field(default_factory=bytearray)

    def events(self) -> dict[str, dict[str, Any]]:
        """Return what has been reported, by its first word, or by the child that has ended."""
        found = {}
        for line in bytes(self.report).splitlines(keepends=True):
            if line.endswith(b"\n"):
                event = json.loads(line)
                found[event.get("ended") or next(iter(event))] = event
        return found


class _NotJudgedError(Exception):
    """A program that got too little of the processor for a verdict."""


def run_tests(
    program: str,
    tests: str,
    limits: Limits,
    *,
    given: str = "",
    names: Collection[str] | None = None,
) -> Outcome:
    """Run a program, and its tests in a process of their own, in a sandbox.

    Parameters
    ----------
    program : str
        Python source; not trusted.
    tests : str
        Python statements, run in turn; the first exception ends them. They see the program's
        functions and classes, but share neither a namespace nor a process with it.
    limits : Limits
        What the program may use.
    given : str
        Statements that come before the tests, and define what these need beside the program.
    names : collection of str, optional
        What the tests need of the program; by default, what they read and do not define.

    Returns
    -------
    Outcome
        Failed with a reason if the tests did not run to their end.

    Raises
    ------
    SandboxError
        If the sandbox does not hold on this machine, or the machine is too busy for a verdict.
    ValueError
        If the tests are not Python.
    """
    if sys.platform != "linux":
        raise SandboxError(
            f"generated code cannot be run safely on {sys.platform}: the sandbox needs seccomp and "
            "Landlock, which only Linux has; score code answers on Linux"
        )
    sent = {
        "source": tests,
        "given": given,
        "names": sorted(names_tested(tests) if names is None else names),
        "imports": missing_imports(program, tests),
        "lent": sorted(missing_classes(program, tests)),
    }
    for _ in range(TRIES):
        with contextlib.suppress(_NotJudgedError):
            return _outcome(program, json.dumps(sent), limits)
    raise SandboxError(
        f"a program was not judged: {TRIES} times, its processes got less processor time than "
        f"they needed in {_patience(limits):.0f} seconds; the machine is too busy: run again later"
    )


def _outcome(program: str, tests: str, limits: Limits) -> Outcome:
    with tempfile.TemporaryDirectory(prefix="equal-sandbox-") as folder:
        order = {"folder": folder} | _confinement(limits)
        with _started(order, program=program, tests=tests) as child:
            killed_for = _listen(child, folder, limits)
    events = child.events()
    printed = child.output[:MAX_OUTPUT_BYTES].decode(errors="replace")
    _demand_ready(events, killed_for, printed)
    verdict = events.get("verdict")
    if killed_for or verdict is None:
        return Outcome(reason=killed_for or _reason(events, limits), output=printed)
    notes = frozenset(verdict.get("notes", ()))
    return Outcome(reason=verdict["verdict"], output=printed, notes=notes)


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
def _started(order: dict[str, Any], *, program: str, tests: str) -> Iterator[_Child]:
    """Start the children on an order; they are always dead when the block ends."""
    report_out, report_in = os.pipe()
    folder = order["folder"]
    try:
        _give_to_nobody(folder)
        with contextlib.ExitStack() as files:
            descriptors = {"report": report_in}
            for name, text in (("program", program), ("tests", tests)):
                descriptors[name] = files.enter_context(_file_with(text)).fileno()
            process = subprocess.Popen(
                [sys.executable, "-u", "-P", "-s", "-S", "-B", "-c", START],
                stdin=files.enter_context(_file_with(json.dumps(order | descriptors))),
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                pass_fds=tuple(descriptors.values()),
                env=_environment(folder),
                cwd="/",
                start_new_session=True,
            )
    except BaseException:
        os.close(report_out)
        raise
    finally:
        os.close(report_in)
    try:
        with process:
            try:
                yield _Child(process, report_out)
            finally:
                _kill(process)
    finally:
        os.close(report_out)


@contextlib.contextmanager
def _file_with(text: str) -> Iterator[IO[bytes]]:
    """Yield a file without a name that holds a text."""
    with tempfile.TemporaryFile() as file:
        file.write(text.encode(errors="surrogatepass"))
        file.seek(0)
        yield file


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
    """Collect what the children send until they end; return why they have to be killed, if so.

    Raises
    ------
    _NotJudgedError
        If they have neither ended nor used up their time after a very long time.
    """
    began = looked = time.monotonic()
    asleep = 0.0
    processes: list[int] = []
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
            now = time.monotonic()
            if len(child.output) > MAX_OUTPUT_BYTES:
                return f"more than {MAX_OUTPUT_BYTES // 1024} KiB of output"
            if now - looked < POLL_SECONDS:
                continue
            processes = processes or _ready(child)
            if processes and not any(_state(process) in AT_WORK for process in processes):
                asleep += min(now - looked, 2 * POLL_SECONDS)  # this process may have been the late
            looked = now
            if asleep > SLEEP_FACTOR * limits.seconds:
                return f"timeout after {asleep:.0f} seconds on the clock, asleep"
            if now - began > _patience(limits):
                raise _NotJudgedError
            if len(os.listdir(folder)) > MAX_FILES:
                return f"more than {MAX_FILES} files"
    return None


def _patience(limits: Limits) -> float:
    return PATIENCE_SECONDS + 100 * limits.seconds


def _ready(child: _Child) -> list[int]:
    """Return the numbers of the children's processes once the program has begun."""
    events = child.events()
    is_ready = events.get("state", {}).get("state") == "ready"
    told = events.get("processes", {"processes": []})  # by the parent, which may be the later one
    return told["processes"] if is_ready else []


def _state(process: int) -> str:
    """Return the letter that Linux has for what a process does; Z (dead) if there is none."""
    try:
        status = Path(f"/proc/{process}/stat").read_text()
    except OSError:
        return "Z"
    return status.rpartition(")")[2].split()[0]


def _demand_ready(events: dict[str, dict[str, Any]], killed_for: str | None, printed: str) -> None:
    """Tell a sandbox that could not be set up from a program that failed in it."""
    if "mistake" in events:
        raise ValueError(f"the tests are not Python: {events['mistake']['mistake']}")
    state = events.get("state", {})
    if state.get("state") == "ready":
        return
    why = state.get("why") or killed_for or printed[-400:]
    raise SandboxError(
        f"generated code cannot be run safely on this machine: {why or 'the child said nothing'}"
    )


def _reason(events: dict[str, dict[str, Any]], limits: Limits) -> str:
    """Return why a program that ended without a verdict did not pass."""
    most = math.ceil(limits.seconds)
    for name, where in (("program", ""), ("tests", " (in the tests)")):
        end = events.get(name, {"status": 0, "seconds": 0.0})
        is_late = end["status"] == -signal.SIGKILL and end["seconds"] >= most
        if end["status"] == -signal.SIGXCPU or is_late:
            return f"timeout after {most} seconds of processor time{where}"
        if end["status"] < 0:
            return f"killed by {signal.Signals(-end['status']).name}{where}"
    status = events.get("program", {}).get("status")
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
