"""How many parameters a model in a folder has, if its files say so exactly."""

from __future__ import annotations

import json
import math
from pathlib import Path

WEIGHTS = "model.safetensors"

PLAIN_TYPES = {"F64", "F32", "F16", "BF16"}
"""Types whose elements are parameters; quantized weights are packed, or scaled by others."""


def dense_parameters(folder: Path) -> int | None:
    """Return the parameters of a dense model, read from the headers of its safetensors files.

    Parameters
    ----------
    folder : Path
        Holds ``config.json`` and ``model.safetensors``, or the index of several such files.

    Returns
    -------
    int or None
        None if the files do not say exactly what a token passes through: there are none, the
        weights are quantized, or the model is a mixture of experts.
    """
    config = folder / "config.json"
    if not config.is_file() or "expert" in config.read_text(encoding="utf-8"):
        return None
    tensors = [tensor for file in _weight_files(folder) for tensor in _header(file)]
    if not tensors or any(tensor["dtype"] not in PLAIN_TYPES for tensor in tensors):
        return None
    return sum(math.prod(tensor["shape"]) for tensor in tensors)


def _weight_files(folder: Path) -> list[Path]:
    """Return the files of the model itself: a folder may also hold its weights in other forms."""
    index = folder / f"{WEIGHTS}.index.json"
    if index.is_file():
        placed = json.loads(index.read_text(encoding="utf-8"))["weight_map"]
        files = [folder / name for name in sorted(set(placed.values()))]
        return files if all(file.is_file() for file in files) else []
    return [folder / WEIGHTS] if (folder / WEIGHTS).is_file() else []


def _header(file: Path) -> list[dict]:
    """Return type and shape of each tensor: 8 bytes of length, then JSON."""
    with file.open("rb") as stream:
        header = json.loads(stream.read(int.from_bytes(stream.read(8), "little")))
    return [tensor for name, tensor in header.items() if name != "__metadata__"]
