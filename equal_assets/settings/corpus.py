"""Section `corpus`: where the documents come from."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationInfo, field_validator, model_validator

from equal_assets.settings.paths import Roots, expand_path, root_of
from equal_assets.settings.section import SettingsSection, base_folder


class TextPolicySettings(SettingsSection):
    """Which texts a corpus accepts; lengths in characters."""

    min_characters: int = Field(200, ge=1, description="shorter texts are rejected")
    max_characters: int = Field(100_000, ge=100, description="longer texts are too long")
    too_long: Literal["keep", "reject"] = Field(
        "keep", description="keep: read it all; reject: set it aside with a reason"
    )
    chunk_characters: int | None = Field(
        4000,
        ge=200,
        description="a longer text is a page, which is cut: its chunks are the documents that are "
        "chosen, paid for and counted, also by budget_documents; null: a document is a text, "
        "however long",
    )
    max_documents: int | None = Field(
        None,
        ge=1,
        description="cap, chunks counted; a uniform sample by content hash, the same on every run",
    )

    @field_validator("max_documents")
    @classmethod
    def _remember_cap(cls, cap: int | None, info: ValidationInfo) -> int | None:
        if info.context is not None:
            info.context["max_documents"] = cap  # campaigns are validated after the corpus
        return cap


class InstalledPackagesSettings(TextPolicySettings):
    """The docstrings of the installed Python packages; nothing is imported."""

    source: Literal["installed-packages"]
    chunk_characters: int | None = Field(
        None, ge=200, description="a longer docstring is cut; null: none, as its parts explain it"
    )
    packages: list[str] | None = Field(
        None, min_length=1, description="import names; null: every package and the standard library"
    )


class FieldMappingSettings(TextPolicySettings):
    """Which field of a row holds what."""

    text_field: str = Field(
        "text", description="holds the document, or a chat; `a.b` is the field b of the object a"
    )
    id_field: str | None = Field(
        None,
        description="null: the id is made from the text; one that another text has is made unique",
    )
    url_field: str | None = Field(None, description="holds its address")
    license_field: str | None = Field(None, description="kept with each of its pairs")
    license: str | None = Field(None, description="for rows whose own field states none")
    metadata_fields: list[str] = Field([], description="kept beside the text")
    qa_field: str | None = Field(
        None, description="list of {question, answer} that came with a row; for `replay`"
    )


class FilesSettings(FieldMappingSettings):
    """JSONL, JSON, Parquet, CSV, and folders of .txt, .md and converted files.

    Converted are PDF, HTML, DOCX, EPUB and others (docs/sources.md), with the extra ``files``; text
    may be packed (.gz, .bz2, .xz, .zst).
    """

    source: Literal["files"]
    paths: list[str] = Field(
        min_length=1, description="files, folders or globs, relative to campaigns.yaml"
    )
    outside_links: bool = Field(
        False,
        description="whether links in the folders are followed that lead out of them: also what "
        "lies elsewhere is read then",
    )
    encoding: str | None = Field(
        None,
        description="of text, such as cp1252; null: UTF-8, or UTF-16 and UTF-32 by their mark",
    )
    split: Literal["auto", "headings", "none"] = Field(
        "auto",
        description="headings: a document is a section; none: it is a file, or a chunk of one; "
        "auto: headings for PDF, HTML and other converted files, none for .md",
    )
    section_characters: int = Field(
        4000,
        ge=200,
        description="longer sections are cut at paragraphs, neighbors under one heading are joined "
        "up to this length, or up to chunk_characters, if that is less",
    )
    file_seconds: float = Field(
        300.0, gt=0, description="time limit to convert a file, such as a PDF"
    )
    file_memory_mb: int = Field(2048, ge=256, description="memory limit for it")

    @field_validator("paths")
    @classmethod
    def _exist(cls, paths: list[str], info: ValidationInfo) -> list[str]:
        base = base_folder(info)
        roots = {path: [root_of(str(base / path))] for path in paths}
        missing = [path for path in paths if not any(expand_path(path, base, roots=roots[path]))]
        if missing:
            raise ValueError(f"no file matches {', '.join(missing)} (looked in {base})")
        return [str(base / path) for path in paths]

    @property
    def roots(self) -> Roots:
        """The folders that links in them may lead to; None: anywhere."""
        return None if self.outside_links else tuple(map(root_of, self.paths))

    @field_validator("encoding")
    @classmethod
    def _is_known(cls, encoding: str | None) -> str | None:
        try:
            "x".encode(encoding or "utf-8")
        except LookupError:
            raise ValueError(
                "must be an encoding that Python knows, such as cp1252 or gb18030"
            ) from None
        return encoding


HUB_PRESETS: dict[str, dict[str, Any]] = {
    "auto-math-text": {
        "dataset": "math-ai/AutoMathText",
        "subset": "web-0.50-to-1.00",  # web pages that Qwen-72B scores 0.5 and above
        "split": "train",
        "text_field": "text",
        "url_field": "url",
        "license": "CC BY-SA 4.0",
    },
    "knowledge-pile": {
        "dataset": "Query-of-CC/Knowledge_Pile",
        "split": "train",
        "text_field": "content",
        "license": "Apache-2.0",
    },
}
"""Corpora of the paper (arXiv:2505.12250, section 4.1), by ``preset``."""


class HubDatasetSettings(FieldMappingSettings):
    """A data set of the Hugging Face hub, or one saved on disk."""

    source: Literal["hub"]
    preset: Literal["auto-math-text", "knowledge-pile"] | None = Field(
        None, description="fills dataset, subset, split, fields and license; keys win"
    )
    dataset: str = Field(min_length=1, description="hub id or local path")
    subset: str | None = Field(None, description="configuration of the data set")
    split: str = Field("train", description="of the data set")

    @model_validator(mode="before")
    @classmethod
    def _fill_from_preset(cls, given: Any) -> Any:
        if not isinstance(given, dict):
            return given
        return {**HUB_PRESETS.get(str(given.get("preset")), {}), **given}


class StackExchangeSettings(TextPolicySettings):
    """A Stack Exchange dump: each question with its best answers (extra ``files``)."""

    source: Literal["stack-exchange"]
    path: str = Field(description="Posts.xml, or the .7z that holds it, relative to campaigns.yaml")
    site: str | None = Field(
        None,
        pattern=r"^[a-z0-9-]+(\.[a-z0-9-]+)+$",
        description="such as stackoverflow.com, for ids and links; null: by the archive's name",
    )
    min_score: int = Field(
        1, description="of questions and answers; accepted answers count with any score"
    )
    tags: list[str] = Field([], description="questions with any of them; empty: all")
    max_answers: int = Field(3, ge=1, description="per question: the accepted one, then by score")

    @field_validator("path")
    @classmethod
    def _is_a_dump(cls, path: str, info: ValidationInfo) -> str:
        file = base_folder(info) / path
        if file.suffix.lower() not in (".xml", ".7z"):
            raise ValueError("must be a dump, a file .xml or .7z")
        return str(file)  # `equal check` tells whether it exists: it may be downloaded later

    @model_validator(mode="before")
    @classmethod
    def _site_by_name(cls, given: Any) -> Any:
        if not isinstance(given, dict) or given.get("site"):
            return given
        named = SITE.match(Path(str(given.get("path", ""))).name)
        return {**given, "site": named[1]} if named else given


SITE = re.compile(r"([a-z0-9-]+(?:\.[a-z0-9-]+)+?)(?:-Posts)?\.7z$")
"""How archives are named: stackoverflow.com-Posts.7z, math.stackexchange.com.7z."""

CorpusSettings = Annotated[
    InstalledPackagesSettings | FilesSettings | HubDatasetSettings | StackExchangeSettings,
    Field(discriminator="source"),
]
