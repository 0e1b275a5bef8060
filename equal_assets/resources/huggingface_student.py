"""A causal language model of others: any folder or hub id that transformers can load."""

from collections.abc import Sequence
from pathlib import Path

from pydantic import Field

from equal_assets.errors import ModelError
from equal_assets.progress import Progress
from equal_assets.records import QAPair
from equal_assets.resources.fine_tuning import Recipe, fine_tune
from equal_assets.resources.student import FineTuning, Student, Texts


class HuggingFaceStudent(Student):
    """A model that was pretrained by others, tuned on the answers."""

    model: str = Field(description="A folder, or a hub id.")
    revision: str | None = Field(description="Of a hub id: branch, tag or commit.")
    batch_size: int = Field(description="Sequences per optimizer step.")
    epochs: int = Field(description="Of fine-tuning.")
    learning_rate: float = Field(description="Peak of the cosine schedule.")

    def base(self, texts: Texts, *, corpus_version: str, progress: Progress) -> Path:
        """Return the folder of the model; the corpus is not read.

        Raises
        ------
        ModelError
            If it is no folder and the hub does not give it.
        """
        from huggingface_hub import snapshot_download
        from huggingface_hub.errors import (
            HfHubHTTPError,
            HFValidationError,
            LocalEntryNotFoundError,
        )

        if Path(self.model).is_dir():
            return Path(self.model)
        try:
            return Path(snapshot_download(self.model, revision=self.revision))
        except (HfHubHTTPError, HFValidationError, LocalEntryNotFoundError) as error:
            raise ModelError(
                f"student.model = {self.model!r} is no folder, and the model hub does not give it "
                f"({type(error).__name__}); allowed: a folder with config.json and safetensors, "
                "or the id of a model on the hub"
            ) from error

    def fine_tune(
        self, base: Path, pairs: Sequence[QAPair], *, out: Path, progress: Progress
    ) -> FineTuning:
        """Tune all weights on the answers: :func:`equal_assets.resources.fine_tuning.fine_tune`."""
        recipe = Recipe(
            epochs=self.epochs,
            learning_rate=self.learning_rate,
            batch_size=self.batch_size,
            context_tokens=self.context_tokens,
            seed=self.seed,
        )
        return fine_tune(base, pairs, recipe, out=out, progress=progress)
