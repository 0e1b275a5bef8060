import base64
import json
import logging
import traceback
from urllib.parse import quote

import pytest

from equal_assets.errors import ExtractionError
from equal_assets.secrets import hide, hide_in_logs, in_address, scrub

SECRET = "sk-7xK/3v+R9=\"m'T2\\<&>%41"


def forms():
    yield SECRET
    yield quote(SECRET, safe="")
    yield quote(SECRET)
    yield json.dumps(SECRET)[1:-1]
    yield json.dumps(json.dumps(SECRET))
    yield repr(SECRET)[1:-1]
    yield "".join(f"\\u{ord(c):04X}" for c in SECRET)
    yield "".join(f"&#{ord(c)};" for c in SECRET)
    for n in range(3):
        yield base64.b64encode(b"x" * n + SECRET.encode() + b"y").decode()
        yield base64.urlsafe_b64encode(b"x" * n + SECRET.encode()).decode()


@pytest.mark.parametrize("form", forms())
def test_secret_is_found_in_every_form(form):
    hidden = hide(f"before {form} after", {SECRET: "[KEY]"})
    assert "[KEY]" in hidden
    assert "7xK" not in hidden
    assert hidden.startswith("before")
    assert hidden.endswith("after")


def test_text_without_a_secret_stays_as_it_is(monkeypatch):
    monkeypatch.setenv("MY_API_KEY", SECRET)
    monkeypatch.setenv("PGPASSWORD", "postgres")
    text = "prompt_cache_key=1, postgres at http://host:5000/v1?page=2#top, mail me@host"
    assert hide(text) == text


def test_variable_named_like_a_secret_is_one(monkeypatch):
    monkeypatch.setenv("SOME_CLOUD_API_KEY", "a1b2c3d4e5")
    monkeypatch.setenv("TOKENIZERS_PARALLELISM", "false-or-true1")
    assert hide("a1b2c3d4e5 false-or-true1") == "[SOME_CLOUD_API_KEY] false-or-true1"


def test_password_and_key_in_any_address_are_hidden():
    told = hide("GET https://me:pw@host/a?api-key=abc&v=1 failed, then https://token@host/")
    assert told == (
        "GET https://[hidden]@host/a?api-key=[hidden]&v=1 failed, then https://[hidden]@host/"
    )
    assert in_address("http://u:longer%2Fpw@h/v1?key=kkkkkk&page=2") == {
        "longer/pw": "[password]",
        "kkkkkk": "[key]",
    }
    assert in_address("http://[no-host") == {}


def test_error_of_the_project_holds_no_secret(monkeypatch):
    monkeypatch.setenv("MY_API_KEY", SECRET)
    assert SECRET not in str(ExtractionError(f"refused: {SECRET}"))


def test_all_that_led_to_an_error_is_scrubbed(monkeypatch):
    monkeypatch.setenv("MY_API_KEY", SECRET)

    class OddError(Exception):
        def __str__(self) -> str:
            return f"odd {SECRET}"

    def fail():
        try:
            try:
                try:
                    raise OddError
                except OddError as error:
                    raise ValueError(f"first {SECRET}", 3) from error
            except ValueError:
                raise KeyError(SECRET)  # noqa: B904 - its context is what is looked at
        except KeyError as error:
            error.add_note(f"note {SECRET}")
            raise ExceptionGroup(f"all {SECRET}", [error]) from error

    with pytest.raises(ExceptionGroup) as raised:
        fail()
    assert "7xK" in "".join(traceback.format_exception(raised.value))
    shown = "".join(traceback.format_exception(scrub(raised.value)))
    assert "7xK" not in shown
    assert "odd [MY_API_KEY]" in shown
    assert "note [MY_API_KEY]" in shown


def test_no_logger_writes_a_secret(monkeypatch, caplog):
    monkeypatch.setenv("MY_API_KEY", SECRET)
    hide_in_logs()
    logger = logging.getLogger("of.a.library")
    logger.warning(f"sent {SECRET}")
    logger.warning("sent %s to %d with %s", SECRET, 3, {"Authorization": f"Bearer {SECRET}"})
    logger.warning("sent %(key)s", {"key": SECRET})
    assert "7xK" not in caplog.text
    assert caplog.messages[1].startswith("sent [MY_API_KEY] to 3 with {'Authorization'")


@pytest.mark.timing
def test_hiding_takes_time_in_proportion_to_the_text():
    import time

    def seconds(text: str) -> float:
        started = time.perf_counter()
        hide(text, {SECRET: "[KEY]", "\\\\\\\\\\\\": "[SLASHES]"})
        return time.perf_counter() - started

    for unit in ("sk-7", "\\", "%", "&#0", "://a", "?key=", "://:@", "\\u00"):
        short = min(seconds(unit * 5_000) for _ in range(3))
        assert seconds(unit * 40_000) < 8 * 4 * max(short, 0.001), unit
