"""The head of a GGUF file: which model it holds, read in a moment and without its weights.

The format: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md. The package `gguf` reads the
tokens of a vocabulary one by one, which takes ten seconds.
"""

from __future__ import annotations

import math
import mmap
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from equal_assets.errors import ModelError

MAGIC = b"GGUF"
VERSIONS = (2, 3)
NUMBERS = {
    0: "B",
    1: "b",
    2: "H",
    3: "h",
    4: "I",
    5: "i",
    6: "f",
    7: "?",
    10: "Q",
    11: "q",
    12: "d",
}
"""Types of values: the letter that `struct` has for each."""
STRING, ARRAY = 8, 9

SHAPE = (
    "block_count",
    "embedding_length",
    "attention.head_count",
    "attention.head_count_kv",
    "attention.key_length",
    "attention.value_length",
)
"""What decides the size of the cache."""


@dataclass(frozen=True)
class GGUFHead:
    """What a file says of its model.

    Attributes
    ----------
    architecture : str
    context_tokens : int or None
        That it was trained for.
    has_chat_template : bool
    parameters : int
    is_dense : bool
        Every parameter works on every token; in a mixture of experts, some do.
    cached_values : int or None
        Numbers that the cache of keys and values holds for a token; None if the file does not say,
        or layers differ.
    n_vocabulary : int
    """

    architecture: str
    context_tokens: int | None
    has_chat_template: bool
    parameters: int
    is_dense: bool
    cached_values: int | None
    n_vocabulary: int


def read_head(path: Path) -> GGUFHead:
    """Return what a file says of its model.

    Raises
    ------
    ModelError
        If it is none, holds no model or is cut off; the message says what to do.
    """
    wanted = f"extractor.model = {path}: must be a GGUF file"
    if not path.is_file():
        raise ModelError(f"{wanted}; there is none: name one, relative to campaigns.yaml")
    try:
        with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            return _Reader(data).head()
    except (OSError, ValueError) as error:
        raise ModelError(
            f"{wanted} with a language model; it cannot be read ({error}): get it again, whole"
        ) from error


class _Reader:
    """Reads values one after another."""

    def __init__(self, data: mmap.mmap) -> None:
        self._data = data
        self._at = 0

    def head(self) -> GGUFHead:
        if self._data[:4] != MAGIC:
            raise ValueError("its first bytes are not GGUF")
        self._at = 4
        version, n_tensors, n_values = self._unpack("IQQ")
        if version not in VERSIONS:
            raise ValueError(f"version {version}")
        found = {self._string(): self._value(self._number("I")) for _ in range(n_values)}
        parameters, last = 0, 0
        for _ in range(n_tensors):
            size, offset = self._tensor()
            parameters, last = parameters + size, max(last, offset)
        if n_tensors and self._at + last >= len(self._data):
            raise ValueError("it is cut off")
        architecture = str(found.get("general.architecture", ""))
        if not architecture or not parameters:
            raise ValueError("no weights in it")
        return GGUFHead(
            architecture,
            found.get(f"{architecture}.context_length"),
            "tokenizer.chat_template" in found,
            parameters,
            not found.get(f"{architecture}.expert_count"),
            _cached_values({name: found.get(f"{architecture}.{name}") for name in SHAPE}),
            len(found.get("tokenizer.ggml.tokens", ())),
        )

    def _tensor(self) -> tuple[int, int]:
        """Return how many numbers a tensor has, and where it begins among the tensors."""
        self._string()
        shape = self._unpack(f"{self._number('I')}Q")
        _, offset = self._unpack("IQ")
        return math.prod(shape), offset

    def _value(self, kind: int) -> Any:
        """Return a value; of a list, one as long."""
        if kind == STRING:
            return self._string()
        if kind != ARRAY:
            return self._number(NUMBERS[kind]) if kind in NUMBERS else self._unknown(kind)
        inner, length = self._unpack("IQ")
        if inner in NUMBERS:
            self._at += length * struct.calcsize(NUMBERS[inner])
        else:
            for _ in range(length):
                self._value(inner)
        return range(length)

    def _unknown(self, kind: int) -> Any:
        raise ValueError(f"a value of type {kind}")

    def _string(self) -> str:
        length = self._number("Q")
        self._at += length
        if self._at > len(self._data):
            raise ValueError("it is cut off")
        return self._data[self._at - length : self._at].decode("utf-8", "replace")

    def _number(self, letter: str) -> Any:
        return self._unpack(letter)[0]

    def _unpack(self, letters: str) -> tuple[Any, ...]:
        begin, self._at = self._at, self._at + struct.calcsize(f"<{letters}")
        if self._at > len(self._data):
            raise ValueError("it is cut off")
        return struct.unpack_from(f"<{letters}", self._data, begin)


def _cached_values(shape: dict[str, Any]) -> int | None:
    """Return the keys and values of a token: layers x heads x their widths."""
    layers, width, heads, key_value_heads, *lengths = shape.values()
    if not all(isinstance(number, int) and number for number in (layers, width, heads)):
        return None
    shared = heads if key_value_heads is None else key_value_heads
    if not isinstance(shared, int):  # a list: layers differ
        return None
    return sum(layers * shared * (length or width // heads) for length in lengths)
