"""Campaigns whose pairs an LLM extracts, through the command that users type."""

import re
from collections import Counter
from contextlib import ExitStack
from dataclasses import dataclass

import pytest
import yaml

from equal_assets.resources.llm.journal import journal
from equal_assets_tests.llm_server import MODEL, LLMServer, document_text, running, write_squares
from equal_assets_tests.project import Project

KEY = "sk-kept-out-of-every-file"
BUDGET_TOKENS = 30_000
KINDS = ("error", "garbage", "shape", "empty", "cut")


@dataclass
class Played:
    """A project after `equal run --estimate` and `equal run`, its server, and what they printed."""

    project: Project
    server: LLMServer
    estimate: str
    n_sent_by_estimate: int
    run: str

    def answered(self) -> Counter:
        """Requests that were answered whole and right, by what they asked."""
        return Counter(r["digest"] for r in self.server.requests() if r["fault"] is None)


def write_settings(project: Project, url: str) -> None:
    """Write documents, target and campaigns, which ask for parts of one corpus."""
    folder = project.folder
    write_squares(folder, (document_text(n, n_pairs=n % 4) for n in range(120)))
    settings = yaml.safe_load((folder / "campaigns.yaml").read_text())
    settings["corpus"] = {"source": "files", "paths": ["documents.jsonl"]}
    settings["extractor"] = {
        "backend": "openai",
        "base_urls": [url],
        "api_key_variable": "EXTRACTION_TEST_KEY",
        "model": MODEL,
        "max_tries": 1,
        "max_reply_tokens": 300,
        "parameters": "7e9",
        "prompt_price": 1.0,
        "completion_price": 4.0,
    }
    settings["targets"] = {"squares": {"reference": "reference.jsonl", "test": "test.jsonl"}}
    size = {"documents_per_pull": 5, "arms_per_round": 4, "budget_documents": 60}
    settings["campaigns"] = {
        "drawn": {"target": "squares", "strategy": "random", **size},
        "chosen": {"target": "squares", "budget_tokens": BUDGET_TOKENS, **size},
        "rated": {"target": "squares", "strategy": "llm-scoring", **size, "budget_documents": 40},
    }
    settings["llm_scoring"] = {"candidates": 2}
    (folder / "campaigns.yaml").write_text(yaml.safe_dump(settings, sort_keys=False))


@pytest.fixture(scope="module")
def played(tmp_path_factory, models) -> Played:
    folder = tmp_path_factory.mktemp("llm")
    project = Project.make(folder / "project", models=models)
    with ExitStack() as stack:
        stack.enter_context(pytest.MonkeyPatch.context()).setenv("EXTRACTION_TEST_KEY", KEY)
        server = stack.enter_context(
            running(folder / "log.jsonl", faults=0.15, kinds=KINDS, key=KEY)
        )
        write_settings(project, server.url)
        estimate = project.equal("run", "--estimate")
        assert estimate.returncode == 0, estimate.stdout + estimate.stderr
        n_sent = len(server.requests())
        run = project.equal("run")
        assert run.returncode == 0, run.stdout + run.stderr
        yield Played(project, server, estimate.stdout, n_sent, run.stdout)


def test_estimate_says_documents_tokens_and_money_before_the_first_request(played):
    assert played.n_sent_by_estimate == 0
    for text in (
        *("warm-up", "drawn", "chosen", "rated", "rated: ratings"),
        *("together", " to ", "assumed: 4 characters"),
    ):
        assert text in played.estimate


def test_flops_of_extraction_are_those_of_the_tokens_asked_for(played):
    rows = played.project.sql(
        "select tokens, extraction_flops + scoring_flops, scoring_flops from strategy_comparison"
    ).rows()
    assert sum(flops is not None for _, flops, _ in rows) == 3  # the last point of each campaign
    assert all(flops in (None, 2 * 7e9 * tokens) for tokens, flops, _ in rows)
    assert sum(bool(of_ratings) for _, _, of_ratings in rows) == 1
    shown = played.project.equal("compare")
    assert shown.returncode == 0, shown.stdout + shown.stderr
    assert "per million LLM tokens" in shown.stdout


def test_run_ends_with_what_was_spent_and_what_failed(played):
    for text in ("LLM tokens (of these paid)", "cost (of this paid)", "budget_tokens used, with"):
        assert text in played.run
    assert "Documents that failed (`equal retry` tries them again):" in played.run
    assert "drawn: " in played.run.split("Documents that failed")[1]
    assert re.search(
        r"warm-up: \d+ documents sent to the LLM, [\d,]+ tokens, cost 0\.\d", played.run
    )


def test_every_document_that_was_asked_for_stands_in_a_pull_with_an_outcome(played):
    asked = played.project.sql(
        "select campaign, round, pull, count(*) n from bandit_documents group by all order by all"
    )
    pulled = played.project.sql(
        "select campaign, round, pull, n_documents from bandit_round order by all"
    )
    assert asked.rows() == pulled.rows()
    lost = "select count(*) from bandit_documents anti join extractions using (content_hash)"
    assert played.project.sql(lost).item() == 0
    reasons = played.project.sql("select reason from extractions where status = 'failed'")
    assert reasons["reason"].null_count() == 0


def test_campaigns_and_warm_up_pay_for_their_union_once_and_show_their_own_spend(played):
    assert set(played.answered().values()) == {1}
    spend = played.project.sql(
        "select campaign, sum(asked)::bigint as asked, sum(paid)::bigint as paid, "
        "sum(cached) as cached from (select campaign, prompt_tokens + completion_tokens as asked, "
        "paid_prompt_tokens + paid_completion_tokens as paid, n_cached as cached from bandit_round "
        "union all select campaign, scoring_tokens, paid_scoring_tokens, 0 from rounds) "
        "group by all"
    )
    for _, asked, paid, cached in spend.rows():
        assert 0 < paid < asked
        assert cached > 0
        assert f"{asked:,} ({paid:,})" in played.run
    warm_up = played.project.sql(
        "select sum(prompt_tokens + completion_tokens) from extractions "
        "where first_asked_by = 'warm-up'"
    ).item()
    sent = [r for r in played.server.requests() if r["billed"] and r["fault"] != "cut"]
    billed = sum(r["prompt_tokens"] + r["completion_tokens"] for r in sent)
    # a body that is no JSON tells nobody what it took: the table knows less than was billed
    assert 0.9 * billed < spend["paid"].sum() + warm_up <= billed


def test_budget_of_tokens_ends_a_campaign_and_is_not_exceeded(played):
    with journal(played.project.folder / ".equal" / "requests.sqlite") as opened:
        paid = opened.spent(payer="chosen").tokens
    cached = played.project.sql(
        "select sum(prompt_tokens + completion_tokens) - sum(paid_prompt_tokens + "
        "paid_completion_tokens) from bandit_round where campaign = 'chosen'"
    ).item()
    assert 0.8 * BUDGET_TOKENS < paid + cached <= BUDGET_TOKENS
    assert f"{paid + cached:,} of {BUDGET_TOKENS:,}" in played.run
    ended = played.project.sql("select ended_by from rounds where campaign = 'chosen'")
    assert ended["ended_by"].to_list()[-1] == "budget"
    n_asked = "select count(*) from bandit_documents where campaign = 'chosen'"
    assert 10 < played.project.sql(n_asked).item() < 60


def test_candidates_are_rated_once_and_the_best_rated_are_asked_for_first(played):
    rows = played.project.sql(
        "select rating, reason, round from document_ratings join documents using (content_hash) "
        "left join bandit_documents on bandit_documents.document_id = documents.document_id "
        "and bandit_documents.campaign = 'rated' where document_ratings.campaign = 'rated'"
    )
    assert len(rows) == 80  # twice the budget
    failed = rows.filter(rows["rating"].is_null())
    assert 0 < len(failed) < 30
    assert failed["reason"].null_count() == 0
    assert failed["round"].null_count() == len(failed)  # there were enough with a rating
    first, second, never = (
        rows.filter(rows["round"].eq_missing(number))["rating"] for number in (1, 2, None)
    )
    assert (len(first), len(second)) == (20, 20)
    assert first.min() >= second.max()
    assert second.min() >= never.max()
    assert first.max() > never.min()


def test_tokens_of_ratings_count_for_the_first_round(played):
    curve = played.project.sql(
        "select tokens, paid_tokens, cost from reward_curve where campaign = 'rated' order by round"
    )
    pulls = played.project.sql(
        "select sum(prompt_tokens + completion_tokens)::bigint, sum(cost) "
        "from bandit_round where campaign = 'rated' group by round order by round"
    ).rows()
    ratings, money = played.project.sql(
        "select sum(prompt_tokens + completion_tokens)::bigint, sum(cost) from document_ratings"
    ).row(0)
    assert ratings > 10_000
    assert curve["tokens"].to_list() == [ratings + pulls[0][0], ratings + pulls[0][0] + pulls[1][0]]
    assert curve["cost"].to_list() == pytest.approx(
        [money + pulls[0][1], money + pulls[0][1] + pulls[1][1]]
    )


def test_round_tells_mlflow_what_it_took(played):
    from mlflow import MlflowClient

    client = MlflowClient(f"sqlite:///{played.project.folder}/.equal/mlflow.db")
    experiment = client.get_experiment_by_name("equal-assets")
    [run] = client.search_runs([experiment.experiment_id], "tags.`equal.campaign` = 'drawn'")
    last = run.data.metrics
    assert 0 < last["spend/cost_paid"] < last["spend/cost"]
    assert last["spend/documents_from_store"] > 0
    assert last["spend/documents_failed"] > 0
    documents, tries = (
        client.get_metric_history(run.info.run_id, f"spend/{name}")
        for name in ("documents", "tries")
    )
    assert [metric.step for metric in tries] == [int(metric.value) for metric in documents]
    assert len(tries) == 3
    assert last["spend/latency_seconds"] > 0


def test_key_stands_in_no_file(played):
    folder = played.project.folder
    files = [path for path in folder.rglob("*") if path.is_file()]
    assert len(files) > 20
    assert [path for path in files if KEY.encode() in path.read_bytes()] == []
    assert KEY not in played.run + played.estimate


def test_run_again_sends_nothing(played, monkeypatch):
    monkeypatch.setenv("EXTRACTION_TEST_KEY", KEY)
    n_sent = len(played.server.requests())
    again = played.project.equal("run")
    assert "Nothing to do" in again.stdout
    assert len(played.server.requests()) == n_sent


def plain(shown: str) -> str:
    return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", shown)


def test_retry_asks_again_for_what_failed_alone_and_run_takes_it_in(played, monkeypatch):
    monkeypatch.setenv("EXTRACTION_TEST_KEY", KEY)
    failed = "select count(*) from extractions where status = 'failed'"
    examples = "select count(*) from qa_dataset where campaign = 'drawn'"
    n_failed, n_examples = (played.project.sql(query).item() for query in (failed, examples))
    versions = "select partition, version from materialized where asset = 'bandit_round'"
    before = dict(played.project.sql(versions).rows())
    n_sent = len(played.server.requests())
    returncode, shown = played.project.equal_on_terminal("retry", "drawn")
    assert returncode == 0, shown
    assert "failed documents are extracted now; `equal run` updates their data sets" in shown
    lines = [line for line in plain(shown).split("\r") if "drawn: ask again" in line]
    clock = r"\d:\d\d:\d\d"  # time, and time left
    live = rf"\d+/\d+ {clock} {clock} [\d,]+ tokens paid, cost \d"
    assert any(re.search(live, line) for line in lines), lines
    n_left = played.project.sql(failed).item()
    assert n_left < n_failed
    assert len(played.server.requests()) - n_sent <= 2 * n_failed
    assert set(played.answered().values()) == {1}
    after = dict(played.project.sql(versions).rows())
    assert all(after[name] != before[name] for name in ("drawn", "chosen"))  # they share documents
    taken_in = played.project.equal("run", "drawn")
    assert taken_in.returncode == 0, taken_in.stdout + taken_in.stderr
    assert "drawn: data set and student" in taken_in.stdout
    assert "rounds" not in taken_in.stdout.split("drawn: data set")[0]
    assert played.project.sql(examples).item() > n_examples
