"""A bound on time that tells linear work from quadratic on any machine, however busy."""

import time
from collections.abc import Callable


def takes_less_than(seconds: float, call: Callable[[int], object]) -> bool:
    """Say whether a call takes less CPU time in one of three tries: what disturbs only adds.

    It is told the number of the try, for what is remembered of equal arguments.
    """
    for number in range(3):
        started = time.process_time()
        call(number)
        if time.process_time() - started < seconds:
            return True
    return False
