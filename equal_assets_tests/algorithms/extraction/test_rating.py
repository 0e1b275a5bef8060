import numpy as np
import pytest

from equal_assets.algorithms.extraction.parsing import UnusableReplyError, parse_rating
from equal_assets.algorithms.extraction.rating import RatingTask, draw_candidates, draw_questions
from equal_assets.settings import PromptsSettings

TASK = RatingTask(
    template=PromptsSettings().template("rate"),
    questions=("What is\n  2 + 3?", "How many $ is that?"),
    document_characters=30,
)


def test_prompt_shows_the_questions_on_lines_and_the_beginning_of_the_document():
    prompt = TASK.request("The sum of two numbers, $x$ and y, is long to explain.")
    prompt = prompt.messages[0]["content"]
    assert "- What is 2 + 3?\n- How many $ is that?\n" in prompt
    assert prompt.endswith("<document>\nThe sum of two numbers, $x$ an\n</document>\n")


def test_reply_is_an_integer_from_one_to_five():
    request = TASK.request("text")
    assert request.schema["properties"]["rating"] == {
        "type": "integer",
        "minimum": 1,
        "maximum": 5,
    }
    assert request.parse('I think so:\n```json\n{"rating": 4}\n```') == 4


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        ("", "empty reply"),
        ("4", "no JSON in the reply"),
        ('{"rating": 6}', "JSON of another shape"),
        ('{"rating": 0}', "JSON of another shape"),
        ('{"rating": "4"}', "JSON of another shape"),
        ('{"rating": 3.5}', "JSON of another shape"),
        ('{"rating": true}', "JSON of another shape"),
        ("[4]", "JSON of another shape"),
        ('{"rating": 2} or {"rating": 4}', "several JSON answers in the reply"),
        ('{"rating": 4', "no JSON in the reply"),
    ],
)
def test_reply_without_one_rating_is_unusable(reply, reason):
    with pytest.raises(UnusableReplyError, match=reason):
        parse_rating(reply)


def test_questions_are_drawn_once_for_a_seed_and_keep_their_order():
    questions = [f"q{n:02}" for n in range(50)]
    draws = [
        draw_questions(questions, n_questions=5, rng=np.random.default_rng(seed))
        for seed in (0, 0, 1)
    ]
    assert draws[0] == draws[1] != draws[2]
    assert list(draws[0]) == sorted(draws[0])
    assert draw_questions(questions[:3], n_questions=5, rng=np.random.default_rng(0)) == (
        "q00",
        "q01",
        "q02",
    )


def test_candidates_are_the_nearest_or_any():
    ranking = np.array([4, 2, 0, 1, 3])
    nearest, drawn = (
        draw_candidates(
            ranking, n_candidates=3, is_random=is_random, rng=np.random.default_rng(1)
        ).tolist()
        for is_random in (False, True)
    )
    assert nearest == [4, 2, 0]
    assert len(set(drawn)) == 3
    assert drawn != nearest
