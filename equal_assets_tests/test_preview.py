"""`equal preview` before, between and after campaigns, by requests that a server counts."""

import re
import time
from collections import Counter

import pytest

from equal_assets.resources.llm.journal import journal
from equal_assets_tests.llm_server import running
from equal_assets_tests.project import Project
from equal_assets_tests.test_llm_campaign import KEY, write_settings

PROMPT = "Pairs of question and answer, as JSON, from:\n<document>\n$document\n</document>\n"


class Previewed:
    """A project whose LLM is a server that counts."""

    def __init__(self, project, server):
        self.project, self.server = project, server

    def equal(self, *arguments, returncode=0):
        """Run the command; return what it printed and how many requests it sent."""
        before = len(self.server.requests())
        done = self.project.equal(*arguments)
        assert done.returncode == returncode, done.stdout + done.stderr
        said = " ".join((done.stdout + done.stderr).split())
        return said, len(self.server.requests()) - before

    def spent(self, payer):
        with journal(self.project.folder / ".equal" / "requests.sqlite") as opened:
            return opened.spent(payer=payer)


@pytest.fixture(scope="module")
def previewed(tmp_path_factory, models):
    folder = tmp_path_factory.mktemp("preview")
    project = Project.make(folder / "project", models=models)
    with pytest.MonkeyPatch.context() as environment, running(folder / "log.jsonl") as server:
        environment.setenv("EXTRACTION_TEST_KEY", KEY)
        write_settings(project, server.url)
        one_round = {"budget_documents": 20}
        project.edit(
            extractor={"concurrency": 4}, campaigns={"drawn": one_round, "chosen": one_round}
        )
        yield Previewed(project, server)


def test_before_the_warm_up_documents_of_its_sample_are_extracted_once(previewed):
    said, n_sent = previewed.equal("preview", "chosen", "--documents", "3")
    assert 3 <= n_sent <= 6  # those without a pair need no refinement
    assert "3 documents gave" in said
    assert "drawn by chance from the warm-up sample" in said
    assert "What campaign chosen asks for first is known once that sample is extracted" in said
    page = previewed.project.folder / ".equal" / "previews" / "chosen.html"
    assert "<h1>Preview of chosen</h1>" in page.read_text()
    assert previewed.spent("warm-up").tokens > 0
    assert previewed.spent("chosen").tokens == 0
    _, n_again = previewed.equal("preview", "chosen", "--documents", "3")
    assert n_again == 0


def test_preview_that_is_killed_goes_on(previewed):
    with running(previewed.server.log.with_name("slow.jsonl"), latency=0.7) as slow:
        previewed.project.edit(extractor={"base_urls": [slow.url], "concurrency": 1})
        process = previewed.project.start("-m", "equal_assets.cli.main", "preview")
        deadline = time.monotonic() + 60
        while len(slow.requests()) < 2 and time.monotonic() < deadline:
            time.sleep(0.05)
        process.kill()
        process.wait()
    first = Counter(request["digest"] for request in slow.requests())
    previewed.project.edit(extractor={"base_urls": [previewed.server.url], "concurrency": 4})
    said, _ = previewed.equal("preview")
    assert "5 documents gave" in said
    later = Counter(request["digest"] for request in previewed.server.requests())
    assert len(first) >= 2
    assert len(set(first) & set(later)) <= 1  # the one in flight
    assert set(later.values()) == {1}


def test_estimate_goes_by_what_the_preview_took(previewed):
    said, n_sent = previewed.equal("run", "--estimate")
    assert "measured on 5 documents" in said
    assert n_sent == 0


def test_prompt_stands_beside_that_of_the_settings_which_is_not_paid_again(previewed):
    file = previewed.project.folder / "short.txt"
    file.write_text(PROMPT)
    said, n_sent = previewed.equal("preview", "--prompt", "short.txt")
    assert 5 <= n_sent <= 10
    assert "A: campaigns.yaml" in said
    assert "B: prompt short.txt" in said
    assert previewed.equal("preview", "--prompt", "short.txt")[1] == 0


@pytest.mark.slow
def test_after_the_warm_up_the_first_documents_of_the_plan_are_extracted_once(previewed):
    previewed.equal("run", "drawn")
    before = previewed.spent("chosen")
    said, n_sent = previewed.equal("preview", "chosen", "--documents", "30")
    assert "There are no more than 20 of them." in said
    assert "the first that campaign chosen asks for in round 1, one of each pull in turn" in said
    paid = previewed.spent("chosen").tokens - before.tokens
    assert n_sent > 0
    assert paid > 0
    previewed.equal("run", "chosen")
    sent = Counter(request["digest"] for request in previewed.server.requests())
    assert set(sent.values()) == {1}
    asked, counted = previewed.project.sql(
        "select count(distinct document_id), sum(paid_prompt_tokens + paid_completion_tokens)"
        "::bigint from bandit_documents join extractions using (content_hash, extractor) "
        "where campaign = 'chosen' and first_asked_by = 'chosen|preview'"
    ).row(0)
    assert 0 < asked <= 20
    assert counted == paid  # every document of the preview is one of the campaign
    by_rounds = previewed.project.sql(
        "select sum(paid_prompt_tokens + paid_completion_tokens)::bigint from bandit_round "
        "where campaign = 'chosen'"
    ).item()
    assert by_rounds == previewed.spent("chosen").tokens


@pytest.mark.slow  # what the test before it has run
def test_campaign_that_has_ended_and_one_that_rates_first_say_so(previewed):
    said, n_sent = previewed.equal("preview", "drawn", returncode=1)
    assert "drawn: ended with round 1, by budget" in said
    rated, n_rated = previewed.equal("preview", "rated", returncode=1)
    assert "= 'llm-scoring': its first documents are known once the LLM has rated" in rated
    random, n_random = previewed.equal("preview", "rated", "--random")
    assert "They are drawn by chance from the warm-up sample" in random
    assert (n_sent, n_rated, n_random) == (0, 0, 0)


def test_budget_without_room_says_so_and_sends_nothing(previewed):
    previewed.project.edit(warmup={"budget_tokens": 5})
    said, n_sent = previewed.equal("preview", returncode=1)
    assert re.search(r"warmup.budget_tokens = 5 \([\d,]+ used\): no room for a single", said)
    assert n_sent == 0


def test_campaign_that_is_not_there_is_a_wrong_call(previewed):
    said, _ = previewed.equal("preview", "nobody", returncode=2)
    assert "no campaign nobody in campaigns.yaml; there are: drawn, chosen, rated" in said


def test_extractor_without_an_llm_costs_nothing_and_shows_the_plan(tmp_path, models):
    project = Project.make(tmp_path / "project", models=models)
    done = project.equal("preview", "equal")
    assert done.returncode == 0, done.stdout + done.stderr
    said = " ".join(done.stdout.split())
    assert "They are the first that campaign equal asks for in round 1" in said
    assert "5 documents gave" in said
    assert "tokens" not in said.split("5 documents gave")[1].split("In brackets")[0]
    wrong = project.equal("preview", "--model", "m")
    assert wrong.returncode == 2
    assert "extractor.backend = 'structural': must be openai" in wrong.stdout + wrong.stderr
