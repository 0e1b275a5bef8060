"""The tuned embedder on a warehouse with a warm-up sample of a few words."""

import dagster as dg
import numpy as np
import polars as pl
import pytest
import yaml

from equal_assets.assets.warmup import contrastive_embedder
from equal_assets.pages.values import text
from equal_assets.resources.campaigns_file import CampaignsFile
from equal_assets.resources.embedding.embedder import build_embedder
from equal_assets.versions import stored_versions
from equal_assets_tests.conftest import TINY
from equal_assets_tests.stored_documents import document_rows

TOPICS = ["river", "bread", "music", "iron", "glass", "cloud", "horse", "paper"]
MEASURES = ("recall_at_1", "recall_at_10", "qa_spread")


@pytest.fixture
def with_sample(warehouse):
    """Forty documents with a QA pair each, on the same topic."""
    rng = np.random.default_rng(0)
    numbers = range(40)
    words = [" ".join(rng.choice(["time", "year", "people", "day"], size=4)) for _ in numbers]
    documents = [f"The {TOPICS[n % 8]} {words[n]} {n}" for n in numbers]
    texts = document_rows([f"d{n:02}" for n in numbers], [str(n) for n in numbers], documents)
    pairs = pl.DataFrame(
        {
            "qa_id": [f"q{n:02}" for n in numbers],
            "document_id": [f"d{n:02}" for n in numbers],
            "question": [f"What is {TOPICS[n % 8]}?" for n in numbers],
            "answer": [f"{n} of {TOPICS[n % 8]}" for n in numbers],
        }
    )
    with warehouse.transaction() as transaction:
        transaction.insert("documents", texts)
        transaction.insert("warmup_qa", pairs)
        for asset in ("documents", "warmup_qa"):
            transaction.record(asset, inputs=asset, seconds=1.0)
    return warehouse


def campaigns_with(tmp_path, **warmup):
    settings = yaml.safe_load(TINY.read_text())
    for split, path in settings["targets"]["python-libraries"].items():
        settings["targets"]["python-libraries"][split] = str((TINY.parent / path).resolve())
    settings["warmup"] = warmup
    path = tmp_path / "campaigns.yaml"
    path.write_text(yaml.safe_dump(settings))
    return CampaignsFile(path=str(path), state_folder=str(tmp_path))


def tune(warehouse, campaigns, models):
    return contrastive_embedder(
        context=dg.build_asset_context(),
        warehouse=warehouse,
        campaigns=campaigns,
        embedder=build_embedder(campaigns.load().embedder, models),
    )


def stored(warehouse):
    with warehouse.get_connection() as connection:
        return pl.DataFrame(connection.sql("from contrastive_embedder")).row(0, named=True)


@pytest.mark.parametrize("method", ["head", "full"])
def test_tuned_embedder_is_stored_with_what_it_brought(with_sample, tmp_path, models, method):
    campaigns = campaigns_with(tmp_path, method=method, epochs=2, learning_rate=0.001)
    materialized = tune(with_sample, campaigns, models)
    row = stored(with_sample)
    assert (row["method"], row["n_train_pairs"], row["n_held_out_pairs"]) == (method, 32, 8)
    assert row["loss_first"] > 0
    shown = materialized.metadata["before and after tuning"].value
    for measure in MEASURES:
        for when in ("before", "after"):
            assert 0 <= row[f"{measure}_{when}"] <= 1
            assert text(row[f"{measure}_{when}"]) in shown
    version = stored_versions(with_sample)["contrastive_embedder", ""][1]
    assert version == row["embedder_version"] == materialized.data_version.value


def test_without_tuning_before_is_after_and_there_is_no_loss(with_sample, tmp_path, models):
    tune(with_sample, campaigns_with(tmp_path, method="none"), models)
    row = stored(with_sample)
    assert (row["method"], row["loss_first"], row["loss_last"]) == ("none", None, None)
    for measure in MEASURES:
        assert row[f"{measure}_before"] == row[f"{measure}_after"]


def test_one_held_out_pair_has_no_spread(with_sample, tmp_path, models):
    tune(with_sample, campaigns_with(tmp_path, held_out=0.01), models)
    row = stored(with_sample)
    assert (row["n_held_out_pairs"], row["recall_at_1_after"]) == (1, 1.0)
    assert (row["qa_spread_before"], row["qa_spread_after"]) == (None, None)
