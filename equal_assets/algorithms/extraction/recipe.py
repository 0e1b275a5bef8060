"""How an LLM extracts the pairs of a text: which request follows which reply, without sending.

A text is extracted by a generator that yields requests and is sent their replies, so that any
backend can drive any number of texts at once, and tests need none.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable
from dataclasses import dataclass
from functools import partial
from typing import Any

from equal_assets.algorithms.extraction.parsing import (
    ParsedReply,
    RejectedPair,
    merge_replies,
    parse_pairs,
    parse_scores,
)
from equal_assets.algorithms.extraction.prompts import (
    pairs_json,
    pairs_schema,
    render,
    scores_schema,
)
from equal_assets.algorithms.extraction.quality import QualityBounds, judge_pairs
from equal_assets.records import QAPair

DROPPED_BY_REFINEMENT = "dropped by the refinement"
SCORED_LOW = "scored low by the judge"
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
    """One prompt for the LLM, the schema of its reply, and what reads the reply.

    ``parse`` raises :class:`~equal_assets.algorithms.extraction.parsing.UnusableReplyError`.
    """

    prompt: str
    schema: dict[str, Any]
    parse: Callable[[str], Any]


@dataclass(frozen=True)
class Reply:
    """The outcome of a request: a parsed reply, or the reason why there is none."""

    value: Any
    failure: str | None = None


@dataclass(frozen=True)
class TextPairs:
    """What an LLM made of a text; ``failure`` names the request that ended it early."""

    parsed: ParsedReply
    failure: str | None = None


Steps = Generator[Request, Reply, TextPairs]


def extraction_steps(text: str, document: str, recipe: ExtractionRecipe) -> Steps:
    """Extract, refine, check and judge the pairs of a text.

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
    prompt = render(recipe.extract, document=text, max_pairs=recipe.max_pairs)
    reply = yield Request(prompt, schema, parse_pairs)
    if reply.failure:
        return TextPairs(ParsedReply((), ()), reply.failure)
    pairs, rejected = list(reply.value.pairs), list(reply.value.rejected)
    if recipe.refine and pairs:
        prompt = render(recipe.refine, document=text, pairs=pairs_json(pairs))
        reply = yield Request(prompt, schema, parse_pairs)
        if reply.failure:
            return TextPairs(ParsedReply((), tuple(rejected)), f"refinement: {reply.failure}")
        rejected += _dropped(pairs, reply.value.pairs) + list(reply.value.rejected)
        pairs = list(reply.value.pairs)
    verdicts = judge_pairs(pairs, document, recipe.bounds)
    rejected += [
        RejectedPair(pair.question, pair.answer, f"{verdict.reason}: {verdict.detail}")
        for pair, verdict in zip(pairs, verdicts, strict=True)
        if verdict
    ]
    pairs = [pair for pair, verdict in zip(pairs, verdicts, strict=True) if not verdict]
    if recipe.judge and pairs:
        prompt = render(recipe.judge, document=text, pairs=pairs_json(pairs))
        read = partial(parse_scores, n_pairs=len(pairs))
        reply = yield Request(prompt, scores_schema(len(pairs)), read)
        if reply.failure:
            return TextPairs(ParsedReply((), tuple(rejected)), f"judge: {reply.failure}")
        low = [score < recipe.min_score for score in reply.value]
        rejected += [
            RejectedPair(pair.question, pair.answer, f"{SCORED_LOW}: {score}")
            for pair, score, is_low in zip(pairs, reply.value, low, strict=True)
            if is_low
        ]
        pairs = [pair for pair, is_low in zip(pairs, low, strict=True) if not is_low]
    return TextPairs(ParsedReply(tuple(pairs), tuple(rejected)))


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
    return TextPairs(
        ParsedReply(merged.pairs[:max_pairs], (*merged.rejected, *over)),
        "; ".join(failures) or None,
    )


def _dropped(before: list[QAPair], after: Iterable[QAPair]) -> list[RejectedPair]:
    """Return the pairs whose question is gone; a corrected question counts as dropped and new."""
    kept = {pair.question for pair in after}
    return [
        RejectedPair(pair.question, pair.answer, DROPPED_BY_REFINEMENT)
        for pair in before
        if pair.question not in kept
    ]
