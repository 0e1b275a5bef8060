"""Python source as a tree: what it defines, what it needs, how much of it is complete."""

from __future__ import annotations

import ast
import builtins
import re
import warnings
from collections.abc import Iterator, Sequence
from typing import TypeGuard

Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
MOST_CUTS = 25
"""Of a text until it is Python: after so many it is none that was cut off."""

FUTURE = re.compile(r"^from[ \t]+__future__[ \t]+import\b.*\n?", re.MULTILINE)


def parsed(code: str) -> ast.Module | SyntaxError | None:
    """Return the tree of a program, or its mistake; None where Python cannot say one."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of invalid escapes, which are the model's business
        try:
            return ast.parse(code)
        except SyntaxError as error:
            return error
        except (ValueError, MemoryError, RecursionError):  # a null character, nesting without end
            return None


def tree_of(code: str) -> ast.Module | None:
    """Return the tree of a program; None if it is not Python."""
    found = parsed(code)
    return found if isinstance(found, ast.Module) else None


def complete_part(code: str, *, n_fixed_lines: int = 0) -> str | None:
    """Return a program up to the first top-level statement that is not Python.

    Parameters
    ----------
    code : str
    n_fixed_lines : int
        Lines at the beginning that are not cut.

    Returns
    -------
    str or None
        None if nothing is left but the fixed lines, or too much is in the way.
    """
    lines = code.split("\n")
    n_cuts = 0
    while isinstance(found := parsed("\n".join(lines)), SyntaxError):
        n_cuts += 1
        broken = min(found.lineno or len(lines), len(lines)) - 1
        starts = (
            number
            for number in range(broken, n_fixed_lines, -1)
            if lines[number].strip() and not lines[number][0].isspace()
        )
        lines = lines[: next(starts, 0)]
        lines = lines[: _undecorated(lines, n_fixed_lines)]
        if len(lines) <= n_fixed_lines or n_cuts == MOST_CUTS:
            return None
    return "\n".join(lines) if found else None


def _undecorated(lines: Sequence[str], n_fixed_lines: int) -> int:
    """Return how many lines are left without decorators at the end: what they decorate is gone."""
    n_lines = number = len(lines)
    while number > n_fixed_lines and (not lines[number - 1].strip() or lines[number - 1][0] == "@"):
        number -= 1
        if lines[number].startswith("@"):
            n_lines = number
    return n_lines


def defined_by(node: ast.stmt) -> set[str]:
    """Return the names that a statement of a module defines."""
    if isinstance(node, DEFINITIONS):
        return {node.name}
    if isinstance(node, ast.Import | ast.ImportFrom):
        return {(alias.asname or alias.name).partition(".")[0] for alias in node.names}
    if isinstance(node, ast.Assign | ast.AnnAssign):
        return {name.id for name in ast.walk(node) if _is_stored(name)}
    inner = (part for part in ast.iter_child_nodes(node) if isinstance(part, ast.stmt))
    return set().union(*map(defined_by, inner))


def defined(tree: ast.Module) -> set[str]:
    """Return the names that a module defines."""
    return set().union(*map(defined_by, tree.body))


def completed(tree: ast.Module) -> set[str]:
    """Return the names that a module defines itself, by more than a header with ``...``."""
    return set().union(*(defined_by(node) for node in tree.body if not _is_foreign(node)))


def needed(nodes: Sequence[ast.AST]) -> set[str]:
    """Return the names that code reads and neither binds nor finds among the builtins."""
    read: set[str] = set()
    bound = set(dir(builtins))
    for node in (part for whole in nodes for part in ast.walk(whole)):
        if isinstance(node, ast.Name):
            (bound if _is_stored(node) else read).add(node.id)
        elif isinstance(node, ast.arg):
            bound.add(node.arg)
        elif isinstance(node, ast.ExceptHandler) and node.name:
            bound.add(node.name)
        elif isinstance(node, (*DEFINITIONS, ast.Import, ast.ImportFrom)):
            bound |= defined_by(node)
    return read - bound


def names_tested(tests: str) -> set[str]:
    r"""Return the names that tests expect a program to define.

    Examples
    --------
    >>> names_tested("def check(candidate):\n    assert candidate(1) == 2\ncheck(add)")
    {'add'}
    """
    tree = tree_of(tests)
    if tree is None:
        return set()
    # a function under test may have the name of a builtin
    return needed([tree]) or {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}


def given_by(prefix: str, answer: str, tests: str) -> str:
    """Return statements that define what tests need beside the program: not the program's own.

    Parameters
    ----------
    prefix : str
        Code that the question shows: its imports and complete functions.
    answer : str
        A program that answers the question truly: its imports that the tests lack.
    tests : str
    """
    begun = open_definition(prefix)
    shown = prefix if begun is None else "\n".join(prefix.split("\n")[: first_line(begun[0]) - 1])
    trees = [tree_of(text) or ast.Module([], []) for text in (shown, answer, tests)]
    given = [
        node
        for node in trees[0].body
        if not isinstance(node, ast.ClassDef)
        and (isinstance(node, ast.Import | ast.ImportFrom) or not _is_foreign(node))
    ]
    wanted = needed([*given, *trees[2].body]) - set().union(*map(defined_by, given))
    given += [
        node
        for node in trees[1].body
        if isinstance(node, ast.Import | ast.ImportFrom) and defined_by(node) & wanted
    ]
    given.sort(key=lambda node: not _is_of_future(node))
    return "\n".join(map(ast.unparse, given))


def names_taken(given: str, answer: str, tests: str) -> set[str]:
    """Return the names that tests take from a program.

    Parameters
    ----------
    given : str
        Statements before the tests.
    answer : str
        A program that answers the question truly: it shows which names of builtins are its own.
    tests : str
    """
    before, true, after = (tree_of(text) or ast.Module([], []) for text in (given, answer, tests))
    read = {
        node.id
        for node in ast.walk(after)
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)
    }
    own = {name for name in completed(true) & read if name in dir(builtins)}
    return (needed([*before.body, *after.body]) | own or names_tested(tests)) - defined(before)


def _is_of_future(node: ast.stmt) -> bool:
    return isinstance(node, ast.ImportFrom) and node.module == "__future__"


def missing_imports(program: str, tests: str) -> str:
    """Return the import statements of its tests that a program needs and does not have."""
    missing, nodes = _missing(program, tests)
    return "\n".join(
        ast.unparse(node)
        for node in nodes
        if isinstance(node, ast.Import | ast.ImportFrom) and defined_by(node) & missing
    )


def missing_classes(program: str, tests: str) -> set[str]:
    """Return the classes of its tests that a program needs and does not define."""
    missing, nodes = _missing(program, tests)
    return missing & {node.name for node in nodes if isinstance(node, ast.ClassDef)}


def _missing(program: str, tests: str) -> tuple[set[str], list[ast.stmt]]:
    """Return the names that a program reads and does not define, and its tests' statements."""
    tree, of_tests = tree_of(program), tree_of(tests)
    if tree is None or of_tests is None:
        return set(), []
    return needed([tree]), of_tests.body


def source(code: str, node: ast.stmt) -> str:
    """Return the lines of a statement of a module, its decorators included."""
    return "\n".join(code.split("\n")[first_line(node) - 1 : node.end_lineno])


def first_line(node: ast.stmt) -> int:
    """Return the line, from 1, at which a statement begins, its decorators included."""
    decorators = getattr(node, "decorator_list", [])
    return min([node.lineno, *(decorator.lineno for decorator in decorators)])


def open_definition(prefix: str) -> tuple[Definition, str] | None:
    """Return the definition at top level that a prefix leaves open, and the body's indentation.

    None if it ends in something else than a definition.
    """
    beginning = prefix.rstrip()
    last = [line for line in ["", *beginning.split("\n")] if not line.lstrip().startswith("#")][-1]
    margin = last[: len(last) - len(last.lstrip())]
    tree, indentation = tree_of(beginning), ""
    if tree and tree.body and isinstance(tree.body[-1], DEFINITIONS):
        indentation = " " * innermost(tree.body[-1]).body[-1].col_offset
    for inner in (margin, f"{margin}    "):  # after a header that has no statement yet
        if tree is None:
            tree, indentation = tree_of(f"{beginning}\n{inner}pass"), inner
    if tree is None or not tree.body or not isinstance(tree.body[-1], DEFINITIONS):
        return None
    return tree.body[-1], indentation


def innermost(definition: Definition) -> Definition:
    """Return the definition at the end of a definition's body, or itself."""
    last = definition.body[-1]
    return innermost(last) if isinstance(last, DEFINITIONS) else definition


def future_first(program: str) -> str:
    """Return a program with its imports from ``__future__`` where Python demands them."""
    return "".join(FUTURE.findall(program)) + FUTURE.sub("", program)


def is_program(tree: ast.Module) -> bool:
    """Tell whether a module is one, and not the body of a function."""
    return not any(
        isinstance(part, ast.Return) and not isinstance(node, DEFINITIONS)
        for node in tree.body
        for part in ast.walk(node)
    )


def reads_input(node: ast.stmt) -> bool:
    """Tell whether a statement of a module asks for input as soon as it is run."""
    return not isinstance(node, DEFINITIONS) and any(
        isinstance(part, ast.Name) and part.id == "input" for part in ast.walk(node)
    )


def statements(nodes: Sequence[ast.stmt]) -> Iterator[ast.stmt]:
    """Yield statements and those within them."""
    for node in nodes:
        yield from (part for part in ast.walk(node) if isinstance(part, ast.stmt))


def _is_stored(node: ast.AST) -> TypeGuard[ast.Name]:
    return isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)


def _is_foreign(node: ast.stmt) -> bool:
    """Tell whether what a statement names is defined elsewhere: imported, or only announced."""
    if isinstance(node, ast.Import | ast.ImportFrom):
        return True
    return isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and all(
        isinstance(part, ast.Pass)
        or (isinstance(part, ast.Expr) and isinstance(part.value, ast.Constant))
        for part in node.body
    )
