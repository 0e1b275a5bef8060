"""The front matter of a data set card, which the Hugging Face hub and ``datasets`` read."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections import Counter
from collections.abc import Sequence
from typing import Any

import yaml

from equal_assets.algorithms.language import language
from equal_assets.export.contents import Contents
from equal_assets.export.formats import RECORDS, file_name
from equal_assets.records import QAPair
from equal_assets.settings import ExportFormat

HUB_LICENSES = frozenset(
    re.findall(
        r"\S+",
        """
        apache-2.0 mit bsd bsd-2-clause bsd-3-clause bsd-3-clause-clear isc zlib unlicense wtfpl
        bsl-1.0 cc cc0-1.0 cc-by-2.0 cc-by-2.5 cc-by-3.0 cc-by-4.0 cc-by-sa-3.0 cc-by-sa-4.0
        cc-by-nc-2.0 cc-by-nc-3.0 cc-by-nc-4.0 cc-by-nd-4.0 cc-by-nc-nd-3.0 cc-by-nc-nd-4.0
        cc-by-nc-sa-2.0 cc-by-nc-sa-3.0 cc-by-nc-sa-4.0 cdla-sharing-1.0 cdla-permissive-1.0
        cdla-permissive-2.0 gpl gpl-2.0 gpl-3.0 lgpl lgpl-2.1 lgpl-3.0 agpl-3.0 mpl-2.0 epl-1.0
        epl-2.0 eupl-1.1 eupl-1.2 artistic-2.0 ecl-2.0 afl-3.0 gfdl lppl-1.3c ms-pl ncsa odbl
        odc-by ofl-1.1 osl-3.0 pddl postgresql
        """,
    )
)
"""License identifiers that the hub knows."""

SIZES = tuple(10**power for power in range(3, 10))
SIZE_NAMES = (
    "n<1K",
    "1K<n<10K",
    "10K<n<100K",
    "100K<n<1M",
    "1M<n<10M",
    "10M<n<100M",
    "100M<n<1B",
    "1B<n<10B",
)
"""The hub's names for sizes below, between and above :data:`SIZES`."""

LANGUAGE_SAMPLE = 300
"""Examples whose language is identified, spread over the data set."""

LANGUAGE_SHARE = 0.1
"""A language is named if at least this share of the identified examples is in it."""


def front_matter(contents: Contents, formats: Sequence[ExportFormat], splits: Sequence[str]) -> str:
    """Return the YAML block at the head of the card.

    Parameters
    ----------
    contents : Contents
    formats : sequence of str
        ``load_dataset`` loads the first unless told another.
    splits : sequence of str
    """
    fields: dict[str, Any] = {"pretty_name": f"{contents.campaign} (equal-assets)"}
    if languages := _languages(contents):
        fields["language"] = languages
    fields |= {
        "license": hub_licenses(contents.sources["license"].to_list()),
        "size_categories": [SIZE_NAMES[bisect_right(SIZES, len(contents.examples))]],
        "task_categories": ["text-generation", "question-answering"],
        "tags": [
            "instruction-tuning",
            "data-selection",
            "equal-assets",
            *(["synthetic"] if "model" in contents.settings["extractor"] else []),
        ],
        "configs": [
            {
                "config_name": form,
                **({"default": True} if form == formats[0] else {}),
                "data_files": [
                    {"split": split, "path": file_name(form, split)} for split in splits
                ],
            }
            for form in configured(formats)
        ],
    }
    return f"---\n{yaml.safe_dump(fields, sort_keys=False, allow_unicode=True)}---\n"


def configured(formats: Sequence[ExportFormat]) -> list[ExportFormat]:
    """Return the formats that ``load_dataset`` finds by name: those with the first one's file type.

    ``datasets`` reads all configurations of a folder or repository with the reader of the first
    (its issue 7101); files of the other type are loaded by file name.
    """
    return [form for form in formats if (form in RECORDS) == (formats[0] in RECORDS)]


def hub_licenses(stated: Sequence[str | None]) -> list[str]:
    """Return the hub's identifiers of licenses as sources state them.

    ``other`` is a license that the hub does not know, ``unknown`` a source that states none.

    >>> hub_licenses(["MIT License", "Apache-2.0", "PSF-2.0", None])
    ['apache-2.0', 'mit', 'other', 'unknown']
    """
    return sorted({_hub_license(text) for text in stated})


def _hub_license(stated: str | None) -> str:
    if not stated or not stated.strip():
        return "unknown"
    plain = re.sub(r"\s+license$", "", stated.strip().lower())
    identifier = re.sub(r"\s+", "-", plain)
    return identifier if identifier in HUB_LICENSES else "other"


def _languages(contents: Contents) -> list[str]:
    """Return ISO 639 codes of the languages of the examples, most frequent first."""
    sample = contents.examples.gather_every(-(-len(contents.examples) // LANGUAGE_SAMPLE))
    pairs = (QAPair(*row) for row in sample.select("question", "answer").iter_rows())
    found = Counter(code for pair in pairs if (code := language(pair.text)))
    n_known = sum(found.values())
    named = [code for code, count in found.items() if count >= LANGUAGE_SHARE * n_known]
    return sorted(named, key=lambda code: (-found[code], code))
