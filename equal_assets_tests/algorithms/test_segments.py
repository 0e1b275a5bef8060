import numpy as np
import pytest

from equal_assets.algorithms.segments import rows_of, sums_of


def test_each_owner_has_its_rows_in_order():
    rows = rows_of(np.array([3, 0, 3, 1]), 5)
    assert [owned.tolist() for owned in rows] == [[1], [3], [], [0, 2], []]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_sums_are_those_of_adding_row_by_row(dtype):
    rng = np.random.default_rng(0)
    values = rng.normal(size=(500, 32)).astype(np.float32)
    owners = rng.choice([0, 1, 2, 4], 500)
    expected = np.zeros((6, 32), dtype)
    np.add.at(expected, owners, values)
    assert np.array_equal(sums_of(values, owners, 6, dtype=dtype), expected)
