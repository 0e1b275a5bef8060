"""How tests and a program talk, each in a process of its own: requests and replies over two pipes.

A message is a JSON array in one line. Plain values are sent whole, and the receiver builds them
again from its own built-in types. An object of any other class stays where it is: the other side
has a :class:`Remote` in its place, and asks over the pipes for what is done with it. Containers
that a called function changes are changed for its caller, too. Standard library only: both
children of the sandbox import this.
"""

from __future__ import annotations

import base64
import builtins
import collections
import contextlib
import importlib
import io
import json
import os
import sys
import types
from collections.abc import Callable, Iterable
from typing import Any, Protocol

from equal_assets.resources.judges.remote import PLAIN, UNNOTED, Remote, is_named, number_of

Form = Any
"""A value as JSON has it: null, a boolean, a number, a text, or an array that names its kind."""

EXACT = 2**53  # every JSON reader has whole numbers up to here
CONTAINERS: dict[str, Any] = {
    kind.__name__: kind
    for kind in (
        list,
        set,
        bytearray,
        dict,
        collections.deque,
        collections.OrderedDict,
        collections.Counter,
        collections.defaultdict,
    )
}
ITERATORS = (types.GeneratorType, map, filter, zip, enumerate, reversed)
CLASSES = {kind.__name__: kind for kind in (*PLAIN, *ITERATORS)}
FACTORIES = {kind.__name__: kind for kind in (int, float, str, list, dict, set, tuple, bool)}
VIEWS: tuple[type, ...] = (type({}.keys()), type({}.items()))
CONSTANTS = (Ellipsis, NotImplemented)

PARTS: dict[tuple[str, str], Callable[[Any], Iterable[Any]]] = {
    ("decimal", "Decimal"): lambda value: (str(value),),
    ("fractions", "Fraction"): lambda value: (value.numerator, value.denominator),
    ("datetime", "date"): lambda value: (value.year, value.month, value.day),
    ("datetime", "datetime"): lambda value: (*value.timetuple()[:6], value.microsecond),
    ("datetime", "time"): lambda value: (
        value.hour,
        value.minute,
        value.second,
        value.microsecond,
    ),
    ("datetime", "timedelta"): lambda value: (value.days, value.seconds, value.microseconds),
    ("uuid", "UUID"): lambda value: (str(value),),
    ("pathlib", "PosixPath"): lambda value: (str(value),),
}
"""Values of the standard library, by module and class: what they are built from."""

ARRAY_KINDS = "biufcSU"  # numpy's types that hold no objects


class CrossingError(BaseException):
    """What the other side sent is not of the format."""


class Gone(BaseException):
    """The other side has ended, or has closed its pipe."""


class Met:
    """The containers of one request and its reply, in the order in which both sides meet them."""

    def __init__(self) -> None:
        self.values: list[Any] = []
        self.places: dict[int, int] = {}

    def add(self, value: Any) -> None:
        """Give a container the next place."""
        self.places[id(value)] = len(self.values)
        self.values.append(value)


class Server(Protocol):
    """What an end of the pipes does at the other's request."""

    def __call__(self, operation: str, arguments: list[Any]) -> Any:
        """Return the value, or raise."""


class Crossing:
    """One end of the two pipes.

    Parameters
    ----------
    incoming, outgoing : int
        Descriptors.
    serve : callable
        Does what the other end requests.
    is_tested : bool
        Whether this is the program's end. It trusts the other, and what it prints at a request
        is sent with the reply, for the tests to print or catch.

    Attributes
    ----------
    notes : set of str
        What has been done here with objects of the other end that they could lie about.
    failure : Gone or CrossingError or None
        Why the other end is of no more use, whatever a test has made of the exception.
    """

    def __init__(
        self, incoming: int, outgoing: int, *, serve: Server, is_tested: bool = False
    ) -> None:
        self._incoming, self._outgoing = os.fdopen(incoming, "rb"), outgoing
        self._serve, self._is_tested = serve, is_tested
        self.notes: set[str] = set()
        self.failure: Gone | CrossingError | None = None
        self._own: list[Any] = []
        self._numbers: dict[int, int] = {}
        self._others: dict[int, Any] = {}

    def ask(self, operation: str, *arguments: Any) -> Any:
        """Do something with a remote object, and note what, if the object could lie by its answer.

        Parameters
        ----------
        operation : str
            One of :data:`equal_assets.resources.judges.remote.OPERATIONS`.
        *arguments : Any
            The remote object among them, mostly the first.
        """
        value = self.request(operation, *arguments)
        if operation in UNNOTED or (operation == "call" and is_named(arguments[0])):
            return value
        if operation in ("get", "set", "delete"):
            self.notes.add(f"{operation} {arguments[1]}")
        elif operation in ("call", "enter", "exit", "setitem", "delitem"):
            self.notes.add(operation)
        else:
            others = {type(value).__name__ for value in arguments if type(value) is not Remote}
            self.notes.add(f"{operation} {' '.join(sorted(others)) or 'object'}")
        return value

    def request(self, operation: str, *arguments: Any) -> Any:
        """Let the other end do something; return its value, or raise what it raised."""
        try:
            is_raised, value = self._requested(operation, arguments)
        except (Gone, CrossingError) as failure:
            self.failure = failure
            raise
        if is_raised:
            raise value
        return value

    def _requested(self, operation: str, arguments: tuple[Any, ...]) -> tuple[bool, Any]:
        """Return the value that the other end returns, or the exception that it raises."""
        met = Met()
        self.send(["request", operation, [self._packed(value, met) for value in arguments]])
        match self.receive():
            case [("value" | "raised") as how, str() as printed, dict() as changed, form]:
                sys.stdout.write(printed)
                for place, contents in changed.items():
                    self._fill(_at(met.values, place), contents, met)
                value = self._unpacked(form, met)
                if how == "value" or isinstance(value, BaseException):
                    return how == "raised", value
        raise CrossingError("a reply that is none")

    def send(self, message: Form) -> None:
        """Send a message."""
        line = json.dumps(message, ensure_ascii=False).encode(errors="surrogatepass") + b"\n"
        try:
            while line:
                line = line[os.write(self._outgoing, line) :]
        except OSError as error:
            raise Gone from error

    def receive(self) -> Form:
        """Return the next message that is no request; do what is requested before."""
        while True:
            try:
                line = self._incoming.readline()
            except OSError as error:
                raise Gone from error
            if not line.endswith(b"\n"):
                raise Gone
            try:
                message = json.loads(line.decode(errors="surrogatepass"))
            except ValueError as error:
                raise CrossingError("a message that is no JSON") from error
            match message:
                case ["request", str() as operation, list() as arguments]:
                    self.send(self._reply(operation, arguments))
                case _:
                    return message

    def _reply(self, operation: str, forms: list[Form]) -> Form:
        met = Met()
        arguments = [self._unpacked(form, met) for form in forms]
        before = [json.dumps(self._contents(value, met)) for value in met.values]
        printed = io.StringIO()
        catching = contextlib.redirect_stdout(printed) if self._is_tested else None
        try:
            with catching or contextlib.nullcontext():
                how, value = "value", self._serve(operation, arguments)
        except (Gone, CrossingError):
            raise
        except BaseException as error:  # noqa: BLE001 - it is for the other end to handle
            how, value = "raised", error
        now = [self._contents(met.values[place], met) for place in range(len(before))]
        changed = {n: form for n, form in enumerate(now) if json.dumps(form) != before[n]}
        return [how, printed.getvalue(), changed, self._packed(value, met)]

    # Values into forms

    def _packed(self, value: Any, met: Met) -> Form:
        kind = type(value)
        if value is None or kind in (bool, float, str):
            return value
        if kind is int:
            return value if -EXACT <= value <= EXACT else ["int", hex(value)]
        if kind is tuple or kind is frozenset:
            return [kind.__name__, *(self._packed(item, met) for item in value)]
        if CONTAINERS.get(kind.__name__) is kind:
            if id(value) in met.places:
                return ["same", met.places[id(value)]]
            met.add(value)
            return self._contents(value, met)
        if kind is Remote:
            return ["yours", number_of(value)]
        if kind in (complex, bytes, range, slice):
            return self._packed_scalar(value)
        if (kind.__module__, kind.__name__) in PARTS and getattr(value, "tzinfo", None) is None:
            parts = PARTS[kind.__module__, kind.__name__](value)
            return ["parts", kind.__module__, kind.__name__, *parts]
        if kind in VIEWS:
            return [kind.__name__, *(self._packed(item, met) for item in value)]
        if kind.__module__ == "numpy" and (form := self._packed_array(value)) is not None:
            return form
        if isinstance(value, BaseException):
            return self._packed_exception(value, met)
        return self._packed_object(value)

    def _contents(self, value: Any, met: Met) -> Form:
        """Return the form of a container that has its place already."""
        name = type(value).__name__
        if isinstance(value, bytearray):
            return [name, value.hex()]
        head: list[Form] = [name]
        if isinstance(value, collections.deque):
            head.append(value.maxlen)
        if isinstance(value, collections.defaultdict):
            factory = getattr(value.default_factory, "__name__", "")
            head.append(factory if FACTORIES.get(factory) is value.default_factory else None)
        items = value
        if isinstance(value, dict):
            items = [part for pair in dict.items(value) for part in pair]
        return head + [self._packed(item, met) for item in items]

    def _packed_scalar(self, value: Any) -> Form:
        match value:
            case complex():
                return ["complex", value.real, value.imag]
            case bytes():
                return ["bytes", value.hex()]
        bounds = (value.start, value.stop, value.step)
        return [type(value).__name__, *(self._packed(bound, Met()) for bound in bounds)]

    def _packed_array(self, value: Any) -> Form:
        """Return the form of numpy's numbers and arrays of numbers; None of its other objects."""
        numpy = sys.modules["numpy"]
        if isinstance(value, numpy.generic):
            item = value.item()
            return self._packed(item, Met()) if type(item).__module__ == "builtins" else None
        if type(value) is numpy.ndarray and value.dtype.kind in ARRAY_KINDS:
            content = base64.b64encode(value.tobytes()).decode()
            return ["array", value.dtype.str, list(value.shape), content]
        return None

    def _packed_exception(self, error: BaseException, met: Met) -> Form:
        try:
            said = str(error)
        except BaseException as second:  # noqa: BLE001 - the exception's class is not ours
            said = type(second).__name__
        args = tuple(error.args) if isinstance(error.args, tuple) else ()
        facts = {name: fact for name, fact in vars(error).items() if isinstance(name, str)}
        return [
            "error",
            self._packed_object(type(error)),
            said,
            self._packed(args, met),
            self._packed(facts, met),
        ]

    def _packed_object(self, value: Any) -> Form:
        name = getattr(value, "__name__", None) if callable(value) else None
        if isinstance(name, str) and getattr(builtins, name, None) is value:
            return ["builtin", name]
        if any(value is constant for constant in CONSTANTS):
            return ["builtin", repr(value)]
        if id(value) not in self._numbers:
            self._numbers[id(value)] = len(self._own)
            self._own.append(value)  # which also keeps its id its own
        number = self._numbers[id(value)]
        if isinstance(value, type) and issubclass(value, BaseException):
            base = next(kind for kind in value.__bases__ if issubclass(kind, BaseException))
            return ["exception", number, value.__name__, self._packed_object(base)]
        kind = type(value)
        named = (known.__name__ for known in (*PLAIN, *ITERATORS) if issubclass(kind, known))
        what = "coroutine" if kind is types.CoroutineType else next(named, None)
        return ["object", number, what]

    # Forms into values

    def _unpacked(self, form: Form, met: Met) -> Any:
        if form is None or isinstance(form, bool | int | float | str):
            return form
        try:
            return self._built(form, met)
        except (IndexError, KeyError, TypeError, ValueError, OverflowError) as error:
            raise CrossingError(f"a value that is none: {error}") from error

    def _built(self, form: Form, met: Met) -> Any:
        match form:
            case ["tuple", *items]:
                return tuple([self._unpacked(item, met) for item in items])
            case ["frozenset", *items]:
                return frozenset([self._unpacked(item, met) for item in items])
            case ["dict_keys", *items]:
                return dict.fromkeys([self._unpacked(item, met) for item in items]).keys()
            case ["dict_items", *items]:
                return dict([self._unpacked(item, met) for item in items]).items()
            case ["int", str() as digits]:
                return int(digits, 16)
            case ["complex", float() as real, float() as imaginary]:
                return complex(real, imaginary)
            case ["bytes", str() as digits]:
                return bytes.fromhex(digits)
            case [("range" | "slice") as name, start, stop, step]:
                bounds = (self._unpacked(bound, Met()) for bound in (start, stop, step))
                return (range if name == "range" else slice)(*bounds)
            case ["parts", str() as module, str() as name, *parts] if (module, name) in PARTS:
                if not all(isinstance(part, int | str) for part in parts):
                    raise ValueError(f"{name} of {parts}")
                return getattr(importlib.import_module(module), name)(*parts)
            case ["array", str() as kind, list() as shape, str() as content]:
                return _array(kind, shape, content)
            case ["same", int() as place]:
                return _at(met.values, place)
            case ["yours", int() as number]:
                return _at(self._own, number)
            case ["builtin", str() as name]:
                return self._builtin(name)
            case ["exception", int() as number, str() as name, base]:
                return self._exception_class(number, name, base)
            case ["error", kind, str() as said, args, facts]:
                return self._exception(kind, said, args, facts, met)
            case ["object", int() as number, (str() | None) as what]:
                return self._object(number, what)
            case [str() as name, *_] if name in CONTAINERS:
                maximum = {"maxlen": form[1]} if name == "deque" else {}
                container = CONTAINERS[name](**maximum)
                met.add(container)
                self._fill(container, form, met)
                return container
        raise ValueError(str(form)[:40])

    def _fill(self, container: Any, form: Form, met: Met) -> None:
        """Give a container the contents of a form of its kind."""
        name, *rest = form
        if type(container) is not CONTAINERS.get(name):
            raise CrossingError(f"a {name} in place of a {type(container).__name__}")
        if isinstance(container, bytearray):
            container[:] = bytes.fromhex(rest[0])
            return
        if isinstance(container, collections.defaultdict):
            container.default_factory = FACTORIES.get(rest[0]) or container.default_factory
        if isinstance(container, collections.deque | collections.defaultdict):
            rest = rest[1:]
        items = [self._unpacked(item, met) for item in rest]
        container.clear()
        if isinstance(container, dict):
            for key, value in zip(items[::2], items[1::2], strict=True):
                dict.__setitem__(container, key, value)
        elif isinstance(container, set):
            container.update(items)
        else:
            container.extend(items)

    def _builtin(self, name: str) -> Any:
        """Return what Python calls by a name; of the program, a class or a constant."""
        found = vars(builtins)[name]
        is_constant = any(found is constant for constant in CONSTANTS)
        if not (self._is_tested or isinstance(found, type) or is_constant):
            raise ValueError(name)
        return found

    def _exception_class(self, number: int, name: str, base: Form) -> type[BaseException]:
        """Return a class of this side that stands for an exception class of the other."""
        if number not in self._others:
            above = self._unpacked(base, Met())
            if not (isinstance(above, type) and issubclass(above, BaseException)):
                raise ValueError(name)
            self._others[number] = type(name, (above,), {"__str__": _said})
        found = self._others[number]
        if not isinstance(found, type):
            raise TypeError(name)
        return found

    def _exception(self, kind: Form, said: str, args: Form, facts: Form, met: Met) -> BaseException:
        cls, arguments = self._unpacked(kind, met), self._unpacked(args, met)
        own = self._unpacked(facts, met)
        if not (isinstance(cls, type) and issubclass(cls, BaseException)):
            raise TypeError(kind)
        try:
            error = cls(*arguments)
        except (TypeError, ValueError):
            error = Exception(said)
        vars(error).update(own)
        vars(error)["_said"] = said
        return error

    def _object(self, number: int, what: str | None) -> Any:
        if number not in self._others:
            remote = Remote(self.ask, number, CLASSES.get(what or ""))
            self._others[number] = _awaited(remote, self) if what == "coroutine" else remote
        return self._others[number]


def _at(values: list[Any], place: int | str) -> Any:
    """Return the value at a place that the other side names."""
    if int(place) < 0:
        raise IndexError(place)
    return values[int(place)]


def _array(kind: str, shape: list[int], content: str) -> Any:
    numpy = importlib.import_module("numpy")
    dtype = numpy.dtype(kind)
    if dtype.kind not in ARRAY_KINDS:
        raise ValueError(kind)
    return numpy.frombuffer(base64.b64decode(content), dtype).reshape(shape).copy()


async def _awaited(remote: Remote, end: Crossing) -> Any:
    """Run a coroutine of the other side to its end."""
    return end.request("run", remote)


def _said(error: BaseException) -> str:
    """Return what the exception that this one stands for says."""
    return str(vars(error).get("_said", error.args))
