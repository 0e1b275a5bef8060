import json

import numpy as np
import pytest
from safetensors.numpy import save_file

from equal_assets.planning.model_sizes import model_size


def test_model_in_a_folder_is_measured(tmp_path):
    save_file({"w": np.zeros((3, 4), np.float32)}, tmp_path / "model.safetensors")
    config = {
        "num_hidden_layers": 5,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "hidden_size": 32,
    }
    (tmp_path / "config.json").write_text(json.dumps(config))
    size = model_size(str(tmp_path))
    assert size is not None
    assert (size.parameters, size.cached_values) == (12, 2 * 5 * 2 * 8)


def test_published_model_is_known_without_its_files():
    size = model_size("Qwen/Qwen2.5-72B-Instruct")
    assert size is not None
    assert 2 * size.cached_values == 327_680  # bytes of a token in bfloat16


@pytest.mark.parametrize(
    ("name", "parameters"),
    [("org/Model-7B", 7e9), ("org/model-0.5b-chat", 0.5e9), ("qwen2.5:32b", 32e9)],
)
def test_name_may_say_it(name, parameters):
    assert model_size(name).parameters == parameters


@pytest.mark.parametrize("name", ["gpt-large", "org/model-7Bit", "bert"])
def test_name_that_says_nothing_gives_nothing(name):
    assert model_size(name) is None
