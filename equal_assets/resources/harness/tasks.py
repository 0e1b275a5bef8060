"""Finds and loads the tasks of lm-eval: standard ones by name, and local task files."""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from equal_assets.errors import EvaluationError
from equal_assets.extras import install_command
from equal_assets.settings import allow_code_metric

if TYPE_CHECKING:
    from lm_eval.tasks import TaskManager

RUNS_CODE = re.compile(r"\bcode_eval\b|\bexec\(")
"""Found in a task, or in the Python file of its functions, if it runs what a model wrote."""

FUNCTION = re.compile(r"(/.+)\.\w+")
"""A function of a task in lm-eval's index: path of its file without ``.py``, and name."""


def check_tasks(
    tasks: Sequence[str], *, include_path: Path | str | None, allow_unsafe_code: bool
) -> None:
    """Find tasks by name, without reading a data set or model.

    Parameters
    ----------
    tasks : sequence of str
        Names of tasks, groups or tags.
    include_path : path or None
        Folder of YAML task files; they replace lm-eval's tasks of the same name.
    allow_unsafe_code : bool
        Whether a task may run the model's code in this process.

    Raises
    ------
    EvaluationError
        If lm-eval is not installed, a name is unknown, a task is named twice (by itself and by a
        group), or a task runs code and must not.
    """
    _task_manager(tasks, include_path, allow_unsafe_code)


def load_tasks(
    tasks: Sequence[str],
    *,
    include_path: Path | str | None,
    allow_unsafe_code: bool,
    num_fewshot: int | None,
    seed: int,
) -> dict[str, Any]:
    """Return tasks with their data sets, as :func:`lm_eval.evaluate` takes them.

    Parameters
    ----------
    tasks, include_path, allow_unsafe_code
        As :func:`check_tasks` takes them.
    num_fewshot : int or None
        Worked examples before each question; None: as the task says. A task that says 0 keeps 0.
    seed : int
        Draws the worked examples.

    Raises
    ------
    EvaluationError
        As :func:`check_tasks`, and if a task lacks a data set or a package.
    """
    manager = _task_manager(tasks, include_path, allow_unsafe_code)
    if allow_unsafe_code:
        allow_code_metric()
    return {name: _load(manager, name, num_fewshot, seed) for name in tasks}


def _task_manager(
    tasks: Sequence[str], include_path: Path | str | None, allow_unsafe_code: bool
) -> TaskManager:
    """Return an index of the tasks; indexing lm-eval's 14,000 takes seconds."""
    try:
        from lm_eval.tasks import TaskManager
    except ImportError as error:
        raise EvaluationError(
            f"evaluation.harness needs lm-eval ({error}): `{install_command('eval')}`"
        ) from error

    folder = None if include_path is None else str(include_path)
    manager = TaskManager(include_path=folder, include_defaults=False)
    if _unknown(manager, tasks):
        files = sorted(Path(folder).rglob("*.yaml")) if folder else []
        manager = _all_tasks(folder, tuple((file, file.stat().st_mtime_ns) for file in files))
    if unknown := _unknown(manager, tasks):
        raise EvaluationError(_about_unknown(unknown, manager, folder))
    _refuse_twice(manager, tasks)
    if not allow_unsafe_code:
        _refuse_code(manager, tasks)
    return manager


@lru_cache(maxsize=1)
def _all_tasks(folder: str | None, files: tuple[tuple[Path, int], ...]) -> TaskManager:
    """Return the index of lm-eval's tasks and a folder's, made again when a file changes."""
    from lm_eval.tasks import TaskManager

    return TaskManager(include_path=folder)


def _unknown(manager: TaskManager, tasks: Sequence[str]) -> list[str]:
    leaves = (leaf for task in tasks for leaf in _leaves(manager.task_index, task))
    return [name for name, configuration in leaves if configuration is None]


def _about_unknown(unknown: list[str], manager: TaskManager, folder: str | None) -> str:
    lines = []
    for name in unknown:
        near = difflib.get_close_matches(name, manager.all_tasks, n=5)
        lines.append(f"lm-eval knows no task {name!r}; near: {', '.join(near) or 'none'}")
    if folder is not None:
        read = {entry.yaml_path for entry in manager.task_index.values()}
        files = set(Path(folder).rglob("*.yaml"))
        tasks = sorted(k for k, e in manager.task_index.items() if e.yaml_path in files)
        lines.append(f"task files in {folder}: {', '.join(tasks) or 'none'}")
        if idle := sorted(str(file.relative_to(folder)) for file in files - read):
            lines.append(f"files there that define no task or are not YAML: {', '.join(idle)}")
    return "; ".join(lines)


def _leaves(
    index: dict[str, Any], member: str | dict[str, Any]
) -> Iterator[tuple[str, dict[str, Any] | None]]:
    """Yield name and configuration of every task behind a name; None if it is unknown.

    Parameters
    ----------
    index : dict
        Of a task manager.
    member : str or dict
        A name, or an entry of a group's file: a changed task, a group, or a new task.
    """
    changes = {} if isinstance(member, str) else member
    name = member if isinstance(member, str) else member.get("group") or member.get("task", "")
    entry = index.get(name)
    if entry is None and isinstance(changes.get("task"), list):
        children = changes["task"]
    elif entry is None:
        yield name, changes if "dataset_path" in changes else None
        return
    elif entry.kind.name == "TAG":
        children = sorted(entry.tags)
    elif entry.kind.name == "GROUP":
        children = entry.cfg["task"] if isinstance(entry.cfg["task"], list) else [entry.cfg["task"]]
    else:
        yield name, {**entry.cfg, **changes}
        return
    for child in children:
        yield from _leaves(index, child)


def _refuse_twice(manager: TaskManager, tasks: Sequence[str]) -> None:
    named_by: dict[str, str] = {}
    for task in tasks:
        for name, _ in _leaves(manager.task_index, task):
            if name in named_by:
                raise EvaluationError(
                    f"task {name} is named twice, by {named_by[name]} and by {task}: leave one out"
                )
            named_by[name] = task


def _refuse_code(manager: TaskManager, tasks: Sequence[str]) -> None:
    for task in tasks:
        for name, configuration in _leaves(manager.task_index, task):
            if configuration is not None and _runs_code(configuration):
                inside = "" if name == task else f" (in {task})"
                raise EvaluationError(
                    f"task {name}{inside} runs the model's code on this machine without a sandbox. "
                    "A target with `answers: code` runs it in one; to let lm-eval run it anyway, "
                    "set evaluation.harness.allow_unsafe_code: true"
                )


def _runs_code(configuration: dict[str, Any]) -> bool:
    if configuration.get("unsafe_code"):
        return True
    texts = list(_texts(configuration))
    functions = {f"{match[1]}.py" for text in texts if (match := FUNCTION.fullmatch(text))}
    sources = [Path(file).read_text(encoding="utf-8") for file in functions if os.path.isfile(file)]
    return any(RUNS_CODE.search(text) for text in (*texts, *sources))


def _texts(value: Any) -> Iterator[str]:
    """Yield every text in nested lists and dictionaries."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for part in value.values() if isinstance(value, dict) else value:
            yield from _texts(part)


def _load(manager: TaskManager, name: str, num_fewshot: int | None, seed: int) -> Any:
    """Return a task with its data set, as :func:`lm_eval.evaluate` takes it."""
    try:
        loaded = manager.load([name])
    except OSError as error:
        raise EvaluationError(
            f"task {name}: its data could not be loaded: {error}. Standard tasks are downloaded "
            "once from the Hugging Face hub; paths in task files are relative to the current "
            f"folder, {Path.cwd()}"
        ) from error
    except (ImportError, AssertionError) as error:  # minerva_math asserts the version of antlr4
        raise EvaluationError(f"task {name} needs another package: {error}") from error
    for task in loaded["tasks"].values():
        own = task.get_config("num_fewshot")
        if num_fewshot is None or own == 0:  # as in lm-eval: 0 means there are none to show
            task.set_config(key="num_fewshot", value=own or 0)
        else:
            task.set_config(key="num_fewshot", value=num_fewshot)
        task.set_fewshot_seed(seed=seed)
    return loaded
