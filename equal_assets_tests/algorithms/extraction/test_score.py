from equal_assets.algorithms.extraction.score import SIGNS, WEIGHTS, pair_score, signs
from equal_assets.algorithms.extraction.source import source

DOCUMENT = source(
    "The Veldmoor Canal was opened on 12 May 1807. Ann has 15 caps and Ben 30: 15 + 30 = 45."
)
GOOD = ("On which day was the Veldmoor Canal in the province of Harle opened?", "On 12 May 1807.")


def test_score_is_a_probability_and_falls_with_each_fault():
    best = pair_score(*GOOD, DOCUMENT)
    assert 0.4 < best < 1
    for question, answer in [
        ("According to the text, when was the Veldmoor Canal in Harle opened?", GOOD[1]),
        ("When was it opened by the people of the province?", GOOD[1]),
        (GOOD[0], "On 30 June 1811."),
        (GOOD[0], "Nobody remembers exactly."),
        ("How many caps are there in total?", "45"),
    ]:
        assert pair_score(question, answer, DOCUMENT) < best


def test_each_sign_has_a_weight_and_shows_its_fault():
    assert len(SIGNS) == len(WEIGHTS) == len(signs(*GOOD, DOCUMENT))
    assert signs(*GOOD, DOCUMENT) == (0, 0, 0, 0, 0, 0)
    faults = signs("How many caps are there in total?", "45", DOCUMENT)
    assert faults == (0, 1, 1, 0, 0, 1)
    assert signs("What is X?", "99 red", DOCUMENT)[:5] == (1, 0, 0, 1, 1)
