import numpy as np
import pytest

from equal_assets.algorithms.decontamination import Leak, ProtectedQuestions, ngrams, words
from equal_assets.records import QAPair

LONG = "Natalia sold clips to 48 of her friends in April, and then half as many in May."
OVERLAP = "overlap"


def leaks(*pairs, test=(), n=10, **options):
    protected = ProtectedQuestions([QAPair(*pair) for pair in test], n=n, **options)
    return protected.find_leaks([QAPair(*pair) for pair in pairs])


def reasons(*pairs, **options):
    return [leak and leak.rule for leak in leaks(*pairs, **options)]


def near(*vectors, protected, similarity=0.8):
    rules = ProtectedQuestions(
        [QAPair(f"protected {row}", "") for row in range(len(protected))],
        n=10,
        vectors=np.array(protected),
        similarity=similarity,
    )
    return rules.find_leaks([QAPair("mine", "own")] * len(vectors), np.array(vectors))


def numbered(n_words, prefix="w"):
    return " ".join(f"{prefix}{i}" for i in range(n_words))


def test_words_are_lowercase_and_without_punctuation():
    assert words("What's  NumPy's `dtype`?\n(x_1)") == ["what", "s", "numpy", "s", "dtype", "x_1"]


def test_ngrams_slide_by_one_word_and_a_short_text_is_one_gram():
    assert ngrams("A b, c d!", n=3) == {("a", "b", "c"), ("b", "c", "d")}
    assert ngrams("A b", n=3) == {("a", "b")}
    assert ngrams(" ?! ", n=3) == set()


def test_pairs_far_from_the_test_stay():
    found = reasons(("What is a list?", "A sequence."), test=[(LONG, "She sold 72 clips.")])
    assert found == [None]


@pytest.mark.parametrize(("n_shared", "reason"), [(9, None), (10, OVERLAP)])
def test_ten_shared_words_in_a_row_count_as_overlap(n_shared, reason):
    question = f"before {numbered(n_shared)} after"
    assert reasons((question, "yes"), test=[(f"{numbered(n_shared)} and the rest", "no")]) == [
        reason
    ]


def test_ten_shared_words_that_are_not_in_a_row_are_no_overlap():
    interrupted = f"{numbered(5)} but {numbered(10).split(' ', 5)[5]}"
    assert reasons((interrupted, "yes"), test=[(numbered(10), "no")]) == [None]


def test_test_question_that_stands_in_an_answer_is_overlap():
    assert reasons(("Say it.", f"Sure: {LONG} That is all."), test=[(LONG, "72")]) == [OVERLAP]


def test_overlap_is_found_through_punctuation_and_case():
    shouted = LONG.upper().replace(",", " --").replace(" ", "\n")
    assert reasons((shouted, "answer"), test=[(LONG, "72")]) == [OVERLAP]


def test_short_test_question_counts_when_it_stands_whole_in_the_question():
    test = [("What is a monad?", "A monoid.")]
    found = reasons(
        ("Tell me: what is a monad, please, in one or two short and simple sentences?", "x"),
        ("What is a monad?", "y"),
        ("What is a dyad?", "z"),
        ("What is, to a monad, a functor?", "u"),
        test=test,
    )
    assert found == [OVERLAP, OVERLAP, None, None]


def test_short_test_questions_of_different_lengths_are_all_looked_for():
    test = [("Why so?", "a"), ("Who is it then?", "b"), (LONG, "c")]
    found = reasons(
        ("So why so late", "d"), ("Now who is it then", "e"), ("why, then", "f"), test=test
    )
    assert found == [OVERLAP, OVERLAP, None]


def test_repeated_test_answer_is_removed_though_the_question_differs():
    answer = "In April and May together she sold 48 plus 24, which is 72 clips."
    found = reasons(
        ("How many?", answer.upper()), ("How many?", f"{answer} And more."), test=[(LONG, answer)]
    )
    assert found == ["answer", None]


def test_short_answer_is_shared_by_chance_and_stays():
    assert reasons(("What is 6 times 12?", "72"), test=[(LONG, "72")]) == [None]


def test_answers_of_different_symbols_are_different():
    test = [("Which operator adds numbers?", "+")]
    assert reasons(("Which operator takes the remainder of a division?", "%"), test=test) == [None]


def test_ten_words_of_a_test_answer_are_no_overlap():
    answer = numbered(30)
    assert reasons(("How?", numbered(20)), test=[("Which?", answer)]) == [None]


def test_reasons_are_in_the_order_of_the_pairs():
    pairs = [("one thing", "x"), (LONG, "y"), ("another thing", "z")]
    assert reasons(*pairs, test=[(LONG, "72")]) == [None, OVERLAP, None]
    assert reasons(*reversed(pairs[:2]), test=[(LONG, "72")]) == [OVERLAP, None]


def test_length_of_the_ngram_can_be_chosen():
    test = [(numbered(6), "no")]
    assert reasons((f"{numbered(4)} other", "yes"), test=test, n=4) == [OVERLAP]
    assert reasons((f"{numbered(4)} other", "yes"), test=test, n=5) == [None]


def test_empty_inputs_give_no_reasons():
    assert reasons() == []
    assert reasons(test=[(LONG, "72")]) == []


def test_leak_names_the_first_question_that_overlaps():
    test = [("Why so?", "a"), (LONG, "b"), (LONG, "c")]
    assert leaks((LONG, "x"), test=test) == [Leak("overlap", 1)]


def test_overlap_is_named_before_a_repeated_answer():
    answer = numbered(10)
    assert reasons((LONG, answer), ("other", answer), test=[(LONG, answer)]) == [OVERLAP, "answer"]


def test_question_is_near_from_the_threshold_on():
    found = near([0.8, 0.6], [0.7999, 0.6001], protected=[[1.0, 0.0]])
    assert found == [Leak("nearness", 0, 0.8), None]


def test_nearest_protected_question_is_named():
    found = near([0.6, 0.8], [0.0, 1.0], protected=[[1.0, 0.0], [0.0, 1.0], [0.0, 1.0]])
    assert found == [Leak("nearness", 1, 0.8), Leak("nearness", 1, 1.0)]


def test_words_decide_before_nearness():
    rules = ProtectedQuestions([QAPair("Why so?", "")], n=10, vectors=np.eye(1), similarity=0.8)
    assert rules.find_leaks([QAPair("Why so?", "x")], np.eye(1)) == [Leak("overlap", 0)]


def test_blocks_give_what_each_row_alone_gives(monkeypatch):
    rng = np.random.default_rng(0)
    vectors, protected = (rng.normal(size=(size, 3)) for size in (50, 7))
    for rows in (vectors, protected):
        rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    whole = near(*vectors, protected=protected)
    monkeypatch.setattr("equal_assets.algorithms.decontamination.BLOCK_ROWS", 8)
    assert near(*vectors, protected=protected) == whole
    assert 0 < whole.count(None) < 50


def test_nothing_is_near_where_nothing_is_protected():
    assert near([1.0, 0.0], protected=np.zeros((0, 2))) == [None]


def test_vectors_of_one_side_alone_are_refused():
    rules = ProtectedQuestions([QAPair("Why so?", "")], n=10)
    with pytest.raises(ValueError, match="nearness needs vectors of the pairs and of the"):
        rules.find_leaks([QAPair("Why?", "x")], np.eye(1))
