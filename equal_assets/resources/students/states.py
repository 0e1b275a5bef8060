"""What a causal language model makes of a text: the mean of its last hidden states."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from equal_assets.progress import Progress
from equal_assets.resources.students.causal_lm import (
    answer_sequences,
    on_device,
    parts_by_length,
)

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerFast


def answer_states(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerFast,
    prompts: Sequence[str],
    answers: Sequence[str],
    *,
    context_tokens: int,
    progress: Progress,
) -> np.ndarray:
    """Return a vector for each answer after its prompt, of length 1.

    Parameters
    ----------
    model, tokenizer
        As loaded.
    prompts, answers : sequence of str
        As for :func:`equal_assets.resources.students.causal_lm.score_answers`, cut as there.
    context_tokens : int
        Longest sequence.
    progress : callable
        Called with answers done and in all.

    Returns
    -------
    ndarray of shape (n_answers, hidden size), float32

    Notes
    -----
    A token weighs as much as its place, counted from 1: later states have seen more of the text.

    References
    ----------
    arXiv:2503.01807 (RDS+), section 3.
    """
    sequences, _ = answer_sequences(tokenizer, prompts, answers, context_tokens=context_tokens)
    model = on_device(model)
    means = np.zeros((len(sequences), model.config.get_text_config().hidden_size), np.float32)
    done = 0
    for rows in parts_by_length(sequences):
        means[rows] = _weighted_means(model, [sequences[row] for row in rows])
        done += len(rows)
        progress(done, len(sequences))
    return means / np.maximum(np.linalg.norm(means, axis=1, keepdims=True), 1e-12)


def _weighted_means(model: PreTrainedModel, sequences: list[list[int]]) -> np.ndarray:
    """Return the same of sequences that are read together, the longest first."""
    import torch

    width = len(sequences[0])
    # Padding is on the right, where a causal model cannot see it: no mask is needed.
    padded = torch.tensor([s + [0] * (width - len(s)) for s in sequences], device=model.device)
    ends = torch.tensor([len(sequence) for sequence in sequences], device=model.device)[:, None]
    places = torch.arange(1, width + 1, device=model.device)[None]
    weights = (places * (places <= ends)).float()  # (n_sequences, n_tokens)
    with torch.no_grad():
        states = model.base_model(input_ids=padded, use_cache=False).last_hidden_state.float()
    weighted = torch.einsum("nth,nt->nh", states, weights / weights.sum(dim=1, keepdim=True))
    return weighted.cpu().numpy()
