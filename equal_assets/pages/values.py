"""How values and tables are written for people: in Dagster, on data set cards, in reports."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

NONE = "–"
"""Written where there is no value."""

ACTIVE = re.compile(r"[\\`|]|(?<=\])\(")
"""What makes more than text of a line of Markdown, beside HTML: code, cells, links, pictures."""

BOLD = re.compile(r"(?<![\w*(])\*\*(?=[^\s*])([^\n*]*[^\s*])\*\*(?![\w*])")
"""Words between two stars on either side, which are no powers and no arguments of a call."""

CONTROLS = re.compile("[\0-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
"""Controls but tab and line feed, overrides of the direction, and halves of characters."""

FIRST_PICTURE = 0x2400
"""Unicode's picture of the control 0; the others follow."""

METRICS = {
    "perplexity": "perplexity of true answers",
    "pmi_accuracy": "PMI accuracy",
    "number_strict": "final number right, strictly read",
    "number_flexible": "final number right",
    "math": "mathematically equal",
    "choice": "right option written",
}
"""What people read for the metrics of students, in the order in which these are shown."""


class Markdown(str):
    """A cell that the project writes itself, as Markdown; never of a document."""


def text(value: Any) -> str:
    """Return how a value is written: numbers with four digits."""
    if value is None:
        return NONE
    if isinstance(value, list):
        return ", ".join(map(text, value))
    if isinstance(value, float):
        return f"{value:,.4g}" if abs(value) < 1e6 else f"{value:.3g}"
    is_count = isinstance(value, int) and not isinstance(value, bool)
    return f"{value:,}" if is_count else str(value)


def number(value: float | None, form: str) -> str:
    """Return a number in a form, such as ``",.1f"``."""
    return NONE if value is None else format(value, form)


def counted(n: int, noun: str) -> str:
    """Return how many there are of something, which is in the singular.

    >>> counted(1, "pair"), counted(1200, "pair")
    ('1 pair', '1,200 pairs')
    """
    return f"{n:,} {noun}" if n == 1 else f"{n:,} {noun}s"


def money(value: float | None, currency: str, *, form: str = ",.2f") -> str:
    """Return an amount with its currency.

    >>> money(1234.5, "EUR"), money(0.25, "")
    ('1,234.50 EUR', '0.25')
    """
    return f"{number(value, form)} {currency}".rstrip()


def change(before: float | None, after: float | None, *, form: str) -> str:
    """Return a number and what became of it: ``0.51 → 0.43``."""
    if before is None and after is None:
        return NONE
    return f"{number(before, form)} → {number(after, form)}"


def with_interval(row: Mapping[str, Any], name: str, *, form: str) -> str:
    """Return a value with the interval in ``<name>_low`` and ``<name>_high``."""
    value, low, high = (format(row[f"{name}{end}"], form) for end in ("", "_low", "_high"))
    return f"{value} [{low}, {high}]"


def markdown_table(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """Return a Markdown table; cells are shown as they are, whatever they hold."""
    lines = [columns, ["---"] * len(columns), *([_cell(value) for value in row] for row in rows)]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _cell(value: Any) -> str:
    if isinstance(value, Markdown):
        return value.replace("|", "\\|")
    return in_markdown(text(value))


def in_markdown(said: str) -> str:
    r"""Return a text as one line of Markdown that shows it: no link, picture, HTML or table of it.

    >>> print(in_markdown("see ![it](http://host/seen.png) <b>|"))
    see ![it]\(http://host/seen.png) &lt;b>\|
    """
    line = printable(" ".join(said.split()))
    return ACTIVE.sub(r"\\\g<0>", line.replace("&", "&amp;").replace("<", "&lt;"))


def without_emphasis(said: str) -> str:
    """Return a text without the stars that make words of Markdown or reStructuredText bold.

    >>> without_emphasis("an **active** attacker, f(**options, **more), 2**3**4")
    'an active attacker, f(**options, **more), 2**3**4'
    """
    return BOLD.sub(r"\1", said)


def printable(said: str) -> str:
    r"""Return a text that moves no cursor and turns no writing direction: controls are shown.

    >>> printable("\x1b[2Jgone")
    '␛[2Jgone'
    """
    return CONTROLS.sub(_picture, said.replace("\r\n", "\n"))


def _picture(found: re.Match[str]) -> str:
    number = ord(found[0])
    return chr(FIRST_PICTURE + number) if number < 0x20 else "\ufffd"


def metric_label(metric: str) -> str:
    """Return what people read for a metric of students."""
    passing = metric.removeprefix("pass_at_")
    return f"code that passes (pass@{passing})" if passing != metric else METRICS[metric]


def metric_form(metric: str) -> str:
    """Return how a metric of students is written: perplexities have one decimal."""
    return ".1f" if metric == "perplexity" else ".3f"
