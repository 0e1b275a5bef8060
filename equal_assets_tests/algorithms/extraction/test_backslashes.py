import json

import pytest

from equal_assets.algorithms.extraction.backslashes import doubled
from equal_assets.algorithms.extraction.parsing import complete_pairs, parse_pairs

FORMULAS = r"P(F) = $\frac{3}{4}$, $a \times b$, $\beta \neq \rho$, $\left(x\right)$, \underline{y}"


def answer_in(reply, document=""):
    return parse_pairs(reply, document=document).pairs[0].answer


def reply_of(answer):
    return f'{{"pairs": [{{"question": "Q", "answer": "{answer}"}}]}}'


def test_formulas_keep_their_backslashes_where_a_reply_does_not_double_them():
    assert answer_in(reply_of(FORMULAS)) == FORMULAS
    assert complete_pairs(reply_of(FORMULAS)[:-2]).pairs[0].answer == FORMULAS


@pytest.mark.parametrize(
    "text",
    [
        FORMULAS,
        "def f():\n\treturn 'a\\nb'\n\nprint(f())",
        "one\ntwo\tthree\r\nfour",
        "a \\ b \\\\ c \\\\\n d",
        'He said "\\alpha" \u00e9 \U0001f600 /',
    ],
)
def test_what_json_escapes_as_it_must_stays(text):
    assert doubled(json.dumps(text), text) == json.dumps(text)
    assert answer_in(json.dumps([{"question": "Q", "answer": text}]), text) == text
    twice = json.dumps(json.dumps([{"question": "Q", "answer": text}]))
    assert answer_in(twice, text) == text


def test_signs_that_json_does_not_escape_are_those_of_the_text():
    assert answer_in(reply_of(r"\(x\) \, \{1\} \'a\'")) == r"\(x\) \, \{1\} \'a\'"


@pytest.mark.parametrize(
    ("document", "answer"),
    [
        (r"Let $\nu$ be a node.", r"\nu"),
        ("nothing of it", "\nu"),
        ("Let $\\nu$ be\nu = 3", "\nu"),
        (r"Let $\nubar$ be", "\nu"),
    ],
)
def test_command_that_may_be_a_new_line_is_one_by_the_document(document, answer):
    assert answer_in(reply_of(r"x\nu"), document) == f"x{answer}"


def test_words_of_a_new_line_stay():
    assert answer_in(reply_of(r"It prints:\nTotal: 5\n\tb = 1\ntop"), r"print('\nTotal')") == (
        "It prints:\nTotal: 5\n\tb = 1\ntop"
    )
