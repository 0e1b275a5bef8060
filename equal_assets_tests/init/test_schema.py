"""The JSON schema accepts what `equal check` accepts, and marks what it does not."""

import json
import re
from pathlib import Path

import pytest
import yaml

from equal_assets.init.schema import SCHEMA_FILE, campaigns_schema
from equal_assets.settings import Settings
from equal_assets_tests.project import REPOSITORY

SCHEMA = json.loads(campaigns_schema())
FILES = [
    REPOSITORY / "campaigns.yaml",
    REPOSITORY / "equal_assets/demo/campaigns.yaml",
    REPOSITORY / "equal_assets_tests/tiny/campaigns.yaml",
    *sorted((REPOSITORY / "examples").glob("*.yaml")),
]
KINDS = {
    "object": dict,
    "array": list,
    "string": str,
    "boolean": bool,
    "null": type(None),
    "integer": int,
    "number": (int, float),
}
BOUNDS = {
    "minimum": lambda value, bound: value >= bound,
    "maximum": lambda value, bound: value <= bound,
    "exclusiveMinimum": lambda value, bound: value > bound,
    "exclusiveMaximum": lambda value, bound: value < bound,
    "minLength": lambda value, bound: len(value) >= bound,
    "minItems": lambda value, bound: len(value) >= bound,
    "minProperties": lambda value, bound: len(value) >= bound,
    "multipleOf": lambda value, step: value % step == 0,
    "pattern": lambda value, pattern: re.search(pattern, value) is not None,
    "const": lambda value, allowed: value == allowed,
    "enum": lambda value, allowed: value in allowed,
}
SAID = {"type", "title", "description", "default", "$defs", "$schema"}


def mistakes(value, schema, at="") -> list[str]:
    """Return where a value breaks a schema; a keyword that is not known here is an error."""
    kind = schema.get("type")
    is_odd = isinstance(value, bool) and kind != "boolean"  # which Python takes for a number
    if kind and (is_odd or not isinstance(value, KINDS[kind])):
        return [f"{at}: no {kind}"]
    found = []
    for keyword, rule in schema.items():
        match keyword:
            case "$ref":
                found += mistakes(value, SCHEMA["$defs"][rule.rpartition("/")[2]], at)
            case "anyOf":
                tried = [mistakes(value, option, at) for option in rule]
                found += min(tried, key=len) if all(tried) else []
            case "required":
                found += [f"{at}.{key}: missing" for key in rule if key not in value]
            case "properties":
                for key in value.keys() & rule.keys():
                    found += mistakes(value[key], rule[key], f"{at}.{key}")
            case "patternProperties":
                ((pattern, of_entry),) = rule.items()
                for key in value.keys() & {key for key in value if re.search(pattern, key)}:
                    found += mistakes(value[key], of_entry, f"{at}.{key}")
            case "additionalProperties":
                patterns = schema.get("patternProperties", ())
                matched = {key for key in value for p in patterns if re.search(p, key)}
                for key in value.keys() - schema.get("properties", {}).keys() - matched:
                    if isinstance(rule, dict):
                        found += mistakes(value[key], rule, f"{at}.{key}")
                    elif not rule:
                        found.append(f"{at}.{key}: unknown")
            case "items":
                for index, item in enumerate(value):
                    found += mistakes(item, rule, f"{at}.{index}")
            case _ if keyword in BOUNDS:
                found += [] if BOUNDS[keyword](value, rule) else [f"{at}: {keyword} {rule}"]
            case _:
                assert keyword in SAID, keyword
    return found


def read(path: Path):
    return yaml.safe_load(path.read_text(encoding="utf-8"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_schema_accepts_campaign_files(path):
    assert mistakes(read(path), SCHEMA) == []


@pytest.mark.parametrize(
    ("section", "values", "told"),
    [
        ("corpus", {"sauce": "files"}, ".corpus.sauce: unknown"),
        ("corpus", {"source": "web"}, ".corpus: "),
        ("warmup", {"shares": 0.1}, ".warmup.shares: unknown"),
        ("warmup", {"share": 2}, ".warmup.share: maximum 1"),
        ("embedder", {"model": 3}, ".embedder.model: no string"),
        ("extractor", {"backend": "structural", "model": "m"}, ".extractor.model: unknown"),
    ],
)
def test_schema_marks_what_is_wrong(section, values, told):
    given = read(REPOSITORY / "campaigns.yaml")
    given[section] = {**given.get(section, {}), **values}
    if told == ".corpus: ":
        assert any("const" in text for text in mistakes(given, SCHEMA))
    else:
        assert told in mistakes(given, SCHEMA)


def test_unknown_section_missing_section_and_wrong_key_of_a_campaign_are_marked():
    given = read(REPOSITORY / "campaigns.yaml")
    assert ".campaign: unknown" in mistakes({**given, "campaign": {}}, SCHEMA)
    assert ".targets: missing" in mistakes(
        {k: v for k, v in given.items() if k != "targets"}, SCHEMA
    )
    given["campaigns"] |= {"equal": {**given["campaigns"]["equal"], "budget": 3}, "My own": {}}
    assert {".campaigns.equal.budget: unknown", ".campaigns.My own: unknown"} <= set(
        mistakes(given, SCHEMA)
    )


def test_a_preset_fills_what_is_required():
    given = read(REPOSITORY / "campaigns.yaml")
    given["targets"]["paper"] = {"preset": "gsm8k"}
    given["corpus"] = {"source": "hub", "preset": "knowledge-pile"}
    assert mistakes(given, SCHEMA) == []
    given["targets"]["paper"] = {"reference": "a.jsonl"}
    assert mistakes(given, SCHEMA) != []


def test_no_student_is_a_word_or_a_kind():
    given = read(REPOSITORY / "campaigns.yaml")
    for student in ("none", {"kind": "none"}):
        assert mistakes({**given, "student": student}, SCHEMA) == []
    assert mistakes({**given, "student": "some"}, SCHEMA) != []


def test_every_section_is_described():
    assert SCHEMA["properties"].keys() == Settings.model_fields.keys()
    for name, section in SCHEMA["$defs"].items():
        for key, said in section["properties"].items():
            is_told = said.keys() & {"description", "$ref", "const", "anyOf"}
            assert is_told, f"{name}.{key}"


def test_schema_in_docs_is_current():
    stored = (REPOSITORY / "docs" / "campaigns.schema.json").read_text(encoding="utf-8")
    assert stored == campaigns_schema()


@pytest.mark.parametrize("path", [p for p in FILES if "tiny" not in p.parts], ids=str)
def test_first_line_points_editors_to_a_schema(path):
    first = path.read_text(encoding="utf-8").splitlines()[0]
    named = re.fullmatch(r"# yaml-language-server: \$schema=(\S+)", first)
    assert named
    # `equal init --demo` writes the schema beside the demo's file
    assert (path.parent / named[1]).is_file() or named[1] == SCHEMA_FILE
