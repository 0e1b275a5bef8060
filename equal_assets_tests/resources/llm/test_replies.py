"""Bodies as servers of many kinds send them: what is read, what it is called, what it costs."""

import contextlib
import json
import random

import pytest

from equal_assets.algorithms.extraction.parsing import parse_pairs
from equal_assets.errors import ExtractionError
from equal_assets.resources.llm.llm import Completion, TryFailedError
from equal_assets.resources.llm.openai_client import OpenAIClient
from equal_assets.resources.llm.replies import Refusal, is_of_reply, read_response, refusal, words
from equal_assets.secrets import hide
from equal_assets.settings import OpenAISettings

REPLY = '{"pairs": [{"question": "Q?", "answer": "A"}]}'
STREAM = "text/event-stream"


class Server:
    """What a client remembers of a server."""

    url = "http://h/v1"

    def __init__(self):
        self.pauses = []

    def pause(self, seconds):
        self.pauses.append(seconds)


def response(content=REPLY, finish_reason="stop", **message):
    choice = {"message": {"content": content, **message}, "finish_reason": finish_reason}
    usage = {"prompt_tokens": 100, "completion_tokens": 50}
    return {"choices": [choice], "usage": usage}


def read(body, content_type="application/json"):
    return read_response(200, body if isinstance(body, str) else json.dumps(body), content_type)


def events(*pieces):
    return "".join(f"data: {json.dumps(piece)}\r\n\r\n" for piece in pieces) + "data: [DONE]\n"


def delta(finish_reason=None, **fields):
    return {"choices": [{"delta": fields, "finish_reason": finish_reason}]}


READ = {
    "plain": response(),
    "one part": response({"type": "text", "text": REPLY}),
    "parts": response([{"type": "reasoning", "text": "Hm."}, {"type": "text", "text": REPLY}]),
    "text in a part's value": response([{"type": "text", "text": {"value": REPLY}}]),
    "strings as parts": response([REPLY[:5], REPLY[5:]]),
    "JSON that is read already": response(json.loads(REPLY)),
    "list of pairs that is read already": response(json.loads(REPLY)["pairs"]),
    "written as JSON twice": response(json.dumps(REPLY)),
    "marks of Kimi": response(f"◁think▷{REPLY.replace('A', 'B')}◁/think▷{REPLY}"),
    "marks of Seed": response(f"<seed:think>{REPLY.replace('A', 'B')}</seed:think>{REPLY}"),
    "end of turn": response(f"{REPLY}<|im_end|>"),
    "byte order mark": "\ufeff" + json.dumps(response()),
    "counts as floats": {
        **response(),
        "usage": {"prompt_tokens": 100.0, "completion_tokens": "50"},
    },
    "counts by other names": {**response(), "usage": {"input_tokens": 100, "output_tokens": 50}},
    "counts in part": {**response(), "usage": {"prompt_tokens": 100, "total_tokens": 150}},
    "half a character": response(f"{REPLY} \ud83d"),
    "error that is none": {**response(), "error": None},
}


@pytest.mark.parametrize("kind", READ)
def test_reply_is_read_whatever_holds_it(kind):
    found = read(READ[kind])
    assert isinstance(found, Completion)
    assert found.failure is None
    found.text.encode()  # can be stored
    assert [(pair.question, pair.answer) for pair in parse_pairs(found.text).pairs] == [("Q?", "A")]
    assert (found.prompt_tokens, found.completion_tokens) == (100, 50)


def test_reply_that_is_streamed_unasked_is_put_together():
    usage = {"choices": [], "usage": {"prompt_tokens": 100, "completion_tokens": 50}}
    pieces = [delta(reasoning_content="Hm. "), delta(content=REPLY[:9]), delta(content=REPLY[9:])]
    found = read(": ping\n\n" + events(*pieces, delta("stop"), usage), STREAM)
    assert found == Completion(REPLY, False, 100, 50)
    assert read(events(*pieces, delta("length")), STREAM).is_cut_off


NO_COUNTS = (-1, True, 1e30, 10**400, float("nan"), 0.5, "many", [], {})


@pytest.mark.parametrize("usage", [None, [], "many", *({"prompt_tokens": n} for n in NO_COUNTS)])
def test_count_that_is_none_is_unknown(usage):
    found = read({**response(), "usage": usage})
    assert (found.prompt_tokens, found.completion_tokens) == (None, None)


UNUSABLE = {
    "reasoning": (
        response("", reasoning="It says so."),
        "the reply came as reasoning, its content is empty",
    ),
    "reasoning parts": (
        response([{"type": "thinking", "thinking": "Hm."}]),
        "the reply came as reasoning, its content is empty",
    ),
    "cut off": (response(REPLY[:9], "length"), "reply cut off at max_reply_tokens"),
    "cut off by another name": (response(REPLY[:9], "MAX_TOKENS"), "reply cut off at max_reply_t"),
    "refusal": (response(None, refusal="I will not; no."), "the model refuses: I will not; no."),
    "refusal in a part": (
        response([{"type": "refusal", "refusal": "I will not."}]),
        "the model refuses: I will not.",
    ),
    "filter": (response("", "content_filter"), "the server's content filter stopped the reply"),
    "filter of Gemini": (response(None, "SAFETY"), "the server's content filter stopped the reply"),
    "tool": (
        response(None, tool_calls=[{"function": {"name": "search"}}]),
        "the model calls a tool instead of replying: search",
    ),
    "function": (
        response(None, function_call={"name": "pairs", "arguments": REPLY}),
        "the model calls a tool instead of replying: pairs",
    ),
    "ended by an error": (response('{"p', "error"), "the server ended the reply with an error"),
    "no message": (
        {"choices": [{"text": REPLY}]},
        "no message in the response: its choice has tex",
    ),
    "message that is text": ({"choices": [{"message": REPLY}]}, "no message in the response"),
    "no choices": ({"choices": []}, "no choices in the response"),
}


@pytest.mark.parametrize("kind", UNUSABLE)
def test_paid_reply_that_is_none_is_named(kind):
    body, reason = UNUSABLE[kind]
    found = read(body)
    assert isinstance(found, Completion)
    assert found.failure.reason.startswith(reason)
    assert found.failure.outcome == "unusable"
    told = found.failure.reason
    assert is_of_reply(told) == (kind != "ended by an error")  # which may pass
    several = f"chunk 1 of 2: refinement: {told}; chunk 2 of 2: empty reply"
    assert is_of_reply(several) == is_of_reply(told)
    assert not is_of_reply(f"chunk 1 of 2: {told}; chunk 2 of 2: HTTP 500")


NO_COMPLETION = {
    "nothing": ("", "response is no completion: empty"),
    "page": (
        "<!DOCTYPE html><html><b>Sign in</b></html>",
        "response is no completion (a web page)",
    ),
    "detail": ({"detail": "Not Found"}, "response is no completion: Not Found"),
    "Ollama's own": ({"message": {"content": REPLY}, "done": True}, "response is no completion: {"),
    "null": ({"choices": None}, 'response is no completion: {"choices": null}'),
    "choices that are no list": ({"choices": {}}, "response is no completion"),
    "events of another kind": (events({"type": "message_start"}), "response is no completion"),
}


@pytest.mark.parametrize("kind", NO_COMPLETION)
def test_body_that_is_no_completion_is_named_with_what_it_says(kind):
    body, reason = NO_COMPLETION[kind]
    with pytest.raises(TryFailedError) as told:
        read(body, STREAM if kind.startswith("events") else "application/json")
    assert told.value.reason.startswith(reason)
    assert told.value.outcome == "lost"
    assert len(told.value.reason) < 300
    assert not is_of_reply(told.value.reason)


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"error": {"message": "No.", "type": "t"}}, "No."),
        ({"error": "No."}, "No."),
        ([{"error": {"code": 400, "message": "No.", "status": "INVALID"}}], "No."),
        ({"detail": [{"loc": ["body", "seed"], "msg": "Extra"}]}, "body.seed: Extra"),
        ({"object": "error", "message": {"detail": [{"loc": ["a"], "msg": "B"}]}}, "a: B"),
        ({"errors": ["One.", "Two."]}, "One.; Two."),
        ({"code": 7}, '{"code": 7}'),
        ("<html><style>p {}</style><h1>413</h1>\n<p>Too&nbsp;large</p></html>", "413 Too large"),
        ("upstream connect error", "upstream connect error"),
        ("x" * 500, "x" * 200 + "..."),
    ],
)
def test_words_of_a_server_are_found_wherever_they_stand(body, said):
    assert words(body if isinstance(body, str) else json.dumps(body)) == said


def refused(status, body, **settings):
    """Return what a refusal means, and how often the server is given a pause."""
    made = OpenAISettings(backend="openai", base_urls=["http://h/v1"], model="m", **settings)
    server = Server()
    text = body if isinstance(body, str) else json.dumps(body)
    return OpenAIClient(made)._refused(server, refusal(status, text), {}), len(server.pauses)


SPENT = {
    "OpenAI": (429, {"error": {"message": "Quota.", "code": "insufficient_quota"}}),
    "OpenAI's limit": (400, {"error": {"message": "Limit.", "code": "billing_hard_limit_reached"}}),
    "DeepSeek": (402, {"error": {"message": "Insufficient Balance"}}),
    "Anthropic": (400, {"error": {"message": "Your credit balance is too low to access the API"}}),
    "Moonshot": (429, {"error": {"type": "exceeded_current_quota_error", "message": "Recharge"}}),
    "Zhipu": (429, {"error": {"code": "1113", "message": "余额不足或无可用资源包,请充值。"}}),
    "Google's limit of a day": (
        429,
        [
            {
                "error": {
                    "code": 429,
                    "message": "You exceeded your current quota. Please retry in 22s.",
                    "details": [
                        {"violations": [{"quotaId": "GenerateRequestsPerDayPerProject-FreeTier"}]},
                        {"retryDelay": "22s"},
                    ],
                }
            }
        ],
    ),
}


@pytest.mark.parametrize("kind", SPENT)
def test_account_without_money_is_told_from_a_server_that_is_busy(kind):
    error, n_pauses = refused(*SPENT[kind])
    assert isinstance(error, ExtractionError)
    assert "has no quota or money left" in str(error)
    assert n_pauses == 0


@pytest.mark.parametrize(
    "body",
    [
        {"error": {"message": "Rate limit reached; add a payment method", "code": "rate_limit"}},
        [{"error": {"code": 429, "message": "You exceeded your current quota. Retry in 12s."}}],
        "",
    ],
)
def test_busy_server_is_waited_for(body):
    error, n_pauses = refused(429, body)
    assert (error.reason, error.next_step, n_pauses) == ("HTTP 429", "wait", 1)


@pytest.mark.parametrize(
    ("body", "seconds"),
    [
        ({"error": {"message": "Please try again in 7m12.5s."}}, 432.5),
        ({"error": {"message": "Limit 3. Try again in 20s"}}, 20.0),
        ({"error": {"message": "Please try again in 1h2m3s."}}, 3723.0),
        ({"error": {"message": "Please retry after 2 seconds."}}, 2.0),
        ({"error": {"message": "Please try again in 857ms."}}, None),
        ([{"error": {"message": "x", "details": [{"retryDelay": "34s"}]}}], 34.0),
        ({"error": {"message": "Too many requests."}}, None),
        ("Please try again in a moment", None),
    ],
)
def test_wait_that_a_server_asks_for_in_words_is_kept(body, seconds):
    text = body if isinstance(body, str) else json.dumps(body)
    assert refusal(429, text).wait_seconds == seconds


@pytest.mark.parametrize("status", [429, 500, 503])
def test_words_of_a_busy_server_are_told_beside_the_reason(status):
    error, _ = refused(status, {"error": {"message": "Loading model", "type": "unavailable"}})
    assert (error.reason, error.told) == (f"HTTP {status}", f"HTTP {status}: Loading model")


@pytest.mark.parametrize(
    ("status", "message"),
    [(401, "No."), (403, "No."), (400, "API key not valid. Please pass a valid API key.")],
)
def test_refused_key_ends_the_run(status, message):
    error, _ = refused(status, [{"error": {"message": message}}])
    assert isinstance(error, ExtractionError)
    assert f"refuses a request without a key (HTTP {status}): {message}" in str(error)


@pytest.mark.parametrize(
    ("status", "message"),
    [
        (403, "Input was flagged by moderation"),
        (400, "The response was filtered due to the prompt"),
        (413, "Too large"),
    ],
)
def test_refused_prompt_fails_its_document_alone(status, message):
    error, _ = refused(status, {"error": {"message": message}})
    assert (error.reason, error.next_step) == (f"HTTP {status}: {message}", "give up")
    assert error.outcome == "refused"


@pytest.mark.parametrize(
    ("said", "settings", "advice"),
    [
        ("Unsupported parameter: 'max_tokens'", {}, "limit_field: max_completion_tokens"),
        (
            "max_completion_tokens: Extra inputs are not permitted",
            {"limit_field": "max_completion_tokens"},
            "limit_field: max_tokens",
        ),
        (
            "max_tokens is too large: 2048. The model takes at most 1024",
            {},
            "a lower max_reply_tokens or chunk_characters",
        ),
        (
            "This model's maximum context length is 4096 tokens. However, you requested 4500.",
            {},
            "a lower max_reply_tokens or chunk_characters",
        ),
        (
            "the request exceeds the available context size (4096 tokens), try increasing it",
            {},
            "a lower max_reply_tokens or chunk_characters",
        ),
        (
            "prompt is too long: 210000 tokens > 200000 maximum",
            {},
            "a lower max_reply_tokens or chunk_characters",
        ),
        (
            "The input token count (9000) exceeds the maximum number of tokens allowed (8192).",
            {},
            "a lower max_reply_tokens or chunk_characters",
        ),
        ("'temperature' does not support 0 with this model", {}, "temperature: null"),
        ("unknown field top_p", {}, "top_p: null"),
        ("body.seed: Extra inputs are not permitted", {}, "seed: null"),
        (
            "'response_format.type' must be 'json_schema' or 'text'",
            {"response_format": "json_object"},
            "response_format: json_schema, or text",
        ),
    ],
)
def test_field_that_is_not_taken_is_told_by_its_key(said, settings, advice):
    error, _ = refused(400, {"error": {"message": said}}, **settings)
    assert error.reason == f"HTTP 400: {said} (under `extractor`, set {advice})"


ODD = (None, True, 0, -1, 1.5, "", "x", [], [[]], [1], {}, {"a": 1}, {"error": {"error": []}})


def changed(value, rng):
    """Return a value in which something is another, or is gone."""
    if isinstance(value, dict) and value and rng.random() < 0.8:
        key = rng.choice(sorted(value))
        if rng.random() < 0.2:
            return {k: v for k, v in value.items() if k != key}
        return {**value, key: changed(value[key], rng)}
    if isinstance(value, list) and value and rng.random() < 0.8:
        return [changed(value[0], rng), *value[1:]]
    return rng.choice(ODD)


@pytest.mark.parametrize("kind", [*READ, *(kind for kind in UNUSABLE)])
def test_no_body_is_too_odd_to_be_named(kind):
    rng = random.Random(kind)
    body = READ[kind] if kind in READ else UNUSABLE[kind][0]
    for _ in range(300):
        odd = changed(body, rng) if isinstance(body, dict) else rng.choice(ODD)
        for text, content_type in ((json.dumps(odd), "application/json"), (events(odd), STREAM)):
            with contextlib.suppress(TryFailedError):
                found = read_response(200, text, content_type)
                assert isinstance(found, Refusal) or isinstance(found.text, str)
        assert refusal(400, json.dumps(odd)).said is not None


def test_error_within_errors_without_end_is_named():
    deep = '{"error":' * 900 + "1" + "}" * 900
    assert len(words(deep)) < 300


def test_limit_that_a_reasoning_model_reached_is_a_reply_cut_off():
    said = "Could not finish the message because max_tokens or model output limit was reached."
    error, _ = refused(400, {"error": {"message": said}})
    assert (error.reason, error.outcome) == ("reply cut off at max_reply_tokens", "lost")


def test_secrets_stand_in_no_words(monkeypatch):
    monkeypatch.setenv("MY_KEY", "sk-0123456789")
    monkeypatch.setenv("MY_HEADER", "h-0123456789")
    settings = OpenAISettings(
        backend="openai",
        base_urls=["http://h/v1"],
        model="m",
        api_key_variable="MY_KEY",
        headers={"X-Key": "Team ${MY_HEADER}"},
    )
    assert settings.hide("no sk-0123456789, h-0123456789") == "no [MY_KEY], [MY_HEADER]"


@pytest.mark.parametrize(
    "said", ["sk-a<b>c-123456", "sk-a&lt;b&gt;c-123456", "sk-a%3Cb%3Ec-123456"]
)
def test_key_that_looks_like_a_tag_stands_in_no_words(said):
    told = words(f"<p>no {said}", hide=lambda text: hide(text, {"sk-a<b>c-123456": "[KEY]"}))
    assert told == "no [KEY]"


def test_key_that_json_escapes_stands_in_no_reply(monkeypatch):
    monkeypatch.setenv("MY_API_KEY", "sk-0123456789")
    escaped = "".join(f"\\u{ord(c):04x}" for c in "sk-0123456789")
    body = f'{{"choices": [{{"message": {{"content": "it is {escaped}"}}}}]}}'
    assert read_response(200, body, "application/json").text == "it is [MY_API_KEY]"
    assert refusal(401, f'{{"error": {{"message": "no {escaped}"}}}}').said == "no [MY_API_KEY]"
