"""Chat templates: a model's own, one of those known by name, or a file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from equal_assets.errors import ModelError

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

KNOWN = {
    "chatml": (
        "{% for message in messages %}<|im_start|>{{ message['role'] }}\n{{ message['content'] }}"
        "<|im_end|>\n{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
    ),
    "gemma": (
        "{{ bos_token }}{% for message in messages %}<start_of_turn>"
        "{{ 'model' if message['role'] == 'assistant' else message['role'] }}\n"
        "{{ message['content'] }}<end_of_turn>\n{% endfor %}"
        "{% if add_generation_prompt %}<start_of_turn>model\n{% endif %}"
    ),
    "llama3": (
        "{{ bos_token }}{% for message in messages %}<|start_header_id|>{{ message['role'] }}"
        "<|end_header_id|>\n\n{{ message['content'] }}<|eot_id|>{% endfor %}"
        "{% if add_generation_prompt %}<|start_header_id|>assistant<|end_header_id|>\n\n{% endif %}"
    ),
}
"""Templates of Qwen and others, of Gemma 1 to 3, and of Llama 3, for their untuned base models."""


def set_template(tokenizer: PreTrainedTokenizerFast, setting: str) -> None:
    """Let a tokenizer write prompts as ``student.chat_template`` says.

    Parameters
    ----------
    tokenizer : PreTrainedTokenizerFast
    setting : str
        ``auto`` leaves its own, ``off`` leaves none; otherwise a name of :data:`KNOWN` or a file.

    Raises
    ------
    ModelError
        If a file cannot be read.
    """
    if setting == "auto":
        return
    tokenizer.chat_template = None if setting == "off" else _text(setting)


def _text(setting: str) -> str:
    if setting in KNOWN:
        return KNOWN[setting]
    try:
        return Path(setting).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ModelError(
            f"student.chat_template = {setting!r}: must be a file of Jinja in UTF-8; it cannot be "
            f"read ({error})"
        ) from error
