"""A row of a target as a pair: whatever its fields are, a question and an answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from equal_assets.records import Option, QAPair, RejectedRow
from equal_assets.resources.corpora.mapping import qa_pair
from equal_assets.resources.corpora.places import base_folder, shown_path
from equal_assets.resources.targets.layout import Layout, layout_of
from equal_assets.resources.targets.mistakes import refuse
from equal_assets.resources.targets.options import Keyed, key_reading, keyed
from equal_assets.resources.targets.rows import read_rows_of
from equal_assets.resources.targets.turns import Turn, as_question, is_chat, split_chat, turns_of
from equal_assets.resources.targets.values import (
    Row,
    field_value,
    optional_value,
    right_answers,
    text_of,
    unpacked,
)
from equal_assets.settings import TargetSettings

LOOKED_AT_ROWS = 20
"""From which the layout of a file is known."""

Options = tuple[Option, ...]


@dataclass(frozen=True)
class PairReader:
    """Makes a pair and its options of a row.

    Attributes
    ----------
    layout : Layout
    choice_key : str
        How the keys of options are read.
    keep_system : bool
    """

    layout: Layout
    choice_key: str
    keep_system: bool

    def read(self, values: Row) -> tuple[QAPair, Options]:
        """Return the pair, and its options or further right answers.

        Raises
        ------
        ValueError
            If a field is missing or holds what cannot be read.
        """
        fields = self.layout
        if fields.format == "chat":
            turns = turns_of(field_value(values, fields.question_field), fields.question_field)
            before, answer = split_chat(turns, fields.question_field)
            asked = self._asked(before)
            return self._pair(values, asked, answer), ()
        question = self._question(values)
        if fields.choices_field is not None:
            options = keyed(values, fields.choices_field, fields.answer_field).options(
                self.choice_key
            )
            asked = "\n".join([question, *(option.shown for option in options)])
            right = next(option for option in options if option.is_right)
            return self._pair(values, asked, right.shown), options
        answers = self._answers(values)
        more = tuple(Option(None, answer, is_right=True) for answer in answers[1:])
        return self._pair(values, question, answers[0]), more

    def _pair(self, values: Row, question: str, answer: str) -> QAPair:
        """Return the pair, whose halves are checked below the names of their fields."""
        asks, answers = self.layout.question_field, self.layout.answer_field
        if self.layout.format == "chat":
            answers = f"{answers} (last turn)"
        before = [self._before(values, name) for name in self.layout.before]
        asked = "\n\n".join([*filter(None, before), question])
        return qa_pair({asks: asked, answers: answer}, asks, answers)

    def _question(self, values: Row) -> str:
        name, below = self.layout.question_field, self.layout.input_field
        value = field_value(values, name)
        if is_chat(value):
            value = self._asked(turns_of(value, name))
        if isinstance(value, Mapping):
            text_of(value, name)  # raises, and names the fields in it
        if not isinstance(value, str):
            raise ValueError(f"{name!r} is not a string")
        if not value.strip():
            raise ValueError(f"{name!r} is empty")
        given = optional_value(values, below) if below else None
        if given is None:
            return value
        if not isinstance(given, str):
            raise ValueError(f"{below!r} is not a string")
        return value if given.strip() in value else f"{value.strip()}\n\n{given.strip()}"

    def _asked(self, turns: Sequence[Turn]) -> str:
        return as_question(turns, self.layout.question_field, keep_system=self.keep_system)

    def _answers(self, values: Row) -> list[str]:
        name = self.layout.answer_field
        value = field_value(values, name)
        if is_chat(value):
            return [split_chat(turns_of(value, name), name)[1]]
        return right_answers(value, name)

    def _before(self, values: Row, name: str) -> str:
        held = values.get(name)
        if not held or (name == "system" and not self.keep_system):
            return ""
        if isinstance(unpacked(held), list):
            return "\n\n".join(f"User: {q}\n\nAssistant: {a}" for q, a in unpacked(held))
        return str(held).strip()


def readers(target: TargetSettings) -> tuple[PairReader, PairReader]:
    """Return the readers of both files; keys of options that have the same field are read alike.

    Raises
    ------
    CorpusError
        If several fields could hold the same, or keys could mean different options.
    """
    base = base_folder()
    paths = [Path(path) for path in (target.reference, target.test)]
    found = [_layout(path, shown_path(path, base), target) for path in paths]
    keys = [_keyed(path, layout) for path, layout in zip(paths, found, strict=True)]
    if found[0].answer_field == found[1].answer_field:
        keys = [[*keys[0], *keys[1]]] * 2
    readers = []
    for path, layout, of_file in zip(paths, found, keys, strict=True):
        try:
            reading = key_reading(of_file, target.choice_key)
        except ValueError as error:
            refuse([f"{shown_path(path, base)}: {error}"])
            raise
        readers.append(PairReader(layout, reading, target.keep_system))
    return readers[0], readers[1]


def first_rows(path: Path) -> tuple[list[Row], list[RejectedRow]]:
    """Return the first rows of a file, and those of them that cannot be used."""
    first = list(islice(read_rows_of(path, path.name), LOOKED_AT_ROWS))
    rows: list[Row] = [item[1] for item in first if not isinstance(item, RejectedRow)]
    return rows, [item for item in first if isinstance(item, RejectedRow)]


def _layout(path: Path, file: str, target: TargetSettings) -> Layout:
    rows, _ = first_rows(path)
    try:
        return layout_of(rows, target)
    except ValueError as error:
        refuse([f"{file}: {error}"])
        raise


def _keyed(path: Path, layout: Layout) -> list[Keyed]:
    """Return what the keys of a file may mean, without rows that cannot be read."""
    if layout.choices_field is None:
        return []
    found = []
    for item in read_rows_of(path, path.name):
        if not isinstance(item, RejectedRow):
            try:
                found.append(keyed(item[1], layout.choices_field, layout.answer_field))
            except ValueError:
                continue  # reported with its row when the pairs are read
    return found
