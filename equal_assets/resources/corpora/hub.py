"""Data sets of the Hugging Face hub, or saved by its library."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from equal_assets.errors import CorpusError
from equal_assets.records import RejectedRow
from equal_assets.resources.corpora.candidates import Candidate, excerpt
from equal_assets.resources.corpora.mapping import (
    column_of,
    map_fields,
    mapped_fields,
    require_fields,
)
from equal_assets.resources.corpora.places import base_folder
from equal_assets.settings import HubDatasetSettings


def read_hub(corpus: HubDatasetSettings) -> Iterator[Candidate | RejectedRow]:
    """Yield the rows of a data set; a break raises a :class:`CorpusError`."""
    base = base_folder()
    local = base / corpus.dataset
    name = local.name if local.exists() else corpus.dataset
    file = "/".join(part for part in (name, corpus.subset, corpus.split) if part)
    rows = _open_hub_dataset(corpus, local)
    if rows.column_names is not None:
        fields = mapped_fields(corpus)
        columns = list(dict.fromkeys(column_of(name, rows.column_names) for name in fields))
        require_fields(file, columns, rows.column_names)
        rows = rows.select_columns(columns)
    row = 0
    try:
        for row, values in enumerate(rows, start=1):
            yield map_fields((row, values), corpus, source=name, file=file)
    except Exception as error:  # `datasets` lets through whatever its many backends raise
        raise CorpusError(
            f"corpus.dataset = {corpus.dataset}: broke off after row {row} of split "
            f"{corpus.split}: {_first_line(error)}"
        ) from error


def _open_hub_dataset(corpus: HubDatasetSettings, local: Path) -> Any:
    """Open a data set saved on disk, a folder of data files, or a data set of the hub."""
    try:
        import datasets

        if (local / "dataset_dict.json").is_file():
            return datasets.load_from_disk(str(local))[corpus.split]
        if (local / "state.json").is_file():
            return datasets.load_from_disk(str(local))
        place = str(local) if local.exists() else corpus.dataset
        return datasets.load_dataset(place, name=corpus.subset, split=corpus.split, streaming=True)
    except Exception as error:  # `datasets` lets through whatever its many backends raise
        raise CorpusError(
            f"corpus.dataset = {corpus.dataset}: cannot be loaded (subset {corpus.subset}, split "
            f"{corpus.split}): {_first_line(error)}. A data set of the hub needs a network; "
            "without one, name a folder of data files or a saved data set"
        ) from error


def _first_line(error: Exception) -> str:
    return f"{type(error).__name__}: {excerpt(str(error).partition(chr(10))[0])}"
