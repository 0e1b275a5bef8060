"""Operations and tokens of the embedder, by hand."""

import numpy as np
import pytest
import torch
from sentence_transformers import SentenceTransformer

from equal_assets.progress import silent
from equal_assets.resources.embedding.embedder import (
    Embedder,
    _append_head,
    bundled_model,
    load_model,
    static_model,
)
from equal_assets.resources.embedding.flops import embedder_flops, metered
from equal_assets.settings import WarmUpSettings

LAYER = 4 * (384 * 384 + 384) + 2 * 384 * 1536 + 1536 + 384 + 2 * 2 * 384
"""Of MiniLM: attention, feed-forward, two layer norms, with their biases."""

MINILM = 6 * LAYER + (384 * 384 + 384) + 2 * 384
"""Six layers, the pooler, and the norm of the embeddings; not the embedding tables."""

PAIRS = (["the cat", "the dog", "a tree"], ["one river", "one stone", "one cloud"])
"""Texts whose words are one token each."""


@pytest.fixture(scope="module")
def static_path(models) -> str:
    return str(static_model(models, progress=silent))


@pytest.fixture
def embedder(models) -> Embedder:
    return Embedder(
        model="static-minilm",
        precision="float32",
        batch_size=2,
        chunk_overlap_tokens=50,
        models_folder=str(models),
    )


def words(n):
    return " ".join(["cat"] * n)


def test_transformer_takes_twice_its_parameters_outside_the_tables():
    found = embedder_flops(load_model(str(bundled_model())))
    assert (found.per_token, found.per_chunk) == (2 * MINILM, 0)


def test_static_model_takes_its_dimensions_and_its_head_once_a_text(static_path):
    model = SentenceTransformer(static_path, device="cpu")
    assert embedder_flops(model).per_token == 384
    assert embedder_flops(model).per_chunk == 0
    _append_head(model, np.eye(384, dtype=np.float32))
    assert embedder_flops(model).per_token == 384
    assert embedder_flops(model).per_chunk == 2 * 384 * 384


def test_tokens_of_a_static_model_are_counted_text_by_text(embedder, static_path):
    found = embedder.embed([words(3), words(900), words(1)], path=static_path, progress=silent)
    assert found.n_tokens.tolist() == [3, 900, 1]
    assert found.flops.tolist() == [3 * 384, 900 * 384, 384]


def test_tokens_that_chunks_share_and_special_ones_count(embedder):
    found = embedder.embed([words(10), words(500)], path=str(bundled_model()), progress=silent)
    # chunks of at most 250 with 50 shared: tokens 0-250, 200-450, 400-500, each between two more
    assert found.n_tokens.tolist() == [10 + 2, 250 + 250 + 100 + 3 * 2]
    assert found.flops.tolist() == [12 * 2 * MINILM, 606 * 2 * MINILM]


def test_training_counts_three_times_and_reading_once(static_path):
    model = SentenceTransformer(static_path, device="cpu")
    with metered(model) as meter:
        features = model.preprocess([words(5), words(2)])
        model.train()
        model(features)
        assert meter.flops == 3 * 7 * 384
        with torch.inference_mode():
            model.eval()
            model(features)
    assert meter.flops == 4 * 7 * 384
    model(model.preprocess([words(5)]))
    assert meter.flops == 4 * 7 * 384  # it ended with the block


def test_tuning_of_a_head_is_one_embedding_of_each_text_and_the_layer(
    embedder, static_path, tmp_path
):
    tuning = embedder.tune(
        *PAIRS,
        base=static_path,
        out=tmp_path / "tuned",
        settings=WarmUpSettings(method="head", epochs=4, batch_size=2),
        progress=silent,
    )
    assert tuning.flops == 6 * 2 * 384 + 6 * 384**2 * (4 * 6)


def test_full_tuning_counts_each_token_of_each_epoch(embedder, static_path, tmp_path):
    tuning = embedder.tune(
        *PAIRS,
        base=static_path,
        out=tmp_path / "tuned",
        settings=WarmUpSettings(method="full", epochs=2, batch_size=3, hard_negatives=0),
        progress=silent,
    )
    assert tuning.flops == 2 * 3 * (6 * 2) * 384


def test_model_as_it_is_took_nothing(embedder, static_path, tmp_path):
    tuning = embedder.tune(
        *PAIRS,
        base=static_path,
        out=tmp_path / "tuned",
        settings=WarmUpSettings(method="none"),
        progress=silent,
    )
    assert tuning.flops == 0.0
