"""The program in a generated answer to an MBPP- or HumanEval-like question.

The names that the tests need say where it is, whatever stands around it. Of several complete
definitions the last one counts: models write a first try before, and improve it.
"""

from __future__ import annotations

import ast
import re
import textwrap
from collections.abc import Collection, Iterator, Sequence

from equal_assets.algorithms.judging.drafts import without_draft
from equal_assets.algorithms.judging.fences import python_blocks
from equal_assets.algorithms.judging.programs import (
    DEFINITIONS,
    complete_part,
    completed,
    defined,
    defined_by,
    first_line,
    future_first,
    is_program,
    needed,
    open_definition,
    reads_input,
    source,
    statements,
    tree_of,
)

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
    r"(?P<indentation>[ \t]*)"
    r"(?:(?:async\s+def|def|class)\s+\w+\s*[(:\[]|import\s+\w|from\s+[\w.]+\s+import\b|@\w"
    r"|[A-Za-z_]\w*\s*=(?!=))"
)
CONTINUATION = re.compile(r"[ \t)\]}#'\"\\]|\Z")
"""How a line may begin that belongs to code: indented, closing, a comment, a text, empty."""


def extract_code(output: str, *, prefix: str, wanted: Collection[str]) -> str | None:
    """Return the program in an output.

    Parameters
    ----------
    output : str
        A generated answer.
    prefix : str
        Code that the question shows and the output may go on from (HumanEval); mostly empty.
    wanted : collection of str
        Names that the tests need
        (:func:`equal_assets.algorithms.judging.programs.names_tested`).

    Returns
    -------
    str or None
        In this order: what goes on from the prefix, from the first character of the output; the
        last fenced block that defines a wanted name completely; a fenced block that goes on from
        the prefix; lines without a fence that define a wanted name, or go on from the prefix; and
        if nothing is complete, the likeliest to be meant, so that its mistake can be told. Imports
        and definitions that the block needs come from the other blocks. None if there is no code.
    """
    text = _between_delimiters(without_draft(output).replace("\r\n", "\n").replace("\r", "\n"))
    fenced, outside = python_blocks(text)
    regions = list(_regions(outside))
    code = (
        _continued(text, prefix, wanted)
        or _complete(fenced, regions, wanted)
        or _continued_in(fenced, prefix, wanted)
        or _complete(regions, fenced, wanted)
        or _continued(_from_indentation(outside), prefix, wanted)
        or _incomplete(fenced, wanted)
        or _incomplete(regions, wanted)
        or (_block(text) if prefix.strip() and not fenced else "")
    )
    return code.rstrip() if code.strip() else None


def program_of(code: str, prefix: str) -> str:
    """Return the program that code forms with the code that the question shows.

    Code that defines anew what the prefix leaves open takes its place.
    """
    if not prefix.strip():
        return code
    begun = open_definition(prefix)
    before = prefix.rstrip()
    if begun and re.search(rf"^(?:async\s+def|def|class)\s+{begun[0].name}\b", code, re.MULTILINE):
        before = "\n".join(before.split("\n")[: first_line(begun[0]) - 1]).rstrip()
    return future_first(f"{before}\n{code}" if before else code)


def _between_delimiters(text: str) -> str:
    begin, done = DELIMITERS
    return text.partition(done)[0].rpartition(begin)[2]


def _continued_in(blocks: Sequence[str], prefix: str, wanted: Collection[str]) -> str:
    bodies = [body for block in blocks if (body := _continued(block, prefix, wanted))]
    returning = (body for body in bodies if re.search(r"\b(?:return|yield)\b", body))
    return next(returning, bodies[0] if bodies else "")


def _continued(text: str, prefix: str, wanted: Collection[str]) -> str:
    """Return the body that text adds to the definition that the prefix leaves open.

    Its indentation may be gone, from the first line or from all; it ends where the definition ends.
    """
    begun = open_definition(prefix)
    text = re.sub(r"\A(?:[ \t]*\n)+", "", text).rstrip()
    if not begun or not text:
        return ""
    indentation, spaced = begun[1], text.expandtabs(4)
    inner = {line[: len(line) - len(line.lstrip())] for line in spaced.split("\n")[1:] if line}
    candidates = (
        text,
        spaced,
        textwrap.indent(complete_part(textwrap.dedent(spaced)) or "", indentation),
        *(margin + spaced.lstrip() for margin in (indentation, *sorted(inner))),
    )
    bodies = (_added(prefix.rstrip(), candidate, wanted) for candidate in candidates)
    return next(filter(None, bodies), "")


def _added(prefix: str, text: str, wanted: Collection[str]) -> str:
    """Return the lines of a text that are the rest of the open definition, and what they need."""
    n_lines = prefix.count("\n") + 1
    program = complete_part(f"{prefix}\n{text}", n_fixed_lines=n_lines)
    tree = tree_of(program) if program else None
    if program is None or tree is None:
        return ""
    begun = [
        node
        for node in statements(tree.body)
        if isinstance(node, DEFINITIONS) and node.lineno <= n_lines < (node.end_lineno or 0)
    ]
    if not begun:
        return ""
    outer = begun[0]
    new = [node for node in begun[-1].body if (node.end_lineno or 0) > n_lines]
    if _defines(new, wanted) or not any(map(_does_something, new)):
        return ""
    body = program.split("\n")[n_lines : outer.end_lineno]
    after = [source(program, node) for node in _providers([outer], [(program, tree)])]
    return "\n".join([*body, *(part for part in after if part not in prefix)])


def _defines(body: Sequence[ast.stmt], wanted: Collection[str]) -> bool:
    """Tell whether what looks like a body is a definition of a wanted name."""
    returns = any(isinstance(node, ast.Return) for node in statements(body))
    defining = (node for node in body if not returns or isinstance(node, DEFINITIONS))
    return bool(set().union(*map(defined_by, defining)) & set(wanted))


def _does_something(node: ast.stmt) -> bool:
    """Tell whether a statement can be all that a body does: no definition, no word of prose."""
    if isinstance(node, ast.Expr):
        return isinstance(node.value, ast.Call | ast.Await | ast.Yield | ast.YieldFrom)
    return not isinstance(node, (*DEFINITIONS, ast.Import, ast.ImportFrom))


def _complete(blocks: Sequence[str], others: Sequence[str], wanted: Collection[str]) -> str:
    """Return the last block that defines a wanted name, after what it needs of the others."""
    read = [(code, tree) for block in blocks for code, tree in _readable(block)]
    defining = [n for n, (_, tree) in enumerate(read) if completed(tree) & set(wanted)]
    if not defining:
        return ""
    chosen = defining[-1]
    code, tree = read[chosen]
    rest = [(text, found) for block in others for text, found in _readable(block)]
    nearest = [*reversed(read[:chosen]), *read[chosen + 1 :], *rest]
    missing = set(wanted) - defined(tree)
    before = _providers(tree.body, nearest, also=missing)
    texts = {id(node): source(text, node) for text, found in nearest for node in found.body}
    parts = [texts[id(node)] for node in before]
    return "\n".join([*parts, _without_input(code, tree, wanted)])


def _readable(block: str) -> Iterator[tuple[str, ast.Module]]:
    """Yield a block and its tree: of all of it, of it unindented, or of its complete part."""
    dedented = textwrap.dedent(block)
    for code in (block, dedented, complete_part(dedented) or ""):
        if code.strip() and (tree := tree_of(code)) and is_program(tree):
            yield code, tree
            return


def _providers(
    nodes: Sequence[ast.stmt],
    sources: Sequence[tuple[str, ast.Module]],
    *,
    also: Collection[str] = (),
) -> list[ast.stmt]:
    """Return the statements of sources that define what nodes need, and what these need.

    Of several definitions of a name, the last of the first source that has one.
    """
    found: list[ast.stmt] = []
    missing, known = needed(nodes) | set(also), set().union(*map(defined_by, nodes))
    while missing := missing - known:
        for name in sorted(missing):
            providers = (
                node
                for _, tree in sources
                for node in reversed(tree.body)
                if name in defined_by(node) and not reads_input(node)
            )
            node = next(providers, None)
            if node is not None and node not in found:
                found.insert(0, node)
        known |= missing
        missing = needed(found)
    return found


def _without_input(code: str, tree: ast.Module, wanted: Collection[str]) -> str:
    """Return code up to a dialog with a user that comes after the wanted definitions."""
    last = max(n for n, node in enumerate(tree.body) if defined_by(node) & set(wanted))
    asking = next((node for node in tree.body[last + 1 :] if reads_input(node)), None)
    return code if asking is None else "\n".join(code.split("\n")[: first_line(asking) - 1])


def _incomplete(blocks: Sequence[str], wanted: Collection[str]) -> str:
    """Return the block that is meant, though it is not Python or defines no wanted name."""
    heads = [rf"^\s*(?:async\s+def|def|class)\s+{re.escape(name)}\b" for name in wanted]
    named = [block for block in blocks if any(re.search(h, block, re.MULTILINE) for h in heads)]
    defining = (block for block in blocks if DEFINES.search(block))
    return next(iter([*reversed(named), *defining, *blocks]), "")


def _from_indentation(text: str) -> str:
    """Return a text from its first indented line, without the sentences before it."""
    indented = re.search(r"^[ \t]+\S", text, re.MULTILINE)
    return text[indented.start() :] if indented else ""


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


def _regions(text: str) -> Iterator[str]:
    """Yield the runs of lines that look like code, each without its common indentation."""
    lines = text.split("\n")
    number = 0
    while number < len(lines):
        begun = BEGINNING.match(lines[number])
        if not begun:
            number += 1
            continue
        margin, region = begun["indentation"], []
        while number < len(lines) and _belongs(line := lines[number], margin):
            region.append(line.removeprefix(margin))
            number += 1
        yield "\n".join(region)


def _belongs(line: str, margin: str) -> bool:
    """Tell whether a line belongs to code that is indented by a margin."""
    if not line.strip():
        return True
    inner = line.removeprefix(margin)
    return line.startswith(margin) and bool(STATEMENT.match(inner) or CONTINUATION.match(inner))
