"""Section `dataset`: which extracted pairs are not trained on."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, ValidationInfo, field_validator

from equal_assets.settings.section import SettingsSection, base_folder

ENGLISH_MODEL = "all-MiniLM-L6-v2"
MULTILINGUAL_MODEL = "multilingual-e5-small"


class DatasetSettings(SettingsSection):
    """Leaks, repeats, caps and pruning; docs/dataset.md says what each removes."""

    ngram_words: int = Field(
        10, ge=3, description="words in a row shared with a test or protected question: a leak"
    )
    question_model: str = Field(
        ENGLISH_MODEL,
        min_length=1,
        description="compares questions by meaning: all-MiniLM-L6-v2, which knows English only; "
        "multilingual-e5-small (extra `languages`); a folder or hub id of another model",
    )
    leak_similarity: float | None = Field(
        0.80,
        gt=0,
        le=1,
        description="least cosine of the questions at which a pair is a leak; null: not checked",
    )
    protected: list[str] = Field(
        [], description="JSONL files of more questions that no example may give away"
    )
    protected_field: str = Field("question", description="field of the protected question")
    near_duplicate: float | None = Field(
        0.8,
        gt=0,
        lt=1,
        description="least Jaccard similarity of word 5-shingles at which a pair is a repeat; "
        "null: only equal pairs are",
    )
    same_meaning: float | None = Field(
        0.97,
        gt=0,
        le=1,
        description="least cosine of questions with the same numbers at which a pair is a repeat; "
        "null: not checked",
    )
    max_per_cluster: int | None = Field(
        None, ge=1, description="examples of one cluster, the first ones; null: all"
    )
    max_per_source: int | None = Field(
        None, ge=1, description="examples of one source, the first ones; null: all"
    )
    shortest_answer: float | None = Field(
        0.1,
        gt=0,
        lt=1,
        description="quantile of the lengths of the reference's answers; pairs with shorter ones "
        "are left out, since a student learns from them to answer too shortly; null: none is",
    )
    prune: Annotated[int, Field(ge=1)] | Literal["auto"] | None = Field(
        None,
        description="pairs that each reference question keeps, its nearest ones; the others are "
        "left out; auto: as many as serve held-out reference questions best; null: all",
    )
    min_examples: int = Field(
        50,
        ge=0,
        description="pruning leaves at least so many; fewer are trained on all the same, but with "
        "a warning wherever it shows; 0: never",
    )

    @field_validator("prune", mode="before")
    @classmethod
    def _is_a_number(cls, prune: Any) -> Any:
        is_number = isinstance(prune, int) and not isinstance(prune, bool) and prune >= 1
        if prune is None or prune == "auto" or is_number:
            return prune
        raise ValueError(
            "must be auto, null or a number of pairs; set 1 or more for that many of each "
            "reference question, null to keep all"
        )

    @field_validator("protected")
    @classmethod
    def _exist(cls, paths: list[str], info: ValidationInfo) -> list[str]:
        base = base_folder(info)
        missing = [path for path in paths if not (base / path).is_file()]
        if missing:
            raise ValueError(f"no such file: {', '.join(missing)} (looked in {base})")
        return [str(base / path) for path in paths]

    @property
    def leak_rules(self) -> dict[str, Any]:
        """Everything but the questions that decides which pairs leak: plain JSON values."""
        rules = {"ngram_words": self.ngram_words, "leak_similarity": self.leak_similarity}
        if self.question_model == ENGLISH_MODEL:  # as in campaigns that began without this key
            return rules
        return {**rules, "question_model": self.question_model}

    @property
    def pruning(self) -> dict[str, Any] | None:
        """How pools are pruned, for `algorithms.pruning.prune`; None: they are not."""
        if self.prune is None and self.shortest_answer is None:
            return None
        return {
            "per_question": None if self.prune == "auto" else self.prune or 0,
            "shortest": self.shortest_answer or 0.0,
            "at_least": self.min_examples,
        }

    @property
    def compares_meaning(self) -> bool:
        """Whether any rule compares questions by meaning."""
        return self.leak_similarity is not None or self.same_meaning is not None
