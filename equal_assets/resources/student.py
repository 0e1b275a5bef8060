"""The student: made on the spot, fine-tuned on a data set, judged on the test questions."""

import heapq
import os
import tempfile
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dagster as dg
import numpy as np
from pydantic import Field

from equal_assets.algorithms.flops import training_flops
from equal_assets.algorithms.metrics import (
    accuracy_interval,
    correct_choices,
    draw_distractors,
    perplexity,
    pmi_scores,
)
from equal_assets.errors import ModelError
from equal_assets.progress import Progress
from equal_assets.records import QAPair, content_hash
from equal_assets.settings import Student as StudentSettings
from equal_assets.settings import fingerprint

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedModel, PreTrainedTokenizerFast

Texts = Sequence[str] | Callable[[], Iterable[str]]

BOS, EOS, PAD = "<|equal-bos|>", "<|equal-eos|>", "<|equal-pad|>"
"""Special tokens, spelled as no corpus spells its own: documents quote ``</s>`` and its kin."""

BASE_RECIPE = 1
"""Raised whenever the same settings and corpus give another base model."""

SAMPLE_CHARACTERS_PER_TOKEN = 6
"""Text sampled per pretraining token: more than one byte-level BPE token holds on average."""

TOKENIZER_CHARACTERS_PER_TOKEN = 1000
"""Text that the tokenizer is trained on, per token of its vocabulary."""

READ_PART_TEXTS = 64
"""Texts between two reports of progress while the corpus is read."""

EVALUATION_PART_TOKENS = 8192
"""Tokens in one forward pass of the evaluation, padding included: bounds memory."""

CONFIDENCE = 0.95


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
        Those of them whose answer lost its end, because the pair is longer than the context.
    n_left_out : int
        Pairs not trained on, because the question alone fills the context.
    n_tokens : int
        Tokens trained on, padding excluded, every epoch counted.
    n_parameters : int
        Parameters of the model, all of them tuned.
    flops : float
        Floating-point operations, ``6 * n_parameters * n_tokens``.
    seconds : float
        Wall-clock time.
    losses : tuple of float
        Training loss in order of time, at most 200 values; nats per token.
    """

    path: Path
    n_examples: int
    n_truncated: int
    n_left_out: int
    n_tokens: int
    n_parameters: int
    flops: float
    seconds: float
    losses: tuple[float, ...]


@dataclass(frozen=True)
class StudentScores:
    """How a student does on test questions.

    Attributes
    ----------
    accuracy : float
        Share of questions whose true answer has the highest PMI among the choices, in [0, 1].
    accuracy_low, accuracy_high : float
        95% Wilson interval of ``accuracy``.
    perplexity : float
        Of the true answers given their questions, per token; lower is better.
    n_questions : int
        Questions asked.
    is_correct : tuple of bool, length n_questions
        Which questions count into ``accuracy``.
    answer_log_probability : tuple of float, length n_questions
        ``log p(true answer | question)``, summed over its tokens; nats.
    answer_tokens : tuple of int, length n_questions
        Tokens of each true answer that were scored.
    """

    accuracy: float
    accuracy_low: float
    accuracy_high: float
    perplexity: float
    n_questions: int
    is_correct: tuple[bool, ...]
    answer_log_probability: tuple[float, ...]
    answer_tokens: tuple[int, ...]


class Student(dg.ConfigurableResource, ABC):
    """Role: a language model that learns from a data set and is judged on test questions."""

    choices: int = Field(description="Per test question, the true answer included.")
    seed: int = Field(description="Draws weights, order of examples and wrong choices.")

    @abstractmethod
    def base(self, texts: Texts, *, corpus_version: str, progress: Progress) -> Path:
        """Return the folder of the untuned model, making it if it is made here."""

    @abstractmethod
    def fine_tune(
        self, base: Path, pairs: Sequence[QAPair], *, out: Path, progress: Progress
    ) -> FineTuning:
        """Tune a model on QA pairs and store it in ``out``, whose content it replaces."""

    @abstractmethod
    def answer_log_probabilities(
        self,
        path: Path | str,
        prompts: Sequence[str],
        answers: Sequence[str],
        *,
        progress: Progress,
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return ``log p(answer | prompt)``, summed, and the number of answer tokens."""

    def evaluate(
        self, path: Path | str, pairs: Sequence[QAPair], *, progress: Progress
    ) -> StudentScores:
        """Judge a model by multiple choice and by the perplexity of the true answers.

        Parameters
        ----------
        path : Path or str
            Model folder.
        pairs : sequence of QAPair
            Test questions with their true answers, at least ``choices``.
        progress : callable
            Called with answers scored and in all.

        Returns
        -------
        StudentScores

        Raises
        ------
        ModelError
            If there is no model in ``path``.
        ValueError
            If there are fewer pairs than choices, or a pair has an empty half.

        Notes
        -----
        The wrong choices are true answers of other questions: the same ones for every model that
        is judged on the same pairs. An answer that reads like the true one is no wrong choice.
        """
        _check_pairs(pairs)
        wrong = draw_distractors(len(pairs), self.choices, np.random.default_rng(self.seed))
        choices = np.column_stack([np.arange(len(pairs)), wrong])  # (n_questions, n_choices)
        questions = [prompt(pair) for pair in pairs for _ in range(self.choices)]
        answers = [completion(pair) for pair in pairs]
        log_probabilities, n_tokens = self.answer_log_probabilities(
            path,
            [*questions, *[""] * len(pairs)],
            [*(answers[choice] for choice in choices.ravel()), *answers],
            progress=progress,
        )
        conditional = log_probabilities[: choices.size].reshape(choices.shape)
        unconditional, lengths = log_probabilities[choices.size :], n_tokens[choices.size :]
        scores = pmi_scores(conditional, unconditional[choices], lengths[choices])
        texts = np.array(answers, dtype=object)
        scores[:, 1:][texts[wrong] == texts[:, None]] = -np.inf
        return _student_scores(scores, conditional[:, 0], lengths)


class TinyStudent(Student):
    """A small Llama with its own tokenizer, pretrained on the corpus and tuned in full.

    Weights this small and this little trained are no base for low-rank adapters. It trains in
    float32 everywhere; on one CUDA device if there is one.
    """

    vocabulary: int = Field(description="Byte-level BPE tokens.")
    hidden_size: int = Field(description="Width of the model.")
    layers: int = Field(description="Decoder layers.")
    heads: int = Field(description="Attention heads.")
    context_tokens: int = Field(description="Longest sequence.")
    pretrain_tokens: int = Field(description="Corpus tokens read once.")
    pretrain_learning_rate: float = Field(description="Peak of the cosine schedule.")
    batch_size: int = Field(description="Sequences per optimizer step.")
    epochs: int = Field(description="Of fine-tuning.")
    learning_rate: float = Field(description="Of fine-tuning; peak of the cosine schedule.")
    models_folder: str = Field(description="Where models that this project makes are kept.")

    def base(self, texts: Texts, *, corpus_version: str, progress: Progress) -> Path:
        """Return the folder of the untuned model, making it unless it is there already.

        Parameters
        ----------
        texts : sequence of str, or callable that returns an iterable of str
            The corpus. Read only if the model has to be made; an even sample of it is used, the
            same whatever the order.
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
        folder = Path(self.models_folder) / f"tiny-{self._base_fingerprint(corpus_version)}"
        if folder.is_dir():
            return folder

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
        with _new_folder(folder) as new:
            self._pretrain(model, blocks, scratch=new.parent, progress=progress)
            model.save_pretrained(new)
            tokenizer.save_pretrained(new)
        return folder

    def fine_tune(
        self, base: Path, pairs: Sequence[QAPair], *, out: Path, progress: Progress
    ) -> FineTuning:
        """Tune all weights of a model on the answers of QA pairs.

        Parameters
        ----------
        base : Path
            Model folder to start from; not changed.
        pairs : sequence of QAPair
            Training examples, in any order.
        out : Path
            Folder for the tuned model; replaced as a whole, and only at the end.
        progress : callable
            Called with examples seen and in all, every epoch counted.

        Returns
        -------
        FineTuning

        Raises
        ------
        ModelError
            If there is no model in ``base``.
        ValueError
            If there is no pair, a pair has an empty half, or no question leaves room for an answer.
        """
        started = time.monotonic()
        if not pairs:
            raise ValueError("no QA pairs to fine-tune on: the data set is empty")
        _check_pairs(pairs)
        model, tokenizer = _load(base)
        fitting, n_truncated = self._fitting(tokenizer, pairs)
        with _new_folder(out) as new:
            trainer = self._sft_trainer(model, tokenizer, fitting, new.parent, progress)
            trainer.train()
            model.save_pretrained(new)
            tokenizer.save_pretrained(new)
        n_parameters = model.num_parameters()
        n_tokens = self.epochs * sum(map(len, trainer.train_dataset["input_ids"]))
        return FineTuning(
            path=out,
            n_examples=len(fitting),
            n_truncated=n_truncated,
            n_left_out=len(pairs) - len(fitting),
            n_tokens=n_tokens,
            n_parameters=n_parameters,
            flops=training_flops(n_parameters, n_tokens),
            seconds=time.monotonic() - started,
            losses=tuple(log["loss"] for log in trainer.state.log_history if "loss" in log),
        )

    def answer_log_probabilities(
        self,
        path: Path | str,
        prompts: Sequence[str],
        answers: Sequence[str],
        *,
        progress: Progress,
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return how likely a model holds each answer after its prompt.

        Parameters
        ----------
        path : Path or str
            Model folder.
        prompts : sequence of str, length n
            What stands before each answer; ``""`` for nothing but the start of the text.
        answers : sequence of str, length n
            The answers, with the white space that separates them from the prompt.
        progress : callable
            Called with answers scored and in all.

        Returns
        -------
        log_probabilities : ndarray of shape (n,), float64
            ``log p(answer | prompt)``, summed over the answer, the end of the text excluded; nats.
        n_tokens : ndarray of shape (n,), int64
            Answer tokens that were scored, >= 1.

        Raises
        ------
        ModelError
            If there is no model in ``path``.
        ValueError
            If prompts and answers differ in number, or an answer is empty.

        Notes
        -----
        Of an answer at most the first half of a context is scored, whatever the prompt, so that
        ``p(answer | prompt)`` and ``p(answer)`` speak of the same tokens; of a prompt the end is
        read that fits before it.
        """
        if len(prompts) != len(answers):
            raise ValueError(f"{len(prompts)} prompts for {len(answers)} answers, expected as many")
        if "" in answers:
            raise ValueError(f"answer {answers.index('')} is empty, expected text")
        model, tokenizer = _load(path)
        cut = [tokens[: self.context_tokens // 2] for tokens in _tokens(tokenizer, answers)]
        sequences = [
            [tokenizer.bos_token_id, *before[len(answer) + 1 - self.context_tokens :], *answer]
            for before, answer in zip(_tokens(tokenizer, prompts), cut, strict=True)
        ]
        n_tokens = np.array([len(answer) for answer in cut], dtype=np.int64)
        return _score_ends(model, sequences, n_tokens, progress), n_tokens

    def _base_fingerprint(self, corpus_version: str) -> str:
        tuning_only = {"epochs", "learning_rate", "choices", "models_folder"}
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
            for tokens in _tokens(tokenizer, sample[start : start + READ_PART_TEXTS]):
                stream += [tokenizer.bos_token_id, *tokens, tokenizer.eos_token_id]
        n_blocks = min(len(stream), self.pretrain_tokens) // self.context_tokens
        if not n_blocks:
            raise ValueError(
                f"the corpus gives {len(stream)} tokens of at most {self.pretrain_tokens} "
                f"(student.pretrain_tokens), expected at least {self.context_tokens} "
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
            tie_word_embeddings=True,  # untied, most of so small a model would be vocabulary
            bos_token_id=tokenizer.bos_token_id,
            eos_token_id=tokenizer.eos_token_id,
            pad_token_id=tokenizer.pad_token_id,
        )
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self.seed)
            return LlamaForCausalLM(config)

    def _pretrain(
        self,
        model: "PreTrainedModel",
        blocks: "torch.Tensor",
        *,
        scratch: Path,
        progress: Progress,
    ) -> None:
        from transformers import Trainer, TrainingArguments

        trainer = Trainer(
            model=model,
            args=TrainingArguments(
                **self._training_arguments(scratch, self.pretrain_learning_rate),
                num_train_epochs=1,
            ),
            train_dataset=[{"input_ids": block, "labels": block} for block in blocks],
            callbacks=[_reporter(progress, per_step=self.batch_size * blocks.shape[1])],
        )
        _silence(trainer)
        trainer.train()

    def _sft_trainer(
        self,
        model: "PreTrainedModel",
        tokenizer: "PreTrainedTokenizerFast",
        pairs: Sequence[QAPair],
        scratch: Path,
        progress: Progress,
    ) -> Any:
        from datasets import Dataset
        from transformers import Trainer
        from trl import SFTConfig, SFTTrainer

        class AnswerTrainer(SFTTrainer):
            """Takes the model's own loss: the same value in half the time of TRL's on a CPU."""

            compute_loss = Trainer.compute_loss

        columns = {
            "prompt": [prompt(pair) for pair in pairs],
            "completion": [completion(pair) for pair in pairs],
        }
        trainer = AnswerTrainer(
            model=model,
            args=SFTConfig(
                **self._training_arguments(scratch, self.learning_rate),
                num_train_epochs=self.epochs,
                completion_only_loss=True,
                max_length=self.context_tokens,
                train_sampling_strategy="group_by_length",
                gradient_checkpointing=None,  # off; False would draw a deprecation warning
            ),
            train_dataset=Dataset.from_dict(columns),
            processing_class=tokenizer,
            callbacks=[_reporter(progress, per_step=self.batch_size)],
        )
        _silence(trainer)
        return trainer

    def _training_arguments(self, scratch: Path, learning_rate: float) -> dict[str, Any]:
        import torch

        return {
            "output_dir": str(scratch / "trainer"),
            "per_device_train_batch_size": self.batch_size,
            "learning_rate": learning_rate,
            "lr_scheduler_type": "cosine",
            "warmup_steps": 0.05,  # below 1: a share of all steps
            "seed": self.seed,
            "data_seed": self.seed,
            "use_cpu": not torch.cuda.is_available(),
            "bf16": False,
            "logging_steps": 0.005,  # a share of all steps; MLflow takes 1,000 values at once
            "save_strategy": "no",
            "report_to": "none",
            "disable_tqdm": True,
        }

    def _fitting(
        self, tokenizer: "PreTrainedTokenizerFast", pairs: Sequence[QAPair]
    ) -> tuple[list[QAPair], int]:
        """Return the pairs that leave room for an answer, and how many of these lose its end."""
        before = [1 + len(tokens) for tokens in _tokens(tokenizer, map(prompt, pairs))]
        after = [len(tokens) + 1 for tokens in _tokens(tokenizer, map(completion, pairs))]
        lengths = np.array(before) + np.array(after)
        has_room = np.array(before) < self.context_tokens
        if not has_room.any():
            raise ValueError(
                f"each of the {len(pairs)} questions fills the context of {self.context_tokens} "
                "tokens: raise student.context_tokens"
            )
        fitting = [pair for pair, fits in zip(pairs, has_room, strict=True) if fits]
        return fitting, int(np.sum(has_room & (lengths > self.context_tokens)))


def build_student(settings: StudentSettings, models_folder: str) -> Student:
    """Return the student that the settings describe.

    Parameters
    ----------
    settings : equal_assets.settings.Student
    models_folder : str
        Where models that this project makes are kept.
    """
    return TinyStudent(models_folder=models_folder, **settings.model_dump())


def prompt(pair: QAPair) -> str:
    """Return what the student reads before it answers."""
    return f"Question: {pair.question.strip()}\nAnswer:"


def completion(pair: QAPair) -> str:
    """Return the answer as the student is to write it.

    The blank belongs to the answer: a token then never reaches across the border to the prompt.
    """
    return f" {pair.answer.strip()}"


def _check_pairs(pairs: Sequence[QAPair]) -> None:
    for index, pair in enumerate(pairs):
        if not (pair.question.strip() and pair.answer.strip()):
            raise ValueError(f"pair {index} is {pair!r}, expected a question and an answer")


def _student_scores(
    scores: np.ndarray, log_probabilities: np.ndarray, n_tokens: np.ndarray
) -> StudentScores:
    is_correct = correct_choices(scores, np.zeros(len(scores), dtype=np.int64))
    n_correct = int(is_correct.sum())
    low, high = accuracy_interval(n_correct, len(scores), confidence=CONFIDENCE)
    return StudentScores(
        accuracy=n_correct / len(scores),
        accuracy_low=low,
        accuracy_high=high,
        perplexity=perplexity(log_probabilities, n_tokens),
        n_questions=len(scores),
        is_correct=tuple(is_correct.tolist()),
        answer_log_probability=tuple(log_probabilities.tolist()),
        answer_tokens=tuple(n_tokens.tolist()),
    )


def _sample(texts: Iterable[str], *, n_characters: int, reading: Callable[[], None]) -> list[str]:
    """Return texts of at least ``n_characters`` in all, if there are as many, by content hash.

    The smallest hashes are an even sample, whatever the order of the corpus, in a random order.
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


def _tokens(tokenizer: "PreTrainedTokenizerFast", texts: Iterable[str]) -> list[list[int]]:
    """Return the tokens of each text, without special ones."""
    texts = list(texts)
    return tokenizer(texts, add_special_tokens=False)["input_ids"] if texts else []


def _load(path: Path | str) -> tuple["PreTrainedModel", "PreTrainedTokenizerFast"]:
    from transformers import AutoModelForCausalLM, PreTrainedTokenizerFast

    if not (Path(path) / "config.json").is_file():
        raise ModelError(
            f"there is no model in {path}: materialize fine_tuned_student of the campaign again"
        )
    model = AutoModelForCausalLM.from_pretrained(path, local_files_only=True)
    return model, PreTrainedTokenizerFast.from_pretrained(path, local_files_only=True)


def _score_ends(
    model: "PreTrainedModel",
    sequences: list[list[int]],
    n_scored: np.ndarray,
    progress: Progress,
) -> np.ndarray:
    """Return the log-probability of the last ``n_scored`` tokens of each sequence, summed."""
    import torch

    model = model.to("cuda" if torch.cuda.is_available() else "cpu").eval()
    log_probabilities = np.zeros(len(sequences))
    by_length = sorted(range(len(sequences)), key=lambda row: len(sequences[row]), reverse=True)
    done = 0
    while done < len(by_length):
        longest = len(sequences[by_length[done]])
        rows = by_length[done : done + max(1, EVALUATION_PART_TOKENS // longest)]
        log_probabilities[rows] = _score_part(model, [sequences[r] for r in rows], n_scored[rows])
        done += len(rows)
        progress(done, len(by_length))
    return log_probabilities


def _score_part(
    model: "PreTrainedModel", sequences: list[list[int]], n_scored: np.ndarray
) -> np.ndarray:
    import torch

    width = len(sequences[0])
    lengths = torch.tensor([len(sequence) for sequence in sequences])[:, None]  # (n, 1)
    padded = torch.tensor([s + [0] * (width - len(s)) for s in sequences]).to(model.device)
    positions = torch.arange(1, width)[None]  # of the token that is predicted
    first = lengths - torch.from_numpy(n_scored)[:, None]
    is_scored = ((positions >= first) & (positions < lengths)).to(model.device)  # (n, width - 1)
    with torch.no_grad():
        # Padding stands on the right, where a causal model cannot see it: no mask is needed.
        hidden = model.base_model(input_ids=padded).last_hidden_state[:, :-1]
        logits = model.get_output_embeddings()(hidden[is_scored])  # (n_scored tokens, vocabulary)
        loss = torch.nn.functional.cross_entropy(
            logits.float(), padded[:, 1:][is_scored], reduction="none"
        )
    scored = torch.zeros(is_scored.shape, dtype=torch.float64, device=loss.device)
    scored[is_scored] = -loss.double()
    return scored.sum(dim=1).cpu().numpy()


def _reporter(progress: Progress, *, per_step: int) -> Any:
    from transformers import TrainerCallback

    class Reporter(TrainerCallback):
        """Passes progress on after every optimizer step."""

        def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            progress(state.global_step * per_step, state.max_steps * per_step)

    return Reporter()


def _silence(trainer: Any) -> None:
    from transformers.trainer_callback import PrinterCallback

    trainer.remove_callback(PrinterCallback)  # takes the place of the bar that is switched off


@contextmanager
def _new_folder(target: Path) -> Iterator[Path]:
    """Yield an empty folder that becomes ``target`` when the block ends, replacing what is there.

    Its parent is scratch space on the same file system, gone after the block. A process that is
    killed leaves ``target`` as it was.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=".new-") as scratch:
        new = Path(scratch) / "new"
        new.mkdir()
        yield new
        if target.exists():
            os.rename(target, Path(scratch) / "old")
        os.rename(new, target)
