from textwrap import dedent

import pytest

from equal_assets.algorithms.extraction.laid_out import extract_pairs
from equal_assets.records import QAPair
from equal_assets_tests.timing import takes_less_than


def pairs_of(text, *, subject=None, max_pairs=20):
    return extract_pairs(dedent(text).strip(), max_pairs=max_pairs, subject=subject)


def questions_of(text, *, subject=None):
    return [pair.question for pair in pairs_of(text, subject=subject)]


def only_pair(text, *, subject=None):
    (pair,) = pairs_of(text, subject=subject)
    return pair


# Docstrings

UNIQUE = """
    Find the unique elements of an array.

    Returns the sorted unique elements of an array.

    Parameters
    ----------
    ar : array_like
        Input array.

    See Also
    --------
    repeat : Repeat elements of an array.

    Examples
    --------
    >>> import numpy as np
    >>> np.unique([1, 1, 2])
    array([1, 2])

    References
    ----------
    .. [1] Nobody.
"""


def test_numpydoc_docstring_asks_its_summary_and_answers_with_its_example():
    assert only_pair(UNIQUE, subject="numpy.unique") == QAPair(
        "How do I find the unique elements of an array with `numpy.unique`?",
        "Find the unique elements of an array.\n\n"
        "```python\nimport numpy as np\nnp.unique([1, 1, 2])\n# array([1, 2])\n```",
    )


def test_google_docstring_ends_its_example_at_the_dedent():
    pair = only_pair(
        """
        Loads a table into memory.

        Args:
            path: Where it is.

        Example:
            .. code-block:: python
                :caption: load.py

                table = load("a.csv")

        The table is read once.
        """,
        subject="tables.load",
    )
    assert pair.question == "How do I load a table into memory with `tables.load`?"
    assert pair.answer == 'Loads a table into memory.\n\n```python\ntable = load("a.csv")\n```'


def test_google_example_of_bare_code_is_code():
    pair = only_pair(
        """
        Opens a door.

        Example:
            door = Door()
            open_door(door)

        Raises:
            ValueError: If it is locked.
        """,
        subject="house.open_door",
    )
    assert pair.answer.endswith("```python\ndoor = Door()\nopen_door(door)\n```")


def test_sphinx_docstring_with_literal_block_and_fields():
    pair = only_pair(
        """
        Apply the function to every item.

        Example::

            apply_all(print, [1, 2])

        :param function: What to apply.
        :returns: Nothing.
        """,
        subject="tools.apply_all",
    )
    assert pair.answer.endswith("```python\napply_all(print, [1, 2])\n```")


def test_doctest_without_section_title_is_found():
    pair = only_pair(
        """Return the n most common words.

        >>> most_common("a b a", 1)
        ['a']
        """,
        subject="words.most_common",
    )
    assert pair.answer.endswith("most_common(\"a b a\", 1)\n# ['a']\n```")


def test_indented_docstring_reads_like_a_cleaned_one():
    raw = (
        "Return the root.\n\n        Examples\n        --------\n        >>> root(9)\n        3.0\n"
    )
    assert only_pair(raw, subject="m.root").answer == (
        "Return the root.\n\n```python\nroot(9)\n# 3.0\n```"
    )


@pytest.mark.parametrize(
    ("summary", "question"),
    [
        ("Return the sum.", "How do I return the sum with `m.f`?"),
        ("Returns the sum.", "How do I return the sum with `m.f`?"),
        ("Applies a filter over an input.", "How do I apply a filter over an input with `m.f`?"),
        ("Matches a pattern and returns the groups.", None),
        (
            "Compute eigenvalues of a matrix.",
            "How do I compute eigenvalues of a matrix with `m.f`?",
        ),
        ("Standardize features.", "How do I standardize features with `m.f`?"),
        ("Lazily read from a file.", "How do I lazily read from a file with `m.f`?"),
        ("This function returns the sum.", "How do I return the sum with `m.f`?"),
        ("Fit a line with weights.", "How do I fit a line with weights using `m.f`?"),
        ("Return True if x is even, False otherwise.", "How do I check if x is even with `m.f`?"),
        ("Linear regression model.", "How do I use `m.f` (linear regression model)?"),
        ("Gaussian Mixture.", "How do I use `m.f` (Gaussian Mixture)?"),
        ("LU decomposition of a matrix.", "How do I use `m.f` (LU decomposition of a matrix)?"),
        ("A decorator that caches.", "How do I use `m.f` (a decorator that caches)?"),
        ("Functions for sorting.", "How do I use `m.f` (functions for sorting)?"),
        ("Options can be changed.", "How do I use `m.f`?"),
        ("Given a graph, return its edges.", "How do I use `m.f`?"),
        ("SequenceMatcher is a flexible class.", "How do I use `m.f`?"),
    ],
)
def test_question_fits_the_grammar_of_the_summary(summary, question):
    question = question or "How do I match a pattern and return the groups with `m.f`?"
    assert questions_of(f"{summary}\n\n>>> f(1)\n2", subject="m.f") == [question]


def test_rest_markup_becomes_markdown():
    pair = only_pair(
        """
        Return a :class:`~pkg.mod.Table` of ``rows`` [1]_, see :ref:`the guide <a>`, for *any* x::

            >>> f(1)
            2
        """,
        subject="m.f",
    )
    assert pair.question == (
        "How do I return a `Table` of `rows`, see the guide, for any x with `m.f`?"
    )


def test_first_sentence_asks_and_abbreviations_do_not_end_it():
    (question,) = questions_of("Return a name, e.g. Ada. It is short.\n\n>>> f(1)", subject="m.f")
    assert question == "How do I return a name, e.g. Ada with `m.f`?"


def test_signature_and_directives_are_not_the_summary():
    text = """
        f(x, *, out=None) -> float

        .. deprecated:: 1.2
            Use g.

        Return the half.

        .. versionadded:: 1.1

        >>> f(4)
        2.0
    """
    pair = only_pair(text, subject="m.f")
    assert pair.question == "How do I return the half with `m.f`?"
    assert "1.1" not in pair.answer


GROUPS = """
    Sort an array.

    Examples
    --------
    >>> import np

    Sort along the last axis:

    >>> a = np.array([[1, 4], [3, 1]])
    >>> np.sort(a)
    array([[1, 4],
           [1, 3]])

    The case of no axis:

    >>> b = 1
    >>> np.sort(a, axis=None)
    array([1, 1, 3, 4])

    This is the same:

    >>> np.sort(a.ravel())
"""


def test_example_that_goes_on_without_a_usable_introduction_is_one_example():
    pair = only_pair(GROUPS, subject="np.sort")
    assert pair.question == "How do I sort an array with `np.sort`?"
    assert pair.answer.startswith(
        "Sort an array.\n\nSort along the last axis:\n\n```python\nimport"
    )
    assert pair.answer.endswith("np.sort(a.ravel())\n```")


def test_introduced_examples_ask_specific_questions_and_borrow_what_they_use():
    text = GROUPS.replace("The case of no axis:", "Flattened arrays are sorted:")
    first, second = pairs_of(text, subject="np.sort")
    assert first.question == "How do I sort along the last axis with `np.sort`?"
    assert second.question == "How do I sort an array with `np.sort`?\nFlattened arrays are sorted."
    assert second.answer == (
        "Sort an array.\n\nFlattened arrays are sorted:\n\n```python\n"
        "import np\na = np.array([[1, 4], [3, 1]])\n"
        "b = 1\nnp.sort(a, axis=None)\n# array([1, 1, 3, 4])\n\nnp.sort(a.ravel())\n```"
    )


def test_sentence_that_refers_back_continues_the_example_before_it():
    (pair,) = pairs_of("Add one.\n\n>>> f(1)\n\nAs above:\n\n>>> f(2)", subject="m.f")
    assert pair.answer.endswith("```python\nf(1)\n\nf(2)\n```")


def test_example_without_the_subject_is_only_setup():
    text = "Add one.\n\nMake a number:\n\n>>> x = 1\n\nAdd to the number:\n\n>>> f(x)\n2"
    assert only_pair(text, subject="m.f").answer.endswith("```python\nx = 1\nf(x)\n# 2\n```")


@pytest.mark.parametrize(
    ("output", "comments"),
    [
        ("1\n2\n3", ["# 1", "# 2", "# 3"]),
        ("1\n2\n3\n4", []),
        ("x" * 201, []),
        ("<object at 0x7f>", []),
        ("Traceback (most recent call last):\n  ...\nValueError: no", ["# ValueError: no"]),
        ("a\n<BLANKLINE>\nb", ["# a", "#", "# b"]),
    ],
)
def test_expected_output_is_kept_as_short_comments(output, comments):
    (pair,) = pairs_of(f"Add one.\n\n>>> f(1)  # doctest: +SKIP\n{output}", subject="m.f")
    code = "\n".join(["f(1)", *comments])
    assert pair.answer == f"Add one.\n\n```python\n{code}\n```"


def test_continuation_prompts_are_removed():
    text = """
        Add one.

        >>> # doctest: +SKIP
        >>> for x in range(3):
        ...     f(x)
        ...
        1
    """
    assert only_pair(text, subject="m.f").answer.endswith(
        "```python\nfor x in range(3):\n    f(x)\n\n# 1\n```"
    )


@pytest.mark.parametrize(
    "example",
    [
        ">>> f(1",
        "Example::\n\n    $ pip install f",
        "```bash\nf --help\n```",
        ".. code-block:: json\n\n    [1]",
        ">>> import f",
        "Example:\n    Just prose here.",
        "See Also\n--------\n>>> f(1)",
    ],
)
def test_what_is_no_python_example_yields_no_pair(example):
    assert pairs_of(f"Add one to a number.\n\n{example}", subject="m.f") == []


def test_docstring_without_subject_asks_about_python():
    assert questions_of(UNIQUE) == ["How do I find the unique elements of an array in Python?"]
    assert questions_of("Linear model.\n\nExamples\n--------\n>>> Linear().fit()\nLinear()") == []


def test_subject_restricts_the_search_to_the_docstring_layout():
    text = "Q: What is the capital of France?\nA: It is Paris, on the Seine."
    assert len(pairs_of(text)) == 1
    assert pairs_of(text, subject="m.f") == []


# Labels


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        ("Q:", "A:"),
        ("Q.", "A."),
        ("Q1.", "A1."),
        ("Q 1:", "A 1:"),
        ("**Q.**", "**A.**"),
        ("**Q:**", "**A:**"),
        ("**Q**:", "**A**:"),
        ("__Question:__", "__Answer:__"),
        ("Question:", "Answer:"),
        ("QUESTION 3:", "ANSWER:"),
        ("Question 3 (2 points).", "Answer."),
        ("question:", "answer:"),
        ("## Question\n\n", "## Answer\n\n"),
        ("Question\n--------\n", "Answer\n------\n"),
        ("## Problem\n\n", "## Solution\n\n"),
        ("Problem 3.", "Solution."),
        ("Problem 3", "*Solution.*"),
        ("Exercise 2.1", "Solution:"),
        ("**Exercise 2.1**", "**Answer**\n"),
        ("Example 3.", "Solution"),
        ("### Worked Example 4-2: ", "### Solution\n"),
        ("Problem.", "Analysis."),
        ("Question:", "Explanation:"),
        ("- Q:", "- A:"),
    ],
)
def test_labels_pair_questions_with_answers(question, answer):
    separator = "\n" if answer == "Solution" else " "
    text = f"{question} Why is the sky blue?\n\n{answer}{separator}Air scatters blue light most."
    assert extract_pairs(text, max_pairs=9) == [
        QAPair("Why is the sky blue?", "Air scatters blue light most.")
    ]


def test_answer_runs_to_the_next_label_or_heading():
    text = """
        # Cooking

        Q: How long does rice take?
        A: About fifteen minutes.

        Stir it once.

        Q: And pasta, how long does it take?
        A: Nine minutes, al dente.

        ## Imprint
        Nobody.
    """
    assert pairs_of(text) == [
        QAPair("How long does rice take?", "About fifteen minutes.\n\nStir it once."),
        QAPair("And pasta, how long does it take?", "Nine minutes, al dente."),
    ]


def test_heading_between_question_and_answer_parts_them():
    assert pairs_of("Q: Why is the sky blue?\n\n# Chapter 2\n\nA: An unrelated long text.") == []


def test_headings_inside_a_labelled_problem_belong_to_it():
    text = """
        ## Problem
        Sort the list.
        ## Constraints
        At most 10 items.
        ## Solution
        Use the built-in function `sorted`.
        ## Notes
        None.
    """
    assert pairs_of(text) == [
        QAPair(
            "Sort the list.\n## Constraints\nAt most 10 items.",
            "Use the built-in function `sorted`.",
        )
    ]


def test_another_answer_label_continues_the_answer():
    text = "Question: 2 + 2?\nSolution: Count on from two.\nAnswer: 4\nSolution: ask someone"
    assert pairs_of(text) == [QAPair("2 + 2?", "Count on from two.\n\nAnswer: 4")]


def test_fenced_code_keeps_its_labels_and_stars():
    text = """
        Q: How do I print a label?
        A: Like this:

        ```python
        print("Answer: 42")
        Answer: int = 10**9
        Q: str
        ```
    """
    answer = 'Like this:\n\n```python\nprint("Answer: 42")\nAnswer: int = 10**9\nQ: str\n```'
    assert pairs_of(text) == [QAPair("How do I print a label?", answer)]


def test_choices_are_part_of_the_question():
    text = """
        Q. Which planet is the largest?
        A. Mars
        B. Jupiter

        Answer: B. Jupiter, eleven Earths wide.
    """
    assert pairs_of(text) == [
        QAPair(
            "Which planet is the largest?\nA. Mars\nB. Jupiter", "B. Jupiter, eleven Earths wide."
        )
    ]


def test_sample_cases_of_a_programming_problem_are_no_worked_examples():
    text = """
        Two Sum

        Find two numbers that add up.

        Example 1:

        Input: [1, 2]
        Output: 3

        Explanation: one and two make three.

        Solution

        Keep the numbers seen so far in a set.
    """
    pair = only_pair(text)
    assert pair.question.startswith("Two Sum\n\nFind two numbers")
    assert pair.answer == "Keep the numbers seen so far in a set."


def test_question_label_may_be_followed_by_its_answer_alone():
    text = """
        Q: reverse a list `a`
        ```python
        a[::-1]  # a new list
        ```

        Q: What does it cost?

        Nothing at all, it is free.

        Q: Which one is it?

        (A) this one, surely  (B) that one
    """
    assert pairs_of(text) == [
        QAPair("reverse a list `a`", "```python\na[::-1]  # a new list\n```"),
        QAPair("What does it cost?", "Nothing at all, it is free."),
    ]


# Answer lists and exercises without labels


def test_numbered_exercises_meet_the_answer_list():
    text = """
        Exercises
        1. Sam has 4 melons and eats 3.
           How many are left?
        2. Name the capital of France.
        3. Unanswered.

        ## Answer key
        1. 4 - 3 = 1, so one melon is left.
        2) Paris, which lies on the Seine.
        7. Belongs to no exercise in this text.

        ## Appendix
        1. Something else that is quite long.
    """
    assert pairs_of(text) == [
        QAPair(
            "Sam has 4 melons and eats 3.\n   How many are left?",
            "4 - 3 = 1, so one melon is left.",
        ),
        QAPair("Name the capital of France.", "Paris, which lies on the Seine."),
    ]


def test_each_answer_list_belongs_to_the_exercises_before_it():
    text = """
        1. First question here?
        Answers
        1. The answer to the first one.
        # Part 2
        1. Second question here?
        Answers:
        1. The answer to the second one.
    """
    assert [pair.question for pair in pairs_of(text)] == [
        "First question here?",
        "Second question here?",
    ]


def test_exercise_paragraph_is_asked_under_its_instruction():
    text = """
        A long introduction to logarithms.

        In the following exercises, simplify each expression.

        $a + a$

        $b + b$

        Solution: $2b$, by adding like terms.

        ## Review
        Define a logarithm.

        Solution: The inverse of exponentiation.
        Its base is fixed.

        Define a matrix.
    """
    assert pairs_of(text) == [
        QAPair(
            "In the following exercises, simplify each expression.\n$b + b$",
            "$2b$, by adding like terms.",
        ),
        QAPair("Define a logarithm.", "The inverse of exponentiation.\nIts base is fixed."),
    ]


# Forums and FAQs

THREAD = """
    # How do I sort a dict?

    I have a dict and want it sorted by value.

    ## Answer (score 3)
    You cannot do that at all, sorry.

    ## {label}
    Use `sorted(d.items(), key=...)`.

    ## Comments
    Thanks!
"""


@pytest.mark.parametrize(
    "label",
    [
        "Accepted Answer (score 12)",
        "Answer (accepted)",
        "Best answer",
        "✓ Answer",
        "Answer by Ada (accepted)",
        "Answer [accepted]:",
    ],
)
def test_accepted_answer_wins(label):
    assert pairs_of(THREAD.format(label=label)) == [
        QAPair(
            "How do I sort a dict?\n\nI have a dict and want it sorted by value.",
            "Use `sorted(d.items(), key=...)`.",
        )
    ]


def test_first_answer_stands_in_for_a_missing_accepted_one():
    assert only_pair(THREAD.format(label="Answer (score 1)")).answer == (
        "You cannot do that at all, sorry."
    )


def test_accepted_answer_wins_below_a_question_heading_that_a_title_names():
    text = """
        Sorting a dict

        ## Question
        How do I sort it by value?

        ## Answers
        ### Answer 1
        You cannot do that at all, sorry.
        ### Accepted answer
        Use the function `sorted`.
    """
    assert pairs_of(text) == [
        QAPair("Sorting a dict\n\nHow do I sort it by value?", "Use the function `sorted`.")
    ]


def test_long_chapter_above_a_solution_is_asked_from_its_last_heading():
    chapter = f"# Chapter\n{'Long prose. ' * 300}\n## A hard case\nWho wins?"
    assert extract_pairs(f"{chapter}\n\nSolution\n\nThe one who starts, always.", max_pairs=9) == [
        QAPair("A hard case\nWho wins?", "The one who starts, always.")
    ]


def test_faq_headings_are_answered_by_the_text_below_them():
    text = """
        # Shop

        ## 1. How can I pay?
        By card or by invoice.

        ### Details
        Within 30 days.

        ## Why us?
        Too short to be understood alone.

        ## Shipping
        Fast.

        **Do you ship abroad?**

        Yes, to every country.
    """
    assert pairs_of(text) == [
        QAPair("How can I pay?", "By card or by invoice.\n\n### Details\nWithin 30 days."),
        QAPair("Do you ship abroad?", "Yes, to every country."),
    ]


def test_plain_line_that_asks_must_touch_its_answer():
    asked = "What is a fjord?\nA long inlet between cliffs."
    assert questions_of(f"Geography\n\n{asked}") == ["What is a fjord?"]
    assert pairs_of("Geography\n\nWhat is a fjord?\n\nThe next chapter tells us all.") == []
    assert pairs_of("Geography\n\nWhat is a fjord?\n- an inlet of the sea\n- a mountain") == []
    assert pairs_of("He wondered: a fjord?\nThe water was very cold there.") == []


# What is no pair


@pytest.mark.parametrize(
    "text",
    [
        "",
        "   \n\n  ",
        "Just prose about rivers. They flow to the sea, mostly.\n\nAnother paragraph follows here.",
        "The letter Q: it is followed by u in English. A: is a drive letter in Windows.",
        "The plan had two parts. Question: why? Answer: because nobody knew better then.",
        "Answer the question below in a full sentence.\n\nSolution of the crisis took many years.",
        "Question everything that you are told, always.\n\nAnswer when you are asked, politely.",
        "Example 3 shows that it works.\n\nSolution of the equation is left to the reader.",
        "A. Smith wrote this long ago.\n\nQ.E.D. is what he put at the end of proofs.",
        "    Q: indented code, not a label at all\n    A: indented code as well, you see",
        "Problems\n1. It is slow.\n2. It is loud.\n\nSteps\n1. Make it fast enough.\n2. Dampen it.",
        "A: An answer that nobody has asked for.",
        "Q: Is there an answer to this question?",
        "## Why is the sky blue?\n\n## Why is the grass green?",
    ],
)
def test_text_without_pairs_yields_none(text):
    assert extract_pairs(text, max_pairs=9) == []


@pytest.mark.parametrize("length", [0, 8_001])
def test_answer_out_of_bounds_is_dropped(length):
    assert extract_pairs(f"Q: How long?\nA: {'x' * length}", max_pairs=9) == []


@pytest.mark.parametrize("length", [1, 8_000])
def test_answer_at_the_bounds_is_kept(length):
    assert len(extract_pairs(f"Q: How long?\nA: {'x' * length}", max_pairs=9)) == 1


def test_question_that_is_asked_twice_is_kept_once():
    text = (
        "Q: Who is it?\nA: The first of the answers.\nQ: who is it?\nA: The second of the answers."
    )
    assert pairs_of(text) == [QAPair("Who is it?", "The first of the answers.")]


def test_pairs_beyond_the_limit_are_left_out():
    text = "\n".join(f"Q: What is number {n}?\nA: It is a number, namely {n}." for n in range(9))
    assert [pair.question for pair in pairs_of(text, max_pairs=2)] == [
        "What is number 0?",
        "What is number 1?",
    ]


def test_windows_line_ends_are_line_ends():
    text = "Q: Why is the sky blue?\r\nA: Air scatters blue light most.\r\n"
    assert extract_pairs(text, max_pairs=9) == [
        QAPair("Why is the sky blue?", "Air scatters blue light most.")
    ]


def test_limit_below_one_is_an_error():
    with pytest.raises(ValueError, match="max_pairs = 0: must be at least 1"):
        extract_pairs("text", max_pairs=0)


HOSTILE = {
    repr(unit): unit * (100_000 // len(unit))
    for unit in (
        " ", "\n", "\t", "Q:", "Q:\n", "A:\n", "```\n", "```python\n", "`", "*", ":", "[", ">>> ",
        ">>> (\n", "::\n\n", "Answers\n", "Note:\n", ".. note::\n", "Solution: x\n\ny\n\n",
        "What is it?\nIt is.\n\n", "---\n", "e.g. ", ":a:`~", "\x00",
        "Do the next step:\n\n>>> x = x + 1\n\n", "Import one:\n\n>>> import a\n\n",
    )
} | {
    "deep indentation": "\n".join(" " * depth + "x::\n" for depth in range(440)),
    "deep nesting": "Get the x.\n\n>>> " + "(" * 50_000,
    "many signs": "Get the x.\n\n>>> " + "-" * 90_000 + "1",
    "blanks before a flag": "Get the x.\n\n>>> x" + " " * 90_000 + "#",
    "unclosed fence": "Q: Why?\nA: ```" + "\n" * 90_000,
}  # fmt: skip


@pytest.mark.timing
@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("subject", [None, "m.f"])
def test_hostile_text_takes_seconds_not_minutes(name, subject):
    text = HOSTILE[name] if subject is None else f"Return the x.\n\n{HOSTILE[name]}"
    assert takes_less_than(5, lambda _: extract_pairs(text, max_pairs=10**9, subject=subject))
