import pytest

from equal_assets.algorithms.extraction.invention import invented_numbers
from equal_assets.algorithms.extraction.source import source

DOCUMENT = (
    "Soak saffron for ten minutes. The plant heats 1,900 flats and saves 2,700 tonnes. It cost 14 "
    "million, 6% more than planned. The shadow is 13.333 m long. Dig 5 cm deep."
)


@pytest.mark.parametrize(
    ("question", "answer", "invented"),
    [
        ("How long is saffron soaked?", "For thirty minutes.", [30]),
        ("How many flats are heated?", "1,800 flats", [1800]),
        ("What did it cost?", "15 million", [15]),
        ("How many are 1900 and 2700?", "1900 + 2700 = 4700", [4700]),
        ("How many are 1900 and 2700?", "1900 + 3 * 2700 = 9999", [3, 9999]),
    ],
)
def test_number_from_nowhere_is_found(question, answer, invented):
    assert invented_numbers(question, answer, source(DOCUMENT)) == invented


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        ("How long is saffron soaked?", "10 minutes"),
        ("How many flats are heated?", "1900"),
        ("How much more did it cost?", "0.06 of the plan"),
        ("How long is the shadow?", "13.33 m"),
        ("What are 3 flats less than 8?", "5"),
        ("What is 65 times 65?", "4,225"),
        ("How many are 1900 and 2700?", "1900 + 2700 = 4600, and 4600 / 5 = 920"),
        ("How do I do it?", "1. Dig.\n2. Soak.\n12. Eat."),
        ("How deep?", "Five centimetres, no more than that, a second time."),
    ],
)
def test_number_that_has_an_origin_passes(question, answer):
    assert invented_numbers(question, answer, source(DOCUMENT)) == []


def test_decimal_at_the_beginning_is_no_number_of_a_list():
    assert invented_numbers("What is F?", "3.7416", source("F is 3.7416 here.")) == []


def test_low_numbers_of_other_languages_may_be_words_there():
    document = source("Die Anlage hat zwanzig Jahre lang Wasser aus dem Fluss bei Lindau gehoben.")
    assert invented_numbers("Wie lange lief die Anlage?", "20 Jahre", document) == []
    assert invented_numbers("Wie lange lief die Anlage?", "1250 Jahre", document) == [1250]
