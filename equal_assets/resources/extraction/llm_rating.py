"""Ratings by an LLM: how useful a document is for a target, from its beginning."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial

from equal_assets.algorithms.extraction.rating import RatingTask
from equal_assets.algorithms.extraction.recipe import Request
from equal_assets.records import Document, Rating
from equal_assets.resources.llm.requests import Job, LLMRequests
from equal_assets.resources.llm.spending import Amount, Meter


async def rate_documents(
    requests: LLMRequests,
    documents: Sequence[Document],
    task: RatingTask,
    emit: Callable[[Rating], None],
) -> None:
    """Rate documents, many at once, and emit each rating as soon as it is done.

    A document that exceeds a cap of the campaign is not emitted.

    Raises
    ------
    ExtractionError
        If a cap of the run is spent, or no server answers.
    """

    def jobs() -> Iterator[Job]:
        for document in documents:
            request = task.request(document.text)
            bound = requests.bound(request.messages) + Amount(documents=1)
            yield Job(bound, partial(_rate, requests, document, request, emit))

    await requests.run(jobs())


async def _rate(
    requests: LLMRequests,
    document: Document,
    request: Request,
    emit: Callable[[Rating], None],
    meter: Meter,
) -> None:
    reply = await requests.answer(request, document, meter)
    emit(Rating(document.content_hash, reply.value, reply.failure, meter.usage))
