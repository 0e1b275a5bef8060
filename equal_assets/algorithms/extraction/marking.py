"""Where the answers of pairs stand in their document, cut up for showing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from equal_assets.algorithms.extraction.grounding import span, telling_words
from equal_assets.algorithms.extraction.source import TOKEN, Source, words_in
from equal_assets.algorithms.words import normal


@dataclass(frozen=True)
class Piece:
    """A piece of a document.

    Attributes
    ----------
    text : str
    answers : tuple of int
        The answers that stand best in the passage it belongs to; the first one is 0.
    said_by : tuple of int
        Those of them that have it as a word.
    begins : tuple of int
        The answers whose passage begins with it.
    """

    text: str
    answers: tuple[int, ...] = ()
    said_by: tuple[int, ...] = ()
    begins: tuple[int, ...] = ()


def marked(document: str, answers: Sequence[str]) -> list[Piece]:
    """Return a document in pieces, which say what of it the answers hold.

    Parameters
    ----------
    document : str
    answers : sequence of str

    Returns
    -------
    list of Piece
        Their texts joined are the document.
    """
    source = Source(document)
    passages = [span(answer, source) for answer in answers]
    wanted = [telling_words(answer, source) for answer in answers]
    words = _words(document)
    bounds = {0, len(document)}
    bounds.update(edge for passage in passages if passage for edge in passage)
    bounds.update(edge for begin, end, _ in words for edge in (begin, end))
    meant = {begin: said for begin, _, said in words}
    pieces = []
    for begin, end in pairwise(sorted(bounds)):
        inside = [n for n, found in enumerate(passages) if found and found[0] <= begin < found[1]]
        pieces.append(
            Piece(
                document[begin:end],
                answers=tuple(inside),
                said_by=tuple(n for n in inside if meant.get(begin, set()) & wanted[n]),
                begins=tuple(n for n in inside if (passages[n] or (0, 0))[0] == begin),
            )
        )
    return _joined(pieces)


def _words(document: str) -> list[tuple[int, int, set[str]]]:
    """Return begin and end of each word, and what it is compared as.

    In scripts without spaces each character is one, compared by the pairs that it belongs to.
    """
    found: list[tuple[int, int, set[str]]] = []
    for match in TOKEN.finditer(document):
        begin, end = match.span()
        if match["unspaced"] and end - begin > 2:
            for at in range(begin, end):
                pairs = document[max(begin, at - 1) : at + 1], document[at : min(end, at + 2)]
                found.append((at, at + 1, {normal(pair) for pair in pairs if len(pair) == 2}))
        else:
            found.append((begin, end, set(words_in(normal(match[0])))))
    return found


def _joined(pieces: Sequence[Piece]) -> list[Piece]:
    """Return pieces with neighbors that are marked alike made one."""
    joined: list[Piece] = []
    for piece in pieces:
        last = joined[-1] if joined else None
        is_alike = last and (last.answers, last.said_by) == (piece.answers, piece.said_by)
        if last and is_alike and not piece.begins:
            joined[-1] = Piece(last.text + piece.text, last.answers, last.said_by, last.begins)
        else:
            joined.append(piece)
    return joined
