"""Judge generated programs by their tests, several at a time."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from equal_assets.algorithms.judging.code import extract_code, program_of
from equal_assets.algorithms.judging.programs import names_tested
from equal_assets.algorithms.judging.verdicts import Verdict, check_lengths, correct, wrong
from equal_assets.progress import Progress
from equal_assets.resources.judges.sandbox import Limits, run_tests, verify_sandbox
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
        extract_code(output, prefix=reference.prefix, wanted=names_tested(reference.tests))
        for output, reference in zip(outputs, references, strict=True)
    ]

    def judge(output: str, code: str | None, reference: CodeTests) -> Verdict:
        if code is None:
            return wrong(None, "no code" if output.strip() else "empty")
        outcome = run_tests(program_of(code, reference.prefix), reference.tests, limits)
        return correct(code) if outcome.reason is None else wrong(code, outcome.reason)

    verdicts: list[Verdict] = []
    with ThreadPoolExecutor(n_workers) as pool:
        for verdict in pool.map(judge, outputs, codes, references):
            verdicts.append(verdict)
            progress(len(verdicts), len(outputs))
    return verdicts
