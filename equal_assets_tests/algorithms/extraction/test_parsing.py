import json

import pytest

from equal_assets.algorithms.extraction.parsing import (
    CUT_AT_QUOTE,
    EMPTY,
    EMPTY_HALF,
    NO_JSON,
    NO_TEXT,
    OTHER_SHAPE,
    REPEATED,
    SEVERAL,
    ParsedReply,
    UnusableReplyError,
    complete_pairs,
    merge_replies,
    parse_pairs,
    parse_scores,
)
from equal_assets.records import QAPair, RejectedPair
from equal_assets_tests.timing import takes_less_than

SUM = ("What is 2 + 3?", "5")
PRODUCT = ("What is 2 * 3?", "6")


def written(*pairs):
    return json.dumps({"pairs": [{"question": q, "answer": a} for q, a in pairs]})


def kept(parsed):
    return [(pair.question, pair.answer) for pair in parsed.pairs]


def rejected(parsed):
    return [(pair.question, pair.answer, pair.reason) for pair in parsed.rejected]


def failure(reply):
    with pytest.raises(UnusableReplyError) as caught:
        parse_pairs(reply)
    assert str(caught.value) == caught.value.reason
    return caught.value.reason


@pytest.mark.parametrize(
    "reply",
    [
        written(SUM, PRODUCT),
        json.dumps(json.loads(written(SUM, PRODUCT)), indent=2),
        json.dumps(json.loads(written(SUM, PRODUCT))["pairs"]),
        f"```json\n{written(SUM, PRODUCT)}\n```",
        f"Here are the pairs of {{x}} [1]:\n{written(SUM, PRODUCT)}\nShall I go on? {{",
        f"<think>Maybe {written(SUM)} and {{</think>\n{written(SUM, PRODUCT)}",
        f"{written(SUM, PRODUCT)}\nOnce more:\n{written(SUM, PRODUCT)}",
    ],
)
def test_pairs_are_read_whatever_stands_around_them(reply):
    assert parse_pairs(reply) == ParsedReply((QAPair(*SUM), QAPair(*PRODUCT)), ())


DRAFT = written(("What?", "unclear"))


@pytest.mark.parametrize(
    "reply",
    [
        f"A draft: {DRAFT} No, better:\n</think>\n\n{written(SUM)}",
        f'A draft: {{"pairs": [{{"question": "What\n</think>\n{written(SUM)}',
        f"One.</think>Two: {DRAFT}</think>\n```json\n{written(SUM)}\n```",
        f"[THINK]{DRAFT}[/THINK]{written(SUM)}",
        f"<|channel|>analysis<|message|>A draft {DRAFT}<|end|><|start|>assistant"
        f"<|channel|>final<|message|>{written(SUM)}<|return|>",
        f"<|channel|>analysis<|message|>{DRAFT}<|end|><|start|>assistant"
        f"<|channel|>final <|constrain|>json<|message|>{written(SUM)}",
        f"<|channel|>final<|message|>{written(SUM)}",
        f"<thinking>{DRAFT}</thinking>{written(SUM)}",
    ],
)
def test_reply_is_what_stands_after_the_last_thought(reply):
    assert kept(parse_pairs(reply)) == [SUM]


@pytest.mark.parametrize(
    "reply",
    [
        '{"pairs": [{"question": "What is 1+1?", "answer": "2",}]}',
        '{"pairs": [{"question": "What is 1+1?", "answer": "2"},]}',
        '{\n "pairs": [\n  {"question": "What is 1+1?", "answer": "2",\n  },\n ],\n}',
        'Here:\n```json\n[{"question": "What is 1+1?", "answer": "2", }, ]\n```',
    ],
)
def test_comma_after_the_last_item_breaks_no_reply(reply):
    assert kept(parse_pairs(reply)) == [("What is 1+1?", "2")]


def test_comma_before_a_bracket_in_an_answer_stays():
    reply = '[{"question": "Which tuple has one item?", "answer": "It is [1,] or {1, } here.",}]'
    assert kept(parse_pairs(reply)) == [("Which tuple has one item?", "It is [1,] or {1, } here.")]


@pytest.mark.parametrize("reply", ["[,]", "{,}", '[{"question": "a", "answer": "b"},,]'])
def test_comma_without_an_item_before_it_breaks_a_reply(reply):
    assert failure(reply) in (NO_JSON, OTHER_SHAPE)


def test_end_of_thought_within_an_answer_ends_none():
    pair = ("Which tag ends a thought?", "It is </think>, as in <think>a</think>.")
    assert kept(parse_pairs(written(pair))) == [pair]
    assert kept(parse_pairs(f"Draft {DRAFT}</think>{written(pair)}")) == [pair]


@pytest.mark.parametrize(
    "reply",
    [
        f"{DRAFT}</think>I am sorry.",
        f"<|channel|>analysis<|message|>A draft {DRAFT}",
        f"<|channel|>analysis<|message|>A<|end|><|channel|>commentary<|message|>{DRAFT}",
    ],
)
def test_draft_is_no_reply(reply):
    assert failure(reply) == NO_JSON


@pytest.mark.parametrize(
    ("value", "answer"),
    [
        ("42", "42"),
        ("-3", "-3"),
        ("0.10", "0.10"),
        ("1e3", "1e3"),
        ("12345678901234567890123", "12345678901234567890123"),
        ("true", "true"),
        ("false", "false"),
    ],
)
def test_number_or_truth_value_is_an_answer_as_it_is_written(value, answer):
    reply = f'{{"pairs": [{{"question": "Q?", "answer": {value}}}]}}'
    assert kept(parse_pairs(reply)) == [("Q?", answer)]


def test_no_answer_at_all_is_an_empty_one():
    parsed = parse_pairs('{"pairs": [{"question": "Q?", "answer": null}]}')
    assert rejected(parsed) == [("Q?", "", EMPTY_HALF)]


@pytest.mark.parametrize(
    ("bad", "told"),
    [
        ('{"question": null, "answer": "A"}', ("null", "A", NO_TEXT)),
        ('{"question": "Q", "answer": ["A", "B"]}', ("Q", '["A", "B"]', NO_TEXT)),
        ('{"question": "Q"}', ('{"question": "Q"}', "", NO_TEXT)),
        ('"Q"', ("Q", "", NO_TEXT)),
        ('{"question": "Q", "answer": null}', ("Q", "", EMPTY_HALF)),
    ],
)
def test_bad_pair_does_not_take_the_others_with_it(bad, told):
    parsed = parse_pairs(f'{{"pairs": [{json.dumps({"question": SUM[0], "answer": "5"})}, {bad}]}}')
    assert kept(parsed) == [SUM]
    assert rejected(parsed) == [told]


def test_keys_may_be_capitalized():
    assert kept(parse_pairs('{"Pairs": [{"Question": "Q", "ANSWER": "A"}]}')) == [("Q", "A")]


def test_reply_without_pairs_is_a_reply():
    assert parse_pairs('{"pairs": []}') == ParsedReply((), ())


def test_other_keys_are_ignored():
    reply = '{"note": [1], "pairs": [{"id": 1, "question": "Q", "answer": "A"}]}'
    assert kept(parse_pairs(reply)) == [("Q", "A")]


@pytest.mark.parametrize(
    "answer",
    [
        'x = {"a": [1]}',
        '"}]}',
        "```\ncode\n```",
        "</document> Question: none",
        "<think>no</think>",
        written(SUM),
        "\\frac{1}{2} \t\n ü 字 \U0001f600",
    ],
)
def test_delimiters_in_an_answer_are_left_alone(answer):
    assert kept(parse_pairs(f"Sure:\n```json\n{written(('Q', answer))}\n```")) == [("Q", answer)]


def test_raw_line_breaks_in_strings_are_read():
    assert kept(parse_pairs('[{"question": "a\tb", "answer": "c\nd"}]')) == [("a\tb", "c\nd")]


def test_pairs_are_stripped_and_empty_ones_rejected():
    parsed = parse_pairs(written((" Q ", "\n A"), ("Q", " \n"), ("", "A")))
    assert kept(parsed) == [("Q", "A")]
    assert rejected(parsed) == [("Q", "", EMPTY_HALF), ("", "A", EMPTY_HALF)]


def test_repeated_pair_is_rejected_up_to_case_and_white_space():
    parsed = parse_pairs(written(("What is  it?", "A set"), ("what is it?", "a\nset"), SUM))
    assert kept(parsed) == [("What is  it?", "A set"), SUM]
    assert rejected(parsed) == [("what is it?", "a\nset", REPEATED)]


def test_same_question_with_another_answer_is_another_pair():
    assert len(parse_pairs(written(("Q", "A"), ("Q", "B"))).pairs) == 2


def test_what_cannot_be_stored_is_replaced():
    reply = r'[{"question": "a\ud800b", "answer": "c\u0000d \ud83d\ude00"}]'
    parsed = parse_pairs(reply)
    assert kept(parsed) == [("a\ufffdb", "c\ufffdd \U0001f600")]
    parsed.pairs[0].text.encode()


@pytest.mark.parametrize("reply", ["", " \n\t"])
def test_empty_reply_is_named(reply):
    assert failure(reply) == EMPTY


@pytest.mark.parametrize(
    "reply",
    [
        "I cannot help with that.",
        f"<think>Let me see: {written(SUM)}",
        "<think>Done.</think>",
        "{'pairs': None}",
        r'{"pairs": [{"question": "\(x\)", "answer": "a"}',
        *(written(SUM, ("Q [1]?", 'uses {"pairs": []}'))[:end] for end in (1, 9, 12, 40, 75, -1)),
    ],
)
def test_reply_without_whole_json_is_named(reply):
    assert failure(reply) == NO_JSON


@pytest.mark.parametrize(
    "reply",
    [
        "{}",
        "[]",
        "See [1].",
        "{'pairs': []}",
        '["pairs"]',
        '{"pairs": null}',
        '{"pairs": {"question": "Q", "answer": "A"}}',
        '{"pairs": ["Q"]}',
        '{"pairs": [{"question": "Q"}]}',
        '{"pairs": [{"question": "Q", "answer": ["A", "B"]}]}',
        '{"pairs": [{"question": 5, "answer": "A"}]}',
        '{"pairs": [{"question": null, "answer": "A"}]}',
        '{"question": "Q", "answer": "A"}',
        f'{{"result": {written(SUM)}}}',
    ],
)
def test_json_of_another_shape_is_named(reply):
    assert failure(reply) == OTHER_SHAPE


def test_quotes_that_break_a_string_give_no_empty_reply():
    assert failure('{"pairs": [{"question": "Q", "answer": "Use {"pairs": []} here"}]}') == (
        OTHER_SHAPE
    )


@pytest.mark.parametrize("other", [written(PRODUCT), written(), written(SUM, PRODUCT)])
def test_different_answers_are_not_chosen_from(other):
    assert failure(f"{written(SUM)}\nBetter:\n{other}") == SEVERAL


@pytest.mark.timing
@pytest.mark.parametrize(
    "unit", ["{", "[", '{"', '{"{"', "[1,", '{"a":[', "[1,x ", "{} ", '["', "[" * 500 + "x"]
)
def test_hostile_replies_end_soon_and_by_name(unit):
    reply = unit * (100_000 // len(unit))
    assert failure(reply) in (NO_JSON, OTHER_SHAPE)
    assert takes_less_than(5, lambda _: failure(reply))


def test_number_of_thousands_of_digits_is_of_another_shape():
    with pytest.raises(UnusableReplyError, match=OTHER_SHAPE):
        parse_scores(f'{{"scores": [{"1" * 5000}]}}', n_pairs=1)


def test_scores_are_read():
    assert parse_scores('```\n{"scores": [1, 5]}\n```', n_pairs=2) == [1, 5]
    assert parse_scores('{"scores": []}', n_pairs=0) == []


@pytest.mark.parametrize(
    "scores", ["[1]", "[1, 2, 3]", "[0, 2]", "[1, 6]", "[1, true]", "[1, 2.0]", '[1, "2"]', "12"]
)
def test_scores_of_another_shape_are_named(scores):
    with pytest.raises(UnusableReplyError, match=OTHER_SHAPE):
        parse_scores(f'{{"scores": {scores}}}', n_pairs=2)


def test_different_scores_are_not_chosen_from():
    with pytest.raises(UnusableReplyError, match=SEVERAL):
        parse_scores('{"scores": [1]} {"scores": [2]}', n_pairs=1)


def reply_of(*pairs, rejected=()):
    return ParsedReply(tuple(QAPair(*pair) for pair in pairs), tuple(rejected))


def test_replies_are_merged_in_order():
    bad = RejectedPair("", "A", EMPTY_HALF)
    merged = merge_replies(iter([reply_of(SUM), reply_of(PRODUCT, rejected=[bad])]))
    assert merged == reply_of(SUM, PRODUCT, rejected=[bad])
    assert merge_replies([]) == reply_of()


@pytest.mark.parametrize("answers", [("no", "no, never"), ("no, never", "no")])
def test_question_of_a_later_reply_keeps_its_longer_answer_in_the_first_place(answers):
    merged = merge_replies([reply_of(("Q", answers[0]), SUM), reply_of(("q ", answers[1]))])
    assert [answer for _, answer in kept(merged)] == ["no, never", "5"]
    assert [(row[1], row[2]) for row in rejected(merged)] == [("no", REPEATED)]


def test_of_answers_of_one_length_the_first_is_kept():
    assert kept(merge_replies([reply_of(("Q", "yes")), reply_of(("Q", "not"))])) == [("Q", "yes")]


def test_one_reply_may_answer_a_question_twice_but_not_repeat_a_pair():
    merged = merge_replies([reply_of(("Q", "A"), ("Q", "B"), ("q", "a"))])
    assert kept(merged) == [("Q", "A"), ("Q", "B")]
    assert rejected(merged) == [("q", "a", REPEATED)]


LAST = ("What is 2 - 3?", "It is -1, as 3 is one more than 2.")


@pytest.mark.parametrize(
    "before", ["", "```json\n", "Here:\n", "<think>Or [1]?</think>\n", "A</think>"]
)
@pytest.mark.parametrize("form", [lambda text: text, lambda text: text[len('{"pairs": ') :]])
def test_complete_pairs_of_a_reply_are_read_wherever_it_was_cut(before, form):
    reply = form(written(SUM, PRODUCT, LAST))
    ends = [reply.index("}", reply.index(answer[-4:])) for _, answer in (SUM, PRODUCT, LAST)]
    for end in range(len(reply)):
        found = complete_pairs(before + reply[:end])
        n_whole = sum(end > place for place in ends)
        assert (kept(found) if found else []) == [SUM, PRODUCT, LAST][:n_whole]


def test_list_of_pairs_is_found_after_another_key():
    reply = f'{{"note": "lists like [{{}}]", {written(SUM, PRODUCT)[1:]}'
    assert kept(parse_pairs(reply)) == [SUM, PRODUCT]
    assert kept(complete_pairs(reply[:-3])) == [SUM]


def test_draft_in_a_thought_without_end_is_no_complete_pair():
    assert complete_pairs(f"<think>Perhaps {written(SUM)}, or") is None
    assert kept(complete_pairs(f"<think>{written(LAST)}</think>{written(SUM, PRODUCT)[:-3]}")) == [
        SUM
    ]


def test_answer_with_brackets_is_complete_only_with_its_own_end():
    tricky = ("Which list is empty?", 'It is [] in {"pairs": [{"question": "Q"}]}.')
    reply = written(tricky, SUM)
    assert kept(complete_pairs(reply[:-2])) == [tricky, SUM]
    assert kept(complete_pairs(reply[: reply.index("What is 2")])) == [tricky]
    assert complete_pairs(reply[: reply.index("It is []") + 40]) is None


@pytest.mark.parametrize(
    "reply", ["", "I am sorry", '{"pairs": [', '{"pairs": []', "[1, 2", '{"a": [{"b": 1}']
)
def test_reply_without_a_complete_pair_has_none(reply):
    assert complete_pairs(reply) is None


RELEASE = """\
* Fixed a regression that caused an incorrect redirection to the admin
  changelist view when using *"Save and continue editing"* options.

Press the "Save" button, or call print("saved"). It is called "the pair", and set by mode="fast".
"""


@pytest.mark.parametrize(
    "half",
    [
        "It fixed a redirection to the admin changelist view when using *",
        "Press the ",
        "One can call print(",
        "It is set by mode=",
    ],
)
@pytest.mark.parametrize("read", [parse_pairs, complete_pairs])
def test_text_that_ends_where_the_document_opens_a_quotation_is_cut_off(half, read):
    for cut in [("What was fixed?", half), (half, "Something.")]:
        parsed = read(written(SUM, cut), document=RELEASE)
        assert kept(parsed) == [SUM]
        assert rejected(parsed) == [(cut[0].strip(), cut[1].strip(), CUT_AT_QUOTE)]


@pytest.mark.parametrize(
    "answer",
    [
        'It is when using *"Save and continue editing"* options.',
        "Press the",  # the string ended before the blank: the model wrote no quotation mark
        "the pair",
        "Save",
        "fast",
        "saved",
        "Options.",
    ],
)
def test_text_that_ends_at_another_place_is_whole(answer):
    pair = ("What was fixed?", answer)
    assert kept(parse_pairs(written(pair), document=RELEASE)) == [pair]


def test_unescaped_quotation_that_breaks_the_reply_gives_no_cut_pair():
    whole = '{"question": "What is 2 + 3?", "answer": "5"}'
    reply = f'{{"pairs": [{whole}, {{"question": "How?", "answer": "Press the "Save" button."}}]}}'
    with pytest.raises(UnusableReplyError):
        parse_pairs(reply, document=RELEASE)
    assert kept(complete_pairs(reply, document=RELEASE)) == [SUM]
