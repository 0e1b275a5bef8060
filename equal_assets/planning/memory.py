"""What memory a student takes, on a CPU and on a GPU: weights, optimizer, activations, logits."""

from __future__ import annotations

from equal_assets.resources.students.activations import Activations
from equal_assets.resources.students.causal_lm import SCORING_PART_TOKENS
from equal_assets.resources.students.head import SLICE_LOGITS
from equal_assets.resources.students.trainers import CPU_BATCH_TOKENS, TrainingRecipe

GIB = 2**30

PROCESS_GIB = 0.55
"""Python and the libraries of a step that trains or scores, measured."""

CONTEXT_GIB = 0.6
"""What a process takes of a GPU before it does anything."""

TOKENIZER_BYTES = 1_100
"""Of each token of the vocabulary, measured with vocabularies of 152 and 262 thousand."""

ALIVE_WITHOUT_GRADIENT = 0.3
"""Share of what a layer keeps for the way back that it needs at once without one, measured."""

ALLOCATED = 1.1
"""What is held of the system for each byte that is in use, measured."""

GPU_TILE_LOGITS = 4096 * 32_768
"""Logits that TRL's loss computes at once on a GPU."""


def cpu_scoring_gib(kept: Activations, recipe: TrainingRecipe, *, file_bytes: int) -> float:
    """Return the peak of the memory while answers are scored on a CPU.

    Parameters
    ----------
    kept : Activations
        In the precision of the recipe.
    recipe : TrainingRecipe
    file_bytes : int
        Of the weights' files, which count while they are converted.
    """
    weights = (2.0 if recipe.mixed_precision else 4.0) * _untuned(kept, recipe)
    used = ALLOCATED * (_without_gradient(kept) + 2 * _logit_bytes(recipe) * SLICE_LOGITS)
    return _process_gib(kept) + (weights + max(_converted(file_bytes, weights), used)) / GIB


def cpu_training_gib(
    kept: Activations, recipe: TrainingRecipe, *, file_bytes: int, n_tokens: int
) -> float:
    """Return the peak of the memory while a CPU trains on sequences of a length.

    Parameters are as for :func:`cpu_scoring_gib`; as many sequences are taken at once as fit.
    """
    at_once = max(n_tokens, CPU_BATCH_TOKENS // n_tokens * n_tokens)
    logits = 4 * _logit_bytes(recipe) * min(SLICE_LOGITS, at_once * kept.vocabulary)
    used = ALLOCATED * (_with_gradient(kept, recipe, at_once) + logits)
    is_bfloat16 = recipe.mixed_precision and recipe.lora_rank
    loaded = (2.0 if is_bfloat16 else 4.0) * _untuned(kept, recipe)
    held = max(loaded + _converted(file_bytes, loaded), _weights(kept, recipe) + used)
    return _process_gib(kept) + held / GIB


def gpu_training_gib(kept: Activations, recipe: TrainingRecipe) -> float:
    """Return the peak of each GPU while batches of the longest sequences are trained on."""
    n_tokens = recipe.per_device_batch_size * recipe.context_tokens
    logits = 4.0 * min(GPU_TILE_LOGITS, n_tokens * kept.vocabulary)
    used = _weights(kept, recipe) + _with_gradient(kept, recipe, n_tokens) + logits
    return CONTEXT_GIB + ALLOCATED * used / GIB


def gpu_scoring_gib(kept: Activations, recipe: TrainingRecipe) -> float:
    """Return the peak of the first GPU while answers are scored."""
    used = 2.0 * _untuned(kept, recipe) + _without_gradient(kept) + 12.0 * SLICE_LOGITS
    return CONTEXT_GIB + ALLOCATED * used / GIB


def _process_gib(kept: Activations) -> float:
    return PROCESS_GIB + TOKENIZER_BYTES * kept.vocabulary / GIB


def _converted(file_bytes: int, weights: float) -> float:
    """Return the bytes of files that lie beside the weights: none where these are as they are."""
    return 0.0 if abs(file_bytes - weights) < 0.05 * weights else float(file_bytes)


def _untuned(kept: Activations, recipe: TrainingRecipe) -> int:
    """Return the parameters without adapters."""
    return kept.n_parameters - (kept.n_tuned if recipe.lora_rank else 0)


def _logit_bytes(recipe: TrainingRecipe) -> float:
    """Return the bytes of a logit and of each number that its loss is made of, on average."""
    return 4.0 if recipe.mixed_precision else 3.0


def _weights(kept: Activations, recipe: TrainingRecipe) -> float:
    """Return the bytes of weights, their gradients and the moments of the optimizer."""
    bfloat16 = 2.0 * _untuned(kept, recipe) if recipe.mixed_precision else 0.0
    if not recipe.lora_rank:
        return 16.0 * kept.n_tuned + bfloat16  # copies for the arithmetic
    return 16.0 * kept.n_tuned + (bfloat16 or 4.0 * _untuned(kept, recipe))


def _with_gradient(kept: Activations, recipe: TrainingRecipe, n_tokens: int) -> float:
    """Return the bytes of activations that wait for the way back."""
    if recipe.gradient_checkpointing:
        return n_tokens * (kept.n_layers * kept.hidden_bytes + kept.layer_bytes)
    return n_tokens * kept.kept_bytes


def _without_gradient(kept: Activations) -> float:
    """Return the bytes of activations while answers are scored."""
    return ALIVE_WITHOUT_GRADIENT * kept.layer_bytes * SCORING_PART_TOKENS
