"""Pushing, by the real library to a server that stands in for the hub; the hub was never asked."""

import os
import subprocess
import sys
import threading

import pytest

from equal_assets_tests.export.hub_server import TOKEN, hub

PUSH = """\
import sys
from pathlib import Path
from equal_assets.errors import ExportError
from equal_assets.export.hub import push
folder, repository, is_public, *files = sys.argv[1:]
try:
    print(push(Path(folder), files, repository, is_public=is_public == "public"))
except ExportError as error:
    sys.exit(f"ExportError: {error}")
"""
FILES = {"README.md": b"# rivers\n", "messages/train.jsonl": b"{}\n" * 3, "a.parquet": b"PAR1\x00"}


@pytest.fixture
def server():
    with hub() as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def folder(tmp_path):
    """A folder with the files of an export and one more."""
    for name, content in {**FILES, "private.txt": b"not for the hub"}.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(content)
    return tmp_path


def push(folder, *, endpoint, token=TOKEN, repository="me/rivers", visibility="private"):
    environment = {k: v for k, v in os.environ.items() if not k.startswith("HF_")}
    environment |= {"HF_ENDPOINT": endpoint, "HF_HOME": str(folder / ".home")}
    return subprocess.run(
        [sys.executable, "-c", PUSH, str(folder), repository, visibility, *FILES],
        env={**environment, **({"HF_TOKEN": token} if token else {})},
        capture_output=True,
        text=True,
        timeout=60,
    )


def address(server) -> str:
    return "http://{}:{}".format(*server.server_address)


@pytest.mark.parametrize("visibility", ["private", pytest.param("public", marks=pytest.mark.slow)])
def test_files_of_the_export_and_no_others_are_committed(visibility, server, folder):
    done = push(folder, endpoint=address(server), visibility=visibility)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == f"{address(server)}/datasets/me/rivers/commit/{'0' * 40}"
    stored = server.RequestHandlerClass
    assert stored.files == FILES
    assert stored.repositories["me/rivers"]["type"] == "dataset"
    assert stored.repositories["me/rivers"]["visibility"] == visibility


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"token": None}, "Put a token with write access into HF_TOKEN"),
        pytest.param({"token": "hf_wrong"}, "401", marks=pytest.mark.slow),
        pytest.param({"repository": "a b/c"}, "--push a b/c: ", marks=pytest.mark.slow),
        pytest.param(
            {"endpoint": "http://127.0.0.1:9"}, "Connection refused", marks=pytest.mark.slow
        ),
    ],
    ids=["no token", "wrong token", "no name", "no hub"],
)
def test_refusal_says_what_is_wrong(change, message, server, folder):
    done = push(folder, **{"endpoint": address(server), **change})
    assert done.returncode == 1
    assert done.stderr.startswith("ExportError: --push ")
    assert message in done.stderr
    assert server.RequestHandlerClass.files == {}
