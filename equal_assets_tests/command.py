"""The `equal` command in a process of its own, forked from one that has imported the libraries.

Importing torch, transformers, MLflow and the others takes longer than most of what the tests let
the command do. The process that the others are forked from imports them and does nothing else: of
the project it imports nothing, since some of its modules read settings as they are imported.
"""

import gc
import multiprocessing
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

LIBRARIES = [
    "dagster._core.storage.sqlite_storage",
    "dagster_duckdb",
    "datasketch",
    "matplotlib.backends.backend_agg",
    "matplotlib.figure",
    "mlflow.store.tracking.sqlalchemy_store",
    "ot",
    "sentence_transformers",
    "sklearn.feature_extraction.text",
    "transformers.models.llama.modeling_llama",
    "trl.trainer.sft_trainer",
]

FORKED = multiprocessing.get_context("forkserver")
FORKED.set_forkserver_preload(LIBRARIES)


def run_command(
    arguments: Sequence[str], *, folder: Path, environment: dict[str, str], timeout: float
) -> subprocess.CompletedProcess:
    """Run `equal` in a folder and wait for it."""
    with tempfile.TemporaryDirectory() as kept:
        printed = [Path(kept, name) for name in ("stdout", "stderr")]
        process = FORKED.Process(target=_equal, args=(arguments, folder, environment, printed))
        process.start()
        process.join(timeout)
        if process.is_alive():
            process.kill()
            process.join()
            raise subprocess.TimeoutExpired(["equal", *arguments], timeout)
        said = (path.read_text(encoding="utf-8") for path in printed)
        return subprocess.CompletedProcess(["equal", *arguments], process.exitcode, *said)


def _equal(
    arguments: Sequence[str], folder: Path, environment: dict[str, str], printed: list[Path]
) -> None:
    gc.freeze()  # what was imported stays: there is no need to look for garbage in it
    for stream, path in enumerate(printed, 1):
        os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT), stream)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    sys.argv = ["equal", *arguments]
    from equal_assets.cli.main import main

    main()
