"""Which questions an English model knows: of others it makes vectors that are nearly all alike."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from itertools import groupby
from typing import TYPE_CHECKING

import regex

from equal_assets.algorithms.language import likeliest_language
from equal_assets.resources.embedding.embedder import bundled_model

if TYPE_CHECKING:
    from tokenizers import Encoding, Tokenizer

LETTER = regex.compile(r"\p{L}")
FOREIGN = regex.compile(
    r"(?V1)[\p{Greek}\p{M}]{2,}|[\p{L}--\p{Latin}--\p{Greek}--\p{Common}][\p{L}\p{M}--\p{Latin}]*"
)
"""Letters of other scripts; a single Greek one is part of a formula."""

FOREIGN_SHARE = 0.1
"""A word quoted from another script is less of an English question."""

WHOLE_SHARE = 0.65
"""Least share of letters in words that are a single token. English questions, those about formulas
and code as well, reach .65 in 98 of 100; if not, and they look like another language, they are of
another (benchmarks/languages.py): of 231 English ones none is taken for one."""


def is_english(questions: Sequence[str]) -> list[bool]:
    """Say for each question whether a model of English knows its words.

    A script that is not Latin decides at once. Of questions in Latin letters those are of another
    language whose words the tokenizer breaks up, and which look like one.
    """
    found = []
    for question, encoding in zip(
        questions, tokenizer().encode_batch(list(questions), add_special_tokens=False), strict=True
    ):
        n_letters = len(LETTER.findall(question))
        n_foreign = sum(len(LETTER.findall(run)) for run in FOREIGN.findall(question))
        found.append(
            n_foreign <= FOREIGN_SHARE * n_letters
            and (
                _whole_share(encoding) >= WHOLE_SHARE
                or likeliest_language(question) in ("en", None)
            )
        )
    return found


def _whole_share(encoding: Encoding) -> float:
    """Return the share of letters in words that are one token of two letters or more."""
    whole = total = 0
    pieces = zip(encoding.word_ids, encoding.tokens, strict=True)
    for _, word in groupby(pieces, key=lambda piece: piece[0]):
        tokens = [token.removeprefix("##") for _, token in word]
        if not any(map(str.isalpha, "".join(tokens))):
            continue
        n_letters = sum(map(len, tokens))
        total += n_letters
        whole += n_letters if len(tokens) == 1 and n_letters > 1 else 0
    return whole / total if total else 1.0


@cache
def tokenizer() -> Tokenizer:
    """Return the tokenizer of the packaged model, which reads texts of any length."""
    from tokenizers import Tokenizer

    found = Tokenizer.from_file(str(bundled_model() / "tokenizer.json"))
    found.no_truncation()
    found.no_padding()
    return found
