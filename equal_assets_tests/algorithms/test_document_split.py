import hashlib
import math

import pytest

from equal_assets.algorithms.document_split import validation_documents

DOCUMENTS = [f"document {number}" for number in range(40)]


def by_hash(names):
    return sorted(names, key=lambda name: hashlib.sha256(name.encode()).hexdigest())


def test_documents_with_the_smallest_hashes_are_set_aside():
    # of the letters, the SHA-256 of d begins with 18, of c with 2e, of b with 3e, of a with ca
    assert validation_documents(["a", "b", "c", "d"], 0.25) == {"d"}
    assert validation_documents(["a", "b", "c", "d"], 0.5) == {"d", "c"}


def test_order_of_examples_does_not_matter():
    examples = [*DOCUMENTS, *DOCUMENTS[:20]]
    assert validation_documents(examples[::-1], 0.1) == validation_documents(examples, 0.1)


@pytest.mark.parametrize(
    ("examples", "share", "set_aside"),
    [
        ("ddabb", 0.05, "a"),  # d comes first, but is too large for one example
        ("ddaabb", 0.05, "d"),  # all are too large: the first of the smallest
        ("ddddaaabbc", 0.3, "cb"),  # of three, d is too large, c and b fit
        ("dcba" * 25, 0.25, "d"),
    ],
)
def test_share_counts_examples_and_documents_stay_whole(examples, share, set_aside):
    assert validation_documents(examples, share) == set(set_aside)


def test_share_of_many_documents_of_many_sizes_is_met_to_the_example():
    examples = [name for size, name in enumerate(DOCUMENTS, 1) for _ in range(size)]
    for share in (0.01, 0.05, 0.2, 0.5):
        set_aside = validation_documents(examples, share)
        n_aside = sum(name in set_aside for name in examples)
        assert n_aside <= math.ceil(share * len(examples))
        assert n_aside >= math.ceil(share * len(examples)) - 2


@pytest.mark.parametrize(("share", "n_documents"), [(0, 0), (0.001, 1), (0.05, 2), (0.5, 20)])
def test_share_is_rounded_up_to_whole_documents(share, n_documents):
    assert len(validation_documents(DOCUMENTS, share)) == n_documents


def test_share_of_whole_documents_is_exact_whatever_floats_make_of_it():
    assert len(validation_documents([str(number) for number in range(100)], 0.07)) == 7


def test_a_larger_share_sets_aside_the_same_documents_and_more():
    assert validation_documents(DOCUMENTS, 0.1) < validation_documents(DOCUMENTS, 0.3)


def test_documents_that_come_later_displace_only_those_behind_them():
    before, after = (validation_documents(DOCUMENTS[:n], 0.1) for n in (30, 40))
    assert before == set(by_hash(DOCUMENTS[:30])[:3])
    assert after == set(by_hash(DOCUMENTS)[:4])


@pytest.mark.parametrize("share", [-0.1, 0.51, float("nan")])
def test_share_out_of_range_is_refused(share):
    with pytest.raises(ValueError, match=r"must be 0 \(none\) to 0.5"):
        validation_documents(DOCUMENTS, share)


def test_split_that_leaves_nothing_to_train_on_is_refused():
    with pytest.raises(ValueError, match="leaves none to train on"):
        validation_documents(["only"], 0.05)
    assert validation_documents(["only"], 0) == frozenset()
