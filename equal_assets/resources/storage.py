"""Where files lie that several machines read and write: a folder, or an object store."""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from equal_assets.errors import StorageError
from equal_assets.resources.publishing import publishing

if TYPE_CHECKING:
    from pyarrow import NativeFile
    from pyarrow.fs import FileSystem


@dataclass(frozen=True)
class Storage:
    """A folder, or a prefix of an object store, whose files are written whole or not at all.

    Attributes
    ----------
    place : str
        A path, or a URI that PyArrow knows: ``s3://bucket/prefix``, ``gs://``, ``abfs://``,
        ``hdfs://``.
    """

    place: str

    @property
    def folder(self) -> Path | None:
        """The folder; None if it is an object store."""
        return None if "://" in self.place else Path(self.place)

    def below(self, name: str) -> Storage:
        """Return a folder in it."""
        place, mark, options = self.place.partition("?" if self.folder is None else "\0")
        return Storage(f"{place.rstrip('/')}/{name}{mark}{options}")

    def names(self) -> list[str]:
        """Return the names of its files, sorted; none if it is not there."""
        from pyarrow.fs import FileSelector, FileType

        filesystem, root = self._opened
        with self._telling():
            found = filesystem.get_file_info(FileSelector(root, allow_not_found=True))
        return sorted(file.base_name for file in found if file.type == FileType.File)

    def has(self, name: str) -> bool:
        """Say whether a file is there."""
        from pyarrow.fs import FileType

        filesystem, root = self._opened
        with self._telling():
            return filesystem.get_file_info(f"{root}/{name}").type == FileType.File

    @contextmanager
    def reading(self, name: str) -> Iterator[NativeFile]:
        """Open a file to read.

        Raises
        ------
        StorageError
            If it is not there, or the store cannot be reached.
        """
        filesystem, root = self._opened
        with self._telling(name), filesystem.open_input_file(f"{root}/{name}") as file:
            yield file

    def write(self, name: str, content: Any) -> None:
        """Write a file, given as a buffer of bytes; readers find it whole or not at all."""
        if self.folder is not None:
            with publishing(self.folder / name) as draft:
                draft.write_bytes(content)
            return
        filesystem, root = self._opened
        with self._telling(name), filesystem.open_output_stream(f"{root}/{name}") as file:
            file.write(content)

    def add_folder(self, folder: Path) -> None:
        """Write all files of a folder that are not there yet; none is read into memory whole."""
        from pyarrow import memory_map

        for file in sorted(file for file in folder.rglob("*") if file.is_file()):
            name = file.relative_to(folder).as_posix()
            if not self.has(name):
                with memory_map(str(file)) as mapped:
                    self.write(name, mapped.read_buffer())

    def local(self) -> Path:
        """Return a folder of this machine with all its files; copied once from an object store."""
        if self.folder is not None:
            return self.folder
        digest = hashlib.sha256(self.place.encode()).hexdigest()[:16]
        copy = Path(tempfile.gettempdir()) / f"equal-assets-{digest}"
        if not copy.exists():
            with publishing(copy) as draft:
                self._copy_to(draft)
        return copy

    def _copy_to(self, folder: Path) -> None:
        from pyarrow.fs import FileSelector, FileType

        filesystem, root = self._opened
        with self._telling():
            found = filesystem.get_file_info(FileSelector(root, recursive=True))
        for file in found:
            if file.type == FileType.File:
                name = file.path.removeprefix(f"{root}/")
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
                with self.reading(name) as source, (folder / name).open("wb") as target:
                    shutil.copyfileobj(source, target)

    def remove(self, name: str) -> None:
        """Remove a file."""
        filesystem, root = self._opened
        with self._telling(name):
            filesystem.delete_file(f"{root}/{name}")

    @cached_property
    def _opened(self) -> tuple[FileSystem, str]:
        from pyarrow import ArrowInvalid
        from pyarrow.fs import FileSystem, LocalFileSystem

        if self.folder is not None:
            return LocalFileSystem(), str(self.folder)
        try:
            return FileSystem.from_uri(self.place)
        except (ArrowInvalid, OSError) as error:
            raise StorageError(
                f"engine.storage = {self.place!r}: must be a folder, or a URI such as "
                f"s3://bucket/prefix; {error}"
            ) from error

    @contextmanager
    def _telling(self, name: str = "") -> Iterator[None]:
        """Name the file, or the storage, in an error of the store."""
        try:
            yield
        except OSError as error:
            at = f"{self.place}/{name}" if name else self.place
            raise StorageError(f"{at}: {error}") from error


def local_path(place: str | Storage) -> str:
    """Return a path or a hub id as it is; of a storage, its folder on this machine."""
    return place if isinstance(place, str) else str(place.local())
