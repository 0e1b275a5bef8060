"""The bench of extraction: its driver without a server, and its figures worked by hand."""

import importlib.util
import json
import subprocess
import sys
from pathlib import Path

import pytest

from equal_assets.algorithms.extraction.prompts import chat
from equal_assets.algorithms.extraction.quality import QualityBounds
from equal_assets.algorithms.extraction.recipe import ExtractionRecipe

FILE = Path(__file__).parents[1] / "benchmarks" / "extraction_quality.py"
SPEC = importlib.util.spec_from_file_location("extraction_quality", FILE)
bench = importlib.util.module_from_spec(SPEC)
sys.modules["extraction_quality"] = bench
SPEC.loader.exec_module(bench)

BOUNDS = QualityBounds(
    min_question_characters=10,
    max_question_characters=200,
    min_answer_characters=1,
    max_answer_characters=200,
    min_grounding=0.5,
    numbers=False,
    self_contained=True,
    premises=False,
    steps=False,
    same_language=False,
)
RECIPE = ExtractionRecipe(
    extract="pairs of $document",
    refine="check them",
    judge=None,
    max_pairs=5,
    max_characters=None,
    min_score=3,
    bounds=BOUNDS,
)
SUM = {"question": "What is the sum of two and three?", "answer": "Two and three is five."}
CUBE = {"question": "What is the cube of two?", "answer": "The cube of two is eight."}
FULL = {
    "id": "mathematics-1",
    "kind": "mathematics",
    "text": "Two and three is five. The cube of two is eight.",
    "asks": [SUM, CUBE],
}
EMPTY = {"id": "boilerplate-1", "kind": "boilerplate", "text": "Home. Contact.", "asks": []}


def written(*pairs):
    return json.dumps({"pairs": pairs})


def test_documents_take_each_step_together_and_say_what_it_took():
    batches = []

    def answer_batch(asked):
        batches.append([messages for messages, _ in asked])
        assert all(schema["required"] == ["pairs"] for _, schema in asked)
        replies = [written(SUM, CUBE), written()] if len(batches) == 1 else [written(SUM)]
        return [bench.Answer(reply, 30, 7, cached_tokens=20, seconds=0.5) for reply in replies]

    full, empty = bench.run_recipe([FULL, EMPTY], RECIPE, answer_batch)
    assert [len(batch) for batch in batches] == [2, 1]
    assert batches[1][0] == [
        {"role": "user", "content": f"pairs of {FULL['text']}"},
        {"role": "assistant", "content": written(SUM, CUBE)},
        {"role": "user", "content": "check them"},
    ]
    assert (full["id"], full["kept"], full["failure"]) == ("mathematics-1", [SUM], None)
    assert [pair["reason"] for pair in full["rejected"]] == ["dropped by the refinement"]
    assert [request["cached_tokens"] for request in full["requests"]] == [20, 20]
    assert (empty["kept"], len(empty["requests"])) == ([], 1)


def test_reply_that_is_cut_off_or_no_json_is_on_record():
    cut = bench.Answer(written(SUM, CUBE)[:-3], 30, 7, is_cut_off=True)
    answers = iter([[cut], [bench.Answer("I am sorry.", 40, 3)]])
    [row] = bench.run_recipe([FULL], RECIPE, lambda asked: next(answers))
    assert row["kept"] == [SUM]
    assert row["failure"] == "reply cut off; refinement: no JSON in the reply"


def test_recipe_travels_as_json():
    assert bench.recipe_of(bench.recipe_json(RECIPE)) == RECIPE


@pytest.mark.parametrize("folder", [None, bench.BEFORE])
def test_prompts_of_now_and_before_make_a_recipe(folder):
    made = bench.packaged_recipe(folder, refine=True)
    assert bench.recipe_of(bench.recipe_json(made)) == made
    assert ("$document" in made.refine) == (folder is not None)


def test_driver_needs_no_more_than_the_algorithms():
    code = (
        "import sys; sys.path.insert(0, 'benchmarks'); import extraction_quality\n"
        "print(sorted({'dagster', 'duckdb', 'polars', 'pydantic', 'openai'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=FILE.parents[1],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == "[]"


def row(name, kind, *kept, prompt=0, cached=0, completion=0, seconds=0.0):
    request = {"prompt_tokens": prompt, "cached_tokens": cached}
    request |= {"completion_tokens": completion, "seconds": seconds}
    return {"id": name, "kind": kind, "kept": list(kept), "failure": None, "requests": [request]}


def test_figures_count_readings_tokens_and_seconds():
    short = {"question": "What is the cube of the number two?", "answer": "eight"}
    rows = [
        row("mathematics-1", "mathematics", SUM, short, prompt=100, cached=60, completion=20),
        row("boilerplate-1", "boilerplate", prompt=70, completion=10, seconds=4.0),
    ]
    labels = {
        bench.pair_key("mathematics-1", SUM): "good",
        bench.pair_key("mathematics-1", short): "vague",
    }
    worked = {**CUBE, "answer": "Two times two is four. Four times two: eight."}
    documents = {
        "mathematics-1": {**FULL, "asks": [SUM, worked]},
        "boilerplate-1": EMPTY,
    }
    found = bench.figures(rows, documents, labels)
    assert (found["kept"], found["good"], found["vague"], found["unread"]) == (2, 1, 1, 0)
    assert (found["prompt"], found["cached"], found["completion"]) == (170, 60, 30)
    assert found["tokens_per_good"] == 200
    assert found["tokens_per_kept"] == 100
    assert found["good_per_1000"] == 5
    assert found["seconds_per_good"] == 4
    assert found["asks_found"] == 1  # two of two
    assert found["steps_kept"] == pytest.approx(1 / 9)  # "eight", of nine words of a worked answer
    assert found["empty_right"] == "1/1"


def test_questions_are_matched_once_by_their_words():
    other = {"question": "What is the sum of two and three, written in words?", "answer": "five"}
    assert bench.matches([SUM, CUBE], [other, SUM]) == [(SUM, SUM)]
    assert bench.matches([SUM], [{"question": "Who wrote it, and when?", "answer": "x"}]) == []


def test_agreement_is_worked_out_by_hand():
    one = {"a": "good", "b": "good", "c": "vague", "d": "wrong", "e": "good"}
    two = {"a": "good", "b": "vague", "c": "vague", "d": "wrong", "f": "good"}
    n, share, kappa = bench.agreement(one, two)
    # four in both: 3 alike; by chance good 2 x 1, vague 1 x 2, wrong 1 x 1 of 16
    assert (n, share) == (4, 0.75)
    assert kappa == pytest.approx((0.75 - 5 / 16) / (1 - 5 / 16))
    assert bench.agreement({"a": "good"}, {"a": "good"})[1:] == (1.0, 1.0)


def test_sheet_shows_each_pair_once_and_not_its_run():
    rows = [row("mathematics-1", "mathematics", SUM, CUBE)]
    shown = bench.sheet([rows, rows])
    assert sorted(pair["question"] for pair in shown) == sorted([SUM["question"], CUBE["question"]])
    assert all(set(pair) == {"key", "id", "question", "answer", "label"} for pair in shown)


def test_label_that_is_none_is_refused():
    with pytest.raises(ValueError, match="label = 'fine': must be one of good, vague, leaning"):
        bench.labels_of([{"key": "k", "label": "fine"}])


def test_documents_are_five_kinds_and_boilerplate_answers_nothing():
    documents = bench.read_lines(bench.DOCUMENTS)
    kinds = dict.fromkeys(("mathematics", "code", "prose", "story", "boilerplate"), 0)
    for document in documents:
        kinds[document["kind"]] += 1
        assert document["text"].strip()
        assert all(ask["question"].strip() and ask["answer"].strip() for ask in document["asks"])
    assert set(kinds.values()) == {24}
    assert not any(one["asks"] for one in documents if one["kind"] == "boilerplate")
    assert len({document["id"] for document in documents}) == len(documents)


def test_questions_of_a_target_are_shown_before_the_examples_and_its_answers_never():
    target = [
        {"question": f"How much  are {n} rolls at $2?", "answer": " ".join(["euro"] * n)}
        for n in range(1, 100)
    ]
    recipe = bench.packaged_recipe(None, refine=False)
    shown = bench.like(recipe, target)
    first = chat(shown.extract, document="D", max_pairs=5)[0]["content"]
    questions = first.partition("<questions>\n")[2].partition("\n</questions>")[0].splitlines()
    assert len(questions) == 4
    assert all(q.startswith("- How much are ") and q.endswith(" rolls at $2?") for q in questions)
    assert "have 10 words\nor more, mostly about 50" in first
    assert "euro" not in first
    assert first.index("</questions>") < first.index("<document>")
    # every document is asked in the same words up to itself, which a server reads once
    assert bench.like(recipe, target) == shown


def test_lengths_of_answers_are_compared_with_those_of_a_target():
    target = [{"question": "Q?", "answer": "word " * n} for n in range(50, 60)]
    row = {"id": "a", "kept": [{"question": "Q?", "answer": "word " * n} for n in (3, 50, 60)]}
    row |= {"failure": None, "requests": []}
    found = bench.figures([row], {"a": {"asks": []}}, {}, target=target)
    assert found["answer_words"] == 50
    assert found["long_enough"] == pytest.approx(1 / 3)
