"""Files come into place whole, and what is missing, old or cut off is seen."""

import os
import resource
import signal
import time
from contextlib import suppress

import pytest

from equal_assets.resources.publishing import (
    draft_of,
    drafts,
    is_sealed,
    publish_text,
    publishing,
    put_in_place,
    seal,
    set_aside,
)

MEGABYTE = 1 << 20


@pytest.fixture
def folder(tmp_path):
    made = tmp_path / "model"
    (made / "deep").mkdir(parents=True)
    (made / "weights.bin").write_bytes(b"w" * 1000)
    (made / "deep" / "config.json").write_text("{}")
    return made


def in_child(work):
    """Do something in a forked process; return its id."""
    pid = os.fork()
    if pid:
        return pid
    with suppress(BaseException):
        work()
        os._exit(0)
    os._exit(1)


def test_text_takes_the_place_of_an_earlier_one_and_leaves_no_draft(tmp_path):
    for text in ("old", "new\n"):
        publish_text(text, tmp_path / "deep" / "report.html")
    assert (tmp_path / "deep" / "report.html").read_text() == "new\n"
    assert [path.name for path in (tmp_path / "deep").iterdir()] == ["report.html"]


def fail_half_way(out):
    with publishing(out) as draft:
        draft.write_text("half")
        raise RuntimeError


def test_failure_leaves_the_earlier_file(tmp_path):
    publish_text("old", tmp_path / "f")
    with pytest.raises(RuntimeError):
        fail_half_way(tmp_path / "f")
    assert [path.name for path in tmp_path.iterdir()] == ["f"]
    assert (tmp_path / "f").read_text() == "old"


def test_full_disk_leaves_the_earlier_file(tmp_path):
    publish_text("old", tmp_path / "f")

    def fill():
        resource.setrlimit(resource.RLIMIT_FSIZE, (MEGABYTE, MEGABYTE))
        publish_text("x" * 2 * MEGABYTE, tmp_path / "f")

    _, status = os.waitpid(in_child(fill), 0)
    assert status
    assert (tmp_path / "f").read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["f"]


def test_kills_while_a_file_is_written_leave_the_old_or_the_new_one_whole(tmp_path):
    out = tmp_path / "f"
    texts = {letter * 20 * MEGABYTE for letter in "ab"}
    publish_text("a" * 20 * MEGABYTE, out)

    def write_for_ever():
        while True:
            for text in texts:
                publish_text(text, out)

    for number in range(15):
        pid = in_child(write_for_ever)
        time.sleep(0.01 * number)
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        assert out.read_text() in texts
    draft_of(out)
    assert [path.name for path in tmp_path.iterdir()] == ["f"]


def test_drafts_of_processes_at_work_are_none_that_were_left_behind(tmp_path):
    ours = draft_of(tmp_path / "deep" / "f")
    ours.write_text("half")
    dead = in_child(lambda: None)
    os.waitpid(dead, 0)
    theirs = ours.with_name(ours.name.replace(str(os.getpid()), str(dead)))
    theirs.mkdir()
    assert drafts(tmp_path) == [theirs]


def test_folder_takes_the_place_of_another(tmp_path, folder):
    put_in_place(folder, tmp_path / "out")
    (tmp_path / "again").mkdir()
    (tmp_path / "again" / "only").write_text("1")
    put_in_place(tmp_path / "again", tmp_path / "out")
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["only"]
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


@pytest.mark.parametrize("whole", [True, False])
def test_seal_breaks_where_a_file_is_missing_cut_off_or_another(folder, whole):
    sealed = seal(folder)
    assert is_sealed(folder, sealed, whole=whole)
    weights = folder / "weights.bin"
    weights.write_bytes(b"v" * 1000)  # as large, and later
    assert not is_sealed(folder, sealed, whole=whole)
    weights.write_bytes(b"w" * 1000)  # later, but the same
    assert is_sealed(folder, sealed, whole=whole)
    weights.write_bytes(b"w" * 999)
    assert not is_sealed(folder, sealed, whole=whole)
    weights.unlink()
    assert not is_sealed(folder, sealed, whole=whole)
    assert not is_sealed(folder / "nowhere", sealed, whole=whole)


def test_flipped_bit_is_found_where_every_byte_is_read(folder):
    sealed, weights = seal(folder), folder / "weights.bin"
    state = weights.stat()
    weights.write_bytes(b"w" * 999 + b"v")
    os.utime(weights, ns=(state.st_atime_ns, state.st_mtime_ns))
    assert not is_sealed(folder, sealed, whole=True)


def test_seal_of_a_file_is_its_sha256(tmp_path):
    publish_text("abc", tmp_path / "f")
    assert seal(tmp_path / "f").sha256.startswith("ba7816bf8f01cfea414140de5dae2223")
    assert seal(tmp_path / "f").n_bytes == 3


def test_what_is_set_aside_is_kept_with_what_a_database_has_beside_it(tmp_path):
    kept = []
    for text in ("one", "two"):
        (tmp_path / "a.db").write_text(text)
        (tmp_path / "a.db-wal").write_text(f"log of {text}")
        kept.append(set_aside(tmp_path / "a.db"))
    assert [path.read_text() for path in kept] == ["one", "two"]
    assert kept[1].with_name(kept[1].name + "-wal").read_text() == "log of two"
    assert not (tmp_path / "a.db-wal").exists()
