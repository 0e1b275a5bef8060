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
REFINED = replace(PLAIN, refine="check them")
JUDGED = replace(PLAIN, judge="score them")
FIRST = f"extract at most 5 from {TEXT}"


def written(*pairs):
    return json.dumps({"pairs": [{"question": q, "answer": a} for q, a in pairs]})


def play(recipe, *replies):
    """Return what came out, and the chats; a reply is a text, or Reply for a failure."""
    steps = extraction_steps(TEXT, TEXT, recipe)
    prompts, request = [], next(steps)
    for reply in replies:
        prompts.append([message["content"] for message in request.messages])
        answer = reply
        if isinstance(reply, str):
            answer = Reply(request.parse(reply), text=reply)
        try:
            request = steps.send(answer)
        except StopIteration as end:
            return end.value, prompts
    pytest.fail(f"asked again: {request.messages}")


def kept(outcome):
    return [(pair.question, pair.answer) for pair in outcome.parsed.pairs]


def reasons(outcome):
    return [pair.reason for pair in outcome.parsed.rejected]


def test_one_request_gives_the_pairs():
    outcome, prompts = play(PLAIN, written(SUM, PRODUCT))
    assert kept(outcome) == [SUM, PRODUCT]
    assert outcome.failure is None
    assert prompts == [[FIRST]]


def test_text_without_pairs_is_asked_about_once():
    outcome, prompts = play(replace(REFINED, judge="score them"), written())
    assert outcome == TextPairs(ParsedReply((), ()))
    assert len(prompts) == 1


def test_refinement_reads_the_pairs_and_has_the_last_word():
    mended = (SUM[0], "The sum of two and three is five.")
    outcome, prompts = play(REFINED, written(SUM, PRODUCT), written(mended))
    assert kept(outcome) == [mended]
    assert reasons(outcome) == [DROPPED_BY_REFINEMENT]
    assert prompts[1] == [FIRST, written(SUM, PRODUCT), "check them"]


def test_reply_stands_in_the_chat_as_it_was_written_if_it_says_the_same():
    spaced = json.dumps(json.loads(written(SUM, PRODUCT)), indent=1)
    for said, shown in [
        (spaced, spaced),
        (f"<think>Well.</think>{spaced}", written(SUM, PRODUCT)),
        (written(SUM, SUM, PRODUCT), written(SUM, PRODUCT)),  # without what was rejected
    ]:
        _, prompts = play(REFINED, said, written(SUM, PRODUCT))
        assert prompts[1] == [FIRST, shown, "check them"]


def test_template_that_shows_the_document_is_a_chat_of_its_own():
    own = replace(PLAIN, refine="refine $pairs of $document", judge="judge $pairs of $document")
    _, prompts = play(own, written(SUM, PRODUCT), written(SUM), '{"scores": [3]}')
    assert prompts[1:] == [
        [f"refine {written(SUM, PRODUCT)} of {TEXT}"],
        [f"judge {written(SUM)} of {TEXT}"],
    ]


def test_messages_of_a_template_come_before_each_further_turn():
    shown = "=== user ===\nNothing.\n=== assistant ===\n[]\n=== user ===\n$document"
    _, prompts = play(replace(REFINED, extract=shown), written(SUM), written(SUM))
    assert prompts == [
        ["Nothing.", "[]", TEXT],
        ["Nothing.", "[]", TEXT, written(SUM), "check them"],
    ]


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
    assert prompts[1] == [FIRST, written(SUM, PRODUCT), "score them"]
    assert kept(outcome) == [PRODUCT]
    assert reasons(outcome)[-1] == f"{SCORED_LOW}: 2"


def test_judge_is_not_asked_when_nothing_passed():
    outcome, prompts = play(JUDGED, written(("Short?", "five")))
    assert kept(outcome) == []
    assert len(prompts) == 1


def test_failed_extraction_fails_the_text():
    outcome, _ = play(PLAIN, Reply(None, "time-out"))
    assert outcome == TextPairs(ParsedReply((), ()), "time-out")


BOTH = replace(REFINED, judge="score them")
CUT = Reply(ParsedReply((QAPair(*SUM),), ()), "cut off", written(SUM)[:-1])


@pytest.mark.parametrize(
    ("recipe", "replies", "failure"),
    [
        (REFINED, [written(SUM), Reply(None, "time-out")], "refinement: time-out"),
        (JUDGED, [written(SUM), Reply(None, "HTTP 500")], "judge: HTTP 500"),
        (BOTH, [written(SUM), Reply(None, "A"), Reply(None, "B")], "refinement: A; judge: B"),
        (PLAIN, [CUT], "cut off"),
        (JUDGED, [CUT, Reply(None, "HTTP 500")], "cut off; judge: HTTP 500"),
    ],
)
def test_failed_turn_or_lost_end_is_named_and_leaves_the_pairs(recipe, replies, failure):
    outcome, _ = play(recipe, *replies)
    assert outcome.failure == failure
    assert kept(outcome) == [SUM]


def test_pairs_that_refinement_did_not_see_are_checked_all_the_same():
    outcome, _ = play(REFINED, written(SUM, ("Short?", "five")), Reply(None, "time-out"))
    assert kept(outcome) == [SUM]
    assert reasons(outcome) == ["question too short: 6 characters, 10 needed"]


def test_complete_pairs_of_a_reply_are_read_and_a_failed_refinement_is_not():
    steps = extraction_steps(TEXT, TEXT, REFINED)
    asked = next(steps)
    assert asked.salvage(written(SUM, PRODUCT)[:-3]).pairs == (QAPair(*SUM),)
    refining = steps.send(Reply(asked.parse(written(SUM))))
    assert refining.salvage(written(SUM, PRODUCT)[:-3]) is None


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


@pytest.mark.parametrize(
    ("refined", "is_changed"),
    [
        (written(SUM, PRODUCT), False),
        (written(SUM), True),
        (written(SUM, (PRODUCT[0], "It is six.")), True),
        (Reply(None, "time-out"), None),
    ],
)
def test_refinement_says_whether_it_changed_a_pair(refined, is_changed):
    outcome, _ = play(REFINED, written(SUM, PRODUCT), refined)
    assert outcome.is_changed is is_changed


def test_change_in_one_chunk_is_a_change_of_the_document():
    def merged(*changes):
        parts = [TextPairs(ParsedReply((), ()), None, change) for change in changes]
        return merge_chunks(parts, max_pairs=5).is_changed

    assert [merged(False, True), merged(False, None), merged(None, None)] == [True, False, None]


REFRAIN = "The sum of two and three is five. " * 4


@pytest.mark.parametrize(("document", "is_kept"), [(TEXT, False), (f"{TEXT} {REFRAIN}", True)])
def test_pair_that_goes_round_in_a_loop_is_rejected_unless_the_document_does(document, is_kept):
    steps = extraction_steps(document, document, PLAIN)
    reply = next(steps).parse(written((SUM[0], REFRAIN), PRODUCT))
    with pytest.raises(StopIteration) as end:
        steps.send(Reply(reply))
    looped = [] if is_kept else ["says the same over and over"]
    assert reasons(end.value.value) == looped
    assert kept(end.value.value)[-1] == PRODUCT
