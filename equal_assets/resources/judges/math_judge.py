"""Judge mathematical answers in child processes, to bound time and memory.

Simplifying ``9^{9^{9^9}}`` fills the memory and never ends. Each child has an address-space limit;
one that does not answer in time is killed and replaced, and its answer counts as wrong.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from equal_assets.algorithms.judging.verdicts import Verdict, check_lengths, wrong
from equal_assets.progress import Progress
from equal_assets.resources.answering_child import AnsweringChild, NoAnswerError

MATH_SECONDS = 10.0
MATH_MEMORY_MB = 2048
"""What comparing two expressions may take."""


def math_verdicts(
    outputs: Sequence[str],
    references: Sequence[str],
    *,
    seconds: float,
    memory_mb: int,
    n_workers: int,
    progress: Progress,
) -> list[Verdict]:
    """Compare each output with its reference by :func:`math_verdict`, within bounds.

    Parameters
    ----------
    outputs, references : sequence of str
        Generated and true answers.
    seconds : float
        For one answer, > 0.
    memory_mb : int
        Address space of a child; sympy takes about 200.
    n_workers : int
        Children, >= 1.
    progress : callable
        Called with answers judged and in all.

    Returns
    -------
    list of Verdict
        In the order of the outputs.

    Raises
    ------
    ValueError
        If the lengths differ or a reference holds no answer.
    """
    check_lengths(outputs, references)
    own = threading.local()
    verdicts: list[Verdict] = []
    failure = RuntimeError(
        "the process that judges mathematical answers did not start with memory_mb = "
        f"{memory_mb}; its message is above"
    )
    with contextlib.ExitStack() as children, ThreadPoolExecutor(n_workers) as pool:

        def judge(output: str, reference: str) -> Verdict:
            if not hasattr(own, "child"):
                child = AnsweringChild(
                    "equal_assets.resources.judges.math_child",
                    seconds=seconds,
                    memory_mb=memory_mb,
                    failure=failure,
                )
                own.child = children.enter_context(child)
            return _verdict(own.child, output, reference, memory_mb)

        for verdict in pool.map(judge, outputs, references):
            verdicts.append(verdict)
            progress(len(verdicts), len(outputs))
    return verdicts


def _verdict(child: AnsweringChild, output: str, reference: str, memory_mb: int) -> Verdict:
    """Return the child's verdict, or a wrong one that says how the child failed."""
    try:
        answer = child.ask([output, reference])
    except NoAnswerError as error:
        timeout = f"timeout after {child.seconds:g} seconds"
        ended = f"judge ended with status {error.status}"
        return wrong(None, timeout if error.status is None else ended)
    if "mistake" in answer:
        raise ValueError(answer["mistake"])
    if "failed" in answer:
        bound = f" in {memory_mb} MiB" if answer["failed"] == "MemoryError" else ""
        return wrong(None, f"{answer['failed']}{bound}")
    return Verdict(**answer)
