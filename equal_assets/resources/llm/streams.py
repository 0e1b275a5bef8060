"""Replies that come in pieces: the completion so far, and how much of it there is."""

from __future__ import annotations

from typing import Any

from equal_assets.resources.llm.bodies import (
    REASONING_FIELDS,
    content_text,
    count_of,
    read_json,
    storable,
    tokens_of,
)

EVENTS = "text/event-stream"
TEXT_FIELDS = frozenset({"content", "refusal", *REASONING_FIELDS})
KEPT_CHARACTERS = 2000
"""Of what comes, to be shown if it is no completion."""


class Stream:
    """Puts together the server-sent events of a completion.

    Attributes
    ----------
    received : str
        The beginning of what came.
    is_whole : bool
        Whether the server has said that the reply ends here, or why it does not go on.
    """

    def __init__(self) -> None:
        self.received = ""
        self.is_whole = False
        self._line = ""
        self._is_completion = False
        self._n_pieces = 0
        self._message: dict[str, Any] = {}
        self._choice: dict[str, Any] = {"message": self._message}
        self._body: dict[str, Any] = {"choices": [self._choice]}

    @property
    def body(self) -> dict[str, Any] | None:
        """The completion so far, or an error, as if it had come whole; ``None`` if it is none."""
        return self._body if self._is_completion else None

    @property
    def text(self) -> str:
        """What is written of the reply."""
        return storable(self._message.get("content", ""))

    @property
    def thoughts(self) -> str:
        """What is written before the reply."""
        return "".join(self._message.get(name, "") for name in REASONING_FIELDS)

    @property
    def tokens(self) -> tuple[int | None, int]:
        """Tokens read, if the server says, and written: counted in pieces if it does not.

        vLLM tells both with each piece, llama.cpp as its timings; most others send a piece a token.
        """
        read, written = tokens_of(self._body.get("usage"))
        timings = self._body.get("timings")
        if isinstance(timings, dict) and written is None:
            written = count_of(timings.get("predicted_n"))
            parts = [count_of(timings.get(name, 0)) for name in ("prompt_n", "cache_n")]
            read = None if None in parts else sum(part or 0 for part in parts)
        return read, self._n_pieces if written is None else written

    def add(self, received: str) -> None:
        """Take in what has come, which may end within a line."""
        self.received += received[: KEPT_CHARACTERS - len(self.received)]
        *lines, self._line = (self._line + received.replace("\r", "\n")).split("\n")
        for line in lines:
            self._take(line)

    def end(self) -> None:
        """Take in the last line, which nothing has ended."""
        self._take(self._line)
        self._line = ""

    def _take(self, line: str) -> None:
        said = line.removeprefix("data:").strip() if "data:" in line else ""
        self.is_whole |= said == "[DONE]"
        piece = read_json(said)
        if not isinstance(piece, dict):
            return
        self.is_whole |= bool(piece.get("error"))
        self._is_completion |= "choices" in piece or "error" in piece
        self._body |= {key: piece[key] for key in ("usage", "error", "timings") if piece.get(key)}
        choices = piece.get("choices")
        for part in choices if isinstance(choices, list) else ():
            if isinstance(part, dict):
                self._add(part)

    def _add(self, part: dict[str, Any]) -> None:
        self._choice |= {key: part[key] for key in ("finish_reason", "error") if part.get(key)}
        self.is_whole |= bool(part.get("finish_reason") or part.get("error"))
        said = part.get("delta") or part.get("message")
        pieces = {k: v for k, v in said.items() if v} if isinstance(said, dict) else {}
        texts = TEXT_FIELDS & pieces.keys()
        for key in texts:
            self._message[key] = self._message.get(key, "") + content_text(pieces[key])
        self._n_pieces += bool(texts)
