import os
import tracemalloc
from html import escape
from pathlib import Path

import py7zr
import pytest

from equal_assets.algorithms.extraction.laid_out import extract_pairs
from equal_assets.errors import CorpusError
from equal_assets.records import QAPair
from equal_assets.resources.corpora.stack_exchange import dump as posts_dump
from equal_assets.resources.corpora.stack_exchange import index as posts_index
from equal_assets.resources.corpora.stack_exchange import reader as stack_exchange
from equal_assets.resources.corpora.stack_exchange.reader import first_post
from equal_assets.settings import StackExchangeSettings
from equal_assets_tests.resources.corpora.test_reading import read

CODE = '<p>Call <code>sorted</code>:</p>\n<pre class="lang-py"><code>sorted(a_b)\n</code></pre>'


def quoted(value):
    return escape(value).replace("\n", "&#xA;")  # a line a post, as dumps have it


def post(kind, number, score=5, created="2020-01-02T03:04:05.678", **stated):
    """Return a row of a dump; ``None`` leaves an attribute out."""
    stated = {"CreationDate": created, "Score": score, "Body": f"<p>body {number}</p>", **stated}
    if kind == "question":
        stated = {"Title": f"Title {number}", "Tags": "<python><list>", **stated}
    attributes = {
        "Id": number,
        "PostTypeId": {"question": 1, "answer": 2}.get(kind, kind),
        **stated,
    }
    return "  <row {} />".format(
        " ".join(f'{k}="{quoted(str(v))}"' for k, v in attributes.items() if v is not None)
    )


def write_dump(
    path, *rows, head='<?xml version="1.0" encoding="utf-8"?>\n<posts>', tail="</posts>"
):
    path.write_text("\n".join([head, *rows, tail]))
    return path


def dump(path: Path, **settings) -> StackExchangeSettings:
    given = {"source": "stack-exchange", "path": str(path), "min_characters": 5, **settings}
    return StackExchangeSettings.model_validate(given)


@pytest.fixture
def posts(tmp_path):
    """A dump with answers before and far after their questions, and with what is missing."""
    return write_dump(
        tmp_path / "Posts.xml",
        post("answer", 5, score=1, ParentId=30, Body="<p>moved from elsewhere</p>"),
        post("question", 10, AcceptedAnswerId=12, Body=CODE, OwnerUserId=None),
        post("answer", 11, score=9, ParentId=10),
        post("question", 20, score=0, AcceptedAnswerId=21),
        post("answer", 21, ParentId=20),
        post("question", 30, AcceptedAnswerId=999, Tags="|c++|"),
        post(5, 35, Title=None),
        post("question", 40, Body="<p>Does nobody know?</p>"),
        post("answer", 41, score=0, ParentId=40),
        post("answer", 12, score=-2, ParentId=10, created="2011-05-01T00:00:00", Body=CODE),
        post("answer", 13, score=20, ParentId=10, ContentLicense="CC BY-SA 4.0"),
        post("answer", 14, score=7, ParentId=10),
    )


def test_question_stands_with_its_accepted_answer_then_the_best(posts):
    first, second = read(dump(posts, site="stackoverflow.com"))[0]
    assert first.text == (
        "# Title 10\n\nCall `sorted`:\n\n```py\nsorted(a_b)\n```\n\n"
        "## Accepted answer\n\nCall `sorted`:\n\n```py\nsorted(a_b)\n```\n\n"
        "## Answer\n\nbody 13\n\n## Answer\n\nbody 11"
    )
    assert first.metadata == {
        "title": "Title 10",
        "tags": "python list",
        "score": "5",
        "created": "2020-01-02T03:04:05.678",
        "answers": "12 13 11",
    }
    assert first.document_id == "stackoverflow.com-10"
    assert first.url == "https://stackoverflow.com/q/10"
    assert first.license == "CC BY-SA 3.0, CC BY-SA 4.0"
    assert second.text == "# Title 30\n\nbody 30\n\n## Answer\n\nmoved from elsewhere"
    assert second.metadata["tags"] == "c++"


def test_row_is_the_line_of_the_question(posts):
    lines = posts.read_text().splitlines()
    assert ['Id="10"' in lines[d.row - 1] for d in read(dump(posts))[0][:1]] == [True]


def test_pair_is_the_question_with_its_first_answer_and_the_layout_gives_it_too(posts):
    (first, _), _ = read(dump(posts))
    asked = "Title 10\n\nCall `sorted`:\n\n```py\nsorted(a_b)\n```"
    expected = QAPair(asked, "Call `sorted`:\n\n```py\nsorted(a_b)\n```")
    assert first.qa_pairs == (expected,)
    assert extract_pairs(first.text, max_pairs=5) == [expected]


def test_question_without_an_answer_that_counts_is_rejected(posts):
    assert [(r.row, r.reason, r.excerpt) for r in read(dump(posts))[1]] == [
        (10, "question without an answer", "Title 40")
    ]


@pytest.mark.parametrize(
    ("settings", "kept"),
    [
        ({"min_score": 0}, [10, 20, 30, 40]),
        ({"min_score": 6}, []),
        ({"tags": ["c++", "rust"]}, [30]),
        ({"tags": ["rust"]}, []),
    ],
)
def test_settings_say_which_questions_are_kept(posts, settings, kept):
    documents, _ = read(dump(posts, site="a.org", **settings))
    assert [d.document_id for d in documents] == [f"a.org-{number}" for number in kept]


def test_number_of_answers_is_bounded(posts):
    (first, _), _ = read(dump(posts, max_answers=1))
    assert first.metadata["answers"] == "12"


@pytest.mark.parametrize(
    ("created", "name"),
    [
        ("2011-04-07T23:59:59", "CC BY-SA 2.5"),
        ("2011-04-08T00:00:00", "CC BY-SA 3.0"),
        ("2018-05-01T23:59:59", "CC BY-SA 3.0"),
        ("2018-05-02T00:00:00", "CC BY-SA 4.0"),
    ],
)
def test_license_goes_by_the_day(tmp_path, created, name):
    rows = [post("question", 1, created=created), post("answer", 2, ParentId=1, created=created)]
    (document,), _ = read(dump(write_dump(tmp_path / "Posts.xml", *rows)))
    assert document.license == name


@pytest.mark.parametrize("name", ["stackoverflow.com-Posts.7z", "math.stackexchange.com.7z"])
def test_archive_is_read_as_the_file_is_and_names_the_site(tmp_path, posts, name):
    with py7zr.SevenZipFile(tmp_path / name, "w") as archive:
        archive.writestr("<users />", "Users.xml")
        archive.write(posts, "Posts.xml")

    unpacked, _ = read(dump(posts))
    packed, _ = read(dump(tmp_path / name))

    assert [d.text for d in packed] == [d.text for d in unpacked]
    assert packed[0].url == f"https://{name.removesuffix('.7z').removesuffix('-Posts')}/q/10"


def test_archive_without_posts_is_an_error_that_lists_what_it_holds(tmp_path):
    with py7zr.SevenZipFile(tmp_path / "a.7z", "w") as archive:
        archive.writestr("<users />", "Users.xml")
    with pytest.raises(CorpusError, match=r"a\.7z: must hold one Posts\.xml, found 0;.*Users\.xml"):
        read(dump(tmp_path / "a.7z"))


# Dumps that cannot be read: what stands before is used


def two_posts():
    return [post("question", 1), post("answer", 2, ParentId=1)]


def test_dump_that_breaks_off_gives_what_stands_before(tmp_path):
    path = write_dump(tmp_path / "Posts.xml", *two_posts(), tail='<row Id="3')
    (document,), (rejected,) = read(dump(path))
    assert document.text.startswith("# Title 1")
    assert (rejected.row, rejected.reason) == (5, "unreadable file")


@pytest.mark.parametrize(
    "damage",
    [
        {"Score": None},
        {"Id": "x"},
        {"Body": None},
        {"ParentId": None},
        {"Id": "9" * 30},
    ],
)
def test_post_that_lacks_something_is_rejected_alone(tmp_path, damage):
    broken = post("answer", 3, **{"ParentId": 1, **damage})
    path = write_dump(tmp_path / "Posts.xml", broken, *two_posts())
    documents, (rejected,) = read(dump(path))
    assert len(documents) == 1
    assert (rejected.row, rejected.reason) == (3, "unreadable value")
    assert "post" in rejected.excerpt


def test_second_post_of_an_id_is_rejected(tmp_path):
    path = write_dump(tmp_path / "Posts.xml", *two_posts(), *two_posts())
    documents, rejected = read(dump(path))
    assert (len(documents), [r.row for r in rejected]) == (1, [5, 6])


def test_disk_that_is_full_is_an_error_that_says_what_to_do(tmp_path, posts, monkeypatch):
    monkeypatch.setattr(posts_index, "TABLES", f"pragma max_page_count = 4; {posts_index.TABLES}")
    with pytest.raises(
        CorpusError, match=r"Posts\.xml cannot be written to .* is full\. Make room"
    ):
        read(dump(posts))


def test_declared_entities_are_refused_before_any_is_read(tmp_path):
    head = '<!DOCTYPE posts [<!ENTITY a "aaaaaaaaaa">]>\n<posts>'
    path = write_dump(tmp_path / "Posts.xml", *two_posts(), head=head)
    documents, (rejected,) = read(dump(path))
    assert documents == []
    assert "a document type is declared" in rejected.excerpt


def test_row_without_end_is_given_up(tmp_path, monkeypatch):
    monkeypatch.setattr(posts_dump, "MAX_ROW_BYTES", 100_000)
    monkeypatch.setattr(posts_dump, "CHUNK_BYTES", 10_000)
    path = write_dump(tmp_path / "Posts.xml", *two_posts(), post("question", 3, Body="x" * 900_000))
    (document,), (rejected,) = read(dump(path))
    assert document.document_id == "question-1"
    assert "a row of more than 100,000 bytes" in rejected.excerpt


def test_file_of_something_else_is_given_up(tmp_path, monkeypatch):
    monkeypatch.setattr(stack_exchange, "MAX_BROKEN_POSTS", 3)
    path = write_dump(tmp_path / "Posts.xml", *['<row Id="1" />'] * 9)
    documents, rejected = read(dump(path))
    assert (documents, len(rejected)) == ([], 4)
    assert "3 posts cannot be read" in rejected[-1].excerpt


@pytest.mark.parametrize("content", [b"7z\xbc\xaf\x27\x1c nothing of the kind", b"text", b""])
def test_archive_that_is_none_is_rejected(tmp_path, content):
    (tmp_path / "a.7z").write_bytes(content)
    assert [r.reason for r in read(dump(tmp_path / "a.7z"))[1]] == ["unreadable file"]


def test_archive_with_a_password_is_rejected(tmp_path, posts):
    with py7zr.SevenZipFile(tmp_path / "a.7z", "w", password="secret") as archive:
        archive.write(posts, "Posts.xml")
    assert [r.reason for r in read(dump(tmp_path / "a.7z"))[1]] == ["encrypted file"]


def test_archive_that_is_damaged_inside_is_rejected(tmp_path):
    rows = [post("question", n, Body=os.urandom(9000).hex()) for n in range(1, 21)]
    path = write_dump(tmp_path / "Posts.xml", *rows)
    with py7zr.SevenZipFile(tmp_path / "a.7z", "w") as archive:
        archive.write(path, "Posts.xml")
    content = bytearray((tmp_path / "a.7z").read_bytes())
    content[len(content) // 2 : len(content) // 2 + 5000] = bytes(5000)
    (tmp_path / "a.7z").write_bytes(content)
    rejected = read(dump(tmp_path / "a.7z"))[1]
    assert "unreadable file" in {r.reason for r in rejected}


# Before a run


def test_first_post_is_found_without_reading_the_dump(tmp_path, posts, monkeypatch):
    with py7zr.SevenZipFile(tmp_path / "a.7z", "w") as archive:
        archive.write(posts, "Posts.xml")
    monkeypatch.setattr(stack_exchange, "_add", None)  # whoever goes on needs it
    assert first_post(dump(posts)) == 3
    assert first_post(dump(tmp_path / "a.7z")) == 3


@pytest.mark.parametrize("content", ["", "<posts></posts>", "no xml"])
def test_dump_without_a_post_is_an_error(tmp_path, content):
    (tmp_path / "Posts.xml").write_text(content)
    with pytest.raises(CorpusError, match=r"corpus\.path: .*Posts\.xml"):
        first_post(dump(tmp_path / "Posts.xml"))


def test_missing_extra_is_an_error_that_names_it(posts, monkeypatch):
    monkeypatch.setattr(stack_exchange.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(CorpusError, match=r"needs markdownify.*pip install 'pdfplumber"):
        read(dump(posts))


def test_index_leaves_no_file_behind(tmp_path, posts, monkeypatch):
    monkeypatch.setenv("EQUAL_HOME", str(tmp_path / "home"))
    rows = stack_exchange.read_stack_exchange(dump(posts))
    next(rows)
    assert list((tmp_path / "home" / "staging").iterdir()) == []
    assert len(list(rows)) == 2


def test_memory_is_that_of_a_post_and_not_of_the_dump(tmp_path):
    path = tmp_path / "Posts.xml"
    with path.open("w") as file:
        file.write("<posts>\n")
        for number in range(1, 1001):
            file.write(post("question", number, Body="long " * 2000) + "\n")
        file.write("</posts>")
    assert path.stat().st_size > 9_000_000
    tracemalloc.start()
    rejected = sum(1 for _ in stack_exchange.read_stack_exchange(dump(path, min_score=9)))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert rejected == 0
    assert peak < 5_000_000
