"""Which option of a question an answer takes: by its letter, or by its text."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

from equal_assets.algorithms.judging.drafts import without_draft
from equal_assets.algorithms.judging.verdicts import Verdict, check_lengths, correct, wrong
from equal_assets.records import Option

ANNOUNCED = re.compile(
    r"""
    (?:
      \b(?:answer|option|choice|antwort|réponse|respuesta|risposta|resposta|ответ)\b
      (?:\s+(?:is|ist|est|es|è|é|to\s+the\s+question\s+is|would\s+be|must\s+be)\b)?
    | (?:答案|答え|正解|정답|선택|选择|选项)(?:\s*[是为爲は은는])?
    | \#{4}
    )
    [\s:：="“„']*(?:(?:option|choice|antwort)\s+)?
    """,
    re.VERBOSE | re.IGNORECASE,
)
"""What comes before an answer that is announced."""

MOST_ANNOUNCED = 50
"""Places that are looked at, from the end: what repeats itself more often takes nothing."""

BOXED = re.compile(r"\\boxed\s*\{((?:[^{}]|\{[^{}]*\})*)\}")
LATEX = re.compile(r"\\(?:text|textbf|mathrm|mathbf)\s*\{([^{}]*)\}")
EMPHASIS = re.compile(r"[*_`]+|\\[()\[\]]|\$")
LETTER = re.compile(
    r"[(\[]?(?P<letter>[A-Z])(?P<after>\s*[)\].:,;。、，–—\-\x22”“}]+|'(?!\w)|\s*\n|(?=\s|$))"
)
ALONE = re.compile(r"[(\[]?(?P<letter>[A-Za-z])[)\].:]*")
IN_BRACKETS = re.compile(r"\(([A-Z])\)")
ARTICLE = re.compile(r"(?:an?|the)\s+", re.IGNORECASE)
JOINED = re.compile(r"\s*(?:,|/|\bor\b|\band\b)\s*(?:or\s+|and\s+)?", re.IGNORECASE)
BESIDE = re.compile(r"[(\[]?(?P<letter>[A-Za-z](?=[)\].:,]|\s*$)|[B-HJ-Z](?=\s))")
GOES_ON = re.compile(r"(?:because|since|as|and|which|for|due)\b")
WORDS_THAT_ARE_LETTERS = "AI"
"""``A bird`` and ``I think`` begin with no option's letter, ``A because`` does."""


def choice_verdicts(outputs: Sequence[str], questions: Sequence[Sequence[Option]]) -> list[Verdict]:
    r"""Tell for each output whether it takes a right option.

    Parameters
    ----------
    outputs : sequence of str
        Generated answers.
    questions : sequence of sequences of Option
        What each of them could take.

    Returns
    -------
    list of Verdict
        In the order of the outputs. An announced option counts (``The answer is B.``,
        ``\boxed{B}``), else the one that the output begins with or is, else the only one whose
        text it holds. An output that names several, or a letter with another option's text, is
        wrong.

    Raises
    ------
    ValueError
        If the lengths differ.
    """
    check_lengths(outputs, questions)
    return [_verdict(output, options) for output, options in zip(outputs, questions, strict=True)]


def _verdict(output: str, options: Sequence[Option]) -> Verdict:
    text = _plain(without_draft(output))
    if not text:
        return wrong(None, "empty")
    taken = _taken(text, options)
    if not taken:
        return wrong(None, "names no option")
    shown = " and ".join(option.shown for option in taken)
    if len(taken) > 1:
        return wrong(shown, "names several options")
    if taken[0].is_right:
        return correct(shown)
    expected = " or ".join(option.shown for option in options if option.is_right)
    return wrong(shown, f"wrong option: expected {expected}")


def _taken(text: str, options: Sequence[Option]) -> list[Option]:
    """Return the options that an answer takes: one, if it is clear."""
    boxes = [_plain(LATEX.sub(r"\1", box)) for box in BOXED.findall(text)]
    if boxes and (taken := _at_beginning(boxes[-1], options) or _held(boxes[-1], options)):
        return taken
    for announced in reversed([*ANNOUNCED.finditer(text)][-MOST_ANNOUNCED:]):
        if taken := _at_beginning(text[announced.end() :], options):
            return taken
    *_, last_line = text.split("\n")
    return (
        _at_beginning(text, options)
        or _labeled(ALONE.fullmatch(last_line.strip()), options)
        or _held(text, options)
        or [option for option in options if {option.label} == {*IN_BRACKETS.findall(text)}]
    )


def _at_beginning(text: str, options: Sequence[Option]) -> list[Option]:
    """Return the option whose letter or text an answer begins with; two if they are not of one."""
    text = text.strip()
    bare = ARTICLE.sub("", text, count=1)
    for begun in (text, bare):
        whole = _begun(begun, options)
        if whole and not _is_letter(whole[0].text):
            return whole + _others(_after(begun, whole[0]), options)
    if taken := _labeled(ALONE.fullmatch(text), options):
        return taken
    letter = LETTER.match(text)
    taken = _labeled(letter, options)
    if not letter or not taken:
        return whole
    rest = text[letter.end() :].strip()
    is_word = letter["letter"] in WORDS_THAT_ARE_LETTERS and not letter["after"]
    if is_word and rest and not GOES_ON.match(rest):
        return []
    by_text = _begun(rest, options)
    beside = _after(rest, by_text[0]) if by_text else f"{letter['after'].strip()} {rest}"
    others = [*by_text, *_others(beside, options)]
    return taken + [option for option in others if option not in taken]


def _after(text: str, option: Option) -> str:
    """Return what follows an option's text that another text begins with."""
    return _folded(text)[len(_folded(option.text)) :]


def _others(rest: str, options: Sequence[Option]) -> list[Option]:
    """Return what is named beside an option: ``B or C``, ``iron and wood``."""
    joined = JOINED.match(rest)
    following = rest[joined.end() :] if joined else ""
    return _begun(following, options) or _labeled(BESIDE.match(following), options)


def _labeled(letter: re.Match[str] | None, options: Sequence[Option]) -> list[Option]:
    return [option for option in options if letter and option.label == letter["letter"].upper()]


def _begun(text: str, options: Sequence[Option]) -> list[Option]:
    """Return the option with the longest text that a text begins with, unless it goes on in it."""
    folded = _folded(text)
    found = [option for option in options if _pattern(option).match(folded)]
    return sorted(found, key=lambda option: len(option.text))[-1:]


def _held(text: str, options: Sequence[Option]) -> list[Option]:
    """Return the options whose texts stand in a text, outside of longer ones."""
    folded, found = _folded(text), []
    for option in sorted(options, key=lambda option: -len(option.text)):
        if _is_letter(option.text):  # which stands in texts as an article
            continue
        folded, n_found = _pattern(option).subn("\n", folded)
        if n_found:
            found.append(option)
    return found


def _pattern(option: Option) -> re.Pattern[str]:
    text = _folded(option.text)
    before, after = (r"(?<![^\W_])" if _is_word(text[:1]) else ""), ""
    if _is_word(text[-1:]):
        after = r"(?!\w|[.,]\d|\s?[/%]\s?\d)" if text[-1:].isdigit() else r"(?!\w)"
    if text[:1].isdigit():
        before = r"(?<![^\W_])(?<!\d[.,/])(?<!-)"
    return re.compile(before + re.escape(text) + after)


def _is_letter(text: str) -> bool:
    return len(text.strip()) == 1 and text.strip().isascii() and text.strip().isalpha()


def _is_word(character: str) -> bool:
    """Tell whether words of this script are parted by spaces: it has capitals, or is a digit."""
    return character.isdigit() or character.lower() != character.upper()


def _plain(text: str) -> str:
    return EMPHASIS.sub("", text).strip() if "\\boxed" not in text else text.strip()


def _folded(text: str) -> str:
    text = unicodedata.normalize("NFKC", EMPHASIS.sub("", text)).casefold()
    return " ".join(text.split()).rstrip(".")
