"""The process that runs a program under test, and calls its functions when the tests do.

Nothing that it says decides a verdict, except by the values that its functions return.
"""

from __future__ import annotations

import contextlib
import os
import sys
import types
from typing import Any

from equal_assets.resources.judges.crossing import Crossing, Gone
from equal_assets.resources.judges.remote import OPERATIONS

MAX_MESSAGE_CHARACTERS = 400


def run_program(program: str, incoming: int, outgoing: int) -> None:
    """Run a program, then do what the tests request of it until they end.

    Parameters
    ----------
    program : str
        Python source.
    incoming, outgoing : int
        Descriptors of the pipes from and to the tests.
    """
    solution = types.ModuleType("solution")
    sys.modules["solution"] = solution  # dataclasses look their module up
    namespace = solution.__dict__

    def serve(operation: str, arguments: list[Any]) -> Any:
        match operation, arguments:
            case "name", [name]:
                return _named(namespace, name)
            case "lend", [name, value]:
                namespace.setdefault(name, value)
            case "import", [statements]:
                exec(statements, namespace)
            case _:
                return OPERATIONS[operation](*arguments)

    end = Crossing(incoming, outgoing, serve=serve, is_tested=True)
    end.send(["ready"])
    try:
        end.receive()  # by now it is on record that whatever follows is the program's doing
    except Gone:
        return
    try:
        exec(compile(program, "<program>", "exec"), namespace)
    except BaseException as error:  # noqa: BLE001 - SystemExit is a failure like any other
        end.send(["failed", f"{described(error)} (in the program)"])
        os._exit(0)
    end.send(["ran"])
    with contextlib.suppress(Gone):
        end.receive()


def _named(namespace: dict[str, Any], name: str) -> tuple[str, Any]:
    """Return how the tests get what the program calls by a name, and the object."""
    if name not in namespace:
        return "missing", None
    value = namespace[name]
    return ("module", None) if isinstance(value, types.ModuleType) else ("object", value)


def described(error: BaseException) -> str:
    """Return an exception's class and message, shortened."""
    try:
        said = str(error)
    except BaseException as second:  # noqa: BLE001 - the exception's class is not ours
        said = type(second).__name__
    message = f"{type(error).__name__}: {said}" if said else type(error).__name__
    return message[:MAX_MESSAGE_CHARACTERS].encode(errors="replace").decode()
