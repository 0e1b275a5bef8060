"""The whole graph on a tiny real corpus, through the command that users type."""

import json
import re
import shutil
from html.parser import HTMLParser
from pathlib import Path

import dagster as dg
import duckdb
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from equal_assets.cli.compare import report
from equal_assets.errors import CampaignError
from equal_assets.export.campaign_export import export_campaign
from equal_assets.pages.report import write_report
from equal_assets.resources.extraction.extractors import build_extractor
from equal_assets.resources.warehouse import Warehouse
from equal_assets.settings import load_settings
from equal_assets_tests.project import Project


@pytest.fixture(scope="module")
def finished(tmp_path_factory, models) -> tuple[Project, str]:
    """A project after `equal run`, and what the command printed."""
    project = Project.make(tmp_path_factory.mktemp("whole") / "project", models=models)
    result = project.equal("run")
    assert result.returncode == 0, result.stdout + result.stderr
    return project, result.stdout


def test_run_ends_with_a_table_of_both_campaigns_and_where_to_look(finished):
    _, printed = finished
    for text in (
        "equal-paper",
        "random",
        "3 of 3",
        "55 of 55",
        "Where to look",
        "equal pairs CAMPAIGN prints one, equal review CAMPAIGN lets you judge it",
        "qa_dataset.parquet",
    ):
        assert text in printed


def test_budget_is_spent_to_the_document_and_no_document_is_asked_twice(finished):
    project, _ = finished
    asked = project.sql(
        "select campaign, count(*) n, count(distinct document_id) n_distinct "
        "from bandit_documents group by all order by all"
    )
    assert asked.rows() == [(name, 55, 55) for name in ("equal", "equal-paper", "random")]


def test_pairs_are_read_searched_and_two_data_sets_are_compared(finished):
    project, _ = finished
    kept = project.sql("select * from qa_dataset where campaign = 'equal' order by round, pull")
    read = project.equal("pairs", "equal", "--json", "--limit", "1000").stdout.splitlines()
    assert {json.loads(line)["qa_id"] for line in read} == set(kept["qa_id"])
    word = kept["question"][0].split()[-1]
    found = project.equal("pairs", "equal", "--contains", word.upper(), "--limit", "1").stdout
    assert kept["question"].str.contains(word, literal=True).any()
    assert word in found
    assert re.search(r"1 of \d+ pairs", found)
    n_removed = project.sql("select count(*) from removed_qa where campaign = 'equal'").item()
    left_out = project.equal("pairs", "equal", "--removed", "--json", "--limit", "1000").stdout
    assert len(left_out.splitlines()) == n_removed
    compared = project.equal("diff", "equal", "random").stdout
    assert "of these in both" in compared
    assert "Only in equal, for example:" in compared
    assert project.equal("diff", "equal", "equal").returncode == 2


def test_every_table_of_the_graph_has_rows(finished):
    project, _ = finished
    for table in [
        "documents",
        "target_qa",
        "warmup_qa",
        "contrastive_embedder",
        "document_yields",
        "document_embeddings",
        "clusters",
        "cluster_geometry",
        "bandit_round",
        "reward_curve",
        "reference_plane",
        "qa_dataset",
        "fine_tuned_student",
        "student_accuracy",
        "student_answers",
        "strategy_comparison",
    ]:
        assert project.sql(f"select count(*) from {table}").item() > 0, table


def test_pulls_add_up_to_the_reward_curve(finished):
    project, _ = finished
    curve = project.sql("select campaign, round, documents from reward_curve order by all")
    assert curve.rows() == [
        (campaign, number, documents)
        for campaign in ("equal", "equal-paper", "random")
        for number, documents in ((1, 20), (2, 40), (3, 55))
    ]


def test_parts_of_a_round_add_up_to_its_seconds(finished):
    project, _ = finished
    rows = project.sql(
        "select seconds, extraction_seconds + embedding_seconds + selection_seconds as parts, "
        "least(extraction_seconds, embedding_seconds, selection_seconds) as least from rounds"
    )
    assert rows["parts"].to_list() == pytest.approx(rows["seconds"].to_list())
    assert rows["least"].min() > 0


def test_costs_of_each_campaign_stand_at_its_last_point(finished):
    project, _ = finished
    rows = project.sql(
        "select * from strategy_comparison join fine_tuned_student using (campaign) where is_last"
    )
    assert set(rows["extraction_flops"]) == {0.0}  # no model
    assert rows["embedding_flops"].min() > 0
    assert rows["training_flops"].to_list() == rows["flops"].to_list()
    total = rows["embedding_flops"] + rows["training_flops"]
    assert rows["total_flops"].to_list() == pytest.approx(total.to_list())
    shared = project.sql("select asset, flops from materialized where flops > 0 order by all")
    assert shared["asset"].to_list() == ["contrastive_embedder", "document_embeddings"]


def test_a_round_keeps_its_data_version_when_its_run_ends(finished, monkeypatch):
    """Else Dagster shows the next round as made from an older one: 'Unsynced'."""
    project, _ = finished
    monkeypatch.chdir(project.folder)  # the paths in dagster.yaml are relative to it
    with dg.DagsterInstance.from_config(str(project.folder)) as instance:
        found = instance.fetch_materializations(dg.AssetKey("bandit_round"), limit=100).records
    versions: dict[str, list[str]] = {}
    for record in found:
        event = record.asset_materialization
        versions.setdefault(event.partition, []).append(event.tags["dagster/data_version"])
    assert len(versions) == 9
    assert all(len(events) == 2 and len(set(events)) == 1 for events in versions.values())


def test_each_training_example_leads_back_to_its_document(finished):
    project, _ = finished
    lost = project.sql(
        "select count(*) from qa_dataset anti join documents using (document_id)"
    ).item()
    assert lost == 0
    published = pl.read_parquet(project.folder / ".equal/exports/random/qa_dataset.parquet")
    stored = project.sql("select count(*) from qa_dataset where campaign = 'random'").item()
    assert len(published) == stored


def test_data_set_is_exported_with_the_accuracy_of_its_student(finished, tmp_path):
    project, _ = finished
    exported = export_campaign(
        load_settings(project.folder / "campaigns.yaml"),
        Warehouse(database=str(project.database)),
        "random",
        formats=("messages",),
        validation=0.1,
        out=tmp_path / "out",
        campaigns_file=project.folder / "campaigns.yaml",
    )
    stored = project.sql("select count(*) from qa_dataset where campaign = 'random'").item()
    assert sum(split.examples for split in exported.splits.values()) == stored
    manifest = json.loads((tmp_path / "out" / "manifest.json").read_text(encoding="utf-8"))
    assert manifest["changed_since"] == []
    assert manifest["spent"]["documents"] == 55
    assert "student_accuracy" in manifest["assets"]
    card = (tmp_path / "out" / "README.md").read_text(encoding="utf-8")
    assert "| PMI accuracy |" in card
    assert "| networkx " in card


def test_mlflow_has_one_step_a_round_and_the_reward_curve_picture(finished):
    project, _ = finished
    from mlflow import MlflowClient

    client = MlflowClient(f"sqlite:///{project.folder}/.equal/mlflow.db")
    experiment = client.get_experiment_by_name("equal-assets")
    runs = client.search_runs([experiment.experiment_id], "tags.`equal.campaign` = 'random'")
    assert len(runs) == 1
    history = client.get_metric_history(runs[0].info.run_id, "reward/transport_cost")
    steps = [metric.step for metric in history]
    documents = project.sql(
        "select documents from reward_curve where campaign = 'random' order by 1"
    )
    assert steps == documents["documents"].to_list()
    assert len(steps) == 3
    pictures = {artifact.path for artifact in client.list_artifacts(runs[0].info.run_id)}
    assert pictures == {
        "target_coverage.png",
        "reward_curve.png",
        "cluster_map.png",
        "pulls_per_cluster.png",
        "spend.png",
        "student_accuracy.png",
        "strategy_comparison.png",
    }
    of_student = {"student/pmi_accuracy", "student/perplexity", "student/untuned_perplexity"}
    assert of_student <= runs[0].data.metrics.keys()


def test_map_has_every_cluster_with_what_was_asked_of_it(finished):
    project, _ = finished
    clusters = Warehouse(database=str(project.database)).query(
        "campaign_clusters", campaign="equal"
    )
    assert clusters["n_documents"].sum() == project.sql("select count(*) from documents").item()
    assert clusters["documents"].sum() == 55
    assert clusters["reward"].is_null().to_list() == (clusters["pulls"] == 0).to_list()
    assert clusters["terms"].list.len().min() > 0
    assert clusters.select("x", "y").sum().row(0) == pytest.approx((0, 0), abs=1e-4)


def metadata_of(project, monkeypatch, asset, partition=None):
    """Return the metadata of the latest materialization, and the tags of its run."""
    monkeypatch.chdir(project.folder)  # the paths in dagster.yaml are relative to it
    with dg.DagsterInstance.from_config(str(project.folder)) as instance:
        keep = dg.AssetRecordsFilter(
            asset_key=dg.AssetKey(asset), asset_partitions=[partition] if partition else None
        )
        event = instance.fetch_materializations(keep, limit=1).records[0]
        run = instance.get_run_by_id(event.run_id)
    return event.asset_materialization.metadata, run.tags


FIRST_SHOWN = {
    ("documents", None): [
        "how it was read",
        "largest of 1 sources",
        "samples",
        "length of the documents",
    ],
    ("target_qa", "random"): ["target", "sample questions"],
    ("warmup_qa", None): ["what came of it", "documents by outcome", "sample pairs"],
    ("contrastive_embedder", None): ["before and after tuning", "how"],
    ("document_yields", None): ["learned from", "expected pairs per document"],
    ("document_embeddings", None): ["what it took"],
    ("clusters", None): ["size of the clusters"],
    ("cluster_geometry", None): ["largest of 8 clusters", "map of the clusters", "every cluster"],
    ("bandit_round", "random|round-002"): ["this round", "pulls and numbers"],
    ("bandit_round", "random|round-003"): [
        "this round",
        "target coverage so far",
        "near pairs per document so far",
        "sample pairs",
        "pulls and numbers",
    ],
    ("reward_curve", "random"): [
        "campaign",
        "target coverage so far",
        "near pairs per document so far",
        "most used clusters",
        "map, curves and tables",
    ],
    ("qa_dataset", "random"): ["what was kept", "take it away", "sample pairs"],
    ("fine_tuned_student", "random"): ["warning", "training", "loss"],  # of so few examples
    ("student_accuracy", "random"): ["before and after", "how to read it"],
    ("strategy_comparison", None): ["at the end", "documents to match", "curves"],
}

MOST_ENTRIES = 8
"""That a page shows at once."""


@pytest.mark.parametrize(("asset", "partition"), FIRST_SHOWN)
def test_page_of_an_asset_begins_with_what_people_look_for(finished, monkeypatch, asset, partition):
    project, _ = finished
    metadata, _ = metadata_of(project, monkeypatch, asset, partition)
    names = [name for name in metadata if not name.startswith("dagster/")]
    assert names[: len(FIRST_SHOWN[asset, partition])] == FIRST_SHOWN[asset, partition]
    assert len(names) <= MOST_ENTRIES
    assert sum(len(str(value.value)) for value in metadata.values()) < 200_000


def test_runs_of_dagster_and_mlflow_lead_to_each_other(finished, monkeypatch):
    project, _ = finished
    from mlflow import MlflowClient

    metadata, tags = metadata_of(project, monkeypatch, "bandit_round", "random|round-003")
    spent = {name: tags[name] for name in ("campaign", "rounds", "documents", "tokens", "cost")}
    assert list(spent.values()) == ["random", "1-3", "55", "0", "0"]
    run_id = metadata["MLflow run"].md_str.rstrip(")").rpartition("/")[2]
    run = MlflowClient(f"sqlite:///{project.folder}/.equal/mlflow.db").get_run(run_id)
    described = {name: run.data.tags[f"equal.{name}"] for name in ("campaign", "strategy", "state")}
    assert list(described.values()) == ["random", "random", "ended by budget after 3 rounds"]
    note = run.data.tags["mlflow.note.content"]
    _, tags = metadata_of(project, monkeypatch, "student_accuracy", "random")
    assert tags["campaign"] == "random"
    (dagster_run,) = re.findall(r"\(http://127\.0\.0\.1:3000/runs/([\w-]+)\)", note)
    with dg.DagsterInstance.from_config(str(project.folder)) as instance:
        assert "student_accuracy" in str(instance.get_run_by_id(dagster_run).asset_selection)


class _Page(HTMLParser):
    """What a page asks for, its headings, and the elements that could run."""

    def __init__(self, text):
        super().__init__()
        self.asked, self.headings, self.tags = [], [], set()
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.tags.add(tag)
        self.asked += [value for name, value in attributes if name in ("src", "href")]

    def handle_data(self, data):
        if self.lasttag == "h2" and data.strip():
            self.headings.append(data)


SECTIONS = [
    "What it covers of the target",
    "Where it looked",
    "What it took",
    "What a student learned from it",
    "Compared with other campaigns of the target",
    "The data set",
    "Rewards and transport",
    "How to reproduce it",
]


def test_report_is_one_page_that_asks_for_nothing_and_mlflow_keeps_it(
    finished, monkeypatch, tmp_path
):
    project, _ = finished
    from mlflow import MlflowClient
    from mlflow.artifacts import download_artifacts

    monkeypatch.setenv("EQUAL_CAMPAIGNS", str(project.folder / "campaigns.yaml"))
    monkeypatch.setenv("EQUAL_HOME", str(project.folder / ".equal"))
    monkeypatch.chdir(project.folder)
    out = tmp_path / "report.html"
    report.callback("random", out)
    text = out.read_text(encoding="utf-8")
    page = _Page(text)
    assert page.headings == SECTIONS
    assert len(page.asked) >= 6
    assert all(address.startswith("data:image/svg+xml;base64,") for address in page.asked)
    assert not page.tags & {"script", "link", "iframe", "object", "form", "a"}
    store = f"sqlite:///{project.folder}/.equal/mlflow.db"
    client = MlflowClient(store)
    experiment = client.get_experiment_by_name("equal-assets")
    (run,) = client.search_runs([experiment.experiment_id], "tags.`equal.campaign` = 'random'")
    kept = download_artifacts(
        run_id=run.info.run_id, artifact_path="report.html", tracking_uri=store
    )
    assert Path(kept).read_text(encoding="utf-8") == text


def test_text_of_documents_cannot_run_in_a_report(finished, tmp_path):
    project, _ = finished
    database = tmp_path / "copy.duckdb"
    shutil.copy(project.database, database)
    attack = "<script>alert(1)</script><img src=http://far.away/x onerror=alert(2)>"
    with duckdb.connect(str(database)) as connection:
        for column in ("question", "answer", "source"):
            connection.execute(f"update qa_dataset set {column} = '{attack}'")
        connection.execute(f"update documents set text = '{attack}'")
        connection.execute(f"update cluster_geometry set terms = ['{attack}']")
        connection.execute("delete from student_accuracy; delete from strategy_comparison")
        connection.execute("delete from removed_qa")
        connection.execute(
            "insert into removed_qa by name select campaign, qa_id, 'repeated pair' as reason, "
            "question, answer from qa_dataset where campaign = 'random' limit 3"
        )
    settings = load_settings(project.folder / "campaigns.yaml")
    extractor = build_extractor(settings.extractor, project.folder / ".equal")
    text = write_report("random", settings, Warehouse(database=str(database)), extractor)
    page = _Page(text)
    assert not page.tags & {"script"}
    assert all(address.startswith("data:") for address in page.asked)
    assert text.count("&lt;script&gt;alert(1)") > 20
    assert "No student is tuned on these pairs yet." in text
    assert page.headings == [title for title in SECTIONS if not title.startswith("Compared")]
    assert "3 extracted pairs were removed" in text


def test_report_of_a_campaign_without_rounds_says_what_to_do(tmp_path):
    settings = load_settings()
    warehouse = Warehouse(database=str(tmp_path / "empty.duckdb"))
    extractor = build_extractor(settings.extractor, tmp_path)
    with pytest.raises(CampaignError, match=r"no rounds yet of random.*`equal run random`"):
        write_report("random", settings, warehouse, extractor)


def test_every_answer_of_every_student_is_kept_and_the_untuned_one_asked_once(finished):
    project, _ = finished
    n_questions = project.sql(
        "select count(*) from target_qa where campaign = 'random' and split = 'test'"
    ).item()
    kept = project.sql(
        "select student, measure, count(*) n, count(distinct campaign) campaigns, "
        "count(distinct judged_as) asked from student_answers group by all order by all"
    )
    assert kept.rows() == [
        (student, measure, 3 * n_questions, 3, asked)
        for student, asked in (("base", 1), ("tuned", 3))
        for measure in ("perplexity", "pmi_accuracy")
    ]


def test_students_stand_in_mlflow_with_data_set_and_answers(finished):
    project, _ = finished
    from mlflow import MlflowClient

    client = MlflowClient(f"sqlite:///{project.folder}/.equal/mlflow.db")
    run_id, model_id, accuracy = project.sql(
        "select mlflow_run_id, mlflow_model_id, tuned from fine_tuned_student "
        "join student_accuracy using (campaign) "
        "where campaign = 'random' and metric = 'pmi_accuracy'"
    ).row(0)
    run = client.get_run(run_id)
    assert run.data.metrics["student/pmi_accuracy"] == pytest.approx(accuracy)
    assert [given.dataset.name for given in run.inputs.dataset_inputs] == ["random"]
    assert client.get_logged_model(model_id).source_run_id == run_id
    assert [a.path for a in client.list_artifacts(run_id)] == ["student_answers.json"]
    assert "config.json" in {a.path for a in client.list_logged_model_artifacts(model_id)}


@pytest.mark.slow
def test_milestones_tune_and_judge_students_on_the_way(finished):
    project, _ = finished
    run = project.equal("run", "random", "--milestones", "20%,9%,22.95%")
    assert run.returncode == 0, run.stdout + run.stderr
    points = project.sql(
        "select milestone, round, documents from accuracy_over_budget "
        "where campaign = 'random' and metric = 'perplexity' order by documents"
    )
    assert points.rows() == [("9%", 1, 20), ("20%", 2, 40), ("22.95%", 3, 55)]
    ends = project.sql(
        "select value, tuned, a.n_examples, s.n_examples trained from accuracy_over_budget a "
        "join student_accuracy using (campaign, metric) join fine_tuned_student s using (campaign) "
        "where milestone = '22.95%'"
    )
    assert ends["value"].to_list() == ends["tuned"].to_list()
    assert ends["n_examples"].to_list() == ends["trained"].to_list()
    given = "select count(*) n from milestone_qa group by milestone order by n"
    whole = project.sql("select count(*) from qa_dataset where campaign = 'random'").item()
    first, second, last = project.sql(given)["n"]
    assert 0 < first < second < last == whole
    assert not (project.folder / ".equal/models/milestones/random").exists()
    again = project.equal("run", "random", "--milestones", "9%,20%,22.95%")
    assert "Nothing to do" in again.stdout
    fewer = project.equal("run", "random", "--milestones", "9%")
    assert fewer.returncode == 0, fewer.stdout + fewer.stderr
    for table in ("accuracy_over_budget", "milestone_qa"):
        named = f"select distinct milestone from {table}"
        assert project.sql(named)["milestone"].to_list() == ["9%"]
    kept = project.sql("select distinct student from student_answers order by all")["student"]
    assert kept.to_list() == ["9%", "base", "tuned"]


def test_milestone_that_a_campaign_does_not_reach_is_refused(finished):
    project, _ = finished
    refused = project.equal("run", "random", "--milestones", "9%,50%")
    assert refused.returncode == 1
    assert "milestone 50% of campaign random is 120 of 240 documents" in refused.stdout
    assert "its first and its last round end at 8.33%, 22.9%" in refused.stdout
    wrong = project.equal("run", "random", "--milestones", "9")
    assert wrong.returncode == 2
    assert "'9' must be a share above 0% and up to 100%" in wrong.stdout


def test_run_again_does_nothing_and_says_so(finished):
    project, _ = finished
    before = project.sql("select * from materialized order by all")
    again = project.equal("run")
    assert again.returncode == 0
    assert "Nothing to do" in again.stdout
    assert_frame_equal(project.sql("select * from materialized order by all"), before)


def test_status_and_check_read_the_same_state(finished):
    project, _ = finished
    status = project.equal("status", "random")
    assert status.returncode == 0
    assert "3 of 3" in status.stdout
    assert "equal-paper" not in status.stdout
    check = project.equal("check")
    assert check.returncode == 0, check.stdout
    assert "can start" in check.stdout


def test_compare_shows_what_the_table_holds_and_makes_nothing_anew(finished, tmp_path):
    project, _ = finished
    before = project.sql("select * from materialized order by all")
    csv, plot = tmp_path / "comparison.csv", tmp_path / "comparison.png"
    shown = project.equal("compare", "--csv", str(csv), "--plot", str(plot))
    assert shown.returncode == 0, shown.stdout + shown.stderr
    for text in (
        "python-libraries: after the same number of documents",
        "55 documents",
        "coverage of the test split",
        "Documents that each row needed",
        "PMI accuracy of the student",
        "What each campaign cost",
        "per 1,000 documents (no LLM)",
        "embedding of documents",
    ):
        assert text in shown.stdout
    rows = pl.read_csv(csv)
    assert rows.select("campaign", "documents").rows() == [
        (campaign, documents)
        for campaign in ("equal", "equal-paper", "random")
        for documents in (20, 40, 55)
    ]
    assert rows.filter("is_last")["perplexity"].null_count() == 0
    assert plot.read_bytes().startswith(b"\x89PNG")
    assert_frame_equal(project.sql("select * from materialized order by all"), before)


def test_compare_makes_it_anew_in_dagster_where_it_is_out_of_date(finished, monkeypatch):
    project, _ = finished
    before = "select * exclude seconds_per_round from strategy_comparison order by all"
    rows = project.sql(before)
    with duckdb.connect(str(project.database)) as connection:
        connection.execute("delete from materialized where asset = 'strategy_comparison'")
        connection.execute("delete from strategy_comparison")
    shown = project.equal("compare", "random")
    assert shown.returncode == 0, shown.stdout + shown.stderr
    assert "compare strategies" in shown.stdout
    assert "equal-paper" not in shown.stdout
    assert_frame_equal(project.sql(before), rows)
    monkeypatch.chdir(project.folder)  # the paths in dagster.yaml are relative to it
    with dg.DagsterInstance.from_config(str(project.folder)) as instance:
        last = instance.get_run_records(limit=1)[0].dagster_run
    assert last.asset_selection == {dg.AssetKey("strategy_comparison")}


def test_compare_says_which_campaigns_have_rounds(tmp_path, models):
    project = Project.make(tmp_path / "project", models=models)
    refused = project.equal("compare", "random")
    assert refused.returncode == 1
    assert "no rounds yet of random; campaigns with rounds: none" in refused.stdout
    unknown = project.equal("compare", "nope")
    assert unknown.returncode == 2
    assert "there are: " in unknown.stderr


def test_changed_settings_of_a_played_campaign_are_refused_until_restarted(finished):
    project, _ = finished
    project.edit(campaigns={"random": {"seed": 7}})
    refused = project.equal("run", "random")
    assert refused.returncode == 1
    assert "seed: 0 then, 7 now" in refused.stdout
    assert "equal run --restart random" in refused.stdout
    restarted = project.equal("--log-format", "json", "run", "--restart", "random")
    assert restarted.returncode == 0, restarted.stdout + restarted.stderr
    assert "55 of 55" in restarted.stdout
    lines = [json.loads(line) for line in restarted.stdout.splitlines()]
    assert {"random: starts over", "random: rounds 1 to 3"} <= {line["message"] for line in lines}
    of_steps = [line for line in lines if line.get("stage") == "extract" and line["done"]]
    told = dict.fromkeys((line["campaign"], line["round"]) for line in of_steps)
    assert [*told] == [("random", number) for number in (1, 2, 3)]
    of_dagster = [line for line in lines if line.get("event") == "ASSET_MATERIALIZATION"]
    assert {(line["stage"], line.get("round")) for line in of_dagster} >= {
        ("bandit_round", 1),
        ("bandit_round", 3),
        ("qa_dataset", None),
    }
    warned = [line.get("logger") for line in lines if line["level"] == "warning"]
    assert "dagster" not in warned  # what it logs as well is told once
    paid = project.sql(
        "select content_hash, extractor, count(*) from extractions group by all having count(*) > 1"
    )
    assert paid.is_empty()


@pytest.mark.slow
def test_campaign_ends_early_where_the_expected_gain_is_too_small_and_says_so(finished):
    project, _ = finished
    project.edit(campaigns={"equal": {"stop_below_gain": 1e6}})
    restarted = project.equal("run", "--restart", "equal")
    assert restarted.returncode == 0, restarted.stdout + restarted.stderr
    assert "1 of 3" in restarted.stdout
    ended = project.sql("select round, ended_by, expected_gain from rounds where campaign='equal'")
    assert ended.select("round", "ended_by").rows() == [(1, "gain")]
    assert 0 < ended["expected_gain"].item() < 1e6
    again = project.equal("run", "equal")
    assert again.returncode == 0
    assert "Nothing to do" in again.stdout


def test_unknown_campaign_and_broken_settings_exit_with_2(finished):
    project, _ = finished
    assert project.equal("run", "nope").returncode == 2
    project.edit(campaigns={"random": {"strategy": "best"}})
    broken = project.equal("status")
    assert broken.returncode == 2
    assert "campaigns.random.strategy = 'best'" in broken.stdout
