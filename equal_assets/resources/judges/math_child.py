"""The math judge's child process: one verdict for each line that it reads."""

from __future__ import annotations

import json
import logging
import os
import resource
import signal
import sys

from equal_assets.algorithms.judging.mathematics import UnusableReferenceError, math_verdict


def main(seconds: float, memory_mb: int) -> None:
    """Judge ``[output, reference]`` lines until the input ends; say ``ready`` first."""
    resource.setrlimit(resource.RLIMIT_AS, (memory_mb * 2**20,) * 2)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    logging.disable()  # math-verify warns that time is unbounded: the parent bounds it
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # a library's output is not a verdict
    import math_verify  # noqa: F401 - takes half a second, which no answer should pay

    print("ready", file=answers)
    for line in sys.stdin:
        signal.setitimer(signal.ITIMER_REAL, 2 * seconds)  # ends it if the parent is gone
        try:
            verdict = math_verdict(*json.loads(line))
        except UnusableReferenceError as error:
            print(json.dumps({"mistake": str(error)}), file=answers)
        except (MemoryError, RecursionError, ArithmeticError, ValueError, TypeError) as error:
            # sympy's, of an answer that is no mathematics after all
            print(json.dumps({"failed": type(error).__name__}), file=answers)
        else:
            print(json.dumps(vars(verdict)), file=answers)
