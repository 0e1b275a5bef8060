"""Where a page is cut: `cut_text` on pages as people have them."""

import re

import numpy as np
import pytest

from equal_assets.algorithms.chunks import cut_text
from equal_assets_tests.timing import takes_less_than


def cut(text, most):
    return [text[c.start : c.end] for c in cut_text(text, max_characters=most)]


def paths(text, most):
    return [chunk.path for chunk in cut_text(text, max_characters=most)]


def words(n, word="word"):
    return " ".join([word] * n)


# By hand


def test_page_is_cut_before_the_highest_heading():
    one, two, three = (f"{words(8, name)}." for name in ("one", "two", "three"))
    text = f"# A\n\n{one}\n\n## B\n\n{two}\n\n# C\n\n{three}"
    assert cut(text, 90) == [f"# A\n\n{one}\n\n## B\n\n{two}", f"# C\n\n{three}"]
    assert paths(text, 90) == [(), ()]
    assert cut(text, 50) == [f"# A\n\n{one}", f"## B\n\n{two}", f"# C\n\n{three}"]
    assert paths(text, 50) == [(), ("A",), ()]


def test_code_between_two_lines_that_open_nothing_is_whole():
    code = "```\na\n\nb\n\nc\n```"
    text = "\n\n".join(["$$ is money", *[words(7), code] * 6, "$$ as well"])
    for most in (40, 55, 70):
        assert sum(chunk.count(code) for chunk in cut(text, most)) == 6


def test_chunk_in_the_middle_of_a_section_has_all_headings_above_it():
    text = "# A\n\n## B ##\n\n" + "\n\n".join(f"{words(8)} {n}" for n in range(4))
    assert paths(text, 90) == [(), ("A", "B")]


def test_heading_is_not_parted_from_what_is_below_it():
    first, second = words(10), words(16)
    text = f"{first}\n\n## B\n\n{second}"
    assert cut(text, len(second)) == [first, f"## B\n\n{second}"]


@pytest.mark.parametrize(
    ("text", "path"),
    [
        (f"A\n===\n\n{words(9)}\n\nB\n---\n\n{words(9)}\n\n{words(9)}", ("A", "B")),
        (
            f"\\section{{A}}\n{words(9)}\n\n\\subsection{{B}}\n{words(9)}\n\n{words(9)}",
            ("A", "B"),
        ),
    ],
)
def test_headings_are_known_as_people_write_them(text, path):
    assert paths(text, 60)[-1] == path


def test_lines_of_code_are_no_headings():
    code = "```sh\n# install\n\nmake\n```"
    text = f"{code}\n\n{words(9)}\n\n{words(9)}"
    assert cut(text, 60) == [code, words(9), words(9)]
    assert paths(text, 60) == [(), (), ()]


def eight_times(whole):
    """Return a text that holds a part eight times, between words."""
    return "\n\n".join(text for n in range(8) for text in (words(n + 1), whole))


def assert_kept_whole(chunks, whole):
    """Check that a text of `eight_times` was cut, and nowhere in its part."""
    assert len(chunks) > 1
    assert sum(chunk.count(whole) for chunk in chunks) == 8


@pytest.mark.parametrize(
    "whole",
    [
        "```py\nx = 1\n\n\n# and\n\ny = 2\n```",
        "~~~~\none\n\ntwo\n~~~~",
        "$$\na = b\n\nc = d\n$$",
        "\\[\na = b\n\nc = d\n\\]",
        "\\begin{align}\na &= b\n\nc &= d\n\\end{align}",
        "<table>\n<tr><td>1</td></tr>\n\n<tr><td>2</td></tr>\n</table>",
        "| a | b |\n| --- | --- |\n| 1 | 2 |\n| 3 | 4 |",
    ],
)
@pytest.mark.parametrize("most", [60, 70, 80, 100])
def test_code_formulas_and_tables_are_whole(whole, most):
    text = "\n\n".join([words(5), whole, words(9), whole, words(3), whole])
    chunks = cut(text, most)
    assert len(chunks) > 1
    assert sum(chunk.count(whole) for chunk in chunks) == 3


@pytest.mark.parametrize("opened", ["```\n", "$$\n", "\\[\n", "\\begin{align}\n", "<table>\n"])
def test_what_is_never_closed_holds_nothing_together(opened):
    text = opened + "\n\n".join([words(9)] * 6)
    assert max(map(len, cut(text, 60))) <= 60
    assert len(cut(text, 60)) == 6


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        ("Exercise 1. Find x.", "Solution. It is 1."),
        ("**Problem 3**\n\nFind x.\n\nAnd y.", "**Solution**\n\nIt is 1.\n\nAnd 2."),
        ("Q: Who is it?", "A: Nobody."),
        ("Find x.", "Solution: It is 1."),
        ("Theorem. It is so.", "Proof. It is."),
        ("证明它。", "解：显然。"),
        ("Aufgabe. Finde x.", "Lösung: 1"),
    ],
)
@pytest.mark.parametrize("parted", ["\n", "\n\n"])
def test_question_stays_with_its_answer(question, answer, parted):
    pair = f"{question}{parted}{answer}"
    text = "\n\n".join([words(4), *[pair] * 12])
    for more in (0, 7, 20, 60):
        chunks = cut(text, len(pair) + more)
        assert len(chunks) > 1
        assert sum(chunk.count(pair) for chunk in chunks) == 12


def test_long_solution_is_cut_but_not_from_the_question_where_it_begins():
    text = "\n\n".join(["Exercise 1. Find x.", f"Solution. {words(5)}", words(9), words(9)])
    chunks = cut(text, 70)
    assert chunks[0] == f"Exercise 1. Find x.\n\nSolution. {words(5)}"
    assert len(chunks) > 1


def test_further_answers_of_a_thread_are_chunks_with_its_title():
    answers = [f"## Answer\n\n{words(12, name)}" for name in ("yes", "no", "maybe")]
    text = "\n\n".join(["# How?\n\nI do not know.", *answers])
    assert cut(text, 80)[0] == f"# How?\n\nI do not know.\n\n{answers[0]}"
    assert cut(text, 80)[1:] == answers[1:]
    assert paths(text, 80) == [(), ("How?",), ("How?",)]


def test_section_of_a_paper_that_is_called_analysis_is_no_answer():
    text = f"# A\n\n{words(9)}\n\n## Analysis\n\n{words(9)}"
    assert cut(text, 70) == [f"# A\n\n{words(9)}", f"## Analysis\n\n{words(9)}"]


def test_exercises_with_the_solutions_at_the_end_are_cut_between_items():
    asked = [f"{n}. Find the value of {n} and {n + 1}." for n in range(1, 501)]
    solved = [f"{n}. {n * n}" for n in range(1, 501)]
    for parted in ("\n", "\n\n"):
        text = parted.join(["# Exercises", *asked, "# Solutions", *solved])
        chunks = cut_text(text, max_characters=2000)
        lines = [line for c in chunks for line in text[c.start : c.end].split("\n") if line]
        assert lines == ["# Exercises", *asked, "# Solutions", *solved]
        assert {c.path for c in chunks} == {(), ("Exercises",), ("Solutions",)}
        assert sum("# Solutions" in text[c.start : c.end] for c in chunks) == 1


@pytest.mark.parametrize("parted", ["\n", "\n\n"])
def test_worksheet_stays_with_its_answer_key(parted):
    asked = [f"{n}. What is {n} and {n}?" for n in range(1, 4)]
    solved = parted.join(f"{n}. {n + n}" for n in range(1, 4))
    sheet = "\n\n".join(["Add the numbers.", *asked, f"Answer key\n{solved}"])
    text = "\n\n".join([sheet] * 6)
    exercises = sheet.removeprefix("Add the numbers.\n\n")
    for more in (0, 20, 50, 150):
        chunks = cut(text, len(exercises) + more)
        assert len(chunks) > 1
        assert sum(chunk.count(exercises) for chunk in chunks) == 6


def test_items_without_blank_lines_are_whole():
    items = [f"{n}. Prove that\n   {n} is a number.\n   Then prove it again." for n in range(40)]
    for chunk in cut("\n".join(items), 300):
        assert re.match(r"\d+\. ", chunk)
        assert chunk.endswith("again.")


def test_last_chunk_is_not_a_line_alone_where_a_paragraph_can_move_to_it():
    text = "\n\n".join([words(4)] * 5 + ["end"])
    assert cut(text, 110)[-1].endswith(f"{words(4)}\n\nend")


def test_page_with_windows_lines_is_cut_as_any():
    text = "\n\n".join(f"## {n}\n\n{words(9)}\n\n```\na\n\nb\n```" for n in range(9))
    crlf = text.replace("\n", "\r\n")
    assert [chunk.replace("\r\n", "\n") for chunk in cut(crlf, 150)] == cut(text, 150)


def test_text_without_spaces_is_cut_between_sentences():
    text = "我们今天学习数学。这是一个很长的句子，没有空格。" * 40
    chunks = cut(text, 100)
    assert all(chunk.endswith("。") for chunk in chunks)
    assert "".join(chunks) == text


# reStructuredText


def restructured(*sections):
    """Return a page of sections, each a level, a title and the words below it."""
    marks = " =-~^"
    top = "=====\nA top\n====="
    body = [f"{title}\n{marks[level] * len(title)}\n\n{text}" for level, title, text in sections]
    return "\n\n".join([top, ".. _label:", *body])


@pytest.mark.parametrize("most", [60, 90, 150, 400])
def test_trail_is_the_titles_that_stand_above(most):
    rng = np.random.default_rng(most)
    sections = [(1, "Section 0", words(9))]
    for number in range(1, 60):
        level = int(rng.integers(1, min(4, sections[-1][0] + 1) + 1))
        sections.append((level, f"Section {number}", words(int(rng.integers(3, 40)))))
    text = restructured(*sections)
    for chunk in cut_text(text, max_characters=most):
        above = [(0, "A top")]
        for level, title, _ in sections:
            start = text.index(f"\n\n{title}\n") + 2
            if start <= chunk.start:  # what it begins with ends sections, but is not above it
                above = [found for found in above if found[0] < level]
            if start < chunk.start:
                above.append((level, title))
        is_first = chunk.start == 0
        assert chunk.path == (() if is_first else tuple(title for _, title in above))


@pytest.mark.parametrize(
    "label",
    [
        ".. _part:",
        ".. setting:: PART",
        ".. module:: part\n   :synopsis: Parts.",
        ".. index::\n   single: part\n\n.. _part:\n.. _second:",
    ],
)
def test_label_is_in_the_chunk_of_what_it_names(label):
    text = restructured((1, "One", words(9)))
    text += f"\n\n{label}\n\nPart\n====\n\n{words(9)}"
    chunks = cut(text, 60)
    assert chunks[-1] == f"{label}\n\nPart\n====\n\n{words(9)}"
    assert paths(text, 60)[-1] == ("A top",)


def test_label_in_markdown_is_in_the_chunk_of_its_heading():
    for label in ('<a name="b"></a>', "(b)="):
        text = f"# A\n\n{words(9)}\n\n{label}\n\n# B\n\n{words(9)}"
        assert cut(text, 60)[-1] == f"{label}\n\n# B\n\n{words(9)}"


def test_links_below_a_text_stay_with_it():
    text = restructured((1, "One", f"{words(9)}\n\n.. _its link: https://example.org"))
    text += f"\n\nPart\n====\n\n{words(9)}"
    assert cut(text, 60)[-1] == f"Part\n====\n\n{words(9)}"


@pytest.mark.parametrize(
    "whole",
    [
        "So it is::\n\n    one\n\n    two",
        ".. code-block:: python\n\n    one\n\n    two",
        "Example:\n\n.. code-block:: python\n   :linenos:\n\n    one\n\n    two",
        ".. note::\n\n   So it is.",
        ".. console::\n\n   $ run",
        ".. django-admin-option:: --fast\n\nIt is fast.",
    ],
)
@pytest.mark.parametrize("most", [80, 90, 100, 120])
def test_what_is_announced_is_in_the_same_chunk(whole, most):
    text = restructured((1, "One", eight_times(whole)))
    assert_kept_whole(cut(text, most), whole)


@pytest.mark.parametrize(
    "whole",
    [
        "Example:\n\n```py\none\n\ntwo\n```",
        "It is:\n\n$$\nx\n\ny\n$$",
        "As here：\n\n| a | b |\n| - | - |",
        "For example:\n\n    one",
    ],
)
@pytest.mark.parametrize("most", [60, 70, 80, 100])
def test_what_is_announced_in_markdown_is_in_the_same_chunk(whole, most):
    assert_kept_whole(cut(eight_times(whole), most), whole)


def test_code_that_fits_no_chunk_with_its_line_is_cut_elsewhere_than_below_it():
    code = "\n".join(f"    line {n}" for n in range(40))
    text = restructured((1, "One", f"{words(12)}\n\n{words(5)}::\n\n{code}"))
    assert not any(chunk.endswith("::") for chunk in cut(text, 200))


def test_empty_section_does_not_end_a_chunk():
    text = "\n\n".join(f"## Empty {n}\n\n## {n}\n\n{words(9)}" for n in range(9))
    assert all(chunk.endswith("word") for chunk in cut(text, 110))


def test_titles_of_asciidoc_have_their_levels_and_open_no_code():
    parts = [
        "Git\n===",
        "Options\n-------",
        "Input Format\n~~~~~~~~~~~~",
        "Output Format\n~~~~~~~~~~~~~",
    ]
    text = "\n\n".join(f"{part}\n\n[verse]\n{words(9)}" for part in [*parts, "Examples\n--------"])
    assert paths(text, 60) == [
        (),
        ("Git",),
        ("Git", "Options"),
        ("Git", "Options"),
        ("Git",),
    ]


def test_heading_may_stand_right_below_another():
    text = f"Release 4\n=========\nNew features\n------------\n{words(9)}\n\n{words(9)}"
    assert paths(text, 60) == [(), ("Release 4", "New features")]


def test_tildes_below_a_word_or_a_colon_open_code():
    for above in ("Code", "Example:", "It is so."):
        code = f"{'~' * len(above)}\n# no\n\n## heading\n{'~' * len(above)}"
        text = f"# A\n\n{above}\n{code}\n\n{words(9)}\n\n{words(9)}"
        assert paths(text, 60)[-1] == ("A",)


@pytest.mark.parametrize(
    "rule",
    [
        "a paragraph\nof two lines\n---",
        "- an item\n---",
        "[source,python]\n----\ncode\n----",
        "---\ntitle: not a heading\n---",
        "```code``` at the beginning of a line",
        "<!--\n# a comment\n-->\n\n<!-- # another -->",
        "<!-- not closed",
    ],
)
def test_what_only_looks_like_a_heading_is_none(rule):
    text = f"{rule}\n\n# A\n\n{words(9)}\n\n{words(9)}"
    assert paths(text, 60)[-1] == ("A",)


# Whatever the page


PARTS = [
    *("# One\n\n", "## Two\n", "### Three\n\n", "para", "Exercise 3. Find it.", "Solution. There."),
    *(
        "```\ncode\n\nmore\n```",
        "$$\nx\n\ny\n$$",
        "| a |\n| b |",
        "- item",
        "12. Find.",
        "A sentence. ",
    ),
    *("\n", "\n\n", "\r\n", " ", "我们。", "\t", "```", "Q: a\nA: b", "x" * 70, "## Answer\n\n"),
]


def page(rng, n_parts):
    parts = rng.choice(np.array(PARTS, dtype=object), size=n_parts)
    gaps = rng.choice(["", "\n\n", " "], size=n_parts)
    return "".join(f"{part}{gap}" for part, gap in zip(parts, gaps, strict=True))


@pytest.mark.parametrize("seed", range(40))
def test_chunks_give_back_the_page_within_bounds(seed):
    rng = np.random.default_rng(seed)
    text, most = page(rng, 120), int(rng.integers(20, 200))
    chunks = cut_text(text, max_characters=most)
    assert chunks == cut_text(text, max_characters=most)
    at = 0
    for chunk in chunks:
        assert not text[at : chunk.start].strip()
        body = text[chunk.start : chunk.end]
        assert body == body.strip() != ""
        headings = re.match(r"(?:#+[^\n]*(?:\s+|\Z))*", body)[0]
        assert len(body) <= most + len(headings)
        at = chunk.end
    assert not text[at:].strip()


@pytest.mark.parametrize("seed", range(20))
def test_what_is_added_at_the_end_changes_the_last_chunks_alone(seed):
    rng = np.random.default_rng(seed)
    text = "\n\n".join(words(int(n)) for n in rng.integers(3, 40, size=40))
    before, after = cut(text, 300), cut(f"{text}\n\n{words(20, 'new')}", 300)
    assert after[: len(before) - 2] == before[:-2]


@pytest.mark.timing
@pytest.mark.parametrize("unit", ["Word after word. ", "我们今天学习数学。", "x"])
def test_two_million_characters_in_one_line_are_cut_at_once(unit):
    text = unit * (2_000_000 // len(unit))
    chunks = cut_text(text, max_characters=4000)
    assert sum(chunk.end - chunk.start for chunk in chunks) >= len(text) - len(chunks)
    assert takes_less_than(10, lambda _: cut_text(text, max_characters=4000))
