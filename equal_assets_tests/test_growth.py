"""No text of a document, a reply or an answer, whatever is repeated in it, takes long."""

from collections.abc import Callable
from contextlib import suppress

import pytest

from equal_assets import secrets
from equal_assets.algorithms import chunks, deduplication, markdown_sections, words
from equal_assets.algorithms.extraction import (
    docstrings,
    laid_out,
    parsing,
    premises,
    steps,
)
from equal_assets.algorithms.extraction.grounding import grounding, span
from equal_assets.algorithms.extraction.invention import invented_numbers
from equal_assets.algorithms.extraction.leaning import dangling_reference
from equal_assets.algorithms.extraction.parsing import UnusableReplyError
from equal_assets.algorithms.extraction.source import Source
from equal_assets.algorithms.judging import choices, code, mathematics, numbers, programs
from equal_assets.algorithms.judging.mathematics import CutOff
from equal_assets.pages import values
from equal_assets.records import Option, QAPair
from equal_assets.resources.corpora import front
from equal_assets.resources.llm import replies
from equal_assets.resources.llm.llm import TryFailedError
from equal_assets_tests.timing import takes_less_than

CHARACTERS = 20_000
SECONDS = 3.0
"""Of the slowest that is in proportion a tenth; of the quickest that is not, three and more."""

OPTIONS = [Option("A", "yes", is_right=True), Option("B", "no", is_right=False)]
READ: dict[str, Callable[[str], object]] = {
    "sections": lambda t: markdown_sections.split_at_headings([(None, t)], max_characters=8000),
    "chunks": lambda t: chunks.split_text(t, max_characters=500, overlap_characters=100),
    "front matter": lambda t: front.split_front_matter(f"---\na: {t}\n---\n"),
    "docstrings": lambda t: list(docstrings.docstring_pairs(t, "a.b")),
    "laid-out pairs": lambda t: laid_out.extract_pairs(t, max_pairs=20),
    "pairs of a reply": parsing.parse_pairs,
    "scores of a reply": lambda t: parsing.parse_scores(t, n_pairs=3),
    "grounding": lambda t: grounding(t, t),
    "reference": dangling_reference,
    "span": lambda t: span(t, Source(t)),
    "premises": lambda t: premises.missing_premise(t, t, Source(t)),
    "steps": lambda t: steps.dropped_steps(t, Source(t)),
    "invented numbers": lambda t: invented_numbers(t, t, Source(t)),
    "choice": lambda t: choices.choice_verdicts([t], [OPTIONS]),
    "code": lambda t: code.extract_code(t, prefix="def f(x):\n    '''doc'''\n", wanted=["f"]),
    "complete part": programs.complete_part,
    "box": mathematics.boxed_answer,
    "number": lambda t: numbers.number_verdicts([t], ["3"], is_strict=False),
    "decimal mark": lambda t: numbers.decimal_mark([t], texts=[t]),
    "words": lambda t: words.ngrams(t, n=8),
    "repeats": lambda t: deduplication.near_duplicates(
        [QAPair(t, t), QAPair(t, "x")], threshold=0.8
    ),
    "body": lambda t: replies.refusal(400, t),
    "response": lambda t: replies.read_response(200, t, ""),
    "stream": lambda t: replies.read_response(200, t, "text/event-stream"),
    "Markdown": values.in_markdown,
    "secrets": secrets.hide,
}
UNITS = (
    *("# \n", "# a\n", "#### 1\n", "\n", " ", "\t", "```\n", "```python\n", "~~~\n", "> ", ">>> "),
    *(
        "Q: a\nA: b\n",
        "Question: ",
        "Answer:\n",
        "The answer is ",
        ">>> f()\n",
        "@a\n",
        "import x\n",
    ),
    *(
        "import x\n",
        "1,",
        "1.",
        "1 000 ",
        "$",
        "\\boxed{",
        "{",
        "[",
        "\\(",
        "**",
        "| a ",
        "<",
        "</",
        "<script",
        "&#",
    ),
    *(
        "\\",
        '"',
        "'",
        '"""\n```\n',
        '{"pairs": [',
        "null,",
        "(A) ",
        "a",
        "日本",
        "。",
        "\u0301",
        "&#",
    ),
    *("   \n@a\n", "def f():\n", "x = 1\n", "    x\n", "data: {}\n", "http://a@", "- a\n", "\r\n"),
)


@pytest.mark.timing
@pytest.mark.parametrize("name", READ)
def test_time_is_in_proportion_to_the_text(name):
    read = READ[name]

    def tried(text: str) -> None:
        with suppress(UnusableReplyError, TryFailedError, CutOff):
            read(text)

    tried("what is loaded once")
    for unit in UNITS:
        text = (unit * (CHARACTERS // len(unit) + 1))[:CHARACTERS]
        assert takes_less_than(SECONDS, lambda n, text=text: tried(f"{n}{text}"[1:])), unit
