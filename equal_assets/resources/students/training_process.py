"""Training in several processes, one per device: `accelerate launch` runs this module in each."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from equal_assets.errors import ModelError
from equal_assets.progress import Progress
from equal_assets.resources.students.trainers import Example, Trained, TrainingRecipe, train

JOB, RESULT, LOG = "job.json", "result.json", "log.txt"
PROGRESS = "progress: "
"""Prefix of a progress line from the first process."""

LOG_TAIL_CHARACTERS = 2000


def train_in_processes(
    base: Path,
    examples: Sequence[Example],
    recipe: TrainingRecipe,
    *,
    place: Path,
    progress: Progress,
) -> Trained:
    """Tune a model as :func:`.trainers.train` does, in many processes.

    They form a group that always ends with this call. If this process is killed, the first of them
    cannot report its next step and fails, and the launcher ends the others.

    Raises
    ------
    ModelError
        If one of them fails, with the end of their output.
    """
    job = {"base": str(base), "recipe": asdict(recipe), "examples": list(examples)}
    (place / JOB).write_text(json.dumps(job), encoding="utf-8")
    with (
        (place / LOG).open("w", encoding="utf-8") as log,
        subprocess.Popen(
            _command(recipe, place),
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            start_new_session=True,
            close_fds=False,  # with the lock of the workplace: see checkpoints
        ) as group,
    ):
        try:
            for line in group.stdout or ():
                if line.startswith(PROGRESS):
                    progress(*json.loads(line.removeprefix(PROGRESS)))
        except BaseException:
            os.killpg(group.pid, signal.SIGKILL)
            raise
    if group.returncode:
        said = (place / LOG).read_text(encoding="utf-8")[-LOG_TAIL_CHARACTERS:]
        raise ModelError(f"training on {recipe.processes} processes failed; they said:\n{said}")
    return Trained(**json.loads((place / RESULT).read_text(encoding="utf-8")))


def _command(recipe: TrainingRecipe, place: Path) -> list[str]:
    return [
        *(sys.executable, "-m", "accelerate.commands.launch"),
        "--multi_gpu",  # the launcher of one process per device; without a GPU they talk by gloo
        *("--num_processes", str(recipe.processes)),
        *("--num_machines", "1"),
        *("--main_process_port", "0"),  # a free one
        *("--mixed_precision", "bf16" if recipe.mixed_precision else "no"),
        *("--dynamo_backend", "no"),
        *("-m", "equal_assets.resources.students.training_process", str(place)),
    ]


def main(place: Path) -> None:
    """Train as one of the processes; the first reports and stores the result."""
    import torch.distributed

    job = json.loads((place / JOB).read_text(encoding="utf-8"))

    def report(done: int, total: int, note: str = "") -> None:
        sys.stdout.write(f"{PROGRESS}{json.dumps([done, total])}\n")
        sys.stdout.flush()

    trained = train(
        Path(job["base"]),
        job["examples"],
        TrainingRecipe(**job["recipe"]),
        place=place,
        progress=report,
    )
    if torch.distributed.get_rank() == 0:
        (place / RESULT).write_text(json.dumps(asdict(trained)), encoding="utf-8")


if __name__ == "__main__":
    from torch.distributed.elastic.multiprocessing.errors import record

    record(main)(Path(sys.argv[1]))  # so that the launcher ends with the first error
