"""A causal language model on disk: loaded safely, counted, scored on answers."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from equal_assets.errors import ModelError
from equal_assets.progress import Progress
from equal_assets.resources.students.head import IGNORED, Head
from equal_assets.resources.students.templates import set_template
from equal_assets.resources.students.tokens import answer_tokens, cut_middle, prompt_tokens

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerFast

SCORING_PART_TOKENS = 8192
"""Tokens in one forward pass of the scoring, padding included: bounds memory."""

BASE_FILE = "base_model.txt"
"""In a folder of adapters: where their model is from there, since a project may move as a whole."""


def load(
    path: Path | str,
    *,
    bfloat16: bool = False,
    attention: str | None = None,
    chat_template: str = "auto",
    trust_remote_code: bool = False,
) -> tuple[PreTrainedModel, PreTrainedTokenizerFast]:
    """Return the model in a folder, adapters in place, and its tokenizer.

    Parameters
    ----------
    path : Path or str
        A whole model, or adapters with the path of their base.
    bfloat16 : bool
        Precision of the weights; float32 otherwise.
    attention : str, optional
        Implementation, as transformers names it; by default the model's choice.
    chat_template : str
        As :func:`equal_assets.resources.students.templates.set_template` takes it.
    trust_remote_code : bool
        Whether code that comes with the model may run.

    Raises
    ------
    ModelError
        If there is no model in ``path``, it has no safetensors, or it needs its own code.
    """
    import torch
    from transformers import AutoModelForCausalLM

    base = base_of(Path(path))
    check_folder(base)
    tokenizer = load_tokenizer(
        path, chat_template=chat_template, trust_remote_code=trust_remote_code
    )
    try:
        model = AutoModelForCausalLM.from_pretrained(
            base,
            dtype=torch.bfloat16 if bfloat16 else torch.float32,
            attn_implementation=attention,
            use_safetensors=True,
            trust_remote_code=trust_remote_code,
            local_files_only=True,
        )
    except (
        OSError,
        ValueError,
        ImportError,
    ) as error:  # each describes what is wrong with the files
        raise ModelError(f"the model in {base} cannot be loaded: {error}") from error
    if base != Path(path):
        from peft import PeftModel

        model = PeftModel.from_pretrained(model, path).get_base_model()
    return model, tokenizer


def load_tokenizer(
    path: Path | str, *, chat_template: str = "auto", trust_remote_code: bool = False
) -> PreTrainedTokenizerFast:
    """Return the tokenizer in a folder; the arguments are those of :func:`load`."""
    from transformers import AutoTokenizer

    try:
        tokenizer = AutoTokenizer.from_pretrained(
            path, trust_remote_code=trust_remote_code, local_files_only=True
        )
    except (OSError, ValueError, ImportError) as error:
        raise ModelError(f"the tokenizer in {path} cannot be loaded: {error}") from error
    set_template(tokenizer, chat_template)
    return tokenizer


def check_folder(folder: Path) -> None:
    """Refuse a folder without a model, or with only pickled weights.

    Raises
    ------
    ModelError
        Naming the folder and what is missing.
    """
    if not (folder / "config.json").is_file():
        raise ModelError(
            f"there is no model in {folder}: config.json is missing; name another folder, or "
            "materialize fine_tuned_student of the campaign again"
        )
    if not any(folder.glob("*.safetensors")):
        pickles = sorted(path.name for path in folder.glob("*.bin"))
        found = f"only {', '.join(pickles)}, and a pickle can run any code" if pickles else "none"
        raise ModelError(
            f"the weights in {folder} must be safetensors, found {found}; name a model that has "
            'them, or convert it where you trust its maker: `python -c "from transformers import '
            f"AutoModelForCausalLM as M, AutoTokenizer as T; M.from_pretrained('{folder}')"
            f".save_pretrained('NEW'); T.from_pretrained('{folder}').save_pretrained('NEW')\"`"
        )


def n_parameters(path: Path | str, *, trust_remote_code: bool = False) -> int:
    """Return how many parameters a model has, adapters included; its weights are not read.

    Raises
    ------
    ModelError
        If there is no model in ``path``.
    """
    import torch
    from safetensors import safe_open
    from transformers import AutoConfig, AutoModelForCausalLM

    base = base_of(Path(path))
    check_folder(base)
    config = AutoConfig.from_pretrained(base, trust_remote_code=trust_remote_code)
    with torch.device("meta"):
        model = AutoModelForCausalLM.from_config(config, trust_remote_code=trust_remote_code)
    count = model.num_parameters()
    if base != Path(path):
        with safe_open(Path(path) / "adapter_model.safetensors", framework="numpy") as adapter:
            names = list(adapter.keys())
            count += sum(int(np.prod(adapter.get_slice(name).get_shape())) for name in names)
    return count


def score_answers(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerFast,
    prompts: Sequence[str],
    answers: Sequence[str],
    *,
    context_tokens: int,
    progress: Progress,
) -> tuple[np.ndarray, np.ndarray]:
    """Return the log-probability of each answer after its prompt.

    Parameters
    ----------
    model, tokenizer
        As :func:`load` returns them.
    prompts : sequence of str
        Read first; may be empty.
    answers : sequence of str, same length
        Scored; not empty.
    context_tokens : int
        Longest sequence.
    progress : callable
        Called with answers scored and in all.

    Returns
    -------
    log_probabilities : ndarray of shape (n_answers,), float64
        ``log p(answer | prompt)``, summed over the answer's tokens; nats.
    n_tokens : ndarray of shape (n_answers,), int64
        Answer tokens that were scored, >= 1.

    Raises
    ------
    ValueError
        If prompts and answers differ in number, or an answer is empty.

    Notes
    -----
    At most the first half context of an answer is scored, with any prompt, so that
    ``p(answer | prompt)`` and ``p(answer)`` cover the same tokens; a prompt is cut to the end that
    fits before it.
    """
    sequences, n_tokens = answer_sequences(
        tokenizer, prompts, answers, context_tokens=context_tokens
    )
    return _score_ends(model, sequences, n_tokens, progress), n_tokens


def answer_sequences(
    tokenizer: PreTrainedTokenizerFast,
    prompts: Sequence[str],
    answers: Sequence[str],
    *,
    context_tokens: int,
) -> tuple[list[list[int]], np.ndarray]:
    """Return the tokens to read in order to score each answer, and how many are the answer.

    Parameters and errors are as in :func:`score_answers`.

    Returns
    -------
    sequences : list of list of int
        At most ``context_tokens`` each, the answer last.
    n_tokens : ndarray of shape (n_answers,), int64
        Answer tokens, >= 1.
    """
    if len(prompts) != len(answers):
        raise ValueError(f"{len(prompts)} prompts and {len(answers)} answers: must be equally many")
    if "" in answers:
        raise ValueError(f"answer {answers.index('')} = '': must be text")
    cut = [answer[: context_tokens // 2] for answer in answer_tokens(tokenizer, answers)]
    before = prompt_tokens(tokenizer, prompts)
    sequences = [
        [*cut_middle(read, context_tokens - len(answer)), *answer]
        for read, answer in zip(before, cut, strict=True)
    ]
    return sequences, np.array([len(answer) for answer in cut], dtype=np.int64)


def parts_by_length(sequences: Sequence[Sequence[int]]) -> Iterator[list[int]]:
    """Yield the rows of sequences that are read together, the longest first."""
    by_length = sorted(range(len(sequences)), key=lambda row: len(sequences[row]), reverse=True)
    done = 0
    while done < len(by_length):
        longest = len(sequences[by_length[done]])
        rows = by_length[done : done + max(1, SCORING_PART_TOKENS // longest)]
        yield rows
        done += len(rows)


def on_device(model: PreTrainedModel) -> PreTrainedModel:
    """Return the model on the first GPU, if there is one, and without dropout."""
    import torch

    return model.to("cuda" if torch.cuda.is_available() else "cpu").eval()


def base_of(path: Path) -> Path:
    """Return the folder of the whole model; a folder of adapters names it."""
    adapters = path / "adapter_config.json"
    if not adapters.is_file():
        return path
    named = Path(json.loads(adapters.read_text(encoding="utf-8"))["base_model_name_or_path"])
    beside = path / BASE_FILE
    if beside.is_file():  # both may have moved since
        moved = (path / beside.read_text(encoding="utf-8")).resolve()
        return moved if moved.is_dir() else named
    return named


def _score_ends(
    model: PreTrainedModel,
    sequences: list[list[int]],
    n_scored: np.ndarray,
    progress: Progress,
) -> np.ndarray:
    """Return the log-probability of the last ``n_scored`` tokens of each sequence, summed."""
    head = Head(on_device(model))
    log_probabilities = np.zeros(len(sequences))
    done = 0
    for rows in parts_by_length(sequences):
        log_probabilities[rows] = _score_part(head, [sequences[r] for r in rows], n_scored[rows])
        done += len(rows)
        progress(done, len(sequences))
    return log_probabilities


def _score_part(head: Head, sequences: list[list[int]], n_scored: np.ndarray) -> np.ndarray:
    """Return the same of sequences that are read together, the longest first."""
    import torch

    width = len(sequences[0])
    # Padding is on the right, where a causal model cannot see it: no mask is needed.
    padded = torch.tensor([s + [0] * (width - len(s)) for s in sequences])
    ends = torch.tensor([len(sequence) for sequence in sequences])[:, None]  # (n, 1)
    places = torch.arange(width)[None]
    is_scored = (places >= ends - torch.from_numpy(n_scored)[:, None]) & (places < ends)
    labels = padded.masked_fill(~is_scored, IGNORED)
    with torch.no_grad():
        losses = head.losses(padded.to(head.device), labels.to(head.device))
    scored = torch.zeros(padded.shape, dtype=torch.float64)
    scored[is_scored] = -losses.double().cpu()
    return scored.sum(dim=1).numpy()
