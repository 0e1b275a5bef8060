"""The student: a language model that is fine-tuned on a data set and answers test questions."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dagster as dg
import numpy as np
from pydantic import Field

from equal_assets.progress import Progress
from equal_assets.records import QAPair, trimmed
from equal_assets.resources.pickling import pickled_by_fields
from equal_assets.resources.students.causal_lm import (
    answer_sequences,
    load,
    load_tokenizer,
    n_parameters,
    score_answers,
)
from equal_assets.resources.students.generation import generate_answers
from equal_assets.resources.students.gradients import answer_gradients
from equal_assets.resources.students.states import answer_states

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerFast

Texts = Sequence[str] | Callable[[], Iterable[str]]


@dataclass(frozen=True)
class FineTuning:
    """What a fine-tune did.

    Attributes
    ----------
    path : Path
        The fine-tuned model.
    n_examples : int
        Pairs trained on.
    n_truncated : int
        Of these, pairs whose answer lost its end, because the pair is longer than the context.
    n_left_out : int
        Pairs skipped because the question alone fills the context.
    n_tokens : int
        Tokens trained on, padding excluded, every epoch counted.
    n_parameters : int
        Parameters of the model, adapters included.
    n_tuned : int
        Of these, parameters that were tuned: all, or the adapters.
    flops : float
        Floating-point operations of the training.
    seconds : float
        Wall-clock time of the training, without what a killed process did after its last
        checkpoint.
    losses : tuple of float
        Training loss in order of time, at most 200 values; nats per token.
    """

    path: Path
    n_examples: int
    n_truncated: int
    n_left_out: int
    n_tokens: int
    n_parameters: int
    n_tuned: int
    flops: float
    seconds: float
    losses: tuple[float, ...]


class Student(dg.ConfigurableResource, ABC):
    """Role: a language model that learns from a data set and answers questions."""

    seed: int = Field(description="Draws weights and the order of examples.")
    context_tokens: int = Field(description="Longest sequence.")

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle the fields alone."""
        return pickled_by_fields(self)

    @abstractmethod
    def base(self, texts: Texts, *, corpus_version: str, progress: Progress) -> Path:
        """Return the folder of the untuned model, making it first if it is ours."""

    @abstractmethod
    def fine_tune(
        self, base: Path, pairs: Sequence[QAPair], *, out: Path, progress: Progress
    ) -> FineTuning:
        """Tune a model on QA pairs and store it in ``out``, replacing its content."""

    def load(self, path: Path | str) -> tuple["PreTrainedModel", "PreTrainedTokenizerFast"]:
        """Return a model of this student and its tokenizer, as the settings want them loaded."""
        return load(path)

    def load_tokenizer(self, path: Path | str) -> "PreTrainedTokenizerFast":
        """Return the tokenizer alone, as :meth:`load` does."""
        return load_tokenizer(path)

    def load_to_tune(self, path: Path | str) -> tuple["PreTrainedModel", "PreTrainedTokenizerFast"]:
        """Return what :meth:`load` does; parameters that are not tuned require no gradient."""
        return self.load(path)

    def n_parameters(self, path: Path | str) -> int:
        """Return how many parameters a model has, adapters included."""
        return n_parameters(path)

    def answer_log_probabilities(
        self,
        path: Path | str,
        prompts: Sequence[str],
        answers: Sequence[str],
        *,
        progress: Progress,
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return ``log p(answer | prompt)``, summed, and the number of answer tokens.

        :func:`equal_assets.resources.students.causal_lm.score_answers` of the model in ``path``.
        """
        return score_answers(
            *self.load(path),
            prompts,
            answers,
            context_tokens=self.context_tokens,
            progress=progress,
        )

    def answer_gradients(
        self,
        path: Path | str,
        prompts: Sequence[str],
        answers: Sequence[str],
        *,
        dimensions: int,
        seed: int,
        progress: Progress,
    ) -> np.ndarray:
        """Return a projected loss gradient for each answer, shape (n_answers, dimensions).

        :func:`equal_assets.resources.students.gradients.answer_gradients` of the model in ``path``.
        """
        return answer_gradients(
            *self.load_to_tune(path),
            prompts,
            answers,
            context_tokens=self.context_tokens,
            dimensions=dimensions,
            seed=seed,
            progress=progress,
        )

    def answer_states(
        self,
        path: Path | str,
        prompts: Sequence[str],
        answers: Sequence[str],
        *,
        progress: Progress,
    ) -> np.ndarray:
        """Return a unit vector for each answer, shape (n_answers, hidden size).

        :func:`equal_assets.resources.students.states.answer_states` of the model in ``path``.
        """
        return answer_states(
            *self.load(path),
            prompts,
            answers,
            context_tokens=self.context_tokens,
            progress=progress,
        )

    def n_tokens_read(
        self, path: Path | str, prompts: Sequence[str], answers: Sequence[str]
    ) -> np.ndarray:
        """Return how many tokens the three methods above read of each answer and prompt, int64."""
        sequences, _ = answer_sequences(
            self.load_tokenizer(path), prompts, answers, context_tokens=self.context_tokens
        )
        return np.array([len(sequence) for sequence in sequences], dtype=np.int64)

    def generate(
        self,
        path: Path | str,
        questions: Sequence[str],
        *,
        max_tokens: int,
        samples: int,
        temperature: float,
        seed: int,
        progress: Progress,
    ) -> list[list[str]]:
        """Return the answers of the model in ``path`` to questions, ``samples`` texts each.

        :func:`equal_assets.resources.students.generation.generate_answers` of :func:`ask`.
        """
        return generate_answers(
            *self.load(path),
            [ask(question) for question in questions],
            context_tokens=self.context_tokens,
            max_tokens=max_tokens,
            samples=samples,
            temperature=temperature,
            seed=seed,
            progress=progress,
        )


def ask(question: str) -> str:
    """Return the prompt for a question."""
    return f"Question: {question.strip()}\nAnswer:"


def prompt(pair: QAPair) -> str:
    """Return the prompt for the question of a pair."""
    return ask(pair.question)


def completion(pair: QAPair) -> str:
    """Return the answer as the student should write it.

    The space belongs to the answer, so that no token crosses the border to the prompt.
    """
    return f" {trimmed(pair.answer)}"


def check_pairs(pairs: Sequence[QAPair]) -> None:
    """Refuse pairs without a question or an answer.

    Raises
    ------
    ValueError
        Naming the first of them.
    """
    for index, pair in enumerate(pairs):
        if not (pair.question.strip() and pair.answer.strip()):
            raise ValueError(f"pair {index} = {pair!r}: must be a question and an answer")
