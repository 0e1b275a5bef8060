"""The program in a generated answer to an MBPP- or HumanEval-like question."""

from __future__ import annotations

import re

FENCE = re.compile(r"^[ \t]*```[ \t]*(\w*)[^\n]*\n(.*?)(?:^[ \t]*```|\Z)", re.MULTILINE | re.DOTALL)
PYTHON = {"", "python", "python3", "py"}
DEFINES = re.compile(r"^\s*(?:async\s+def|def|class)\s", re.MULTILINE)
DELIMITERS = ("[BEGIN]", "[DONE]")  # of MBPP's few-shot prompt

STATEMENT = re.compile(
    r"""
    (?:async\s+def|def|class)\s+\w+\s*[(:\[] | import\s+\w | from\s+[\w.]+\s+import\b | @\w
    | (?:if|elif|while|with|for|except)\b.*: | (?:else|try|finally)\s*: | except\s*:
    | (?:return|raise|assert|del|global|pass|break|continue)\b
    | [A-Za-z_][\w.]*(?:\[[^\]]*\])?(?:\s*,\s*[A-Za-z_]\w*)*\s*(?::\s*[\w.\[\], |]+)?
      (?:[-+*/%&|^]|//|\*\*|<<|>>)?=(?!=)
    | [A-Za-z_][\w.]*\(
    """,
    re.VERBOSE,
)
BEGINNING = re.compile(
    r"(?:(?:async\s+def|def|class)\s+\w+\s*[(:\[]|import\s+\w|from\s+[\w.]+\s+import\b|@\w"
    r"|[A-Za-z_]\w*\s*=(?!=))"
)
CONTINUATION = re.compile(r"[ \t)\]}#'\"\\]|\Z")
"""How a line may begin that belongs to code: indented, closing, a comment, a text, empty."""


def extract_code(output: str, *, is_continuation: bool) -> str | None:
    """Return the program in an output.

    Parameters
    ----------
    output : str
        A generated answer.
    is_continuation : bool
        Whether the output continues code that the question shows (HumanEval): then text without a
        fence is code from its first character, and ends where the indented block ends.

    Returns
    -------
    str or None
        The first fenced block that defines something, else the first fenced block; a block that
        is cut off counts up to its end. Without a fence, the lines from the first to the last that
        look like code. None if there are none.
    """
    fenced = [body for language, body in FENCE.findall(output) if language.lower() in PYTHON]
    if fenced:
        code = next((body for body in fenced if DEFINES.search(body)), fenced[0])
    elif is_continuation:
        code = _block(output)
    else:
        code = _code_lines(_between_delimiters(output))
    return code.rstrip() if code.strip() else None


def program_of(code: str, prefix: str) -> str:
    """Return the program that code forms with the code that the question shows."""
    return f"{prefix.rstrip()}\n{code}" if prefix.strip() else code


def _between_delimiters(text: str) -> str:
    begin, done = DELIMITERS
    return text.partition(done)[0].rpartition(begin)[2]


def _block(text: str) -> str:
    """Return a text up to the first line after the first that is not indented."""
    lines = text.split("\n")
    begun = next((number for number, line in enumerate(lines) if line.strip()), len(lines))
    inside = lines[: begun + 1]
    for line in lines[begun + 1 :]:
        if line.strip() and not line[0].isspace() and lines[begun][0].isspace():
            break
        inside.append(line)
    return "\n".join(inside)


def _code_lines(text: str) -> str:
    lines = text.split("\n")
    begun = next((number for number, line in enumerate(lines) if BEGINNING.match(line)), len(lines))
    end = begun
    while end < len(lines) and (STATEMENT.match(lines[end]) or CONTINUATION.match(lines[end])):
        end += 1
    return "\n".join(lines[begun:end])
