import os
import subprocess
import sys

import duckdb
import pytest

from equal_assets.resources.attached import OpenHereError, attached

FULL_DISK = """
import resource, signal, sys
from equal_assets.resources.attached import attached

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
_, most = resource.getrlimit(resource.RLIMIT_FSIZE)
with attached(sys.argv[1], read_only=False) as connection:
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, most))
    connection.execute("insert into numbers values (1)")
resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))
with attached(sys.argv[1], read_only=False) as connection:
    connection.execute("insert into numbers values (2)")
"""
WRITE = "import duckdb, sys; duckdb.connect(sys.argv[1]).execute('create table other (a int)')"


@pytest.fixture
def database(tmp_path):
    path = str(tmp_path / "it's here.duckdb")
    with attached(path, read_only=False) as connection:
        connection.execute("create table numbers (a int)")
    return path


def write_elsewhere(database):
    return subprocess.run([sys.executable, "-c", WRITE, database], capture_output=True).returncode


@pytest.mark.parametrize("read_only", [True, False])
def test_a_file_is_locked_while_it_is_attached_and_no_longer(database, read_only):
    with attached(database, read_only=read_only):
        assert write_elsewhere(database) == 1
    assert write_elsewhere(database) == 0
    assert not os.path.exists(f"{database}.wal")


def test_what_was_not_committed_is_undone(database):
    with attached(database, read_only=False) as connection:
        connection.execute("begin")
        connection.execute("insert into numbers values (1)")
    with attached(database, read_only=True) as connection:
        assert connection.execute("select * from numbers").fetchall() == []


def test_who_reads_beside_a_writer_of_this_process_sees_what_is_committed(database):
    with attached(database, read_only=False) as writing:
        writing.execute("begin")
        writing.execute("insert into numbers values (1)")
        with attached(database, read_only=True) as reading:
            assert reading.execute("select * from numbers").fetchall() == []
        writing.execute("commit")
        with attached(database, read_only=True) as reading:
            assert reading.execute("select * from numbers").fetchall() == [(1,)]


def test_nobody_writes_beside_a_reader_of_this_process(database):
    with attached(database, read_only=True):
        with attached(database, read_only=True):
            pass
        with pytest.raises(OpenHereError), attached(database, read_only=False):
            pass
    with attached(database, read_only=False):
        pass


def test_a_connection_of_ones_own_is_in_the_way_until_it_is_closed(database):
    with (
        duckdb.connect(database),
        pytest.raises(OpenHereError),
        attached(database, read_only=True),
    ):
        pass
    with attached(database, read_only=True):
        pass


def test_two_files_have_names_of_their_own(database, tmp_path):
    with attached(database, read_only=True) as one:
        for name in ("a", "b"):
            with attached(str(tmp_path / name), read_only=False) as other:
                other.execute("create table numbers as select 7 as a")
                assert other.execute("select * from numbers").fetchall() == [(7,)]
        assert one.execute("select * from numbers").fetchall() == []


def test_a_forked_process_starts_a_duckdb_of_its_own(database):
    child = os.fork()
    if not child:
        with attached(database, read_only=True) as connection:
            connection.execute("select count(*) from numbers").fetchall()
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0


def test_what_was_committed_to_a_full_disk_is_kept(database):
    subprocess.run([sys.executable, "-c", FULL_DISK, database], check=True)
    with attached(database, read_only=True) as connection:
        assert connection.execute("select * from numbers").fetchall() == [(1,), (2,)]
