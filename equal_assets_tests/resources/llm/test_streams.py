"""Replies in pieces, as servers send them."""

import json

import pytest

from equal_assets.resources.llm.streams import Stream

REPLY = '{"pairs": [{"question": "Q?", "answer": "A\u00e4"}]}'


def piece(content, **more):
    return {"choices": [{"index": 0, "delta": {"content": content}}], **more}


def events(*pieces, end="\n\n"):
    return "".join(f"data: {json.dumps(one)}{end}" for one in pieces)


def stream_of(text, size=10**6):
    stream = Stream()
    for start in range(0, len(text), size):
        stream.add(text[start : start + size])
    return stream


@pytest.mark.parametrize("end", ["\n\n", "\r\n\r\n"])
@pytest.mark.parametrize("size", [1, 7, 10**6])
def test_pieces_are_put_together_wherever_they_are_broken(size, end):
    pieces = [piece(REPLY[:9]), piece(REPLY[9:]), {"choices": [{"finish_reason": "stop"}]}]
    stream = stream_of(": ping\n\n" + events(*pieces, end=end) + "data: [DONE]", size)
    stream.end()
    assert stream.text == REPLY
    assert stream.is_whole
    assert stream.body["choices"][0]["finish_reason"] == "stop"


@pytest.mark.parametrize(
    ("more", "tokens"),
    [
        ({}, (None, 3)),
        ({"usage": None}, (None, 3)),
        ({"usage": {"prompt_tokens": 100, "completion_tokens": 7}}, (100, 7)),
        ({"timings": {"cache_n": 90, "prompt_n": 10, "predicted_n": 7}}, (100, 7)),
        ({"timings": {"prompt_n": "many", "predicted_n": 7}}, (None, 7)),
        ({"timings": {"prompt_n": 10, "predicted_n": None}}, (10, 3)),
    ],
    ids=["none", "null", "vLLM", "llama.cpp", "half", "wrong"],
)
def test_tokens_are_those_that_the_server_tells_or_pieces(more, tokens):
    stream = stream_of(events(piece("", **more), *(piece(text, **more) for text in "abc")))
    assert stream.tokens == tokens


def test_stream_that_does_not_end_is_not_whole():
    stream = stream_of(events(piece("a"), piece("b")))
    assert not stream.is_whole
    assert stream.text == "ab"


@pytest.mark.parametrize("text", ["", "<html>Sign in</html>", "data: 7\n", 'data: {"a": 1}\n'])
def test_what_is_no_completion_has_no_body_and_is_kept_to_be_shown(text):
    stream = stream_of(text)
    assert stream.body is None
    assert stream.received == text


def test_little_is_kept_of_a_page_without_end():
    assert len(stream_of("<p>" * 10**5, size=1000).received) == 2000


def test_thoughts_are_told_apart_and_half_a_character_can_be_stored():
    delta = {"choices": [{"delta": {"reasoning_content": "Hm. "}}]}
    stream = stream_of(events(delta, delta, piece("a\ud83d")))
    assert stream.thoughts == "Hm. Hm. "
    assert stream.text == "a\ufffd"
    assert stream.tokens == (None, 3)


@pytest.mark.parametrize("where", [{"error": "x"}, {"choices": [{"error": {"message": "x"}}]}])
def test_error_in_a_stream_is_its_end(where):
    stream = stream_of(events(piece("a"), where))
    assert stream.is_whole
    assert stream.body is not None
