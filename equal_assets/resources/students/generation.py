"""Answers that a causal language model writes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from equal_assets.progress import Progress
from equal_assets.records import trimmed
from equal_assets.resources.students.causal_lm import on_device
from equal_assets.resources.students.tokens import cut_middle, end_tokens, prompt_tokens

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerFast

GENERATION_PART_TOKENS = 65_536
"""Tokens in one batch, padding included: bounds the cache of keys and values."""

NEXT_QUESTION = "\nQuestion:"
"""Ends the answer to a plain prompt if the text continues like another prompt."""


def generate_answers(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerFast,
    prompts: Sequence[str],
    *,
    context_tokens: int,
    max_tokens: int,
    samples: int,
    temperature: float,
    seed: int,
    progress: Progress,
) -> list[list[str]]:
    """Return a model's answers to each prompt.

    Parameters
    ----------
    model, tokenizer
        As :func:`equal_assets.resources.students.causal_lm.load` returns them.
    prompts : sequence of str
    context_tokens : int
        Longest sequence.
    max_tokens : int
        Of an answer, >= 1; never more than half a context.
    samples : int
        Answers to each prompt, >= 1.
    temperature : float
        0 always takes the likeliest token, so that all samples are alike.
    seed : int
        Of the samples.
    progress : callable
        Called with prompts answered and in all.

    Returns
    -------
    list of list of str, shape (n_prompts, samples)
        Only the answers, without white space around them except the indentation of code.

    Raises
    ------
    ValueError
        If ``max_tokens``, ``samples`` or ``temperature`` is out of range.
    """
    import torch

    if max_tokens < 1 or samples < 1 or temperature < 0:
        raise ValueError(
            f"max_tokens = {max_tokens}, samples = {samples}, temperature = {temperature}: "
            "must be >= 1, >= 1, >= 0"
        )
    room = min(max_tokens, context_tokens // 2)
    read = [cut_middle(r, context_tokens - room) for r in prompt_tokens(tokenizer, prompts)]
    distinct = samples if temperature else 1
    writer = _Writer(on_device(model), tokenizer, room, distinct, temperature)
    answers: list[list[str]] = [[] for _ in prompts]
    by_length = sorted(range(len(read)), key=lambda row: len(read[row]), reverse=True)
    done = 0
    with torch.random.fork_rng(), torch.no_grad():
        torch.manual_seed(seed)
        while done < len(by_length):
            width = len(read[by_length[done]]) + room
            rows = by_length[done : done + max(1, GENERATION_PART_TOKENS // (width * distinct))]
            for row, texts in zip(rows, writer.write([read[r] for r in rows]), strict=True):
                answers[row] = texts * (samples // distinct)
            done += len(rows)
            progress(done, len(by_length))
    return answers


class _Writer:
    """Writes answers to a batch of prompts."""

    def __init__(
        self,
        model: PreTrainedModel,
        tokenizer: PreTrainedTokenizerFast,
        max_tokens: int,
        samples: int,
        temperature: float,
    ) -> None:
        from transformers import GenerationConfig

        own = model.generation_config.eos_token_id
        ends = {end_tokens(tokenizer)[-1], *(own if isinstance(own, list) else [own])} - {None}
        sampling = {"do_sample": True, "temperature": temperature, "top_k": 0}
        # the model's own settings (penalties, nucleus) would change the likeliest token
        model.generation_config = GenerationConfig(
            eos_token_id=sorted(ends),
            pad_token_id=tokenizer.eos_token_id,
            max_new_tokens=max_tokens,
            num_return_sequences=samples,
            **(sampling if temperature else {"do_sample": False}),
        )
        self.model, self.tokenizer, self.samples, self.ends = model, tokenizer, samples, ends
        self.is_plain = tokenizer.chat_template is None

    def write(self, prompts: list[list[int]]) -> list[list[str]]:
        """Return the answers to prompts, the first of which is the longest."""
        import torch

        width, pad = len(prompts[0]), self.tokenizer.eos_token_id
        padded = torch.tensor([[pad] * (width - len(p)) + p for p in prompts])
        is_read = torch.tensor([[0] * (width - len(p)) + [1] * len(p) for p in prompts])
        written = self.model.generate(
            input_ids=padded.to(self.model.device),
            attention_mask=is_read.to(self.model.device),
            stopping_criteria=[self._goes_on_asking(width)] if self.is_plain else None,
        )[:, width:]
        texts = [self._text(row) for row in written.tolist()]
        return [texts[start : start + self.samples] for start in range(0, len(texts), self.samples)]

    def _text(self, row: list[int]) -> str:
        end = int(np.argmax([*(token in self.ends for token in row), True]))
        text = self.tokenizer.decode(row[:end], skip_special_tokens=True)
        if self.is_plain:  # the space between the prompt and the answer is none of the answer's
            text = text.partition(NEXT_QUESTION)[0].removeprefix(" ")
        return trimmed(text)

    def _goes_on_asking(self, width: int) -> Any:
        """Return a criterion that stops the rows that have begun another question."""
        import torch
        from transformers import StoppingCriteria

        decode, tail = self.tokenizer.batch_decode, len(NEXT_QUESTION)  # in bytes, so in tokens

        class NextQuestion(StoppingCriteria):
            def __call__(self, input_ids: Any, scores: Any, **_: Any) -> Any:
                texts = decode(input_ids[:, max(width, input_ids.shape[1] - tail) :])
                stops = [NEXT_QUESTION in text for text in texts]
                return torch.tensor(stops, device=input_ids.device)

        return NextQuestion()
