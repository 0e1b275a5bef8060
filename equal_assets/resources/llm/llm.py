"""Role: chats in, completions out, many at once; one module per backend."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Any, Generic, Literal, TypeVar

from equal_assets.algorithms.extraction.prompts import Chat
from equal_assets.secrets import hide

CUT_OFF = "reply cut off at max_reply_tokens"
STOPPED = "reply stopped"
IN_A_LOOP = ", going round in a loop"
"""Added where a higher limit would be spent in vain."""

NOTED_TOKENS = 64
"""Between two notes of how far a reply is; later half of what there is."""

NextStep = Literal["again", "wait", "give up", "unreachable"]


class TryFailedError(Exception):
    """A try gave no completion.

    Attributes
    ----------
    reason : str
        One of a few fixed phrases, so that they can be counted.
    outcome : {"refused", "unusable", "lost"}
        Not charged, charged for nothing, or nobody knows.
    next_step : {"again", "wait", "give up", "unreachable"}
        Try again; try again without counting this try, because the server asked to wait; do not
        try again; try again, and stop the run if it goes on failing.
    reply : str or None
        What was paid for, if it is known: the same again would be paid for in vain.
    said : str
        The server's words, where they are no part of the reason.
    partial : str
        What had come of the reply when this ended it.
    """

    def __init__(
        self,
        reason: str,
        *,
        outcome: Literal["refused", "unusable", "lost"],
        next_step: NextStep,
        reply: str | None = None,
        said: str = "",
    ) -> None:
        self.reason = hide(reason)
        super().__init__(self.reason)
        self.outcome = outcome
        self.next_step = next_step
        self.reply = reply
        self.said = said
        self.partial = ""

    @property
    def told(self) -> str:
        """The reason with the server's words."""
        return f"{self.reason}: {self.said}" if self.said else self.reason


@dataclass(frozen=True)
class Completion:
    """What an LLM wrote.

    Attributes
    ----------
    text : str
    is_cut_off : bool
        It ended at the token limit.
    prompt_tokens, completion_tokens : int or None
        ``None`` if the server does not say.
    is_left : bool
        The connection was closed before its end.
    failure : TryFailedError or None
        Why it is no reply, though it is charged.
    """

    text: str
    is_cut_off: bool
    prompt_tokens: int | None
    completion_tokens: int | None
    is_left: bool = False
    failure: TryFailedError | None = None


@dataclass
class SoFar:
    """What a request has taken, as far as its server tells while it writes.

    Attributes
    ----------
    note : callable
        Keeps how many tokens there are at most, should this process be killed.
    at_most : int or None
        The last of these; ``None``: nobody knows.
    completion : Completion or None
        What there was when something ended the request before its reply.
    """

    note: Callable[[int], None] = field(default=lambda at_most: None)
    at_most: int | None = None
    completion: Completion | None = None

    def tell(self, written: int) -> None:
        """Take in how many tokens are written, before there are more."""
        if self.at_most is None or written >= self.at_most:
            self.at_most = written + max(NOTED_TOKENS, written // 2)
            self.note(self.at_most)


Place = TypeVar("Place")


class LLM(ABC, Generic[Place]):
    """A model behind a server or an engine; all methods run in one event loop."""

    @abstractmethod
    async def start(self) -> None:
        """Make ready; raise ExtractionError if that fails."""

    @abstractmethod
    def room(self, before: Place | None = None) -> AbstractAsyncContextManager[Place]:
        """Wait until a request may be sent, and hold its place until it is done.

        It is the one where the chat was before, if that has room.
        """

    @abstractmethod
    async def complete(
        self,
        place: Place,
        messages: Chat,
        schema: dict[str, Any],
        *,
        seed: int | None,
        idempotency_key: str | None = None,
        so_far: SoFar | None = None,
    ) -> Completion:
        """Return the reply to a chat that follows a JSON schema.

        A server that knows idempotency keys charges once what is sent with the same one. A backend
        that sees the reply while it is written keeps ``so_far`` up to date.

        Raises
        ------
        TryFailedError
            If this try gave none.
        ExtractionError
            If another try would not help: the key or the model is refused, or the money is spent.
        """

    def count(self, messages: Chat) -> int | None:
        """Return the tokens that the model reads for a chat; None if only a request tells."""
        return None

    @abstractmethod
    async def close(self) -> None:
        """Release connections or the GPU."""
