import sqlite3
import subprocess
import sys

import pytest

from equal_assets.errors import ReviewError
from equal_assets.records import QAPair
from equal_assets.resources.verdicts import PairVerdict, Verdicts

A, B = QAPair("a?", "1"), QAPair("b?", "2")


@pytest.fixture
def verdicts(tmp_path):
    return Verdicts(tmp_path / "state" / "verdicts.sqlite")


def said(verdicts, target="t", **more):
    return {v.pair: v.said for v in verdicts.standing(target, **more).values()}


def test_newest_word_counts_for_its_target_alone(verdicts):
    verdicts.add("t", [PairVerdict(A, "rejected", "anna", reason="wrong")])
    verdicts.add("t", [PairVerdict(A, "accepted", "ben"), PairVerdict(B, "rejected", "ben")])
    verdicts.add("u", [PairVerdict(B, "accepted", "ben")])
    assert said(verdicts) == {A: "accepted", B: "rejected"}
    assert said(verdicts, "u") == {B: "accepted"}
    standing = verdicts.standing("t")[A]
    assert (standing.reviewer, standing.reason) == ("ben", "")
    assert standing.said_at.endswith("+00:00")


def test_edited_pair_keeps_both_texts(verdicts):
    verdicts.add("t", [PairVerdict(A, "edited", "anna", edited=B)])
    assert verdicts.standing("t")[A].edited == B


def test_taking_back_goes_on_to_earlier_words_of_the_same_reviewer(verdicts):
    verdicts.add("t", [PairVerdict(A, "accepted", "anna")])
    verdicts.add("t", [PairVerdict(A, "rejected", "anna")])
    verdicts.add("t", [PairVerdict(B, "rejected", "ben")])
    assert verdicts.take_back("t", "anna", {A, B}) == A
    assert said(verdicts) == {A: "accepted", B: "rejected"}
    assert verdicts.take_back("t", "anna", {A, B}) == A
    assert said(verdicts) == {B: "rejected"}
    assert verdicts.take_back("t", "anna", {A, B}) is None
    assert verdicts.take_back("u", "ben", {A, B}) is None
    assert verdicts.take_back("t", "ben", {A}) is None  # it is on a pair that is not shown
    assert said(verdicts) == {B: "rejected"}


def test_round_sees_what_stood_when_it_began_however_often_it_is_played(verdicts):
    verdicts.begin_round("c", 1)
    verdicts.add("t", [PairVerdict(A, "accepted", "anna")])
    verdicts.begin_round("c", 2)
    verdicts.take_back("t", "anna", {A})
    verdicts.add("t", [PairVerdict(B, "rejected", "anna")])
    for number in (1, 2):
        verdicts.begin_round("c", number)
    assert said(verdicts, until=verdicts.seen_by("c", 1)) == {}
    assert said(verdicts, until=verdicts.seen_by("c", 2)) == {A: "accepted"}
    assert verdicts.seen_by("c", 3) is None
    verdicts.forget_rounds("c", 2)
    verdicts.begin_round("c", 2)
    assert verdicts.seen_by("c", 1) == 0
    assert said(verdicts, until=verdicts.seen_by("c", 2)) == {B: "rejected"}


def test_digest_changes_with_what_counts_and_with_nothing_else(verdicts):
    assert verdicts.digest("t") is None
    verdicts.add("t", [PairVerdict(A, "accepted", "anna")])
    before = verdicts.digest("t")
    verdicts.add("u", [PairVerdict(B, "accepted", "anna")])
    verdicts.add("t", [PairVerdict(B, "rejected", "anna")])
    assert verdicts.digest("t") != before
    verdicts.take_back("t", "anna", {B})
    assert verdicts.digest("t") == before


def test_reading_makes_no_file_and_all_verdicts_are_stored_or_none(verdicts):
    assert said(verdicts) == {}
    assert not verdicts.path.exists()
    with pytest.raises(ReviewError, match="verdicts of reviewers cannot be used"):
        verdicts.add("t", [PairVerdict(A, "accepted", "anna"), PairVerdict(B, "odd", "anna")])
    assert said(verdicts) == {}


def test_verdict_of_a_killed_process_is_kept(verdicts):
    code = (
        "import os, pathlib, sys\nfrom equal_assets.records import QAPair\n"
        "from equal_assets.resources.verdicts import PairVerdict, Verdicts\n"
        "v = Verdicts(pathlib.Path(sys.argv[1]))\n"
        "v.add('t', [PairVerdict(QAPair('a?', '1'), 'rejected', 'anna', reason='wrong')])\n"
        "os.kill(os.getpid(), 9)\n"
    )
    done = subprocess.run([sys.executable, "-c", code, str(verdicts.path)])
    assert done.returncode == -9
    assert verdicts.standing("t")[A].reason == "wrong"


def test_file_that_is_none_and_one_of_a_later_version_say_what_to_do(verdicts):
    verdicts.add("t", [PairVerdict(A, "accepted", "anna")])
    with sqlite3.connect(verdicts.path) as connection:
        connection.execute("pragma user_version = 9")
    with pytest.raises(ReviewError, match="has format 9: must be 1, this version's; update"):
        verdicts.add("t", [PairVerdict(A, "accepted", "anna")])
    verdicts.path.write_text("no database at all " * 100)
    with pytest.raises(ReviewError, match="cannot be used: file is not a database"):
        verdicts.standing("t")
