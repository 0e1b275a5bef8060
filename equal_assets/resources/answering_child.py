"""A child process that answers line by line: it does what may hang or fill the memory."""

from __future__ import annotations

import json
import selectors
import subprocess
import sys
from typing import Any

START = (
    "import importlib, sys; "
    "importlib.import_module(sys.argv[1]).main(float(sys.argv[2]), int(sys.argv[3]))"
)
START_SECONDS = 60  # a busy machine takes long to import; that is not the question's fault


class NoAnswerError(Exception):
    """The child did not answer in time (``status`` is None), or ended with a status."""

    def __init__(self, status: int | None) -> None:
        super().__init__(status)
        self.status = status


class AnsweringChild:
    """Asks one question after another; a context manager that ends the process.

    If a question is not answered, the process is killed and replaced.

    Parameters
    ----------
    module : str
        Has ``main(seconds, memory_mb)``, which limits its memory, says ``ready``, and then answers
        each line of JSON with one.
    seconds : float
        For an answer, > 0.
    memory_mb : int
        Address space of the process.
    failure : Exception
        Raised if the process does not start.
    """

    def __init__(self, module: str, *, seconds: float, memory_mb: int, failure: Exception) -> None:
        self.arguments = [module, str(seconds), str(memory_mb)]
        self.seconds = seconds
        self.failure = failure
        self.process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> AnsweringChild:
        return self

    def __exit__(self, *_: object) -> None:
        self.end()

    def ask(self, question: Any) -> Any:
        """Return the answer to a question, both JSON values.

        Raises
        ------
        NoAnswerError
            If the process hangs or dies.
        """
        if self.process is not None and self.process.poll() is not None:
            self.end()  # killed from outside since its last answer
        process = self.process or self._start()
        assert process.stdin is not None
        process.stdin.write(json.dumps(question).encode() + b"\n")
        process.stdin.flush()
        line = self._line(self.seconds)
        if not line:
            status = process.poll()
            self.end()
            raise NoAnswerError(status)
        return json.loads(line)

    def end(self) -> None:
        """Kill the process, if there is one."""
        if self.process is not None:
            with self.process as process:
                process.kill()
            self.process = None

    def _start(self) -> subprocess.Popen[bytes]:
        self.process = subprocess.Popen(
            [sys.executable, "-P", "-c", START, *self.arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        if self._line(START_SECONDS) != b"ready\n":
            self.end()
            raise self.failure
        return self.process

    def _line(self, seconds: float) -> bytes:
        """Return the next line of the process; empty if it dies or is too slow."""
        assert self.process is not None
        assert self.process.stdout is not None
        with selectors.DefaultSelector() as selector:
            selector.register(self.process.stdout, selectors.EVENT_READ)
            return self.process.stdout.readline() if selector.select(seconds) else b""
