"""The sandbox's processes: one for the program, one for its tests, both confined for good.

Started by :mod:`equal_assets.resources.judges.sandbox`, with the standard library only. It reads
its order from standard input, starts the two processes and waits for them. Neither can reach the
other, except over two pipes. What happens is reported as JSON lines on a descriptor that the
program's process does not have.
"""

from __future__ import annotations

import ctypes
import functools
import json
import os
import resource
import signal
import struct
import sys
from collections.abc import Iterable, Sequence
from typing import Any

from equal_assets.resources.judges import tested, tester
from equal_assets.resources.judges.crossing import CrossingError, Gone

NOBODY = 65534
PR_SET_PDEATHSIG, PR_SET_KEEPCAPS, PR_SET_SECCOMP, PR_SET_NO_NEW_PRIVS = 1, 8, 22, 38
SECCOMP_MODE_FILTER = 2
CAPABILITIES_VERSION_3 = 0x20080522
CAP_DAC_READ_SEARCH = 1 << 2
LANDLOCK_CREATE_RULESET, LANDLOCK_ADD_RULE, LANDLOCK_RESTRICT_SELF = 444, 445, 446
READ_FILE, READ_DIR, WRITE_FILE, REMOVE_FILE, MAKE_REG, TRUNCATE = (
    1 << bit for bit in (2, 3, 1, 5, 8, 14)
)
GONE = 3
"""The status of the tests' process if the program's has ended before the last test."""

libc = ctypes.CDLL(None, use_errno=True)


class Unconfined(Exception):  # noqa: N818 - a state, like the words it is reported with
    """A guarantee that this machine cannot give, or tests that cannot be run at all."""


def main() -> None:
    """Start the program's process and the tests', and report how they end."""
    order = json.loads(sys.stdin.buffer.read())
    _prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != order["parent"]:
        return
    to_program, from_tests = os.pipe(), os.pipe()
    ends = {"program": (to_program[0], from_tests[1]), "tests": (from_tests[0], to_program[1])}
    starts = {"program": _be_program, "tests": _be_tests}
    order["parent"] = os.getpid()
    processes = {}
    for name, start in starts.items():
        processes[os.fork()] = name
        if 0 in processes:
            mine = ends.pop(name)
            _close({order[other] for other in (*starts, "report")} - _own(name, order))
            _close({descriptor for others in ends.values() for descriptor in others})
            start(order, *mine)
            os._exit(0)
    _close({order[name] for name in starts} | {d for mine in ends.values() for d in mine})
    write(order["report"], {"processes": list(processes)})
    for _ in starts:
        process, status, usage = os.wait4(-1, 0)
        seconds = usage.ru_utime + usage.ru_stime
        code = os.waitstatus_to_exitcode(status)
        end = {"ended": processes[process], "status": code, "seconds": seconds}
        write(order["report"], end)
        if processes.pop(process) == "tests" and status == 0:  # with a verdict
            for other in processes:
                os.kill(other, signal.SIGKILL)


def _own(name: str, order: dict[str, Any]) -> set[int]:
    """Return the descriptors of the order that a process keeps."""
    return {order["program"]} if name == "program" else {order["tests"], order["report"]}


def _close(descriptors: Iterable[int]) -> None:
    for descriptor in descriptors:
        os.close(descriptor)


def write(report: int, event: dict[str, Any]) -> None:
    """Report an event: one line, short enough to be written at once."""
    os.write(report, json.dumps(event).encode() + b"\n")


def _be_program(order: dict[str, Any], incoming: int, outgoing: int) -> None:
    with open(order["program"], encoding="utf-8", errors="surrogatepass", newline="") as source:
        program = source.read()
    try:
        confine(order)
    except (Unconfined, OSError, ValueError) as error:
        os.write(outgoing, json.dumps(["refused", str(error)]).encode() + b"\n")
        return
    tested.run_program(program, incoming, outgoing)


def _be_tests(order: dict[str, Any], incoming: int, outgoing: int) -> None:
    with open(order["tests"], encoding="utf-8", errors="surrogatepass") as sent:
        tests = tester.Tests(**json.load(sent))
    report = functools.partial(write, order["report"])
    try:
        confine(order)
    except (Unconfined, OSError, ValueError) as error:
        report({"state": "refused", "why": str(error)})
        return
    try:
        tester.run_tests(tests, incoming, outgoing, report=report)
    except (Gone, CrossingError):
        os._exit(GONE)


def confine(order: dict[str, Any]) -> None:
    """Remove from this process, for good, everything that a program under test does not need."""
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.close(null)
    for name, limit in order["limits"].items():
        hard = limit + 1 if name == "RLIMIT_CPU" else limit  # SIGXCPU says why, then SIGKILL
        resource.setrlimit(getattr(resource, name), (limit, hard))
    if os.geteuid() == 0:
        _become_nobody()
    _prctl(PR_SET_PDEATHSIG, signal.SIGKILL)  # no one outlives the parent; lost by changing user
    if os.getppid() != order["parent"]:
        raise Unconfined("the parent process is gone")
    os.chdir(order["folder"])
    _prctl(PR_SET_NO_NEW_PRIVS, 1)
    _restrict_files(readable=order["readable"], folder=order["folder"])
    _install_filter(bytes.fromhex(order["filter"]))
    sys.path.append(order["packages"])


def _call(what: str, result: int) -> int:
    if result < 0:
        raise Unconfined(f"{what}: {os.strerror(ctypes.get_errno())}")
    return result


def _prctl(option: int, value: int) -> None:
    _call(f"prctl {option}", libc.prctl(option, *(ctypes.c_ulong(v) for v in (value, 0, 0, 0))))


def _become_nobody() -> None:
    """Change root into a user without rights, except to read Python where only root may.

    The interpreter is often in root's home. Landlock decides what may be read, and limits this
    capability too.
    """
    header = struct.pack("<Ii", CAPABILITIES_VERSION_3, 0)
    held = ctypes.create_string_buffer(24)
    _call("capget", libc.capget(header, held))
    kept = struct.unpack_from("<I", held, 4)[0] & CAP_DAC_READ_SEARCH  # of those permitted
    os.setgroups([])
    os.setresgid(NOBODY, NOBODY, NOBODY)
    _prctl(PR_SET_KEEPCAPS, 1)
    os.setresuid(NOBODY, NOBODY, NOBODY)
    _call("capset", libc.capset(header, struct.pack("<6I", kept, kept, 0, 0, 0, 0)))


def _restrict_files(*, readable: Sequence[str], folder: str) -> None:
    """Let this process only read Python's own files, and read and write files in its folder.

    No folder can be made in the folder, so that its files are easy to count.
    """
    version = libc.syscall(LANDLOCK_CREATE_RULESET, None, ctypes.c_size_t(0), ctypes.c_uint32(1))
    _call("Landlock is missing (it needs Linux 5.13, with landlock among its lsm=)", version)
    n_rights = {1: 13, 2: 14}.get(version, 15)
    known = (1 << n_rights) - 1
    attributes = struct.pack("<Q", known)
    ruleset = _call(
        "landlock_create_ruleset",
        libc.syscall(
            LANDLOCK_CREATE_RULESET,
            attributes,
            ctypes.c_size_t(len(attributes)),
            ctypes.c_uint32(0),
        ),
    )
    for path in readable:
        _allow_beneath(ruleset, path, READ_FILE | READ_DIR if os.path.isdir(path) else READ_FILE)
    inside = READ_FILE | READ_DIR | WRITE_FILE | REMOVE_FILE | MAKE_REG | TRUNCATE
    _allow_beneath(ruleset, folder, inside & known)
    _allow_beneath(ruleset, os.devnull, READ_FILE | WRITE_FILE)
    _call(
        "landlock_restrict_self",
        libc.syscall(LANDLOCK_RESTRICT_SELF, ctypes.c_int(ruleset), ctypes.c_uint32(0)),
    )
    os.close(ruleset)


def _allow_beneath(ruleset: int, path: str, rights: int) -> None:
    try:
        opened = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except PermissionError as error:
        raise Unconfined(
            f"user {os.geteuid()} may not read {path}: install Python where everyone may read it, "
            "or do not run as root"
        ) from error
    rule = struct.pack("<Qi", rights, opened)
    result = libc.syscall(
        LANDLOCK_ADD_RULE, ctypes.c_int(ruleset), ctypes.c_int(1), rule, ctypes.c_uint32(0)
    )
    _call(f"landlock_add_rule {path}", result)
    os.close(opened)


def _install_filter(program: bytes) -> None:
    instructions = ctypes.create_string_buffer(program, len(program))
    n_instructions = len(program) // 8
    address = ctypes.addressof(instructions)
    pointed = ctypes.create_string_buffer(struct.pack("@HP", n_instructions, address))
    result = libc.prctl(
        PR_SET_SECCOMP, ctypes.c_ulong(SECCOMP_MODE_FILTER), pointed, ctypes.c_ulong(0)
    )
    _call("seccomp filters are missing", result)
