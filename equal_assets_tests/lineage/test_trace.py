import json
import subprocess
import sys

import pytest
from click.testing import CliRunner

from equal_assets.cli.main import main
from equal_assets.errors import TraceError
from equal_assets.lineage.trace import trace
from equal_assets.resources.warehouse import Warehouse
from equal_assets_tests.traced import SETTINGS, fill


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """A state folder with the warehouse that is worked out by hand."""
    folder = tmp_path_factory.mktemp("home")
    fill(Warehouse(database=str(folder / "warehouse.duckdb")))
    return folder


@pytest.fixture(scope="module")
def database(home):
    return home / "warehouse.duckdb"


def test_kept_pair_leads_to_the_students_that_trained_on_it(database):
    found = trace(database, "b200")
    assert (found["question"], found["answer"]) == ("question b200", "answer b200")
    assert found["document"]["url"] == "https://example.org/2"
    assert found["document"]["name"] == "web: pages.jsonl, row 2, chunk 2 of 2"
    assert found["extraction"]["settings"] == SETTINGS
    assert found["extraction"]["prompt_tokens"] == 70
    assert not found["is_in_warmup"]
    (campaign,) = found["campaigns"]
    assert (campaign["campaign"], campaign["outcome"]) == ("a", "in the data set")
    assert campaign["cluster"]["medoid_document_id"] == "d1"
    assert (campaign["pull"]["round"], campaign["pull"]["ucb_score"]) == (2, 0.75)
    metrics = {
        "perplexity": {"base": 90.0, "tuned": 30.0},
        "math": {"base": 0.25, "tuned": 0.5},
    }
    end = {"student": "end", "mlflow_run_id": "fine-tune", "n_examples": 2, "metrics": metrics}
    assert campaign["students"] == [end]


def test_milestones_come_before_the_end(database):
    students = trace(database, "a100")["campaigns"][0]["students"]
    assert [(s["student"], s["mlflow_run_id"]) for s in students] == [
        ("50%", "run of a"),
        ("end", "fine-tune"),
    ]


@pytest.mark.parametrize(
    ("qa_id", "outcome"),
    [
        ("a101", ("repeated pair", "a100", "question a100", 0.99)),
        ("c500", ("overlaps", "test:0", "asked?", None)),
    ],
)
def test_removed_pair_says_why_and_what_it_collided_with(database, qa_id, outcome):
    campaign = trace(database, qa_id)["campaigns"][0]
    names = ("removed_because", "collided_with", "collided_question", "similarity")
    assert campaign["outcome"] == "removed"
    assert tuple(campaign[name] for name in names) == outcome
    assert campaign["students"] == []


def test_pair_of_two_campaigns_is_told_for_each_or_for_the_named_one(database):
    found = trace(database, "a101")["campaigns"]
    assert [(c["campaign"], c["outcome"]) for c in found] == [
        ("a", "removed"),
        ("b", "in the data set"),
    ]
    assert trace(database, "a101", "b")["campaigns"] == found[1:]


def test_pair_of_the_warm_up_alone_has_no_campaign(database):
    found = trace(database, "f700")
    assert (found["is_in_warmup"], found["campaigns"]) == (True, [])
    assert found["extraction"]["first_asked_by"] == "warm-up"


def test_first_digits_are_enough(database):
    assert trace(database, "b") == trace(database, "b200")


@pytest.mark.parametrize(
    ("qa_id", "campaign", "message"),
    [
        ("a10", None, r"several pairs .* begins with 'a10': \n  a100  question a100\n  a101"),
        ("", None, "several pairs"),
        ("b201", None, r"no QA pair b201; closest matches: \n  b200  question b200"),
        ("d1", None, r"d1 is a document; trace one of its pairs: \n  a100"),
        ("b200", "b", "campaign b did not request .* b200; campaigns that did: a"),
        ("f700", "a", "campaigns that did: none, only the warm-up"),
    ],
)
def test_what_cannot_be_traced_is_said_with_what_can(database, qa_id, campaign, message):
    with pytest.raises(TraceError, match=message):
        trace(database, qa_id, campaign)


def test_missing_and_empty_warehouses_are_said(tmp_path):
    path = tmp_path / "w.duckdb"
    with pytest.raises(TraceError, match="no such warehouse; `equal run` makes it"):
        trace(path, "a100")
    assert not path.exists()
    Warehouse(database=str(path)).query("materialized")
    with pytest.raises(TraceError, match="nothing is extracted yet"):
        trace(path, "a100")


def command(home, monkeypatch, *arguments):
    monkeypatch.setenv("EQUAL_HOME", str(home))
    monkeypatch.setenv("COLUMNS", "200")
    return CliRunner().invoke(main, ["trace", *arguments])


def test_command_shows_a_tree(home, monkeypatch):
    shown = command(home, monkeypatch, "a101").output
    for said in (
        "QA pair  a101",
        "document  Page 1, d1",
        "chunk  1 of page p",
        "read from  pages.jsonl, row 1",
        "extraction  openai, m, fingerprint e",
        "prompt extract  SHA-256 ",
        "took  110 + 10 tokens of its document, for 2 pairs; cost 0.12",
        "paid by  warm-up",
        "score  0.75: mean reward 0.5, exploration bonus 0.25",
        "outcome  removed, repeated pair",
        "collided with  a100, similarity 0.990",
        "which asks  question a100",
    ):
        assert said in shown, said


def test_pruned_pair_names_the_reference_question_that_it_comes_nearest_to(tmp_path, monkeypatch):
    warehouse = Warehouse(database=str(tmp_path / "warehouse.duckdb"))
    fill(warehouse)
    with warehouse.get_connection() as connection:
        connection.execute(
            "update removed_qa set reason = 'not among the nearest of any reference question', "
            "collided_with = 'reference:0', similarity = 0.5 where qa_id = 'c500'"
        )
        connection.execute("update target_qa set split = 'reference', question = 'steers?'")
    shown = command(tmp_path, monkeypatch, "c500").output
    assert "outcome  removed, not among the nearest of any reference question" in shown
    assert "comes nearest to  reference:0, similarity 0.500" in shown
    assert "which asks  steers?" in shown
    assert "collided" not in shown


def test_command_gives_all_of_it_as_json(home, database, monkeypatch):
    shown = command(home, monkeypatch, "b2", "--json")
    assert json.loads(shown.output) == trace(database, "b200")


def test_tracing_imports_neither_dagster_nor_polars():
    code = (
        "import sys, equal_assets.cli.main, equal_assets.lineage.trace, equal_assets.pages.tree; "
        "print([m for m in ('dagster', 'polars', 'numpy', 'torch') if m in sys.modules])"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert result.stdout.strip() == "[]"
