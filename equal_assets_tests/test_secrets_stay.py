"""Whatever a server repeats: no file, log or message of a project holds a secret."""

import base64
import bz2
import gzip
import json
import lzma
import re
import zipfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import quote

import duckdb
import pyarrow.parquet as pq
import pytest
import yaml

from equal_assets_tests.echoing_server import MODEL, EchoingServer, echoing
from equal_assets_tests.llm_server import document_text, write_squares
from equal_assets_tests.project import Project

KEY = "sk-Zq7xK3vR9mT2/+wB5n==\"It's\\&<k>%41{j}"
TEAM_KEY = "team-hV4pLs8dYc1u/J6g"
PASSWORD = "pw-Nw5tGf0rXz3aQe7i"
QUERY = "qk-Dk2mRb6jUo9sHy4v"
BODY = "body-Ct8lEn1wPx5kAv3z"
HOOK = "T0Sg3bWm7yKd5hFq2"
CORES = ("Zq7xK3vR9mT2", "hV4pLs8dYc1u", "Nw5tGf0rXz3aQe7i", "Dk2mRb6jUo9sHy4v", "Ct8lEn1wPx5kAv3z")
WAYS = (
    *("good", "400", "422", "500", "page", "escaped", "200 with error", "200 of text"),
    *("refusal", "tool", "broken reply", "redirect"),
)


def needles() -> dict[str, re.Pattern[bytes]]:
    """Return what to look for: parts of the secrets that no quoting changes, and encoded forms."""
    found = {}
    for core in (*CORES, HOOK):
        raw = core.encode()
        found[core] = re.compile(re.escape(raw), re.IGNORECASE)
        numbered = rb"".join(rb"\\+u00%02x" % byte for byte in raw)
        found[f"{core} by numbers"] = re.compile(numbered, re.IGNORECASE)
        found[f"{core} by percents"] = re.compile(
            "".join(f"%{byte:02x}" for byte in raw).encode(), re.IGNORECASE
        )
        for shift in range(3):
            whole = base64.b64encode(b"\0" * shift + raw).decode()
            inner = whole[-(-shift * 8 // 6) : (shift + len(raw)) * 8 // 6]
            for form in {inner, inner.replace("+", "-").replace("/", "_")}:
                found[f"{core} in base64 {form}"] = re.compile(re.escape(form.encode()))
        found[f"{core} in UTF-16"] = re.compile(re.escape(core.encode("utf-16-le")))
        found[f"{core} in hex"] = re.compile(raw.hex().encode(), re.IGNORECASE)
    return found


NEEDLES = needles()


def test_search_finds_every_form():
    for secret in (KEY, TEAM_KEY, PASSWORD, QUERY, BODY):
        shown = [secret, quote(secret, safe=""), json.dumps(json.dumps(secret)), repr(secret)]
        shown += [base64.b64encode(b"a" * n + secret.encode()).decode() for n in range(3)]
        shown += ["".join(f"\\u{ord(c):04X}" for c in secret), secret.encode().hex()]
        for form in shown:
            assert held_in(f"before {form} after".encode()), form
    assert not held_in(b"a text of nothing")


def held_in(content: bytes) -> list[str]:
    """Return which secrets are in some bytes, and in which form."""
    return [name for name, needle in NEEDLES.items() if needle.search(content)]


def contents(path: Path) -> Iterator[bytes]:
    """Yield the bytes of a file, and what is packed in it."""
    raw = path.read_bytes()
    yield raw
    for magic, unpack in ((b"\x1f\x8b", gzip), (b"BZh", bz2), (b"\xfd7zXZ", lzma)):
        if raw.startswith(magic):
            yield unpack.decompress(raw)
    if raw.startswith(b"PK\x03\x04"):
        with zipfile.ZipFile(path) as archive:
            yield from (archive.read(name) for name in archive.namelist())
    if path.suffix == ".parquet":
        yield str(pq.read_table(path).to_pylist()).encode()
    if path.name == "warehouse.duckdb":
        with duckdb.connect(str(path), read_only=True) as connection:
            tables = connection.execute("select schema_name, table_name from duckdb_tables()")
            for schema, table in tables.fetchall():
                rows = connection.execute(f'select * from "{schema}"."{table}"').fetchall()
                yield repr(rows).encode()


def leaks(folder: Path) -> dict[str, list[str]]:
    """Return the files below a folder in which a secret is, and in which form."""
    found = {}
    for path in sorted(folder.rglob("*")):
        if path.is_file() and path.name != "campaigns.yaml":
            held = sorted({name for content in contents(path) for name in held_in(content)})
            if held:
                found[str(path.relative_to(folder))] = held
    return found


def write_project(folder: Path, models: Path, address: str) -> Project:
    """Write a project whose requests carry a secret wherever one can be."""
    project = Project.make(folder, models=models)
    write_squares(folder, (document_text(n, n_pairs=2) for n in range(60)))
    settings = yaml.safe_load((folder / "campaigns.yaml").read_text())
    settings["corpus"] = {"source": "files", "paths": ["documents.jsonl"]}
    settings["extractor"] = {
        "backend": "openai",
        "base_urls": [f"http://{address}/v1?api-key={QUERY}"],
        "api_key_variable": "ECHOED_KEY",
        "headers": {"X-Team-Key": "${ECHOED_TEAM}"},
        "extra_body": {"team": {"pass": "${ECHOED_BODY}"}},
        "model": MODEL,
        "max_tries": 1,
        "max_reply_tokens": 300,
        "quality": {"min_grounding": 0.0, "same_language": False},
    }
    settings["targets"] = {"squares": {"reference": "reference.jsonl", "test": "test.jsonl"}}
    size = {"documents_per_pull": 5, "arms_per_round": 4, "budget_documents": 40}
    settings["campaigns"] = {"drawn": {"target": "squares", "strategy": "random", **size}}
    settings["automation"] = {"webhook_variable": "ECHOED_HOOK"}
    (folder / "campaigns.yaml").write_text(yaml.safe_dump(settings, sort_keys=False))
    return project


COMMANDS = (
    *(("check",), ("run", "--estimate"), ("run",), ("status",), ("retry", "drawn"), ("compare",)),
    *(("report", "drawn"), ("export", "drawn", "--format", "messages", "--out", "exported")),
)


@pytest.fixture(scope="module")
def played(tmp_path_factory, models) -> Iterator[tuple[Project, str, EchoingServer, EchoingServer]]:
    """A project after every command, with a server that echoes and with one that refuses."""
    folder = tmp_path_factory.mktemp("secrets")
    said = []
    with ExitStack() as stack:
        environment = stack.enter_context(pytest.MonkeyPatch.context())
        environment.setenv("ECHOED_KEY", KEY)
        environment.setenv("ECHOED_TEAM", TEAM_KEY)
        environment.setenv("ECHOED_BODY", BODY)
        environment.setenv("ECHOED_HOOK", f"http://127.0.0.1:9/services/{HOOK}")
        environment.setenv("OPENAI_LOG", "debug")
        server = stack.enter_context(echoing(*WAYS))
        project = write_project(folder / "project", models, server.address)
        for command in COMMANDS:
            done = project.equal(*command)
            said.append(f"$ equal {' '.join(command)}\n{done.stdout}{done.stderr}")
        refusing = stack.enter_context(echoing("401"))
        unlisting = stack.enter_context(echoing("unlisted"))
        leading = stack.enter_context(echoing("elsewhere"))
        gone = "127.0.0.1:9"
        for address in (refusing.address, unlisting.address, leading.address, gone):
            project.edit(
                extractor={"base_urls": [f"http://user:{PASSWORD}@{address}/v1?key={QUERY}"]}
            )
            for command in (("check",), ("run", "--restart", "drawn")):
                done = project.equal(*command)
                said.append(f"$ equal {' '.join(command)}\n{done.stdout}{done.stderr}")
        (folder / "said.txt").write_text("\n".join(said))
        yield project, "\n".join(said), server, leading


def test_server_was_sent_the_secrets(played):
    server = played[2]
    for secret in (KEY, TEAM_KEY, BODY, QUERY):
        assert secret in server.sent[0]
    assert server.n_requests > len(WAYS)
    assert any("redirected=1" in sent for sent in server.sent)


def test_secrets_are_sent_to_no_other_host(played):
    assert "is given no key" in played[1]
    assert not any("elsewhere" in sent for sent in played[3].sent)


def test_no_file_holds_a_secret(played):
    assert leaks(played[0].folder) == {}


def test_no_command_prints_a_secret(played):
    assert held_in(played[1].encode()) == []
