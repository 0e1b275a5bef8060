"""Which language a text is written in."""

from __future__ import annotations

import re
from functools import cache

from py3langid.langid import MODEL_FILE, LanguageIdentifier

NO_PROSE = re.compile(
    r"""
      ```.*?(?:```|\Z) | `[^`\n]*`  # code
    | \$\$.*?\$\$ | \$[^$\n]*\$ | \\\(.*?\\\) | \\\[.*?\\\]  # formulas
    | https?://\S+ | </?[a-zA-Z][^<>\n]*>  # links and tags
    """,
    re.DOTALL | re.VERBOSE,
)
MIN_LETTERS = 60
MIN_PROBABILITY = 0.9
READ_CHARACTERS = 8000
"""Part of a text that is searched for code and formulas: many that never end take long."""

SAMPLE_CHARACTERS = 2000
"""Part of a text used to identify its language; longer parts make the result less certain."""

CONFUSED = ({"zh", "yue", "wuu"}, {"bs", "hr", "sr"}, {"id", "ms"}, {"nb", "nn", "no", "da"})
"""Languages that are taken for each other, written alike."""


def language(text: str) -> str | None:
    """Return the ISO 639 code of the language of a text, ``None`` where it is uncertain.

    Code, formulas and markup are left out; what remains must have enough letters.
    """
    prose = _prose(text)
    if sum(map(str.isalpha, prose)) < MIN_LETTERS:
        return None
    found, probability = _identifier().classify(prose)
    return found if probability >= MIN_PROBABILITY and found != "zxx" else None  # zxx: no language


def likeliest_language(text: str) -> str | None:
    """Return the code of the language that a short text is likelier in than in all others."""
    found, probability = _identifier().classify(_prose(text))
    return found if probability >= 0.5 and found != "zxx" else None


def is_same_language(one: str, other: str) -> bool:
    """Whether two codes name the same language, or two that are taken for each other."""
    return one == other or any({one, other} <= group for group in CONFUSED)


def _prose(text: str) -> str:
    return NO_PROSE.sub(" ", text[:READ_CHARACTERS])[:SAMPLE_CHARACTERS]


@cache
def _identifier() -> LanguageIdentifier:
    return LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
