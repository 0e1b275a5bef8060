"""Students of too few examples are warned of."""

import pytest

from equal_assets.pages.training import few_examples
from equal_assets.settings import DatasetSettings


def test_seven_examples_are_too_few_by_default():
    warning = few_examples("c", 7, DatasetSettings())
    assert warning.startswith("the student of campaign c is trained on 7 examples, under 50")
    assert "dataset.min_examples" in warning
    assert "LLM" in warning


@pytest.mark.parametrize(("n_examples", "least"), [(50, 50), (51, 50), (1, 0), (7, 7)])
def test_enough_examples_are_no_reason_to_warn(n_examples, least):
    assert few_examples("c", n_examples, DatasetSettings(min_examples=least)) is None
