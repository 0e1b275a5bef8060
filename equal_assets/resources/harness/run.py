"""lm-eval: a student on standard benchmarks and on local task files (extra ``eval``)."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from equal_assets.errors import ModelError
from equal_assets.progress import Progress
from equal_assets.resources.harness.tasks import load_tasks
from equal_assets.resources.students.causal_lm import base_of

if TYPE_CHECKING:
    from lm_eval.models.huggingface import HFLM


@dataclass(frozen=True)
class HarnessMetric:
    """A metric of a task or group of tasks, as lm-eval computes it.

    Attributes
    ----------
    task, metric : str
        lm-eval's names; ``metric/filter`` if the filter has a name.
    value : float
    standard_error : float or None
        None if lm-eval has none.
    n : int
        Questions.
    """

    task: str
    metric: str
    value: float
    standard_error: float | None
    n: int


@dataclass(frozen=True)
class HarnessItem:
    """A student's answer to one question under one filter; ``sql/tables/harness_items.sql``."""

    task: str
    doc_id: int
    filter: str
    prompt: str
    target: str
    output: str
    extracted: str
    verdict: str


@dataclass(frozen=True)
class HarnessResult:
    """Metrics of all tasks, and every item behind them."""

    metrics: tuple[HarnessMetric, ...]
    items: tuple[HarnessItem, ...]


def run_harness(
    path: Path | str,
    *,
    tasks: Sequence[str],
    include_path: Path | str | None,
    num_fewshot: int | None,
    limit: int | None,
    batch_size: int,
    seed: int,
    allow_unsafe_code: bool,
    progress: Progress,
) -> HarnessResult:
    """Evaluate a model with lm-eval, on a GPU if there is one.

    Parameters
    ----------
    path : Path
        Folder of a causal language model, or of a LoRA adapter that names its base.
    tasks, include_path, num_fewshot, allow_unsafe_code
        As :func:`~equal_assets.resources.harness.tasks.load_tasks` takes them.
    limit : int or None
        Questions of each task, the first ones; None: all.
    batch_size : int
        Sequences per forward pass.
    seed : int
        Draws worked examples, and samples if a task generates by sampling.
    progress : callable
        Called with tasks done and in all.

    Returns
    -------
    HarnessResult

    Raises
    ------
    EvaluationError
        As in :func:`~equal_assets.resources.harness.tasks.load_tasks`.
    ModelError
        If there is no model in ``path``.
    """
    loaded = load_tasks(
        tasks,
        include_path=include_path,
        allow_unsafe_code=allow_unsafe_code,
        num_fewshot=num_fewshot,
        seed=seed,
    )

    import torch
    from lm_eval import evaluate

    model = _model(Path(path), batch_size)
    metrics: list[HarnessMetric] = []
    items: list[HarnessItem] = []
    for done, (name, task) in enumerate(loaded.items()):
        progress(done, len(loaded), name)
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            evaluated: Any = evaluate(
                model, task, limit=limit, confirm_run_unsafe_code=allow_unsafe_code
            )
        metrics += _metrics(evaluated["results"])
        items += _items(evaluated)
    progress(len(loaded), len(loaded))
    return HarnessResult(tuple(metrics), tuple(items))


def _model(path: Path, batch_size: int) -> HFLM:
    """Return a model as lm-eval runs it; weights come only from safetensors."""
    import torch
    from lm_eval.models.huggingface import HFLM

    adapter = path / "adapter_config.json"
    is_adapter = adapter.is_file()
    weights = "adapter_model.safetensors" if is_adapter else "config.json"
    if not (path / weights).is_file():
        raise ModelError(
            f"there is no model in {path}: {weights} is missing; materialize "
            "fine_tuned_student of the campaign again"
        )
    base = base_of(path)
    has_tokenizer = (path / "tokenizer_config.json").is_file()
    return HFLM(
        pretrained=str(base),
        peft=str(path) if is_adapter else None,
        tokenizer=str(path) if has_tokenizer else None,
        batch_size=batch_size,
        device="cuda" if torch.cuda.is_available() else "cpu",
        trust_remote_code=False,
        use_safetensors=True,
    )


def _metrics(results: dict[str, dict[str, Any]]) -> Iterator[HarnessMetric]:
    for task, values in results.items():
        for key, value in values.items():
            metric, comma, name = key.partition(",")
            if not comma or metric.endswith("_stderr"):
                continue
            error = values.get(f"{metric}_stderr,{name}")
            yield HarnessMetric(
                task=task,
                metric=metric if name == "none" else f"{metric}/{name}",
                value=float(value),
                standard_error=None if error in (None, "N/A") else float(error),
                n=values.get("sample_count", {}).get(key, values["sample_len"]),
            )


def _items(evaluated: dict[str, Any]) -> Iterator[HarnessItem]:
    for task, samples in evaluated["samples"].items():
        kind = evaluated["configs"][task]["output_type"]
        for sample in samples:
            has_options = kind in ("multiple_choice", "loglikelihood")
            output, extracted, target = _options(sample) if has_options else _generated(sample)
            yield HarnessItem(
                task=task,
                doc_id=sample["doc_id"],
                filter=sample["filter"],
                prompt=sample["arguments"][0][0],
                target=target,
                output=output,
                extracted=extracted,
                verdict=_text({metric: sample[metric] for metric in sample["metrics"]}),
            )


def _options(sample: dict[str, Any]) -> tuple[str, str, str]:
    """Return options with log-probabilities, the likeliest option, and the true one."""
    prompt = sample["arguments"][0][0]
    asked = [  # options scored without a prompt are for acc_mutual_info
        (text if context == prompt else context + text, float(response[0]))
        for (context, text), response in zip(
            sample["arguments"], sample["filtered_resps"], strict=True
        )
        if context
    ]
    options = [{"option": text, "log_probability": value} for text, value in asked]
    likeliest = max(asked, key=lambda option: option[1])[0]
    target = sample["target"]
    is_index = isinstance(target, int) and 0 <= target < len(asked)
    return _text(options), likeliest, asked[target][0] if is_index else _text(target)


def _generated(sample: dict[str, Any]) -> tuple[str, str, str]:
    """Return the generated text or a log-probability, the filtered answer, and the truth."""
    responses, filtered = sample["resps"][0], sample["filtered_resps"][0]
    output = responses[0] if len(responses) == 1 else responses
    return _text(output), _text(filtered), _text(sample["target"])


def _text(value: Any) -> str:
    """Return text unchanged and other values as JSON."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
