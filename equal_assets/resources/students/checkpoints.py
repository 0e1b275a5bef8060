"""The folder of a training: a killed one continues there, a finished one leaves nothing."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

COMPLETE = "complete.json"
"""Written last into a checkpoint; one without it was cut off and is not used."""

EPOCH_STATE = "epoch_random_state.pt"


@contextmanager
def workplace(out: Path, key: str) -> Iterator[Path]:
    """Yield the folder beside ``out`` in which it is made, for this process alone.

    A second process that makes the same waits until the first has ended. Folders left from making
    ``out`` of something else are removed, unless a process works in them.

    Parameters
    ----------
    out : Path
        The folder to be made.
    key : str
        Identifies what it is made from: work left under the same key is continued.

    Yields
    ------
    Path
        Gone after the block; kept if the block fails once a checkpoint is complete.
    """
    place = out.parent / f".{out.name}.training-{key}"
    for other in out.parent.glob(f".{out.name}.training-*"):
        if other != place:
            _remove_abandoned(other)
    handle = _hold(place)
    shutil.rmtree(place / "model", ignore_errors=True)  # from a process killed while storing it
    try:
        yield place
        shutil.rmtree(place)
    except BaseException:
        if last_checkpoint(place) is None:
            shutil.rmtree(place)
        raise
    finally:
        os.close(handle)


def last_checkpoint(place: Path) -> Path | None:
    """Return the last complete checkpoint in a workplace, or None."""
    complete = (path.parent for path in place.glob(f"checkpoint-*/{COMPLETE}"))
    return max(complete, key=_step, default=None)


def resume(trainer: Any, place: Path) -> float:
    """Train to the end, from the last complete checkpoint in ``place`` if there is one.

    Parameters
    ----------
    trainer : transformers.Trainer
        Its ``output_dir`` is ``place``.
    place : Path

    Returns
    -------
    float
        Duration of the training, including the time before a checkpoint.
    """
    import torch.distributed

    checkpoint = last_checkpoint(place)
    if trainer.args.should_save:
        for folder in place.glob("checkpoint-*"):
            if not (folder / COMPLETE).is_file():
                shutil.rmtree(folder)
    if torch.distributed.is_initialized():
        torch.distributed.barrier()
    marks = _marks(checkpoint)
    trainer.add_callback(marks)
    trainer.train(resume_from_checkpoint=str(checkpoint) if checkpoint else None)
    return marks.seconds()


def _marks(checkpoint: Path | None) -> Any:
    """Return a callback that completes checkpoints and continues where ``checkpoint`` ended."""
    import torch
    from transformers import TrainerCallback

    class Marks(TrainerCallback):
        def __init__(self) -> None:
            self.started = time.monotonic()
            self.seconds_before = 0.0
            self.epoch_state: torch.Tensor | None = None
            if checkpoint:
                self.seconds_before = json.loads((checkpoint / COMPLETE).read_text())["seconds"]
                self.epoch_state = torch.load(checkpoint / EPOCH_STATE, weights_only=True)

        def seconds(self) -> float:
            return self.seconds_before + time.monotonic() - self.started

        def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            # a checkpoint lacks the loss since the last line of the log: save where a line ends
            lines = -(-state.save_steps // state.logging_steps)
            state.save_steps = lines * state.logging_steps

        def on_epoch_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            # the order of an epoch is drawn at its start: resumed in the middle, it is drawn again
            if self.epoch_state is not None and state.epoch % 1:
                torch.set_rng_state(self.epoch_state)
            self.epoch_state = torch.get_rng_state()

        def on_save(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            folder = Path(args.output_dir) / f"checkpoint-{state.global_step}"
            if torch.distributed.is_initialized():
                torch.distributed.barrier()  # every process has saved its part
            if args.should_save:
                torch.save(self.epoch_state, folder / EPOCH_STATE)
                (folder / COMPLETE).write_text(json.dumps({"seconds": self.seconds()}))

    return Marks()


def _step(checkpoint: Path) -> int:
    return int(checkpoint.name.rpartition("-")[2])


def _hold(folder: Path) -> int:
    """Make a folder, wait until no other process locks it, and return the lock."""
    while True:
        folder.mkdir(parents=True, exist_ok=True)
        handle = _lock(folder, fcntl.LOCK_EX)
        if handle is not None:
            os.set_inheritable(handle, True)  # locked until the last of our processes has ended
            return handle


def _remove_abandoned(folder: Path) -> None:
    """Remove a folder, unless a process works in it."""
    handle = _lock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
    if handle is not None:
        shutil.rmtree(folder)
        os.close(handle)


def _lock(folder: Path, operation: int) -> int | None:
    """Return the lock of a folder, or None if another process holds it or removed the folder."""
    try:
        handle = os.open(folder, os.O_RDONLY)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(handle, operation)
        if os.path.samestat(os.stat(folder), os.fstat(handle)):
            return handle
    except (BlockingIOError, FileNotFoundError):
        pass
    os.close(handle)
    return None
