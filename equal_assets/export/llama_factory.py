"""``dataset_info.json``: tells LLaMA-Factory which field of an exported file holds what."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from equal_assets.export.formats import file_name
from equal_assets.settings import ExportFormat

DESCRIPTIONS: dict[ExportFormat, dict[str, Any]] = {
    "messages": {
        "formatting": "sharegpt",
        "columns": {"messages": "messages"},
        "tags": {
            "role_tag": "role",
            "content_tag": "content",
            "user_tag": "user",
            "assistant_tag": "assistant",
            "system_tag": "system",
        },
    },
    "sharegpt": {
        "formatting": "sharegpt",
        "columns": {"messages": "conversations"},
        "tags": {
            "role_tag": "from",
            "content_tag": "value",
            "user_tag": "human",
            "assistant_tag": "gpt",
            "system_tag": "system",
        },
    },
    "alpaca": {
        "formatting": "alpaca",
        "columns": {"prompt": "instruction", "query": "input", "response": "output"},
    },
    "prompt-completion": {
        "formatting": "alpaca",
        "columns": {"prompt": "prompt", "response": "completion"},
    },
    "parquet": {
        "formatting": "alpaca",
        "columns": {"prompt": "question", "response": "answer"},
    },
}


def dataset_info(
    campaign: str, formats: Iterable[ExportFormat], splits: Sequence[str]
) -> dict[str, Any]:
    """Return the content of ``dataset_info.json``: one data set per format and split.

    Parameters
    ----------
    campaign : str
    formats : iterable of str
    splits : sequence of str

    Returns
    -------
    dict
        By the name that LLaMA-Factory's ``dataset`` and ``eval_dataset`` take:
        ``<campaign>_<format>_<split>``.

    References
    ----------
    LLaMA-Factory, ``data/README.md``.
    """
    return {
        f"{campaign}_{form}_{split}": {"file_name": file_name(form, split), **DESCRIPTIONS[form]}
        for form in formats
        for split in splits
    }
