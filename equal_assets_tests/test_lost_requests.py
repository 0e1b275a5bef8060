"""A killed `equal run`: what it had in flight is shown and released, and it goes on."""

import sqlite3
import subprocess
import time
from contextlib import closing
from dataclasses import dataclass

import pytest

from equal_assets_tests.llm_server import running
from equal_assets_tests.project import Project
from equal_assets_tests.test_llm_campaign import KEY, write_settings

pytestmark = pytest.mark.slow

RUN = ("-m", "equal_assets.cli.main", "run", "chosen")
BUDGET_TOKENS, REPLY_TOKENS = 20_000, 1500
PAYS = "payer like 'chosen|%' and outcome"


@dataclass
class Killed:
    """A project whose campaign was killed with requests in flight, and what a second run said."""

    project: Project
    said: str
    returncode: int

    def journal(self, query: str):
        return requests(self.project, query)


def requests(project: Project, query: str):
    """Return the first value of a query on the journal; 0 while there is none."""
    path = project.folder / ".equal" / "requests.sqlite"
    try:
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as journal:
            return journal.execute(query).fetchone()[0]
    except sqlite3.OperationalError:
        return 0


def wait_for(process: subprocess.Popen, condition) -> None:
    deadline = time.monotonic() + 500
    while not condition():
        assert process.poll() is None, "it ended by itself"
        assert time.monotonic() < deadline, "it sends nothing"
        time.sleep(0.05)


@pytest.fixture(scope="module")
def killed(tmp_path_factory, models) -> Killed:
    folder = tmp_path_factory.mktemp("lost")
    project = Project.make(folder / "project", models=models)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("EXTRACTION_TEST_KEY", KEY)
        with running(folder / "slow.jsonl", latency=4.0, key=KEY) as server:
            write_settings(project, server.url)
            # what is lost holds much of the budget
            project.edit(
                extractor={"refine": False, "max_reply_tokens": REPLY_TOKENS},
                campaigns={"chosen": {"budget_tokens": BUDGET_TOKENS}},
            )
            process = project.start(*RUN, log=subprocess.DEVNULL)
            try:
                wait_for(process, lambda: (project.folder / ".equal/command.lock").exists())
                second = project.start(*RUN)
                in_flight = f"select count(*) from requests where {PAYS} = 'open'"
                wait_for(process, lambda: requests(project, in_flight) >= 4)
            finally:
                process.kill()
                process.wait()
            said, _ = second.communicate(timeout=240)
        with running(folder / "log.jsonl", key=KEY) as server:
            project.edit(extractor={"base_urls": [server.url]})
            yield Killed(project, said, second.returncode)


def test_second_run_says_who_works_there_and_ends(killed):
    assert killed.returncode == 1
    assert "is in use by `equal run` (PID " in killed.said
    assert "wait for it or end it, then run this again" in killed.said
    assert "Traceback" not in killed.said


def test_what_a_killed_run_had_in_flight_is_shown_and_given_back_if_people_agree(killed):
    project = killed.project
    ran = project.equal("run", "chosen")
    assert ran.returncode == 0, ran.stdout + ran.stderr
    n_lost = killed.journal(f"select count(*) from requests where {PAYS} = 'lost'")
    held = killed.journal(
        f"select sum(prompt_tokens + completion_tokens) from requests where {PAYS} = 'lost'"
    )
    assert n_lost >= 4
    assert f"chosen: {n_lost} requests hold {held:,} tokens, cost " in ran.stdout
    # the prompt as the server counts prompts, and the longest reply
    assert REPLY_TOKENS * n_lost < held < (REPLY_TOKENS + 600) * n_lost
    used = "select sum(n_documents)::int from bandit_round"
    before = project.sql(used).item()
    asked = project.equal("retry", "--release-lost", "chosen")
    assert asked.returncode == 1
    assert "Count them as not charged?" in asked.stdout
    assert f"requests hold {held:,} tokens" in project.equal("status").stdout
    released = project.equal("retry", "--release-lost", "--yes", "chosen")
    assert released.returncode == 0, released.stdout + released.stderr
    assert "they count as not charged now; `equal run` goes on with chosen" in released.stdout
    assert "Lost requests" not in project.equal("status").stdout
    again = project.equal("run", "chosen")
    assert again.returncode == 0, again.stdout + again.stderr
    assert project.sql(used).item() > before
    spent = "select tokens from accounts where name = 'payer chosen'"
    assert 0.5 * BUDGET_TOKENS < killed.journal(spent) <= BUDGET_TOKENS
    empty = project.equal("retry", "--release-lost", "--yes")
    assert "no lost request of these campaigns or of the warm-up counts as paid" in empty.stdout
