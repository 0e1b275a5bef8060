"""The data set card tells what the warehouse holds, and its front matter what the hub reads."""

from dataclasses import replace

import polars as pl
import pytest
import yaml

from equal_assets.export.card_metadata import front_matter, hub_licenses
from equal_assets.export.contents import read_contents
from equal_assets.export.data_card import data_card, relevant_settings
from equal_assets.export.manifest import ManifestSplit
from equal_assets.graph import ASSETS, ancestors

SPLITS = {"train": ManifestSplit(5, 3), "validation": ManifestSplit(4, 2)}


@pytest.fixture(scope="module")
def contents(unchanged):
    return read_contents(unchanged.settings, unchanged.warehouse, "rivers")


@pytest.fixture(scope="module")
def card_of(unchanged):
    """A function that writes the card of contents."""
    given = yaml.safe_load(unchanged.campaigns_file.read_text(encoding="utf-8"))

    def card_of(contents, *, formats=("messages", "parquet"), campaigns_file=given):
        return data_card(
            contents,
            formats=formats,
            splits=SPLITS,
            validation=0.4,
            campaigns_file=campaigns_file,
        )

    return card_of


def section(card, heading) -> str:
    return card.split(f"\n## {heading}\n")[1].split("\n## ")[0]


def written_by(contents, model):
    extractor = {"backend": "vllm", "model": model}
    return replace(contents, settings={**contents.settings, "extractor": extractor})


def test_front_matter_is_what_the_hub_reads(contents, card_of, tmp_path):
    from huggingface_hub import DatasetCard

    (tmp_path / "README.md").write_text(card_of(contents), encoding="utf-8")
    data = DatasetCard.load(tmp_path / "README.md").data
    assert data.license == ["mit", "other", "unknown"]
    assert data.language == ["en", "de"]
    assert data.size_categories == ["n<1K"]
    assert data.configs == [
        {
            "config_name": "messages",
            "default": True,
            "data_files": [
                {"split": "train", "path": "messages/train.jsonl"},
                {"split": "validation", "path": "messages/validation.jsonl"},
            ],
        }
    ]
    assert "synthetic" not in data.tags  # no model wrote these pairs
    assert "synthetic" in front_matter(written_by(contents, "m"), ("messages",), ("train",))


@pytest.mark.parametrize(
    ("n_examples", "category"),
    [(999, "n<1K"), (1000, "1K<n<10K"), (9_999, "1K<n<10K"), (10_000, "10K<n<100K")],
)
def test_size_is_the_category_of_the_hub(n_examples, category, contents):
    many = contents.examples.head(1).select(pl.all().repeat_by(n_examples).explode())
    text = front_matter(replace(contents, examples=many), ("messages",), ("train",))
    assert yaml.safe_load(text.split("---\n")[1])["size_categories"] == [category]


@pytest.mark.parametrize(
    ("stated", "known"),
    [
        ("MIT License", "mit"),
        ("Apache 2.0", "apache-2.0"),
        ("CC-BY-SA-4.0", "cc-by-sa-4.0"),
        ("BSD-3-Clause AND MIT", "other"),
        ("PSF-2.0", "other"),
        (None, "unknown"),
        (" ", "unknown"),
    ],
)
def test_license_is_named_as_the_hub_knows_it(stated, known):
    assert hub_licenses([stated]) == [known]


def test_sources_stand_with_their_licenses_and_unknown_ones_are_called_unknown(contents, card_of):
    told = section(card_of(contents), "Sources and licenses")
    assert "| MIT | 1 | 2 | 4 |" in told
    assert "| unknown: the corpus states none | 2 | 2 | 3 |" in told
    assert "| source of d4 | unknown: the corpus states none | 1 | 2 |" in told


def test_of_very_many_sources_the_largest_are_shown(contents, card_of):
    names = [f"file {number}" for number in range(250)]
    many = pl.DataFrame({"source": names, "license": "MIT", "documents": 1, "examples": 2})
    told = section(card_of(replace(contents, sources=many)), "Sources and licenses")
    assert told.count("| file ") == 100
    assert "150 more sources are listed in `manifest.json`" in told
    assert "| MIT | 250 | 250 | 500 |" in told


def test_what_was_spent_stands_beside_the_budget(contents, card_of):
    told = section(card_of(contents), "What it took")
    assert "| documents used | 8 | 8 |" in told
    assert "| LLM tokens used | 300 | – |" in told
    assert "| LLM tokens paid | 200 | – |" in told
    assert "| money used | 0.5 | – |" in told
    assert "12 pairs were extracted" in told


def test_reward_curve_is_a_table_and_a_picture(contents, card_of):
    told = section(card_of(contents), "Reward curve")
    assert "![Reward curve](reward_curve.png)" in told
    assert "| 1 | 4 | 6 | -0.5 | -0.5 | 0.5 |" in told
    assert "| 2 | 8 | 12 | -0.375 | -0.375 | 0.25 |" in told


def test_removed_pairs_are_counted_by_reason(contents, card_of):
    told = section(card_of(contents), "Removed pairs")
    assert "| repeated pair | 2 |\n| overlaps a test question | 1 |" in told
    none = replace(contents, removed=contents.removed.clear())
    assert section(card_of(none), "Removed pairs").strip() == "None."


def test_student_stands_before_and_after_with_intervals(contents, card_of):
    told = section(card_of(contents), "What it does to a student")
    assert "| PMI accuracy | 0.250 [0.219, 0.281] | 0.500 [0.438, 0.562] | 168 |" in told
    assert "| perplexity of true answers | 90.0 [78.8, 101.2] | 30.0 [26.2, 33.8] | 168 |" in told


def test_student_of_an_earlier_data_set_is_not_told(stored, card_of):
    with stored.warehouse.transaction() as transaction:
        transaction.record(
            "fine_tuned_student", partition="rivers", inputs="older", version="older", seconds=1
        )
    contents = read_contents(stored.settings, stored.warehouse, "rivers")
    assert "No student was tuned on this data set yet" in card_of(contents)
    assert "fine_tuned_student" not in contents.assets


def test_model_that_wrote_the_pairs_is_named(contents, card_of):
    assert "no model wrote them" in card_of(contents)
    assert "written by `Qwen/Qwen2.5-72B-Instruct`" in card_of(
        written_by(contents, "Qwen/Qwen2.5-72B-Instruct")
    )


def test_settings_to_make_it_again_are_those_of_the_file_without_private_ones(contents, card_of):
    campaigns_file = {
        "extractor": {"backend": "openai", "base_urls": ["http://secret:8000"], "model": "m"},
        "tracking": {"uri": "http://secret:5000"},
        "targets": {"geography": {"reference": "reference.jsonl"}, "other": {}},
        "campaigns": {"rivers": {"target": "geography"}, "idle": {}},
    }
    expected = {
        "extractor": {"backend": "openai", "model": "m"},
        "targets": {"geography": {"reference": "reference.jsonl"}},
        "campaigns": {"rivers": {"target": "geography"}},
    }
    assert relevant_settings(contents, campaigns_file) == expected
    card = card_of(contents, campaigns_file=campaigns_file)
    assert "secret" not in card
    block = section(card, "How to make it again").split("```yaml\n")[1].split("```")[0]
    assert yaml.safe_load(block) == expected


def test_what_has_changed_since_is_named(stored, card_of):
    before = read_contents(stored.settings, stored.warehouse, "rivers")
    assert before.changed == ()
    (stored.folder / "pages.jsonl").write_text("{}\n{}\n", encoding="utf-8")
    after = read_contents(stored.settings, stored.warehouse, "rivers")
    assert after.changed == ("documents",)
    assert (
        "the inputs of these have changed: documents. The settings below are the current ones."
        in card_of(after)
    )


def test_campaign_that_goes_on_says_so(contents, card_of):
    assert "The campaign ended because its budget was spent" in card_of(contents)
    going_on = replace(contents, standing={**contents.standing, "ended_by": None})
    assert "The campaign has not ended: more rounds may follow" in card_of(going_on)


def test_data_set_is_made_from_all_before_it_in_the_graph():
    found = ancestors("qa_dataset")
    assert found[-1] == "qa_dataset"
    assert set(found) == set(ASSETS) & {
        *("documents", "target_qa", "warmup_qa", "contrastive_embedder", "document_embeddings"),
        *("document_yields", "clusters", "cluster_geometry", "bandit_round", "qa_dataset"),
    }


def test_questions_that_were_not_compared_by_meaning_are_told(contents, card_of):
    asked = contents.examples.with_columns(question=pl.lit("ทำไมท้องฟ้าเป็นสีฟ้า"))
    told = section(card_of(replace(contents, examples=asked)), "Languages")
    assert f"{len(asked)} of {len(asked)} questions are in a language" in told
    asked = contents.examples.with_columns(question=pl.lit("Why is the sky blue?"))
    assert "## Languages" not in card_of(replace(contents, examples=asked))
