import os

import pytest
import yaml

from equal_assets.errors import SettingsError
from equal_assets.settings import LlamaCppSettings, VLLMSettings, load_settings
from equal_assets.settings.contents import RECORD, content_digest
from equal_assets_tests.conftest import TINY


@pytest.fixture
def state(tmp_path, monkeypatch):
    monkeypatch.setenv("EQUAL_HOME", str(tmp_path / "state"))
    return tmp_path / "state"


def written(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def llama(path):
    return LlamaCppSettings(backend="llama-cpp", model=str(path)).identity()["model"]


def vllm(path):
    return VLLMSettings(backend="vllm", model=str(path)).identity()["model"]


def test_file_counts_by_its_name_and_content_wherever_it_lies(tmp_path, state):
    first = llama(written(tmp_path / "a" / "m.gguf", "weights"))
    assert first.startswith("m.gguf sha256:")
    assert llama(written(tmp_path / "b" / "m.gguf", "weights")) == first
    assert llama(written(tmp_path / "c" / "m.gguf", "others!")) != first


def test_file_that_changed_is_read_again_and_one_that_did_not_is_not(tmp_path, state):
    file = written(tmp_path / "m.gguf", "weights")
    first = content_digest(file)
    seen = file.stat().st_mtime_ns
    file.write_text("WEIGHTS")
    os.utime(file, ns=(seen, seen))  # what tells a change is size and time, as in the record
    assert content_digest(file) == first
    os.utime(file, ns=(seen + 1, seen + 1))
    assert content_digest(file) != first
    assert str(file) in (state / RECORD).read_text()


def test_model_that_is_gone_keeps_its_digest_and_one_that_never_was_is_told(tmp_path, state):
    file = written(tmp_path / "m.gguf", "weights")
    before = llama(file)
    file.unlink()
    assert llama(file) == before
    with pytest.raises(SettingsError, match=r"extractor.model = .*n.gguf: must be a file .*put it"):
        llama(tmp_path / "n.gguf")


def test_record_that_is_broken_is_written_anew(tmp_path, state):
    written(state / RECORD, "no JSON")
    file = written(tmp_path / "m.gguf", "weights")
    assert content_digest(file)
    assert str(file) in (state / RECORD).read_text()


def test_folder_counts_by_its_files_and_not_by_what_explains_them(tmp_path, state):
    folder = tmp_path / "a" / "model"
    written(folder / "config.json", "{}")
    written(folder / "model.safetensors", "weights")
    first = vllm(folder)
    assert first.startswith("model sha256:")
    folder.rename(tmp_path / "model")
    folder = tmp_path / "model"
    written(folder / "README.md", "what it is")
    written(folder / ".cache" / "x", "of a download")
    assert vllm(folder) == first
    written(folder / "tokenizer.json", "{}")
    assert vllm(folder) != first
    assert vllm("Qwen/Qwen2.5-7B-Instruct") == "Qwen/Qwen2.5-7B-Instruct"


@pytest.mark.parametrize("backend", ["vllm", "llama-cpp"])
def test_model_is_relative_to_the_campaigns_file(tmp_path, state, monkeypatch, backend):
    given = yaml.safe_load(TINY.read_text())
    (tmp_path / "models" / "m").mkdir(parents=True)
    given["extractor"] = {"backend": backend, "model": "models/m"}
    given["targets"]["python-libraries"] = {
        split: str(TINY.parents[2] / "equal_assets" / "demo" / f"{split}.jsonl")
        for split in ("reference", "test")
    }
    (tmp_path / "campaigns.yaml").write_text(yaml.safe_dump(given))
    monkeypatch.chdir("/")
    settings = load_settings(tmp_path / "campaigns.yaml")
    assert settings.extractor.model == str(tmp_path / "models" / "m")
