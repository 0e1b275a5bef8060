"""Which fields of a target's rows hold question, input, options and answer."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from equal_assets.resources.targets.turns import is_chat
from equal_assets.resources.targets.values import (
    Row,
    has_field,
    is_null,
    optional_value,
    unpacked,
)
from equal_assets.settings import TargetSettings

QUESTIONS = ("question", "prompt", "instruction", "query", "problem", "input", "question_stem")
STEMS = (*QUESTIONS, "ctx", "goal", "sentence", "stem")
ANSWERS = (
    *("answer", "response", "completion", "output", "solution", "reply", "answers"),
    *("answer_number", "final_answer"),
)
KEYS = ("answer_key", "label", "gold", "correct_answer", "correct_option", "answer_idx", "cop")
INPUTS = ("input", "context", "passage", "article", "paragraph", "story", "body")
CHATS = ("messages", "conversations", "conversation", "dialog", "dialogue", "chat", "turns")
CHOICES = ("choices", "options", "endings", "answer_choices")
WRONG_ONES = ("distractor", "incorrect_answer", "wrong_answer")
"""Names of fields that are likely to hold what is sought, and beginnings of such names."""

COLUMN = re.compile(
    r"(?P<group>|option|choice|op|ending|sol|answer|candidate)(?P<place>[a-z]|\d{1,2})"
)
SEQUENCES = tuple(map(tuple, ("abcdefghijkl", "123456789", "012345678")))


@dataclass(frozen=True)
class Layout:
    """What the fields of a row are.

    Attributes
    ----------
    format : {"pairs", "chat", "choices"}
    question_field, answer_field : str
        Of a chat both the field of its turns.
    input_field : str or None
        Below the question.
    choices_field : str, tuple of str or None
    before : tuple of str
        Of Alpaca's and ShareGPT's ``system`` and ``history``, those that the rows have.
    """

    format: Literal["pairs", "chat", "choices"]
    question_field: str
    answer_field: str
    input_field: str | None = None
    choices_field: str | tuple[str, ...] | None = None
    before: tuple[str, ...] = field(default=())

    def fields(self) -> list[str]:
        """Return the fields that are read, each once."""
        choices = self.choices_field
        options = choices if isinstance(choices, tuple) else (choices,)
        named = (self.question_field, self.input_field, *options, self.answer_field)
        return list(dict.fromkeys([*self.before, *filter(None, named)]))

    def keys(self) -> dict[str, Any]:
        """Return the keys of a target that name this layout, without those with their default."""
        choices = self.choices_field
        named = {
            "question_field": self.question_field,
            "answer_field": self.answer_field,
            "input_field": self.input_field,
            "choices_field": list(choices) if isinstance(choices, tuple) else choices,
        }
        usual = {name: field.default for name, field in TargetSettings.model_fields.items()}
        return {name: value for name, value in named.items() if value != usual[name]}


def layout_of(rows: Sequence[Row], target: TargetSettings) -> Layout:
    """Return which fields hold what.

    Fields that are named in the settings are taken as they are named, and so are the default ones
    where the rows have them; others are recognized by their names and by what they hold.

    Parameters
    ----------
    rows : sequence of dict
        The first of a file.
    target : TargetSettings

    Raises
    ------
    ValueError
        If several fields could hold the same; the message lists them.
    """
    found = _Recognized(rows, target)
    choices = found.choices()
    chat = None if choices else found.chat()
    if chat:
        return Layout("chat", chat, chat, before=found.before())
    question = found.named("question_field", STEMS if choices else QUESTIONS)
    answer = found.named("answer_field", (*ANSWERS, *KEYS) if choices else ANSWERS)
    if choices == WRONG_ONES:
        choices = (answer, *found.wrong_ones())
    taken = {question, answer, *(choices if isinstance(choices, tuple) else (choices,))}
    return Layout(
        format="choices" if choices else "pairs",
        question_field=question,
        answer_field=answer,
        input_field=found.input(taken),
        choices_field=choices,
        before=found.before(),
    )


class _Recognized:
    """What the first rows of a file say."""

    def __init__(self, rows: Sequence[Row], target: TargetSettings) -> None:
        self.rows = rows
        self.target = target
        self.names = list(dict.fromkeys(str(name) for row in rows for name in row))
        self.names += self._inside_questions()

    def named(self, key: str, likely: Iterable[str]) -> str:
        """Return the field that a key names, or the one with a likely name if there is one.

        One that is null in all rows, or an object of likely fields, is passed over for another.
        """
        name: str = getattr(self.target, key)
        if key in self.target.model_fields_set or (self._is_held(name) and not self._inside(name)):
            return name
        found = [n for n in self._likely(likely) if self._is_held(n) and not self._inside(n)]
        return self._only(key, found) or name

    def chat(self) -> str | None:
        """Return the field of turns, if the rows are chats."""
        if self.target.format not in ("auto", "chat"):
            return None
        named, answer = self.target.question_field, self.target.answer_field
        is_named = "question_field" in self.target.model_fields_set
        if is_named and self._holds(named, is_chat):
            has_answer = any(has_field(row, answer) for row in self.rows)
            return None if has_answer and answer != named else named
        if self.target.format == "auto" and (is_named or self._is_pair()):
            return None
        chats = [name for name in self.names if self._holds(name, is_chat)]
        usual = [name for name in chats if name.casefold() in CHATS]
        prompts = [name for name in chats if name in QUESTIONS]
        if prompts and self._likely(ANSWERS):  # turns in one field, the answer in another
            return None
        chat = self._only("question_field", usual or chats)
        questions, answers = self._likely(QUESTIONS), self._likely(ANSWERS)
        if chat and questions and answers and self.target.format == "auto":
            raise ValueError(
                f"format = auto: can be the chat in {chat}, or pairs of "
                f"{' or '.join(questions)} with {' or '.join(answers)}; set question_field"
            )
        return chat

    def choices(self) -> str | tuple[str, ...] | None:
        """Return the field or fields of options, if there are any."""
        if self.target.choices_field is not None:
            given = self.target.choices_field
            return given if isinstance(given, str) else tuple(given)
        if self.target.format not in ("auto", "choices") or self.target.answers != "text":
            return None
        single = [name for name in self._likely(CHOICES) if self._holds(name, _may_be_options)]
        groups = [group for group in self._columns() if self.target.answer_field not in group]
        if self.wrong_ones():
            groups.append(WRONG_ONES)
        candidates: list[str | tuple[str, ...]] = [*single, *groups]
        if len(candidates) > 1:
            shown = " or ".join(str(list(c)) if isinstance(c, tuple) else c for c in candidates)
            raise ValueError(f"choices_field = not given: can be {shown}; name it")
        if not candidates and self.target.format == "choices":
            raise ValueError(f"choices_field = not given: must be one of {self._shown()}")
        return candidates[0] if candidates else None

    def wrong_ones(self) -> list[str]:
        """Return the fields of wrong answers that stand beside a right one, as in SciQ."""
        beginnings = {_folded(name) for name in WRONG_ONES}
        return [n for n in self.names if _folded(n).rstrip("0123456789") in beginnings]

    def input(self, taken: Iterable[str | None]) -> str | None:
        """Return the field that the question is about."""
        named = self.target.input_field
        if named is not None and not any(has_field(row, named) for row in self.rows):
            raise ValueError(f"input_field = {named}: must be a field of the rows: {self._shown()}")
        if named is not None or self.target.format == "pairs":
            return named
        free = [name for name in self._likely(INPUTS) if name not in set(taken)]
        return self._only("input_field", [n for n in free if self._holds(n, _is_text)])

    def before(self) -> tuple[str, ...]:
        """Return the fields of what was said before, as LlamaFactory names them."""
        if self.target.format == "pairs":
            return ()
        holds = {"system": _is_text, "history": _is_history}
        named = (self.target.question_field, self.target.answer_field, self.target.input_field)
        return tuple(n for n in holds if n not in named and self._holds(n, holds[n]))

    def _is_held(self, name: str) -> bool:
        """Tell whether any row holds something there."""
        return any(has_field(r, name) and not is_null(optional_value(r, name)) for r in self.rows)

    def _inside_questions(self) -> list[str]:
        """Return the fields of questions that are objects, as OpenBookQA publishes them."""
        return [
            f"{name}.{inner}"
            for name in self.names
            if _folded(name) in map(_folded, QUESTIONS) and self._holds(name, _is_object)
            for inner in dict.fromkeys(str(i) for row in self.rows for i in _object(row.get(name)))
        ]

    def _inside(self, name: str) -> list[str]:
        """Return the fields of a question that is an object."""
        return [other for other in self.names if other.startswith(f"{name}.")]

    def _is_pair(self) -> bool:
        """Tell whether the rows have the fields of question and answer."""
        fields = (self.target.question_field, self.target.answer_field)
        return all(any(has_field(row, name) for row in self.rows) for name in fields)

    def _likely(self, likely: Iterable[str]) -> list[str]:
        wanted = {_folded(name) for name in likely}
        found = [name for name in self.names if _folded(name.rpartition(".")[2]) in wanted]
        if any(_folded(name) == "instruction" for name in found):
            found = [name for name in found if _folded(name) != "input"]  # which it is about
        return found

    def _holds(self, name: str, is_it: Any) -> bool:
        """Tell whether most rows hold it; the others are mistakes, told when they are read."""
        values = [optional_value(row, name) for row in self.rows]
        held = [value for value in values if value not in (None, "", [])]
        return bool(held) and 2 * sum(map(is_it, held)) >= len(held)

    def _columns(self) -> Iterator[tuple[str, ...]]:
        """Yield the columns that hold an option each: A, B, C ... or option1, option2 ..."""
        groups: dict[str, dict[str, str]] = {}
        for name in self.names:
            match = COLUMN.fullmatch(_folded(name))
            if match and (match["group"] or name.isupper()):
                groups.setdefault(match["group"], {})[match["place"]] = name
        for group, columns in groups.items():
            for places in SEQUENCES:
                first = tuple(columns) == places[: len(columns)]
                if first and len(columns) > 1 and (group or places[0] == "a"):
                    yield tuple(columns.values())

    def _only(self, key: str, found: Sequence[str]) -> str | None:
        if len(found) > 1:
            raise ValueError(f"{key} = not given: can be {' or '.join(found)}; name it")
        return found[0] if found else None

    def _shown(self) -> str:
        return ", ".join(self.names) or "none"


def _folded(name: str) -> str:
    return re.sub(r"[\s_-]", "", name.casefold())


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_object(value: Any) -> bool:
    return isinstance(value, Mapping)


def _object(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _is_history(value: Any) -> bool:
    value = unpacked(value)
    return isinstance(value, list) and all(isinstance(t, list) and len(t) == 2 for t in value)


def _may_be_options(value: Any) -> bool:
    return isinstance(unpacked(value), list | dict)
