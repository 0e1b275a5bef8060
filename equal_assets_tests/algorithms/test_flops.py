import pytest

from equal_assets.algorithms.flops import (
    adapter_training_flops,
    inference_flops,
    lookup_flops,
    training_flops,
)


def test_reading_and_writing_cost_two_operations_a_parameter_and_token():
    assert inference_flops(72_000_000_000, 1_000) == 1.44e14


def test_training_costs_six_operations_a_parameter_and_token():
    assert training_flops(8_000_000_000, 10) == 4.8e11


def test_adapters_save_the_gradient_of_the_frozen_weights_alone():
    # forward 2 x 110, backward through both 2 x 110, gradient of the adapter's weights 2 x 10
    assert adapter_training_flops(100, 10, 1) == 460
    assert adapter_training_flops(100, 0, 1) == training_flops(100, 1) * 2 / 3
    assert adapter_training_flops(0, 10, 7) == training_flops(10, 7)


def test_static_embedder_adds_a_row_for_every_token():
    assert lookup_flops(384, 10) == 3840


def test_flops_refuse_negative_counts():
    with pytest.raises(ValueError, match="n_tokens = -1: must be >= 0"):
        training_flops(1, -1)
    with pytest.raises(ValueError, match="n_parameters = -1: must be >= 0"):
        inference_flops(-1, 1)
    with pytest.raises(ValueError, match="n_adapter = -1: must be >= 0"):
        adapter_training_flops(1, -1, 1)
    with pytest.raises(ValueError, match="n_dimensions = -1: must be >= 0"):
        lookup_flops(-1, 1)
