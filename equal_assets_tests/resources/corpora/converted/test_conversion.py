import os
import shutil
import zipfile
from pathlib import Path

import pytest

from equal_assets.errors import CorpusError
from equal_assets.resources import answering_child
from equal_assets.resources.corpora import read_corpus
from equal_assets.resources.corpora.converted import conversion
from equal_assets.resources.corpora.converted import result as converted_files
from equal_assets.resources.corpora.converted.conversion import Converter, FileContent
from equal_assets.resources.corpora.converted.conversion_child import answer_for
from equal_assets_tests.crossing_engine import CrossingEngine
from equal_assets_tests.resources.corpora.test_reading import files, read
from equal_assets_tests.written_files import CELL, HEADING, TEXT, docx, epub, pdf

ROWS = [["Planet", "Moons"], ["Mars", "2"]]
TABLE = "| Planet | Moons |\n| --- | --- |\n| Mars | 2 |"
HTML_TABLE = "<table><tr><th>Planet</th><th>Moons</th></tr><tr><td>Mars</td><td>2</td></tr></table>"
LONG = "Some of them are made of rock, others of gas. " * 3
PAGE = f"""<html><head><title>Space</title><meta name="author" content="Ada">
<link rel="canonical" href="https://example.org/space">
<link rel="license" href="https://creativecommons.org/licenses/by/4.0/"></head>
<body><nav>Home | About</nav><main><h1>Planets</h1><p>They go <em>around</em> a star. {LONG}</p>
<script>track()</script><h2>Moons</h2>{HTML_TABLE}
<pre class="lang-py"><code>for moon in moons:
    print(moon)


done = a_b * 2
</code></pre><p>See <a href="#top">above</a> and <a href="https://example.org/m">more</a>.</p></main>
<footer>Imprint</footer></body></html>"""


@pytest.fixture(scope="module")
def converter():
    with Converter(seconds=60, memory_mb=2048) as started:
        yield started


@pytest.fixture(scope="module")
def converted(tmp_path_factory):
    """Return the documents of a folder with a file of each format, by file name."""
    folder = tmp_path_factory.mktemp("library")
    pdf(
        folder / "space.pdf",
        [(HEADING, "Planets"), (TEXT, "They go a-"), (TEXT, "round a star."), (CELL, ROWS)],
        [(TEXT, LONG)],
        [(HEADING, "Moons"), (TEXT, "# 1 is the Moon.")],
        title="Space",
    )
    docx(
        folder / "space.docx",
        ("Heading1", "Planets"),
        ("", "They go around a star."),
        ("Heading2", "Moons"),
        ("table", ROWS),
        title="Space",
    )
    chapters = [
        f"<h1>Planets</h1><p>Around a star.</p><h2>Moons</h2>{HTML_TABLE}",
        "<h1>Stars</h1><p>The sun is one.</p>",
    ]
    epub(folder / "space.epub", *chapters, title="Space")
    (folder / "space.html").write_text(PAGE)
    documents, rejected = read(files(folder, section_characters=200))
    assert rejected == []
    by_name = {}
    for document in documents:
        by_name.setdefault(document.source, []).append(document)
    return by_name


def test_pdf_is_split_at_larger_type_with_pages_and_tables(converted):
    first, rest, second = converted["space.pdf"]
    assert first.text == f"Space > Planets\n\nThey go around a star.\n\n{TABLE}"
    assert rest.text == f"Space > Planets\n\n{LONG.strip()}"
    assert first.metadata == {
        "title": "Space",
        "author": "Ada",
        "section": "Planets",
        "page": "1",
    }
    assert second.text == "Space > Moons\n\n\\# 1 is the Moon."
    assert [(d.row, d.metadata["page"]) for d in (rest, second)] == [(2, "2"), (3, "3")]


def test_running_heads_and_page_numbers_are_left_out(tmp_path, converter):
    space = (TEXT, "")
    pages = [
        [(TEXT, f"Space, page {n}"), *[space] * 3, (TEXT, f"text of {n}"), *[space] * 52, (TEXT, n)]
        for n in range(1, 4)
    ]
    found = converter.convert(pdf(tmp_path / "a.pdf", *pages))["pages"]
    assert [text.strip() for _, text in found] == ["text of 1", "text of 2", "text of 3"]
    found = converter.convert(pdf(tmp_path / "b.pdf", *pages[:2]))["pages"]
    assert found[0][1].split("\n\n")[:3] == ["Space, page 1", "text of 1", "1"]


def test_docx_is_split_at_its_heading_styles(converted):
    (document,) = converted["space.docx"]
    assert document.text == f"Space > Planets\n\nThey go around a star.\n\n## Moons\n\n{TABLE}"
    assert document.metadata == {"title": "Space", "author": "Ada", "section": "Planets"}


def test_epub_is_read_in_the_order_of_its_package_without_the_contents(converted):
    (document,) = converted["space.epub"]
    assert document.text == (
        f"Space\n\n# Planets\n\nAround a star.\n\n## Moons\n\n{TABLE}\n\n# Stars\n\nThe sun is one."
    )
    assert document.license == "CC BY 4.0"


def test_page_is_read_without_what_is_around_its_text(converted):
    first, second = converted["space.html"]
    assert first.text == f"Space > Planets\n\nThey go *around* a star. {LONG.strip()}"
    assert second.text == (
        f"Space > Planets > Moons\n\n{TABLE}\n\n```py\nfor moon in moons:\n    print(moon)\n\n\n"
        "done = a_b * 2\n```\n\nSee above and [more](https://example.org/m)."
    )
    assert first.url == "https://example.org/space"
    assert first.license == "https://creativecommons.org/licenses/by/4.0/"


def test_table_that_lays_out_a_page_is_none(tmp_path, converter):
    inner = HTML_TABLE.replace("2", "2 | two")
    page = f"<table><tr><td><p>left</p></td><td>{inner}</td></tr></table>"
    (tmp_path / "a.html").write_text(page)
    pages = converter.convert(tmp_path / "a.html")["pages"]
    assert pages == [[None, "left\n\n" + TABLE.replace("2", "2 \\| two")]]


def test_short_neighbors_are_joined_and_none_splits_nothing(tmp_path):
    (tmp_path / "a.html").write_text("<h1>A</h1><p>one</p><h2>B</h2><p>two</p>")

    (joined,), _ = read(files(tmp_path))
    (whole,), _ = read(files(tmp_path, split="none"))

    assert joined.text == "A\n\none\n\n## B\n\ntwo"
    assert whole.text == "# A\n\none\n\n## B\n\ntwo"


def test_markdown_is_split_on_request_alone(tmp_path):
    text = "# A\n\n" + "one " * 60 + "\n\n# B\n\n" + "two " * 60
    (tmp_path / "a.md").write_text(text)

    (whole,), _ = read(files(tmp_path))
    sections, _ = read(files(tmp_path, split="headings", section_characters=300))

    assert whole.text == text.strip()
    assert [(s.row, s.metadata) for s in sections] == [
        (1, {"section": "A"}),
        (2, {"section": "B"}),
    ]
    assert sections[1].text.startswith("B\n\ntwo two")


# Files that cannot be used: each is rejected with its reason, and the next is read


def billion_laughs():
    entities = "".join(f'<!ENTITY e{n} "{f"&e{n - 1};" * 10}">' for n in range(1, 10))
    return f'<?xml version="1.0"?><!DOCTYPE d [<!ENTITY e0 "lol">{entities}]>'


def bomb(path):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("word/document.xml", b"\0" * 50_000_000)
    return path


def bomb_that_lies(path):
    """Write an archive that states a thousandth of what it unpacks to."""
    size = 50_000_000
    bomb(path)
    lie = (size // 1000).to_bytes(4, "little")
    path.write_bytes(path.read_bytes().replace(size.to_bytes(4, "little"), lie))
    return path


HOSTILE = {
    "scan.pdf": (lambda path: pdf(path, []), "no text in the file", "pages: 1"),
    "locked.pdf": (lambda path: pdf(path, [], encrypted=True), "encrypted file", "password"),
    "broken.pdf": (lambda path: path.write_bytes(b"%PDF-1.4\nnothing"), "unreadable file", ""),
    "empty.html": (lambda path: path.write_text("<p> </p>"), "no text in the file", ""),
    "locked.epub": (
        lambda path: epub(path, "<p>x</p>", encrypted=True),
        "encrypted file",
        "1 of 1 pages are encrypted",
    ),
    "broken.epub": (lambda path: path.write_bytes(b"PK\3\4"), "unreadable file", "BadZipFile"),
    "locked.docx": (
        lambda path: path.write_bytes(bytes.fromhex("d0cf11e0a1b11ae1") + b"x"),
        "encrypted file",
        "a document with a password",
    ),
    "bomb.docx": (bomb, "file beyond the bounds", "that unpack to 50,000,000"),
    "liar.docx": (bomb_that_lies, "unreadable file", ""),
    "laughs.docx": (
        lambda path: docx(path, ("", "&e9;"), prolog=billion_laughs()),
        "unreadable file",
        "",
    ),
}


@pytest.fixture(scope="module")
def rejections(tmp_path_factory):
    folder = tmp_path_factory.mktemp("hostile")
    for name, (write, _, _) in HOSTILE.items():
        write(folder / name)
    (folder / "z.html").write_text("<p>a good page</p>")
    documents, rejected = read(files(folder))
    assert [d.text for d in documents] == ["a good page"]
    assert str(folder) not in "".join(row.excerpt for row in rejected)
    return {Path(row.file).name: row for row in rejected}


@pytest.mark.parametrize("name", HOSTILE)
def test_unusable_file_is_rejected_with_its_reason(rejections, name):
    _, reason, detail = HOSTILE[name]
    assert rejections[name].reason == reason
    assert detail in rejections[name].excerpt
    assert rejections[name].row == 1


def test_entity_of_a_document_reads_no_file_of_this_machine(tmp_path, converter):
    (tmp_path / "secret.txt").write_text("the secret")
    prolog = f'<!DOCTYPE d [<!ENTITY x SYSTEM "{tmp_path}/secret.txt">]>'
    found = converter.convert(docx(tmp_path / "a.docx", ("", "&x;"), prolog=prolog))
    assert "the secret" not in str(found)


def test_file_that_hangs_its_parser_is_given_up_and_the_next_is_read(tmp_path):
    os.mkfifo(tmp_path / "endless.html")  # to read it never ends
    (tmp_path / "good.html").write_text("<p>text</p>")
    with Converter(seconds=3, memory_mb=2048) as converter:
        found = converter.convert(tmp_path / "endless.html")
        assert found == {"reason": "conversion took too long", "detail": "more than 3 seconds"}
        assert converter.convert(tmp_path / "good.html")["pages"] == [[None, "text"]]


def test_file_that_fills_the_memory_is_rejected(tmp_path):
    with (tmp_path / "huge.html").open("wb") as file:
        file.truncate(1 << 30)  # of the disk it takes nothing
    with Converter(seconds=60, memory_mb=512) as converter:
        assert converter.convert(tmp_path / "huge.html")["reason"] == "file beyond the bounds"


def test_text_longer_than_any_book_is_rejected(tmp_path, monkeypatch):
    (tmp_path / "long.html").write_text("<p>a text of 23 characters</p>")
    monkeypatch.setattr(converted_files, "MAX_CHARACTERS", 22)
    assert answer_for(tmp_path / "long.html")["detail"] == "more than 22 characters"
    monkeypatch.setattr(converted_files, "MAX_CHARACTERS", 23)
    assert answer_for(tmp_path / "long.html")["pages"] == [(None, "a text of 23 characters")]


def test_converter_that_was_killed_between_two_files_is_replaced(tmp_path):
    (tmp_path / "a.html").write_text("<p>text</p>")
    with Converter(seconds=60, memory_mb=2048) as converter:
        assert converter.convert(tmp_path / "a.html")["pages"] == [[None, "text"]]
        converter.child.process.kill()
        converter.child.process.wait()
        assert converter.convert(tmp_path / "a.html")["pages"] == [[None, "text"]]


def test_converter_that_does_not_start_is_an_error(tmp_path, monkeypatch):
    monkeypatch.setattr(answering_child, "START", "raise SystemExit(3)")
    message = r"did not start with corpus\.file_memory_mb = 512"
    with (
        Converter(seconds=60, memory_mb=512) as converter,
        pytest.raises(CorpusError, match=message),
    ):
        converter.convert(tmp_path / "a.html")


def test_missing_extra_is_an_error_that_names_it(tmp_path, monkeypatch):
    monkeypatch.setitem(conversion.LIBRARIES, ".pdf", "no_such_library")
    (tmp_path / "a.pdf").write_bytes(b"%PDF")

    with pytest.raises(CorpusError, match=r"a\.pdf: .*no_such_library.*pip install 'pdfplumber"):
        read(files(tmp_path))


@pytest.fixture
def mixed(tmp_path):
    """Files of several kinds between one another: good, broken, endless and without text."""
    folder = tmp_path / "mixed"
    folder.mkdir()
    pdf(folder / "a.pdf", [(HEADING, "Planets"), (TEXT, LONG)])
    (folder / "b.jsonl").write_text('{"text": "a row between two pages"}\n')
    (folder / "c.html").write_text(PAGE)
    (folder / "d.docx").write_bytes(b"no archive")
    (folder / "e.txt").write_text("a text between two pages")
    (folder / "f.epub").write_bytes(b"")
    docx(folder / "g.docx", ("Heading1", "Moons"), ("", LONG))
    (folder / "h.html").write_text("<p></p>")
    (folder / "j.HTML").write_text("<h1>Stars</h1><p>The sun is one.</p>")
    return folder


def test_files_are_read_the_same_on_machines_that_do_not_see_them(mixed, tmp_path, monkeypatch):
    here = list(read_corpus(files(mixed)))
    assert len({item.file for item in here}) == 9
    engine = CrossingEngine(place=str(tmp_path))
    monkeypatch.setattr(Converter, "convert", at_home(Converter.convert, home=mixed))
    assert list(read_corpus(files(mixed), engine)) == here


def test_files_that_are_too_large_to_hand_over_are_converted_here(mixed, tmp_path, monkeypatch):
    here = list(read_corpus(files(mixed)))
    monkeypatch.setattr(conversion, "MOST_CONTENT_BYTES", 100)
    monkeypatch.setattr(conversion.ConvertContent, "__call__", small_only)
    assert list(read_corpus(files(mixed), CrossingEngine(place=str(tmp_path)))) == here


def at_home(convert, *, home):
    """Return the method, which refuses files that another machine does not see."""

    def converted(converter, path):
        assert home not in path.parents
        return convert(converter, path)

    return converted


HANDED_OVER = conversion.ConvertContent.__call__


def small_only(task, file):
    if isinstance(file, conversion.FileContent):
        assert len(file.content) <= 100
    return HANDED_OVER(task, file)


def test_extra_that_another_machine_lacks_is_an_error(tmp_path, monkeypatch):
    monkeypatch.setitem(conversion.LIBRARIES, ".pdf", "no_such_library")
    with pytest.raises(CorpusError, match=r"a\.pdf: .*no_such_library.*pip install 'pdfplumber"):
        conversion.ConvertContent(seconds=60, memory_mb=2048)(FileContent("a.pdf", b"%PDF"))


def test_same_file_gives_the_same_documents(tmp_path):
    pdf(tmp_path / "a.pdf", [(HEADING, "One"), (TEXT, "text of one"), (CELL, ROWS)])
    shutil.copy(tmp_path / "a.pdf", tmp_path / "b.pdf")

    first, second = read(files(tmp_path))[0]

    assert (first.text, first.document_id) == (second.text, second.document_id)
