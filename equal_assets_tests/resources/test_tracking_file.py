"""MLflow's database is whole in its place, whenever the process that makes it is killed."""

import random
import sqlite3
import time
from contextlib import closing

import pytest

from equal_assets.errors import TrackingError
from equal_assets.resources.tracking_file import defect, ready_store, store_fault
from equal_assets_tests.command import FORKED
from equal_assets_tests.project import empty_mlflow_store

MAKING_SECONDS = 3.0
KILLS = 5


def make(database):
    ready_store(database, is_own=True)


def make_in_place(database):
    """Make a store as MLflow does."""
    from mlflow import MlflowClient

    MlflowClient(f"sqlite:///{database}").search_experiments()


def migrate_to(database, revision):
    """Make a store of an earlier MLflow."""
    import sqlalchemy
    from alembic import command
    from mlflow.store.db.utils import _get_alembic_config
    from mlflow.store.tracking.dbmodels.initial_models import Base

    engine = sqlalchemy.create_engine(f"sqlite:///{database}")
    Base.metadata.create_all(engine)
    config = _get_alembic_config(str(engine.url))
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, revision)
    engine.dispose()


def experiments(database):
    from mlflow import MlflowClient

    return [found.name for found in MlflowClient(f"sqlite:///{database}").search_experiments()]


def names(folder):
    return sorted(path.name for path in folder.iterdir() if not path.name.startswith(".mlflow"))


def killed(work, database, *, after):
    """Kill a process that works on a database a while after its folder has something in it."""
    process = FORKED.Process(target=work, args=(database,))
    process.start()
    deadline = time.monotonic() + 60
    while process.is_alive() and not names(database.parent) and time.monotonic() < deadline:
        time.sleep(0.005)
    process.join(after)
    process.kill()
    process.join()


@pytest.fixture
def store(tmp_path):
    database = tmp_path / "mlflow.db"
    database.write_bytes(empty_mlflow_store())
    return database


def damaged(database, work):
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.execute(work)


def test_process_that_is_killed_while_it_makes_a_store_leaves_none_or_a_whole_one(tmp_path):
    rng = random.Random(7)
    for number in range(KILLS):
        database = tmp_path / str(number) / "mlflow.db"
        database.parent.mkdir()
        killed(make, database, after=rng.uniform(0, MAKING_SECONDS))
        assert not database.exists() or store_fault(database) is None
    assert ready_store(database, is_own=True) is None
    assert names(database.parent) == ["mlflow.db"]
    assert experiments(database) == ["Default"]


@pytest.mark.slow
def test_store_whose_making_was_cut_off_is_mended_or_set_aside(tmp_path):
    rng = random.Random(3)
    for number in range(6):
        database = tmp_path / str(number) / "mlflow.db"
        database.parent.mkdir()
        killed(make_in_place, database, after=rng.uniform(0, MAKING_SECONDS / 3))
        told = ready_store(database, is_own=True) or ""
        n_kept = len(list(database.parent.glob("mlflow.db.broken-*")))
        assert ("it is kept as mlflow.db.broken-" in told) == (n_kept > 0)
        assert store_fault(database) is None
        assert experiments(database) == ["Default"]


def test_store_with_half_of_its_tables_is_set_aside_and_another_made(store):
    damaged(store, "drop table alembic_version")
    assert "it is kept as mlflow.db.broken-" in ready_store(store, is_own=True)
    assert store_fault(store) is None
    assert experiments(store) == ["Default"]
    assert len(list(store.parent.glob("mlflow.db.broken-*"))) == 1


def earlier_revision(steps):
    from alembic.script import ScriptDirectory
    from mlflow.store.db.utils import _get_alembic_config

    scripts = ScriptDirectory.from_config(_get_alembic_config("")).walk_revisions()
    return [script.revision for script in scripts][steps]


def test_half_migrated_store_is_set_aside(store):
    earlier = earlier_revision(12)  # whose next migrations make tables that are there
    damaged(store, f"update alembic_version set version_num = '{earlier}'")
    told = ready_store(store, is_own=True)
    assert "cannot be migrated" in told
    assert "kept as mlflow.db.broken-" in told
    assert experiments(store) == ["Default"]


def test_store_of_an_earlier_mlflow_is_migrated_with_what_it_holds(tmp_path):
    database = tmp_path / "mlflow.db"
    migrate_to(database, earlier_revision(5))
    damaged(database, "insert into experiments (name, lifecycle_stage) values ('mine', 'active')")
    assert "is migrated" in ready_store(database, is_own=True)
    assert "mine" in experiments(database)
    assert names(tmp_path) == ["mlflow.db"]


def test_store_of_a_later_mlflow_is_refused_and_left(store):
    damaged(store, "update alembic_version set version_num = 'ffffffffffff'")
    before = store.read_bytes()
    with pytest.raises(TrackingError, match="later MLflow"):
        ready_store(store, is_own=True)
    assert store.read_bytes() == before


@pytest.mark.parametrize("share", [0.02, 0.5, 0.99])
def test_cut_off_store_is_set_aside(store, share):
    with store.open("r+b") as file:
        file.truncate(int(store.stat().st_size * share))
    assert "is broken" in defect(store)
    assert "is broken" in ready_store(store, is_own=True)
    assert store_fault(store) is None


def test_empty_file_and_a_journal_without_its_store_are_no_store(tmp_path):
    database = tmp_path / "mlflow.db"
    database.touch()
    database.with_name("mlflow.db-journal").write_bytes(b"of another file")
    assert ready_store(database, is_own=True) is None
    assert experiments(database) == ["Default"]


def test_broken_store_that_others_may_share_is_left(store):
    store.write_bytes(store.read_bytes()[:5000])
    before = store.read_bytes()
    with pytest.raises(TrackingError, match="not in the project's folder"):
        ready_store(store, is_own=False)
    assert store.read_bytes() == before


def test_whole_store_is_left_as_it_is(store):
    before = store.read_bytes()
    assert ready_store(store, is_own=True) is None
    assert store.read_bytes() == before
    assert names(store.parent) == ["mlflow.db"]


def test_two_processes_at_once_make_one_store(tmp_path):
    database = tmp_path / "mlflow.db"
    both = [FORKED.Process(target=make, args=(database,)) for _ in range(2)]
    for process in both:
        process.start()
    for process in both:
        process.join()
    assert [process.exitcode for process in both] == [0, 0]
    assert names(tmp_path) == ["mlflow.db"]
