"""Extraction by an LLM: documents are cut into texts, and each text takes some requests."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial

from equal_assets.algorithms.chunks import split_text
from equal_assets.algorithms.extraction.prompts import chat, shows
from equal_assets.algorithms.extraction.quality import QualityBounds
from equal_assets.algorithms.extraction.recipe import (
    ExtractionRecipe,
    TextPairs,
    extraction_steps,
    following,
    merge_chunks,
)
from equal_assets.records import Document, Extraction, ExtractionStatus
from equal_assets.resources.llm.places import Talk
from equal_assets.resources.llm.requests import Job, LLMRequests
from equal_assets.resources.llm.spending import Amount, BudgetSpentError, Meter
from equal_assets.settings import LLMExtractionSettings


class ExtractionRun:
    """Extracts documents with an LLM; ``refine`` may turn the refinement of the settings off."""

    def __init__(
        self, settings: LLMExtractionSettings, requests: LLMRequests, *, refine: bool = True
    ) -> None:
        self._settings = settings
        self._requests = requests
        made = recipe(settings)
        self._recipe = made if refine else replace(made, refine=None)

    async def extract(
        self, documents: Sequence[Document], emit: Callable[[Extraction], None]
    ) -> None:
        """Extract documents, many at once, and emit each as soon as it is done.

        A document that exceeds a cap of the campaign is not emitted.

        Raises
        ------
        ExtractionError
            If a cap of the run is spent, or no server answers.
        """
        await self._requests.run(self._jobs(documents, emit))

    def _jobs(
        self, documents: Sequence[Document], emit: Callable[[Extraction], None]
    ) -> Iterator[Job]:
        for document in documents:
            texts = split_text(
                document.text,
                max_characters=self._settings.chunk_characters,
                overlap_characters=self._settings.chunk_overlap_characters,
            )
            yield Job(self._bound(texts), partial(self._document, document, texts, emit))

    def _bound(self, texts: Sequence[str]) -> Amount:
        """Return the maximum cost of texts if every request is answered at the first try."""
        total, reply = Amount(documents=1), self._settings.max_reply_tokens
        for text in texts:
            first = chat(self._recipe.extract, document=text, max_pairs=0)
            total += self._requests.bound(first)
            for template in (self._recipe.refine, self._recipe.judge):
                if template:  # an earlier reply is the message before it, the pairs in it, or both
                    asked = following(template, first, text=text, said="", pairs="")
                    n_times = shows(template, "pairs") + (not shows(template, "document"))
                    total += self._requests.bound(asked, more_tokens=n_times * reply)
        return total

    async def _document(
        self,
        document: Document,
        texts: Sequence[str],
        emit: Callable[[Extraction], None],
        meter: Meter,
    ) -> None:
        started = time.monotonic()
        # a chunk that ends the run does not cancel the others: what they have sent is paid for
        chunks = await asyncio.gather(
            *(self._text(text, document, meter) for text in texts), return_exceptions=True
        )
        failures = [chunk for chunk in chunks if isinstance(chunk, BaseException)]
        if failures:
            raise min(failures, key=lambda error: isinstance(error, BudgetSpentError))
        done = [chunk for chunk in chunks if isinstance(chunk, TextPairs)]
        found = merge_chunks(done, max_pairs=self._settings.max_pairs)
        emit(
            Extraction(
                content_hash=document.content_hash,
                status=_status(found),
                pairs=found.parsed.pairs,
                reason=found.failure,
                seconds=time.monotonic() - started,
                rejected=found.parsed.rejected,
                usage=meter.usage,
                is_changed=found.is_changed,
            )
        )

    async def _text(self, text: str, document: Document, meter: Meter) -> TextPairs:
        """Drive the steps of a text to the end."""
        steps = extraction_steps(text, document.text, self._recipe)
        request, talk = next(steps), Talk()
        while True:
            reply = await self._requests.answer(request, document, meter, talk=talk)
            try:
                request = steps.send(reply)
            except StopIteration as end:
                result: TextPairs = end.value
                return result


def recipe(settings: LLMExtractionSettings) -> ExtractionRecipe:
    """Return the recipe from text to pairs that the settings describe."""
    bounds = QualityBounds(**settings.quality.model_dump())
    is_bounded = getattr(settings, "response_format", "bounded_json_schema").startswith("bounded")
    longest = max(bounds.max_question_characters, bounds.max_answer_characters)
    return ExtractionRecipe(
        extract=settings.prompts.template("extract"),
        refine=settings.prompts.template("refine") if settings.refine else None,
        judge=settings.prompts.template("judge") if settings.judge else None,
        max_pairs=settings.max_pairs,
        max_characters=longest if is_bounded else None,
        min_score=settings.min_score,
        bounds=bounds,
    )


def _status(found: TextPairs) -> ExtractionStatus:
    if found.parsed.pairs:
        return "pairs"
    return "failed" if found.failure else "no pairs"
