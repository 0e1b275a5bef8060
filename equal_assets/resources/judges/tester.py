"""The process that runs the tests; what the program defines is in another one.

The program can call functions that a test passes to it, and use instances of classes that the
tests define: their attributes without an underscore. Nothing else here is in its reach.
"""

from __future__ import annotations

import ast
import contextlib
import importlib
import sys
import types
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from equal_assets.resources.judges.crossing import Crossing, Gone
from equal_assets.resources.judges.remote import OPERATIONS, Remote, mark_named
from equal_assets.resources.judges.tested import MAX_MESSAGE_CHARACTERS, described

MODULE = "tests"
Statement = tuple[str, types.CodeType]


class Tests(NamedTuple):
    """Tests, and what they share with a program.

    Parameters
    ----------
    source : str
        Statements; the first exception ends them.
    given : str
        Statements that come before, and define what the tests need beside the program.
    names : sequence of str
        What the tests need of the program, if it defines them.
    imports : str
        Imports of the tests that the program lacks.
    lent : sequence of str
        Classes of the tests that the program needs.
    """

    source: str
    given: str
    names: Sequence[str]
    imports: str
    lent: Sequence[str]


def statements(tests: str) -> list[Statement]:
    """Return the statements of the tests, each as one line of text and compiled."""
    found = []
    for statement in ast.parse(tests, "<tests>").body:
        code = compile(ast.Module([statement], type_ignores=[]), "<tests>", "exec")
        found.append((ast.unparse(statement).partition("\n")[0], code))
    return found


def run_tests(
    tests: Tests, incoming: int, outgoing: int, *, report: Callable[[dict[str, Any]], None]
) -> None:
    """Run tests against the program at the other end of two pipes.

    Parameters
    ----------
    tests : Tests
    incoming, outgoing : int
        Descriptors.
    report : callable
        Called with ``{"mistake": ...}`` if the tests are not Python, and otherwise with the state
        of the program's process, then with a verdict.

    Raises
    ------
    Gone
        If the program's process has ended before the last test.
    """
    try:
        compiled = statements(tests.source)
    except (SyntaxError, ValueError) as error:
        report({"mistake": str(error)})
        return
    end = Crossing(incoming, outgoing, serve=_serve)
    match end.receive():
        case ["ready"]:
            report({"state": "ready"})
            end.send(["begin"])
        case ["refused", why]:
            report({"state": "refused", "why": str(why)})
            return
        case _:
            raise Gone
    match end.receive():
        case ["failed", str() as reason]:
            report({"verdict": reason})
            return
        case ["ran"]:
            pass
        case _:
            raise Gone  # the program itself has written to the pipe
    where = "what the question shows"
    try:
        namespace, lent = _namespace(tests, end), set(tests.lent)
        for where, test in compiled:  # noqa: B007 - named if it raises
            exec(test, namespace)
            for name in lent & namespace.keys():
                end.request("lend", name, namespace[name])
                lent.remove(name)
    except Gone:
        raise
    except BaseException as error:  # noqa: BLE001 - SystemExit is a failure like any other
        report({"verdict": f"{described(error)} (in {where[:MAX_MESSAGE_CHARACTERS]})"})
    else:
        if isinstance(end.failure, Gone):
            raise end.failure
        failure = None if end.failure is None else described(end.failure)
        report({"verdict": failure, "notes": sorted(end.notes)})


def _namespace(tests: Tests, end: Crossing) -> dict[str, Any]:
    """Return the names that the tests begin with: of the program, and what is given."""
    module = types.ModuleType(MODULE)
    sys.modules[MODULE] = module  # dataclasses look their module up
    namespace = module.__dict__
    for name in tests.names:
        how, value = end.request("name", name)
        if how == "module":  # the tests' own, whatever the program has made of it
            with contextlib.suppress(ImportError):
                namespace[name] = importlib.import_module(name)
        elif how == "object":
            if type(value) is Remote:
                mark_named(value)
            namespace[name] = value
    if tests.imports:
        end.request("import", tests.imports)
    exec(compile(tests.given, "<given>", "exec"), namespace)
    return namespace


def _is_of_tests(value: Any) -> bool:
    return isinstance(value, type) and value.__module__ == MODULE


def _serve(operation: str, arguments: list[Any]) -> Any:
    """Do what the program requests, where it may.

    Raises
    ------
    PermissionError
        If it may not.
    """
    value, *others = arguments
    match operation:
        case "call":  # a test has passed it, or it is a method of an object of the tests' classes
            is_allowed = _is_of_tests(value) or not isinstance(value, type)
        case "iter" | "next" | "len" | "bool" | "str" | "repr" | "hash":
            is_allowed = True
        case "get" | "set" | "delete":
            is_allowed = _may_use(value, others[0], is_read=operation == "get")
        case "isinstance" | "issubclass":
            is_allowed = _is_of_tests(value)
        case _:
            is_allowed = _is_of_tests(type(value)) and operation in OPERATIONS
    if not is_allowed:
        raise PermissionError(f"a program may not {operation} {type(value).__name__} of its tests")
    return OPERATIONS[operation](*arguments)


def _may_use(value: Any, name: str, *, is_read: bool) -> bool:
    """Tell whether a program may use an attribute: of a class of the tests, or its instance."""
    if not isinstance(name, str) or name.startswith("_"):
        return False
    if _is_of_tests(value):
        return is_read and any(name in vars(cls) for cls in value.__mro__ if _is_of_tests(cls))
    if not _is_of_tests(type(value)):
        return False
    classes = [cls for cls in type(value).__mro__ if _is_of_tests(cls)]
    return (
        not is_read
        or name in getattr(value, "__dict__", ())
        or any(name in vars(cls) for cls in classes)
    )
