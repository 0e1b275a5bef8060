"""Folders and files as people have them: each is read, or rejected with the reason."""

import bz2
import gzip
import json
import lzma
import os
import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard

from equal_assets.errors import CorpusError
from equal_assets.records import RejectedRow
from equal_assets.resources.corpora import Reason, read_corpus
from equal_assets.resources.corpora.chats import chat_text
from equal_assets.resources.corpora.listing import list_files, skipped_files
from equal_assets.resources.targets.turns import turns_of
from equal_assets.settings import load_settings
from equal_assets_tests.resources.corpora.test_reading import files, read, rejections

PACK = {
    "gz": gzip.compress,
    "bz2": bz2.compress,
    "xz": partial(lzma.compress, preset=0),
    "zst": zstandard.ZstdCompressor().compress,
}


PACKED_CSV = gzip.compress("id;text\r\n1;größer\r\n".encode("utf-16"), mtime=0)
"""Without a time: all test processes name the test alike."""


def rows(*texts: str) -> list[dict[str, str]]:
    return [{"text": text} for text in texts]


def lines(*texts: str) -> str:
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows(*texts))


def texts(corpus) -> list[str]:
    return [document.text for document in read(corpus)[0]]


@contextmanager
def memory_below(n_bytes: int) -> Iterator[None]:
    """Fail if Python holds more than this at any time in the block."""
    tracemalloc.start()
    try:
        yield
        assert tracemalloc.get_traced_memory()[1] < n_bytes
    finally:
        tracemalloc.stop()


def put(path: Path, content: str | bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


# Folders


def test_all_files_of_a_folder_are_read_or_told_with_their_kind(tmp_path):
    put(tmp_path / "a.jsonl", lines("first"))
    put(tmp_path / "b.json", json.dumps(rows("second", "third"), indent=1))
    put(tmp_path / "c.jsonl.bz2", bz2.compress(lines("fourth").encode()))
    put(tmp_path / "d.CSV.gz", gzip.compress(b"text\nfifth\n", mtime=0))
    put(tmp_path / "e.doc", "an old one")
    put(tmp_path / "f.pdf.gz", "packed, but no text")
    put(tmp_path / "_SUCCESS", "")
    put(tmp_path / ".git" / "a.txt", "a hidden one")
    put(tmp_path / ".DS_Store", "x")

    documents, rejected = read(files(tmp_path))

    assert [d.text for d in documents] == ["first", "second", "third", "fourth", "fifth"]
    assert [(Path(r.file).name, r.reason, r.excerpt) for r in rejected] == [
        (".DS_Store", Reason.HIDDEN, Reason.HIDDEN),
        (".git", Reason.HIDDEN, Reason.HIDDEN),
        ("_SUCCESS", Reason.OTHER_KIND, "no ending"),
        ("e.doc", Reason.OTHER_KIND, ".doc"),
        ("f.pdf.gz", Reason.OTHER_KIND, ".pdf.gz"),
    ]


def test_links_are_followed_and_circles_end(tmp_path):
    put(tmp_path / "store" / "a.jsonl", lines("behind a link"))
    put(tmp_path / "data" / "b.jsonl", lines("in the folder"))
    (tmp_path / "data" / "shard").symlink_to(tmp_path / "store")
    (tmp_path / "data" / "again").symlink_to(tmp_path / "store")
    (tmp_path / "data" / "circle").symlink_to(tmp_path / "data")
    (tmp_path / "store" / "up").symlink_to("..")
    (tmp_path / "data" / "gone.jsonl").symlink_to("nowhere")
    os.mkfifo(tmp_path / "data" / "pipe.jsonl")

    for path in (tmp_path / "data", tmp_path / "data" / "**" / "*.jsonl"):
        documents, rejected = read(files(path, outside_links=True))
        assert sorted(d.text for d in documents) == ["behind a link", "in the folder"]
        told = {(Path(r.file).name, r.reason) for r in rejected}
        assert told == {("gone.jsonl", Reason.NO_FILE), ("pipe.jsonl", Reason.NO_FILE)}


@pytest.mark.parametrize("pattern", ["data", "data/*", "data/**/*.txt"])
def test_link_out_of_the_folder_is_told_and_not_followed(tmp_path, pattern):
    put(tmp_path / "passwd", "root:x:0:0: of this machine")
    put(tmp_path / "store" / "b.txt", "of another folder")
    put(tmp_path / "data" / "a.txt", "in the folder")
    put(tmp_path / "data" / "below" / "c.txt", "below the folder")
    (tmp_path / "data" / "account.txt").symlink_to(tmp_path / "passwd")
    (tmp_path / "data" / "up.txt").symlink_to("../passwd")
    (tmp_path / "data" / "inner.txt").symlink_to("below/c.txt")
    (tmp_path / "data" / "shard").symlink_to(tmp_path / "store")
    (tmp_path / "data" / "below" / "machine").symlink_to("/")

    documents, rejected = read(files(tmp_path / pattern))

    assert sorted(d.text for d in documents) == ["below the folder", "in the folder"]
    told = {Path(r.file).name for r in rejected if r.reason == Reason.OUTSIDE}
    assert told == {"account.txt", "up.txt", "shard", "machine"}
    assert {r.reason for r in rejected} == {Reason.OUTSIDE}


def test_what_is_named_is_read_wherever_it_is(tmp_path):
    put(tmp_path / "store" / "a.txt", "of another folder")
    (tmp_path / "data").symlink_to(tmp_path / "store")
    (tmp_path / "b.txt").symlink_to("store/a.txt")
    for named in ("data", "data/*.txt", "b.txt"):
        assert texts(files(tmp_path / named)) == ["of another folder"]
    put(tmp_path / "mine" / "c.txt", "in my folder")
    (tmp_path / "mine" / "shard").symlink_to(tmp_path / "store")
    found = texts(files(tmp_path / "mine", tmp_path / "store"))
    assert sorted(found) == ["in my folder", "of another folder"]


def test_folder_of_nothing_but_links_says_what_to_do(tmp_path):
    put(tmp_path / "secret.txt", "of this machine")
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "a.txt").symlink_to(tmp_path / "secret.txt")
    with pytest.raises(CorpusError, match=r"not followed: 1; .* corpus.outside_links: true"):
        read(files(tmp_path / "data"))


def test_file_that_is_read_by_a_link_is_not_told_as_skipped(tmp_path):
    put(tmp_path / "blobs" / "5d41402a", lines("a file of a cache"))
    (tmp_path / "snapshot").mkdir()
    (tmp_path / "snapshot" / "train.jsonl").symlink_to("../blobs/5d41402a")

    documents, rejected = read(files(tmp_path))

    assert ([d.text for d in documents], rejected) == (["a file of a cache"], [])


@pytest.mark.parametrize("folder", ["x [v2]", "[a-z]*", "what?", "50% {off}"])
@pytest.mark.parametrize("pattern", ["data/*.txt", "data/**/*.txt", "data", "da[t]a/[!b].txt"])
def test_project_may_be_in_a_folder_with_signs_of_globs(tmp_path, folder, pattern):
    put(tmp_path / folder / "data" / "a.txt", "some text")
    found = list_files([str(tmp_path / folder / pattern)])
    assert found == [tmp_path / folder / "data" / "a.txt"]


def test_folder_with_brackets_may_be_named_with_a_glob_behind_it(tmp_path):
    put(tmp_path / "set [1]" / "a.txt", "some text")
    put(tmp_path / "set 1" / "b.txt", "some text")
    assert [p.name for p in list_files([str(tmp_path / "set [1]" / "*.txt")])] == ["a.txt"]


def test_folder_of_nothing_that_is_read_is_refused(tmp_path):
    put(tmp_path / ".hidden" / "a.txt", "some text")
    with pytest.raises(CorpusError, match="must match a supported file"):
        read(files(tmp_path))
    assert len(skipped_files([str(tmp_path)])) == 1


# JSON


@pytest.mark.parametrize("name", ["c.json", "c.jsonl"])
@pytest.mark.parametrize(
    "content",
    [
        json.dumps(rows("first", "second", "third")),
        json.dumps(rows("first", "second", "third"), indent=2),
        "\ufeff [\r\n" + ",\r\n".join(map(json.dumps, rows("first", "second", "third"))) + "\r\n]",
        "".join(map(json.dumps, rows("first", "second", "third"))),
        "\r".join(map(json.dumps, rows("first", "second", "third"))),
        "\n".join(json.dumps(row, indent=1) for row in rows("first", "second", "third")),
        json.dumps(rows("first")) + "\n" + json.dumps(rows("second", "third")) + "\n",
        lines("first", "second", "third").replace("\n", "\r\n\r\n"),
    ],
)
def test_json_is_read_however_its_rows_are_written(tmp_path, name, content):
    path = put(tmp_path / name, content)
    assert texts(files(path)) == ["first", "second", "third"]
    assert rejections(files(path)) == []


WRAPPED = {
    "on one line": '{"version": "1.1", "data": [{"text": "the first"}, {"text": "the second"}]}',
    "over lines": '{\n "data": [\n  {"text": "the first"},\n  {"text": "the second"}]\n}',
    "beside no list": '{"errors": [], "Rows": [{"text": "the first"}, {"text": "the second"}]}',
}


@pytest.mark.parametrize("name", WRAPPED)
@pytest.mark.parametrize("suffix", [".json", ".json.gz"])
def test_list_in_an_object_around_it_is_rows(tmp_path, name, suffix):
    content = WRAPPED[name].encode()
    path = tmp_path / f"a{suffix}"
    path.write_bytes(gzip.compress(content) if suffix.endswith(".gz") else content)
    documents, rejected = read(files(tmp_path))
    assert [(d.row, d.text) for d in documents] == [(1, "the first"), (2, "the second")]
    assert rejected == []


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.json", '{"text": "the document", "sections": [{"text": "the first"}]}'),
        ("a.json", '{"text": "the document", "data": [1, 2]}'),
        ("a.json", '{"text": "the document", "data": [{"text": "a"}], "rows": [{"text": "b"}]}'),
        ("a.json", json.dumps({"text": "the document " * 20, "data": [{"text": "the first"}]})),
        ("a.jsonl", '{"text": "the document", "data": [{"text": "the first"}]}'),
        ("a.json", '{"text": "the document", "data": []}'),
    ],
)
def test_document_that_holds_a_list_stays_one(tmp_path, name, content):
    (tmp_path / name).write_text(content)
    (document,), rejected = read(files(tmp_path))
    assert document.text.startswith("the document")
    assert rejected == []


def test_json_file_may_be_one_row(tmp_path):
    put(
        tmp_path / "a.json", json.dumps({"text": "a page", "links": [{"text": "no row"}]}, indent=1)
    )
    assert texts(files(tmp_path)) == ["a page"]


@pytest.mark.parametrize(
    "broken",
    ['{"text": "no end}', '{"text": second}', "{'text': 'second'}", '{"text": "a"', "oops"],
)
@pytest.mark.parametrize("between", [",", ",\n"])
def test_broken_element_of_a_list_is_rejected_and_the_next_is_read(tmp_path, broken, between):
    good = [json.dumps(row) for row in rows("first", "third", "fourth")]
    content = between.join([good[0], broken, *good[1:]])
    path = put(tmp_path / "c.json", f"[{content}]")

    documents, rejected = read(files(path))

    assert {"first", "fourth"} <= {d.text for d in documents}
    assert Reason.BROKEN_JSON in {r.reason for r in rejected}
    if between == ",\n":
        assert [d.text for d in documents] == ["first", "third", "fourth"]


@pytest.mark.parametrize("indent", [None, 1])
def test_list_that_breaks_off_is_told(tmp_path, indent):
    content = json.dumps(rows("first", "second", "third"), indent=indent)
    path = put(tmp_path / "c.json", content[: content.index("third")])
    assert texts(files(path)) == ["first", "second"]
    assert rejections(files(path)) == [(3, "broken JSON")]
    path = put(tmp_path / "d.json", content.rstrip("]\n"))
    assert texts(files(path)) == ["first", "second", "third"]
    assert rejections(files(path)) == [(4, "broken JSON")]


def test_long_list_on_one_line_is_read_in_bounded_memory(tmp_path):
    element = json.dumps({"text": "A text that is long enough. " * 400})
    path = tmp_path / "c.json"
    with path.open("w") as file:
        file.write(f"[{element}")
        for _ in range(3000):
            file.write(f", {element}")
        file.write("]")

    tracemalloc.start()
    assert sum(1 for _ in read_corpus(files(path))) == 3001
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert peak < 6_000_000


def test_element_longer_than_a_chunk_is_one_row(tmp_path):
    long = "wörd " * 100_000
    path = put(tmp_path / "c.json", json.dumps(rows("first", long, "third"), ensure_ascii=False))
    assert texts(files(path)) == ["first", long.strip(), "third"]


# Packing and encodings


@pytest.mark.parametrize("packing", PACK)
def test_rows_tables_and_texts_may_be_packed(tmp_path, packing):
    contents = {"a.jsonl": lines("first"), "b.tsv": "id\ttext\n1\tsecond\n", "c.txt": "third one"}
    contents |= {"d.md": "fourth", "e.json": json.dumps(rows("fifth")), "f.csv": "text\nsixth\n"}
    for name, content in contents.items():
        put(tmp_path / f"{name}.{packing}", PACK[packing](content.encode()))
    assert texts(files(tmp_path)) == ["first", "second", "third one", "fourth", "fifth", "sixth"]


def test_packed_file_is_known_without_its_ending(tmp_path):
    put(tmp_path / "a.jsonl", gzip.compress(lines("named wrongly").encode(), mtime=0))
    assert texts(files(tmp_path)) == ["named wrongly"]


@pytest.mark.parametrize("packing", ["bz2", "xz"])
def test_packed_file_that_breaks_off_is_told(tmp_path, packing):
    content = "".join(lines(f"{n}: {os.urandom(50).hex()}") for n in range(20_000)).encode()
    put(tmp_path / f"a.jsonl.{packing}", PACK[packing](content)[:-1000])
    documents, (rejected,) = read(files(tmp_path))
    assert rejected.reason == "unreadable file"
    assert len(documents) + 1 == rejected.row


def test_short_file_that_breaks_off_gives_what_was_before(tmp_path):
    put(tmp_path / "a.jsonl", lines("first", "second", "third").encode("utf-16")[:-3])
    put(
        tmp_path / "b.jsonl.gz",
        gzip.compress(os.urandom(9) + b"\n" + lines("x").encode())[:-4],
    )
    documents, rejected = read(files(tmp_path))
    assert [d.text for d in documents] == ["first", "second"]
    assert [(r.row, r.reason) for r in rejected if r.file.endswith("a.jsonl")] == [
        (3, "unreadable file")
    ]
    assert "unreadable file" in {r.reason for r in rejected if r.file.endswith("gz")}


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-8-sig"])
def test_text_in_unicode_of_any_width_is_read(tmp_path, encoding):
    put(tmp_path / "a.jsonl", lines("erste Zeile: Flüsse", "zweite").encode(encoding))
    put(tmp_path / "b.csv", "id;text\r\n1;größer\r\n".encode(encoding))
    put(tmp_path / "c.txt", "Ein Text.\r\nUnd noch einer.".encode(encoding))
    if encoding.endswith("e"):  # without a mark, ASCII alone tells the width
        assert len(texts(files(tmp_path))) == 4
        return
    assert texts(files(tmp_path)) == [
        "erste Zeile: Flüsse",
        "zweite",
        "größer",
        "Ein Text.\r\nUnd noch einer.",
    ]


@pytest.mark.parametrize(
    ("encoding", "text"),
    [("cp1252", "Über die Flüsse – „so“"), ("cp1251", "О реках и озёрах"), ("gb18030", "水的沸点")],
)
def test_encoding_may_be_named(tmp_path, encoding, text):
    put(tmp_path / "a.txt", text.encode(encoding) * 3)
    put(tmp_path / "b.csv", f"Schlüssel,text\n7,{text}\n".encode(encoding, "replace"))
    put(tmp_path / "c.jsonl", lines(text).encode(encoding))
    corpus = files(tmp_path, encoding=encoding, min_characters=3)
    assert texts(corpus) == [text * 3, text, text]
    assert len(rejections(files(tmp_path, min_characters=3))) == 3  # not UTF-8, and never guessed


def test_unknown_encoding_is_refused():
    with pytest.raises(ValueError, match=r"must be an encoding that Python knows, such as cp1252"):
        files(__file__, encoding="klingon")


def test_header_that_is_not_utf8_is_told_as_any_terminal_can_print_it(tmp_path):
    put(tmp_path / "a.csv", "Schlüssel,text\n1,eins\n".encode("cp1252"))
    with pytest.raises(CorpusError, match=r"It is not UTF-8: name corpus\.encoding") as told:
        read(files(tmp_path, id_field="Schlüssel"))
    str(told.value).encode("utf-8")


# Tables


@pytest.mark.parametrize(
    "content",
    [
        "id;text\n1;a text, with a comma\n",
        "id\ttext\n1\ta text, with a comma\n",
        "id|text\n1|a text, with a comma\n",
        'id, text\n1,"a text, with a comma"\n',
        '\ufeffsep=;\nid;text\n1;"a text, with a comma"\n',
    ],
)
def test_delimiter_is_the_one_that_gives_the_mapped_fields(tmp_path, content):
    put(tmp_path / "a.csv", content)
    (document,), rejected = read(files(tmp_path, id_field="id"))
    assert (document.document_id, document.text, rejected) == ("1", "a text, with a comma", [])
    assert document.row == content.count("\n")


def test_field_that_a_header_names_twice_is_refused(tmp_path):
    put(tmp_path / "a.csv", "text,text\nfirst,second\n")
    with pytest.raises(CorpusError, match=r"a\.csv has the field text twice"):
        read(files(tmp_path))


def test_open_quote_tells_how_many_lines_it_took(tmp_path):
    put(tmp_path / "a.csv", 'text\nfirst\n"open\n' + "lost line\n" * 20)
    documents, (rejected,) = read(files(tmp_path))
    assert [d.text for d in documents] == ["first"]
    assert (rejected.row, rejected.reason) == (3, "broken CSV")
    assert rejected.excerpt.endswith("to line 23")


@pytest.mark.parametrize(
    "kind",
    [
        pa.string(),
        pa.large_string(),
        pa.string_view(),
        pa.binary(),
        pa.large_binary(),
        pa.dictionary(pa.int32(), pa.string()),
    ],
)
def test_parquet_text_is_read_from_any_type_of_text(tmp_path, kind):
    plain = pa.array(["first text", None, "dritter Text: größer"])
    column = plain.dictionary_encode() if pa.types.is_dictionary(kind) else plain.cast(kind)
    pq.write_table(pa.table({"text": column}), tmp_path / "a.parquet")
    assert texts(files(tmp_path)) == ["first text", "dritter Text: größer"]
    assert rejections(files(tmp_path)) == [(2, "missing text")]


def test_binary_text_that_is_not_utf8_is_rejected_alone(tmp_path):
    pq.write_table(pa.table({"text": [b"first", b"caf\xe9 au lait"]}), tmp_path / "a.parquet")
    assert texts(files(tmp_path)) == ["first"]
    assert rejections(files(tmp_path)) == [(2, "invalid UTF-8")]


def test_fields_of_objects_are_named_with_a_dot(tmp_path):
    row = {"doc": {"text": "the text", "meta": {"url": "https://x.org"}}, "_id": {"$oid": "5f"}}
    pq.write_table(pa.Table.from_pylist([row]), tmp_path / "a.parquet")
    put(tmp_path / "b.jsonl", json.dumps(row))
    mapping = {"text_field": "doc.text", "url_field": "doc.meta.url", "id_field": "_id.$oid"}
    documents, _ = read(files(tmp_path, **mapping, metadata_fields=["doc.meta"]))
    assert [(d.text, d.url, d.document_id) for d in documents] == [
        ("the text", "https://x.org", "5f")
    ] * 2
    assert documents[0].metadata == {"doc.meta": '{"url": "https://x.org"}'}
    with pytest.raises(CorpusError, match=r"no field doc\.body; it has: doc, doc\.text, doc\.meta"):
        read(files(tmp_path / "a.parquet", text_field="doc.body"))


def test_column_with_a_dot_in_its_name_is_itself(tmp_path):
    pq.write_table(pa.table({"a.text": ["the text"], "a": ["another"]}), tmp_path / "a.parquet")
    assert texts(files(tmp_path, text_field="a.text")) == ["the text"]


@pytest.mark.parametrize(
    ("value", "told"),
    [
        (7, "text is a number: 7"),
        (True, "text is true or false"),
        (["a", "b"], "text is a list of 2, the first str"),
        ({"body": "b", "lang": "en"}, "text is an object with the fields body, lang"),
    ],
)
def test_what_is_no_text_is_told_by_what_it_is(tmp_path, value, told):
    put(tmp_path / "a.jsonl", json.dumps({"text": value}))
    assert read(files(tmp_path))[1][0].excerpt.startswith(told)


# Chats

MESSAGES = [
    {"role": "system", "content": "Be short."},
    {"role": "user", "content": [{"type": "text", "text": "Why?"}, {"type": "image_url"}]},
    {"role": "assistant", "content": None, "tool_calls": [{}]},
    {"role": "assistant", "content": "Because."},
]
SHOWN = "system: Be short.\n\nuser: Why?\n\nassistant: Because."


def test_chats_are_read_with_their_roles(tmp_path):
    put(tmp_path / "a.jsonl", json.dumps({"messages": MESSAGES}))
    plain = [{"role": m["role"], "content": "said"} for m in MESSAGES]
    pq.write_table(pa.table({"messages": [plain]}), tmp_path / "b.parquet")
    chat, stored = texts(files(tmp_path, text_field="messages"))
    assert chat == SHOWN
    assert stored.split("\n\n") == ["system: said", "user: said"] + ["assistant: said"] * 2


@pytest.mark.parametrize(
    ("who", "what"), [("from", "value"), ("speaker", "text"), ("author", "content")]
)
def test_chats_have_the_same_shapes_in_documents_and_in_targets(who, what):
    call = {who: "gpt", "function_call": {}}
    chat = [{who: "human", what: "Why?"}, call, {who: "ai", what: "So"}]
    assert chat_text(chat) == "human: Why?\n\nai: So"
    assert turns_of(chat, "chat") == [("user", "Why?"), ("assistant", ""), ("assistant", "So")]


@pytest.mark.parametrize(
    "value", [[], ["a"], [{"role": "user"}, "b"], [{"text": "a"}], {"role": "user"}, "text", None]
)
def test_what_is_no_chat_is_not_taken_for_one(value):
    assert chat_text(value) is None


# Shapes that were found by trying


@pytest.mark.parametrize(
    ("name", "content", "n_documents", "reasons"),
    [
        ("commas.jsonl", lines("first", "second").replace("\n", ",\n"), 2, []),
        ("nested.json", json.dumps([rows("first"), rows("second")]), 2, []),
        ("strings.json", '["first", "second"]', 0, ["not an object"] * 2),
        ("wrapped.json", json.dumps({"data": rows("first")}), 1, []),
        ("null.csv", b"id,text\n1,hello\0world\n2,second\n", 2, []),
        ("page.jsonl.gz", "<html>404</html>", 0, ["unreadable file"]),
        ("wide.json", json.dumps(rows("first", "second")).encode("utf-16-be"), 2, []),
        (
            "latin.json",
            '[{"text":"café au lait"},{"text":"second"}]'.encode("latin-1"),
            1,
            ["invalid UTF-8"],
        ),
        ("cut.jsonl", '{"text": "cut\n' + lines("second"), 1, ["broken JSON"]),
        ("cut2.jsonl", '{"text": "first",\n' + lines("second"), 1, ["broken JSON"]),
        ("marks.jsonl", "\ufeff" + lines("first") + "\ufeff" + lines("second"), 2, []),
        ("blank.jsonl", "\n \n\r\n", 0, ["empty file"]),
        ("list.json", "[]", 0, ["empty file"]),
        ("zeros.txt", b"\0" * 4096, 0, ["empty text"]),
        (
            "packed.csv.gz",
            gzip.compress("id;text\r\n1;größer\r\n".encode("utf-16"), mtime=0),
            1,
            [],
        ),
    ],
)
def test_file_is_read_as_far_as_it_goes(tmp_path, name, content, n_documents, reasons):
    put(tmp_path / name, content)
    documents, rejected = read(files(tmp_path))
    assert len(documents) == n_documents
    assert [r.reason for r in rejected] == reasons


def endless(name):
    """Return a packed file of some KB that holds a row of 80 MB, which no document has."""
    first, last, x = lines("first").encode(), lines("the last").encode(), b"x" * (80 << 20)
    row = b'{"text": "' + x + b'"}\n'
    unpacked = {
        "a.jsonl.gz": (first, row, last),
        "b.jsonl.bz2": (first, row, last),
        "c.json.zst": (b"[", row, b",", last, b"]"),
        "d.csv.xz": (b"text\nfirst row\n", x, b"\n"),
    }
    return PACK[name.rpartition(".")[2]](b"".join(unpacked[name]))


@pytest.mark.parametrize("name", ["a.jsonl.gz", "b.jsonl.bz2", "c.json.zst", "d.csv.xz"])
def test_row_longer_than_any_document_fills_no_memory(tmp_path, name):
    put(tmp_path / name, endless(name))
    with memory_below(700 << 20):
        documents, rejected = read(files(tmp_path))
    assert [r.reason for r in rejected] == [Reason.FILE_BEYOND_BOUNDS]
    if name.endswith(("gz", "bz2")):  # a line has an end: reading goes on behind it
        assert [(d.text, d.row) for d in documents] == [("first", 1), ("the last", 3)]


@pytest.mark.parametrize("suffix", ["gz", "xz"])
def test_file_that_unpacks_without_end_is_rejected(tmp_path, suffix):
    part = PACK[suffix](lines("x" * 10_000_000).encode())
    put(tmp_path / f"a.jsonl.{suffix}", part * 45)
    rejected = [item for item in read_corpus(files(tmp_path)) if isinstance(item, RejectedRow)]
    assert [(r.reason, "unpacks to more than" in r.excerpt) for r in rejected] == [
        (Reason.FILE_BEYOND_BOUNDS, True)
    ]


def test_large_value_that_a_table_repeats_fills_no_memory(tmp_path):
    repeated = pa.DictionaryArray.from_arrays(pa.array([0] * 256, pa.int32()), ["x" * (16 << 20)])
    table = pa.table({"text": repeated})
    pq.write_table(
        table, tmp_path / "a.parquet", compression="zstd", dictionary_pagesize_limit=1 << 30
    )
    assert (tmp_path / "a.parquet").stat().st_size < 100_000
    n_documents = 0
    with memory_below(900 << 20):
        for item in read_corpus(files(tmp_path)):
            n_documents += len(item.text) == 16 << 20
            if n_documents == 40:
                break
    assert n_documents == 40


def test_many_circles_of_links_end(tmp_path):
    put(tmp_path / "a.jsonl", lines("first"))
    for name in "bcdefgh":
        (tmp_path / name).symlink_to(".")
    assert texts(files(tmp_path / "**" / "*.jsonl")) == ["first"]


def test_chats_of_large_lists_and_numbers_of_tables_are_read(tmp_path):
    turn = pa.struct([("from", pa.large_string()), ("value", pa.large_string())])
    chats = pa.array([[{"from": "human", "value": "hello"}], None, []], pa.large_list(turn))
    pq.write_table(pa.table({"chat": chats}), tmp_path / "a.parquet")
    assert texts(files(tmp_path, text_field="chat")) == ["human: hello"]
    assert rejections(files(tmp_path, text_field="chat")) == [
        (2, "missing text"),
        (3, "text is not a string"),
    ]


# Ids and NUL


def test_ids_are_as_they_were_before_a_table_made_floats_of_them(tmp_path):
    ids = pa.array([1.0, None, 1e15, float("nan"), 2.5])
    table = pa.table({"id": ids, "text": [f"text {n}" for n in range(5)]})
    pq.write_table(table, tmp_path / "a.parquet")
    documents, _ = read(files(tmp_path, id_field="id"))
    made = [documents[n].content_hash[:16] for n in (1, 3)]
    assert [d.document_id for d in documents] == ["1", made[0], str(10**15), made[1], "2.5"]


def test_nul_becomes_a_mark_everywhere_and_goes_at_the_ends(tmp_path):
    pairs = [{"question": "Q\0?", "answer": "A\0"}]
    row = {"text": "\0a te\0xt\0\0", "id": "a\0b", "url": "u\0", "year": "2\0", "qa": pairs}
    put(tmp_path / "a.jsonl", lines("\0" * 100).encode() + json.dumps(row).encode())
    corpus = files(
        tmp_path, id_field="id", url_field="url", metadata_fields=["year"], qa_field="qa"
    )
    (document,), (rejected,) = read(corpus)
    assert (document.text, document.document_id, document.url) == (
        "a te\ufffdxt",
        "a\ufffdb",
        "u\ufffd",
    )
    assert document.metadata == {"year": "2\ufffd"}
    assert "\0" not in document.qa_pairs[0].text
    assert rejected.reason == "empty text"


def test_settings_tell_a_path_that_matches_nothing_in_a_folder_with_brackets(tmp_path):
    put(tmp_path / "p [1]" / "campaigns.yaml", "corpus: {source: files, paths: ['data/*.txt']}\n")
    with pytest.raises(Exception, match=r"no file matches data/\*\.txt"):
        load_settings(tmp_path / "p [1]" / "campaigns.yaml")


@pytest.mark.parametrize(
    "matter",
    [
        "a: &a [x, x, x, x, x, x, x, x]\n"
        + "".join(f"b{n}: &b{n} [*a, *a, *a]\n" for n in range(3))
        + "title: *b2",
        "title: 2001-99-99",
        "title: 0x" + "f" * 6000,
        "title: " + "9" * 6000,
        "date: 0001-01-01T00:00:00+23:00",
        "title: " + "[" * 3000,
    ],
    ids=["aliases", "no date", "long hexadecimal", "long number", "before all dates", "deep"],
)
def test_front_matter_that_is_none_is_text(tmp_path, matter):
    put(tmp_path / "a.md", f"---\n{matter}\n---\nThe text itself.")
    documents, rejected = read(files(tmp_path))
    assert rejected == []
    assert "The text itself." in documents[0].text
    assert "title" not in documents[0].metadata
