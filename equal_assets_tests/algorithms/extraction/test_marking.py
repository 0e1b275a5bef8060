import pytest

from equal_assets.algorithms.extraction.marking import marked

DOCUMENT = (
    "Tickets are sold on board. Bicycles may travel outside the peak hours. "
    "Lost things are kept for 60 days in Quay Street.\nBuses never take bicycles."
)
QUAY, PEAK = "In Quay Street, for 60 days.", "Outside the peak hours."


def texts(document, answers, number):
    """Return the passage of an answer, and the words of it that are the answer's."""
    pieces = [piece for piece in marked(document, answers) if number in piece.answers]
    return "".join(p.text for p in pieces), [p.text for p in pieces if number in p.said_by]


@pytest.mark.parametrize("answers", [[], [QUAY], [QUAY, PEAK, "Nothing of it"], ["60"]])
def test_pieces_joined_are_the_document(answers):
    assert "".join(piece.text for piece in marked(DOCUMENT, answers)) == DOCUMENT


def test_passage_of_each_answer_and_its_words_are_marked():
    passage, words = texts(DOCUMENT, [QUAY, PEAK], 0)
    assert passage == "Lost things are kept for 60 days in Quay Street.\n"
    assert words == ["60", "days", "Quay", "Street"]
    passage, words = texts(DOCUMENT, [QUAY, PEAK], 1)
    assert passage == "Bicycles may travel outside the peak hours. "
    assert words == ["outside", "peak", "hours"]


@pytest.mark.parametrize("lines_between", [0, 1, 15])
def test_short_answer_that_stands_twice_is_marked_once_without_what_is_between(lines_between):
    between = "\n    >>> another.line(of=code)" * lines_between
    document = (
        f"Count the books.\n    >>> books.count()\n    73{between}\n    >>> 73\n\nThat is all."
    )
    passage, words = texts(document, ["73"], 0)
    assert passage.strip(" >\n") == "73"
    assert words == ["73"]


def test_passage_of_a_longer_answer_has_every_word_that_stands_nearby():
    document = (
        "Mix flour.\nMix water.\nAdd salt.\nMix flour.\n\n" + "Nothing more is said here.\n" * 9
    )
    passage, words = texts(document, ["Mix flour and water, add salt."], 0)
    assert passage == "Mix flour.\nMix water.\nAdd salt.\n"
    assert set(words) == {"Mix", "water", "Add", "salt", "flour"}


def test_passage_begins_once_and_what_is_in_two_says_so():
    pieces = marked(DOCUMENT, [QUAY, QUAY, PEAK])
    assert [p.begins for p in pieces if p.begins] == [(2,), (0, 1)]
    assert {p.answers for p in pieces} == {(), (2,), (0, 1)}


def test_words_in_a_passage_of_two_are_those_of_each():
    answers = ["Bicycles travel outside the peak hours", "Bicycles travel inside the peak hours"]
    said_by = {p.text: p.said_by for p in marked(DOCUMENT, answers) if p.said_by}
    assert said_by["outside"] == (0,)
    assert said_by["peak"] == (0, 1)


def test_answer_that_stands_nowhere_marks_nothing():
    pieces = marked(DOCUMENT, ["Zebras graze"])
    assert [(p.text, p.answers, p.said_by) for p in pieces] == [(DOCUMENT, (), ())]


def test_scripts_without_spaces_are_marked_by_character():
    document = "今日は天気がいいです。東京の人口は千四百万人です。"
    passage, words = texts(document, ["東京の人口"], 0)
    assert passage.startswith("東京")
    assert "".join(words) == "東京の人口"


def test_empty_document_has_no_piece():
    assert marked("", ["x"]) == []
