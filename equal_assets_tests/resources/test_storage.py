"""Files that several machines read and write."""

import pytest

from equal_assets.errors import StorageError
from equal_assets.resources.storage import Storage


def test_folder_that_is_not_there_holds_nothing(tmp_path):
    storage = Storage(str(tmp_path / "none"))
    assert storage.names() == []
    assert not storage.has("a")


def test_file_is_written_read_and_removed(tmp_path):
    storage = Storage(str(tmp_path)).below("part")
    storage.write("b", b"two")
    storage.write("a", b"one")
    storage.write("a", b"other")
    assert storage.names() == ["a", "b"]
    assert storage.has("a")
    with storage.reading("a") as file:
        assert file.read() == b"other"
    storage.remove("a")
    assert storage.names() == ["b"]


def test_missing_file_is_named(tmp_path):
    with (
        pytest.raises(StorageError, match=rf"{tmp_path}/none: "),
        Storage(str(tmp_path)).reading("none"),
    ):
        pass


def test_unknown_kind_of_store_is_told():
    with pytest.raises(StorageError, match=r"engine.storage = 'tape://a/b': must be a folder, or"):
        Storage("tape://a/b").names()
