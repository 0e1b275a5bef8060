"""A small Qwen2 with random weights, a tokenizer and a chat template, made on the spot."""

from collections.abc import Sequence
from pathlib import Path

CHAT_TEMPLATE = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n{{ message['content'] }}"
    "<|im_end|>\n{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)

LIST_END_WEIGHT = 0.5
"""How much less likely the end of a list is than its next item; without, most would be empty."""


def make(
    folder: Path,
    *,
    hidden_size: int = 128,
    vocabulary: int = 2048,
    texts: Sequence[str] | None = None,
) -> Path:
    """Write the model into a folder that transformers and vLLM load.

    The tokenizer learns from ``texts``, by default the sources of the package.
    """
    import torch
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast, Qwen2Config, Qwen2ForCausalLM

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary,
        special_tokens=["<|endoftext|>", "<|im_start|>", "<|im_end|>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
    )
    package = Path(__file__).parents[1] / "equal_assets"
    if texts is None:
        texts = [path.read_text(encoding="utf-8") for path in sorted(package.rglob("*.py"))]
    tokenizer.train_from_iterator(texts, trainer)
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, eos_token="<|im_end|>", pad_token="<|endoftext|>"
    )
    fast.chat_template = CHAT_TEMPLATE
    fast.save_pretrained(folder)
    torch.manual_seed(0)
    config = Qwen2Config(
        vocab_size=len(fast),
        hidden_size=hidden_size,
        intermediate_size=2 * hidden_size,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=8192,
        eos_token_id=fast.eos_token_id,
        pad_token_id=fast.pad_token_id,
    )
    model = Qwen2ForCausalLM(config)
    with torch.no_grad():
        # a dimension that is the same in every state, so that it weighs tokens: lists end late
        model.model.embed_tokens.weight[:, 0] = 1.0
        model.lm_head.weight[:, 0] = 0.0
        for token, number in fast.get_vocab().items():
            if "]" in token:
                model.lm_head.weight[number, 0] = -LIST_END_WEIGHT
    model.save_pretrained(folder)
    return folder
