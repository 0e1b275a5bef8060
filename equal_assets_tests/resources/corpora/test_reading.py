import csv
import gzip
import io
import json
import os
import sys
import tracemalloc
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard

from equal_assets.errors import CorpusError
from equal_assets.records import Document, QAPair, RejectedRow, content_hash
from equal_assets.resources.corpora import Reason, docstrings, read_corpus, tables
from equal_assets.resources.corpora import files as file_reader
from equal_assets.resources.corpora import packed as packed_files
from equal_assets.resources.corpora.installed_packages import PythonFile, Release
from equal_assets.settings import FilesSettings, HubDatasetSettings, InstalledPackagesSettings

LONG = "A text that is long enough. "


def files(*paths: Path | str, **settings) -> FilesSettings:
    settings = {"min_characters": 5, "chunk_characters": None, **settings}
    return FilesSettings(source="files", paths=[str(path) for path in paths], **settings)


def read(corpus) -> tuple[list[Document], list[RejectedRow]]:
    items = list(read_corpus(corpus))
    return (
        [item for item in items if isinstance(item, Document)],
        [item for item in items if isinstance(item, RejectedRow)],
    )


def write_jsonl(path: Path, *rows) -> Path:
    """Write rows as JSON, and bytes as they are."""
    lines = [row if isinstance(row, bytes) else json.dumps(row).encode() for row in rows]
    content = b"".join(line + b"\n" for line in lines)
    if path.suffix == ".gz":
        content = gzip.compress(content)
    elif path.suffix == ".zst":
        content = zstandard.ZstdCompressor().compress(content)
    path.write_bytes(content)
    return path


def rejections(corpus) -> list[tuple[int, str]]:
    return [(row.row, row.reason) for row in read(corpus)[1]]


# Every reader


@pytest.mark.parametrize("suffix", [".jsonl", ".ndjson", ".jsonl.gz", ".ndjson.gz", ".jsonl.zst"])
def test_json_lines_are_read_plain_and_compressed(tmp_path, suffix):
    path = write_jsonl(tmp_path / f"corpus{suffix}", {"text": " first "}, b"", {"text": "second"})

    documents, rejected = read(files(path))

    assert rejected == []
    assert [(d.text, d.row) for d in documents] == [("first", 1), ("second", 3)]
    assert documents[0].source == path.name
    assert documents[0].file == str(path)


def test_json_lines_may_have_a_byte_order_mark_and_no_last_line_end(tmp_path):
    path = tmp_path / "corpus.jsonl"
    path.write_bytes(b'\xef\xbb\xbf{"text": "first"}\r\n{"text": "second"}')

    assert [d.text for d in read(files(path))[0]] == ["first", "second"]


def test_compressed_files_of_several_members_are_read_to_the_end(tmp_path):
    lines = [b'{"text": "first text"}\n', b'{"text": "second text"}\n']
    gz = tmp_path / "a.jsonl.gz"
    gz.write_bytes(b"".join(gzip.compress(line) for line in lines))
    zst = tmp_path / "b.jsonl.zst"
    zst.write_bytes(b"".join(zstandard.ZstdCompressor().compress(line) for line in lines))

    assert [d.text for d in read(files(gz, zst))[0]] == ["first text", "second text"] * 2


def test_line_longer_than_a_chunk_stays_one_line(tmp_path):
    text = "word " * 100_000
    path = write_jsonl(tmp_path / "corpus.jsonl.zst", {"text": text}, {"text": "second"})

    assert [d.text for d in read(files(path))[0]] == [text.strip(), "second"]


def test_parquet_is_read_in_batches_and_only_where_mapped(tmp_path, monkeypatch):
    monkeypatch.setattr(tables, "ROWS_PER_BATCH", 2)
    path = tmp_path / "corpus.parquet"
    columns = {"body": [f"text {n}" for n in range(5)], "n": range(5), "unused": [b"x"] * 5}
    pq.write_table(pa.table({k: list(v) for k, v in columns.items()}), path)

    documents, _ = read(files(path, text_field="body", id_field="n"))

    assert [(d.document_id, d.row, d.text) for d in documents] == [
        (str(n), n + 1, f"text {n}") for n in range(5)
    ]


@pytest.mark.parametrize(("suffix", "delimiter"), [(".csv", ","), (".tsv", "\t")])
def test_tables_in_text_are_read_with_quotes_and_line_numbers(tmp_path, suffix, delimiter):
    path = tmp_path / f"corpus{suffix}"
    with path.open("w", newline="", encoding="utf-8-sig") as stream:
        writer = csv.writer(stream, delimiter=delimiter)
        writer.writerows([["id", "text"], ["a", f"two\nlines{delimiter}"], [], ["b", "plain"]])

    documents, rejected = read(files(path, id_field="id"))

    assert rejected == []
    assert [(d.document_id, d.text, d.row) for d in documents] == [
        ("a", f"two\nlines{delimiter}".strip(), 2),
        ("b", "plain", 5),
    ]


def test_table_may_hold_texts_longer_than_the_csv_default(tmp_path):
    path = tmp_path / "corpus.csv"
    path.write_text("text\n" + "x" * 200_000 + "\n")

    assert len(read(files(path))[0][0].text) == 200_000


def test_text_file_is_one_document(tmp_path):
    (tmp_path / "note.txt").write_bytes(b"\xef\xbb\xbfA note.\nTwo lines.\n")

    (document,), _ = read(files(tmp_path / "note.txt"))

    assert (document.text, document.row) == ("A note.\nTwo lines.", 1)
    assert document.document_id == content_hash("A note.\nTwo lines.")[:16]


def test_installed_packages_report_broken_and_vanished_files(tmp_path, monkeypatch):
    (tmp_path / "broken.py").write_text("x = 1\nclass C(:\n")
    (tmp_path / "good.py").write_text('"""Long enough to be kept."""\ndef f():\n    "short"\n')
    release = Release("demo", "1.0", "MIT")
    listed = [
        PythonFile(tmp_path / name, name, name[:-3], "demo", release)
        for name in ("broken.py", "gone.py", "good.py")
    ]
    monkeypatch.setattr(docstrings, "find_python_files", lambda packages: listed)

    documents, rejected = read(
        InstalledPackagesSettings(source="installed-packages", min_characters=10)
    )

    assert [(r.file, r.row, r.reason) for r in rejected] == [
        ("broken.py", 2, "not valid Python"),
        ("gone.py", 1, "unreadable file"),
        ("good.py", 2, "under min_characters"),
    ]
    assert str(tmp_path) not in "".join(r.excerpt for r in rejected)
    assert [(d.source, d.file, d.license, d.metadata) for d in documents] == [
        (
            "demo 1.0",
            "good.py",
            "MIT",
            {
                "package": "demo",
                "version": "1.0",
                "module": "good",
                "qualname": "good",
                "kind": "module",
            },
        )
    ]


# Paths


def test_folder_is_read_recursively_in_sorted_order(tmp_path):
    for name in ("b/z.txt", "a.md", "b/c/x.txt", "skip.bin", ".hidden/y.txt"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(f"text of {name}")

    documents, _ = read(files(tmp_path))

    assert [d.text for d in documents] == ["text of a.md", "text of b/c/x.txt", "text of b/z.txt"]


def test_glob_is_expanded_and_no_file_is_read_twice(tmp_path):
    for n in (2, 1):
        write_jsonl(tmp_path / f"part-{n}.jsonl", {"text": f"part {n}"})

    documents, _ = read(files(tmp_path / "part-*.jsonl", tmp_path / "part-1.jsonl"))

    assert [d.text for d in documents] == ["part 1", "part 2"]


@pytest.mark.parametrize("name", ["folder", "folder/paper.bin", "folder/*"])
def test_path_without_supported_file_is_an_error(tmp_path, name):
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "paper.bin").write_text("%PDF")

    with pytest.raises(CorpusError, match=r"folder.*: must match a supported file \(\.jsonl, .*md"):
        read(files(tmp_path / name))


def test_files_below_campaigns_yaml_are_shown_relative_to_it(tmp_path, monkeypatch):
    (tmp_path / "campaigns.yaml").write_text("")
    monkeypatch.setenv("EQUAL_CAMPAIGNS", str(tmp_path / "campaigns.yaml"))
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "a.txt").write_text("some text")

    assert read(files(tmp_path / "notes"))[0][0].file == "notes/a.txt"


# Field mapping


def test_mapped_fields_fill_the_document(tmp_path):
    row = {
        "body": LONG,
        "key": 7,
        "link": "https://example.org",
        "terms": "CC-BY-4.0",
        "year": 2024,
        "nothing": None,
        "qa": [{"question": " Why? ", "answer": "Because.", "extra": 1}],
    }
    mapping = {
        "text_field": "body",
        "id_field": "key",
        "url_field": "link",
        "license_field": "terms",
        "metadata_fields": ["year", "nothing", "absent"],
        "qa_field": "qa",
    }

    (document,), _ = read(files(write_jsonl(tmp_path / "c.jsonl", row), **mapping))

    assert document.document_id == "7"
    assert document.url == "https://example.org"
    assert document.license == "CC-BY-4.0"
    assert document.metadata == {"year": "2024"}
    assert document.qa_pairs == (QAPair("Why?", "Because."),)


@pytest.mark.parametrize(
    "row", [{"text": LONG}, {"text": LONG, "id": None}, {"text": LONG, "id": ""}]
)
def test_row_without_id_is_named_by_its_content(tmp_path, row):
    (document,), _ = read(files(write_jsonl(tmp_path / "c.jsonl", row), id_field="id"))

    assert document.document_id == document.content_hash[:16]


def test_license_of_the_corpus_is_that_of_what_states_none(tmp_path):
    write_jsonl(tmp_path / "c.jsonl", {"text": LONG, "terms": "MIT"}, {"text": LONG + "2"})
    (tmp_path / "note.txt").write_text("a note")

    documents, _ = read(files(tmp_path, license_field="terms", license="CC0"))

    assert [d.license for d in documents] == ["MIT", "CC0", "CC0"]


@pytest.mark.parametrize("value", [None, [], ""])
def test_row_without_qa_pairs_is_a_document(tmp_path, value):
    path = write_jsonl(tmp_path / "c.jsonl", {"text": LONG, "qa": value}, {"text": LONG + "2"})

    documents, rejected = read(files(path, qa_field="qa"))

    assert [d.qa_pairs for d in documents] == [(), ()]
    assert rejected == []


def test_qa_pairs_of_parquet_and_of_json_text_in_csv_are_read(tmp_path):
    pairs = [{"question": "Q", "answer": "A"}]
    pq.write_table(pa.table({"text": [LONG], "qa": [pairs]}), tmp_path / "a.parquet")
    with (tmp_path / "b.csv").open("w", newline="") as stream:
        csv.writer(stream).writerows([["text", "qa"], [LONG, json.dumps(pairs)]])

    documents, _ = read(files(tmp_path, qa_field="qa"))

    assert [d.qa_pairs for d in documents] == [(QAPair("Q", "A"),)] * 2


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_table_without_a_mapped_field_is_an_error_that_lists_its_columns(tmp_path, suffix):
    path = tmp_path / f"corpus{suffix}"
    if suffix == ".csv":
        path.write_text("title,body\na,b\n")
    else:
        pq.write_table(pa.table({"title": ["a"], "body": ["b"]}), path)

    with pytest.raises(CorpusError, match=rf"corpus\{suffix} has no field text; .*title, body"):
        read(files(path))
    with pytest.raises(CorpusError, match=r"has no field key; it has: title, body"):
        read(files(path, text_field="body", id_field="key"))


def test_csv_without_header_is_an_error(tmp_path):
    (tmp_path / "empty.csv").write_text("")
    (tmp_path / "quotes.csv").write_text('"text\n')

    with pytest.raises(CorpusError, match=r"empty\.csv has no field text; it has: none"):
        read(files(tmp_path / "empty.csv"))
    with pytest.raises(CorpusError, match=r"quotes\.csv: the header row is broken"):
        read(files(tmp_path / "quotes.csv"))


# Rejections: every reason, and the stream goes on


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (b'{"text": "caf\xe9 au lait"}', Reason.INVALID_UTF8),
        (b'{"text": "half a pair: \\ud800"}', Reason.INVALID_UTF8),
        (b'{"text": "long enough", "id": "\\udc00"}', Reason.INVALID_UTF8),
        (b'{"text": "cut off', Reason.BROKEN_JSON),
        (b"[" * 100_000, Reason.BROKEN_JSON),
        (b'{"text": ' + b"1" * 5000 + b"}", Reason.BROKEN_JSON),
        (["a", "list"], Reason.NOT_AN_OBJECT),
        ({"body": "another field"}, Reason.MISSING_TEXT),
        ({"text": None}, Reason.MISSING_TEXT),
        ({"text": 5}, Reason.TEXT_NOT_A_STRING),
        ({"text": ["parts"]}, Reason.TEXT_NOT_A_STRING),
        ({"text": ""}, Reason.EMPTY_TEXT),
        ({"text": " \n\t\u00a0"}, Reason.EMPTY_TEXT),
        ({"text": "  abcd  "}, Reason.UNDER_MIN_CHARACTERS),
        ({"text": "x" * 101}, Reason.OVER_MAX_CHARACTERS),
        ({"text": LONG, "qa": "no list"}, Reason.BROKEN_QA_PAIRS),
        ({"text": LONG, "qa": {"question": "Q", "answer": "A"}}, Reason.BROKEN_QA_PAIRS),
        ({"text": LONG, "qa": ["Q"]}, Reason.BROKEN_QA_PAIRS),
        ({"text": LONG, "qa": [{"question": "Q"}]}, Reason.BROKEN_QA_PAIRS),
        ({"text": LONG, "qa": [{"question": "Q", "answer": 5}]}, Reason.BROKEN_QA_PAIRS),
        ({"text": LONG, "qa": [{"question": " ", "answer": "A"}]}, Reason.BROKEN_QA_PAIRS),
    ],
)
def test_bad_row_is_rejected_with_its_reason_and_the_next_is_read(tmp_path, row, reason):
    path = write_jsonl(tmp_path / "c.jsonl", {"text": "before"}, row, {"text": "after"})
    corpus = files(path, id_field="id", qa_field="qa", max_characters=100, too_long="reject")

    documents, (rejected,) = read(corpus)

    assert [d.text for d in documents] == ["before", "after"]
    assert (rejected.file, rejected.row, rejected.reason) == (str(path), 2, reason.value)


def test_texts_of_the_exact_bounds_are_kept(tmp_path):
    path = write_jsonl(tmp_path / "c.jsonl", {"text": "abcde"}, {"text": "x" * 100})

    documents, rejected = read(files(path, max_characters=100, too_long="reject"))

    assert (len(documents), rejected) == (2, [])


def test_long_text_is_kept_whole_by_default(tmp_path):
    path = write_jsonl(tmp_path / "c.jsonl", {"text": "x" * 500})

    assert len(read(files(path, max_characters=100))[0][0].text) == 500


def test_csv_rows_are_rejected_one_by_one(tmp_path):
    path = tmp_path / "c.csv"
    path.write_bytes(
        b"text,note\nfirst,1\ncaf\xe9 au lait,2\nonly one field\na,b,c\n"
        b'"closed" too early,3\nlast one,4\n"never closed,5\n'
    )

    documents, _ = read(files(path))

    assert [d.text for d in documents] == ["first", "last one"]
    assert rejections(files(path)) == [
        (3, "invalid UTF-8"),
        (4, "wrong number of fields"),
        (5, "wrong number of fields"),
        (6, "broken CSV"),
        (8, "broken CSV"),
    ]


def test_forgotten_quote_does_not_read_the_rest_of_the_file(tmp_path, monkeypatch):
    monkeypatch.setattr(tables, "CSV_FIELD_CHARACTERS", 100)
    path = tmp_path / "c.csv"
    path.write_text('text\n"open\n' + "short line\n" * 30)

    documents, rejected = read(files(path))

    assert (rejected[0].row, rejected[0].reason) == (2, "broken CSV")
    assert len(documents) > 15


def test_parquet_row_that_is_not_utf8_is_rejected_alone(tmp_path):
    raw = pa.array([b"first", b"caf\xe9 au lait", b"third"], pa.binary())
    text = pa.Array.from_buffers(pa.string(), 3, raw.buffers())
    pq.write_table(pa.table({"text": text}), tmp_path / "c.parquet")

    documents, (rejected,) = read(files(tmp_path / "c.parquet"))

    assert [(d.text, d.row) for d in documents] == [("first", 1), ("third", 3)]
    assert (rejected.row, rejected.reason) == (2, "invalid UTF-8")


def test_parquet_nulls_and_numbers_are_rejected(tmp_path):
    pq.write_table(pa.table({"text": [None, "long enough"]}), tmp_path / "a.parquet")
    pq.write_table(pa.table({"text": [1]}), tmp_path / "b.parquet")

    assert rejections(files(tmp_path)) == [(1, "missing text"), (1, "text is not a string")]


def test_parquet_date_beyond_python_is_rejected_alone(tmp_path):
    dates = pa.array([0, 10**18], pa.int64()).cast(pa.timestamp("us"))
    pq.write_table(pa.table({"text": ["first", "second"], "date": dates}), tmp_path / "c.parquet")
    corpus = files(tmp_path / "c.parquet", metadata_fields=["date"])

    assert [d.metadata for d in read(corpus)[0]] == [{"date": "1970-01-01 00:00:00"}]
    assert rejections(corpus) == [(2, "unreadable value")]


@pytest.mark.skipif(sys.platform != "linux", reason="other systems refuse such names")
def test_file_name_that_is_not_utf8_is_shown_escaped(tmp_path):
    path = tmp_path / os.fsdecode(b"caf\xe9.txt")
    path.write_text("some text")

    (document,), _ = read(files(tmp_path))

    assert document.source == "caf\\udce9.txt"
    document.file.encode("utf-8")


def test_text_file_that_is_not_utf8_is_rejected(tmp_path):
    (tmp_path / "note.txt").write_bytes(b"caf\xe9 au lait")

    assert rejections(files(tmp_path / "note.txt")) == [(1, "invalid UTF-8")]


@pytest.mark.parametrize("suffix", [".jsonl.gz", ".jsonl.zst"])
def test_truncated_file_yields_what_was_readable_then_a_rejection(tmp_path, suffix):
    rows = [{"text": f"{n}: {os.urandom(50).hex()}"} for n in range(10_000)]
    path = write_jsonl(tmp_path / f"c{suffix}", *rows)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])

    documents, (rejected,) = read(files(path))

    assert 3000 < len(documents) < 7000
    assert [d.text for d in documents] == [row["text"] for row in rows[: len(documents)]]
    assert (rejected.row, rejected.reason) == (len(documents) + 1, "unreadable file")


@pytest.mark.parametrize("suffix", [".jsonl.gz", ".jsonl.zst", ".parquet"])
def test_file_that_is_not_what_its_name_says_is_rejected_and_the_next_is_read(tmp_path, suffix):
    (tmp_path / f"a{suffix}").write_bytes(b"nothing of the kind")
    (tmp_path / "b.txt").write_text("a good text")

    documents, (rejected,) = read(files(tmp_path))

    assert [d.text for d in documents] == ["a good text"]
    assert (rejected.row, rejected.reason) == (1, "unreadable file")


def test_parquet_that_is_damaged_inside_yields_the_rows_before(tmp_path):
    path = tmp_path / "c.parquet"
    texts = [os.urandom(40).hex() for _ in range(3000)]
    pq.write_table(pa.table({"text": texts}), path, row_group_size=1000, use_dictionary=False)
    content = bytearray(path.read_bytes())
    metadata = pq.read_metadata(path)
    start = metadata.row_group(1).column(0).data_page_offset
    content[start : start + 200] = b"\xff" * 200
    path.write_bytes(content)

    documents, (rejected,) = read(files(path))

    assert [d.text for d in documents] == texts[: len(documents)]
    assert 0 < len(documents) <= 1000
    assert (rejected.row, rejected.reason) == (len(documents) + 1, "unreadable file")


def test_file_that_vanished_is_rejected(tmp_path, monkeypatch):
    paths = [tmp_path / f"gone{suffix}" for suffix in (".jsonl", ".csv", ".txt", ".parquet")]
    monkeypatch.setattr(file_reader, "list_files", lambda patterns, **_: paths)
    (tmp_path / "stand-in.txt").write_text("")

    _, rejected = read(files(tmp_path / "stand-in.txt"))

    assert [r.reason for r in rejected] == ["unreadable file"] * 4


def test_excerpt_is_one_short_printable_line(tmp_path):
    path = write_jsonl(tmp_path / "c.jsonl", b"\x1b[31m\xff\r" + "é".encode() * 500)

    (rejected,) = read(files(path))[1]

    assert len(rejected.excerpt) == 200
    assert rejected.excerpt.isprintable()
    assert rejected.excerpt.startswith(" [31m\\xff éé")


def test_every_reason_is_a_distinct_phrase():
    assert len({reason.value for reason in Reason}) == len(list(Reason)) == 26


def test_memory_is_bounded_by_a_chunk_and_not_by_the_file(tmp_path):
    line = json.dumps({"text": LONG * 400}).encode() + b"\n"
    block = line * 100
    assert len(block) > 1_000_000
    gz = tmp_path / "c.jsonl.gz"
    with gzip.open(gz, "wb", compresslevel=1) as stream:
        for _ in range(30):
            stream.write(block)
    zst = tmp_path / "c.jsonl.zst"
    with zst.open("wb") as file, zstandard.ZstdCompressor().stream_writer(file) as stream:
        for _ in range(30):
            stream.write(block)
    list(read_corpus(files(write_jsonl(tmp_path / "warm.jsonl", {"text": LONG}))))

    tracemalloc.start()
    for path in (gz, zst):
        assert sum(1 for _ in read_corpus(files(path))) == 3000
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert peak < 6_000_000


# Hub data sets


def hub(dataset: Path | str, **settings) -> HubDatasetSettings:
    return HubDatasetSettings(source="hub", dataset=str(dataset), min_characters=5, **settings)


def test_local_folder_of_data_files_is_streamed(tmp_path):
    folder = tmp_path / "notes"
    folder.mkdir()
    write_jsonl(folder / "train.jsonl", {"text": "first", "n": 1}, {"text": "ab", "n": 2})

    (document,), (rejected,) = read(hub(folder, metadata_fields=["n"]))

    assert (document.source, document.file, document.row) == ("notes", "notes/train", 1)
    assert document.metadata == {"n": "1"}
    assert (rejected.row, rejected.reason) == (2, "under min_characters")


def test_saved_data_sets_are_read_with_and_without_splits(tmp_path):
    import datasets

    data = datasets.Dataset.from_dict({"text": ["first", "second"], "unused": [1, 2]})
    data.save_to_disk(str(tmp_path / "one"))
    datasets.DatasetDict({"validation": data}).save_to_disk(str(tmp_path / "many"))

    assert [d.text for d in read(hub(tmp_path / "one"))[0]] == ["first", "second"]
    assert len(read(hub(tmp_path / "many", split="validation"))[0]) == 2
    with pytest.raises(CorpusError, match=r"many: cannot be loaded \(subset None, split train\)"):
        read(hub(tmp_path / "many"))
    with pytest.raises(CorpusError, match="one/train has no field body; it has: text, unused"):
        read(hub(tmp_path / "one", text_field="body"))


def test_data_set_that_cannot_be_loaded_is_an_error_that_says_what_to_do(monkeypatch):
    import datasets

    def refuse(*args, **settings):
        raise ConnectionError("no route to host\nmany more lines")

    monkeypatch.setattr(datasets, "load_dataset", refuse)

    with pytest.raises(CorpusError, match=r"org/set: .*no route to host\. A data set.*needs a net"):
        read(hub("org/set"))


def test_data_set_that_breaks_off_is_an_error_with_the_row(monkeypatch):
    import datasets

    def rows():
        yield {"text": "first"}
        raise ConnectionError("reset by peer")

    monkeypatch.setattr(
        datasets, "load_dataset", lambda *a, **k: datasets.IterableDataset.from_generator(rows)
    )

    with pytest.raises(CorpusError, match=r"org/set: broke off after row 1 .*reset by peer"):
        read(hub("org/set"))


def test_zstd_step_is_small_enough_for_extreme_ratios():
    packed = zstandard.ZstdCompressor(level=19).compress(b"a" * 100_000_000)

    largest = max(
        len(chunk) for chunk in packed_files._unzstd(io.BufferedReader(io.BytesIO(packed)))
    )

    assert largest <= 4 * 1024 * 1024
