"""Child process of the backend `llama-cpp`: llama.cpp's server, for as long as its parent lives.

It is sent a line of JSON, the fields of xllamacpp's CommonParams, writes the address of the server,
and ends when the pipe ends that it was sent the line on: also where the parent was killed.
"""

from __future__ import annotations

import json
import os
import sys
import threading
from typing import Any

from equal_assets.settings import quiet_libraries

UNKNOWN_FIELD = 3
"""Status of the process if a field is none that llama.cpp knows."""


def main() -> None:
    """Serve until the parent ends."""
    wanted = json.loads(sys.stdin.readline())
    address = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # whatever the library prints belongs into the log
    quiet_libraries()  # threads that spin made it six times slower beside other processes
    import xllamacpp

    params = xllamacpp.CommonParams()
    for name, value in wanted.items():
        if wrong := _set(params, name, value):
            sys.stderr.write(f"extractor.engine: {name} = {value!r}: {wrong}\n")
            sys.exit(UNKNOWN_FIELD)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    server = xllamacpp.Server(params)
    address.write(f"{server.listening_address}\n")
    address.close()
    threading.Event().wait()


def _set(params: Any, name: str, value: Any) -> str | None:
    """Set a field, `a.b` of the object a; return what is wrong with it."""
    *owners, last = name.split(".")
    for owner in owners:
        params = getattr(params, owner, None)
    if not hasattr(params, last):
        return "must be a field of xllamacpp's CommonParams; there is none of this name"
    try:
        setattr(params, last, value)
    except (TypeError, ValueError, OverflowError, AttributeError) as error:
        return f"must be of its type; {error}"
    return None


def _end_with_parent() -> None:
    """Wait for the end of the pipe; the library holds the interpreter while it loads a model."""
    sys.stdin.read()
    os._exit(0)


if __name__ == "__main__":
    main()
