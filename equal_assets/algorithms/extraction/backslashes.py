r"""Backslashes of LaTeX in JSON that a model wrote: ``"\frac"`` says a form feed and ``rac``.

JSON wants ``"\\frac"``. Models forget it in part of their formulas, and a grammar lets them, since
``\f``, ``\b``, ``\t``, ``\n`` and ``\r`` are escapes of JSON as well.
"""

from __future__ import annotations

import re

ESCAPE = re.compile(r"\\(?:(u[0-9A-Fa-f]{4})|([A-Za-z]+)|.)", re.DOTALL)
r"""A backslash with what it escapes: four digits, a word, or another sign such as ``\``."""

KNOWN = frozenset('"\\/')
"""Signs that JSON escapes."""

NEVER_MEANT = frozenset("bfr")
"""Backspace, form feed and carriage return before a letter: no text has them."""

NO_WORD_AFTER = re.compile("times|theta|text(?:bf|it|rm|tt)?|tfrac|tilde|triangle|neq|nabla|notin")
"""Commands whose rest is no word that could begin after a tab or a new line."""

A_WORD_AFTER = re.compile(
    "tanh?|tau|tag|tbinom|therefore|to|top|neg?|nu|ni|not|nmid|n[lg]eq|nexists|nonumber|newline"
)
"""Commands that count only where the document has them, and no line or column with their rest."""


def doubled(reply: str, document: str) -> str:
    r"""Return a reply with the backslashes doubled that JSON would lose or refuse.

    Parameters
    ----------
    reply : str
        JSON, with text around it or not.
    document : str
        What the reply is about.

    Examples
    --------
    >>> print(doubled(r'{"answer": "\frac{1}{2} \alpha\nis \\beta"}', ""))
    {"answer": "\\frac{1}{2} \\alpha\nis \\beta"}
    """

    def mended(escape: re.Match[str]) -> str:
        digits, word = escape[1], escape[2]
        is_command = _is_command(word, document) if word else escape[0][1] not in KNOWN
        return f"\\{escape[0]}" if is_command and not digits else escape[0]

    return ESCAPE.sub(mended, reply)


def _is_command(word: str, document: str) -> bool:
    """Say whether a word after a backslash is one of LaTeX, not a letter that JSON escapes."""
    if word[0] not in "bfnrt":
        return True
    if len(word) == 1:
        return False
    if word[0] in NEVER_MEANT or NO_WORD_AFTER.fullmatch(word):
        return True
    if not A_WORD_AFTER.fullmatch(word):
        return False
    has_command = re.search(rf"\\{word}(?![A-Za-z])", document)
    return bool(has_command) and not re.search(rf"[\n\t] *{word[1:]}(?![A-Za-z])", document)
