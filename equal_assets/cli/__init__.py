"""The `equal` command."""

import signal
import sys
from types import TracebackType


def say_interrupted(
    kind: type[BaseException], error: BaseException, where: TracebackType | None
) -> None:
    """Say in a word that Ctrl-C fell into an import, or into the end; other errors are shown."""
    if not issubclass(kind, KeyboardInterrupt):
        sys.__excepthook__(kind, error, where)
        return
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    sys.stderr.write("\ninterrupted\n")


sys.excepthook = say_interrupted
