"""Memory of a student: counted activations, and the peaks that follow from them."""

from dataclasses import replace

import pytest
import torch

from equal_assets.planning.memory import (
    cpu_scoring_gib,
    cpu_training_gib,
    gpu_scoring_gib,
    gpu_training_gib,
)
from equal_assets.planning.model_sizes import model_size
from equal_assets.planning.requirements import requirements
from equal_assets.records import CHARACTERS_PER_TOKEN
from equal_assets.resources.llm.gguf import read_head
from equal_assets.resources.students.activations import (
    COUNTED_TOKENS,
    Activations,
    _kept,
    count_activations,
)
from equal_assets.resources.students.causal_lm import load
from equal_assets.resources.students.trainers import TrainingRecipe, with_adapters
from equal_assets.settings import HuggingFaceStudentSettings, LlamaCppSettings
from equal_assets_tests import tiny_gguf
from equal_assets_tests.micro_student import TEXTS
from equal_assets_tests.tiny_llm import make

FULL = TrainingRecipe(
    epochs=1,
    learning_rate=1e-4,
    batch_size=64,
    per_device_batch_size=8,
    context_tokens=2048,
    seed=0,
    checkpoint_steps=None,
)
LORA = replace(FULL, lora_rank=16, lora_alpha=32, lora_dropout=0.05)
GEMMA = Activations(
    n_parameters=271_895_168,
    n_tuned=3_796_992,
    n_layers=18,
    vocabulary=262_144,
    kept_bytes=946_712_576 / 512,
    hidden_bytes=2_560.0,
)
"""Gemma 3 270M with adapters, in float32."""

GEMMA_BFLOAT16 = replace(GEMMA, kept_bytes=775_794_688 / 512, hidden_bytes=1_280.0)
QWEN_BFLOAT16 = Activations(
    n_parameters=1_795_552_768,
    n_tuned=18_464_768,
    n_layers=28,
    vocabulary=151_936,
    kept_bytes=3_220_324_352 / 512,
    hidden_bytes=3_072.0,
)
"""Qwen2.5-Coder-1.5B."""


@pytest.fixture(scope="module")
def llm(tmp_path_factory):
    folder = tmp_path_factory.mktemp("memory") / "llm"
    return make(folder, hidden_size=256, vocabulary=512, texts=TEXTS)


@pytest.mark.parametrize("recipe", [FULL, LORA], ids=["full", "lora"])
def test_counted_activations_are_those_of_the_real_model(llm, recipe):
    counted = count_activations(llm, recipe, bfloat16=False)
    model = load(llm)[0]
    model = with_adapters(model, recipe) if recipe.lora_rank else model
    _, kept = _kept(model.train(), torch.ones(1, COUNTED_TOKENS, dtype=torch.long))
    # the real pass sees that nothing is padded, and attends without a mask
    assert kept < counted.kept_bytes * COUNTED_TOKENS < 1.2 * kept
    assert counted.n_parameters == sum(p.numel() for p in model.parameters())
    assert counted.n_tuned == sum(p.numel() for p in model.parameters() if p.requires_grad)
    assert (counted.hidden_bytes, counted.n_layers) == (256 * 4, 2)
    assert count_activations(llm, recipe, bfloat16=True).kept_bytes < counted.kept_bytes


@pytest.mark.parametrize(
    ("kept", "precision", "file_bytes", "training", "scoring"),
    [
        (GEMMA, "float32", 536_223_056, 3.37, 2.16),
        (GEMMA_BFLOAT16, "bfloat16", 536_223_056, 3.13, 1.68),
        (QWEN_BFLOAT16, "bfloat16", 3_554_214_752, 8.87, 4.11),
    ],
    ids=["Gemma float32", "Gemma bfloat16", "Qwen bfloat16"],
)
def test_peaks_are_within_a_fifth_of_those_measured(kept, precision, file_bytes, training, scoring):
    """Measured on a CPU with sequences of 512 tokens, and 64 pairs of gsm8k."""
    recipe = replace(LORA, mixed_precision=precision == "bfloat16")
    estimated = cpu_training_gib(kept, recipe, file_bytes=file_bytes, n_tokens=512)
    assert estimated == pytest.approx(training, rel=0.2)
    estimated = cpu_scoring_gib(kept, recipe, file_bytes=file_bytes)
    assert estimated == pytest.approx(scoring, rel=0.2)


def test_what_saves_memory_is_seen():
    def training(recipe, n_tokens=2048):
        return cpu_training_gib(GEMMA, recipe, file_bytes=0, n_tokens=n_tokens)

    saving = replace(LORA, gradient_checkpointing=True)
    assert training(saving) < training(LORA, n_tokens=512) < training(LORA)
    assert training(LORA, n_tokens=100) <= training(LORA, n_tokens=512)
    assert gpu_training_gib(GEMMA, saving) < gpu_training_gib(GEMMA, LORA)
    assert gpu_scoring_gib(GEMMA, LORA) < cpu_scoring_gib(GEMMA, LORA, file_bytes=0)
    everything = replace(GEMMA, n_parameters=268_098_176, n_tuned=268_098_176)
    full = cpu_training_gib(everything, FULL, file_bytes=0, n_tokens=512)
    assert full > training(LORA, n_tokens=512) + 2.5


def test_requirements_tell_the_memory_of_a_student_that_is_there(llm, campaigns):
    student = HuggingFaceStudentSettings(kind="huggingface", model=str(llm))
    settings = campaigns.load().model_copy(update={"student": student})
    told = "\n".join(requirements(settings, n_read=0, n_characters=0))
    assert "GiB with 512 tokens" in told or torch.cuda.is_available()
    assert "GPU memory of the student: " in told
    assert "to train on 8 pairs of 2,048 tokens at once" in told


def test_requirements_tell_what_a_student_has_to_read_before_round_1(llm, campaigns):
    student = HuggingFaceStudentSettings(kind="huggingface", model=str(llm), context_tokens=512)
    settings = campaigns.load()
    campaign = next(iter(settings.campaigns.values()))
    named = {
        strategy: campaign.model_copy(update={"strategy": strategy})
        for strategy in ("rds", "influence", "perplexity-mab", "random")
    }
    settings = settings.model_copy(update={"student": student, "campaigns": named})
    n_parameters = model_size(str(llm)).parameters

    def told(characters):
        lines = requirements(settings, n_read=50, n_characters=50 * characters)
        return [line for line in lines if line.startswith("operations of the student")]

    of_influence, of_rds = told(100 * CHARACTERS_PER_TOKEN)
    assert f"for influence: about {6 * n_parameters * 5000:.1e}, to read 50 doc" in of_influence
    assert f"for rds: about {2 * n_parameters * 5000:.1e}, to read 50 doc" in of_rds
    assert f"{2 * n_parameters * 50 * 256:.1e}" in told(9_000 * CHARACTERS_PER_TOKEN)[1]


def test_requirements_tell_the_memory_of_a_server_of_llama_cpp(tmp_path, campaigns):
    model = tiny_gguf.make(tmp_path)
    extractor = LlamaCppSettings(
        backend="llama-cpp", model=str(model), concurrency=64, context_tokens=100_000
    )
    settings = campaigns.load().model_copy(update={"extractor": extractor})
    told = "\n".join(requirements(settings, n_read=0, n_characters=0))
    context = 64 * 100_000 * read_head(model).cached_values * 2 / 2**30
    assert f"memory of the extractor on this CPU: at most {1 + context:.1f} GiB: 0.0 of" in told
    assert f"{context:.1f} to work on 64 requests of 100,000 tokens at once" in told


def test_missing_file_of_llama_cpp_has_no_memory(tmp_path, campaigns):
    extractor = LlamaCppSettings(backend="llama-cpp", model=str(tmp_path / "none.gguf"))
    settings = campaigns.load().model_copy(update={"extractor": extractor})
    assert "of the extractor" not in "\n".join(requirements(settings, n_read=0, n_characters=0))
