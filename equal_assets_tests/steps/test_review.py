"""A campaign whose reviewers speak between its rounds."""

import json
import logging
import os
import re
import subprocess
import sys
import urllib.request
from pathlib import Path

import dagster as dg
import duckdb
import polars as pl
import pytest
import yaml
from click.testing import CliRunner

from equal_assets.assets import clustering, corpus, dataset, warmup
from equal_assets.assets.target import target_qa
from equal_assets.automation.outdated import outdated_assets
from equal_assets.cli.main import main
from equal_assets.export.contents import read_contents
from equal_assets.lineage.trace import trace
from equal_assets.records import QAPair
from equal_assets.resources.verdicts import PairVerdict, verdicts_beside
from equal_assets.steps.pruning import examples_after
from equal_assets.steps.review import LOW_SCORE
from equal_assets.steps.round_player import prepare_campaign
from equal_assets.steps.rounds import plan_round, play_round
from equal_assets.versions import stored_versions
from equal_assets_tests.assets.campaign_folder import CampaignFolder

LOG = logging.getLogger("test")
N_EACH = 24
KINDS = {
    "bread": "Knead the dough of rye loaf {n} for {m} minutes, let it rise in the warm kitchen, "
    "then bake the bread in a hot oven.",
    "stars": "Telescope plate {n} shows {m} stars of the galaxy cluster, whose red shift tells the "
    "astronomers its distance.",
}
ASKED = {"bread": "How long is the dough of rye loaf {n} kneaded?"}
ASKED["stars"] = "How many stars does telescope plate {n} show?"


def pair(kind: str, n: int) -> QAPair:
    text = KINDS[kind].format(n=n, m=100 + n)
    return QAPair(ASKED[kind].format(n=n), f"{text.split(',')[0]}. That makes {100 + n}.")


class Campaign(CampaignFolder):
    """A project of two campaigns with one target, over documents of two kinds."""

    @property
    def verdicts(self):
        return verdicts_beside(self.warehouse.database)

    def player(self, name="equal"):
        return prepare_campaign(name, **self.resources(), run="run", log=LOG)

    def make_dataset(self) -> None:
        with dg.DagsterInstance.ephemeral() as instance:
            assert dg.materialize(
                [dataset.qa_dataset],
                resources=self.resources(),
                partition_key="equal",
                instance=instance,
            ).success

    def rows(self, query: str) -> list[tuple]:
        with self.warehouse.get_connection() as connection:
            return connection.execute(query).fetchall()

    def version(self) -> str:
        return stored_versions(self.warehouse)["qa_dataset", "equal"][1]

    def next_round(self, name="equal") -> tuple[dict[str, float], list[str]]:
        """Return what the next round counts each kind for, and the documents that it would use."""
        player = self.player(name)
        rows = [row for pull in plan_round(player, 2) for row in pull.documents]
        arms = dict(zip(player.document_ids, player.strategy.corpus.arms, strict=True))
        counts_for = player.strategy.acceptance
        kinds = {kind: float(counts_for[arms[f"{kind}-00"]]) for kind in KINDS}
        return kinds, [str(player.document_ids[row]) for row in rows]


def make(path: Path) -> Campaign:
    path.mkdir()
    documents = [
        {"id": f"{kind}-{n:02}", "text": text.format(n=n, m=100 + n)}
        | {"qa": [{"question": pair(kind, n).question, "answer": pair(kind, n).answer}]}
        for kind, text in KINDS.items()
        for n in range(N_EACH)
    ]
    reference = [
        {"question": "How is bread baked?", "answer": "Knead the dough, then use a hot oven."},
        {"question": "What is a galaxy?", "answer": "A cluster of stars seen in a telescope."},
    ]
    test = [{"question": "Why is the sky blue?", "answer": "Light is scattered."}]
    for name, rows in (("corpus", documents), ("reference", reference), ("test", test)):
        (path / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    played = {"target": "t", "budget_documents": 40, "documents_per_pull": 10, "arms_per_round": 2}
    settings = {
        "corpus": {"source": "files", "paths": ["corpus.jsonl"], "id_field": "id"}
        | {"qa_field": "qa", "min_characters": 20},
        "embedder": {"model": "all-MiniLM-L6-v2"},
        "warmup": {"method": "none", "share": 0.2},
        "clustering": {"n_clusters": 2},
        "extractor": {"backend": "replay"},
        "dataset": {"same_meaning": None, "near_duplicate": None, "shortest_answer": None},
        "targets": {"t": {"reference": "reference.jsonl", "test": "test.jsonl"}},
        "campaigns": {
            "equal": {**played, "strategy": "equal"},
            "random": {**played, "strategy": "random"},
        },
    }
    (path / "campaigns.yaml").write_text(yaml.safe_dump(settings))
    made = Campaign(path)
    shared = [corpus.documents, warmup.warmup_qa, warmup.contrastive_embedder]
    shared += [warmup.document_yields]
    shared += [clustering.document_embeddings, clustering.clusters, clustering.cluster_geometry]
    with dg.DagsterInstance.ephemeral() as instance:
        assert dg.materialize(shared, resources=made.resources(), instance=instance).success
        for name in settings["campaigns"]:
            assert dg.materialize(
                [target_qa], resources=made.resources(), partition_key=name, instance=instance
            ).success
    return made


@pytest.fixture(scope="module")
def campaign(tmp_path_factory):
    """One round of each campaign is played."""
    made = make(tmp_path_factory.mktemp("review") / "project")
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("EQUAL_HOME", str(made.path))
        for name in ("equal", "random"):
            assert play_round(made.player(name), 1)
        yield made


@pytest.fixture(autouse=True)
def unreviewed(campaign):
    """Nobody has said anything before a test."""
    campaign.verdicts.path.unlink(missing_ok=True)


def extracted(campaign, kind, name="equal") -> list[QAPair]:
    found = campaign.rows(
        "select question, answer from bandit_documents join extracted_qa using (content_hash) "
        f"where campaign = '{name}' and document_id like '{kind}%' order by document_id"
    )
    return [QAPair(*row) for row in found]


def test_next_round_counts_a_kind_for_less_once_it_is_rejected(campaign):
    before, _ = campaign.next_round()
    assert before == {"bread": 1.0, "stars": 1.0}
    rejected = [PairVerdict(p, "rejected", "anna") for p in extracted(campaign, "bread")]
    campaign.verdicts.add("t", rejected)
    after, _ = campaign.next_round()
    assert after["bread"] < 0.8 * after["stars"] < 0.8


def test_strategy_that_does_not_learn_and_other_targets_stay_as_they_are(campaign):
    before, at_random = campaign.next_round(), campaign.next_round("random")
    pairs = extracted(campaign, "bread", "random") + extracted(campaign, "bread")
    campaign.verdicts.add("other", [PairVerdict(p, "rejected", "anna") for p in pairs])
    assert campaign.next_round() == before
    campaign.verdicts.add("t", [PairVerdict(p, "rejected", "anna") for p in pairs])
    assert campaign.next_round("random")[1] == at_random[1]


def test_edited_pairs_count_for_their_arm_as_accepted_ones(campaign):
    pairs = [p for kind in KINDS for p in extracted(campaign, kind)]
    campaign.verdicts.add("t", [PairVerdict(p, "edited", "anna", edited=p) for p in pairs])
    assert campaign.next_round()[0] == {"bread": 1.0, "stars": 1.0}


def test_round_that_began_is_planned_by_what_was_said_then(campaign):
    before = campaign.next_round()
    campaign.verdicts.begin_round("equal", 2)
    rejected = [PairVerdict(p, "rejected", "anna") for p in extracted(campaign, "bread")]
    campaign.verdicts.add("t", rejected)
    assert campaign.next_round() == before
    campaign.verdicts.forget_rounds("equal", 2)
    assert campaign.next_round() != before


def test_data_set_obeys_and_lineage_and_export_tell(campaign):
    campaign.make_dataset()
    untouched = campaign.rows("from qa_dataset")
    assert campaign.rows("from verdicts") == []
    accepted, rejected, edited = (extracted(campaign, kind) for kind in ("bread", "stars", "bread"))
    new = QAPair("How long is dough kneaded?", "A hundred minutes and some.")
    campaign.verdicts.add(
        "t",
        [
            PairVerdict(accepted[0], "accepted", "anna"),
            PairVerdict(rejected[0], "rejected", "ben", reason="wrong number"),
            PairVerdict(edited[1], "edited", "anna", edited=new),
        ],
    )
    assert "qa_dataset" in outdated_assets(campaign.campaigns.load(), campaign.warehouse)
    campaign.make_dataset()
    assert campaign.rows("select reason, question, answer from removed_qa") == [
        ("rejected by ben: wrong number", rejected[0].question, rejected[0].answer)
    ]
    kept = {
        (question, answer)
        for *_, question, answer in campaign.rows("select qa_id, question, answer from qa_dataset")
    }
    assert (new.question, new.answer) in kept
    assert (edited[1].question, edited[1].answer) not in kept
    assert len(kept) == len(untouched) - 1
    told = campaign.rows("select verdict, reason, reviewer, reviewed_at is not null from verdicts")
    assert sorted(told, key=str) == [
        ("accepted", None, "anna", True),
        ("edited", None, "anna", True),
        ("rejected", "wrong number", "ben", True),
    ]
    [(qa_id,)] = campaign.rows("select qa_id from verdicts where verdict = 'edited'")
    traced = trace(Path(campaign.warehouse.database), qa_id)
    assert traced["question"] == edited[1].question
    review = traced["campaigns"][0]["review"]
    assert (review["verdict"], review["reviewer"]) == ("edited", "anna")
    assert (review["new_question"], review["new_answer"]) == (new.question, new.answer)
    assert traced["campaigns"][0]["outcome"] == "in the data set"
    contents = read_contents(campaign.campaigns.load(), campaign.warehouse, "equal")
    said = dict(contents.examples.select("question", "verdict").iter_rows())
    assert said[new.question] == "edited"
    assert said[accepted[0].question] == "accepted"
    assert contents.removed.rows() == [("rejected in review", 1)]


def test_accepting_alone_changes_no_version_and_a_rejection_taken_back_neither(campaign):
    campaign.make_dataset()
    before = campaign.version()
    first = extracted(campaign, "bread")[0]
    campaign.verdicts.add("t", [PairVerdict(first, "accepted", "anna")])
    campaign.make_dataset()
    assert campaign.version() == before
    campaign.verdicts.add("t", [PairVerdict(first, "rejected", "anna")])
    campaign.make_dataset()
    assert campaign.version() != before
    campaign.verdicts.take_back("t", "anna", {first})
    campaign.make_dataset()
    assert campaign.version() == before
    assert outdated_assets(campaign.campaigns.load(), campaign.warehouse) == {}


def test_pairs_that_score_as_what_is_rejected_leave_unless_they_are_accepted(campaign, monkeypatch):
    low = {pair(kind, n).question for kind in KINDS for n in range(N_EACH) if n % 2}
    monkeypatch.setattr(
        "equal_assets.steps.review.pair_score", lambda q, a, of: 0.05 if q in low else 0.5
    )
    pairs = [p for kind in KINDS for p in extracted(campaign, kind)]
    bad, good = ([p for p in pairs if (p.question in low) is is_low] for is_low in (True, False))
    said = [PairVerdict(p, "accepted", "anna") for p in good]
    said += [PairVerdict(p, "rejected", "anna") for p in bad[:-1]]
    campaign.verdicts.add("t", said)
    campaign.make_dataset()
    found = dict(campaign.rows("select question, reason from removed_qa"))
    assert found.pop(bad[-1].question) == LOW_SCORE
    assert set(found.values()) == {"rejected by anna"}
    campaign.verdicts.add("t", [PairVerdict(bad[-1], "accepted", "anna")])
    campaign.make_dataset()
    assert bad[-1].question not in dict(campaign.rows("select question, reason from removed_qa"))


def test_edited_pair_is_pruned_by_its_new_words(campaign):
    kept = extracted(campaign, "bread")[0]
    far = QAPair("Which king was beheaded?", "Charles the First, in Whitehall, in January 1649.")
    campaign.edit(dataset={"prune": 1, "min_examples": 0})
    campaign.verdicts.add("t", [PairVerdict(kept, "edited", "anna", edited=far)])
    campaign.make_dataset()
    assert far.question in {q for (q,) in campaign.rows("select question from removed_qa")}
    settings, made = campaign.campaigns.load(), campaign.resources()
    again = examples_after(
        campaign.warehouse, made["embedder"], settings, campaign="equal", number=1
    )
    in_dataset = {q for (q,) in campaign.rows("select question from qa_dataset")}
    assert set(again["question"]) == in_dataset
    campaign.edit(dataset={"prune": None})


@pytest.fixture
def equal(campaign, monkeypatch):
    """Run a command of this project in this process; return what it printed."""
    monkeypatch.setenv("EQUAL_CAMPAIGNS", str(campaign.path / "campaigns.yaml"))

    def run(*arguments: str, exit_code: int = 0) -> str:
        done = CliRunner().invoke(main, arguments)
        assert done.exit_code == exit_code, done.output
        return " ".join(done.output.split())

    return run


def test_file_goes_out_to_reviewers_and_comes_back_into_the_data_set(campaign, equal, tmp_path):
    campaign.make_dataset()
    path = tmp_path / "pairs.jsonl"
    said = equal("review", "equal", "--out", str(path))
    assert re.match(r"\d+ pairs, 0 with a verdict, in ", said)
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    assert {row["qa_id"] for row in rows} == {
        q
        for (q,) in campaign.rows(
            "select qa_id from bandit_documents join extracted_qa using (content_hash) "
            "where campaign = 'equal'"
        )
    }
    rows[0] |= {"verdict": "rejected", "reason": "off topic"}
    rows[1] |= {"verdict": "edited", "new_answer": "Another answer, of many more words."}
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    said = equal("review", "equal", "--in", str(path), "--reviewer", "cleo")
    assert "2 verdicts taken, 0 as they were" in said
    campaign.make_dataset()
    told = equal("trace", rows[0]["qa_id"], "--campaign", "equal")
    assert "review rejected by cleo, " in told
    assert "removed, rejected by cleo: off topic" in told
    told = equal("trace", rows[1]["qa_id"], "--campaign", "equal")
    assert "new answer Another answer, of many more words." in told
    examples = read_contents(campaign.campaigns.load(), campaign.warehouse, "equal").examples
    [edited] = examples.filter(pl.col("verdict") == "edited").iter_rows(named=True)
    assert (edited["qa_id"], edited["answer"]) == (rows[1]["qa_id"], rows[1]["new_answer"])


def test_wrong_calls_and_files_say_so_and_change_nothing(campaign, equal, tmp_path):
    path = tmp_path / "pairs.csv"
    path.write_text("qa_id,verdict\nnone,accepted\n")
    assert "row 2: qa_id = 'none': must be one of" in equal(
        "review", "equal", "--in", str(path), exit_code=1
    )
    assert "one of them at a time" in equal(
        "review", "equal", "--in", str(path), "--out", str(path), exit_code=2
    )
    assert "no campaign nobody in campaigns.yaml" in equal("review", "nobody", exit_code=2)
    assert "reviewer = '': must be a name" in equal(
        "review", "equal", "--reviewer", " ", exit_code=1
    )
    assert campaign.verdicts.standing("t") == {}


@pytest.fixture
def served(campaign):
    """Return a server in a process of its own, and its address."""
    paths = {"EQUAL_CAMPAIGNS": str(campaign.path / "campaigns.yaml")}
    command = [sys.executable, "-u", "-m", "equal_assets.cli.main", "review", "equal"]
    with subprocess.Popen(
        [*command, "--no-browser", "--reviewer", "anna"],
        env={**os.environ, **paths, "EQUAL_HOME": str(campaign.path), "COLUMNS": "200"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        line = process.stdout.readline()
        assert line.startswith("review  http://127.0.0.1:"), line + process.stdout.read()
        yield process, line.split()[1]
        process.kill()


def test_verdict_outlives_the_server_that_is_killed_and_the_warehouse_is_free(
    campaign, served, equal
):
    process, address = served
    with urllib.request.urlopen(f"{address}pairs", timeout=30) as reply:
        first = json.load(reply)["pairs"][0]["id"]
    with duckdb.connect(campaign.warehouse.database) as connection:  # as a campaign writes
        connection.execute("create or replace table written as select 1 as one")
        connection.execute("drop table written")
        said = json.dumps({"pair": first, "verdict": "rejected", "reason": "wrong"}).encode()
        origin = address.rpartition("/")[0].rpartition("/")[0]
        headers = {"Content-Type": "application/json", "Origin": origin}
        request = urllib.request.Request(f"{address}verdicts", data=said, headers=headers)
        assert urllib.request.urlopen(request, timeout=30).status == 200
    process.kill()
    process.wait()
    [verdict] = campaign.verdicts.standing("t").values()
    assert (verdict.said, verdict.reviewer, verdict.reason) == ("rejected", "anna", "wrong")


def test_one_page_at_a_time(served, equal):
    assert "is in use by `equal review` (PID" in equal("review", "equal", exit_code=1)
