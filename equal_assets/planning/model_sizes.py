"""How large a model is, known before any of it is downloaded."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path

from equal_assets.resources.students.model_parameters import dense_parameters


@dataclass(frozen=True)
class ModelSize:
    """Parameters of a model, what a token takes in the cache of keys and values, and the basis.

    Attributes
    ----------
    parameters : float
    cached_values : int or None
        Numbers that the cache holds for a token: 2 x layers x key-value heads x their width.
    basis : str
        How this is known.
    """

    parameters: float
    cached_values: int | None
    basis: str


PUBLISHED = {
    "Qwen/Qwen2.5-72B-Instruct": ModelSize(72.7e9, 2 * 80 * 8 * 128, "as published"),
    "Qwen/Qwen2.5-7B": ModelSize(7.62e9, 2 * 28 * 4 * 128, "as published"),
    "meta-llama/Llama-3.1-8B": ModelSize(8.03e9, 2 * 32 * 8 * 128, "as published"),
    "mistralai/Mistral-7B-v0.3": ModelSize(7.25e9, 2 * 32 * 8 * 128, "as published"),
    "BAAI/bge-base-en-v1.5": ModelSize(0.109e9, None, "as published"),
}
"""Models of the paper (arXiv:2505.12250, section 4.1), by hub id."""


def model_size(model: str) -> ModelSize | None:
    """Return the size of a model by its files, by what is published, or by its name.

    Returns
    -------
    ModelSize or None
        None if it is not known.

    >>> model_size("org/Thing-1.5B-Chat")
    ModelSize(parameters=1500000000.0, cached_values=None, basis='by its name')
    """
    folder = Path(model)
    if folder.is_dir() and (parameters := dense_parameters(folder)):
        return ModelSize(parameters, _cached_values(folder), "by its files")
    if model in PUBLISHED:
        return PUBLISHED[model]
    named = re.search(r"(?<![\w.])(\d+(?:\.\d+)?)B(?![a-z])", model, re.IGNORECASE)
    return ModelSize(1e9 * float(named[1]), None, "by its name") if named else None


def _cached_values(folder: Path) -> int | None:
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    layers, heads = config.get("num_hidden_layers"), config.get("num_attention_heads")
    width = config.get("head_dim") or config.get("hidden_size", 0) // (heads or 1)
    key_value_heads = config.get("num_key_value_heads") or heads
    return 2 * layers * key_value_heads * width if layers and heads and width else None
