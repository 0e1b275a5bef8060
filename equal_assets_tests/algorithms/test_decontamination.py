import pytest

from equal_assets.algorithms.decontamination import NGRAM_WORDS, ngrams, removal_reasons, words
from equal_assets.records import QAPair

LONG = "Natalia sold clips to 48 of her friends in April, and then half as many in May."
OVERLAP = "overlaps a test question"


def reasons(*pairs, test=(), **options):
    return removal_reasons(
        [QAPair(question, answer) for question, answer in pairs],
        [QAPair(question, answer) for question, answer in test],
        **options,
    )


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


def test_of_equal_pairs_the_first_stays():
    pair, other = ("What is a list?", "A sequence."), ("What is a set?", "A collection.")
    assert reasons(pair, other, pair, pair) == [None, None, "repeated pair", "repeated pair"]


def test_repeats_are_found_through_punctuation_and_case():
    found = reasons(("What is a list?", "A sequence."), ("what IS a  list", "a sequence!"))
    assert found == [None, "repeated pair"]


def test_words_moved_from_question_to_answer_make_another_pair():
    assert reasons(("a b", "c"), ("a", "b c"), ("a b c", "")) == [None, None, None]


def test_same_question_with_another_answer_stays():
    assert reasons(("What is a list?", "A sequence."), ("What is a list?", "A type.")) == [None] * 2


@pytest.mark.parametrize(("n_shared", "reason"), [(9, None), (10, OVERLAP)])
def test_ten_shared_words_in_a_row_count_as_overlap(n_shared, reason):
    assert NGRAM_WORDS == 10
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
    assert found == ["repeats a test answer", None]


def test_short_answer_is_shared_by_chance_and_stays():
    assert reasons(("What is 6 times 12?", "72"), test=[(LONG, "72")]) == [None]


def test_answers_of_different_symbols_are_different():
    test = [("Which operator adds numbers?", "+")]
    assert reasons(("Which operator takes the remainder of a division?", "%"), test=test) == [None]


def test_ten_words_of_a_test_answer_are_no_overlap():
    answer = numbered(30)
    assert reasons(("How?", numbered(20)), test=[("Which?", answer)]) == [None]


def test_first_reason_in_order_of_repeat_overlap_answer_is_given():
    answer = numbered(10)
    test = [(LONG, answer)]
    assert reasons((LONG, answer), (LONG, answer), ("other", answer), test=test) == [
        OVERLAP,
        "repeated pair",
        "repeats a test answer",
    ]


def test_reasons_are_in_the_order_of_the_pairs():
    pairs = [("one thing", "x"), (LONG, "y"), ("another thing", "z")]
    assert reasons(*pairs, test=[(LONG, "72")]) == [None, OVERLAP, None]
    assert reasons(*reversed(pairs[:2]), test=[(LONG, "72")]) == [OVERLAP, None]


def test_length_of_the_ngram_can_be_chosen():
    test = [(numbered(6), "no")]
    assert reasons((f"{numbered(4)} other", "yes"), test=test, n=4) == [OVERLAP]
    assert reasons((f"{numbered(4)} other", "yes"), test=test, n=5) == [None]


def test_test_pairs_may_be_an_iterator():
    pairs = [QAPair(LONG, "72")]
    assert removal_reasons(pairs, iter([QAPair(LONG, "about 72")])) == [OVERLAP]


def test_empty_inputs_give_no_reasons():
    assert reasons() == []
    assert reasons(test=[(LONG, "72")]) == []
