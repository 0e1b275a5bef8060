"""An object of the other process: whatever is done with it here is requested over the pipes."""

from __future__ import annotations

import builtins
import copy
import importlib
import operator
from collections.abc import Callable, Iterator
from typing import Any

Request = Callable[..., Any]


def _whole(kind: Any) -> Callable[[Any], Any]:
    return lambda value: kind.__getitem__(value, slice(None))


PLAIN_VALUES: dict[type, Callable[[Any], Any]] = {
    **{kind: kind.__pos__ for kind in (int, float, complex)},
    **{kind: _whole(kind) for kind in (str, bytes, bytearray, tuple, list)},
    set: lambda value: set(set.__iter__(value)),
    frozenset: lambda value: frozenset(frozenset.__iter__(value)),
    dict: lambda value: dict(dict.items(value)),
}
"""How an object of a subclass becomes one of the built-in class, whatever its own methods do."""

PLAIN = tuple(PLAIN_VALUES)
COMPARISONS = ("eq", "ne", "lt", "le", "gt", "ge")
ARITHMETIC = (
    *("add", "sub", "mul", "truediv", "floordiv", "mod", "pow", "divmod", "matmul"),
    *("and", "or", "xor", "lshift", "rshift"),
)
CONVERSIONS = (
    *("int", "float", "complex", "index", "bool", "len", "hash", "str", "repr", "format", "round"),
    *("neg", "pos", "abs", "invert", "iter", "next", "getitem"),
)
"""What an object tells without being told anything that it could agree with."""

OPERATIONS: dict[str, Callable[..., Any]] = {
    **{
        name: getattr(builtins, name, None) or getattr(operator, f"__{name}__")
        for name in (*COMPARISONS, *ARITHMETIC, *CONVERSIONS)
    },
    "call": lambda called, args, keywords: called(*args, **keywords),
    "get": getattr,
    "set": setattr,
    "delete": delattr,
    "setitem": operator.setitem,
    "delitem": operator.delitem,
    "contains": operator.contains,
    "has contains": lambda value: hasattr(type(value), "__contains__"),
    "plain": lambda value: plain(value),
    "copy": copy.copy,
    "deepcopy": copy.deepcopy,
    "isinstance": lambda cls, value: isinstance(value, cls),
    "issubclass": lambda cls, other: issubclass(other, cls),
    "enter": lambda value: value.__enter__(),
    "exit": lambda value, *how: value.__exit__(*how),
    "run": lambda coroutine: importlib.import_module("asyncio").run(coroutine),
}
UNNOTED = {*CONVERSIONS, "has contains", "plain", "copy", "deepcopy", "run"}


def plain(value: Any) -> Any:
    """Return the value that an object of a subclass of a built-in class has as one of that."""
    return next(take(value) for kind, take in PLAIN_VALUES.items() if isinstance(value, kind))


class Remote:
    """Stands for an object of the other side.

    Parameters
    ----------
    request : callable
        Takes the name of an operation, the remote object and further arguments.
    number : int
        Of the object on the other side.
    base : type or None
        The built-in class that the object's own is derived from. If it is a plain one, comparisons
        with plain values are made here, with the object's plain value.
    """

    __slots__ = ("__base", "__is_named", "__number", "__request")

    def __init__(self, request: Request, number: int, base: type | None) -> None:
        self.__request, self.__number, self.__base = request, number, base
        self.__is_named = False

    @property  # type: ignore[misc]
    def __class__(self) -> type:
        return self.__base or Remote

    def __call__(self, *args: Any, **keywords: Any) -> Any:  # noqa: D102 - the object's own
        return self.__request("call", self, args, keywords)

    def __getattr__(self, name: str) -> Any:
        return self.__request("get", self, name)

    def __setattr__(self, name: str, value: Any) -> None:
        if name in ("_Remote__base", "_Remote__is_named", "_Remote__number", "_Remote__request"):
            object.__setattr__(self, name, value)
        else:
            self.__request("set", self, name, value)

    def __delattr__(self, name: str) -> None:
        self.__request("delete", self, name)

    def __contains__(self, value: Any) -> bool:
        if self.__base in PLAIN:
            return value in self.__request("plain", self)
        if self.__request("has contains", self):
            return bool(self.__request("contains", self, value))
        return any(item is value or item == value for item in self)

    def __setitem__(self, key: Any, value: Any) -> None:
        self.__request("setitem", self, key, value)

    def __delitem__(self, key: Any) -> None:
        self.__request("delitem", self, key)

    def __copy__(self) -> Any:
        return self.__request("copy", self)

    def __deepcopy__(self, memo: dict[int, Any]) -> Any:
        return self.__request("deepcopy", self)

    def __reduce_ex__(self, protocol: Any) -> Any:
        raise TypeError("an object of the other process cannot be pickled")

    def __instancecheck__(self, instance: Any) -> bool:
        return bool(self.__request("isinstance", self, instance))

    def __subclasscheck__(self, subclass: Any) -> bool:
        return bool(self.__request("issubclass", self, subclass))

    def __enter__(self) -> Any:
        return self.__request("enter", self)

    def __exit__(self, kind: Any, error: Any, _: Any) -> Any:
        return self.__request("exit", self, kind, error, None)

    def __iter__(self) -> Iterator[Any]:
        return self.__request("iter", self)

    def __next__(self) -> Any:
        return self.__request("next", self)


def number_of(remote: Remote) -> int:
    """Return the number of the object on the other side."""
    return remote._Remote__number


def mark_named(remote: Remote) -> None:
    """Mark an object as one that the tests name: to call it is what they are for."""
    remote._Remote__is_named = True


def is_named(remote: Remote) -> bool:
    """Tell whether the tests name this object."""
    return remote._Remote__is_named


def _comparison(name: str) -> Callable[..., Any]:
    def compare(self: Remote, other: Any) -> Any:
        if type(other) is not Remote and self._Remote__base in PLAIN:
            return OPERATIONS[name](self._Remote__request("plain", self), other)
        return self._Remote__request(name, self, other)

    return compare


def _operation(name: str, *, is_reflected: bool = False) -> Callable[..., Any]:
    def operate(self: Remote, *others: Any) -> Any:
        request = self._Remote__request
        return request(name, *others, self) if is_reflected else request(name, self, *others)

    return operate


for _name in COMPARISONS:
    setattr(Remote, f"__{_name}__", _comparison(_name))
for _name in ARITHMETIC:
    setattr(Remote, f"__{_name}__", _operation(_name))
    setattr(Remote, f"__r{_name}__", _operation(_name, is_reflected=True))
for _name in CONVERSIONS:
    if _name not in ("iter", "next"):
        setattr(Remote, f"__{_name}__", _operation(_name))
