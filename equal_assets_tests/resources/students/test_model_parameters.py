"""Parameters read from the files of a model: exactly, or not at all."""

import json

import pytest
import torch
from safetensors.torch import save_file

from equal_assets.resources.students.model_parameters import dense_parameters

TENSORS = {"a.weight": torch.zeros(3, 5), "a.bias": torch.zeros(5), "scale": torch.tensor(1.0)}


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "config.json").write_text('{"model_type": "llama"}')
    return tmp_path


def test_elements_of_all_tensors_are_counted(folder):
    save_file(TENSORS, folder / "model.safetensors", metadata={"format": "pt"})
    assert dense_parameters(folder) == 15 + 5 + 1


def test_shards_that_the_index_names_are_counted_and_other_copies_are_not(folder):
    placed = {}
    for number, (name, tensor) in enumerate(TENSORS.items()):
        save_file({name: tensor.to(torch.bfloat16)}, folder / f"model-{number}.safetensors")
        placed[name] = f"model-{number}.safetensors"
    (folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": placed}))
    save_file(TENSORS, folder / "consolidated.safetensors")
    assert dense_parameters(folder) == 21
    (folder / "model-1.safetensors").unlink()
    assert dense_parameters(folder) is None


def test_parameters_of_a_model_made_here_are_what_torch_counts(folder):
    from transformers import LlamaConfig, LlamaForCausalLM

    sizes = {"hidden_size": 32, "intermediate_size": 64, "vocab_size": 100}
    model = LlamaForCausalLM(LlamaConfig(num_hidden_layers=2, num_attention_heads=2, **sizes))
    model.save_pretrained(folder)
    assert dense_parameters(folder) == sum(p.numel() for p in model.parameters())


def test_quantized_weights_are_not_counted(folder):
    save_file(
        {**TENSORS, "packed": torch.zeros(4, dtype=torch.int32)}, folder / "model.safetensors"
    )
    assert dense_parameters(folder) is None


def test_mixture_of_experts_is_not_known(folder):
    save_file(TENSORS, folder / "model.safetensors")
    (folder / "config.json").write_text('{"num_local_experts": 8, "num_experts_per_tok": 2}')
    assert dense_parameters(folder) is None


def test_folder_without_weights_and_a_hub_id_are_not_known(folder, tmp_path):
    assert dense_parameters(folder) is None
    assert dense_parameters(tmp_path / "Qwen" / "Qwen2.5-72B-Instruct") is None
