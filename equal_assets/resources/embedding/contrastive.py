"""Contrastive training of every weight (sentence-transformers' trainer) or of a linear head."""

from __future__ import annotations

import contextlib
import io
import math
import tempfile
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from equal_assets.progress import Progress
from equal_assets.settings import WarmUpSettings

if TYPE_CHECKING:
    import torch
    from sentence_transformers import SentenceTransformer

NEGATIVE_RANKS = (2, 200)
"""Hard negatives are drawn between these ranks (authors' script): higher ones may be false."""


def train_contrastive(
    model: SentenceTransformer,
    anchors: Sequence[str],
    positives: Sequence[str],
    *,
    settings: WarmUpSettings,
    is_static: bool,
    bfloat16: bool,
    progress: Progress,
) -> list[float]:
    """Tune every weight of ``model`` in place and return the loss of every optimizer step.

    Parameters
    ----------
    model : SentenceTransformer
        Changed in place.
    anchors, positives : sequence of str, same length
        Documents, and a QA pair of each.
    settings : WarmUpSettings
    is_static : bool
        Whether the model is a static embedder, which trains on the processor.
    bfloat16 : bool
        Whether to train in mixed precision.
    progress : callable
        Called with optimizer steps done and in all.
    """
    import datasets
    from sentence_transformers import (
        SentenceTransformerTrainer,
        SentenceTransformerTrainingArguments,
    )
    from sentence_transformers.sentence_transformer.losses import MultipleNegativesRankingLoss
    from transformers.trainer_callback import PrinterCallback, ProgressCallback

    data = datasets.Dataset.from_dict({"anchor": list(anchors), "positive": list(positives)})
    if settings.hard_negatives:
        data = _with_hard_negatives(data, model, settings)
    with tempfile.TemporaryDirectory() as scratch:
        arguments = SentenceTransformerTrainingArguments(
            output_dir=scratch,
            num_train_epochs=settings.epochs,
            per_device_train_batch_size=min(settings.batch_size, len(data)),
            learning_rate=settings.learning_rate,
            warmup_steps=settings.warmup_ratio,
            batch_sampler="no_duplicates",
            seed=settings.seed,
            data_seed=settings.seed,
            use_cpu=is_static or model.device.type == "cpu",
            bf16=bfloat16,
            logging_steps=1,
            save_strategy="no",
            report_to="none",
            disable_tqdm=True,
        )
        recorder = _recorder(progress)
        trainer = SentenceTransformerTrainer(
            model=model,
            args=arguments,
            train_dataset=data,
            loss=MultipleNegativesRankingLoss(model, scale=1.0 / settings.temperature),
            callbacks=[recorder],
        )
        trainer.remove_callback(PrinterCallback)
        trainer.remove_callback(ProgressCallback)
        trainer.train()
    return recorder.losses


def train_head(
    anchor_embeddings: np.ndarray,
    positive_embeddings: np.ndarray,
    *,
    anchor_ids: np.ndarray,
    positive_ids: np.ndarray,
    settings: WarmUpSettings,
    progress: Progress,
) -> tuple[np.ndarray, list[float]]:
    """Fit a linear map of embeddings that brings documents nearer to their own QA pairs.

    The loss is the same as in :func:`train_contrastive`, with negatives from the batch; the map
    starts as the identity, so that few steps change little. It trains on the processor, in seconds.

    Parameters
    ----------
    anchor_embeddings, positive_embeddings : ndarray of shape (n, n_dimensions), float32
        Unit rows: documents, and a QA pair of each.
    anchor_ids, positive_ids : ndarray of shape (n,), int64
        Equal if the text is the same; such rows are not negatives of each other.
    settings : WarmUpSettings
    progress : callable
        Called with optimizer steps done and in all.

    Returns
    -------
    weights : ndarray of shape (n_dimensions, n_dimensions), float32
        ``embedding @ weights.T`` is the tuned embedding, not of unit length.
    losses : list of float
        Of every optimizer step.
    """
    import torch
    from transformers import get_linear_schedule_with_warmup

    anchors, positives = torch.from_numpy(anchor_embeddings), torch.from_numpy(positive_embeddings)
    own_anchor, own_positive = torch.from_numpy(anchor_ids), torch.from_numpy(positive_ids)
    weights = torch.eye(anchors.shape[1], requires_grad=True)
    n_batches = -(-len(anchors) // settings.batch_size)
    n_steps = settings.epochs * n_batches
    optimizer = torch.optim.Adam([weights], lr=settings.learning_rate)
    schedule = get_linear_schedule_with_warmup(
        optimizer, math.ceil(settings.warmup_ratio * n_steps), n_steps
    )
    generator = torch.Generator().manual_seed(settings.seed)
    losses: list[float] = []
    for _ in range(settings.epochs):
        shuffled = torch.randperm(len(anchors), generator=generator)
        for rows in torch.tensor_split(shuffled, n_batches):
            same = (own_anchor[rows][:, None] == own_anchor[rows]) | (
                own_positive[rows][:, None] == own_positive[rows]
            )
            loss = _ranking_loss(
                anchors[rows] @ weights.T,
                positives[rows] @ weights.T,
                same=same,
                temperature=settings.temperature,
            )
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            losses.append(loss.item())
            progress(len(losses), n_steps)
    return weights.detach().numpy(), losses


def _ranking_loss(
    anchors: torch.Tensor, positives: torch.Tensor, *, same: torch.Tensor, temperature: float
) -> torch.Tensor:
    """InfoNCE over cosine similarity; ``same`` marks pairs that are not negatives, (n, n)."""
    import torch
    from torch.nn.functional import cross_entropy, normalize

    logits = normalize(anchors) @ normalize(positives).T / temperature  # (n_anchors, n_positives)
    own = torch.eye(len(anchors), dtype=torch.bool)
    return cross_entropy(logits.masked_fill(same & ~own, -torch.inf), torch.arange(len(anchors)))


def _with_hard_negatives(data: Any, model: SentenceTransformer, settings: WarmUpSettings) -> Any:
    from sentence_transformers.util import mine_hard_negatives

    range_min, range_max = NEGATIVE_RANKS
    n_candidates = len(set(data["positive"]))
    if n_candidates <= range_min + settings.hard_negatives:
        return data  # too few texts to mine from: negatives from the batch remain
    with contextlib.redirect_stderr(io.StringIO()):  # its progress bars cannot be turned off
        return mine_hard_negatives(
            data,
            model,
            num_negatives=settings.hard_negatives,
            range_min=range_min,
            range_max=min(range_max, n_candidates - 1),
            sampling_strategy="top",
            output_format="n-tuple",
            batch_size=64,
            use_faiss=False,
            verbose=False,
        )


def _recorder(progress: Progress) -> Any:
    from transformers import TrainerCallback

    class Recorder(TrainerCallback):
        """Keeps the loss of every step and passes progress on."""

        losses: list[float]

        def __init__(self) -> None:
            self.losses = []

        def on_log(self, args: Any, state: Any, control: Any, logs: Any, **_: Any) -> None:
            if "loss" in logs:
                self.losses.append(float(logs["loss"]))
                progress(state.global_step, state.max_steps)

    return Recorder()
