import os
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from equal_assets.algorithms.strategies.strategy import Corpus
from equal_assets.algorithms.strategies.table import STRATEGIES
from equal_assets.settings import Settings
from equal_assets_tests.algorithms.worlds import planted_world, play, strategy

BANDITS = ("equal-paper", "equal-paper-no-exploration", "equal-authors")
SCORED = ("perplexity-mab", "influence-mab")
LEARNING = ("equal", *BANDITS, *SCORED)


def rows(rounds):
    return [row for pulls in rounds for pull in pulls for row in pull.documents]


def test_row_stands_under_its_own_name_and_reads_sections_that_there_are():
    for name, row in STRATEGIES.items():
        assert row.name == name
        assert set(row.sections) <= Settings.model_fields.keys()


@pytest.mark.parametrize("name", STRATEGIES)
def test_documents_per_pull_matter_to_strategies_that_pull_arms(name):
    world = planted_world(1, n_arms=5, per_arm=11)
    orders = [
        rows(play(strategy(name, world, documents_per_pull=n), world, n_rounds=4)) for n in (2, 5)
    ]
    assert (orders[0] != orders[1]) is STRATEGIES[name].pulls_arms


@pytest.mark.parametrize("name", STRATEGIES)
def test_gain_is_predicted_by_strategies_that_say_so(name):
    player = strategy(name, planted_world(0))
    player.plan(10, np.random.default_rng(0))
    assert (player.expected_gain is not None) is STRATEGIES[name].predicts_gain


@pytest.mark.parametrize("name", STRATEGIES)
def test_scores_are_needed_by_strategies_that_say_so(name):
    row, world = STRATEGIES[name], planted_world(0)
    unscored = replace(world, corpus=replace(world.corpus, scores=None))
    if row.scores_documents:
        with pytest.raises(
            ValueError, match=r"corpus\.scores = None: must be a score per document"
        ):
            strategy(name, unscored)
        return
    player = strategy(name, unscored)
    if row.score and row.score.of == "pairs":
        with pytest.raises(ValueError, match="pair_scores = None: must be the scores of the pairs"):
            player.reward(world.pairs[0])
    else:
        assert np.isfinite(player.reward(world.pairs[0]))


@pytest.mark.parametrize("name", STRATEGIES)
def test_space_is_needed_by_strategies_that_say_so(name):
    world = planted_world(0)
    without = replace(world, corpus=replace(world.corpus, space=None))
    if STRATEGIES[name].compares_states:
        with pytest.raises(ValueError, match=r"corpus\.space = None: must be what documents and"):
            strategy(name, without)
    else:
        assert strategy(name, without).plan(10, np.random.default_rng(0))


def test_student_and_llm_are_asked_for_what_is_theirs():
    asked = {name: row.student_score for name, row in STRATEGIES.items() if row.student_score}
    assert set(asked.values()) == {"perplexity", "influence", "states"}
    rated = {name for name, row in STRATEGIES.items() if row.needs_ratings}
    assert rated == {"llm-scoring"}
    assert {name for name, row in STRATEGIES.items() if row.score} == asked.keys() | rated


def test_unknown_strategy_is_refused_with_the_known_ones():
    with pytest.raises(
        ValueError, match=r"strategy = 'greedy': must be one of equal, equal-paper, "
    ):
        strategy("greedy", planted_world(0))


@pytest.mark.parametrize("name", STRATEGIES)
def test_rounds_ask_for_exactly_their_documents_each_once_until_none_is_left(name):
    world = planted_world(1, n_arms=5, per_arm=11)
    player = strategy(name, world, n_documents=55, documents_per_pull=4)
    rounds = play(player, world, n_rounds=6, n_documents=12)
    assert [len(rows([pulls])) for pulls in rounds] == [12, 12, 12, 12, 7, 0]
    assert sorted(rows(rounds)) == list(range(55))


@pytest.mark.parametrize("name", STRATEGIES)
def test_pulls_hold_documents_of_their_own_arm(name):
    world = planted_world(2)
    for pulls in play(strategy(name, world), world, n_rounds=4):
        for pull in pulls:
            assert (world.corpus.arms[list(pull.documents)] == pull.arm).all()


@pytest.mark.parametrize("name", STRATEGIES)
def test_restored_strategy_goes_on_as_the_one_that_was_never_stopped(name):
    world = planted_world(3)
    whole = strategy(name, world, seed=6)
    expected = play(whole, world, n_rounds=8, seed=6)
    first = strategy(name, world, seed=6)
    begun = play(first, world, n_rounds=5, seed=6)
    state = {key: vector.tolist() for key, vector in first.state().items()}
    second = strategy(name, world, seed=6)
    second.restore({key: np.array(values) for key, values in state.items()}, np.array(rows(begun)))
    # rewards come from all pairs of an arm, which the caller keeps: the pools start again here,
    # so only what was planned first is compared for strategies that learn from rewards
    rest = play(second, world, n_rounds=3, seed=6, first=5)
    compared = 1 if second.learns_from_rewards else 3
    assert rest[:compared] == expected[5 : 5 + compared]


@pytest.mark.parametrize("name", LEARNING)
def test_state_of_another_size_is_refused(name):
    player = strategy(name, planted_world(0, n_arms=4))
    state = strategy(name, planted_world(0, n_arms=5)).state()
    with pytest.raises(ValueError, match="of the sizes of this corpus and target"):
        player.restore(state, np.array([], dtype=int))


@pytest.mark.parametrize("name", ["equal", "equal-paper", *SCORED])
@pytest.mark.parametrize("seed", range(20))
def test_planted_best_arm_is_found_where_only_pairs_tell(name, seed):
    world = planted_world(seed, best=9, documents_tell=False, per_arm=60)
    rounds = play(strategy(name, world, seed=seed), world, n_rounds=20, seed=seed)
    found = (world.corpus.arms[rows(rounds)] == 9).sum()
    assert found >= 42  # of its 60 documents; 200 drawn from all 720 would hold 17


@pytest.mark.parametrize("name", ["equal", "equal-paper"])
def test_cumulative_regret_is_sublinear(name):
    regrets = []
    for seed in range(4):
        world = planted_world(seed, best=9, documents_tell=False, per_arm=400)
        rounds = play(strategy(name, world, n_documents=400, seed=seed), world, n_rounds=36)
        regrets.append(np.cumsum([(world.corpus.arms[rows([p])] != 9).mean() for p in rounds]))
    thirds = np.diff([0.0, *np.mean(regrets, axis=0)[[11, 23, 35]]])
    assert thirds[0] > thirds[1] >= thirds[2]
    assert thirds[2] < 0.5 * thirds[0]


@pytest.mark.parametrize("name", STRATEGIES)
def test_rewards_of_strategies_are_higher_for_the_planted_arm(name):
    world = planted_world(0)
    player = strategy(name, world)
    pools = [
        np.concatenate([world.pairs[row] for row in range(40 * arm, 40 * arm + 40)])
        for arm in range(12)
    ]
    assert np.argmax([player.reward(pool, world.scores(pool)) for pool in pools]) == 3


def test_documents_are_the_same_whatever_the_number_of_threads():
    code = (
        "import numpy as np\n"
        "from equal_assets_tests.algorithms.worlds import planted_world, play, strategy\n"
        "world = planted_world(0, n_arms=20, per_arm=200, n_questions=150)\n"
        "for name in ('equal', 'round-robin', 'equal-paper'):\n"
        "    rounds = play(strategy(name, world), world, n_rounds=4, n_documents=50)\n"
        "    print(name, [row for pulls in rounds for p in pulls for row in p.documents])\n"
    )
    # optimal transport imports torch where it may: seconds that nothing here needs
    inherited = {**os.environ, "POT_BACKEND_DISABLE_PYTORCH": "1"}
    printed = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={**inherited, "OMP_NUM_THREADS": threads, "OPENBLAS_NUM_THREADS": threads},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for threads in ("1", "5")
    }
    assert len(printed) == 1


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"arms": np.zeros(2, dtype=int)}, "embeddings, arms, tokens and costs differ in length"),
        ({"tokens": np.array([1.0, 0.0, 1.0])}, "tokens holds 0.0: must be > 0"),
        ({"costs": np.array([1.0, -1.0, 1.0])}, "costs holds -1.0: must be > 0"),
    ],
)
def test_corpus_that_does_not_fit_together_is_refused(changes, message):
    fitting = {
        "embeddings": np.eye(3, dtype=np.float32),
        "arms": np.zeros(3, dtype=int),
        "tokens": np.ones(3),
        "costs": np.ones(3),
    }
    with pytest.raises(ValueError, match=message):
        Corpus(**{**fitting, **changes})
