"""Whether what came from a page or a file is a verdict."""

from __future__ import annotations

from equal_assets.errors import ReviewError
from equal_assets.records import QAPair, trimmed
from equal_assets.resources.verdicts import SAID, PairVerdict

MAX_REASON = 200
MAX_CHARACTERS = 100_000
"""Of a question or an answer."""

ALLOWED = f"{', '.join(SAID[:-1])} or {SAID[-1]}"


def checked_verdict(
    pair: QAPair,
    said: str,
    *,
    reviewer: str,
    reason: str = "",
    new_question: str = "",
    new_answer: str = "",
) -> PairVerdict:
    """Return a verdict on a pair, if it can be one.

    Parameters
    ----------
    pair : QAPair
        As it was extracted.
    said : str
    reviewer : str
    reason : str
        Of a rejection.
    new_question, new_answer : str
        Of an edited pair; an empty one stays as it was.

    Raises
    ------
    ReviewError
        If it cannot; the message says what is allowed.
    """
    known = next((kind for kind in SAID if kind == said.strip().lower()), None)
    if known is None:
        raise ReviewError(f"verdict = {said!r}: must be {ALLOWED}")
    why = " ".join(_text("reason", reason).split())
    if len(why) > MAX_REASON:
        raise ReviewError(
            f"reason has {len(why):,} characters: must be at most {MAX_REASON}; say it in short"
        )
    if known != "edited":
        return PairVerdict(pair, known, reviewer, reason=why if known == "rejected" else "")
    edited = QAPair(
        trimmed(_text("new_question", new_question)) or pair.question,
        trimmed(_text("new_answer", new_answer)) or pair.answer,
    )
    if edited == pair:
        raise ReviewError(
            "new_question and new_answer are those of the pair: one must differ where the verdict "
            "is edited; write accepted to keep the pair as it is"
        )
    return PairVerdict(pair, "edited", reviewer, edited=edited)


def checked_reviewer(name: str) -> str:
    """Return a name that verdicts are stored with.

    Raises
    ------
    ReviewError
        If it is none.
    """
    if not 1 <= len(name := name.strip()) <= 64 or not name.isprintable():
        raise ReviewError(f"reviewer = {name!r}: must be a name of 1 to 64 printable characters")
    return name


def _text(key: str, value: str) -> str:
    if not isinstance(value, str):
        raise ReviewError(f"{key} = {value!r}: must be a text")
    if len(value) > MAX_CHARACTERS:
        raise ReviewError(
            f"{key} has {len(value):,} characters: must be at most {MAX_CHARACTERS:,}"
        )
    if "\0" in value or any("\ud800" <= character <= "\udfff" for character in value):
        raise ReviewError(f"{key}: must be text without NUL and halves of characters")
    return value.replace("\r\n", "\n")
