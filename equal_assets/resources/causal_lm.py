"""A causal language model on disk: loaded safely, scored on answers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from equal_assets.errors import ModelError
from equal_assets.progress import Progress

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerFast

SCORING_PART_TOKENS = 8192
"""Tokens in one forward pass of the scoring, padding included: bounds memory."""


def load(path: Path | str) -> tuple[PreTrainedModel, PreTrainedTokenizerFast]:
    """Return the model in a folder and its tokenizer.

    Raises
    ------
    ModelError
        If there is no model in ``path``.
    """
    from transformers import AutoModelForCausalLM, PreTrainedTokenizerFast

    if not (Path(path) / "config.json").is_file():
        raise ModelError(
            f"there is no model in {path}: materialize fine_tuned_student of the campaign again"
        )
    model = AutoModelForCausalLM.from_pretrained(path, local_files_only=True)
    return model, PreTrainedTokenizerFast.from_pretrained(path, local_files_only=True)


def tokens(tokenizer: PreTrainedTokenizerFast, texts: Iterable[str]) -> list[list[int]]:
    """Return the tokens of each text, without special ones."""
    texts = list(texts)
    return tokenizer(texts, add_special_tokens=False)["input_ids"] if texts else []


def score_answers(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerFast,
    prompts: Sequence[str],
    answers: Sequence[str],
    *,
    context_tokens: int,
    progress: Progress,
) -> tuple[np.ndarray, np.ndarray]:
    """Return the log-probability of each answer after its prompt.

    Parameters
    ----------
    model, tokenizer
        As :func:`load` returns them.
    prompts : sequence of str
        What is read first; may be empty.
    answers : sequence of str, same length
        What is scored; not empty.
    context_tokens : int
        Longest sequence.
    progress : callable
        Called with answers scored and in all.

    Returns
    -------
    log_probabilities : ndarray of shape (n_answers,), float64
        ``log p(answer | prompt)``, summed over the answer's tokens; nats.
    n_tokens : ndarray of shape (n_answers,), int64
        Answer tokens that were scored, >= 1.

    Raises
    ------
    ValueError
        If prompts and answers differ in number, or an answer is empty.

    Notes
    -----
    Of an answer at most the first half of a context is scored, whatever the prompt, so that
    ``p(answer | prompt)`` and ``p(answer)`` speak of the same tokens; of a prompt the end is
    read that fits before it.
    """
    if len(prompts) != len(answers):
        raise ValueError(f"{len(prompts)} prompts for {len(answers)} answers, expected as many")
    if "" in answers:
        raise ValueError(f"answer {answers.index('')} is empty, expected text")
    cut = [answer[: context_tokens // 2] for answer in tokens(tokenizer, answers)]
    sequences = [
        [tokenizer.bos_token_id, *before[len(answer) + 1 - context_tokens :], *answer]
        for before, answer in zip(tokens(tokenizer, prompts), cut, strict=True)
    ]
    n_tokens = np.array([len(answer) for answer in cut], dtype=np.int64)
    return _score_ends(model, sequences, n_tokens, progress), n_tokens


def _score_ends(
    model: PreTrainedModel,
    sequences: list[list[int]],
    n_scored: np.ndarray,
    progress: Progress,
) -> np.ndarray:
    """Return the log-probability of the last ``n_scored`` tokens of each sequence, summed."""
    import torch

    model = model.to("cuda" if torch.cuda.is_available() else "cpu").eval()
    log_probabilities = np.zeros(len(sequences))
    by_length = sorted(range(len(sequences)), key=lambda row: len(sequences[row]), reverse=True)
    done = 0
    while done < len(by_length):
        longest = len(sequences[by_length[done]])
        rows = by_length[done : done + max(1, SCORING_PART_TOKENS // longest)]
        log_probabilities[rows] = _score_part(model, [sequences[r] for r in rows], n_scored[rows])
        done += len(rows)
        progress(done, len(by_length))
    return log_probabilities


def _score_part(
    model: PreTrainedModel, sequences: list[list[int]], n_scored: np.ndarray
) -> np.ndarray:
    import torch

    width = len(sequences[0])
    lengths = torch.tensor([len(sequence) for sequence in sequences])[:, None]  # (n, 1)
    padded = torch.tensor([s + [0] * (width - len(s)) for s in sequences]).to(model.device)
    positions = torch.arange(1, width)[None]  # of the token that is predicted
    first = lengths - torch.from_numpy(n_scored)[:, None]
    is_scored = ((positions >= first) & (positions < lengths)).to(model.device)  # (n, width - 1)
    with torch.no_grad():
        # Padding stands on the right, where a causal model cannot see it: no mask is needed.
        hidden = model.base_model(input_ids=padded).last_hidden_state[:, :-1]
        logits = model.get_output_embeddings()(hidden[is_scored])  # (n_scored tokens, vocabulary)
        loss = torch.nn.functional.cross_entropy(
            logits.float(), padded[:, 1:][is_scored], reduction="none"
        )
    scored = torch.zeros(is_scored.shape, dtype=torch.float64, device=loss.device)
    scored[is_scored] = -loss.double()
    return scored.sum(dim=1).cpu().numpy()
