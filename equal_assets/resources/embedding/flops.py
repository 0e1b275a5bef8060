"""Operations of an embedder: per token and per chunk, counted while it trains."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from equal_assets.algorithms.flops import inference_flops, lookup_flops

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer
    from torch import nn


@dataclass(frozen=True)
class EmbedderFlops:
    """Operations of a forward pass.

    Attributes
    ----------
    per_token : float
        Of the module that reads tokens: two per parameter of a transformer outside its embedding
        tables, one per dimension of a static embedder.
    per_chunk : float
        Of the modules that map the pooled vector, such as a tuned head.
    """

    per_token: float
    per_chunk: float


def embedder_flops(model: SentenceTransformer) -> EmbedderFlops:
    """Return the operations of a model for each token and for each chunk."""
    from sentence_transformers.sentence_transformer.modules import StaticEmbedding

    reader, *mappers = model
    if isinstance(reader, StaticEmbedding):
        per_token = lookup_flops(reader.embedding_dim, 1)
    else:
        per_token = inference_flops(_multiplied_parameters(reader), 1)
    n_mapping = sum(_multiplied_parameters(module) for module in mappers)
    return EmbedderFlops(per_token=per_token, per_chunk=inference_flops(n_mapping, 1))


class FlopsMeter:
    """Sums up the operations of a model; made by :func:`metered`."""

    def __init__(self, per_token: float) -> None:
        self.flops = 0.0
        self._per_token = per_token

    def count(self, module: nn.Module, features: tuple[dict[str, Any], ...]) -> None:
        """Count a forward pass, and the backward pass that follows it in training."""
        (batch,) = features
        tokens = batch.get("attention_mask")
        n_tokens = batch["input_ids"].numel() if tokens is None else int(tokens.sum())
        passes = (
            3 if module.training else 1
        )  # the backward pass takes twice as many as the forward one
        self.flops += passes * self._per_token * n_tokens


@contextmanager
def metered(model: SentenceTransformer) -> Iterator[FlopsMeter]:
    """Yield a meter of a model's operations in the block, forward and backward."""
    meter = FlopsMeter(embedder_flops(model).per_token)
    hook = model[0].register_forward_pre_hook(meter.count)
    try:
        yield meter
    finally:
        hook.remove()


def _multiplied_parameters(module: nn.Module) -> int:
    """Return the number of parameters of a module outside lookup tables."""
    from torch.nn import Embedding, EmbeddingBag

    n_looked_up = sum(
        table.weight.numel()
        for table in module.modules()
        if isinstance(table, Embedding | EmbeddingBag)
    )
    return sum(parameter.numel() for parameter in module.parameters()) - n_looked_up
