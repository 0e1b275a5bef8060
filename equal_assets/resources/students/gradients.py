"""Loss gradients of a causal language model, one per answer, projected to few dimensions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from equal_assets.progress import Progress
from equal_assets.resources.students.causal_lm import answer_sequences, on_device
from equal_assets.resources.students.head import IGNORED, Head

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedModel, PreTrainedTokenizerFast

BLOCK_PARAMETERS = 2**22
"""Parameters projected at once: bounds the memory beside the gradient itself."""


class CountSketch:
    """A random projection that adds each number, with a random sign, to one of few sums.

    It keeps inner products: ``E[Sx . Sy] = x . y``, with a variance of at most
    ``(|x|^2 |y|^2 + (x . y)^2) / dimensions``, like a dense matrix of random signs, at the cost of
    one addition per number instead of ``dimensions``.

    Parameters
    ----------
    sizes : sequence of int
        Numbers of each part of a vector.
    dimensions : int
        Number of sums.
    seed : int
        Draws sums and signs: the same for the same sizes, on any device.
    device : torch.device
        Of the vectors; takes 4 bytes per number.

    References
    ----------
    arXiv:0902.2206 (Weinberger et al. 2009), section 3.
    """

    def __init__(
        self, sizes: Sequence[int], *, dimensions: int, seed: int, device: torch.device
    ) -> None:
        import torch

        self.dimensions = dimensions
        generator = torch.Generator().manual_seed(seed)
        # the last bit is the sign, the others the sum
        self._places = [
            torch.randint(2 * dimensions, (size,), generator=generator, dtype=torch.int32).to(
                device
            )
            for size in sizes
        ]

    def project(self, parts: Sequence[torch.Tensor]) -> torch.Tensor:
        """Return the projection of a vector, shape (dimensions,), float32.

        Parameters
        ----------
        parts : sequence of Tensor
            Of any shapes; their sizes must be those that the sketch was made for.
        """
        import torch

        sums = torch.zeros(self.dimensions, device=parts[0].device)
        for part, places in zip(parts, self._places, strict=True):
            for numbers, places_block in zip(
                part.reshape(-1).split(BLOCK_PARAMETERS),
                places.split(BLOCK_PARAMETERS),
                strict=True,
            ):
                signs = 1.0 - 2.0 * (places_block & 1)
                sums.index_add_(0, places_block >> 1, numbers.float() * signs)
        return sums


def answer_gradients(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerFast,
    prompts: Sequence[str],
    answers: Sequence[str],
    *,
    context_tokens: int,
    dimensions: int,
    seed: int,
    progress: Progress,
) -> np.ndarray:
    """Return the projected gradient of the mean loss on each answer after its prompt.

    Parameters
    ----------
    model, tokenizer
        As loaded; the gradient covers the parameters that require one: all of a model, or only its
        adapters.
    prompts, answers : sequence of str
        As for :func:`equal_assets.resources.students.causal_lm.score_answers`, cut as there.
    context_tokens : int
        Longest sequence.
    dimensions : int
        Of the projection.
    seed : int
        Of the projection; gradients are comparable if model, dimensions and seed are the same.
    progress : callable
        Called with answers done and in all.

    Returns
    -------
    ndarray of shape (n_answers, dimensions), float32

    Raises
    ------
    ValueError
        If prompts and answers differ in number, or an answer is empty.

    Notes
    -----
    Besides the model, memory holds one gradient and 4 bytes per parameter: 12 bytes per parameter
    in all if the model is in float32, 12 GB for a billion parameters.
    """
    import torch

    sequences, n_scored = answer_sequences(
        tokenizer, prompts, answers, context_tokens=context_tokens
    )
    model = on_device(model)
    head = Head(model)
    parameters = [parameter for parameter in model.parameters() if parameter.requires_grad]
    sketch = CountSketch(
        [parameter.numel() for parameter in parameters],
        dimensions=dimensions,
        seed=seed,
        device=model.device,
    )
    projected = np.zeros((len(sequences), dimensions), dtype=np.float32)
    for row, (sequence, n_answer) in enumerate(zip(sequences, n_scored.tolist(), strict=True)):
        loss = _answer_loss(head, sequence, n_answer)
        # no name for the gradient: it would stay in memory while the next is computed
        projected[row] = sketch.project(
            torch.autograd.grad(loss, parameters, allow_unused=True, materialize_grads=True)
        ).cpu()
        progress(row + 1, len(sequences))
    return projected


def _answer_loss(head: Head, sequence: list[int], n_answer: int) -> torch.Tensor:
    """Return the mean loss over the last ``n_answer`` tokens of a sequence, in nats."""
    import torch

    tokens = torch.tensor([sequence], device=head.device)
    labels = tokens.clone()
    labels[:, :-n_answer] = IGNORED
    return head.losses(tokens, labels).mean()
