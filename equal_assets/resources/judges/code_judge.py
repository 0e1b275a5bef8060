"""Judge generated programs by their tests, several at a time."""

from __future__ import annotations

import functools
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from equal_assets.algorithms.judging.code import extract_code, program_of
from equal_assets.algorithms.judging.programs import given_by, names_taken, names_tested
from equal_assets.algorithms.judging.verdicts import Verdict, check_lengths, correct, wrong
from equal_assets.progress import Progress
from equal_assets.resources.judges.remote import PLAIN
from equal_assets.resources.judges.sandbox import Limits, Outcome, run_tests, verify_sandbox
from equal_assets.resources.targets.reading import CodeTests


def code_verdicts(
    outputs: Sequence[str],
    references: Sequence[CodeTests],
    *,
    limits: Limits,
    n_workers: int,
    progress: Progress,
) -> list[Verdict]:
    """Run the program in each output against its tests.

    Parameters
    ----------
    outputs : sequence of str
        Generated answers; not trusted.
    references : sequence of CodeTests
        What precedes each program and what tests it.
    limits : Limits
        What one program may use.
    n_workers : int
        Programs run at a time, >= 1; each takes one processor and up to the limit of memory.
    progress : callable
        Called with programs judged and in all.

    Returns
    -------
    list of Verdict
        In the order of the outputs; a wrong one says which exception in which test, or which limit.

    Raises
    ------
    SandboxError
        If the sandbox does not hold on this machine.
    ValueError
        If the lengths differ, or the tests of a reference are not Python.
    """
    check_lengths(outputs, references)
    verify_sandbox(limits)
    # here, not in the threads: Python's warnings about a program are switched off for all of them
    codes = [
        _code(output, reference) for output, reference in zip(outputs, references, strict=True)
    ]
    questions = {reference: _Question(reference, limits) for reference in references}

    def judge(output: str, code: str | None, reference: CodeTests) -> Verdict:
        if code is None:
            return wrong(None, "no code" if output.strip() else "empty")
        reason = questions[reference].reason_against(code)
        return correct(code) if reason is None else wrong(code, reason)

    verdicts: list[Verdict] = []
    with ThreadPoolExecutor(n_workers) as pool:
        for verdict in pool.map(judge, outputs, codes, references):
            verdicts.append(verdict)
            progress(len(verdicts), len(outputs))
    return verdicts


def _code(output: str, reference: CodeTests) -> str | None:
    return extract_code(output, prefix=reference.prefix, wanted=names_tested(reference.tests))


class _Question:
    """The tests of a question, and what they may do with objects of a program's own classes.

    Such an object can lie: it can say that it equals whatever it is compared with. The tests may
    therefore do with it only what they do with the objects of the true answer; if that is unknown
    or does not pass, only what tells nothing about a value that is expected.
    """

    def __init__(self, reference: CodeTests, limits: Limits) -> None:
        self._tests, self._prefix, self._limits = reference.tests, reference.prefix, limits
        true = _code(reference.answer, reference)
        self._true = None if true is None else program_of(true, reference.prefix)
        self._given = given_by(reference.prefix, self._true or "", reference.tests)
        self._names = names_taken(self._given, self._true or "", reference.tests)
        self._lock = threading.Lock()

    def reason_against(self, code: str) -> str | None:
        """Return why a program is wrong; None if it is right."""
        outcome = self._run(program_of(code, self._prefix))
        if outcome.reason is not None or not outcome.notes:
            return outcome.reason
        with self._lock:
            allowed = self._allowed
        refused = [note for note in sorted(outcome.notes) if not _is_allowed(note, allowed)]
        if refused:
            return f"the tests trust an object of the program's own class ({', '.join(refused)})"
        return None

    @functools.cached_property
    def _allowed(self) -> frozenset[str] | None:
        """What the tests do with objects of the true answer; None if it does not show."""
        if self._true is None:
            return None
        outcome = self._run(self._true)
        return outcome.notes if outcome.reason is None else None

    def _run(self, program: str) -> Outcome:
        return run_tests(program, self._tests, self._limits, given=self._given, names=self._names)


def _is_allowed(note: str, shown: frozenset[str] | None) -> bool:
    """Tell whether tests may have done something with an object, given what a true answer shows."""
    if shown is not None:
        return note in shown
    operation, _, what = note.partition(" ")
    if operation in ("get", "set", "delete"):
        return not what.startswith("__") and not any(hasattr(kind, what) for kind in PLAIN)
    return operation in ("call", "enter", "exit") or what == "object"
