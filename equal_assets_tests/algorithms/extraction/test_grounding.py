import pytest

from equal_assets.algorithms.extraction.grounding import grounding, span, support
from equal_assets.algorithms.extraction.source import source
from equal_assets_tests.timing import takes_less_than

DOCUMENT = (
    "Tickets are sold on board. Bicycles may travel outside the peak hours. "
    "Lost things are kept for 60 days in Quay Street.\nBuses never take bicycles."
)


@pytest.mark.parametrize(
    ("question", "answer", "share", "lacking"),
    [
        ("Where are lost things kept?", "In Quay Street.", 1, []),
        ("Where are lost things kept?", "Lost things are kept in Baker Street.", 0.5, ["baker"]),
        ("May I take a bicycle?", "Bicycles traveled outside, at the peak hour.", 1, []),
        ("What of things?", "The things", 1, []),
        ("How long?", "For 90 days", 1, []),
    ],
)
def test_support_is_the_share_of_what_an_answer_adds(question, answer, share, lacking):
    assert support(answer, question, source(DOCUMENT)) == (share, lacking)


def test_number_counts_however_it_is_written():
    assert grounding("65", "sixty-five times sixty-five") == 1


@pytest.mark.parametrize(
    ("answer", "passage"),
    [
        ("60 days in Quay Street", "Lost things are kept for 60 days in Quay Street.\n"),
        ("Outside the peak hours", "Bicycles may travel outside the peak hours. "),
        ("Buses never take them", "Buses never take bicycles."),
    ],
)
def test_span_is_where_an_answer_stands(answer, passage):
    begin, end = span(answer, source(DOCUMENT))
    assert DOCUMENT[begin:end] == passage


def test_answer_from_several_sentences_has_a_span_that_holds_them():
    begin, end = span("Bicycles outside peak hours; lost things, 60 days", source(DOCUMENT))
    assert DOCUMENT[begin:end].startswith("Bicycles may")
    assert "60 days" in DOCUMENT[begin:end]


def test_answer_without_a_word_of_the_document_has_no_span():
    assert span("ginseng", source(DOCUMENT)) is None
    assert span("ginseng", source("")) is None


def test_span_of_a_script_without_spaces():
    document = "水在标准大气压下一百摄氏度沸腾。山上的气压较低，因此水在较低的温度下沸腾。"
    begin, end = span("山上的气压较低", source(document))
    assert document[begin:end] == "山上的气压较低，因此水在较低的温度下沸腾。"


@pytest.mark.timing
@pytest.mark.parametrize("unit", ["a. ", "word ", "。", "\n", "字", "1 "])
def test_span_of_a_hostile_document_is_found_soon(unit):
    document = unit * (100_000 // len(unit))
    assert takes_less_than(3, lambda n: span(document, source(f"{document}{n}")))
