"""Judge mathematical answers in child processes, which bounds what an expression can cost.

Simplifying ``9^{9^{9^9}}`` fills the memory and never ends. Each child has an address-space limit;
one that does not answer in time is killed, its answer is wrong, and another takes its place.
"""

from __future__ import annotations

import contextlib
import json
import selectors
import subprocess
import sys
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from equal_assets.algorithms.answer_scoring import Verdict, check_lengths, wrong
from equal_assets.progress import Progress

ROOT = Path(__file__).parents[2]
START = (
    "import sys; sys.path.insert(0, sys.argv[1]); "
    "from equal_assets.resources.math_child import main; main(float(sys.argv[2]), int(sys.argv[3]))"
)
START_SECONDS = 60  # a busy machine takes long to import sympy; that is not the answer's fault


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
        Told the answers judged, and how many there are.

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
    with contextlib.ExitStack() as children, ThreadPoolExecutor(n_workers) as pool:

        def judge(output: str, reference: str) -> Verdict:
            if not hasattr(own, "child"):
                own.child = _Child(seconds=seconds, memory_mb=memory_mb)
                children.callback(own.child.end)
            return own.child.verdict(output, reference)

        for verdict in pool.map(judge, outputs, references):
            verdicts.append(verdict)
            progress(len(verdicts), len(outputs))
    return verdicts


class _Child:
    """A process that judges one answer after another; a new one after each that hangs or dies."""

    def __init__(self, *, seconds: float, memory_mb: int) -> None:
        self.seconds = seconds
        self.memory_mb = memory_mb
        self.process: subprocess.Popen[bytes] | None = None

    def verdict(self, output: str, reference: str) -> Verdict:
        """Return the child's verdict, or a wrong one with what became of the child."""
        process = self.process or self._start()
        assert process.stdin is not None
        process.stdin.write(json.dumps([output, reference]).encode() + b"\n")
        process.stdin.flush()
        line = self._line(self.seconds)
        if not line:
            status = process.poll()
            self.end()
            timeout = f"timeout after {self.seconds:g} seconds"
            return wrong(None, timeout if status is None else f"judge ended with status {status}")
        answer = json.loads(line)
        if "mistake" in answer:
            raise ValueError(answer["mistake"])
        if "failed" in answer:
            return wrong(None, f"{answer['failed']} in {self.memory_mb} MiB")
        return Verdict(**answer)

    def end(self) -> None:
        """Kill the process, if there is one."""
        if self.process is not None:
            with self.process as process:
                process.kill()
            self.process = None

    def _start(self) -> subprocess.Popen[bytes]:
        self.process = subprocess.Popen(
            [sys.executable, "-P", "-c", START, str(ROOT), str(self.seconds), str(self.memory_mb)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        if self._line(START_SECONDS) != b"ready\n":
            self.end()
            raise RuntimeError(
                f"the process that judges mathematical answers did not start with memory_mb = "
                f"{self.memory_mb}; its message stands above"
            )
        return self.process

    def _line(self, seconds: float) -> bytes:
        """Return the next line of the process; empty if it dies, or says none in time."""
        assert self.process is not None
        assert self.process.stdout is not None
        with selectors.DefaultSelector() as selector:
            selector.register(self.process.stdout, selectors.EVENT_READ)
            return self.process.stdout.readline() if selector.select(seconds) else b""
