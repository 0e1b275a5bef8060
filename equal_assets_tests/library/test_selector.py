import subprocess
import sys

import numpy as np
import pytest

import equal_assets

N_DOCUMENTS, N_TARGETS, N_DIMENSIONS = 400, 12, 16


@pytest.fixture(scope="module")
def world():
    """Documents of which the first forty are near a target; each gives two pairs like itself."""
    rng = np.random.default_rng(5)
    documents = rng.normal(size=(N_DOCUMENTS, N_DIMENSIONS)).astype(np.float32)
    targets = documents[:N_TARGETS] + rng.normal(scale=0.2, size=(N_TARGETS, N_DIMENSIONS))
    documents[:40] += 2 * targets[np.arange(40) % N_TARGETS]
    return documents, targets


def play(selector, documents, rounds=99):
    for _ in range(rounds):
        rows = selector.ask()
        if not len(rows):
            break
        owners = np.repeat(rows, 2)
        selector.tell(owners, documents[owners])
    return selector


@pytest.mark.parametrize("strategy", ["equal", "round-robin", "equal-paper", "tsds", "random"])
def test_documents_are_distinct_and_as_many_as_the_budget_pays_for(world, strategy):
    documents, targets = world
    selector = equal_assets.Selector(documents, targets, budget=75, strategy=strategy)
    play(selector, documents)
    assert len(selector.asked) == len(set(selector.asked)) == selector.spent == 75
    again = equal_assets.Selector(documents, targets, budget=75, strategy=strategy)
    assert play(again, documents).asked.tolist() == selector.asked.tolist()


def test_near_documents_come_first(world):
    documents, targets = world
    chosen = equal_assets.Selector(documents, targets, budget=40, documents_per_round=10)
    by_chance = equal_assets.Selector(documents, targets, budget=40, strategy="random")
    n_near, n_by_chance = ((play(s, documents).asked < 40).sum() for s in (chosen, by_chance))
    assert n_near > 3 * n_by_chance
    own, others = documents[chosen.asked], documents[by_chance.asked]
    assert equal_assets.reward(own, targets) > equal_assets.reward(others, targets)


def test_corpus_ends_it_where_the_budget_does_not(world):
    documents, targets = world
    selector = equal_assets.Selector(documents, targets, budget=1e9, documents_per_round=90)
    assert sorted(play(selector, documents).asked) == list(range(N_DOCUMENTS))
    assert selector.ask().tolist() == []


def test_costs_are_never_exceeded_and_cheap_documents_fill_the_rest(world):
    documents, targets = world
    costs = np.random.default_rng(1).uniform(1, 30, N_DOCUMENTS)
    selector = equal_assets.Selector(documents, targets, budget=500, costs=costs)
    play(selector, documents)
    assert 500 - costs.max() < selector.spent <= 500
    assert selector.spent == pytest.approx(costs[selector.asked].sum())
    poor = equal_assets.Selector(documents, targets, budget=0.5, costs=costs)
    assert poor.ask().tolist() == []


@pytest.mark.parametrize("strategy", ["equal", "equal-paper", "equal-authors"])
def test_restored_selector_goes_on_as_if_nothing_had_happened(world, strategy, tmp_path):
    documents, targets = world
    made = {"budget": 90, "strategy": strategy, "documents_per_round": 20}
    whole = play(equal_assets.Selector(documents, targets, **made), documents)
    stopped = play(equal_assets.Selector(documents, targets, **made), documents, rounds=2)
    lost = stopped.ask()
    np.savez(tmp_path / "state.npz", **stopped.state())
    later = equal_assets.Selector(documents, targets, **made)
    with np.load(tmp_path / "state.npz") as state:
        later.restore(state)
    assert later.ask().tolist() == lost.tolist()
    assert play(later, documents).asked.tolist() == whole.asked.tolist()


def test_asking_again_before_telling_returns_the_same_documents(world):
    documents, targets = world
    selector = equal_assets.Selector(documents, targets, budget=60)
    assert selector.ask().tolist() == selector.ask().tolist()
    assert selector.spent == 0


def test_documents_without_pairs_are_used_and_teach(world):
    documents, targets = world
    selector = equal_assets.Selector(documents, targets, budget=40, documents_per_round=20)
    first = selector.ask()
    selector.tell([], [])
    assert selector.asked.tolist() == first.tolist()
    assert not set(first) & set(selector.ask())


def test_long_answers_count_more_where_lengths_are_known(world):
    documents, targets = world
    orders = []
    for preferred in (0, 1):
        selector = equal_assets.Selector(
            documents,
            targets,
            budget=80,
            documents_per_round=20,
            clusters=np.arange(N_DOCUMENTS) % 2,
            answer_lengths=np.full(N_TARGETS, 100.0),
        )
        while len(rows := selector.ask()):
            lengths = np.where(rows % 2 == preferred, 100.0, 1.0)
            selector.tell(rows, documents[rows], answer_lengths=lengths)
        orders.append((selector.asked[20:] % 2 == preferred).mean())
    assert min(orders) > 0.6


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"embeddings": [1.0, 2.0]}, r"embeddings has shape \(2,\): must be \(n, n_dimensions\)"),
        ({"embeddings": np.zeros((4, 3))}, r"embeddings\[0\] is .*: must be finite and not zero"),
        ({"targets": np.ones((2, 3))}, "targets has 3 dimensions: must be 16"),
        ({"budget": 0}, "budget = 0: must be above 0"),
        ({"strategy": "best"}, "strategy = 'best': must be one of equal, "),
        ({"strategy": "perplexity"}, "strategy = 'perplexity': must be one of equal, "),
        ({"documents_per_round": 0}, "documents_per_round = 0: must be at least 1"),
        ({"costs": [1.0]}, r"costs has shape \(1,\): must be \(400,\), one for each document"),
        ({"costs": -np.ones(N_DOCUMENTS)}, r"costs\[0\] = -1.0: must be above 0"),
        ({"clusters": ["a"] * N_DOCUMENTS}, "clusters has shape .*: must be 400 whole numbers"),
        ({"weights": [0.0] * N_TARGETS}, r"weights\[0\] = 0.0: must be above 0"),
    ],
)
def test_wrong_argument_is_named_with_what_it_must_be(world, changes, message):
    documents, targets = world
    given = {"embeddings": documents, "targets": targets, "budget": 10} | changes
    with pytest.raises(ValueError, match=message):
        equal_assets.Selector(given.pop("embeddings"), given.pop("targets"), **given)


@pytest.mark.parametrize(
    ("documents", "pairs", "lengths", "message"),
    [
        ([10_000], np.ones((1, 16)), None, r"documents\[0\] = 10000: must be 0 to 399"),
        ([0.5], np.ones((1, 16)), None, "documents has shape .*: must be whole numbers"),
        ([], np.ones((1, 16)), None, "0 documents, 1 pairs: must be as many"),
        (None, np.ones((1, 3)), None, "pairs has 3 dimensions: must be 16"),
        (None, np.ones((1, 16)), [5.0], "answer_lengths: some with the pairs, none with the targ"),
    ],
)
def test_wrong_answer_is_refused_and_teaches_nothing(world, documents, pairs, lengths, message):
    embeddings, targets = world
    selector = equal_assets.Selector(embeddings, targets, budget=10)
    rows = selector.ask()
    before = selector.state()
    with pytest.raises(ValueError, match=message):
        selector.tell(rows[:1] if documents is None else documents, pairs, answer_lengths=lengths)
    other = next(row for row in range(N_DOCUMENTS) if row not in set(rows))
    with pytest.raises(ValueError, match=rf"= {other}: must be one of the 10 that ask\(\) ret"):
        selector.tell([other], embeddings[:1])
    after = selector.state()
    assert all((before[key] == after[key]).all() for key in before)


def test_telling_without_asking_is_refused(world):
    documents, targets = world
    selector = equal_assets.Selector(documents, targets, budget=10)
    with pytest.raises(RuntimeError, match="call that first"):
        selector.tell([], [])


def test_state_of_another_selector_is_refused(world):
    documents, targets = world
    paper = equal_assets.Selector(documents, targets, budget=10, strategy="equal-paper")
    selector = equal_assets.Selector(documents, targets, budget=10)
    with pytest.raises(ValueError, match="the stored state holds"):
        selector.restore(paper.state())
    with pytest.raises(ValueError, match="state holds no asked, n_rounds, owners, pairs"):
        selector.restore({})


def test_import_alone_loads_no_array_library():
    code = (
        "import sys, equal_assets; print(sorted({'numpy', 'torch', 'polars'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        equal_assets.nothing  # noqa: B018
