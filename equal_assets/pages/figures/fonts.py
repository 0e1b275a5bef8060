"""Fonts for words of any script: a figure leaves out the words that no installed font can draw."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache

DRAWN_FIRST = "DejaVu Sans"
"""Comes with matplotlib; Latin, Greek, Cyrillic, Arabic, Hebrew."""

OTHER_FONTS = (
    "Noto Sans",
    *(f"Noto Sans CJK {country}" for country in ("SC", "TC", "JP", "KR")),
    *(f"Noto Sans {script}" for script in ("Armenian", "Bengali", "Devanagari", "Ethiopic")),
    *(f"Noto Sans {script}" for script in ("Georgian", "Gujarati", "Gurmukhi", "Kannada")),
    *(f"Noto Sans {script}" for script in ("Khmer", "Lao", "Malayalam", "Myanmar", "Oriya")),
    *(f"Noto Sans {script}" for script in ("Sinhala", "Tamil", "Telugu", "Thai")),
    *("Source Han Sans SC", "WenQuanYi Zen Hei", "WenQuanYi Micro Hei", "Droid Sans Fallback"),
    *("PingFang SC", "Hiragino Sans", "Apple SD Gothic Neo", "Arial Unicode MS"),
    *("Microsoft YaHei", "Yu Gothic", "Malgun Gothic", "Nirmala UI", "Leelawadee UI"),
    *("FreeSans", "Unifont"),
)
"""Fonts with the other scripts on Linux, macOS and Windows, where they are installed."""


@cache
def font_families() -> list[str]:
    """Return the fonts that words are drawn in; a later one draws what those before it lack."""
    from matplotlib.font_manager import get_font_names

    installed = set(get_font_names())
    return [DRAWN_FIRST, *(name for name in OTHER_FONTS if name in installed)]


def drawable(words: Iterable[str]) -> str:
    """Return the words that the fonts have all characters of, in one line."""
    return " ".join(word for word in words if _glyphs().issuperset(map(ord, word)))


@cache
def _glyphs() -> frozenset[int]:
    from matplotlib.font_manager import findfont, get_font

    return frozenset().union(*(get_font(findfont(name)).get_charmap() for name in font_families()))
