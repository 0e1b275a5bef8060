"""The JSON schema of campaigns.yaml, by which editors complete keys and mark mistakes."""

from __future__ import annotations

import json
from typing import Any

from equal_assets.settings import Settings

SCHEMA_FILE = "campaigns.schema.json"

BY_PRESET = ("HubDatasetSettings", "TargetSettings")
"""Sections whose required keys a preset fills."""


def campaigns_schema() -> str:
    """Return the schema as JSON text: what the models say, in a form that fits the file.

    In the file a key that tells variants apart may be left out where it has a default, presets fill
    required keys, and no student is a word; the schema that pydantic writes knows none of that.
    """
    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "campaigns.yaml",
        **{key: value for key, value in Settings.model_json_schema().items() if key != "title"},
    }
    for name in BY_PRESET:
        section = schema["$defs"][name]
        required = [key for key in section.pop("required") if key != "source"]
        section["anyOf"] = [{"required": ["preset"]}, {"required": required}]
    schema["properties"]["campaigns"]["additionalProperties"] = False  # than by the pattern
    for section in (schema, *schema["$defs"].values()):
        for given in section["properties"].values():
            _unite(given)
    schema["properties"]["student"]["anyOf"].append({"const": "none"})
    return json.dumps(schema, indent=1, ensure_ascii=False) + "\n"


def _unite(given: dict[str, Any]) -> None:
    """Let more than one variant fit: {} is a structural extractor, and a replaying one."""
    if "oneOf" in given:
        given["anyOf"] = given.pop("oneOf")
        given.pop("discriminator")
