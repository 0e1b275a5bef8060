"""What a library and the processes that it starts write: passed on, and kept for an error message.

vLLM's engine is a process of its own. Where it does not start, the error in this process only says
"See root cause above".
"""

from __future__ import annotations

import os
import re
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager, suppress

KEPT_LINES = 400
OUTPUTS = (1, 2)

PREFIX = re.compile(
    r"^(?:\([^()]* pid=\d+\) *)?(?:(?:ERROR|CRITICAL) [\d-]+ [\d:]+ \[[^\]]*\] ?)?", re.ASCII
)
"""What vLLM puts before a line: process, level, time and place."""

RAISED = re.compile(r"(?:[A-Za-z_]\w*\.)*\w*(?:Error|Exception|Interrupt)\b(?:: \S.*)?$")
ELSEWHERE = re.compile(r"initialization failed|see (?:root cause|stack trace)|root cause", re.I)
"""An error that only says that there is another one."""

CONTINUED_LINES = 2
LAST_LINES = 3


class Overheard:
    """Listens to the outputs of this process while others are started, and to these ever after."""

    def __init__(self) -> None:
        self._lines: deque[str] = deque(maxlen=KEPT_LINES)
        self._listeners: list[threading.Thread] = []

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Listen to what this process and those that it starts here write."""
        before = [os.dup(output) for output in OUTPUTS]
        for output, passed_on in zip(OUTPUTS, before, strict=True):
            read, write = os.pipe()
            os.dup2(write, output)
            os.close(write)
            listener = threading.Thread(target=self._listen, args=(read, os.dup(passed_on)))
            listener.daemon = True
            listener.start()
            self._listeners.append(listener)
        try:
            yield
        finally:
            for output, earlier in zip(OUTPUTS, before, strict=True):
                os.dup2(earlier, output)
                os.close(earlier)

    def reason(self, *, seconds: float = 2.0) -> str:
        """Return why a process ended, in its words: its last error, else its last lines."""
        for listener in self._listeners:
            listener.join(seconds)  # until the ends of the pipe are closed, with the processes
        return last_error(list(self._lines))

    def _listen(self, read: int, passed_on: int) -> None:
        with open(read, "rb") as said, open(passed_on, "wb", buffering=0) as out:
            for line in said:
                self._lines.append(line.decode("utf-8", "replace").rstrip())
                with suppress(OSError):  # nobody reads on; the processes shall not wait for it
                    out.write(line)


def last_error(lines: list[str]) -> str:
    r"""Return the last error in what was written that says something; else the last lines.

    >>> last_error(["(EngineCore pid=7) ERROR 11-28 03:09:01 [core.py:842] ValueError: No memory"])
    'ValueError: No memory'
    """
    said = [PREFIX.sub("", line).rstrip() for line in lines]
    for number in range(len(said) - 1, -1, -1):
        if RAISED.fullmatch(said[number]) and not ELSEWHERE.search(said[number]):
            more = said[number + 1 : number + 1 + CONTINUED_LINES]
            indented = [
                line.strip() for line in more if line.startswith("  ") and "File" not in line
            ]
            return " ".join([said[number], *indented])
    return "; ".join([line for line in said if line][-LAST_LINES:])
