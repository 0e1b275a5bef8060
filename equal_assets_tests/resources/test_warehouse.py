import hashlib
import os
import re
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path

import duckdb
import polars as pl
import pytest

from equal_assets.algorithms.decontamination import ProtectedQuestions
from equal_assets.errors import (
    SettingsError,
    TraceError,
    WarehouseLockedError,
    WarehouseVersionError,
)
from equal_assets.lineage.trace import trace
from equal_assets.progress import listen
from equal_assets.records import QAPair, Usage
from equal_assets.resources import attached as attached_files
from equal_assets.resources.warehouse import Warehouse, document_names
from equal_assets.resources.warehouse_file import SQL, Patience, read_sql, table_names, view_names
from equal_assets.settings import fingerprint
from equal_assets.steps.staging import MAY_BE_NULL

QUERIES = sorted(file.name.removesuffix(".sql") for file in (SQL / "queries").iterdir())
HOLDER = """
import sys, duckdb
connection = duckdb.connect(sys.argv[1])
print("open", flush=True)
sys.stdin.read()
"""


def finished_rounds(campaign, numbers, *, pool_pairs=5):
    return pl.DataFrame(
        {
            "campaign": campaign,
            "round": list(numbers),
            "pool_pairs": pool_pairs,
            "pool_ot_cost": 0.5,
            "seconds": 1.0,
            "extraction_seconds": 0.5,
            "embedding_seconds": 0.25,
            "selection_seconds": 0.25,
        }
    )


def stored_rounds(warehouse):
    with warehouse.get_connection() as connection:
        return connection.execute(
            "select campaign, round, pool_pairs from rounds order by all"
        ).fetchall()


def staged(folder, rows):
    """Write rows (id, text) as staged documents, and return the glob that names them."""
    folder.mkdir(exist_ok=True)
    frame = pl.DataFrame(
        {
            "ordinal": range(len(rows)),
            "document_id": [row[0] for row in rows],
            "content_hash": [f"hash of {row[1]}" for row in rows],
            "text": [row[1] for row in rows],
            "source": "s",
            "file": "f.jsonl",
            "row": range(1, len(rows) + 1),
            "url": None,
            "license": None,
            "metadata": "{}",
            "qa_pairs": "[]",
            "page": None,
            "page_hash": None,
            "chunk": None,
        },
        schema_overrides=MAY_BE_NULL,
    )
    half = len(rows) // 2
    frame[:half].write_parquet(folder / "documents-000000.parquet")
    frame[half:].write_parquet(folder / "documents-000001.parquet")
    return str(folder / "documents-*.parquet")


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    """A warehouse whose every table is there and empty, and a staging folder."""
    folder = tmp_path_factory.mktemp("prepared")
    warehouse = Warehouse(database=str(folder / "w.duckdb"))
    with warehouse.get_connection():
        pass  # makes it
    return warehouse, staged(folder / "staging", [("a", "x"), ("b", "y")])


@pytest.fixture
def holder(tmp_path):
    """Another process that holds a warehouse until its input is closed."""
    database = tmp_path / "held.duckdb"
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(database)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout.readline() == "open\n"
    yield process, str(database)
    process.communicate(timeout=30)


def test_every_table_is_there_in_a_new_file(tmp_path):
    with Warehouse(database=str(tmp_path / "new.duckdb")).get_connection() as connection:
        found = connection.execute("select table_name from duckdb_tables()").fetchall()
    assert {row[0] for row in found} == table_names()


def test_folder_of_the_warehouse_is_made(tmp_path):
    database = tmp_path / "not" / "there" / "w.duckdb"
    assert Warehouse(database=str(database)).query("materialized").is_empty()
    assert database.is_file()


ONE_ROW = (
    "accepted_pairs",
    "refined_documents",
    "campaign_period",
    "corpus_summary",
    "corpus_version",
    "count_documents",
    "extracted_documents",
    "extraction_yield",
    "last_round",
    "answered_before",
    "measured_tokens",
    "sampled_documents",
    "scoring_spend",
)


@pytest.mark.parametrize("name", QUERIES)
def test_query_runs_on_empty_tables(prepared, name):
    warehouse, staging = prepared
    known = {
        "accepted": 1,
        "after": "",
        "answers": ["a"],
        "is_accepted": [True],
        "because": "budget_documents = 10 is used up",
        "contains": "",
        "ended_by": "budget",
        "first": "demo",
        "low_score": "scores as what reviewers reject",
        "questions": ["q"],
        "second": "other",
        "asset": "documents",
        "run_id": "r1",
        "path": ".equal/exports/demo/qa_dataset.parquet",
        "sha256": "00",
        "n_bytes": 1,
        "modified_ns": 1,
        "options": "{}",
        "student": "tuned",
        "campaign": "demo",
        "campaigns": ["demo"],
        "backend": "structural",
        "backend_version": 1,
        "document_id": "a",
        "document_ids": ["a"],
        "documents_per_cluster": 10,
        "dropped": "dropped by the refinement",
        "embedder_version": "v1",
        "extractor": "e1",
        "flops": None,
        "flops_per_llm_token": None,
        "hashes": ["h0", "h1"],
        "inputs": "i1",
        "made_from": "{}",
        "is_first": True,
        "judged_as": "j1",
        "skipped": ["hidden file or folder"],
        "last": "z",
        "limit": 10,
        "n_documents": 10,
        "made_as": "m1",
        "max_documents": 10,
        "milestone": 1.0,
        "n_characters": 100,
        "partition": "",
        "pruned": "not among",
        "qa_ids": ["q0"],
        "prefix": "a",
        "qa_id": "a",
        "round": 1,
        "rounds": [],
        "scorer": "s1",
        "seconds": 1.0,
        "settings": "{}",
        "split": "test",
        "staging": staging,
        "tokens": None,
        "version": "v1",
    }
    text = read_sql("queries", name)
    parameters = {p: known[p] for p in set(re.findall(r"\$(\w+)", text))}
    is_effect = "-- Effect:" in text
    with warehouse.get_connection() as connection:
        plan = connection.execute(f"explain {text}", parameters).fetchall()
        assert plan
        connection.execute("begin")
        rows = connection.execute(text, parameters).fetchall()
        connection.execute("rollback")  # the tables stay empty for the other queries
    n_rows = 1 if is_effect or name in ONE_ROW else 0
    assert len(rows) == n_rows


def test_query_of_no_rows_keeps_its_columns(warehouse):
    assert warehouse.query("last_round", campaign="nobody")["round"].item() == 0
    found = warehouse.query("stored_extractions", extractor="e", hashes=[])
    assert found.is_empty()
    assert found.schema["content_hash"] == pl.String


def test_query_without_a_parameter_is_an_error(warehouse):
    with pytest.raises(duckdb.Error, match="campaign"):
        warehouse.query("last_round")


def test_replace_touches_its_partition_only(warehouse):
    with warehouse.transaction() as transaction:
        transaction.insert("rounds", finished_rounds("a", [1, 2]))
        transaction.insert("rounds", finished_rounds("b", [1, 2]))
    with warehouse.transaction() as transaction:
        transaction.replace("rounds", finished_rounds("a", [1], pool_pairs=9), campaign="a")
    assert stored_rounds(warehouse) == [("a", 1, 9), ("b", 1, 5), ("b", 2, 5)]
    with warehouse.transaction() as transaction:
        transaction.replace(
            "rounds", finished_rounds("b", [2], pool_pairs=7), campaign="b", round=2
        )
    assert stored_rounds(warehouse) == [("a", 1, 9), ("b", 1, 5), ("b", 2, 7)]


def test_replace_can_be_repeated_with_the_same_keys(warehouse):
    for pool_pairs in (1, 2, 2):
        with warehouse.transaction() as transaction:
            rows = finished_rounds("a", range(1, 200), pool_pairs=pool_pairs)
            transaction.replace("rounds", rows, campaign="a")
            transaction.replace("rounds", rows, campaign="a")
    assert len(stored_rounds(warehouse)) == 199
    assert {row[2] for row in stored_rounds(warehouse)} == {2}


def test_replace_without_a_partition_replaces_every_row(warehouse):
    with warehouse.transaction() as transaction:
        transaction.insert("rounds", finished_rounds("a", [1, 2]))
        transaction.replace("rounds", finished_rounds("b", [1]))
    assert stored_rounds(warehouse) == [("b", 1, 5)]


def test_replace_by_no_rows_empties_the_partition(warehouse):
    with warehouse.transaction() as transaction:
        transaction.insert("rounds", finished_rounds("a", [1]))
        transaction.replace("rounds", finished_rounds("a", [1])[:0], campaign="a")
    assert stored_rounds(warehouse) == []


def test_columns_are_matched_by_name(warehouse):
    rows = finished_rounds("a", [3])
    with warehouse.transaction() as transaction:
        transaction.insert("rounds", rows.select(reversed(rows.columns)))
    assert stored_rounds(warehouse) == [("a", 3, 5)]


def replace_and_fail(warehouse, error):
    with warehouse.transaction() as transaction:
        transaction.replace("rounds", finished_rounds("a", [1, 2], pool_pairs=9), campaign="a")
        assert transaction.query("last_round", campaign="a")["round"].item() == 2
        raise error


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
def test_error_in_a_transaction_leaves_the_old_rows(warehouse, error):
    with warehouse.transaction() as transaction:
        transaction.insert("rounds", finished_rounds("a", [1]))
    with pytest.raises(error):
        replace_and_fail(warehouse, error)
    assert stored_rounds(warehouse) == [("a", 1, 5)]


def write_for_long(warehouse):
    with warehouse.transaction() as transaction:
        transaction.delete("rounds")
        # DuckDB looks for signals between pieces of work of this thread, not while others work
        transaction._connection.execute("set threads = 1")
        transaction._connection.execute(
            "select sum(a.range * b.range) from range(1000000) a, range(20000) b"
        )


@pytest.fixture
def ctrl_c():
    """Ctrl-C half a second after its start, as outside of tests: their processes ignore it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield threading.Timer(0.5, os.kill, (os.getpid(), signal.SIGINT))
    signal.signal(signal.SIGINT, before)


def test_interrupt_in_a_statement_ends_it_as_anywhere_else_and_leaves_the_old_rows(
    warehouse, ctrl_c
):
    with warehouse.transaction() as transaction:
        transaction.insert("rounds", finished_rounds("a", [1]))
    ctrl_c.start()
    with pytest.raises(KeyboardInterrupt):
        write_for_long(warehouse)
    assert stored_rounds(warehouse) == [("a", 1, 5)]


def insert_in_two_steps(warehouse, first, second):
    with warehouse.transaction() as transaction:
        transaction.insert("rounds", first)
        transaction.insert("rounds", second)


def test_rows_that_break_a_key_are_refused_and_the_transaction_undone(warehouse):
    with pytest.raises(duckdb.ConstraintException, match=r"(?i)duplicate key"):
        insert_in_two_steps(warehouse, finished_rounds("b", [1]), finished_rounds("a", [1, 1]))
    assert stored_rounds(warehouse) == []


@pytest.mark.parametrize("method", ["delete", "insert", "replace"])
def test_unknown_table_is_refused_with_the_known_ones(warehouse, method):
    arguments = ("round",) if method == "delete" else ("round", finished_rounds("a", [1]))
    with (
        pytest.raises(
            ValueError, match=r"table = 'round': must be one of .*bandit_documents, .*round"
        ),
        warehouse.transaction() as transaction,
    ):
        getattr(transaction, method)(*arguments)


def test_value_of_a_partition_is_never_read_as_sql(warehouse):
    with warehouse.transaction() as transaction:
        transaction.insert("rounds", finished_rounds("a", [1]))
        transaction.delete("rounds", campaign="x' or 'x' = 'x")
    assert stored_rounds(warehouse) == [("a", 1, 5)]


def test_what_was_recorded_is_found_again(warehouse):
    with warehouse.transaction() as transaction:
        version = transaction.record("clusters", inputs={"a": 1}, seconds=2.5)
        named = transaction.record(
            "target_qa", partition="demo", inputs=[2], version="v9", seconds=1.0
        )
    assert (version, named) == (fingerprint({"a": 1}), "v9")
    rows = warehouse.query("materialized").drop("materialized_at").sort("asset").rows()
    assert rows == [
        ("clusters", "", fingerprint({"a": 1}), version, 2.5),
        ("target_qa", "demo", fingerprint([2]), "v9", 1.0),
    ]


def test_recording_again_replaces_what_was_recorded(warehouse):
    for value in (1, 2):
        with warehouse.transaction() as transaction:
            transaction.record("clusters", inputs=value, seconds=1.0)
    rows = warehouse.query("materialized")
    assert rows["inputs"].to_list() == [fingerprint(2)]


def test_vectors_of_an_earlier_version_are_embedded_again(tmp_path):
    database = str(tmp_path / "old.duckdb")
    with Warehouse(database=database).transaction() as transaction:
        transaction.record("document_embeddings", inputs=1, seconds=1.0)
        transaction.record("clusters", inputs=1, seconds=1.0)
    with duckdb.connect(database) as old:
        old.execute("drop table document_embeddings")
        old.execute(
            "create table document_embeddings as select 'a' as document_id, [1] as embedding"
        )
    opened = Warehouse(database=database)
    assert opened.query("document_places").is_empty()
    assert opened.query("materialized")["asset"].to_list() == ["clusters"]


def test_warehouse_held_by_another_process_names_it(holder):
    process, database = holder
    warehouse = Warehouse(database=database, lock_timeout_seconds=0.2)
    with pytest.raises(
        WarehouseLockedError, match=rf"held\.duckdb is locked by PID {process.pid}, .*python"
    ):
        warehouse.query("materialized")


def test_warehouse_is_opened_once_the_other_process_lets_go(holder):
    process, database = holder
    release = threading.Timer(0.5, process.stdin.close)
    release.start()
    warehouse = Warehouse(database=database, lock_timeout_seconds=30)
    assert warehouse.query("materialized").is_empty()
    assert release.finished.is_set()
    process.stdin = None  # closed: nothing is left to send


def test_connection_is_closed_after_use_so_that_others_can_write(warehouse):
    warehouse.query("materialized")
    with warehouse.transaction():
        pass
    with pytest.raises(RuntimeError), warehouse.transaction():
        raise RuntimeError
    code = "import sys, duckdb; duckdb.connect(sys.argv[1]).execute('create table other (a int)')"
    subprocess.run([sys.executable, "-c", code, warehouse.database], check=True)


def test_file_that_is_no_warehouse_is_not_taken_for_a_locked_one(tmp_path):
    path = tmp_path / "w.duckdb"
    path.write_text("this is text, and long enough to be read as a header" * 100)
    with pytest.raises(duckdb.IOException, match="not a valid DuckDB"):
        Warehouse(database=str(path), lock_timeout_seconds=30).query("materialized")


def test_equal_texts_are_merged_and_equal_ids_made_unique(warehouse, tmp_path):
    rows = [("a", "x"), ("b", "y"), ("c", "x"), ("b", "z"), ("d", "x"), ("e", "y")]
    staging = staged(tmp_path / "staging", rows)
    with warehouse.transaction() as transaction:
        transaction.execute("load_documents", staging=staging, max_documents=2**62)
        transaction.execute("load_files", staging=staging, skipped=[])
    with warehouse.get_connection() as connection:
        documents = connection.execute(
            "select document_id, text, n_copies, n_characters from documents order by all"
        ).fetchall()
    assert documents == [("a", "x", 3, 1), ("b", "y", 2, 1), ("b-hash of z", "z", 1, 1)]
    summary = warehouse.query("corpus_summary").row(0, named=True)
    counted = ("n_documents", "n_duplicates", "n_rejected", "n_renamed", "n_left_out", "n_files")
    assert [summary[name] for name in counted] == [3, 3, 0, 1, 0, 1]


def test_pages_that_share_an_id_are_told_apart_with_all_of_their_chunks(warehouse, tmp_path):
    rows = [("p#1", "x"), ("p#2", "y"), ("p#1", "z"), ("p#3", "w"), ("q", "v")]
    staging = Path(staged(tmp_path / "staging", rows)).parent
    frame = pl.read_parquet(staging / "*.parquet").with_columns(
        page=pl.Series(["p", "p", "p", "p", None]),
        page_hash=pl.Series(["one", "one", "another page's hash", "another page's hash", None]),
        chunk=pl.Series([1, 2, 1, 3, None], dtype=pl.Int32),
    )
    frame.write_parquet(tmp_path / "all.parquet")
    with warehouse.transaction() as transaction:
        transaction.execute(
            "load_documents", staging=str(tmp_path / "all.parquet"), max_documents=99
        )
    with warehouse.get_connection() as connection:
        found = connection.execute(
            "select document_id, page, chunk, text from documents"
        ).fetchall()
    assert sorted(found) == [
        ("p#1", "p", 1, "x"),
        ("p#1-hash of z", "p-another page's h", 1, "z"),
        ("p#2", "p", 2, "y"),
        ("p#3-hash of w", "p-another page's h", 3, "w"),
        ("q", None, None, "v"),
    ]
    summary = warehouse.query("corpus_summary").row(0, named=True)
    counted = ("n_documents", "n_chunks", "n_pages", "n_renamed")
    assert [summary[name] for name in counted] == [5, 4, 2, 2]


def named(warehouse, folder, rows):
    """Store documents (source, file, row, page, chunk), and return what they are called."""
    texts = [(str(number), str(number)) for number in range(len(rows))]
    staging = Path(staged(folder / "staging", texts)).parent
    columns = dict(
        zip(("source", "file", "row", "page", "chunk"), zip(*rows, strict=True), strict=True)
    )
    given = [
        pl.Series(name, values, dtype=MAY_BE_NULL.get(name)) for name, values in columns.items()
    ]
    frame = pl.read_parquet(staging / "*.parquet").with_columns(*given, page_hash=pl.lit("h"))
    frame.write_parquet(folder / "all.parquet")
    with warehouse.transaction() as transaction:
        transaction.execute("load_documents", staging=str(folder / "all.parquet"), max_documents=99)
    return list(document_names(warehouse, [one for one, _ in texts]).values())


def test_documents_are_called_by_file_row_and_chunk(warehouse, tmp_path):
    rows = [
        ("a.txt", "/home/docs/ref/a.txt", 1, "p", 1),
        ("a.txt", "/home/docs/ref/a.txt", 1, "p", 2),
        ("b.rst", "/home/docs/ref/b.rst", 1, "q", 1),
        ("b.rst", "/home/docs/ref/b.rst", 2, "q", 2),
        ("c.md", "/home/docs/releases/c.md", 1, None, None),
        ("d.jsonl", "/home/docs/rows/d.jsonl", 1, None, None),
        ("d.jsonl", "/home/docs/rows/d.jsonl", 1234, "r", 1),
        ("d.jsonl", "/home/docs/rows/d.jsonl", 1234, "r", 2),
    ]
    assert named(warehouse, tmp_path, rows) == [
        "ref/a.txt, chunk 1 of 2",
        "ref/a.txt, chunk 2 of 2",
        "ref/b.rst, chunk 1 of 2",
        "ref/b.rst, chunk 2 of 2",
        "releases/c.md",
        "rows/d.jsonl, row 1",
        "rows/d.jsonl, row 1,234, chunk 1 of 2",
        "rows/d.jsonl, row 1,234, chunk 2 of 2",
    ]


@pytest.mark.parametrize(
    ("files", "names"),
    [
        (["data/a.txt"], ["a.txt"]),
        (["a.txt", "b.txt"], ["a.txt", "b.txt"]),
        (["docs/a.txt", "docs-2/a.txt"], ["docs/a.txt", "docs-2/a.txt"]),
        (["é/é/a.txt", "é/ü/a.txt"], ["é/a.txt", "ü/a.txt"]),
    ],
)
def test_files_are_called_from_the_folder_that_all_are_in(warehouse, tmp_path, files, names):
    rows = [(file.rpartition("/")[2], file, 1, None, None) for file in files]
    assert named(warehouse, tmp_path, rows) == names


def test_document_of_a_package_is_called_with_it(warehouse, tmp_path):
    rows = [("numpy 2.1", f"numpy/{name}.py", 7, None, None) for name in ("a", "b")]
    assert named(warehouse, tmp_path, rows) == ["numpy 2.1: a.py", "numpy 2.1: b.py"]


def test_capped_corpus_is_a_sample_that_does_not_follow_the_order_of_the_rows(warehouse, tmp_path):
    rows = [(f"d{i}", f"{(i * 37) % 100:02}") for i in range(100)]
    for name, order in (("forward", rows), ("backward", rows[::-1])):
        staging = staged(tmp_path / name, order)
        with warehouse.transaction() as transaction:
            transaction.delete("documents")
            transaction.execute("load_documents", staging=staging, max_documents=5)
        texts = {
            row["text"]
            for row in warehouse.query("document_texts", after="", last="z").iter_rows(named=True)
        }
        assert texts == {"00", "01", "02", "03", "04"}  # the smallest content hashes


def test_version_of_the_corpus_follows_its_content_alone(warehouse, tmp_path):
    rows = [("a", "x"), ("b", "y"), ("c", "z"), ("d", "w")]
    versions = []
    for number, order in enumerate([rows, rows[::-1], [*rows[:3], ("d", "other")]]):
        staging = staged(tmp_path / str(number), order)
        with warehouse.transaction() as transaction:
            transaction.delete("documents")
            transaction.execute("load_documents", staging=staging, max_documents=99)
        versions.append(warehouse.query("corpus_version")["version"].item())
    assert versions[0] == versions[1] != versions[2]
    ids = [f"{name}hash of {text}" for name, text in rows]  # as earlier versions wrote it
    assert versions[0] == hashlib.md5("".join(ids).encode()).hexdigest()


def pull(campaign, number, order, cluster, *, n_documents, reward):
    counts = dict.fromkeys(("n_pairs", "n_failed", "n_rejected", "n_cached", "arm_pairs"), 0)
    return {
        "campaign": campaign,
        "round": number,
        "pull": order,
        "cluster": cluster,
        "n_documents": n_documents,
        "reward": reward,
        **counts,
        **asdict(Usage()),
    }


def asked_for(campaign, document_id, cluster, round_number=1):
    return {
        "campaign": campaign,
        "document_id": document_id,
        "round": round_number,
        "pull": 0,
        "cluster": cluster,
        "content_hash": f"hash of {document_id}",
        "extractor": "x",
        "status": "pairs",
    }


def test_pairs_that_rounds_learn_from_are_the_campaigns_own_without_leaks(warehouse):
    """Documents a, b, c, d yield a pair each; c is another campaign's, and d nobody's."""
    stored = [asked_for("demo", "a", 0), asked_for("demo", "b", 1), asked_for("other", "c", 0)]
    pairs = [
        {
            "qa_id": f"{number} of {document}",
            "content_hash": f"hash of {document}",
            "extractor": "x",
            "position": 0,
            "question": "?",
            "answer": "four",
        }
        for number, document in enumerate("abcd")
    ]
    vectors = [
        {
            "qa_id": pair["qa_id"],
            "embedder_version": "v",
            "embedding": [float(number)],
            "n_tokens": 1,
            "flops": 1.0,
        }
        for number, pair in enumerate(pairs)
    ]
    with warehouse.transaction() as transaction:
        transaction.insert("bandit_documents", pl.DataFrame(stored))
        transaction.insert("extracted_qa", pl.DataFrame(pairs))
        transaction.insert("qa_embeddings", pl.DataFrame(vectors))
    found = {"campaign": "demo", "embedder_version": "v", "scorer": ""}
    kept = warehouse.query("kept_pairs", **found)
    assert kept.rows() == [("0 of a", 0, [0.0], None), ("1 of b", 1, [1.0], None)]
    leak = {"campaign": "demo", "qa_id": "0 of a", "round": 1, "reason": "r"}
    with warehouse.transaction() as transaction:
        transaction.insert("leaked_qa", pl.DataFrame([leak | {"collided_with": "test:0"}]))
    assert warehouse.query("kept_pairs", **found)["qa_id"].to_list() == ["1 of b"]
    assert warehouse.query("kept_pairs", **found | {"embedder_version": "w"}).is_empty()


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        ("What is a monadic parser?", "A function."),
        ("What is a functor?", "A mapping."),
    ],
)
def test_pair_that_decontamination_keeps_passes_the_check_of_the_data_set(
    warehouse, question, answer
):
    target = QAPair("What is a monad", "A monoid in the category of endofunctors.")
    pairs = [QAPair(question, answer)]
    assert ProtectedQuestions([target], n=10).find_leaks(pairs) == [None]
    names = ("qa_id", "document_id", "source", "extractor")
    example = {"campaign": "demo", "question": question, "answer": answer, "license": None}
    example |= dict.fromkeys(names, "x") | dict.fromkeys(("cluster", "round", "pull"), 1)
    row = {"campaign": "demo", "split": "test", "position": 0}
    with warehouse.transaction() as transaction:
        transaction.insert("qa_dataset", pl.DataFrame([example]))
        transaction.insert(
            "target_qa", pl.DataFrame([{**row, "question": target.question, "answer": "x"}])
        )
    assert warehouse.query("check_test_questions").is_empty()


def test_check_finds_a_test_question_that_is_trained_on(warehouse):
    names = ("qa_id", "answer", "document_id", "source", "extractor")
    example = {"campaign": "demo", "question": "Tell me, WHAT is a monad?", "license": None}
    example |= dict.fromkeys(names, "x") | dict.fromkeys(("cluster", "round", "pull"), 1)
    row = {"campaign": "demo", "position": 0, "question": "What is a monad?", "answer": "x"}
    for split, n_found in (("reference", 0), ("test", 1)):
        with warehouse.transaction() as transaction:
            transaction.replace("qa_dataset", pl.DataFrame([example]))
            transaction.replace("target_qa", pl.DataFrame([{**row, "split": split}]))
        assert len(warehouse.query("check_test_questions")) == n_found


def test_sql_is_found_from_any_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert read_sql("queries", "last_round").startswith("-- Question")
    assert Path(str(SQL)).is_absolute()


def test_warehouse_of_an_earlier_version_is_refused_with_what_it_lacks(tmp_path):
    path = tmp_path / "warehouse.duckdb"
    with duckdb.connect(str(path)) as connection:
        connection.execute("create table rounds (campaign varchar, round integer)")
    with pytest.raises(WarehouseVersionError, match="table rounds has no column ended_by"):
        Warehouse(database=str(path)).query("last_round", campaign="a")
    with duckdb.connect(str(path)) as connection:  # the file is closed again, and as it was
        assert connection.execute("select count(*) from rounds").fetchone() == (0,)


def test_warehouse_from_before_pages_were_cut_gets_the_columns_and_keeps_its_rows(tmp_path):
    path = str(tmp_path / "warehouse.duckdb")
    row = {"document_id": "a", "content_hash": "h", "text": "x", "source": "s", "file": "f"}
    row |= {"n_characters": 1, "row": 1, "metadata": "{}", "qa_pairs": "[]", "n_copies": 1}
    warehouse = Warehouse(database=path)
    with warehouse.transaction() as transaction:
        transaction.insert("documents", pl.DataFrame([row]))
    with duckdb.connect(path) as connection:
        for view in view_names():
            connection.execute(f"drop view {view}")
        for column in ("page", "chunk"):
            connection.execute(f"alter table documents drop column {column}")
    summary = warehouse.query("corpus_summary").row(0, named=True)
    assert (summary["n_documents"], summary["n_chunks"], summary["n_pages"]) == (1, 0, 0)
    with duckdb.connect(path) as connection:
        found = connection.execute("select document_id, page, chunk from documents").fetchall()
    assert found == [("a", None, None)]


def test_view_of_another_version_is_made_anew_and_those_of_users_are_left(warehouse):
    with duckdb.connect(warehouse.database) as connection:
        connection.execute("create or replace view round_changes as select 1 as old")
        connection.execute("create view mine as select 2 as own")
    with warehouse.get_connection() as connection:
        assert connection.execute("select n_new_clusters from round_changes").fetchall() == []
        assert connection.execute("from mine").fetchall() == [(2,)]


def test_queries_of_a_block_that_reads_open_the_file_once_and_see_the_same_state(
    warehouse, monkeypatch
):
    opened, attach = [], attached_files._attach
    monkeypatch.setattr(
        attached_files,
        "_attach",
        lambda *given, **named: opened.append(1) or attach(*given, **named),
    )
    with warehouse.reading() as read:
        assert warehouse.query("materialized").equals(read.query("materialized"))
        with warehouse.reading() as inner:
            assert inner is read
    assert len(opened) == 1
    warehouse.query("materialized")
    assert len(opened) == 2


def test_writing_while_a_block_reads_is_an_error_instead_of_a_wait_without_end(warehouse):
    with (
        warehouse.reading(),
        pytest.raises(RuntimeError, match="end `reading` before you write"),
        warehouse.transaction(),
    ):
        pass
    with warehouse.transaction() as transaction:
        transaction.delete("rounds")


def test_documents_are_looked_up_in_the_index_of_their_key(warehouse, tmp_path):
    rows = [(f"d{number}", str(number)) for number in range(3000)]
    with warehouse.transaction() as transaction:
        staging = staged(tmp_path, rows)
        transaction.execute("load_documents", staging=staging, max_documents=9999)
    with warehouse.get_connection() as connection:
        for ids in (["d7", "d2999", "none"], ["d1"]):
            text = f"explain analyze {read_sql('queries', 'documents_by_id')}"
            ((_, plan),) = connection.execute(text, {"document_ids": ids}).fetchall()
            assert "Index Scan" in plan


READER = (
    "import duckdb, sys\n"
    "connection = duckdb.connect(sys.argv[1], read_only=True)\n"
    "print('open', flush=True)\nsys.stdin.read()"
)


@pytest.fixture
def reader(warehouse):
    """Another process that reads the warehouse until its input is closed, as a notebook does."""
    process = subprocess.Popen(
        [sys.executable, "-c", READER, warehouse.database],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout.readline() == "open\n"
    yield process
    process.communicate(timeout=30)


def test_what_reads_does_not_wait_for_another_that_reads(warehouse, reader):
    assert warehouse.query("materialized").is_empty()
    with warehouse.reading() as read:
        assert read.query("materialized").is_empty()
    with pytest.raises(TraceError, match="no QA pair"):
        trace(Path(warehouse.database), "abc", patience=Patience(0))


def test_what_writes_waits_for_a_reader_as_long_as_it_takes_and_says_for_whom(warehouse, reader):
    told = []
    patient = warehouse.model_copy(update={"lock_timeout_seconds": None})
    release = threading.Timer(3, reader.stdin.close)
    release.start()
    began = time.monotonic()
    with listen(lambda *reported: None, told.append), patient.transaction() as transaction:
        transaction.record("clusters", inputs=1, seconds=1.0)
    assert time.monotonic() - began > 3 > 2 == warehouse.lock_timeout_seconds
    assert not patient.query("materialized").is_empty()
    waiting, free = told
    assert re.search(
        rf"waiting for .*warehouse\.duckdb, which is held by PID {reader.pid}", waiting
    )
    assert re.search(
        r"import duckdb.*, which runs since \d{4}-\d\d-\d\d \d\d:\d\d:\d\d", waiting, re.S
    )
    assert re.fullmatch(r"the warehouse is free again after \d+ s", free)
    reader.stdin = None  # closed: nothing is left to send


def test_file_that_another_process_shortens_while_it_is_opened_is_opened_again(monkeypatch):
    from equal_assets.resources import warehouse_file

    shortened = duckdb.IOException('IO Error: Could not read enough bytes from file "w": ...')
    outcomes = [shortened, shortened, "opened"]

    def connect():
        if isinstance(outcome := outcomes.pop(0), Exception):
            raise outcome
        return outcome

    waiting = warehouse_file._wait_for
    assert waiting("w", connect, warehouse_file.AS_IT_TAKES) == "opened"
    monkeypatch.setattr(warehouse_file, "SHRUNK_SECONDS", 0.0)
    outcomes += [shortened]
    with pytest.raises(duckdb.IOException, match="enough bytes"):  # it is cut off for good
        waiting("w", connect, warehouse_file.AS_IT_TAKES)


def test_a_reader_gets_its_turn_beside_a_writer(warehouse):
    code = (
        "import sys, time\nfrom equal_assets.resources.warehouse import Warehouse\n"
        "warehouse = Warehouse(database=sys.argv[1])\nprint('begun', flush=True)\n"
        "for number in range(40):\n  with warehouse.transaction() as transaction:\n"
        "    transaction.record('clusters', inputs=number, seconds=1.0)\n  time.sleep(0.1)\n"
    )
    writer = subprocess.Popen(
        [sys.executable, "-c", code, warehouse.database], stdout=subprocess.PIPE, text=True
    )
    assert writer.stdout.readline() == "begun\n"
    seen, patient = set(), warehouse.model_copy(update={"lock_timeout_seconds": None})
    while writer.poll() is None:
        seen |= set(patient.query("materialized")["inputs"])
    assert writer.returncode == 0
    assert fingerprint(39) in set(warehouse.query("materialized")["inputs"])
    assert len(seen) > 1


def test_the_environment_limits_the_wait(warehouse, reader, monkeypatch):
    patient = warehouse.model_copy(update={"lock_timeout_seconds": None})
    monkeypatch.setenv("EQUAL_LOCK_SECONDS", "0.1")
    with (
        pytest.raises(WarehouseLockedError, match=rf"locked by PID {reader.pid}.*waited 0 s"),
        patient.transaction(),
    ):
        pass
    monkeypatch.setenv("EQUAL_LOCK_SECONDS", "long")
    with pytest.raises(SettingsError, match="EQUAL_LOCK_SECONDS = long: must be a number"):
        patient.query("materialized")


def test_lock_in_a_path_is_no_lock(tmp_path):
    path = tmp_path / "Conflicting lock is held in x (PID 1)" / "lock.duckdb"
    path.parent.mkdir()
    path.write_text("this is text, and long enough to be read as a header" * 100)
    with pytest.raises(duckdb.IOException, match="not a valid DuckDB"):
        Warehouse(database=str(path)).query("materialized")


def test_a_reader_sees_what_a_killed_writer_had_stored(warehouse):
    code = (
        "import duckdb, os, sys\nconnection = duckdb.connect(sys.argv[1])\n"
        "connection.execute(\"insert into materialized by name select 'clusters' as asset, '' as "
        "partition, 'i' as inputs, '{}' as made_from, 'v' as version, 1.0 as seconds\")\n"
        "os.kill(os.getpid(), 9)"
    )
    killed = subprocess.run([sys.executable, "-c", code, warehouse.database])
    assert killed.returncode == -9
    assert Path(f"{warehouse.database}.wal").is_file()
    assert warehouse.query("materialized")["inputs"].to_list() == ["i"]


def test_threads_of_one_process_read_and_write_at_the_same_time(warehouse):
    def write(number):
        with warehouse.transaction() as transaction:
            transaction.record("clusters", partition=f"{number}", inputs=number, seconds=1.0)

    def read(_):
        return len(warehouse.query("materialized"))

    with ThreadPoolExecutor(4) as pool:
        written = [pool.submit(write, number) for number in range(20)]
        counts = list(pool.map(read, range(40)))
        for future in written:
            future.result()
    assert set(counts) <= set(range(21))
    assert read(0) == 20
