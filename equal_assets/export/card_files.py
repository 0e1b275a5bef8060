"""The section of a data set card on its files: formats, splits, how to load them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import get_args

from equal_assets.export.card_metadata import configured
from equal_assets.export.formats import file_name
from equal_assets.export.manifest import ManifestSplit
from equal_assets.pages.values import Markdown, markdown_table
from equal_assets.settings import ExportFormat, ExportKey

HOLDS: dict[ExportFormat, str] = {
    "messages": "`messages`: a list of `role` and `content`, first `user`, then `assistant`",
    "sharegpt": "`conversations`: a list of `from` and `value`, first `human`, then `gpt`",
    "alpaca": "`instruction`, `input` (empty), `output`",
    "prompt-completion": "`prompt` (`Question: ...` and `Answer:`) and `completion`, plain text",
    "parquet": "`question`, `answer`",
}

ORIGIN = tuple(key for key in get_args(ExportKey) if key != "qa_id")
"""Where an example comes from: what rows of Parquet also hold."""

ID = (
    "Every row has a `qa_id`, the same in every format: `equal trace QA_ID` shows where it comes "
    "from."
)
NO_ID = "Rows have no id: `qa_id` was left out."


def files_section(
    formats: Sequence[ExportFormat],
    splits: Mapping[str, ManifestSplit],
    *,
    validation: float,
    leave_out: Sequence[ExportKey] = (),
) -> str:
    """Return the section.

    Parameters
    ----------
    formats : sequence of str
    splits : mapping of str to Split
    validation : float
        Share of the examples that were to be set aside.
    leave_out : sequence of str
        Keys that were not written.
    """
    origin = ", ".join(f"`{key}`" for key in ORIGIN if key not in leave_out)
    holds = {
        **HOLDS,
        "parquet": HOLDS["parquet"] + (f", and where they come from: {origin}" if origin else ""),
    }
    named = {form: ", ".join(f"`{file_name(form, split)}`" for split in splits) for form in formats}
    files = [[form, Markdown(named[form]), Markdown(holds[form])] for form in formats]
    sizes = [[name, split.examples, split.documents] for name, split in splits.items()]
    return (
        f"## Files\n\n{markdown_table(['format', 'files', 'one row holds'], files)}\n"
        f"{NO_ID if 'qa_id' in leave_out else ID}\n\n"
        f"{markdown_table(['split', 'examples', 'documents'], sizes)}\n"
        f"{_rule(validation)}\n{_loading(formats)}\n"
        "`dataset_info.json` describes the files to LLaMA-Factory; `manifest.json` has digests, "
        "versions and settings.\n"
    )


def _rule(validation: float) -> str:
    if not validation:
        return "No example is set aside for validation.\n"
    return (
        f"For validation are {100 * validation:g}% of the examples, as nearly as whole documents "
        "allow, in the order of the SHA-256 of their ids: no document is on both sides.\n"
    )


def _loading(formats: Sequence[ExportFormat]) -> str:
    by_name = (
        "```python\nfrom datasets import load_dataset\n\n"
        f'load_dataset("FOLDER OR REPOSITORY", "{formats[0]}")\n```\n'
    )
    others = [f"`{form}`" for form in formats if form not in configured(formats)]
    if not others:
        return by_name
    return (
        f"{by_name}\nLoad {', '.join(others)} by file name: `datasets` reads only one kind of "
        "file from a folder.\n"
    )
