"""Options of a question: read from the shapes of MMLU, ARC and others, and which of them is right.

The key that says which is right may be a label, the text, or a number from 0 or 1. Which of these
it is, is declared, or read off all rows; where more than one fits, nothing is guessed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from string import ascii_uppercase
from typing import Any

from equal_assets.records import Option
from equal_assets.resources.targets.values import Row, field_value, text_of, unpacked

MOST_OPTIONS = len(ascii_uppercase)
TEXT_KEYS = ("text", "content", "value", "option", "choice", "answer")
LABEL_KEYS = ("label", "key", "letter", "id", "option_id")
NUMBERED = {"from_0": 0, "from_1": 1}
PREFIX = re.compile(r"\(?([A-Za-z])[).:]\s*(?=\S)")
LABELED = re.compile(r"[(\[]?(\w+)[)\].:]+\s*(.*)", re.DOTALL)


@dataclass(frozen=True)
class Keyed:
    """The options of a row, and what its key may mean.

    Attributes
    ----------
    labels, texts : tuple of str
        Of the options, in their order.
    key : str
        As a message shows it.
    readings : dict
        How the key can be read -> places of the right options.
    """

    labels: tuple[str, ...]
    texts: tuple[str, ...]
    key: str
    readings: dict[str, tuple[int, ...]]

    def options(self, reading: str) -> tuple[Option, ...]:
        """Return the options.

        Raises
        ------
        ValueError
            If the key, read so, names none of them.
        """
        if reading not in self.readings:
            shown = ", ".join(
                f"{label}. {text}" for label, text in zip(self.labels, self.texts, strict=True)
            )
            raise ValueError(f"{self.key}: must be the {SAID[reading]} of one of {shown}")
        right = self.readings[reading]
        return tuple(
            Option(label, text, place in right)
            for place, (label, text) in enumerate(zip(self.labels, self.texts, strict=True))
        )


SAID = {
    "label": "label",
    "text": "text",
    "from_0": "number from 0",
    "from_1": "number from 1",
}
"""How a key can be read, in people's words; the order is the one in which messages list it."""


def keyed(row: Row, choices: str | Sequence[str], answer_field: str) -> Keyed:
    """Return the options of a row, and what its key may mean.

    Raises
    ------
    ValueError
        If there are not 2 to 26 different options, or there is no key.
    """
    given, texts = _options(row, choices)
    name = choices if isinstance(choices, str) else ", ".join(choices)
    if not 2 <= len(texts) <= MOST_OPTIONS:
        raise ValueError(f"{name!r} holds {len(texts)} options: must be 2 to {MOST_OPTIONS}")
    if len({_folded(text) for text in texts}) < len(texts) or not all(map(_folded, texts)):
        raise ValueError(f"{name!r} = {texts}: must be options that differ, none of them empty")
    value = field_value(row, answer_field)
    keys = value if isinstance(value, list) else [value]
    if not keys or any(key is None or not text_of(key, answer_field).strip() for key in keys):
        raise ValueError(f"{answer_field!r} is empty")
    if not isinstance(choices, str) and answer_field in choices:
        # among the options as in SciQ: in another order, or the right one would always be A
        texts = sorted(texts)
    labels = _labels(given, len(texts))
    found = {
        reading: tuple(_place(key, reading, given, labels, texts) for key in keys)
        for reading in SAID
    }
    if given and None not in found["label"]:  # labels that the row gives, such as ARC's 1 to 4
        found = {reading: found[reading] for reading in SAID if reading not in NUMBERED}
    return Keyed(
        labels=labels,
        texts=tuple(texts),
        key=f"{answer_field} = {value!r}",
        readings={
            reading: tuple(place for place in places if place is not None)
            for reading, places in found.items()
            if None not in places
        },
    )


def key_reading(rows: Iterable[Keyed], declared: str) -> str:
    """Return how the keys are read: as declared, or in the one way that fits most rows.

    Raises
    ------
    ValueError
        If several ways fit as many rows, but mean different options.
    """
    if declared != "auto":
        return declared
    rows = list(rows)
    fits = {reading: sum(reading in row.readings for row in rows) for reading in SAID}
    best = [reading for reading in SAID if fits[reading] == max(fits.values())]
    for row in rows:
        meant: dict[tuple[int, ...], str] = {}
        for reading in best:
            if reading in row.readings:
                meant.setdefault(row.readings[reading], reading)
        if len(meant) > 1:
            shown = " or ".join(
                f"the {SAID[reading]} ({', '.join(row.texts[place] for place in places)})"
                for places, reading in meant.items()
            )
            raise ValueError(
                f"{row.key} can be {shown}: set choice_key to {' or '.join(meant.values())}"
            )
    return best[0]


def _options(row: Row, choices: str | Sequence[str]) -> tuple[list[str] | None, list[str]]:
    """Return the labels that the row gives, if any, and the texts."""
    if not isinstance(choices, str):
        values = [(name, row.get(name)) for name in choices]
        texts = [text_of(value, name) for name, value in values if value not in (None, "")]
        return None, texts
    value = unpacked(field_value(row, choices))
    if isinstance(value, Mapping):
        value = {name: held for name, held in value.items() if held is not None}
        listed, labels = (_list_in(value, names) for names in (TEXT_KEYS, LABEL_KEYS))
        if listed is not None:
            if labels is not None and len(labels) != len(listed):
                raise ValueError(f"{choices!r}: {len(labels)} labels and {len(listed)} options")
            return labels, listed
        return list(value), [text_of(text, f"{choices}.{name}") for name, text in value.items()]
    if not isinstance(value, list):
        raise ValueError(f"{choices!r} is {type(value).__name__}: must be a list or an object")
    if value and all(isinstance(option, Mapping) for option in value):
        texts = [_field(option, TEXT_KEYS, choices) for option in value]
        has_labels = any(name in value[0] for name in LABEL_KEYS)
        return [_field(o, LABEL_KEYS, choices) for o in value] if has_labels else None, texts
    return _without_prefixes([text_of(option, choices) for option in value])


def _list_in(value: Mapping[str, Any], names: Sequence[str]) -> list[str] | None:
    for name in names:
        for held in (value.get(name), value.get(f"{name}s")):
            if isinstance(held, list):
                return [text_of(item, name) for item in held]
    return None


def _field(option: Mapping[str, Any], names: Sequence[str], choices: str) -> str:
    found = next((name for name in names if option.get(name) is not None), None)
    if found is None:
        raise ValueError(f"{choices!r} holds {dict(option)!r}: must have one of {', '.join(names)}")
    return text_of(option[found], f"{choices}.{found}")


def _without_prefixes(texts: list[str]) -> tuple[list[str] | None, list[str]]:
    """Take ``A) `` and the like off the options, if they all have their own."""
    found = [PREFIX.match(text.strip()) for text in texts]
    letters = [match[1].upper() if match else "" for match in found]
    if not texts or letters != list(ascii_uppercase[: len(texts)]):
        return None, texts
    return letters, [PREFIX.sub("", text.strip(), count=1) for text in texts]


def _labels(given: Sequence[str] | None, n_options: int) -> tuple[str, ...]:
    """Return the letters of options: as the row gives them, else in their order."""
    letters = [label.strip().strip("().:").upper() for label in given or ()]
    if {*letters} <= {*ascii_uppercase} and len({*letters}) == n_options:
        return tuple(letters)
    return tuple(ascii_uppercase[:n_options])


def _place(
    key: Any, reading: str, given: Sequence[str] | None, labels: Sequence[str], texts: Sequence[str]
) -> int | None:
    """Return the place of the option that a key names, if it is read in one way."""
    said = text_of(key, "key").strip()
    if reading in NUMBERED:
        if isinstance(key, bool) or not re.fullmatch(r"\d{1,2}", said):
            return None
        place = int(said) - NUMBERED[reading]
        return place if 0 <= place < len(texts) else None
    folded = [_folded(text) for text in texts]
    if reading == "text":
        return folded.index(_folded(said)) if _folded(said) in folded else None
    labeled = LABELED.fullmatch(said)
    label, text = (labeled[1], labeled[2]) if labeled else (said, "")
    for names in (given or (), labels):
        for place, name in enumerate(names):
            if _folded(name).strip("().:") == label.casefold() and (
                not text.strip() or _folded(text) == folded[place]
            ):
                return place
    return None


def _folded(text: str) -> str:
    return " ".join(text.casefold().split())
