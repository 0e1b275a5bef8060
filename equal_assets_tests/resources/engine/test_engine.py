"""The engine in this process, and which one a campaigns file names."""

import sys

import pytest

from equal_assets.errors import ServiceError
from equal_assets.resources.engine.build import build_engine
from equal_assets.resources.engine.engine import LocalEngine
from equal_assets.settings import EngineSettings


def test_local_engine_takes_a_part_when_the_one_before_is_done(tmp_path):
    events = []

    def parts():
        for part in (1, 2):
            events.append(f"part {part}")
            yield part

    def double(part):
        events.append(f"done {part}")
        return 2 * part

    assert list(LocalEngine(place=str(tmp_path)).map(double, parts())) == [2, 4]
    assert events == ["part 1", "done 1", "part 2", "done 2"]


def test_storage_is_the_state_folder_by_default(tmp_path):
    assert build_engine(EngineSettings(), tmp_path).storage.folder == tmp_path
    named = build_engine(EngineSettings(storage="s3://bucket/a"), tmp_path)
    assert named.storage.below("vectors").place == "s3://bucket/a/vectors"
    assert named.storage.folder is None


def test_address_without_a_cluster_is_refused(tmp_path):
    with pytest.raises(ValueError, match="address = 'head:6379': only with kind: ray"):
        EngineSettings(kind="local", address="head:6379")


def test_ray_that_is_not_installed_is_told(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    engine = build_engine(EngineSettings(kind="ray"), tmp_path)
    with pytest.raises(ServiceError, match=r"engine.kind = 'ray': Ray is not installed; .*pip"):
        list(engine.map(abs, [1]))
