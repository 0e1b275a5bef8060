"""The views on a warehouse that is worked out by hand: see traced.py."""

import re
from pathlib import Path

import pytest

from equal_assets.resources.warehouse import Warehouse
from equal_assets_tests.traced import fill

PAGE = Path(__file__).resolve().parents[1] / "docs" / "lineage.md"
QUESTIONS = re.findall(r"```sql\n(.*?)```", PAGE.read_text(encoding="utf-8"), flags=re.S)


@pytest.fixture(scope="module")
def ask(tmp_path_factory):
    """Return the rows of a statement."""
    warehouse = Warehouse(database=str(tmp_path_factory.mktemp("traced") / "w.duckdb"))
    fill(warehouse)
    with warehouse.get_connection() as connection:
        yield lambda sql: connection.execute(sql).fetchall()


def test_lineage_has_a_row_for_each_campaign_that_asked_and_one_for_the_warm_up_alone(ask):
    found = ask("select qa_id, campaign, outcome, is_in_warmup from qa_lineage order by all")
    assert found == [
        ("a100", "a", "in the data set", True),
        ("a100", "b", "in the data set", True),
        ("a101", "a", "removed", False),
        ("a101", "b", "in the data set", False),
        ("b200", "a", "in the data set", False),
        ("c500", "a", "removed", False),
        ("f700", None, None, True),
    ]


def test_lineage_leads_from_the_pair_to_document_pull_and_extractor(ask):
    found = ask(
        "select title, source, file, row, cluster, cluster_documents, strategy, target, round, "
        "pull, mean_reward, exploration_bonus, ucb_score, reward, backend, model, document_pairs, "
        "prompt_tokens, completion_tokens, cost, first_asked_by from qa_lineage "
        "where qa_id = 'b200'"
    )
    document = ("Page 2", "web", "pages.jsonl", 2)
    pull = (0, 6, "equal", "task a", 2, 0, 0.5, 0.25, 0.75, -0.2)
    assert found == [(*document, *pull, "openai", "m", 1, 70, 10, 0.08, "a|round-001")]


def test_students_are_those_that_trained_on_the_pair(ask):
    first, second = (
        ask(f"select * exclude (qa_id) from qa_students where qa_id = '{qa_id}' order by all")
        for qa_id in ("a100", "b200")
    )
    end = [
        ("a", "end", "fine-tune", 2, "math", 0.25, 0.5),
        ("a", "end", "fine-tune", 2, "perplexity", 90.0, 30.0),
    ]
    assert first == [("a", "50%", "run of a", 1, "math", 0.25, 0.375), *end]
    assert second == end  # it came after the milestone


def test_students_at_milestones_are_those_that_trained_on_the_pair_then(tmp_path):
    warehouse = Warehouse(database=str(tmp_path / "w.duckdb"))
    fill(warehouse)
    with warehouse.get_connection() as connection:  # a101 was pruned later, a100 at the milestone
        connection.execute("insert into milestone_qa values ('a', '50%', 'a101')")
        found = connection.execute(
            "select qa_id, student, metric, tuned from qa_students order by all"
        ).fetchall()
    end = [("end", "math", 0.5), ("end", "perplexity", 30.0)]
    assert found == [
        *(("a100", *row) for row in end),
        ("a101", "50%", "math", 0.375),
        *(("b200", *row) for row in end),
    ]


def test_value_of_clusters_is_counted_in_examples(ask):
    found = ask("select * exclude (campaign) from cluster_value where campaign = 'a' order by all")
    value = (pytest.approx(0.4), pytest.approx(2000 / 420), pytest.approx(0.21))
    assert found == [
        (0, "web", "text 1", 5, 2, 4, 2, 420, pytest.approx(0.42), *value, pytest.approx(-0.3)),
        (1, "book", "text 3", 1, 1, 0, 0, 60, 0.06, 0.0, 0.0, None, None),
    ]


def test_value_of_sources_is_counted_in_examples(ask):
    found = ask("select * exclude (campaign) from source_value where campaign = 'a' order by all")
    tokens = (240, pytest.approx(0.24))
    value = (pytest.approx(2 / 3), pytest.approx(2000 / 240), pytest.approx(0.12))
    assert found == [
        ("book", "MIT", 3, 2, 1, 0, *tokens, 0.0, 0.0, None, None),
        ("web", "MIT", 3, 1, 3, 2, *tokens, *value, pytest.approx(-0.3)),
    ]


def test_changes_of_a_round_are_told_against_the_round_before(ask):
    found = ask(
        "select n_pulls, n_clusters, n_new_clusters, n_documents, n_failed, n_pairs, n_examples, "
        "pool_pairs, ot_cost_before, ot_cost_after, ot_cost_change, mean_reward_before, "
        "mean_reward from round_changes where campaign = 'a' order by round"
    )
    assert found == [
        (2, 2, 2, 2, 0, 2, 1, 2, None, 0.5, None, None, -0.7),
        (1, 1, 0, 4, 1, 2, 1, 4, 0.5, 0.4, pytest.approx(-0.1), -0.7, -0.2),
    ]


def test_round_tells_what_it_learned_of_its_clusters(ask):
    found = ask(
        "select round, cluster, n_documents, n_pairs, n_examples, ucb_score, reward_before, "
        "reward_after, reward_change from round_clusters where campaign = 'a' order by all"
    )
    assert found == [
        (1, 0, 1, 2, 1, 0.75, None, -0.4, None),
        (1, 1, 1, 0, 0, 0.75, None, -1.0, None),
        (2, 0, 4, 2, 1, 0.75, -0.4, -0.2, pytest.approx(0.2)),
    ]


def test_documents_in_vain_say_why(ask):
    found = ask(
        "select campaign, document_id, title, source, round, pull, cluster, outcome, reason, "
        "tokens, cost from documents_in_vain order by all"
    )
    assert found == [
        ("a", "d3", "Page 3", "book", 1, 1, 1, "no pairs", None, 60, 0.06),
        ("a", "d4", "Page 4", "book", 2, 0, 0, "failed", "no JSON", 40, 0.04),
        ("a", "d5", "Page 5", "book", 2, 0, 0, "all pairs removed", "overlaps", 140, 0.14),
        ("a", "d6", "Page 6", "web", 2, 0, 0, "all pairs rejected", "too short", 40, 0.04),
    ]


def test_expected_pairs_stand_beside_those_that_came_without_failures(ask):
    found = ask(
        "select decile, documents, expected_pairs, pairs from yield_calibration "
        "where campaign = 'a' order by decile"
    )
    assert [row[:2] for row in found] == [(1, 1), (2, 1), (3, 1), (4, 1), (5, 1)]  # without d4
    assert [row[2:] for row in found] == [(1, 2), (2, 1), (3, 0), (5, 1), (6, 0)]


def test_pairs_are_not_in_vain_before_the_data_set_is_made(tmp_path):
    warehouse = Warehouse(database=str(tmp_path / "w.duckdb"))
    fill(warehouse)
    with warehouse.transaction() as transaction:
        for table in ("qa_dataset", "removed_qa"):
            transaction.delete(table)
    with warehouse.get_connection() as connection:
        found = connection.execute(
            "select document_id from documents_in_vain order by 1"
        ).fetchall()
        outcomes = connection.execute("select distinct outcome from qa_lineage").fetchall()
    assert found == [("d3",), ("d4",), ("d6",)]
    assert set(outcomes) == {(None,), ("data set not made since",)}


@pytest.mark.parametrize("number", range(len(QUESTIONS)))
def test_question_of_the_page_about_lineage_can_be_asked(ask, number):
    ask(QUESTIONS[number])


def test_rows_of_the_benchmark_fill_a_warehouse_of_today(warehouse):
    rows = Path(__file__).resolve().parents[1] / "benchmarks" / "lineage_rows.sql"
    with warehouse.get_connection() as connection:
        connection.execute("set variable n = 1000")
        connection.execute(rows.read_text(encoding="utf-8"))
        for sql in QUESTIONS:
            connection.execute(sql)
        assert connection.execute("select count(*) from qa_lineage").fetchone() == (1200,)
