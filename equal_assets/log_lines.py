"""A log for machines: one JSON object a line, of stages, of Dagster and of libraries alike."""

from __future__ import annotations

import json
import logging
import os
import re
import sys
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TextIO

from equal_assets.progress import TOLD
from equal_assets.secrets import hide

if TYPE_CHECKING:
    import dagster as dg

NAME = r"[a-z0-9][a-z0-9._-]{0,63}"
LABEL = re.compile(rf"(?:(?P<campaign>{NAME})(?: round (?P<round>\d+))?: )?(?P<stage>.+)")
"""How a step is called that reports its progress."""

ANNOUNCED = re.compile(
    rf"(?:(?P<campaign>{NAME}): )?"
    r"(?P<stage>rounds \d+ to \d+$|[^:]+(?=: [a-z_]+(?:, [a-z_]+)*$))"
)
"""How a stage is announced: its label, and the assets that are made."""

ESCAPES = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]")

PROGRESS_SECONDS = 5.0
"""Between two lines about the same step, and its last."""

EVENTS = frozenset(
    {"STEP_START", "STEP_SUCCESS", "STEP_FAILURE", "ASSET_MATERIALIZATION", "RUN_FAILURE"}
)
"""Events of Dagster that are told."""


class LogLines:
    """Writes lines, each as a JSON object; those of a stage name it.

    Parameters
    ----------
    file : file
        Where they go; flushed after each.
    """

    def __init__(self, file: TextIO) -> None:
        self._file = file
        self._one = threading.Lock()
        self._stage: dict[str, Any] = {}
        self._told_at: dict[str, float] = {}
        self._last: tuple[str, int] | None = None

    def write(self, level: str, message: str, **more: Any) -> None:
        """Write a line; what is None is left out.

        Parameters
        ----------
        level : {"info", "warning", "error", "critical"}
        message : str
            Secrets in it are hidden, and colors taken out.
        **more
            Further fields, over those of the stage.
        """
        now = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        said = ESCAPES.sub("", hide(message)).strip()
        known = {k: v for k, v in {**self._stage, **more}.items() if v is not None}
        line = json.dumps({"time": now, "level": level, "message": said, **known})
        with self._one:
            self._file.write(f"{line}\n")
            self._file.flush()

    def announce(self, line: str) -> None:
        """Write the line of a stage that begins; those that follow belong to it."""
        self._last = None
        if found := ANNOUNCED.match(line):
            self._stage = {"campaign": found["campaign"], "stage": found["stage"]}
        self.write("info", line)

    def progress(self, label: str, done: int, total: int, note: str) -> None:
        """Write how far a step is, now and then and at its end; ``total`` 0 is unknown."""
        now = time.monotonic()
        is_last = bool(total) and done >= total and self._last != (label, done)
        if not is_last and now - self._told_at.setdefault(label, now) < PROGRESS_SECONDS:
            return
        self._told_at[label], self._last = now, (label, done)
        of_label = LABEL.fullmatch(label)
        parts = of_label.groupdict() if of_label else {"stage": label}
        more = {name: part for name, part in parts.items() if part is not None}
        if "round" in more:
            more["round"] = int(more["round"])
        counted = f"{done:,} of {total:,}" if total else f"{done:,}"
        said = f"{label}: {counted}" + (f" ({note})" if note else "")
        self.write("info", said, **more, done=done, total=total or None, note=note or None)

    def end(self) -> None:
        """Let no stage stand for what follows."""
        self._stage = {}


class LineHandler(logging.Handler):
    """Writes the records of Python's loggers and Dagster's."""

    def __init__(self, lines: LogLines) -> None:
        super().__init__(logging.INFO)
        self._lines = lines

    def emit(self, record: logging.LogRecord) -> None:
        """Write a record, unless those who listen to progress have told it."""
        if getattr(record, TOLD, False):
            return
        told = getattr(record, "dagster_meta", None)
        self._lines.write(
            record.levelname.lower() if record.levelno > logging.DEBUG else "info",  # an event
            record.getMessage() if told is None else told["orig_message"],
            logger=record.name,
            **(dict(_of_dagster(told)) if told else {}),
        )


class EventFilter(logging.Filter):
    """Lets pass what steps say, and of Dagster's events those that tell how far a run is."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Say whether a record is told; events come at the lowest level."""
        event = getattr(record, "dagster_meta", {}).get("dagster_event")
        if event is None:
            return record.levelno >= logging.INFO
        return event.event_type_value in EVENTS


def lines_to_stdout() -> LogLines:
    """Return a log to stdout as it is now: Dagster sends it elsewhere while a step runs.

    What libraries warn of goes there as well.
    """
    lines = LogLines(os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8"))
    handler = LineHandler(lines)
    handler.setLevel(logging.WARNING)
    logging.getLogger().addHandler(handler)
    logging.captureWarnings(True)
    _LINES.append(lines)
    return lines


_LINES: list[LogLines] = []


def dagster_logger() -> dg.LoggerDefinition:
    """Return Dagster's logger ``json``, which writes to the log of this process."""
    import dagster as dg

    @dg.logger({}, description="One JSON object a line, with campaign, round and stage.")
    def lines(_: dg.InitLoggerContext) -> logging.Logger:
        logger = logging.Logger("dagster", logging.DEBUG)
        for opened in _LINES[-1:]:
            handler = LineHandler(opened)
            handler.setLevel(logging.DEBUG)
            handler.addFilter(EventFilter())
            logger.addHandler(handler)
        return logger

    return lines


def _of_dagster(told: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """Yield what a record of Dagster says of its run, step and partition."""
    from equal_assets.partitions import parse_round_key

    yield "run_id", told.get("run_id")
    if (event := told.get("dagster_event")) is None:
        return
    yield "event", event.event_type_value
    if event.step_key:
        yield "stage", event.step_key
    partition = event.partition or ""
    if "|" in partition:
        campaign, number = parse_round_key(partition)
        yield "campaign", campaign
        yield "round", number
    elif partition:
        yield "campaign", partition
