"""Where the project and its state are, and environment variables for libraries."""

from __future__ import annotations

import math
import os
import warnings
from pathlib import Path
from typing import Any

from equal_assets.errors import SettingsError
from equal_assets.secrets import hide_in_logs


def project_folder() -> Path:
    """Return the folder of ``campaigns.yaml``: of ``EQUAL_CAMPAIGNS``, or here and upward."""
    return campaigns_file().parent


def campaigns_file() -> Path:
    """Return the path of the campaigns file.

    Raises
    ------
    SettingsError
        If ``EQUAL_CAMPAIGNS`` names no file, or there is none here or in a folder above.
    """
    named = os.environ.get("EQUAL_CAMPAIGNS")
    if named:
        if not Path(named).is_file():
            raise SettingsError(f"EQUAL_CAMPAIGNS={named}: no such file")
        return Path(named).resolve()
    here = Path.cwd()
    for folder in (here, *here.parents):
        if (folder / "campaigns.yaml").is_file():
            return folder / "campaigns.yaml"
    raise SettingsError(
        f"no campaigns.yaml in {here} or above it: run this in the project's folder, "
        "or name the file in EQUAL_CAMPAIGNS"
    )


def state_folder(project: Path | None = None) -> Path:
    """Return the folder for warehouse, models and exports: ``EQUAL_HOME``, or ``.equal/``.

    ``project`` is the folder of the campaigns file, by default what :func:`project_folder` finds.
    """
    named = os.environ.get("EQUAL_HOME")
    return Path(named).resolve() if named else (project or project_folder()) / ".equal"


def lock_seconds() -> float | None:
    """Return how long to wait for who holds the warehouse: ``EQUAL_LOCK_SECONDS``; None: no end.

    Raises
    ------
    SettingsError
        If it is no number of seconds.
    """
    named = os.environ.get("EQUAL_LOCK_SECONDS")
    if not named:
        return None
    try:
        seconds = float(named)
    except ValueError:
        seconds = math.nan
    if not seconds >= 0:
        raise SettingsError(
            f"EQUAL_LOCK_SECONDS = {named}: must be a number of seconds, 0 or more; unset it to "
            "wait for the warehouse as long as it takes"
        )
    return seconds


def portable(value: Any) -> Any:
    """Return a JSON value that names what lies in the project's folder from there.

    What decides an asset must not change when the project moves.
    """
    if isinstance(value, str):
        folder = f"{_folder()}/"
        return value.removeprefix(folder)
    if isinstance(value, list):
        return [portable(item) for item in value]
    if isinstance(value, dict):
        return {portable(key): portable(item) for key, item in value.items()}
    return value


def _folder() -> Path:
    try:
        return project_folder()
    except SettingsError:
        return Path.cwd()


def ui_address(port_variable: str, usual_port: int) -> str:
    """Return where ``equal ui`` starts a page: its port may be set in the environment."""
    return f"http://127.0.0.1:{os.environ.get(port_variable) or usual_port}"


def quiet_libraries() -> None:
    """Keep libraries from progress bars, forking, phoning home, spinning and logging secrets."""
    hide_in_logs()
    os.environ.setdefault("TQDM_DISABLE", "1")
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    # threads that spin while waiting made training four times slower next to another process
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    os.environ.setdefault("MLFLOW_LOGGING_LEVEL", "WARNING")
    # the oldest supported transformers does not know the new names
    for name in ("gradient_checkpointing", "is_gradient_checkpointing"):
        warnings.filterwarnings("ignore", f"`{name}` is deprecated", FutureWarning)


def allow_code_metric() -> None:
    """Let the metric ``code_eval`` of Hugging Face run what a model wrote, in child processes."""
    os.environ["HF_ALLOW_CODE_EVAL"] = "1"
