"""The sandbox's child process: confine it for good, then run a program and its tests in it.

Run as a script by :mod:`equal_assets.resources.judges.sandbox`, with the standard library only. It
reads its order from standard input and answers on a descriptor of its own: one line ``ready``,
``refused ...`` or ``mistake ...`` before any foreign code runs, then ``failed ...`` or the token
that proves that every test has run.
"""

from __future__ import annotations

import ast
import ctypes
import json
import os
import resource
import signal
import struct
import sys
import types
from collections.abc import Sequence
from typing import Any

NOBODY = 65534
PR_SET_PDEATHSIG, PR_SET_KEEPCAPS, PR_SET_SECCOMP, PR_SET_NO_NEW_PRIVS = 1, 8, 22, 38
SECCOMP_MODE_FILTER = 2
CAPABILITIES_VERSION_3 = 0x20080522
CAP_DAC_READ_SEARCH = 1 << 2
LANDLOCK_CREATE_RULESET, LANDLOCK_ADD_RULE, LANDLOCK_RESTRICT_SELF = 444, 445, 446
READ_FILE, READ_DIR, WRITE_FILE, REMOVE_FILE, MAKE_REG, TRUNCATE = (
    1 << bit for bit in (2, 3, 1, 5, 8, 14)
)
MAX_MESSAGE_CHARACTERS = 400

libc = ctypes.CDLL(None, use_errno=True)


class Unconfined(Exception):  # noqa: N818 - a state, like the words it is reported with
    """A guarantee that this machine cannot give, or tests that cannot be run at all."""


def main() -> None:
    """Confine this process, then run what it was sent."""
    order = json.loads(sys.stdin.buffer.read())
    report: int = order["report"]
    try:
        confine(order)
    except (Unconfined, OSError, ValueError) as error:
        os.write(report, f"refused {error}\n".encode())
        return
    try:
        tests = statements(order["tests"])
    except (SyntaxError, ValueError) as error:
        os.write(report, f"mistake {error}\n".encode())
        return
    os.write(report, b"ready\n")
    judge(order["program"], tests, token=order["token"], report=report)


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


def statements(tests: str) -> tuple[tuple[str, types.CodeType], ...]:
    """Return the statements of the tests, each as one line of text and compiled.

    In tuples: a program could get lists from the garbage collector and empty them.
    """
    found = []
    for statement in ast.parse(tests, "<tests>").body:
        code = compile(ast.Module([statement], type_ignores=[]), "<tests>", "exec")
        found.append((ast.unparse(statement).partition("\n")[0], code))
    return tuple(found)


def judge(
    program: str, tests: tuple[tuple[str, types.CodeType], ...], *, token: int, report: int
) -> None:
    """Run a program, then its tests; report the first failure, or the token.

    The token stays unread in its pipe until the last test has passed, and everything needed then is
    in local variables: replacing builtins or functions of modules changes nothing.
    """
    run, read, write, leave, untrace = exec, os.read, os.write, os._exit, sys.settrace
    failure = _failure
    solution = types.ModuleType("solution")
    sys.modules["solution"] = solution  # dataclasses look their module up
    namespace = solution.__dict__
    where = "the program"
    try:
        run(compile(program, "<program>", "exec"), namespace)
        for where, test in tests:  # noqa: B007 - named if it raises
            untrace(None)
            run(test, namespace)
    except BaseException as error:  # noqa: BLE001 - SystemExit is a failure like any other
        write(report, failure(where, error))
    else:
        write(report, b"passed " + read(token, 64))
    leave(0)


def _failure(where: str, error: BaseException) -> bytes:
    try:
        said = str(error)
    except BaseException as second:  # noqa: BLE001 - the exception's class is not ours
        said = type(second).__name__
    message = f"{type(error).__name__}: {said}" if said else type(error).__name__
    shown = f"{message[:MAX_MESSAGE_CHARACTERS]} (in {where[:MAX_MESSAGE_CHARACTERS]})"
    return f"failed {shown}".encode(errors="replace")


if __name__ == "__main__":
    main()
