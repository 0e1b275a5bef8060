"""Fine-tuning of a causal language model on the answers of QA pairs."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from equal_assets.algorithms.flops import adapter_training_flops
from equal_assets.errors import ModelError
from equal_assets.progress import Progress
from equal_assets.records import QAPair
from equal_assets.resources.publishing import put_in_place
from equal_assets.resources.students.causal_lm import BASE_FILE, check_folder, load_tokenizer
from equal_assets.resources.students.checkpoints import workplace
from equal_assets.resources.students.head import IGNORED
from equal_assets.resources.students.student import FineTuning, check_pairs, completion, prompt
from equal_assets.resources.students.tokens import answer_tokens, end_tokens, prompt_tokens
from equal_assets.resources.students.trainers import Example, TrainingRecipe, train
from equal_assets.resources.students.training_process import train_in_processes
from equal_assets.settings import fingerprint

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

SPEED_ONLY = {"checkpoint_steps", "gradient_checkpointing", "attention"}
"""Parts of a recipe that may change before a killed training continues."""


def fine_tune(
    base: Path, pairs: Sequence[QAPair], recipe: TrainingRecipe, *, out: Path, progress: Progress
) -> FineTuning:
    """Tune a model on the answers of QA pairs.

    A killed training continues from its last complete checkpoint when it is called again with the
    same recipe, base and pairs.

    Parameters
    ----------
    base : Path
        Model folder to start from; not changed.
    pairs : sequence of QAPair
        Training examples, in any order.
    recipe : TrainingRecipe
    out : Path
        Folder for the tuned model or its adapters; replaced completely, and only at the end.
    progress : callable
        Called with examples seen and in all, every epoch counted.

    Returns
    -------
    FineTuning

    Raises
    ------
    ModelError
        If there is no usable model in ``base``, or a process of the training fails.
    ValueError
        If there is no pair, a pair has an empty half, no question leaves room for an answer, or
        ``batch_size`` cannot be divided among devices.
    """
    if not pairs:
        raise ValueError("QA pairs to fine-tune on = 0: must be at least 1; the data set is empty")
    check_pairs(pairs)
    check_folder(base)
    tokenizer = load_tokenizer(
        base, chat_template=recipe.chat_template, trust_remote_code=recipe.trust_remote_code
    )
    examples, n_truncated = encode(tokenizer, pairs, recipe.context_tokens)
    steer = train_in_processes if recipe.processes > 1 else train
    with workplace(out, _key(base, pairs, recipe)) as place:
        trained = steer(base, examples, recipe, place=place, progress=progress)
        if (place / "model" / "adapter_config.json").is_file():
            (place / "model" / BASE_FILE).write_text(os.path.relpath(base, out), encoding="utf-8")
        put_in_place(place / "model", out)
    n_tokens = recipe.epochs * sum(len(example["input_ids"]) for example in examples)
    n_frozen = trained.n_parameters - trained.n_tuned
    return FineTuning(
        path=out,
        n_examples=len(examples),
        n_truncated=n_truncated,
        n_left_out=len(pairs) - len(examples),
        n_tokens=n_tokens,
        n_parameters=trained.n_parameters,
        n_tuned=trained.n_tuned,
        flops=adapter_training_flops(n_frozen, trained.n_tuned, n_tokens),
        seconds=trained.seconds,
        losses=tuple(trained.losses),
    )


def encode(
    tokenizer: PreTrainedTokenizerFast, pairs: Sequence[QAPair], context_tokens: int
) -> tuple[list[Example], int]:
    """Return the pairs with room for an answer as examples, and how many are truncated.

    Parameters
    ----------
    tokenizer : PreTrainedTokenizerFast
    pairs : sequence of QAPair
    context_tokens : int
        Longest example.

    Raises
    ------
    ModelError
        If no question leaves room for an answer.
    """
    before = prompt_tokens(tokenizer, [prompt(pair) for pair in pairs])
    after = answer_tokens(tokenizer, [completion(pair) for pair in pairs])
    end = end_tokens(tokenizer)
    whole = [
        {"input_ids": [*asked, *said, *end], "labels": [IGNORED] * len(asked) + [*said, *end]}
        for asked, said in zip(before, after, strict=True)
        if len(asked) < context_tokens
    ]
    if not whole:
        raise ModelError(
            f"student.context_tokens = {context_tokens}: must leave room for an answer; each of "
            f"the {len(pairs)} questions fills the context of {context_tokens} tokens, the "
            f"shortest has {min(map(len, before))}; raise it"
        )
    examples = [{key: row[:context_tokens] for key, row in example.items()} for example in whole]
    return examples, sum(len(example["input_ids"]) > context_tokens for example in whole)


def _key(base: Path, pairs: Sequence[QAPair], recipe: TrainingRecipe) -> str:
    """Return the identity of a training: it cannot use the checkpoints of another."""
    kept = {key: value for key, value in asdict(recipe).items() if key not in SPEED_ONLY}
    files = [
        [file.name, file.stat().st_size, file.stat().st_mtime_ns] for file in sorted(base.iterdir())
    ]
    texts = [[pair.question, pair.answer] for pair in pairs]
    return fingerprint({"recipe": kept, "base": [str(base), files], "pairs": texts})
