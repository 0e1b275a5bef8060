"""Training of a causal language model: on running text, and on the answers of QA pairs."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from equal_assets.algorithms.flops import training_flops
from equal_assets.progress import Progress
from equal_assets.records import QAPair
from equal_assets.resources.causal_lm import load, tokens
from equal_assets.resources.student import FineTuning, check_pairs, completion, prompt

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedModel, PreTrainedTokenizerFast


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """How a model is trained; the keys are those of the ``student`` section."""

    epochs: int
    learning_rate: float
    batch_size: int
    context_tokens: int
    seed: int


def fine_tune(
    base: Path, pairs: Sequence[QAPair], recipe: Recipe, *, out: Path, progress: Progress
) -> FineTuning:
    """Tune all weights of a model on the answers of QA pairs.

    Parameters
    ----------
    base : Path
        Model folder to start from; not changed.
    pairs : sequence of QAPair
        Training examples, in any order.
    recipe : Recipe
    out : Path
        Folder for the tuned model; replaced as a whole, and only at the end.
    progress : callable
        Called with examples seen and in all, every epoch counted.

    Returns
    -------
    FineTuning

    Raises
    ------
    ModelError
        If there is no model in ``base``.
    ValueError
        If there is no pair, a pair has an empty half, or no question leaves room for an answer.
    """
    started = time.monotonic()
    if not pairs:
        raise ValueError("no QA pairs to fine-tune on: the data set is empty")
    check_pairs(pairs)
    model, tokenizer = load(base)
    fitting, n_truncated = _fitting(tokenizer, pairs, recipe.context_tokens)
    with new_folder(out) as new:
        trainer = sft_trainer(
            model, tokenizer, fitting, recipe, scratch=new.parent, progress=progress
        )
        trainer.train()
        model.save_pretrained(new)
        tokenizer.save_pretrained(new)
    n_parameters = model.num_parameters()
    n_tokens = recipe.epochs * sum(map(len, trainer.train_dataset["input_ids"]))
    return FineTuning(
        path=out,
        n_examples=len(fitting),
        n_truncated=n_truncated,
        n_left_out=len(pairs) - len(fitting),
        n_tokens=n_tokens,
        n_parameters=n_parameters,
        flops=training_flops(n_parameters, n_tokens),
        seconds=time.monotonic() - started,
        losses=tuple(log["loss"] for log in trainer.state.log_history if "loss" in log),
    )


def pretrain(
    model: PreTrainedModel,
    blocks: torch.Tensor,
    recipe: Recipe,
    *,
    scratch: Path,
    progress: Progress,
) -> None:
    """Train all weights in place on running text.

    Parameters
    ----------
    model : PreTrainedModel
    blocks : Tensor of shape (n_blocks, context_tokens)
    recipe : Recipe
    scratch : Path
        Folder for what the trainer writes.
    progress : callable
        Called with tokens done and in all.
    """
    from transformers import Trainer, TrainingArguments

    trainer = Trainer(
        model=model,
        args=TrainingArguments(**_training_arguments(recipe, scratch)),
        train_dataset=[{"input_ids": block, "labels": block} for block in blocks],
        callbacks=[_reporter(progress, per_step=recipe.batch_size * blocks.shape[1])],
    )
    _silence(trainer)
    trainer.train()


def sft_trainer(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerFast,
    pairs: Sequence[QAPair],
    recipe: Recipe,
    *,
    scratch: Path,
    progress: Progress,
) -> Any:
    """Return a TRL trainer whose loss is on the answers and their ends alone."""
    from datasets import Dataset
    from transformers import Trainer
    from trl import SFTConfig, SFTTrainer

    class AnswerTrainer(SFTTrainer):
        """Takes the model's own loss: the same value in half the time of TRL's on a CPU."""

        compute_loss = Trainer.compute_loss

    columns = {
        "prompt": [prompt(pair) for pair in pairs],
        "completion": [completion(pair) for pair in pairs],
    }
    trainer = AnswerTrainer(
        model=model,
        args=SFTConfig(
            **_training_arguments(recipe, scratch),
            completion_only_loss=True,
            max_length=recipe.context_tokens,
            train_sampling_strategy="group_by_length",
            gradient_checkpointing=None,  # off; False would draw a deprecation warning
        ),
        train_dataset=Dataset.from_dict(columns),
        processing_class=tokenizer,
        callbacks=[_reporter(progress, per_step=recipe.batch_size)],
    )
    _silence(trainer)
    return trainer


def _training_arguments(recipe: Recipe, scratch: Path) -> dict[str, Any]:
    import torch

    return {
        "output_dir": str(scratch / "trainer"),
        "per_device_train_batch_size": recipe.batch_size,
        "num_train_epochs": recipe.epochs,
        "learning_rate": recipe.learning_rate,
        "lr_scheduler_type": "cosine",
        "warmup_steps": 0.05,  # below 1: a share of all steps
        "seed": recipe.seed,
        "data_seed": recipe.seed,
        "use_cpu": not torch.cuda.is_available(),
        "bf16": False,
        "logging_steps": 0.005,  # a share of all steps; MLflow takes 1,000 values at once
        "save_strategy": "no",
        "report_to": "none",
        "disable_tqdm": True,
    }


def _fitting(
    tokenizer: PreTrainedTokenizerFast, pairs: Sequence[QAPair], context_tokens: int
) -> tuple[list[QAPair], int]:
    """Return the pairs that leave room for an answer, and how many of these lose its end."""
    before = [1 + len(text) for text in tokens(tokenizer, map(prompt, pairs))]
    after = [len(text) + 1 for text in tokens(tokenizer, map(completion, pairs))]
    lengths = np.array(before) + np.array(after)
    has_room = np.array(before) < context_tokens
    if not has_room.any():
        raise ValueError(
            f"each of the {len(pairs)} questions fills the context of {context_tokens} "
            "tokens: raise student.context_tokens"
        )
    fitting = [pair for pair, fits in zip(pairs, has_room, strict=True) if fits]
    return fitting, int(np.sum(has_room & (lengths > context_tokens)))


def _reporter(progress: Progress, *, per_step: int) -> Any:
    from transformers import TrainerCallback

    class Reporter(TrainerCallback):
        """Passes progress on after every optimizer step."""

        def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            progress(state.global_step * per_step, state.max_steps * per_step)

    return Reporter()


def _silence(trainer: Any) -> None:
    from transformers.trainer_callback import PrinterCallback

    trainer.remove_callback(PrinterCallback)  # takes the place of the bar that is switched off


@contextmanager
def new_folder(target: Path) -> Iterator[Path]:
    """Yield an empty folder that becomes ``target`` when the block ends, replacing what is there.

    Its parent is scratch space on the same file system, gone after the block. A process that is
    killed leaves ``target`` as it was.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=".new-") as scratch:
        new = Path(scratch) / "new"
        new.mkdir()
        yield new
        if target.exists():
            os.rename(target, Path(scratch) / "old")
        os.rename(new, target)
