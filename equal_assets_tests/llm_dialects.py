"""What servers that are not OpenAI send instead of a plain completion, one function a kind."""

import json
from collections.abc import Callable
from typing import Any

DRAFT = json.dumps({"pairs": [{"question": "At how many degrees?", "answer": "unclear"}]})
PAGE = "<!doctype html><html><head><title>Chat</title></head><body>Sign in</body></html>"
QUOTA = "Your quota is used up; see your plan and billing"


class Answer:
    """The response of a dialect: status, body and type, and whether a server would charge."""

    def __init__(
        self,
        body: Any,
        *,
        status: int = 200,
        content_type: str = "application/json",
        billed: bool = True,
    ):
        self.body = (body if isinstance(body, str) else json.dumps(body)).encode()
        self.status, self.content_type, self.billed = status, content_type, billed


Dialect = Callable[[dict, dict], Answer]
"""Takes the plain completion and the request."""


def refused(status: int, message: str, code: str | None = None, param: str | None = None) -> Answer:
    error = {"message": message, "type": code, "param": param, "code": code}
    return Answer({"error": error}, status=status, billed=False)


def message(**fields: Any) -> Dialect:
    """Return a dialect that replaces fields of the message; a function makes one of the reply."""

    def speak(plain: dict, asked: dict) -> Answer:
        said = plain["choices"][0]["message"]
        made = {k: v(said["content"]) if callable(v) else v for k, v in fields.items()}
        finish = made.pop("finish", "stop")
        plain["choices"][0] |= {"message": {**said, **made}, "finish_reason": finish}
        return Answer(plain)

    return speak


def whole(**fields: Any) -> Dialect:
    """Return a dialect that replaces fields of the response."""

    def speak(plain: dict, asked: dict) -> Answer:
        made = {k: v(plain) if callable(v) else v for k, v in fields.items()}
        return Answer({**plain, **made}, billed="error" not in fields)

    return speak


def always(answer: Callable[[], Answer]) -> Dialect:
    return lambda plain, asked: answer()


def without(field: str, status: int, body: dict) -> Dialect:
    """Return a dialect that refuses requests with a field."""

    def speak(plain: dict, asked: dict) -> Answer:
        return Answer(body, status=status, billed=False) if field in asked else Answer(plain)

    return speak


def _parameter(name: str, instead: str) -> dict:
    text = f"Unsupported parameter: '{name}'; {instead}"
    return {"error": {"message": text, "code": "unsupported_parameter", "param": name}}


def _reasoning_model(plain: dict, asked: dict) -> Answer:
    for name in ("max_tokens", "temperature", "top_p"):
        if name in asked:
            return Answer(_parameter(name, "not with this model"), status=400, billed=False)
    return Answer(plain)


def _stream(plain: dict, asked: dict) -> Answer:
    text = plain["choices"][0]["message"]["content"]
    pieces = [
        {"choices": [{"index": 0, "delta": {"content": text[at : at + 7]}}]}
        for at in range(0, len(text), 7)
    ]
    pieces.append({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]})
    pieces.append({"choices": [], "usage": plain["usage"]})
    lines = [f"data: {json.dumps(piece)}\n\n" for piece in pieces]
    return Answer(": ping\n\n" + "".join(lines) + "data: [DONE]\n\n", content_type=STREAM)


STREAM = "text/event-stream; charset=utf-8"


def _pairs(change: Callable[[list[dict]], list[Any]], **keys: str) -> Callable[[str], str]:
    """Return a function that changes the pairs of a reply."""

    def changed(text: str) -> str:
        reply = json.loads(text)
        return json.dumps({"pairs": change(reply["pairs"])}) if "pairs" in reply else text

    return changed


def _numbers(pairs: list[dict]) -> list[dict]:
    def number(pair: dict) -> int:
        return int("".join(c for c in str(pair["answer"]).split()[-1] if c.isdigit()))

    return [{**pair, "answer": number(pair)} for pair in pairs]


DIALECTS: dict[str, Dialect] = {
    # replies in another place or form
    "parts": message(
        content=lambda text: [
            {"type": "thinking", "thinking": [{"type": "text", "text": DRAFT}]},
            {"type": "text", "text": text[:9]},
            {"type": "text", "text": text[9:]},
        ]
    ),
    "object": message(content=json.loads),
    "close_think": message(content=lambda text: f"A draft: {DRAFT} No.\n</think>\n\n{text}"),
    "harmony": message(
        content=lambda text: (
            f"<|channel|>analysis<|message|>A draft {DRAFT}<|end|>"
            f"<|start|>assistant<|channel|>final<|message|>{text}"
        )
    ),
    "fenced": message(content=lambda text: f"Here they are:\n```json\n{text}\n```\nMore?"),
    "stream": _stream,
    # pairs of another kind
    "numbers": message(content=_pairs(_numbers)),
    "one_bad": message(content=_pairs(lambda pairs: [*pairs, {"question": "Q?", "answer": None}])),
    # no reply, but paid for
    "reasoning": message(content="", reasoning_content=lambda text: f"It says so. {text}"),
    "reasoning_cut": message(content=None, reasoning_content="Let me think. " * 9, finish="length"),
    "refusal": message(content=None, refusal="I cannot help with that."),
    "filter": message(content=None, finish="content_filter"),
    "tool_call": message(
        content=None,
        tool_calls=[{"id": "1", "type": "function", "function": {"name": "search"}}],
        finish="tool_calls",
    ),
    "no_message": whole(choices=[{"index": 0, "text": "{}", "finish_reason": "stop"}]),
    # usage
    "string_counts": whole(usage=lambda plain: {k: str(v) for k, v in plain["usage"].items()}),
    "no_usage": whole(usage=None),
    # no completion
    "error_rate": whole(
        choices=None, error={"message": "Provider: too many requests", "code": 429}
    ),
    "error_word": whole(choices=None, error="model is loading"),
    "choice_error": whole(
        choices=[{"index": 0, "error": {"code": 502, "message": "upstream ended"}}]
    ),
    "web_page": always(lambda: Answer(PAGE, content_type="text/html")),
    # refused
    "quota": always(lambda: refused(429, QUOTA, "insufficient_quota")),
    "payment": always(lambda: Answer({"detail": "Insufficient balance"}, status=402, billed=False)),
    "reasoning_model": _reasoning_model,
    "no_max_tokens": without(
        "max_tokens", 400, _parameter("max_tokens", "use 'max_completion_tokens' instead")
    ),
    "no_seed": without(
        "seed",
        422,
        {"detail": [{"loc": ["body", "seed"], "msg": "Extra inputs are not permitted"}]},
    ),
}
