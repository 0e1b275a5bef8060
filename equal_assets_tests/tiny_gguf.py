"""The model of `tiny_llm` as a GGUF file, with strings that end soon."""

import json
from pathlib import Path

from equal_assets_tests import tiny_llm

QUOTE_WEIGHT = 0.6
"""How much likelier the end of a string is than its next letters."""

END_WEIGHT = -10.0
"""What is not JSON does not end by itself."""

PARTS = {
    "self_attn.q_proj": "attn_q",
    "self_attn.k_proj": "attn_k",
    "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output",
    "mlp.gate_proj": "ffn_gate",
    "mlp.up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down",
    "input_layernorm": "attn_norm",
    "post_attention_layernorm": "ffn_norm",
}
TENSORS = {
    "model.embed_tokens.weight": "token_embd.weight",
    "model.norm.weight": "output_norm.weight",
    "lm_head.weight": "output.weight",
}


def make(folder: Path, *, chat_template: bool = True) -> Path:
    """Write the model into a folder; return its file."""
    import gguf
    from safetensors.numpy import load_file

    source = tiny_llm.make(folder / "source")
    config = json.loads((source / "config.json").read_text())
    tokenizer = json.loads((source / "tokenizer.json").read_text())
    vocabulary = {
        **tokenizer["model"]["vocab"],
        **{token["content"]: token["id"] for token in tokenizer["added_tokens"]},
    }
    special = {token["content"] for token in tokenizer["added_tokens"]}
    tokens = sorted(vocabulary, key=lambda token: vocabulary[token])
    file = folder / "tiny.gguf"
    writer = gguf.GGUFWriter(str(file), "qwen2")
    writer.add_context_length(config["max_position_embeddings"])
    writer.add_embedding_length(config["hidden_size"])
    writer.add_block_count(config["num_hidden_layers"])
    writer.add_feed_forward_length(config["intermediate_size"])
    writer.add_head_count(config["num_attention_heads"])
    writer.add_head_count_kv(config["num_key_value_heads"])
    writer.add_layer_norm_rms_eps(config["rms_norm_eps"])
    writer.add_rope_freq_base(10_000.0)
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("gpt-2")
    writer.add_token_list(tokens)
    kinds = (
        gguf.TokenType.CONTROL if token in special else gguf.TokenType.NORMAL for token in tokens
    )
    writer.add_token_types([int(kind) for kind in kinds])
    writer.add_token_merges([" ".join(pair) for pair in tokenizer["model"]["merges"]])
    writer.add_eos_token_id(vocabulary["<|im_end|>"])
    if chat_template:
        writer.add_chat_template(tiny_llm.CHAT_TEMPLATE)
    weights = load_file(source / "model.safetensors")
    for token, number in vocabulary.items():
        if token.startswith('"'):
            weights["lm_head.weight"][number, 0] = QUOTE_WEIGHT
    weights["lm_head.weight"][vocabulary["<|im_end|>"], 0] = END_WEIGHT
    for name, values in weights.items():
        writer.add_tensor(_renamed(name), values.astype("float32"))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return file


def _renamed(name: str) -> str:
    if name in TENSORS:
        return TENSORS[name]
    _, _, number, part = name.split(".", 3)
    part, _, kind = part.rpartition(".")
    return f"blk.{number}.{PARTS[part]}.{kind}"
