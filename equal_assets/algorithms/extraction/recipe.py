"""How an LLM extracts the pairs of a text: which request follows which reply, without sending.

A text is extracted by a generator that yields requests and is sent their replies, so that any
backend can drive any number of texts at once, and tests need none.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Generator, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from equal_assets.algorithms.extraction.loops import has_phrase, repeated_phrase
from equal_assets.algorithms.extraction.parsing import (
    ParsedReply,
    RejectedPair,
    complete_pairs,
    merge_replies,
    parse_pairs,
    parse_scores,
)
from equal_assets.algorithms.extraction.prompts import (
    Chat,
    chat,
    pairs_json,
    pairs_schema,
    render,
    scores_schema,
    shows,
)
from equal_assets.algorithms.extraction.quality import QualityBounds, judge_pairs
from equal_assets.records import QAPair

DROPPED_BY_REFINEMENT = "dropped by the refinement"
SCORED_LOW = "scored low by the judge"
LOOPS = "says the same over and over"
OVER_LIMIT = "more pairs than max_pairs"


@dataclass(frozen=True)
class ExtractionRecipe:
    """Everything but the model that decides which pairs come out of a text.

    Attributes
    ----------
    extract, refine, judge : str or None
        Templates of :mod:`~equal_assets.algorithms.extraction.prompts`; ``None``: no such request.
    max_pairs : int
        Pairs kept per document.
    max_characters : int or None
        Longest string that the schema allows.
    min_score : int
        Score from 1 to 5 below which the judge rejects a pair.
    bounds : QualityBounds
        What every pair is checked against.
    """

    extract: str
    refine: str | None
    judge: str | None
    max_pairs: int
    max_characters: int | None
    min_score: int
    bounds: QualityBounds


@dataclass(frozen=True)
class Request:
    """A chat for the LLM to continue, the schema of its reply, and what reads the reply.

    ``parse`` raises :class:`~equal_assets.algorithms.extraction.parsing.UnusableReplyError`;
    ``salvage`` returns what is complete in a reply that was cut off, ``None`` if nothing is.
    """

    messages: Chat
    schema: dict[str, Any]
    parse: Callable[[str], Any]
    salvage: Callable[[str], Any] = lambda text: None


@dataclass(frozen=True)
class Reply:
    """The outcome of a request.

    Attributes
    ----------
    value : Any
        The parsed reply, or what is complete of it; ``None`` if there is none.
    failure : str or None
        Why there is none, or not all of it.
    text : str
        The reply as it was written.
    """

    value: Any
    failure: str | None = None
    text: str = ""


@dataclass(frozen=True)
class TextPairs:
    """What an LLM made of a text.

    Attributes
    ----------
    parsed : ParsedReply
    failure : str or None
        The requests that failed, whole or in part.
    is_changed : bool or None
        Whether refinement changed a pair; ``None`` if none was refined.
    """

    parsed: ParsedReply
    failure: str | None = None
    is_changed: bool | None = None


Steps = Generator[Request, Reply, TextPairs]


def extraction_steps(text: str, document: str, recipe: ExtractionRecipe) -> Steps:
    """Extract, refine, check and judge the pairs of a text.

    Refinement and judgement are further turns of the chat that has shown the text, so that a server
    reads it once. One that fails leaves the pairs as they are.

    Parameters
    ----------
    text : str
        The document, or a chunk of it.
    document : str
        The whole document, in which answers must be grounded.
    recipe : ExtractionRecipe

    Yields
    ------
    Request
        To be answered by ``send(Reply)``.

    Returns
    -------
    TextPairs
    """
    schema = pairs_schema(max_pairs=recipe.max_pairs, max_characters=recipe.max_characters)
    messages = chat(recipe.extract, document=text, max_pairs=recipe.max_pairs)
    read = partial(parse_pairs, document=text)
    reply = yield Request(messages, schema, read, partial(complete_pairs, document=text))
    if reply.value is None:
        return TextPairs(ParsedReply((), ()), reply.failure)
    state = _State(text, messages, reply.text, reply.value, [reply.failure])
    if recipe.refine and state.pairs:
        request = Request(state.asked(recipe.refine), schema, read)
        state.refine((yield request))
    state.check(document, recipe.bounds)
    if recipe.judge and state.pairs:
        scores = partial(parse_scores, n_pairs=len(state.pairs))
        request = Request(state.asked(recipe.judge), scores_schema(len(state.pairs)), scores)
        state.judge((yield request), recipe.min_score)
    failures = [failure for failure in state.failures if failure]
    parsed = ParsedReply(tuple(state.pairs), tuple(state.rejected))
    return TextPairs(parsed, "; ".join(failures) or None, state.is_changed)


def following(template: str, first: Chat, *, text: str, said: str, pairs: str) -> Chat:
    """Return the chat that ends with a template: the first one goes on, or one of its own.

    Parameters
    ----------
    template : str
    first : Chat
        That asked for the pairs.
    text : str
        Shown in a chat of its own.
    said : str
        The reply to the first one.
    pairs : str
        In the form of a reply.
    """
    if shows(template, "document"):
        return chat(template, document=text, pairs=pairs)
    turn = {"role": "user", "content": render(template, pairs=pairs)}
    return (*first, {"role": "assistant", "content": said}, turn)


class _State:
    """The pairs of a text between two requests."""

    def __init__(
        self, text: str, first: Chat, said: str, parsed: ParsedReply, failures: list[str | None]
    ) -> None:
        self.pairs = list(parsed.pairs)
        self.rejected = list(parsed.rejected)
        self.failures = failures
        self.is_changed: bool | None = None
        self._text, self._first, self._said = text, first, said

    def asked(self, template: str) -> Chat:
        """Return the chat that ends with a template: the one that extracted, or one of its own."""
        now = pairs_json(self.pairs)
        # as it was written, if it says the same: the server has read that, too
        said = self._said if _says(self._said, now) else now
        return following(template, self._first, text=self._text, said=said, pairs=now)

    def refine(self, reply: Reply) -> None:
        if reply.value is None:
            self.failures.append(f"refinement: {reply.failure}")
            return
        self.rejected += [*_dropped(self.pairs, reply.value.pairs), *reply.value.rejected]
        self.is_changed = list(reply.value.pairs) != self.pairs
        self.pairs = list(reply.value.pairs)

    def check(self, document: str, bounds: QualityBounds) -> None:
        verdicts = judge_pairs(self.pairs, document, bounds)
        reasons = [f"{v.reason}: {v.detail}" if v else None for v in verdicts]
        self._reject(reasons)
        self._reject([LOOPS if _loops(pair, document) else None for pair in self.pairs])

    def judge(self, reply: Reply, min_score: int) -> None:
        if reply.value is None:
            self.failures.append(f"judge: {reply.failure}")
            return
        self._reject([f"{SCORED_LOW}: {s}" if s < min_score else None for s in reply.value])

    def _reject(self, reasons: Sequence[str | None]) -> None:
        """Reject the pairs that have a reason for it."""
        judged = list(zip(self.pairs, reasons, strict=True))
        self.rejected += [
            RejectedPair(p.question, p.answer, reason) for p, reason in judged if reason
        ]
        self.pairs = [pair for pair, reason in judged if not reason]


def merge_chunks(chunks: Iterable[TextPairs], *, max_pairs: int) -> TextPairs:
    """Return the pairs of all chunks of a document, in order, each once.

    Parameters
    ----------
    chunks : iterable of TextPairs
        In the order of the document.
    max_pairs : int
        Pairs kept; later ones are rejected.

    Returns
    -------
    TextPairs
        ``failure`` names the failed chunks if there are several.
    """
    found = list(chunks)
    merged = merge_replies(chunk.parsed for chunk in found)
    over = [RejectedPair(p.question, p.answer, OVER_LIMIT) for p in merged.pairs[max_pairs:]]
    failures = [
        chunk.failure if len(found) == 1 else f"chunk {number} of {len(found)}: {chunk.failure}"
        for number, chunk in enumerate(found, 1)
        if chunk.failure
    ]
    refined = [chunk.is_changed for chunk in found if chunk.is_changed is not None]
    return TextPairs(
        ParsedReply(merged.pairs[:max_pairs], (*merged.rejected, *over)),
        "; ".join(failures) or None,
        any(refined) if refined else None,
    )


def _dropped(before: list[QAPair], after: Iterable[QAPair]) -> list[RejectedPair]:
    """Return the pairs whose question is gone; a corrected question counts as dropped and new."""
    kept = {pair.question for pair in after}
    return [
        RejectedPair(pair.question, pair.answer, DROPPED_BY_REFINEMENT)
        for pair in before
        if pair.question not in kept
    ]


def _loops(pair: QAPair, document: str) -> bool:
    """Say whether a pair repeats a phrase in a row that the document does not."""
    found = map(repeated_phrase, (pair.question, pair.answer))
    return any(phrase and not has_phrase(document, phrase) for phrase in found)


def _says(said: str, pairs: str) -> bool:
    """Say whether a reply is JSON alone with these pairs."""
    try:
        return bool(json.loads(said)["pairs"] == json.loads(pairs)["pairs"])
    except (ValueError, TypeError, KeyError):
        return False
