"""Prompts and answers as tokens: the same for tuning, scoring and answering."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from jinja2 import TemplateError

from equal_assets.errors import ModelError
from equal_assets.records import trimmed

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

TEMPLATE_VARIABLES = {
    "enable_thinking": False,  # templates of reasoning models then open the answer itself
    "date_string": "26 Jul 2024",  # Llama's own default; others write today's date into prompts
}
"""Arguments of chat templates; each ignores those it does not know."""

PROBE = "yes"


def tokens(tokenizer: PreTrainedTokenizerFast, texts: Iterable[str]) -> list[list[int]]:
    """Return the tokens of each text, without special ones."""
    texts = list(texts)
    return tokenizer(texts, add_special_tokens=False)["input_ids"] if texts else []


def prompt_tokens(tokenizer: PreTrainedTokenizerFast, prompts: Sequence[str]) -> list[list[int]]:
    """Return the prompts as tokens.

    Parameters
    ----------
    tokenizer : PreTrainedTokenizerFast
        With a chat template, a prompt is a user's message and the answer is opened; without one, a
        prompt follows the token that begins a document.
    prompts : sequence of str
        May be empty texts.
    """
    if tokenizer.chat_template is None:
        start = tokenizer.bos_token_id
        start = tokenizer.eos_token_id if start is None else start  # it ends the previous document
        return [[start, *text] for text in tokens(tokenizer, prompts)]
    return [_chat(tokenizer, prompt) for prompt in prompts]


def cut_middle(prompt: list[int], at_most: int) -> list[int]:
    """Return a prompt cut to a number of tokens: its first one, and its end."""
    return prompt if len(prompt) <= at_most else [prompt[0], *prompt[len(prompt) + 1 - at_most :]]


def answer_tokens(tokenizer: PreTrainedTokenizerFast, answers: Sequence[str]) -> list[list[int]]:
    """Return the tokens of answers, without their end.

    A chat template has a border between prompt and answer, so the space between them is dropped.
    """
    if tokenizer.chat_template is not None:
        answers = [trimmed(answer.removeprefix(" ")) for answer in answers]
    return tokens(tokenizer, answers)


def end_tokens(tokenizer: PreTrainedTokenizerFast) -> list[int]:
    """Return the tokens that end an answer, up to the first special one.

    Raises
    ------
    ModelError
        If the chat template is no template, does not put an answer directly after the opened
        prompt, or ends it with text that is no token of the model.
    """
    if tokenizer.chat_template is None:
        return [tokenizer.eos_token_id]
    before = _chat(tokenizer, PROBE)
    whole = _chat(tokenizer, PROBE, PROBE)
    answer = tokens(tokenizer, [PROBE])[0]
    if whole[: len(before) + len(answer)] != [*before, *answer]:
        raise ModelError(
            "the chat template of student.model does not put the answer directly after the prompt; "
            "set student.chat_template: 'off'"
        )
    after = whole[len(before) + len(answer) :]
    special = [place for place, token in enumerate(after) if token in _markers(tokenizer)]
    if not special and tokenizer.decode(after).strip():
        raise ModelError(
            f"student.chat_template ends an answer with {tokenizer.decode(after)!r}: must be one "
            f"token of the model, which reads it as {len(after)}; name a template made for the "
            "model, or set student.chat_template: 'off'"
        )
    return after[: special[0] + 1] if special else [*after, tokenizer.eos_token_id]


def _chat(tokenizer: PreTrainedTokenizerFast, prompt: str, answer: str | None = None) -> list[int]:
    messages = [{"role": "user", "content": prompt}]
    if answer is not None:
        messages.append({"role": "assistant", "content": answer})
    try:
        return tokenizer.apply_chat_template(
            messages,
            add_generation_prompt=answer is None,
            return_dict=False,
            **TEMPLATE_VARIABLES,
        )
    except TemplateError as error:
        raise ModelError(
            f"the chat template of the student cannot be used: {error}; name another one in "
            "student.chat_template, or set it to 'off'"
        ) from error


def _markers(tokenizer: PreTrainedTokenizerFast) -> set[int]:
    """Return the tokens that no text is made of: special ones, and others that were added whole."""
    added = tokenizer.added_tokens_decoder.items()  # Gemma's has runs of line ends and spaces
    return {*tokenizer.all_special_ids, *(n for n, token in added if token.content.strip())}
