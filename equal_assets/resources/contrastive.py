"""Contrastive training with sentence-transformers' own trainer, loss and hard-negative miner."""

from __future__ import annotations

import contextlib
import io
import tempfile
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from equal_assets.progress import Progress
from equal_assets.settings import WarmUp

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

NEGATIVE_RANKS = (2, 200)
"""Hard negatives are drawn between these ranks (authors' training script): above, false ones."""


def train_contrastive(
    model: SentenceTransformer,
    anchors: Sequence[str],
    positives: Sequence[str],
    *,
    settings: WarmUp,
    is_static: bool,
    bfloat16: bool,
    progress: Progress,
) -> list[float]:
    """Tune ``model`` in place and return the loss of every optimizer step.

    Parameters
    ----------
    model : SentenceTransformer
        Changed in place.
    anchors, positives : sequence of str, same length
        Documents, and a QA pair of each.
    settings : WarmUp
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


def _with_hard_negatives(data: Any, model: SentenceTransformer, settings: WarmUp) -> Any:
    from sentence_transformers.util import mine_hard_negatives

    range_min, range_max = NEGATIVE_RANKS
    n_candidates = len(set(data["positive"]))
    if n_candidates <= range_min + settings.hard_negatives:
        return data  # too few texts to mine from: the batch's own negatives remain
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
