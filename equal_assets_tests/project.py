"""A project of its own for a test: campaigns file, state folder, Dagster home, `equal` command."""

import os
import pty
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import IO

import duckdb
import polars as pl
import yaml

from equal_assets_tests.command import run_command

REPOSITORY = Path(__file__).parents[1]


def _until_closed(terminal: int) -> Iterator[bytes]:
    while True:
        try:
            shown = os.read(terminal, 65536)
        except OSError:  # how Linux says that nobody writes any more
            return
        if not shown:
            return
        yield shown


@cache
def empty_mlflow_store() -> bytes:
    """Return MLflow's database before its first run: making one takes seconds."""
    from mlflow import MlflowClient

    with tempfile.TemporaryDirectory() as folder:
        MlflowClient(f"sqlite:///{folder}/mlflow.db").search_experiments()
        return Path(folder, "mlflow.db").read_bytes()


@dataclass(frozen=True)
class Project:
    """A folder with campaigns.yaml, dagster.yaml and the state of both."""

    folder: Path

    @classmethod
    def make(cls, folder: Path, *, models: Path) -> "Project":
        folder.mkdir(parents=True)
        tiny = yaml.safe_load((REPOSITORY / "equal_assets_tests/tiny/campaigns.yaml").read_text())
        tiny["targets"]["python-libraries"] = {
            split: f"{split}.jsonl" for split in ("reference", "test")
        }
        for split, every in (("reference", 1), ("test", 4)):
            lines = (REPOSITORY / f"equal_assets/demo/{split}.jsonl").read_text().splitlines(True)
            (folder / f"{split}.jsonl").write_text("".join(lines[::every]))
        (folder / "campaigns.yaml").write_text(yaml.safe_dump(tiny, sort_keys=False))
        shutil.copy(REPOSITORY / "dagster.yaml", folder)
        shutil.copytree(models, folder / ".equal" / "models")
        (folder / ".equal" / "mlflow.db").write_bytes(empty_mlflow_store())
        return cls(folder)

    @property
    def database(self) -> Path:
        return self.folder / ".equal" / "warehouse.duckdb"

    def settings(self) -> dict:
        """Return what stands in campaigns.yaml."""
        return yaml.safe_load((self.folder / "campaigns.yaml").read_text())

    def edit(self, **sections) -> None:
        """Change sections of campaigns.yaml; nested dictionaries are merged."""
        path, settings = self.folder / "campaigns.yaml", self.settings()
        for section, values in sections.items():
            settings.setdefault(section, {})
            for key, value in values.items():
                old = settings[section].get(key)
                settings[section][key] = (
                    {**old, **value} if isinstance(old, dict) and isinstance(value, dict) else value
                )
        path.write_text(yaml.safe_dump(settings, sort_keys=False))

    def environment(self) -> dict[str, str]:
        inherited = {k: v for k, v in os.environ.items() if not k.startswith(("EQUAL_", "DAGSTER"))}
        return {**inherited, "HF_HUB_OFFLINE": "1", "COLUMNS": "200"}

    def equal(self, *arguments: str, timeout: float = 240) -> subprocess.CompletedProcess:
        """Run the command and wait for it."""
        return run_command(
            arguments, folder=self.folder, environment=self.environment(), timeout=timeout
        )

    def equal_on_terminal(self, *arguments: str, timeout: float = 240) -> tuple[int, str]:
        """Run the command on a terminal; return its exit code and all that it showed."""
        terminal, its_end = pty.openpty()
        environment = {**self.environment(), "TERM": "xterm"}
        with subprocess.Popen(
            [sys.executable, "-m", "equal_assets.cli.main", *arguments],
            cwd=self.folder,
            env=environment,
            stdin=its_end,
            stdout=its_end,
            stderr=its_end,
        ) as process:
            os.close(its_end)
            killer = threading.Timer(timeout, process.kill)
            killer.start()
            shown = b"".join(_until_closed(terminal))
            killer.cancel()
        os.close(terminal)
        return process.returncode, shown.decode("utf-8", "replace")

    def start(self, *command: str, log: IO[str] | int = subprocess.PIPE) -> subprocess.Popen:
        """Start a Python process in the project, with its output to `log`; the caller ends it."""
        return subprocess.Popen(
            [sys.executable, *command],
            cwd=self.folder,
            env=self.environment(),
            stdout=log,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def sql(self, query: str) -> pl.DataFrame:
        """Return the rows of a query on the warehouse."""
        with duckdb.connect(str(self.database), read_only=True) as connection:
            return pl.DataFrame(connection.sql(query))
