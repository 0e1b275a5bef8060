"""How far a long step is, in a line now and then."""

import time

import pytest

from equal_assets.cli import now_and_then
from equal_assets.cli.now_and_then import told_now_and_then


@pytest.fixture
def said(monkeypatch):
    """Return the lines that are said every hundredth of a second."""
    monkeypatch.setattr(now_and_then, "TELL_EVERY_SECONDS", 0.01)
    return []


def wait_until(holds):
    until = time.monotonic() + 10
    while not holds() and time.monotonic() < until:
        time.sleep(0.005)
    assert holds()


def test_step_that_gets_no_further_is_said_again(said):
    with told_now_and_then(said.append) as hear:
        hear("extraction", 0, 5, "")
        wait_until(lambda: len(said) >= 3)
        hear("extraction", 1, 5, "312 tokens paid")
        wait_until(lambda: said[-1] != said[0])
    assert said[0] == "  extraction: 0 of 5"
    assert said[-1] == "  extraction: 1 of 5 (312 tokens paid)"


def test_where_nobody_knows_how_many_none_are_said(said):
    with told_now_and_then(said.append) as hear:
        hear("reading", 4000, 0, "")
        wait_until(lambda: said)
    assert set(said) == {"  reading: 4,000"}


def test_nothing_is_said_of_what_is_done_or_after_the_end(said):
    with told_now_and_then(said.append) as hear:
        hear("extraction", 1, 5, "")
        wait_until(lambda: said)
        hear("extraction", 5, 5, "")
        n_said = len(said) + 1  # one may be on its way
        time.sleep(0.1)
    assert len(said) <= n_said
    n_said = len(said)
    time.sleep(0.05)
    assert len(said) == n_said
