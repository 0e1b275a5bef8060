"""What readers of sources take: time, memory, and disk beside the source.

    python benchmarks/sources.py --folder /tmp/sources            # a dump, 50 files a format
    python benchmarks/sources.py --folder /tmp/sources --pdf DIR  # PDF files of your own as well

Everything is made on the spot, of words drawn at random: posts with paragraphs, code and links as
long as those of Stack Overflow are on average, and files of ten sections. Each reading is a process
of its own, so that its peak memory is its own; that of the converter's child process stands apart.
"""

from __future__ import annotations

import argparse
import json
import random
import resource
import subprocess
import sys
import tempfile
from html import escape
from pathlib import Path

import polars as pl
import psutil
import py7zr
from markdown import markdown

from equal_assets.records import Document
from equal_assets.resources.corpora import read_corpus
from equal_assets.resources.corpora.stack_exchange.index import PostsIndex
from equal_assets.resources.corpora.stack_exchange.reader import fill_index
from equal_assets.settings import FilesSettings, StackExchangeSettings
from equal_assets_tests.written_files import HEADING, TEXT, docx, epub, pdf

LETTERS = "abcdefghijklmnopqrstuvwxyz"
WORDS = ["".join(random.Random(n).choices(LETTERS, k=2 + n % 9)) for n in range(5000)]
N_FILES = 50
SECTIONS = 10


def main() -> None:
    """Make what is missing in the folder, read it, and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, required=True, help="for what is made; kept")
    parser.add_argument("--megabytes", type=int, default=250, help="of Posts.xml")
    parser.add_argument("--pdf", type=Path, help="a folder of PDF files")
    parser.add_argument("--read", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.read:
        print(json.dumps(reading(arguments.read)))
        return
    arguments.folder.mkdir(parents=True, exist_ok=True)
    dump, archive = make_dump(arguments.folder, arguments.megabytes)
    posts = {"source": "stack-exchange", "site": "example.org"}
    settings = [
        {**posts, "path": str(dump), "tags": ["none"]},
        {**posts, "path": str(dump), "min_score": -1, "index alone": True},
        {**posts, "path": str(dump), "min_score": 8},
        {**posts, "path": str(archive), "min_score": 8},
        *({"source": "files", "paths": [str(path)]} for path in make_files(arguments.folder)),
    ]
    if arguments.pdf:
        settings.append({"source": "files", "paths": [str(arguments.pdf)]})
    print(markdown(pl.DataFrame([measured(given) for given in settings])))


def measured(settings: dict) -> dict[str, str]:
    """Return a row of the table: one reading in a process of its own."""
    command = [sys.executable, __file__, "--folder", ".", "--read", json.dumps(settings)]
    found = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)
    place = settings.get("path") or settings["paths"][0]
    kept = {key: settings[key] for key in ("tags", "min_score", "index alone") if key in settings}
    name = f"{Path(place).name} {kept or ''}".strip()
    return {
        "source": name,
        "MB": f"{found['megabytes']:,.1f}",
        "documents": f"{found['documents']:,}",
        "rejected": f"{found['rejected']:,}",
        "CPU seconds": f"{found['seconds']:,.1f}",
        "peak memory, MB": f"{found['peak']:,.0f}",
        "of the child, MB": f"{found['child']:,.0f}" if found["child"] else "",
        "index, MB": f"{found['index']:,.0f}" if found["index"] else "",
    }


def reading(text: str) -> dict[str, float]:
    """Read a corpus once; memory is that of the whole process, libraries included."""
    given = {"min_characters": 20, **json.loads(text)}
    is_indexed_only = given.pop("index alone", False)
    corpus = (StackExchangeSettings if "path" in given else FilesSettings).model_validate(given)
    child, index, counts = 0.0, 0.0, {True: 0, False: 0}
    before = _cpu_seconds()
    if is_indexed_only:
        index = _index_megabytes(corpus)
    else:
        for item in read_corpus(corpus):
            counts[isinstance(item, Document)] += 1
            child = max(child, _child_megabytes())
    place = Path(given.get("path") or given["paths"][0])
    files = [place] if place.is_file() else list(place.iterdir())
    return {
        "megabytes": sum(path.stat().st_size for path in files) / 1e6,
        "documents": counts[True],
        "rejected": counts[False],
        "seconds": _cpu_seconds() - before,
        "peak": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3,
        "child": child,
        "index": index,
    }


def _cpu_seconds() -> float:
    """Return what this process and the children that have ended have computed."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in used)


def _index_megabytes(corpus: StackExchangeSettings) -> float:
    """Return the size of the index of a dump on disk."""
    with tempfile.TemporaryDirectory() as folder:
        index = PostsIndex(Path(folder), min_score=corpus.min_score, tags=corpus.tags)
        list(fill_index(index, Path(corpus.path), "dump"))
        run = index._connection.execute
        pages, size = (run(f"pragma {name}").fetchone()[0] for name in ("page_count", "page_size"))
        index.close()
    return pages * size / 1e6


def _child_megabytes() -> float:
    """Return the most memory that the converter had so far."""
    for child in psutil.Process().children():
        status = Path(f"/proc/{child.pid}/status").read_text()
        return float(status.split("VmHWM:")[1].split()[0]) / 1e3
    return 0.0


def make_dump(folder: Path, megabytes: int) -> tuple[Path, Path]:
    """Write a dump and its archive, unless they are there."""
    path, archive = folder / "Posts.xml", folder / "posts.7z"
    if not path.exists():
        rng = random.Random(0)
        with path.open("w") as file:
            file.write('<?xml version="1.0" encoding="utf-8"?>\n<posts>\n')
            number = 0
            while file.tell() < megabytes * 1e6:
                number += 1
                file.write(_post(rng, number))
            file.write("</posts>\n")
    if not archive.exists():
        filters = [{"id": py7zr.FILTER_LZMA2, "preset": 1}]
        with py7zr.SevenZipFile(archive, "w", filters=filters) as packed:
            packed.write(path, "Posts.xml")
    return path, archive


def _post(rng: random.Random, number: int) -> str:
    """Return a post: one in three a question; answers stand up to 10,000 posts further."""
    code = escape(f"<pre><code>{_words(rng, 40)}\n</code></pre>")
    body = escape(f"<p>{_words(rng, 60)} <a href='https://example.org/'>x</a></p>") + code
    stated = f'Id="{number}" Score="{rng.randint(-1, 12)}" Body="{body}" CreationDate="2020-01-01"'
    if number % 3 == 1:
        return f'  <row PostTypeId="1" Title="{_words(rng, 8)}" Tags="&lt;a&gt;" {stated} />\n'
    asked = max(1, number - rng.randint(1, 10_000))
    return f'  <row PostTypeId="2" ParentId="{asked - (asked - 1) % 3}" {stated} />\n'


def make_files(folder: Path) -> list[Path]:
    """Write a folder of each format, unless it is there."""
    makers = {"pdf": _pdf, "docx": _docx, "epub": _epub, "html": _html}
    for name, make in makers.items():
        place = folder / name
        if not place.exists():
            place.mkdir()
            for number in range(N_FILES):
                make(place / f"{number:04}.{name}", random.Random(number))
    return [folder / name for name in makers]


def _pdf(path: Path, rng: random.Random) -> None:
    lines = [(TEXT, _words(rng, 12)) for _ in range(40)]
    pdf(path, *[[(HEADING, f"Section {n}"), *lines] for n in range(SECTIONS)])


def _docx(path: Path, rng: random.Random) -> None:
    sections = [(("Heading1", f"Section {n}"), ("", _words(rng, 480))) for n in range(SECTIONS)]
    docx(path, *[paragraph for section in sections for paragraph in section])


def _epub(path: Path, rng: random.Random) -> None:
    epub(path, *[_section(rng, n) for n in range(SECTIONS)])


def _html(path: Path, rng: random.Random) -> None:
    path.write_text("".join(_section(rng, n) for n in range(SECTIONS)))


def _section(rng: random.Random, number: int) -> str:
    return f"<h1>Section {number}</h1><p>{_words(rng, 480)}</p>"


def _words(rng: random.Random, n: int) -> str:
    return " ".join(rng.choices(WORDS, k=n))


if __name__ == "__main__":
    main()
