import numpy as np
import pytest
from scipy.optimize import linear_sum_assignment

from equal_assets.algorithms.optimal_transport import (
    REWARD_WITHOUT_PAIRS,
    ConvergenceError,
    SamplingBias,
    cosine_cost,
    debiased_ot_reward,
    ot_cost,
    ot_cost_by_target,
    ot_reward,
    sampling_bias,
)

EAST, NORTH, WEST = [1.0, 0.0], [0.0, 1.0], [-1.0, 0.0]


def unit_rows(n_rows, *, seed, n_dimensions=8):
    rows = np.random.default_rng(seed).normal(size=(n_rows, n_dimensions))
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def test_cosine_cost_of_equal_orthogonal_and_opposite_rows():
    cost = cosine_cost(np.array([EAST]), np.array([EAST, NORTH, WEST]))
    np.testing.assert_array_equal(cost, [[0.0, 1.0, 2.0]])


def test_cosine_cost_stays_within_bounds_in_single_precision():
    rows = unit_rows(200, seed=1, n_dimensions=384).astype(np.float32)
    cost = cosine_cost(rows, np.concatenate([rows, -rows]))
    assert cost.dtype == np.float64
    assert cost.min() >= 0.0
    assert cost.max() <= 2.0
    np.testing.assert_allclose(np.diag(cost[:, :200]), 0.0, atol=1e-6)


def test_one_pair_against_two_worked_by_hand():
    # half of the mass stays where it is, half moves by a distance of 1
    assert ot_cost(np.array([[0.0, 1.0]])) == pytest.approx(0.5)


def test_two_pairs_against_three_worked_by_hand():
    # of the second pair's 1/2, 1/3 stays and 1/6 moves by 1; the first pair's 1/2 stays
    cost = cosine_cost(np.array([EAST, NORTH]), np.array([EAST, EAST, NORTH]))
    assert ot_cost(cost) == pytest.approx(1 / 6)


@pytest.mark.parametrize("seed", range(5))
def test_equal_numbers_of_points_cost_what_the_best_assignment_costs(seed):
    cost = cosine_cost(unit_rows(30, seed=seed), unit_rows(30, seed=seed + 100))
    rows, columns = linear_sum_assignment(cost)
    assert ot_cost(cost) == pytest.approx(cost[rows, columns].mean(), abs=1e-9)


def test_identical_clouds_cost_nothing():
    rows = unit_rows(25, seed=2)
    assert ot_cost(cosine_cost(rows, rows)) == pytest.approx(0.0, abs=1e-9)


def test_repeating_every_point_changes_nothing():
    source, target = unit_rows(7, seed=3), unit_rows(5, seed=4)
    doubled = ot_cost(cosine_cost(np.repeat(source, 2, axis=0), target))
    assert doubled == pytest.approx(ot_cost(cosine_cost(source, target)), abs=1e-9)


def test_order_of_points_and_direction_change_nothing():
    source, target = unit_rows(12, seed=5), unit_rows(9, seed=6)
    cost = cosine_cost(source, target)
    expected = pytest.approx(ot_cost(cost), abs=1e-9)
    rng = np.random.default_rng(0)
    assert ot_cost(cosine_cost(rng.permutation(source), rng.permutation(target))) == expected
    assert ot_cost(cost.T) == expected


@pytest.mark.parametrize("seed", range(5))
def test_cost_lies_between_nearest_neighbors_and_the_independent_plan(seed):
    cost = cosine_cost(unit_rows(11, seed=seed), unit_rows(17, seed=seed + 50))
    lower = max(cost.min(axis=1).mean(), cost.min(axis=0).mean())
    assert cost.min() <= lower <= ot_cost(cost) + 1e-12
    assert ot_cost(cost) < cost.mean() <= cost.max()


def test_solver_that_does_not_reach_the_optimum_is_an_error():
    with pytest.raises(ConvergenceError, match=r"optimal transport of a \(2, 2\) cost matrix"):
        ot_cost(np.array([[np.nan, 1.0], [1.0, 0.0]]))


def test_reward_is_minus_the_cost():
    assert ot_reward(np.array([EAST]), np.array([EAST, NORTH])) == pytest.approx(-0.5)


def test_reward_rises_as_pairs_come_nearer_the_reference():
    reference = np.array([EAST])
    near = np.array([[0.8, 0.6]])
    rewards = [ot_reward(rows, reference) for rows in (np.array([WEST]), near, reference)]
    assert rewards == pytest.approx([-2.0, -0.2, 0.0])


def test_arm_without_pairs_is_rewarded_like_pairs_orthogonal_to_the_target():
    reference = np.array([EAST])
    assert ot_reward(np.zeros((0, 2)), reference) == REWARD_WITHOUT_PAIRS
    assert ot_reward(np.array([NORTH]), reference) == pytest.approx(REWARD_WITHOUT_PAIRS)


@pytest.mark.parametrize(
    ("source", "target", "name"),
    [
        (np.zeros((0, 2)), np.array([EAST]), "source"),
        (np.array([EAST]), np.zeros((0, 2)), "target"),
        (np.array(EAST), np.array([EAST]), "source"),
    ],
)
def test_empty_or_flat_embeddings_are_refused(source, target, name):
    with pytest.raises(ValueError, match=rf"{name} has shape .*: must be \(n >= 1, n_dimensions"):
        cosine_cost(source, target)


@pytest.mark.parametrize("name", ["source", "target"])
def test_row_that_is_not_of_unit_length_is_refused(name):
    rows = {"source": np.array([EAST]), "target": np.array([EAST])}
    rows[name] = np.array([EAST, [3.0, 4.0], EAST])
    with pytest.raises(ValueError, match=rf"{name} has a row of length 5\.000: must be 1; norm"):
        cosine_cost(**rows)


def test_different_dimensions_are_refused():
    with pytest.raises(ValueError, match="source has 2 dimensions, target 3"):
        cosine_cost(np.array([EAST]), np.array([[1.0, 0.0, 0.0]]))


def test_reward_checks_the_embeddings_too():
    with pytest.raises(ValueError, match="normalize the embeddings"):
        ot_reward(np.array([[2.0, 0.0]]), np.array([EAST]))


def test_weights_worked_by_hand():
    # 3/4 of the mass must go to the second target, at a cost of 1
    assert ot_cost(np.array([[0.0, 1.0]]), target_weights=np.array([1, 3])) == pytest.approx(0.75)


def test_equal_weights_are_the_default():
    cost = cosine_cost(unit_rows(12, seed=5), unit_rows(9, seed=6))
    assert ot_cost(cost, target_weights=np.full(9, 7.0)) == pytest.approx(ot_cost(cost), abs=1e-12)


def test_whole_weights_are_worth_repeated_targets():
    source, target = unit_rows(8, seed=7), unit_rows(5, seed=8)
    weights = np.array([3, 0, 1, 2, 4])
    repeated = ot_cost(cosine_cost(source, np.repeat(target, weights, axis=0)))
    weighted = ot_cost(cosine_cost(source, target), target_weights=weights)
    assert weighted == pytest.approx(repeated, abs=1e-9)


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ([1.0], r"target_weights has shape \(1,\): must be \(2,\)"),
        ([1.0, -2.0], r"target_weights has the entry -2\.0: must be finite and >= 0"),
        ([np.inf, 1.0], r"target_weights has the entry inf: must be finite and >= 0"),
        ([0.0, 0.0], "target_weights are all 0: must be > 0 at least once"),
    ],
)
def test_unusable_weights_are_refused(weights, message):
    with pytest.raises(ValueError, match=message):
        ot_cost(np.array([[0.0, 1.0]]), target_weights=np.array(weights))


def test_bias_falls_with_the_number_of_pairs():
    bias = sampling_bias(
        unit_rows(200, seed=0), [2, 5, 20, 100], n_draws=10, rng=np.random.default_rng(0)
    )
    assert bias.sizes.tolist() == [1, 2, 5, 20, 100]
    assert (np.diff(bias.biases) < -0.01).all()
    assert bias.biases[-1] > 0


def test_bias_of_one_pair_is_what_transport_saves_over_spreading_evenly():
    # two of EAST and two of NORTH: halves are alike (bias 1/2) or opposed (none)
    reference = np.array([EAST, EAST, NORTH, NORTH])
    bias = sampling_bias(reference, [2], n_draws=800, rng=np.random.default_rng(0))
    # alike in 4 of 6 ways; two draws then hit the same row in half of the cases, at a cost of 1/2
    assert bias.biases == pytest.approx([1 / 3, 1 / 6], abs=0.03)


def test_bias_depends_on_the_generator_alone():
    first, again = (
        sampling_bias(unit_rows(20, seed=0), [3], n_draws=2, rng=np.random.default_rng(4)).biases
        for _ in range(2)
    )
    np.testing.assert_array_equal(first, again)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"reference_embeddings": unit_rows(3, seed=0)}, "reference pairs = 3: must be at least 4"),
        ({"sizes": []}, r"sizes = \[\]: must be increasing numbers, each >= 2"),
        ({"sizes": [1, 2]}, r"sizes = \[1, 2\]: must be increasing numbers, each >= 2"),
        ({"sizes": [5, 5]}, r"sizes = \[5, 5\]: must be increasing numbers, each >= 2"),
        ({"n_draws": 0}, "n_draws = 0: must be at least 1"),
    ],
)
def test_bias_that_cannot_be_measured_is_an_error(changes, message):
    arguments = {"reference_embeddings": unit_rows(8, seed=0), "sizes": [2], "n_draws": 1}
    with pytest.raises(ValueError, match=message):
        sampling_bias(**{**arguments, **changes}, rng=np.random.default_rng(0))


def test_debiased_reward_worked_by_hand():
    bias = SamplingBias(sizes=np.array([1, 2, 8]), biases=np.array([0.4, 0.2, 0.1]))
    reference = np.array([EAST, NORTH])
    # one pair: cost 1/2 and no saving seen; all of it missed, half of 0.4 taken
    assert debiased_ot_reward(np.array([EAST]), reference, bias) == pytest.approx(-0.3)
    # two pairs: cost 0, mean cost 1/2; half of the saving of 1/2 + 0.5 * 0.2 missed
    assert debiased_ot_reward(reference, reference, bias) == pytest.approx(0.3)
    # four: bias 0.15 halfway between 2 and 8 on the logarithm
    share = 0.15 / 0.4
    expected = share * (0.5 + share * 0.2)
    assert debiased_ot_reward(np.tile(reference, (2, 1)), reference, bias) == pytest.approx(
        expected
    )
    # 32: half of that of 8
    share = 0.05 / 0.4
    expected = share * (0.5 + share * 0.2)
    assert debiased_ot_reward(np.tile(reference, (16, 1)), reference, bias) == pytest.approx(
        expected
    )


def test_debiased_reward_against_a_target_of_one_point_is_the_raw_reward():
    reference = np.array([EAST] * 4)
    bias = sampling_bias(reference, [2], n_draws=2, rng=np.random.default_rng(0))
    pairs = np.array([EAST, NORTH])
    assert debiased_ot_reward(pairs, reference, bias) == ot_reward(pairs, reference)


def test_debiased_reward_without_pairs():
    bias = SamplingBias(sizes=np.array([1, 2]), biases=np.array([0.4, 0.2]))
    reward = debiased_ot_reward(np.zeros((0, 2)), np.array([EAST]), bias)
    assert reward == REWARD_WITHOUT_PAIRS


def test_debiased_reward_ranks_a_better_arm_with_few_pairs_above_a_worse_one_with_many():
    rng = np.random.default_rng(0)

    def cloud(n_rows, *, shift):
        rows = rng.normal(size=(n_rows, 16))
        rows[:, 0] += shift
        return rows / np.linalg.norm(rows, axis=1, keepdims=True)

    reference = cloud(200, shift=3.0)
    bias = sampling_bias(reference, [2, 4, 8, 16, 32, 64, 128], n_draws=10, rng=rng)
    few, many = cloud(4, shift=3.0), cloud(128, shift=1.8)
    assert ot_reward(few, reference) < ot_reward(many, reference)
    assert debiased_ot_reward(few, reference, bias) > debiased_ot_reward(many, reference, bias)


def test_costs_by_target_average_to_the_cost_and_tell_what_a_weight_changes():
    costs = cosine_cost(unit_rows(40, seed=3), unit_rows(12, seed=4))
    weights = np.random.default_rng(5).uniform(0.5, 1.5, size=12)
    weights /= weights.sum()
    by_target = ot_cost_by_target(costs, target_weights=weights)
    cost = ot_cost(costs, target_weights=weights)
    assert by_target @ weights == pytest.approx(cost)
    moved = weights + 1e-5 * (np.eye(12)[3] - np.eye(12)[7])
    changed = ot_cost(costs, target_weights=moved) - cost
    assert changed == pytest.approx(1e-5 * (by_target[3] - by_target[7]), rel=1e-3)
