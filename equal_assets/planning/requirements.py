"""What campaigns would need, from the settings alone: LLM tokens, money, GPU memory, disk.

Nothing is downloaded or computed. Every figure is an estimate and says what it is based on. Time is
told of extraction alone, once some documents were extracted: only a run can measure a pace.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from psutil import virtual_memory

from equal_assets.algorithms.flops import inference_flops, training_flops
from equal_assets.errors import ModelError
from equal_assets.planning import memory
from equal_assets.planning.durations import lasting_between
from equal_assets.planning.estimate import RATING_REPLY_TOKENS, TokensPerDocument, assumed_tokens
from equal_assets.planning.model_sizes import ModelSize, model_size
from equal_assets.records import CHARACTERS_PER_TOKEN
from equal_assets.resources.llm.gguf import read_head
from equal_assets.resources.llm.llama_server import PROMPT_CACHE_MIB
from equal_assets.resources.students.activations import Activations, count_activations
from equal_assets.resources.students.trainers import TrainingRecipe, has_gpu
from equal_assets.settings import (
    HuggingFaceStudentSettings,
    LlamaCppSettings,
    LLMExtractionSettings,
    Settings,
    VLLMSettings,
)

ASSUMED_CHARACTERS = 4_000
"""Of a document of a corpus that was not read yet."""

QUANTIZED_BYTES = {"awq": 0.5, "gptq": 0.5, "fp8": 1.0}
"""Of a weight; others have 2, as bfloat16."""

FULL_TUNING_BYTES = 16
"""Of a parameter on the GPU: weight, gradient and two moments in float32."""

USUAL_TOKENS = 512
"""Of a long pair of a data set; contexts are often longer."""

CHECKPOINT_BYTES = 12
"""Of a parameter on disk: weight and two moments; two checkpoints are kept."""

RUN_GIB = 1.5
"""Of the process of `equal run` when a student begins: libraries, embedder, what was read."""

LLAMA_BATCH = 512
"""Tokens that llama.cpp computes together."""

GIB = 2**30


def requirements(
    settings: Settings,
    *,
    n_read: int,
    n_characters: int,
    measured: TokensPerDocument | None = None,
) -> Iterator[str]:
    """Yield what the campaigns of the settings would need, a line each.

    Parameters
    ----------
    settings : Settings
    n_read, n_characters : int
        Documents of the corpus and their characters; 0 before it was read.
    measured : TokensPerDocument or None
        What documents took; None if too few were extracted.
    """
    n_documents = n_read or settings.corpus.max_documents
    characters = n_characters / n_read if n_read else ASSUMED_CHARACTERS
    basis = "as read" if n_read else f"assumed: {ASSUMED_CHARACTERS:,} characters each"
    shown = f"at most {n_documents:,}" if n_documents else "unknown before the corpus is read"
    yield f"documents: {shown}; {basis}"
    llm = settings.extractor
    if isinstance(llm, LLMExtractionSettings):
        each = measured or assumed_tokens(llm, characters)
        yield from _llm(settings, llm, each, n_documents, characters)
    if isinstance(llm, VLLMSettings):
        yield _engine_memory(llm)
    if isinstance(llm, LlamaCppSettings):
        yield from _llama_memory(llm)
    if isinstance(settings.student, HuggingFaceStudentSettings):
        yield from _student_memory(settings.student)
        yield from _student_reading(settings, settings.student, n_documents, characters)
    yield from _disk(settings, n_documents, characters)


def paid_documents(settings: Settings, n_documents: int | None) -> int | None:
    """Return how many documents the warm-up and all campaigns extract at most, each once."""
    asked = sum(campaign.budget_documents for campaign in settings.campaigns.values())
    if n_documents is None:
        return None  # the share of the warm-up is not known
    return min(n_documents, asked + math.ceil(settings.warmup.share * n_documents))


def _llm(
    settings: Settings,
    llm: LLMExtractionSettings,
    each: TokensPerDocument,
    n_documents: int | None,
    characters: float,
) -> Iterator[str]:
    n_paid = paid_documents(settings, n_documents)
    if n_paid is None:
        yield (
            "LLM tokens: unknown before the corpus is read; `equal run --estimate` reads it and "
            "sends nothing, or set corpus.max_documents"
        )
        return
    prompt, completion = n_paid * each.prompt, n_paid * each.completion
    n_rated = _rated_documents(settings, n_documents or 0)
    shown = min(settings.llm_scoring.document_characters, characters)
    ratings = n_rated * (shown + len(llm.prompts.template("rate"))) / CHARACTERS_PER_TOKEN
    prompt += ratings
    completion += n_rated * RATING_REPLY_TOKENS
    tokens = prompt + completion
    of_ratings = ratings + n_rated * RATING_REPLY_TOKENS
    least, most = (n_paid * one + of_ratings for one in each.interval(n_paid))
    rated = f" and {n_rated:,} ratings" if n_rated else ""
    yield (
        f"LLM tokens: about {_large(tokens)}, {_large(prompt)} of them prompts; "
        f"between {_large(least)} and {_large(most)}: "
        f"{n_paid:,} documents that all campaigns together extract{rated}; {each.basis}"
    )
    budgets = sorted({campaign.budget_documents for campaign in settings.campaigns.values()})
    alone = ", ".join(f"{n:,} documents {_large(n * each.total)}" for n in budgets)
    yield f"LLM tokens of one campaign, by its budget: about {alone}"
    if each.n_measured:
        lasts = lasting_between(*(n_paid * seconds for seconds in each.pace))
        yield f"time of extraction: {lasts}, at the pace of what was extracted"
    else:
        yield "time of extraction: unknown; `equal preview` measures it on five documents"
    if llm.prompt_price or llm.completion_price:
        money = (prompt * llm.prompt_price + completion * llm.completion_price) / 1e6
        yield f"money: about {money:,.2f}, at the prices of the extractor"
    size = _size_of(llm)
    if size:
        flops = inference_flops(llm.parameters or size.parameters, tokens)
        yield f"operations of the LLM: about {flops:.1e}, 2 per parameter and token"


def _large(number: float) -> str:
    """Return a number as people say it, with two or three digits that count."""
    if number < 1e6:
        return f"{float(f'{number:.3g}'):,.0f}"
    return f"{number / 1e6:,.{1 if number < 1e7 else 0}f} million"


def _rated_documents(settings: Settings, n_documents: int) -> int:
    """Return how many documents all campaigns together have rated at most."""
    budgets = [
        campaign.budget_documents
        for campaign in settings.campaigns.values()
        if campaign.strategy_row.needs_ratings
    ]
    return sum(min(settings.llm_scoring.n_candidates(b), n_documents) for b in budgets)


def _size_of(llm: LLMExtractionSettings) -> ModelSize | None:
    size = model_size(llm.model)
    if size is None and llm.parameters:
        return ModelSize(llm.parameters, None, "extractor.parameters")
    return size


def _engine_memory(llm: VLLMSettings) -> str:
    size = _size_of(llm)
    if size is None:
        return f"GPU memory of the extractor: unknown, as the size of {llm.model} is"
    bytes_each = QUANTIZED_BYTES.get(llm.quantization or "", 2.0)
    weights = size.parameters * bytes_each / GIB
    gpus = llm.tensor_parallel_size
    split = f", {weights / gpus:,.0f} on each of {gpus} GPUs" if gpus > 1 else ""
    text = (
        f"GPU memory of the extractor: {weights:,.0f} GiB of weights{split} "
        f"({size.parameters / 1e9:.1f} billion parameters {size.basis}, {bytes_each:g} bytes each)"
    )
    if size.cached_values is None:
        return f"{text}, plus the cache of keys and values"
    longest = llm.chunk_characters / CHARACTERS_PER_TOKEN + 2 * llm.max_reply_tokens
    cache = longest * size.cached_values * 2 / GIB
    return (
        f"{text}, and {cache:.1f} GiB of keys and values for the longest request; "
        f"{llm.concurrency} of them at once would take {llm.concurrency * cache:,.0f}, fewer run "
        "where less is free"
    )


def _llama_memory(llm: LlamaCppSettings) -> Iterator[str]:
    """Yield the memory of llama.cpp's server, if all of the model is computed on the CPU."""
    try:
        head = read_head(Path(llm.model))
    except ModelError:  # which is one of the findings
        return
    weights = Path(llm.model).stat().st_size / GIB
    context = llm.concurrency * llm.slot_tokens * (head.cached_values or 0) * 2 / GIB
    scratch = LLAMA_BATCH * head.n_vocabulary * 4 / GIB  # the scores of every token
    read = PROMPT_CACHE_MIB / 1024
    unknown = "" if head.cached_values else ", and its context"
    yield (
        f"memory of the extractor on this CPU: at most {weights + context + scratch + read:.1f} GiB"
        f"{unknown}: {weights:.1f} of weights, {context + scratch:.1f} to work on "
        f"{llm.concurrency} requests of {llm.slot_tokens:,} tokens at once, and {read:.0f} for "
        f"prompts that are kept; the machine has {virtual_memory().total / GIB:.1f}"
    )


def _student_memory(settings: HuggingFaceStudentSettings) -> Iterator[str]:
    size = model_size(settings.model)
    if size is None:
        yield f"memory of the student: unknown, as the size of {settings.model} is"
        return
    if (Path(settings.model) / "config.json").is_file():
        try:
            yield from _counted_memory(settings)
            return
        except (RuntimeError, NotImplementedError):  # the model's code depends on values
            pass
    bytes_each = FULL_TUNING_BYTES if settings.method == "full" else 2
    held = "weights, gradients and optimizer" if settings.method == "full" else "frozen weights"
    held_gib = size.parameters * bytes_each / GIB
    yield (
        f"GPU memory of the student: {held_gib:,.0f} GiB of {held} on each device, plus "
        f"activations ({size.parameters / 1e9:.2f} billion parameters {size.basis}, "
        f"{settings.method}: {bytes_each} bytes each)"
    )


def _student_reading(
    settings: Settings,
    student: HuggingFaceStudentSettings,
    n_documents: int | None,
    characters: float,
) -> Iterator[str]:
    """Yield what the student computes for strategies that have it read every document."""
    size = model_size(student.model)
    rows = {row.name: row for row in (c.strategy_row for c in settings.campaigns.values())}
    if size is None or not n_documents:
        return
    tokens = min(characters / CHARACTERS_PER_TOKEN, student.context_tokens / 2)
    for name, row in sorted(rows.items()):
        if row.student_score is None or row.score is None or row.score.of != "documents":
            continue
        count = training_flops if row.student_score == "influence" else inference_flops
        yield (
            f"operations of the student for {name}: about "
            f"{count(size.parameters, n_documents * tokens):.1e}, to read {n_documents:,} "
            "documents before round 1; what it made of a text is stored, and read no second time"
        )


def _counted_memory(settings: HuggingFaceStudentSettings) -> Iterator[str]:
    """Yield the peaks on this machine's CPU, if it has no GPU, and on a GPU."""
    from equal_assets.resources.students.huggingface import HuggingFaceStudent

    recipe = HuggingFaceStudent(**settings.model_dump(exclude={"kind"})).recipe()
    folder = Path(settings.model)
    kept = count_activations(folder, recipe, bfloat16=recipe.mixed_precision)
    if not has_gpu():
        yield _cpu_memory(kept, recipe, folder)
        if not recipe.mixed_precision:
            kept = count_activations(folder, recipe, bfloat16=True)
        saves = settings.gradient_checkpointing is not False
        recipe = replace(recipe, mixed_precision=True, gradient_checkpointing=saves)
    training = memory.gpu_training_gib(kept, recipe)
    yield (
        f"GPU memory of the student: {training:.1f} GiB on each device to train on "
        f"{recipe.per_device_batch_size} pairs of {recipe.context_tokens:,} tokens at once, "
        f"{memory.gpu_scoring_gib(kept, recipe):.1f} to score answers"
    )


def _cpu_memory(kept: Activations, recipe: TrainingRecipe, folder: Path) -> str:
    file_bytes = sum(part.stat().st_size for part in folder.glob("*.safetensors"))
    scoring = memory.cpu_scoring_gib(kept, recipe, file_bytes=file_bytes)
    training = ", ".join(
        f"{memory.cpu_training_gib(kept, recipe, file_bytes=file_bytes, n_tokens=n_tokens):.1f} "
        f"GiB with {n_tokens:,} tokens"
        for n_tokens in sorted({min(USUAL_TOKENS, recipe.context_tokens), recipe.context_tokens})
    )
    return (
        f"memory of the student on this CPU: {scoring:.1f} GiB to score answers; to train on "
        f"pairs, {training}; beside {RUN_GIB:g} GiB of the run; the machine has "
        f"{virtual_memory().total / GIB:.1f}"
    )


def _disk(settings: Settings, n_documents: int | None, characters: float) -> Iterator[str]:
    models = {settings.embedder.model: 4.0}
    if isinstance(settings.extractor, VLLMSettings):
        quantization = settings.extractor.quantization or ""
        models[settings.extractor.model] = QUANTIZED_BYTES.get(quantization, 2.0)
    student = settings.student
    if isinstance(student, HuggingFaceStudentSettings):
        models[student.model] = 2.0
    sizes = {name: (model_size(name), each) for name, each in models.items()}
    known = {name: s.parameters * each / GIB for name, (s, each) in sizes.items() if s}
    if known:
        listing = ", ".join(f"{name} {gib:,.1f}" for name, gib in known.items())
        yield f"disk for models: {sum(known.values()):,.1f} GiB ({listing})"
    if isinstance(student, HuggingFaceStudentSettings) and student.method == "full":
        size = model_size(student.model)
        if size:
            n_tuned = len(settings.campaigns) * (1 + len(settings.milestones))
            tuned = n_tuned * size.parameters * 4 / GIB
            checkpoints = 2 * CHECKPOINT_BYTES * size.parameters / GIB
            yield (
                f"disk for tuned students: {tuned:,.0f} GiB for {n_tuned} in float32, and "
                f"{checkpoints:,.0f} for the checkpoints of one training"
            )
    if n_documents:
        texts = n_documents * characters / GIB
        yield f"disk for the corpus: {texts:,.1f} GiB of text before compression, and its vectors"
