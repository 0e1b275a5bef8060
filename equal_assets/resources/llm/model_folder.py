"""Whether vLLM can extract with a model: what a folder must hold, found before an engine starts."""

from __future__ import annotations

import json
from pathlib import Path

from equal_assets.errors import ModelError
from equal_assets.settings import HUB_ID, VLLMSettings

WEIGHTS = ("*.safetensors", "*.bin", "*.pt", "*.pth", "*.gguf")
TOKENIZERS = ("tokenizer.json", "tokenizer.model", "tekken.json", "vocab.json", "*.tiktoken")
TEMPLATES = ("chat_template.jinja", "chat_template.json", "tekken.json")
"""Files that hold a chat template; tokenizer_config.json may as well."""


def check_model(settings: VLLMSettings) -> None:
    """Raise ModelError if there is no such model, or it is known to be none for chats.

    A hub id that is in the cache is looked at as a folder is; another one is not downloaded.
    """
    folder = Path(settings.model)
    tokenizer = settings.engine.get("tokenizer")
    if folder.is_dir():
        if tokenizer is None or Path(tokenizer).is_dir():
            check_folder(folder, tokenizer=Path(tokenizer) if tokenizer else None)
    elif not HUB_ID.fullmatch(settings.model):
        raise ModelError(
            f"extractor.model = {folder}: must be a folder with config.json, weights and "
            "tokenizer, or a hub id; there is no such folder: name one, relative to campaigns.yaml"
        )
    elif tokenizer is None and (cached := in_cache(settings.model)):
        check_template(cached)


def in_cache(model: str) -> Path | None:
    """Return the folder in the cache of the hub that has a model's tokenizer, if there is one."""
    from huggingface_hub import try_to_load_from_cache

    found = try_to_load_from_cache(model, "tokenizer_config.json")
    return Path(found).parent if isinstance(found, str) else None


def check_folder(folder: Path, *, tokenizer: Path | None = None) -> None:
    """Raise ModelError if vLLM cannot load a folder, or it cannot be chatted with.

    Parameters
    ----------
    folder : Path
    tokenizer : Path, optional
        A folder of its own with the tokenizer, from ``extractor.engine``.
    """
    config = _config(folder)
    if not config.get("architectures") and not config.get("model_type"):
        raise _wrong(folder, "its config.json names no architectures; take the folder of a model")
    if not _any(folder, WEIGHTS):
        raise _wrong(folder, f"there are no weights in it ({', '.join(WEIGHTS)}); get them as well")
    where = tokenizer or folder
    if not _any(where, TOKENIZERS):
        raise _wrong(
            where, f"there is no tokenizer in it ({', '.join(TOKENIZERS)}); get it as well"
        )
    check_template(where)


def check_template(folder: Path) -> None:
    """Raise ModelError if a tokenizer has no chat template."""
    settings = folder / "tokenizer_config.json"
    if _any(folder, TEMPLATES) or (settings.is_file() and _json(settings).get("chat_template")):
        return
    raise _wrong(folder, no_template())


def no_template() -> str:
    """Return what is wrong with a model that has no chat template, and what to do."""
    return (
        "it has no chat template, as base models have none; take the model's variant for chats "
        "(Instruct, Chat, it), or put its chat_template.jinja there"
    )


def _config(folder: Path) -> dict[str, object]:
    file = folder / "config.json"
    if not file.is_file():
        raise _wrong(folder, "there is no config.json in it; name the folder that holds it")
    return _json(file)


def _json(file: Path) -> dict[str, object]:
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise _wrong(file.parent, f"{file.name} cannot be read ({error}); get it again") from error
    if not isinstance(found, dict):
        raise _wrong(file.parent, f"{file.name} is no JSON object; get it again")
    return found


def _any(folder: Path, patterns: tuple[str, ...]) -> bool:
    return any(True for pattern in patterns for _ in folder.glob(pattern))


def _wrong(folder: Path, why: str) -> ModelError:
    return ModelError(f"extractor.model = {folder}: must be a model that vLLM loads; {why}")
