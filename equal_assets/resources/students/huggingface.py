"""A pretrained causal language model: any folder or hub id that transformers can load."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import Field

from equal_assets.errors import ModelError
from equal_assets.progress import Progress
from equal_assets.records import QAPair
from equal_assets.resources.precision import computes_bfloat16
from equal_assets.resources.students.causal_lm import (
    check_folder,
    load,
    load_tokenizer,
    n_parameters,
)
from equal_assets.resources.students.fine_tuning import fine_tune
from equal_assets.resources.students.student import FineTuning, Student, Texts
from equal_assets.resources.students.trainers import TrainingRecipe, has_gpu, with_adapters

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerFast

FILES = ["*.safetensors", "*.json", "*.jinja", "*.txt", "*.model"]
"""Files to take from the hub: no pickles, and no code unless it is trusted."""


class HuggingFaceStudent(Student):
    """A pretrained model, tuned on the answers: all of it, or adapters.

    It computes in bfloat16 where the processor supports that, else in float32.
    """

    model: str = Field(description="A folder, or a hub id.")
    revision: str | None = Field(description="Of a hub id: branch, tag or commit.")
    trust_remote_code: bool = Field(description="Run code that comes with the model.")
    chat_template: str = Field(description="auto, off, a known name, or a file.")
    method: str = Field(description="lora or full.")
    epochs: int = Field(description="Of fine-tuning.")
    learning_rate: float = Field(description="Peak of the cosine schedule.")
    batch_size: int = Field(description="Sequences per optimizer step.")
    per_device_batch_size: int = Field(description="Sequences that a device takes at once.")
    packing: bool = Field(description="Several pairs in a sequence.")
    lora_rank: int = Field(description="Of the adapters.")
    lora_alpha: int = Field(description="Adapters weigh alpha / rank.")
    lora_dropout: float = Field(description="Of the adapters.")
    precision: str = Field(description="auto, float32 or bfloat16.")
    attention: str = Field(description="auto, or an implementation.")
    gradient_checkpointing: bool | None = Field(description="None: on a GPU.")
    processes: int | None = Field(description="Of training; None: one a CUDA device.")
    checkpoint_steps: int | None = Field(description="Between two checkpoints; None: a tenth.")

    def base(self, texts: Texts, *, corpus_version: str, progress: Progress) -> Path:
        """Return the folder of the model; the corpus is not read.

        For a hub id this is the folder of the commit in the cache, whose name is its hash.

        Raises
        ------
        ModelError
            If it does not exist or cannot be tuned.
        """
        return find_model(self.model, self.revision, with_code=self.trust_remote_code)

    def fine_tune(
        self, base: Path, pairs: Sequence[QAPair], *, out: Path, progress: Progress
    ) -> FineTuning:
        """Tune on the answers: :func:`equal_assets.resources.students.fine_tuning.fine_tune`."""
        return fine_tune(base.resolve(), pairs, self.recipe(), out=out, progress=progress)

    def load(self, path: Path | str) -> tuple["PreTrainedModel", "PreTrainedTokenizerFast"]:
        """Return a model of this student and its tokenizer, as the settings want them loaded."""
        return load(
            path,
            bfloat16=self._bfloat16(),
            attention=self._attention(),
            chat_template=self.chat_template,
            trust_remote_code=self.trust_remote_code,
        )

    def load_tokenizer(self, path: Path | str) -> "PreTrainedTokenizerFast":
        """Return the tokenizer alone, as :meth:`load` does."""
        return load_tokenizer(
            path,
            chat_template=self.chat_template,
            trust_remote_code=self.trust_remote_code,
        )

    def load_to_tune(self, path: Path | str) -> tuple["PreTrainedModel", "PreTrainedTokenizerFast"]:
        """Return what :meth:`load` does, with new adapters if these are tuned."""
        model, tokenizer = self.load(path)
        recipe = self.recipe()
        return with_adapters(model, recipe) if recipe.lora_rank else model, tokenizer

    def n_parameters(self, path: Path | str) -> int:
        """Return how many parameters a model has, adapters included."""
        return n_parameters(path, trust_remote_code=self.trust_remote_code)

    def recipe(self) -> TrainingRecipe:
        """Return how the settings want a model trained on this machine."""
        import torch

        is_lora = self.method == "lora"
        return TrainingRecipe(
            epochs=self.epochs,
            learning_rate=self.learning_rate,
            batch_size=self.batch_size,
            per_device_batch_size=self.per_device_batch_size,
            context_tokens=self.context_tokens,
            seed=self.seed,
            checkpoint_steps=self.checkpoint_steps,
            packing=self.packing,
            lora_rank=self.lora_rank if is_lora else 0,
            lora_alpha=self.lora_alpha if is_lora else 0,
            lora_dropout=self.lora_dropout if is_lora else 0.0,
            mixed_precision=self._bfloat16(),
            gradient_checkpointing=(
                has_gpu() if self.gradient_checkpointing is None else self.gradient_checkpointing
            ),
            attention=self._attention(),
            chat_template=self.chat_template,
            trust_remote_code=self.trust_remote_code,
            processes=self.processes or max(1, torch.cuda.device_count()),
        )

    def _bfloat16(self) -> bool:
        import torch

        if self.precision == "auto":
            return computes_bfloat16(torch.device("cuda" if has_gpu() else "cpu"))
        return self.precision == "bfloat16"

    def _attention(self) -> str:
        from transformers.utils import is_flash_attn_2_available

        if self.attention != "auto":
            return self.attention
        return "flash_attention_2" if is_flash_attn_2_available() else "sdpa"


def find_model(
    model: str, revision: str | None, *, with_code: bool = False, local_only: bool = False
) -> Path:
    """Return the folder of a model: the one named, or the hub's download.

    Parameters
    ----------
    model : str
        A folder, or a hub id.
    revision : str or None
        Of a hub id: branch, tag or commit.
    with_code : bool
        Whether to take Python files from the hub as well.
    local_only : bool
        Whether to look only in the cache.

    Raises
    ------
    ModelError
        If it does not exist, or holds no safetensors.
    """
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HFValidationError

    folder = Path(model)
    if not folder.is_dir():
        try:
            folder = Path(
                snapshot_download(
                    model,
                    revision=revision,
                    allow_patterns=[*FILES, *(["*.py"] if with_code else [])],
                    local_files_only=local_only,
                )
            )
        except (OSError, HFValidationError) as error:  # an answer of the hub, or none
            raise ModelError(
                f"student.model = {model!r}: must be a folder with config.json and safetensors, or "
                "the id of a model on the hub; it is no folder, and the hub does not give it "
                f"({type(error).__name__})"
            ) from error
    try:
        check_folder(folder)
    except ModelError as error:
        raise ModelError(f"student.model = {model!r}: {error}") from error
    return folder
