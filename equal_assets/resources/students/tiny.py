"""A small Llama with its own tokenizer, made on the spot from the corpus."""

import heapq
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from pydantic import Field

from equal_assets.progress import Progress
from equal_assets.records import QAPair, content_hash
from equal_assets.resources.publishing import put_in_place
from equal_assets.resources.students.checkpoints import resume, workplace
from equal_assets.resources.students.fine_tuning import fine_tune
from equal_assets.resources.students.student import FineTuning, Student, Texts
from equal_assets.resources.students.tokens import tokens
from equal_assets.resources.students.trainers import TrainingRecipe, text_trainer
from equal_assets.settings import fingerprint

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedModel, PreTrainedTokenizerFast

BOS, EOS, PAD = "<|equal-bos|>", "<|equal-eos|>", "<|equal-pad|>"
"""Special tokens that occur in no corpus: documents do quote ``</s>`` and its kin."""

BASE_RECIPE = 1
"""Raised whenever the same settings and corpus give another base model."""

SAMPLE_CHARACTERS_PER_TOKEN = 6
"""Text sampled per pretraining token: more than an average byte-level BPE token."""

TOKENIZER_CHARACTERS_PER_TOKEN = 1000
"""Text that the tokenizer is trained on, per token of its vocabulary."""

READ_PART_TEXTS = 64
"""Texts between two reports of progress while the corpus is read."""


class TinyStudent(Student):
    """A small Llama with its own tokenizer, pretrained on the corpus and tuned in full.

    So small a model with so little training is no base for low-rank adapters. It always trains in
    float32, on one CUDA device if there is one.
    """

    vocabulary: int = Field(description="Byte-level BPE tokens.")
    hidden_size: int = Field(description="Width of the model.")
    layers: int = Field(description="Decoder layers.")
    heads: int = Field(description="Attention heads.")
    pretrain_tokens: int = Field(description="Corpus tokens read once.")
    pretrain_learning_rate: float = Field(description="Peak of the cosine schedule.")
    batch_size: int = Field(description="Sequences per optimizer step.")
    epochs: int = Field(description="Of fine-tuning.")
    learning_rate: float = Field(description="Of fine-tuning; peak of the cosine schedule.")
    checkpoint_steps: int | None = Field(description="Between two checkpoints; None: a tenth.")
    models_folder: str = Field(description="Folder for models that this project makes.")

    def base(self, texts: Texts, *, corpus_version: str, progress: Progress) -> Path:
        """Return the folder of the untuned model, making it first unless it exists.

        Parameters
        ----------
        texts : sequence of str, or callable that returns an iterable of str
            The corpus. Read only if the model must be made; an even sample of it is used, which
            does not depend on the order.
        corpus_version : str
            Identifies the content of the corpus.
        progress : callable
            Called with pretraining tokens done and in all.

        Returns
        -------
        Path
            ``<models_folder>/tiny-<fingerprint of what decides the weights>``.

        Raises
        ------
        ValueError
            If the corpus has too few tokens to fill one context.
        """
        key = self._base_fingerprint(corpus_version)
        folder = Path(self.models_folder) / f"tiny-{key}"
        if folder.is_dir():
            return folder
        with workplace(folder, key) as place:
            if not folder.is_dir():  # another process may have made it by now
                self._make(texts, place, progress)
                put_in_place(place / "model", folder)
        return folder

    def fine_tune(
        self, base: Path, pairs: Sequence[QAPair], *, out: Path, progress: Progress
    ) -> FineTuning:
        """Tune all weights on the answers: :func:`.fine_tuning.fine_tune`."""
        recipe = self._recipe(epochs=self.epochs, learning_rate=self.learning_rate)
        return fine_tune(base, pairs, recipe, out=out, progress=progress)

    def _make(self, texts: Texts, place: Path, progress: Progress) -> None:
        """Pretrain a model and store it in the folder ``model`` of a workplace."""

        def reading() -> None:
            progress(0, self.pretrain_tokens)

        n_characters = SAMPLE_CHARACTERS_PER_TOKEN * self.pretrain_tokens
        stream = texts() if callable(texts) else texts
        sample = _sample(stream, n_characters=n_characters, reading=reading)
        tokenizer = _train_tokenizer(
            sample, vocabulary=self.vocabulary, context_tokens=self.context_tokens
        )
        blocks = self._blocks(tokenizer, sample, reading=reading)
        model = self._random_model(tokenizer)
        recipe = self._recipe(epochs=1, learning_rate=self.pretrain_learning_rate)
        resume(text_trainer(model, blocks, recipe, place=place, progress=progress), place)
        model.save_pretrained(place / "model")
        tokenizer.save_pretrained(place / "model")

    def _recipe(self, *, epochs: int, learning_rate: float) -> TrainingRecipe:
        return TrainingRecipe(
            epochs=epochs,
            learning_rate=learning_rate,
            batch_size=self.batch_size,
            per_device_batch_size=self.batch_size,
            context_tokens=self.context_tokens,
            seed=self.seed,
            checkpoint_steps=self.checkpoint_steps,
        )

    def _base_fingerprint(self, corpus_version: str) -> str:
        tuning_only = {"epochs", "learning_rate", "models_folder", "checkpoint_steps"}
        return fingerprint(
            {
                "recipe": BASE_RECIPE,
                "settings": self.model_dump(mode="json", exclude=tuning_only),
                "corpus": corpus_version,
            }
        )

    def _blocks(
        self,
        tokenizer: "PreTrainedTokenizerFast",
        sample: list[str],
        *,
        reading: Callable[[], None],
    ) -> "torch.Tensor":
        """Return the sample as full contexts, shape (n_blocks, context_tokens)."""
        import torch

        stream: list[int] = []
        for start in range(0, len(sample), READ_PART_TEXTS):
            if len(stream) >= self.pretrain_tokens:
                break
            reading()
            for text in tokens(tokenizer, sample[start : start + READ_PART_TEXTS]):
                stream += [tokenizer.bos_token_id, *text, tokenizer.eos_token_id]
        n_blocks = min(len(stream), self.pretrain_tokens) // self.context_tokens
        if not n_blocks:
            raise ValueError(
                f"the corpus gives {len(stream)} tokens of at most {self.pretrain_tokens} "
                f"(student.pretrain_tokens): must be at least {self.context_tokens} "
                "(student.context_tokens)"
            )
        return torch.tensor(stream[: n_blocks * self.context_tokens]).view(n_blocks, -1)

    def _random_model(self, tokenizer: "PreTrainedTokenizerFast") -> "PreTrainedModel":
        import torch
        from transformers import LlamaConfig, LlamaForCausalLM

        config = LlamaConfig(
            vocab_size=len(tokenizer),
            hidden_size=self.hidden_size,
            intermediate_size=2 * self.hidden_size,
            num_hidden_layers=self.layers,
            num_attention_heads=self.heads,
            max_position_embeddings=self.context_tokens,
            tie_word_embeddings=True,  # untied, most of such a small model would be vocabulary
            bos_token_id=tokenizer.bos_token_id,
            eos_token_id=tokenizer.eos_token_id,
            pad_token_id=tokenizer.pad_token_id,
        )
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self.seed)
            return LlamaForCausalLM(config)


def _sample(texts: Iterable[str], *, n_characters: int, reading: Callable[[], None]) -> list[str]:
    """Return texts of at least ``n_characters`` in all, if there are enough, by content hash.

    The smallest hashes are an even sample in a random order, whatever the order of the corpus.
    """
    kept: list[tuple[int, str]] = []  # a heap, largest hash first
    n_kept = 0
    for index, text in enumerate(texts):
        if index % READ_PART_TEXTS == 0:
            reading()
        heapq.heappush(kept, (-int(content_hash(text), 16), text))
        n_kept += len(text)
        while n_kept - len(kept[0][1]) >= n_characters:
            n_kept -= len(heapq.heappop(kept)[1])
    return [text for _, text in sorted(kept, reverse=True)]


def _train_tokenizer(
    sample: list[str], *, vocabulary: int, context_tokens: int
) -> "PreTrainedTokenizerFast":
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
    from transformers import PreTrainedTokenizerFast

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary,
        special_tokens=[BOS, EOS, PAD],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    n_characters = np.cumsum([len(text) for text in sample])
    enough = int(np.searchsorted(n_characters, TOKENIZER_CHARACTERS_PER_TOKEN * vocabulary)) + 1
    tokenizer.train_from_iterator(sample[:enough], trainer)
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{BOS} $A", special_tokens=[(BOS, tokenizer.token_to_id(BOS))]
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        bos_token=BOS,
        eos_token=EOS,
        pad_token=PAD,
        model_max_length=context_tokens,
    )
