"""The folder of an export: nothing half, nothing of others lost, whatever is killed when."""

import hashlib
import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from equal_assets.errors import ExportError
from equal_assets.export import folder as export_folder
from equal_assets.export.folder import STAGING, replaced_folder
from equal_assets.export.manifest import SCHEMA

OLD = {"README.md": "old", "a/train": "old a", "b/train": "b"}
NEW = {"README.md": "new", "a/train": "new a", "b/train": "b", "c/train": "c"}


def write(folder: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)


def manifest_of(files: dict[str, str]) -> str:
    digests = {
        name: {"sha256": hashlib.sha256(text.encode()).hexdigest()} for name, text in files.items()
    }
    return json.dumps({"schema": SCHEMA, "files": digests})


def export(out: Path, files: dict[str, str]) -> None:
    with replaced_folder(out) as staging:
        write(staging, {**files, "manifest.json": manifest_of(files)})


def export_that_fails(out: Path) -> None:
    with replaced_folder(out) as staging:
        write(staging, {"a": "half a li"})
        raise RuntimeError("no such example")


def visible(out: Path) -> dict[str, str]:
    found = {path.relative_to(out).as_posix(): path for path in out.rglob("*") if path.is_file()}
    return {name: path.read_text() for name, path in found.items() if name[0] != "."}


@pytest.fixture
def out(tmp_path) -> Path:
    """A folder that holds an export."""
    export(tmp_path / "out", OLD)
    return tmp_path / "out"


@pytest.mark.parametrize("files", [NEW, {"d/train": "d"}, OLD])
def test_export_takes_the_place_of_an_earlier_one(files, out):
    export(out, files)
    assert visible(out) == {**files, "manifest.json": manifest_of(files)}
    folders = {name.split("/")[0] for name in files if "/" in name}
    assert {path.name for path in out.iterdir() if path.is_dir()} == folders


def test_hidden_files_and_what_assets_publish_stay_untouched(out):
    published = {"qa_dataset.parquet": "PAR1", "qa_dataset.parquet.tmp": "PA"}
    others = {".git/HEAD": "ref", ".gitattributes": "*", **published}
    write(out, others)
    export(out, NEW)
    assert {name: (out / name).read_text() for name in others} == others


@pytest.mark.parametrize("name", ["notes.txt", "README.md", "a/train", "a/more", "manifest.json"])
def test_folder_with_files_of_others_is_refused_and_stays_as_it_is(name, tmp_path):
    write(tmp_path / "out", {name: "{}"})
    with pytest.raises(
        ExportError, match=rf"out holds files that no export wrote: {name}\. Name a new"
    ):
        export(tmp_path / "out", NEW)
    assert visible(tmp_path / "out") == {name: "{}"}


def test_of_many_files_of_others_the_first_are_named(tmp_path):
    write(tmp_path / "out", {f"{number}.txt": "" for number in range(7)})
    with pytest.raises(ExportError, match=r"wrote: 0.txt, 1.txt, 2.txt, 3.txt, 4.txt and 2 more\."):
        export(tmp_path / "out", NEW)


def test_file_that_was_edited_since_is_not_overwritten(out):
    write(out, {"README.md": "my own words"})
    before = visible(out)
    with pytest.raises(ExportError, match=r"were changed since they were exported: README.md\."):
        export(out, NEW)
    assert visible(out) == before


def test_file_that_was_deleted_since_is_written_again(out):
    (out / "a/train").unlink()
    export(out, OLD)
    assert visible(out) == {**OLD, "manifest.json": manifest_of(OLD)}


def test_link_to_another_folder_is_not_followed(tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "out/a").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(ExportError, match="holds files that no export wrote: a"):
        export(tmp_path / "out", NEW)


def test_out_that_is_a_file_is_refused(tmp_path):
    (tmp_path / "out").write_text("")
    with pytest.raises(ExportError, match="cannot be the folder of an export: File exists"):
        export(tmp_path / "out", NEW)


def test_folder_that_another_export_writes_is_refused(tmp_path):
    with replaced_folder(tmp_path / "out") as staging:
        with pytest.raises(ExportError, match=r"another export is writing .*out: wait for it"):
            export(tmp_path / "out", NEW)
        write(staging, {**OLD, "manifest.json": manifest_of(OLD)})
    assert visible(tmp_path / "out") == {**OLD, "manifest.json": manifest_of(OLD)}


def test_export_that_fails_leaves_the_earlier_one_and_nothing_else(out):
    before = visible(out)
    with pytest.raises(RuntimeError, match="no such example"):
        export_that_fails(out)
    assert visible(out) == before
    assert not (out / STAGING).exists()


@pytest.mark.parametrize("n_moved", range(len(NEW) + 1))
def test_killed_export_leaves_whole_files_and_the_next_one_mends_it(n_moved, out, monkeypatch):
    """What no block can catch stands for the signal, so no staging folder is removed."""

    class Killed(BaseException):
        pass

    moved = []

    def replace(source, target, *, move=export_folder.os.replace):
        if len(moved) == n_moved:
            raise Killed
        moved.append(target)
        move(source, target)

    with monkeypatch.context() as patched:
        patched.setattr(export_folder.os, "replace", replace)
        patched.setattr(export_folder.shutil, "rmtree", lambda *_, **__: None)
        with pytest.raises(Killed):
            export(out, NEW)
    left = visible(out)
    assert left.pop("manifest.json") == manifest_of(OLD)
    assert all(text in (OLD.get(name), NEW.get(name)) for name, text in left.items())
    export(out, NEW)
    assert visible(out) == {**NEW, "manifest.json": manifest_of(NEW)}
    assert not (out / STAGING).exists()


def test_export_that_is_killed_by_a_signal_is_mended_by_the_next_one(out):
    before = visible(out)
    script = (
        "import os, signal, sys\n"
        "from pathlib import Path\n"
        "from equal_assets.export.folder import replaced_folder\n"
        "with replaced_folder(Path(sys.argv[1])) as staging:\n"
        "    (staging / 'README.md').write_text('half a li')\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    killed = subprocess.run([sys.executable, "-c", script, str(out)], check=False)
    assert killed.returncode == -signal.SIGKILL
    assert visible(out) == before
    assert (out / STAGING / "README.md").exists()
    export(out, NEW)
    assert visible(out) == {**NEW, "manifest.json": manifest_of(NEW)}
    assert not (out / STAGING).exists()
