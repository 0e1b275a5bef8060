"""Greedy replies of a causal language model to many chats at once, with transformers alone."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from transformers import AttentionInterface, AutoModelForCausalLM, AutoTokenizer, DynamicCache
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.masking_utils import AttentionMaskInterface, sdpa_mask

Chat = Sequence[dict[str, str]]
"""Messages with `role` and `content`."""

PROMPT_TOKENS_AT_ONCE = 100_000
"""Of the first pass; memory of activations."""

COMPACT_STEPS = 32
"""After so many steps finished replies leave the batch."""


@dataclass(frozen=True)
class Written:
    """A reply and what it took, in tokens."""

    text: str
    prompt_tokens: int
    completion_tokens: int
    is_cut_off: bool


class BatchedModel:
    """A model in a folder, on the GPU if there is one.

    Parameters
    ----------
    folder : Path
        Of transformers, with a chat template.
    max_new_tokens : int
        A longer reply is cut off.
    tokens_at_once : int
        Prompt and reply of all chats of a batch: memory of the cache.
    """

    def __init__(self, folder: Path, *, max_new_tokens: int, tokens_at_once: int) -> None:
        AttentionInterface.register("grouped", _attention)
        AttentionMaskInterface.register("grouped", sdpa_mask)
        self.max_new_tokens = max_new_tokens
        self.tokens_at_once = tokens_at_once
        self._device = "cuda" if torch.cuda.is_available() else "cpu"
        self._tokenizer = AutoTokenizer.from_pretrained(folder)
        self._model = AutoModelForCausalLM.from_pretrained(
            folder, dtype=torch.bfloat16, attn_implementation="grouped"
        )
        self._model.to(self._device).eval()
        ends = self._model.generation_config.eos_token_id
        self._ends = torch.tensor(ends if isinstance(ends, list) else [ends], device=self._device)

    def answer(
        self,
        chats: Sequence[Chat],
        schemas: Sequence[dict[str, Any]],
        *,
        progress: Callable[[int, int], None] = lambda done, total: None,
    ) -> list[Written]:
        """Return the reply to each chat; it begins as the schema of its JSON object must."""
        openings = [_opening(schema) for schema in schemas]
        prompts = [
            self._tokenizer.apply_chat_template(
                list(chat), add_generation_prompt=True, return_dict=False
            )
            + self._tokenizer(opening, add_special_tokens=False)["input_ids"]
            for chat, opening in zip(chats, openings, strict=True)
        ]
        replies: list[list[int]] = [[] for _ in prompts]
        done = 0
        for rows in self._batches([len(prompt) for prompt in prompts]):
            for row, reply in zip(rows, self._write([prompts[r] for r in rows]), strict=True):
                replies[row] = reply
            done += len(rows)
            progress(done, len(prompts))
        texts = self._tokenizer.batch_decode(replies, skip_special_tokens=True)
        return [
            Written(
                text=opening + text,
                prompt_tokens=len(prompt),
                completion_tokens=len(reply),
                is_cut_off=len(reply) == self.max_new_tokens and not self._is_end(reply[-1]),
            )
            for opening, text, prompt, reply in zip(openings, texts, prompts, replies, strict=True)
        ]

    def _is_end(self, token: int) -> bool:
        return token in self._ends.tolist()

    def _batches(self, lengths: Sequence[int]) -> Iterator[list[int]]:
        """Yield rows of similar length, the longest first."""
        left = sorted(range(len(lengths)), key=lambda row: -lengths[row])
        while left:
            width = lengths[left[0]] + self.max_new_tokens
            n = max(1, self.tokens_at_once // width)
            yield left[:n]
            left = left[n:]

    @torch.inference_mode()
    def _write(self, prompts: Sequence[list[int]]) -> list[list[int]]:
        """Return the tokens of the replies, their end included."""
        width = max(map(len, prompts))
        ids = torch.tensor([[0] * (width - len(p)) + p for p in prompts], device=self._device)
        mask = torch.tensor(
            [[0] * (width - len(p)) + [1] * len(p) for p in prompts], device=self._device
        )
        cache, last = self._read(ids, mask)
        live = torch.arange(len(prompts), device=self._device)
        position = mask.sum(1)
        steps: list[tuple[torch.Tensor, torch.Tensor]] = []
        is_done = torch.zeros_like(live, dtype=torch.bool)
        for step in range(self.max_new_tokens):
            steps.append((live, torch.where(is_done, -1, last)))
            is_done = is_done | torch.isin(last, self._ends)
            if step % COMPACT_STEPS == COMPACT_STEPS - 1:
                kept = (~is_done).nonzero()[:, 0]
                if not len(kept):
                    break
                cache.batch_select_indices(kept)
                live, last, position = live[kept], last[kept], position[kept]
                mask, is_done = mask[kept], is_done[kept]
            if step + 1 == self.max_new_tokens:
                break
            mask = torch.cat([mask, torch.ones_like(mask[:, :1])], dim=1)
            last = self._next(last[:, None], mask, position[:, None], cache)
            position = position + 1
        replies: list[list[int]] = [[] for _ in prompts]
        for rows, tokens in steps:
            for row, token in zip(rows.tolist(), tokens.tolist(), strict=True):
                if token >= 0:
                    replies[row].append(token)
        return replies

    def _read(self, ids: torch.Tensor, mask: torch.Tensor) -> tuple[DynamicCache, torch.Tensor]:
        """Read the prompts, some at a time; return their cache and the first tokens of replies."""
        n = max(1, PROMPT_TOKENS_AT_ONCE // ids.shape[1])
        parts, first = [], []
        for rows in torch.arange(len(ids), device=self._device).split(n):
            cache = DynamicCache()
            positions = (mask[rows].cumsum(1) - 1).clamp(min=0)
            first.append(self._next(ids[rows], mask[rows], positions, cache))
            parts.append(cache)
        joined = DynamicCache()
        for layer in range(len(parts[0].layers)):
            keys = torch.cat([part.layers[layer].keys for part in parts])
            values = torch.cat([part.layers[layer].values for part in parts])
            for part in parts:
                part.layers[layer].keys = part.layers[layer].values = None
            joined.update(keys, values, layer)
        return joined, torch.cat(first)

    def _next(
        self,
        ids: torch.Tensor,
        mask: torch.Tensor,
        positions: torch.Tensor,
        cache: DynamicCache,
    ) -> torch.Tensor:
        logits = self._model(
            input_ids=ids,
            attention_mask=mask,
            position_ids=positions,
            past_key_values=cache,
            use_cache=True,
            logits_to_keep=1,
        ).logits
        return logits[:, -1].argmax(-1)


def _opening(schema: dict[str, Any]) -> str:
    """Return how a reply of a schema begins: nothing else holds a small model to it here.

    No bracket: an empty list is one token, which could not follow one.
    """
    return "{" + json.dumps(next(iter(schema["properties"]))) + ":"


def _attention(
    module: Any,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    **given: Any,
) -> tuple[torch.Tensor, None]:
    """Attend from one new token without copying the heads that a group shares; else as SDPA."""
    if query.shape[2] > 1:
        return sdpa_attention_forward(module, query, key, value, attention_mask, **given)
    n, heads, _, width = query.shape
    groups = key.shape[1]
    grouped = query.view(n, groups, heads // groups, width)
    scores = grouped @ key.transpose(2, 3) * given.get("scaling", width**-0.5)
    if attention_mask is not None:
        allowed = attention_mask[:, :, :, : key.shape[2]]
        scores = (
            scores.masked_fill(~allowed, torch.finfo(scores.dtype).min)
            if allowed.dtype == torch.bool
            else scores + allowed
        )
    weights = torch.softmax(scores, dim=-1, dtype=torch.float32).to(value.dtype)
    return (weights @ value).reshape(n, 1, heads, width), None
