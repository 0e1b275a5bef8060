"""The requests and replies of one text, answered by hand."""

import json
from dataclasses import replace

import pytest

from equal_assets.algorithms.extraction.parsing import ParsedReply
from equal_assets.algorithms.extraction.quality import QualityBounds
from equal_assets.algorithms.extraction.recipe import (
    DROPPED_BY_REFINEMENT,
    OVER_LIMIT,
    SCORED_LOW,
    ExtractionRecipe,
    Reply,
    TextPairs,
    extraction_steps,
    merge_chunks,
)
from equal_assets.records import QAPair

TEXT = "The sum of two and three is five. The product of two and three is six."
SUM = ("What is the sum of two and three?", "The sum is five.")
PRODUCT = ("What is the product of two and three?", "The product is six.")
BOUNDS = QualityBounds(
    min_question_characters=10,
    max_question_characters=200,
    min_answer_characters=1,
    max_answer_characters=200,
    min_grounding=0.5,
    self_contained=True,
    premises=True,
    steps=True,
    numbers=True,
    same_language=False,
)
PLAIN = ExtractionRecipe(
    extract="extract at most $max_pairs from $document",
    refine=None,
    judge=None,
    max_pairs=5,
    max_characters=200,
    min_score=3,
    bounds=BOUNDS,
)
REFINED = replace(PLAIN, refine="refine $pairs of $document")
JUDGED = replace(PLAIN, judge="judge $pairs of $document")


def written(*pairs):
    return json.dumps({"pairs": [{"question": q, "answer": a} for q, a in pairs]})


def play(recipe, *replies):
    """Return what came out, and the prompts; a reply is a text, or Reply for a failure."""
    steps = extraction_steps(TEXT, TEXT, recipe)
    prompts, request = [], next(steps)
    for reply in replies:
        prompts.append(request.prompt)
        answer = reply if isinstance(reply, Reply) else Reply(request.parse(reply))
        try:
            request = steps.send(answer)
        except StopIteration as end:
            return end.value, prompts
    pytest.fail(f"asked again: {request.prompt}")


def kept(outcome):
    return [(pair.question, pair.answer) for pair in outcome.parsed.pairs]


def reasons(outcome):
    return [pair.reason for pair in outcome.parsed.rejected]


def test_one_request_gives_the_pairs():
    outcome, prompts = play(PLAIN, written(SUM, PRODUCT))
    assert kept(outcome) == [SUM, PRODUCT]
    assert outcome.failure is None
    assert prompts == [f"extract at most 5 from {TEXT}"]


def test_text_without_pairs_is_asked_about_once():
    outcome, prompts = play(replace(REFINED, judge="judge $pairs $document"), written())
    assert outcome == TextPairs(ParsedReply((), ()))
    assert len(prompts) == 1


def test_refinement_reads_the_pairs_and_has_the_last_word():
    mended = (SUM[0], "The sum of two and three is five.")
    outcome, prompts = play(REFINED, written(SUM, PRODUCT), written(mended))
    assert kept(outcome) == [mended]
    assert reasons(outcome) == [DROPPED_BY_REFINEMENT]
    assert prompts[1] == f"refine {written(SUM, PRODUCT)} of {TEXT}"


def test_pairs_are_checked_against_the_document_and_kept_as_rejected():
    invented = ("What is the capital of France?", "Paris lies on the river Seine")
    leaning = ("What does the text above say of the sum?", "The sum is five.")
    outcome, _ = play(PLAIN, written(SUM, invented, leaning, ("Short?", "five")))
    assert kept(outcome) == [SUM]
    assert [reason.split(":")[0] for reason in reasons(outcome)] == [
        "not grounded in its document",
        "question leans on a text",
        "question too short",
    ]
    assert outcome.parsed.rejected[0].question == invented[0]


def test_judge_sees_what_passed_the_checks_and_rejects_low_scores():
    invented = ("What is the capital of France?", "Paris lies on the river Seine")
    outcome, prompts = play(JUDGED, written(SUM, invented, PRODUCT), '{"scores": [2, 3]}')
    assert prompts[1] == f"judge {written(SUM, PRODUCT)} of {TEXT}"
    assert kept(outcome) == [PRODUCT]
    assert reasons(outcome)[-1] == f"{SCORED_LOW}: 2"


def test_judge_is_not_asked_when_nothing_passed():
    outcome, prompts = play(JUDGED, written(("Short?", "five")))
    assert kept(outcome) == []
    assert len(prompts) == 1


@pytest.mark.parametrize(
    ("recipe", "replies", "failure"),
    [
        (PLAIN, [Reply(None, "time-out")], "time-out"),
        (REFINED, [written(SUM), Reply(None, "time-out")], "refinement: time-out"),
        (JUDGED, [written(SUM), Reply(None, "HTTP 500")], "judge: HTTP 500"),
    ],
)
def test_failed_request_fails_the_text_by_name(recipe, replies, failure):
    outcome, _ = play(recipe, *replies)
    assert outcome.failure == failure
    assert not outcome.parsed.pairs


def chunk(*pairs, failure=None):
    return TextPairs(ParsedReply(tuple(QAPair(*pair) for pair in pairs), ()), failure)


def test_chunks_are_merged_in_order_and_a_pair_of_the_overlap_counts_once():
    merged = merge_chunks([chunk(SUM), chunk(SUM, PRODUCT)], max_pairs=5)
    assert kept(merged) == [SUM, PRODUCT]
    assert reasons(merged) == ["repeats another pair"]


def test_pairs_over_the_limit_are_rejected_not_lost():
    merged = merge_chunks([chunk(SUM), chunk(PRODUCT)], max_pairs=1)
    assert kept(merged) == [SUM]
    assert reasons(merged) == [OVER_LIMIT]


def test_failed_chunk_is_named_and_the_others_stay():
    merged = merge_chunks([chunk(SUM), chunk(failure="time-out")], max_pairs=5)
    assert kept(merged) == [SUM]
    assert merged.failure == "chunk 2 of 2: time-out"


def test_only_chunk_needs_no_number():
    assert merge_chunks([chunk(failure="time-out")], max_pairs=5).failure == "time-out"
