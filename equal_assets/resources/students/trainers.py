"""Trainers of a causal language model: on running text, and on answers (TRL, PEFT)."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from equal_assets.progress import Progress
from equal_assets.resources.students.causal_lm import load
from equal_assets.resources.students.checkpoints import resume
from equal_assets.resources.students.head import with_sliced_loss

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedModel, PreTrainedTokenizerFast

Example = dict[str, list[int]]
"""``input_ids``, and ``labels``: the same, or -100 for tokens that are read but not learned."""

CPU_BATCH_TOKENS = 512
"""Tokens that a CPU takes at once: as fast as more, in less memory for what they activate."""

WARM_UP_SHARE = 0.05
"""Of the optimizer steps: in these the learning rate rises from 0."""


@dataclass(frozen=True, kw_only=True)
class TrainingRecipe:
    """How a model is trained; the keys are those of the ``student`` section.

    Attributes
    ----------
    batch_size : int
        Sequences per optimizer step, of all processes.
    per_device_batch_size : int
        Sequences that a device takes at once; the rest is accumulated.
    checkpoint_steps : int or None
        Optimizer steps between two checkpoints; None: a tenth of all.
    lora_rank : int
        Rank of the adapters; 0 tunes all weights.
    """

    epochs: int
    learning_rate: float
    batch_size: int
    per_device_batch_size: int
    context_tokens: int
    seed: int
    checkpoint_steps: int | None
    packing: bool = False
    lora_rank: int = 0
    lora_alpha: int = 0
    lora_dropout: float = 0.0
    mixed_precision: bool = False
    gradient_checkpointing: bool = False
    attention: str | None = None
    chat_template: str = "auto"
    trust_remote_code: bool = False
    processes: int = 1

    @property
    def accumulated_batches(self) -> int:
        """Batches per optimizer step and process.

        Raises
        ------
        ValueError
            If ``batch_size`` is not a multiple of what the devices take at once.
        """
        at_once = self.per_device_batch_size * self.processes
        if self.batch_size % at_once:
            raise ValueError(
                f"student.batch_size = {self.batch_size}: must be a multiple of {at_once}, "
                f"student.per_device_batch_size ({self.per_device_batch_size}) on "
                f"{self.processes} processes; change one of them"
            )
        return self.batch_size // at_once


@dataclass(frozen=True)
class Trained:
    """The report of a training; the model is in the folder ``model`` of its workplace.

    Attributes
    ----------
    n_parameters, n_tuned : int
        Parameters of the model with its adapters, and of the tuned part.
    seconds : float
        Including the time before a checkpoint.
    losses : list of float
        In order of time; nats per token.
    """

    n_parameters: int
    n_tuned: int
    seconds: float
    losses: list[float]


def train(
    base: Path,
    examples: Sequence[Example],
    recipe: TrainingRecipe,
    *,
    place: Path,
    progress: Progress,
) -> Trained:
    """Tune a model in this process, as one of ``recipe.processes``.

    Parameters
    ----------
    base : Path
    examples : sequence of Example
    recipe : TrainingRecipe
    place : Path
        Holds the checkpoints; the model is stored in its folder ``model``.
    progress : callable
        Called with examples seen and in all.
    """
    model, tokenizer = load(
        base,
        # full tuning keeps float32 weights: bfloat16 would round small steps away
        bfloat16=recipe.mixed_precision and bool(recipe.lora_rank),
        attention=recipe.attention,
        chat_template=recipe.chat_template,
        trust_remote_code=recipe.trust_remote_code,
    )
    trainer = answer_trainer(model, tokenizer, examples, recipe, place=place, progress=progress)
    seconds = resume(trainer, place)
    tuned = trainer.accelerator.unwrap_model(trainer.model)
    if trainer.args.should_save:
        tuned.save_pretrained(place / "model")
        tokenizer.save_pretrained(place / "model")
    return Trained(
        n_parameters=sum(p.numel() for p in tuned.parameters()),
        n_tuned=sum(p.numel() for p in tuned.parameters() if p.requires_grad),
        seconds=seconds,
        losses=[log["loss"] for log in trainer.state.log_history if "loss" in log],
    )


def text_trainer(
    model: PreTrainedModel,
    blocks: torch.Tensor,
    recipe: TrainingRecipe,
    *,
    place: Path,
    progress: Progress,
) -> Any:
    """Return a trainer of all weights on running text.

    Parameters
    ----------
    model : PreTrainedModel
    blocks : Tensor of shape (n_blocks, context_tokens)
    recipe : TrainingRecipe
    place : Path
        Folder for checkpoints.
    progress : callable
        Called with tokens done and in all.
    """
    from transformers import Trainer, TrainingArguments

    return _prepared(
        Trainer(
            model=model,
            args=_on_one_device(TrainingArguments(**_arguments(recipe, place))),
            train_dataset=[{"input_ids": block, "labels": block} for block in blocks],
            callbacks=[_reporter(progress, per_step=recipe.batch_size * blocks.shape[1])],
        ),
        recipe,
        from_scratch=True,
    )


def answer_trainer(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerFast,
    examples: Sequence[Example],
    recipe: TrainingRecipe,
    *,
    place: Path,
    progress: Progress,
) -> Any:
    """Return a TRL trainer on examples; ignored labels have no part in the loss.

    Parameters
    ----------
    model, tokenizer
        As :func:`equal_assets.resources.students.causal_lm.load` returns them.
    examples : sequence of Example
        None longer than ``recipe.context_tokens``.
    recipe : TrainingRecipe
    place : Path
        Folder for checkpoints.
    progress : callable
        Called with examples seen and in all.
    """
    from datasets import Dataset
    from transformers import Trainer
    from trl import SFTConfig, SFTTrainer

    # packed pairs are one sequence, and several processes must go backward equally often
    takes_parts = not (has_gpu() or recipe.packing or recipe.processes > 1)

    class AnswerTrainer(SFTTrainer):
        # both work in slices; on a CPU TRL's goes through every token, labelled or not
        compute_loss = SFTTrainer.compute_loss if has_gpu() else Trainer.compute_loss
        _save_checkpoint = Trainer._save_checkpoint  # TRL's writes a model card each time

        def training_step(
            self, model: Any, inputs: dict[str, Any], num_items_in_batch: Any = None
        ) -> Any:
            # the loss is a sum over the tokens of all accumulated batches: parts of one add up
            if not takes_parts or num_items_in_batch is None:
                return super().training_step(model, inputs, num_items_in_batch)
            losses = []
            for part in _parts(inputs, n_tokens=CPU_BATCH_TOKENS):
                losses.append(super().training_step(model, part, num_items_in_batch))
            return sum(losses)

    grouped = "random" if recipe.packing or recipe.processes > 1 else "group_by_length"
    arguments = SFTConfig(
        **_arguments(recipe, place),
        max_length=recipe.context_tokens,
        packing=recipe.packing,
        dataset_kwargs=None if recipe.packing else {"skip_prepare_dataset": True},
        train_sampling_strategy=grouped,
        # None is off; False would draw a deprecation warning
        gradient_checkpointing=recipe.gradient_checkpointing or None,
    )
    return _prepared(
        AnswerTrainer(
            model=model if has_gpu() else with_sliced_loss(model),
            args=_on_one_device(arguments),
            train_dataset=Dataset.from_dict(
                {key: [example[key] for example in examples] for key in ("input_ids", "labels")}
            ),
            processing_class=tokenizer,
            peft_config=_adapters(recipe),
            callbacks=[_reporter(progress, per_step=recipe.batch_size)],
        ),
        recipe,
        from_scratch=False,
    )


def _parts(batch: dict[str, Any], *, n_tokens: int) -> Iterator[dict[str, Any]]:
    """Yield a batch as batches of fewer sequences, which have at most so many tokens or are one."""
    n_sequences, width = batch["input_ids"].shape
    size = max(1, n_tokens // width)
    for start in range(0, n_sequences, size):
        yield {key: value[start : start + size] for key, value in batch.items()}


def with_adapters(model: PreTrainedModel, recipe: TrainingRecipe) -> PreTrainedModel:
    """Return the model with new adapters in place; only they require a gradient.

    They are drawn by ``recipe.seed``, as in :func:`answer_trainer`, and change no output yet.
    """
    import torch
    from peft import get_peft_model

    with torch.random.fork_rng():
        torch.manual_seed(recipe.seed)
        return get_peft_model(model, _adapters(recipe)).get_base_model()


def has_gpu() -> bool:
    """Tell whether training and scoring run on a CUDA device."""
    import torch

    return torch.cuda.is_available()


def _adapters(recipe: TrainingRecipe) -> Any:
    from peft import LoraConfig

    if not recipe.lora_rank:
        return None
    return LoraConfig(
        r=recipe.lora_rank,
        lora_alpha=recipe.lora_alpha,
        lora_dropout=recipe.lora_dropout,
        target_modules="all-linear",
        task_type="CAUSAL_LM",
    )


def _arguments(recipe: TrainingRecipe, place: Path) -> dict[str, Any]:
    return {
        "output_dir": str(place),
        "per_device_train_batch_size": recipe.per_device_batch_size,
        "gradient_accumulation_steps": recipe.accumulated_batches,
        "num_train_epochs": recipe.epochs,
        "learning_rate": recipe.learning_rate,
        "lr_scheduler_type": "cosine",
        "warmup_steps": WARM_UP_SHARE,  # below 1: a share of all steps
        "seed": recipe.seed,
        "data_seed": recipe.seed,
        "use_cpu": not has_gpu(),
        "bf16": recipe.mixed_precision,
        "logging_steps": 0.005,  # a share of all steps; MLflow takes 1,000 values at once
        "save_strategy": "steps",
        "save_steps": recipe.checkpoint_steps or 0.1,
        "save_total_limit": 2,  # one is complete while the next is written
        "report_to": "none",
        "disable_tqdm": True,
    }


def _on_one_device(arguments: Any) -> Any:
    """Return training arguments of a process that uses one device, whatever it sees."""
    _ = arguments.device  # chooses it, and counts the others
    arguments._n_gpu = min(arguments.n_gpu, 1)
    return arguments


def _reporter(progress: Progress, *, per_step: int) -> Any:
    from transformers import TrainerCallback

    class Reporter(TrainerCallback):
        """Passes progress on after every optimizer step."""

        def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            if state.is_world_process_zero:
                progress(state.global_step * per_step, state.max_steps * per_step)

    return Reporter()


def _prepared(trainer: Any, recipe: TrainingRecipe, *, from_scratch: bool) -> Any:
    """Return a trainer that prints nothing and wastes no step on a warm-up of less than one.

    The learning rate of the first warm-up step is 0, and shares are rounded up: of two steps, the
    first would learn nothing. Random weights still need that soft start, unless it is all there is.
    """
    from transformers.trainer_callback import PrinterCallback

    trainer.remove_callback(PrinterCallback)  # replaces the bar that is switched off
    n_steps = recipe.epochs * math.ceil(len(trainer.train_dataset) / recipe.batch_size)
    if n_steps == 1 or (n_steps * WARM_UP_SHARE < 1 and not from_scratch):
        trainer.args.warmup_steps = 0
    return trainer
