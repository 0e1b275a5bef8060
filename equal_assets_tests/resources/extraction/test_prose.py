"""A corpus of prose without an LLM is warned of."""

import json

import pytest

from equal_assets.planning.check import findings
from equal_assets.resources.extraction.extractors import build_extractor
from equal_assets.resources.extraction.prose import Yield, looked_yield, stored_yield
from equal_assets.settings import (
    FilesSettings,
    OpenAISettings,
    ReplaySettings,
    StructuralSettings,
    load_settings,
)
from equal_assets_tests.conftest import TINY

PROSE = "Rivers carry water from the mountains to the sea, and shape the valleys on their way. " * 4
ASKED = f"Q: Where do rivers go?\nA: They flow into the sea or a lake.\n\n{PROSE}"


def write(path, *, n_asked, n_prose, **field):
    texts = [ASKED] * n_asked + [PROSE] * n_prose
    rows = [{"text": f"{text} {number}", **field} for number, text in enumerate(texts)]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return FilesSettings(source="files", paths=[str(path)])


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (Yield(844, 5, 39), "0.6% of the documents gave pairs (39 pairs in 5 of 844)"),
        (Yield(60, 0, 0), "0% of the documents gave pairs (0 pairs in 0 of 60)"),
        (Yield(1, 0, 0), "0% of the documents"),
        (Yield(1_000_000, 40, 50), "0.004% of the documents"),
        (Yield(100, 5, 80), "5.0% of the documents"),
    ],
)
@pytest.mark.parametrize("extractor", [StructuralSettings(), ReplaySettings()])
def test_low_yield_says_share_and_how_to_name_an_llm(found, said, extractor):
    warning = found.warning(extractor)
    assert warning.startswith(said)
    assert "this corpus needs an LLM; set extractor.backend to openai" in warning
    assert "vllm" in warning
    assert "extractor.model" in warning
    assert "extraction.md" in warning


@pytest.mark.parametrize("found", [Yield(100, 6, 6), Yield(0, 0, 0), Yield(20, 20, 90)])
def test_enough_or_nothing_read_yet_is_no_reason_to_warn(found):
    assert found.warning(StructuralSettings()) is None


def test_an_llm_is_not_told_to_become_one():
    llm = OpenAISettings(backend="openai", base_urls=["http://x/v1"], model="m")
    assert Yield(844, 5, 39).warning(llm) is None


def test_sample_of_a_corpus_is_looked_at_as_the_extractor_would(tmp_path):
    corpus = write(tmp_path / "a.jsonl", n_asked=30, n_prose=10)
    extractor = build_extractor(StructuralSettings(), tmp_path)
    assert looked_yield(corpus, extractor) == Yield(40, 30, 30)
    replay = build_extractor(ReplaySettings(), tmp_path)
    assert looked_yield(corpus, replay) == Yield(40, 0, 0)


def test_nothing_stored_is_no_yield(warehouse, tmp_path):
    extractor = build_extractor(StructuralSettings(), tmp_path)
    assert stored_yield(warehouse, extractor) == Yield(0, 0, 0)


@pytest.fixture
def pairs_found(tmp_path, monkeypatch):
    """Return a function that gives what `equal check` says of the pairs of a corpus."""
    monkeypatch.setenv("EQUAL_HOME", str(tmp_path / "state"))

    def find(*, is_plan=False, extractor=None, **numbers):
        demo = TINY.parents[2] / "equal_assets" / "demo"
        write(tmp_path / "docs.jsonl", **numbers)
        settings = {
            "corpus": {"source": "files", "paths": ["docs.jsonl"]},
            "extractor": extractor or {"backend": "structural"},
            "targets": {"t": {s: str(demo / f"{s}.jsonl") for s in ("reference", "test")}},
            "campaigns": {"c": {"target": "t", "strategy": "random", "budget_documents": 5}},
        }
        (tmp_path / "campaigns.yaml").write_text(json.dumps(settings))
        loaded = load_settings(tmp_path / "campaigns.yaml")
        found = findings(loaded, is_plan=is_plan)
        return [(f.is_warning, f.text) for f in found if f.text.startswith("pairs")]

    return find


def test_check_warns_of_prose_before_anything_is_spent(pairs_found):
    ((is_warning, text),) = pairs_found(n_asked=0, n_prose=60)
    assert is_warning
    assert text.startswith("pairs: 0% of the documents gave pairs (0 pairs in 0 of 50)")


def test_check_counts_pairs_where_there_are_enough(pairs_found):
    assert pairs_found(n_asked=4, n_prose=6) == [
        (False, "pairs: 4 in 4 of 10 documents that were looked at")
    ]


def test_check_of_an_llm_or_of_a_plan_looks_at_no_pairs(pairs_found):
    llm = {"backend": "vllm", "model": "m"}
    assert pairs_found(n_asked=0, n_prose=9, extractor=llm) == []
    assert pairs_found(n_asked=0, n_prose=9, is_plan=True) == []
