"""A reply that is read while it is written: loops end it, and what ends it early is kept."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

from equal_assets.algorithms.extraction.loops import LoopWatch
from equal_assets.algorithms.extraction.prompts import Chat
from equal_assets.resources.llm.llm import IN_A_LOOP, STOPPED, Completion, SoFar, TryFailedError
from equal_assets.resources.llm.replies import Hide, Refusal, read_body
from equal_assets.resources.llm.streams import Stream

TIME_OUT = "time-out"
CUT = "connection cut"


class Following:
    """Follows the stream of one reply.

    Parameters
    ----------
    messages : Chat
        What was asked.
    so_far : SoFar
        Kept up to date.
    hide : callable
        Replaces the secrets in a text.
    """

    def __init__(self, messages: Chat, so_far: SoFar, *, hide: Hide) -> None:
        self._stream = Stream()
        self._watch = LoopWatch("\n".join(message["content"] for message in messages))
        self._so_far = so_far
        self._hide = hide

    @asynccontextmanager
    async def within(self, seconds: float) -> AsyncIterator[None]:
        """Name what ends the block early, and keep how far the reply was.

        Raises
        ------
        TryFailedError
            If it takes longer, or the connection is cut.
        """
        try:
            async with asyncio.timeout(seconds):
                yield
        except BaseException as error:
            named = _named(error)
            self._keep(named)
            if named is error:
                raise
            raise named from None

    def _keep(self, error: BaseException) -> None:
        """Keep how far the reply was, if an error says nothing of what it costs."""
        is_lost = isinstance(error, TryFailedError) and error.outcome == "lost"
        is_stopped = isinstance(error, asyncio.CancelledError)
        if (is_lost or is_stopped) and self._so_far.at_most is not None:
            is_cut = isinstance(error, TryFailedError) and error.reason == CUT
            # the last pieces of a cut one may not have come
            written = self._so_far.at_most if is_cut else self._stream.tokens[1]
            self._so_far.completion = self._left(written)

    def _left(self, written: int, failure: TryFailedError | None = None) -> Completion:
        stream = self._stream
        text = self._hide(stream.text)
        return Completion(text, True, stream.tokens[0], written, is_left=True, failure=failure)

    async def read(self, response: Any) -> Completion | Refusal:
        """Return the reply at its end, or what there is of it once it goes round in a loop."""
        stream = self._stream
        async for received in response.aiter_text():
            stream.add(received)
            if stream.body is not None:
                self._so_far.tell(stream.tokens[1])
            if self._watch.sees_loop(stream.thoughts + stream.text):
                return self._left(stream.tokens[1], _looping(self._hide(stream.text)))
        stream.end()
        if stream.body is not None and not stream.is_whole:
            raise _lost(CUT)
        answer = read_body(200, stream.body, stream.received, hide=self._hide)
        if isinstance(answer, Refusal):
            return answer
        read, written = stream.tokens  # also where the server counts none
        return replace(answer, prompt_tokens=read, completion_tokens=written)


def _named(error: BaseException) -> BaseException:
    """Return an error of the connection, of whichever library, as what it means."""
    kinds = {kind.__name__ for kind in type(error).__mro__}
    if kinds & {"TimeoutError", "TimeoutException"}:
        return _lost(TIME_OUT)
    return _lost(CUT) if "TransportError" in kinds else error


def _lost(reason: str) -> TryFailedError:
    return TryFailedError(reason, outcome="lost", next_step="again")


def _looping(reply: str) -> TryFailedError:
    reason = f"{STOPPED}{IN_A_LOOP}"
    return TryFailedError(reason, outcome="unusable", next_step="give up", reply=reply)
