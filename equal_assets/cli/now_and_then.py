"""How far a long step is, said once a minute where nobody sees a bar."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from equal_assets.progress import Listener

TELL_EVERY_SECONDS = 60.0


@contextmanager
def told_now_and_then(say: Callable[[str], None]) -> Iterator[Listener]:
    """Yield a listener of progress; what it heard last is said, whether or not it got further.

    A step that is done is said no more.

    Parameters
    ----------
    say : callable
        Called with a line, from a thread of its own.
    """
    standing, is_over = "", threading.Event()

    def hear(label: str, done: int, total: int, note: str) -> None:
        nonlocal standing
        of = f" of {total:,}" if total else ""  # 0: nobody knows how many
        said = f" ({note})" if note else ""
        standing = "" if total and done >= total else f"  {label}: {done:,}{of}{said}"

    def tell() -> None:
        while not is_over.wait(TELL_EVERY_SECONDS):
            if standing:
                say(standing)

    teller = threading.Thread(target=tell, daemon=True)
    teller.start()
    try:
        yield hear
    finally:
        is_over.set()
        teller.join()
