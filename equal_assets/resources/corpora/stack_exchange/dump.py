"""``Posts.xml`` of a Stack Exchange dump, read piece by piece, also from its archive."""

from __future__ import annotations

import lzma
from collections.abc import Callable
from pathlib import Path
from xml.parsers import expat

from equal_assets.errors import CorpusError
from equal_assets.resources.corpora.candidates import Reason
from equal_assets.resources.corpora.converted.result import UnusableFileError

CHUNK_BYTES = 1 << 20
MAX_ROW_BYTES = 1 << 24
"""Of a post; the longest ones have 100 KB."""

Row = dict[str, str]


def parse_posts(path: Path, file: str, take: Callable[[Row, int], None]) -> None:
    """Hand each post of a dump to ``take``, with its line.

    Parameters
    ----------
    path : Path
        ``Posts.xml``, or a .7z archive that holds it.
    file : str
        Its name for people.
    take : callable
        Gets the attributes of a post; an exception from it ends the reading.

    Raises
    ------
    UnusableFileError
        If the dump cannot be read further.
    CorpusError
        If the archive holds no ``Posts.xml``.
    """
    parser = expat.ParserCreate()
    n_read = 0

    def element(name: str, attributes: Row) -> None:
        if name == "row":
            take(attributes, parser.CurrentLineNumber)

    def refuse(*_: object) -> None:
        raise broken_dump("a document type is declared, as no dump does: entities can explode")

    def feed(piece: bytes) -> None:
        nonlocal n_read
        n_read += len(piece)
        parser.Parse(piece)
        if n_read - parser.CurrentByteIndex > MAX_ROW_BYTES + len(piece):
            raise broken_dump(f"a row of more than {MAX_ROW_BYTES:,} bytes")

    parser.StartElementHandler = element
    parser.StartDoctypeDeclHandler = refuse
    try:
        if path.suffix.lower() == ".7z":
            _unpack(path, file, feed)
        else:
            with path.open("rb") as stream:
                for piece in iter(lambda: stream.read(CHUNK_BYTES), b""):
                    feed(piece)
        parser.Parse(b"", True)
    except expat.ExpatError as error:
        raise broken_dump(str(error)) from error


def broken_dump(detail: str) -> UnusableFileError:
    """Return the error of a dump that cannot be read further."""
    return UnusableFileError(Reason.UNREADABLE_FILE, detail)


def _unpack(path: Path, file: str, feed: Callable[[bytes], None]) -> None:
    """Hand ``Posts.xml`` of an archive to ``feed``, piece by piece."""
    import py7zr
    from py7zr.exceptions import ArchiveError, PasswordRequired

    class Feed(py7zr.Py7zIO):
        def write(self, s: bytes | bytearray) -> int:
            for at in range(0, len(s), CHUNK_BYTES):
                feed(bytes(s[at : at + CHUNK_BYTES]))
            return len(s)

        def read(self, size: int | None = None) -> bytes:
            return b""

        def seek(self, offset: int, whence: int = 0) -> int:
            return 0

        def flush(self) -> None:
            """Nothing is held back."""

        def size(self) -> int:
            return 0

    class Feeds(py7zr.WriterFactory):
        def create(self, filename: str) -> Feed:
            return Feed()

    try:
        # a file object, not its path: given a path, py7zr unpacks several parts at once, in threads
        with path.open("rb") as stream, py7zr.SevenZipFile(stream) as archive:
            names = [name for name in archive.getnames() if Path(name).name == "Posts.xml"]
            if len(names) != 1:
                raise CorpusError(
                    f"corpus.path = {file}: must hold one Posts.xml, found {len(names)}; it "
                    f"holds: {', '.join(archive.getnames()[:20]) or 'nothing'}"
                )
            archive.extract(targets=names, factory=Feeds())
    except PasswordRequired as error:
        raise UnusableFileError(Reason.ENCRYPTED_FILE, "it needs a password") from error
    except (ArchiveError, lzma.LZMAError, EOFError) as error:
        raise broken_dump(f"{type(error).__name__}: {error}") from error
