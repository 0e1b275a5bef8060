"""Places for requests: as many at once as the settings allow, and who comes next."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any


@dataclass
class Talk:
    """A chat of several turns, as a server sees it.

    Attributes
    ----------
    has_begun : bool
        A turn of it was answered.
    place : Any
        Where that was: this server has read the document; ``None`` where a backend has but one.
    """

    has_begun: bool = False
    place: Any = None


class Places:
    """As many requests at once as there are places; a chat goes on before another one begins.

    A server keeps what its last requests have read, llama.cpp that of one request per slot. If a
    new document came between two turns of a chat, it would take the slot, and the second turn
    would read its document again.
    """

    def __init__(self, n_places: int) -> None:
        self._n_free = n_places
        self._going_on: deque[asyncio.Future[None]] = deque()
        self._beginning: deque[asyncio.Future[None]] = deque()

    @asynccontextmanager
    async def one(self, *, goes_on: bool) -> AsyncIterator[None]:
        """Wait for a place, and hold it."""
        if self._n_free and (goes_on or not (self._going_on or self._beginning)):
            self._n_free -= 1
        else:
            await self._turn(self._going_on if goes_on else self._beginning)
        try:
            yield
        finally:
            self._leave()

    async def _turn(self, queue: deque[asyncio.Future[None]]) -> None:
        """Wait until a place is given."""
        given = asyncio.get_running_loop().create_future()
        queue.append(given)
        try:
            await given
        except asyncio.CancelledError:
            if given.done() and not given.cancelled():
                self._leave()
            raise

    def _leave(self) -> None:
        """Free a place, and give it away a moment later: who has left it may go on at once."""
        self._n_free += 1
        asyncio.get_running_loop().call_soon(self._give)

    def _give(self) -> None:
        for queue in (self._going_on, self._beginning):
            while self._n_free and queue:
                given = queue.popleft()
                if not given.done():  # a canceled one waits no more
                    self._n_free -= 1
                    given.set_result(None)
