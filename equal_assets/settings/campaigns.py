"""Sections `targets` and `campaigns`, and the sections of single strategies."""

from __future__ import annotations

import math
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationInfo, field_validator, model_validator
from pydantic_core import PydanticKnownError

from equal_assets.algorithms.strategies.table import BY_CHANCE, STRATEGIES, StrategyRow
from equal_assets.settings.places import state_folder
from equal_assets.settings.section import SettingsSection, base_folder

MAX_ROUNDS = 365  # rounds are the days of one calendar year: see partitions.py

CampaignName = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._-]{0,63}$")]


CODE_TARGET = {"answers": "code", "tests_field": "tests"}
TARGET_PRESETS: dict[str, dict[str, Any]] = {
    "gsm8k": {"answers": "number"},
    "math": {"answers": "math"},
    "humaneval": {
        **CODE_TARGET,
        "prefix_field": "prefix",
        "entry_point_field": "entry_point",
    },
    "mbpp": {**CODE_TARGET, "setup_field": "setup"},
}
"""Targets of the paper (arXiv:2505.12250, section 4.1), by the names that ``preset`` knows."""


ADDED_TO_CAMPAIGNS = frozenset({"budget_pairs", "stop"})
"""Keys that count for what is stored only where they are set: earlier versions had none."""

ADDED_TO_TARGETS = {"format", "input_field", "choices_field", "choice_key", "keep_system"}
"""Keys that count for what is stored only where they are given: earlier versions had none."""


class TargetSettings(SettingsSection):
    """A target task: files of QA pairs, relative to campaigns.yaml.

    JSONL, a JSON list, Parquet, CSV or TSV; docs/evaluation.md shows the rows that are read.
    """

    preset: Literal["gsm8k", "math", "humaneval", "mbpp"] | None = Field(
        None, description="a target that is fetched from the hub; fills the other keys"
    )
    reference: str = Field(description="pairs that steer the selection")
    test: str = Field(description="pairs for evaluation only; selection never reads them")
    format: Literal["auto", "pairs", "chat", "choices"] = Field(
        "auto",
        description="pairs: two fields and nothing else; chat: turns, of which the last is the "
        "answer; choices: options, one of them right; auto: by the fields of the first rows",
    )
    question_field: str = Field(
        "question",
        description="holds the question, in both files, or the turns of a chat; `a.b` is b in the "
        "object a",
    )
    answer_field: str = Field(
        "answer",
        description="holds the answer: a text, number or boolean; a list of right answers, of "
        "which the first steers; or the key of the right option",
    )
    input_field: str | None = Field(
        None, description="what the question is about, such as Alpaca's input: stands below it"
    )
    choices_field: str | list[str] | None = Field(
        None, description="the options: a list or an object, or several fields with one each"
    )
    choice_key: Literal["auto", "label", "text", "from_0", "from_1"] = Field(
        "auto",
        description="what the answer to a question with options is: the label of the right one, "
        "its text, or its number; auto: what fits all rows, if only one does",
    )
    keep_system: bool = Field(True, description="whether system messages belong to the questions")
    weight_field: str | None = Field(
        None, description="holds a weight above 0, in reference rows; null: all count alike"
    )
    answers: Literal["text", "number", "math", "code"] = Field(
        "text",
        description="how generated answers are judged: not at all, or by the option where there "
        "are options; by the final number; by mathematical equality; by running them against tests",
    )
    decimal: Literal["point", "comma"] | None = Field(
        None,
        description="of numbers: the decimal mark of 1.234 and 1,234; null: told by the test "
        "answers, or by the language of the questions",
    )
    tests_field: str | None = Field(
        None, description="for code: statements that raise if it is wrong, text or list"
    )
    setup_field: str | None = Field(None, description="for code: runs before the tests")
    prefix_field: str | None = Field(
        None, description="for code: the beginning that the answer continues, as in HumanEval"
    )
    entry_point_field: str | None = Field(
        None, description="for code: the function that the tests' `check` is called with"
    )

    @model_validator(mode="before")
    @classmethod
    def _fill_from_preset(cls, given: Any, info: ValidationInfo) -> Any:
        preset = str(given.get("preset")) if isinstance(given, dict) else ""
        if preset not in TARGET_PRESETS:
            return given
        own = sorted(given.keys() - {"preset", "answers", "decimal"})
        if own:
            raise ValueError(f"preset {preset} has its own {', '.join(own)}; leave them out")
        folder = state_folder(base_folder(info)) / "targets" / preset
        files = {name: str(folder / f"{name}.jsonl") for name in ("reference", "test")}
        return {**files, **TARGET_PRESETS[preset], **given}

    @field_validator("reference", "test")
    @classmethod
    def _exists(cls, path: str, info: ValidationInfo) -> str:
        base = base_folder(info)
        if not info.data.get("preset") and not (base / path).is_file():
            raise ValueError(f"no such file (looked in {base})")
        return str(base / path)

    @model_validator(mode="after")
    def _fields_fit_answers(self) -> TargetSettings:
        code = ("tests_field", "setup_field", "prefix_field", "entry_point_field")
        if self.answers == "code" and self.tests_field is None:
            raise ValueError("tests_field must be set where answers is code")
        given = [name for name in code if getattr(self, name) is not None]
        if self.answers != "code" and given:
            raise ValueError(f"{', '.join(given)} must be left out unless answers is code")
        if self.answers != "number" and self.decimal:
            raise ValueError(
                f"decimal = {self.decimal!r}: must be left out where answers is {self.answers}; "
                "only `answers: number` reads it"
            )
        return self

    @model_validator(mode="after")
    def _options_fit(self) -> TargetSettings:
        if self.choices_field is None and self.format != "choices":
            return self
        if self.format not in ("auto", "choices"):
            raise ValueError(f"choices_field: only where format is choices, not {self.format}")
        if self.answers != "text":
            raise ValueError(
                f"answers = {self.answers}: must be text for questions with options, which are "
                "judged by the option's letter and text; leave answers out, or choices_field"
            )
        return self

    def reading(self) -> dict[str, Any]:
        """Return what decides how rows are read, as plain JSON values."""
        read = self.model_dump(mode="json", exclude={"reference", "test", "answers", "decimal"})
        usual = {name: type(self).model_fields[name].default for name in ADDED_TO_TARGETS}
        return {k: value for k, value in read.items() if k not in usual or value != usual[k]}


class EqualSettings(SettingsSection):
    """The strategy `equal`; the defaults need no tuning (docs/method.md says what each is for)."""

    temperature: float = Field(
        0.25, ge=0.05, le=5, description="kernel width, in standard deviations of the similarity"
    )
    prior_strength: float = Field(
        3.0, gt=0, le=1e9, description="predicted mass before an arm's own outcome counts half"
    )
    sharing: float = Field(
        1.0, ge=0, le=10, description="reach of what an arm teaches, in nearest-arm distances"
    )
    exploration: float = Field(
        0.25, ge=0, le=10, description="posterior standard deviations added to an arm's yield"
    )
    answer_length: float = Field(
        1.0, ge=0, le=2, description="exponent: how much short answers count less; 0: alike"
    )
    coverage: float = Field(
        1.0, ge=0, le=2, description="exponent of the diminishing return of a question"
    )


class InfluenceSettings(SettingsSection):
    """The strategies `influence` and `influence-mab`."""

    dimensions: int = Field(
        4096, ge=64, le=65_536, description="of the projected gradients; cosines are off by 1/sqrt"
    )
    seed: int = Field(0, ge=0, description="of the projection")


class LLMScoringSettings(SettingsSection):
    """The strategy `llm-scoring`: which documents the extractor's LLM rates, and on what."""

    candidates: float = Field(
        3.0, ge=1, le=1000, description="documents rated, as a multiple of budget_documents"
    )
    drawn_by: Literal["similarity", "random"] = Field(
        "similarity", description="rates the documents nearest to the target, or random ones"
    )
    reference_questions: int = Field(5, ge=1, le=100, description="shown as the target")
    document_characters: int = Field(2000, ge=100, description="of a document's beginning, shown")
    budget_share: float = Field(
        0.5, gt=0, lt=1, description="largest share of budget_tokens and budget_cost for ratings"
    )

    def n_candidates(self, budget_documents: int) -> int:
        """Return how many documents are rated for a budget, if the corpus holds that many."""
        return math.ceil(self.candidates * budget_documents)


class CampaignSettings(SettingsSection):
    """A target, a strategy and a budget."""

    target: str = Field(description="one of `targets`")
    strategy: str = Field(
        "equal",
        description="which documents it extracts: see docs/strategies.md",
        json_schema_extra=lambda schema: schema.update(enum=list(STRATEGIES)),
    )
    budget_documents: int = Field(ge=1, description="documents used; never exceeded")
    budget_tokens: int | None = Field(
        None, ge=1, description="LLM tokens used, prompts and replies; never exceeded"
    )
    budget_cost: float | None = Field(
        None, gt=0, description="money, at the extractor's prices; never exceeded"
    )
    budget_pairs: int | None = Field(
        None,
        ge=1,
        description="go on until the data set has so many pairs, near the target, without leaks "
        "and repeats, or another budget is spent; it then holds exactly so many "
        "(docs/dataset.md); null: only the others count",
    )
    documents_per_pull: int = Field(
        10,
        ge=1,
        description="taken from one cluster at a time (paper: 10); a strategy that chooses "
        "documents, not clusters, uses only its product with `arms_per_round`",
    )
    arms_per_round: int = Field(
        5,
        ge=1,
        description="clusters (authors' code: 50 of 1000); times `documents_per_pull`, this "
        "is the size of a round",
    )
    debias_reward: bool = Field(
        False,
        description="makes clusters with few and many pairs comparable; false: as in the paper",
    )
    stop_below_gain: float = Field(
        0.0,
        ge=0,
        description="end once a round should add less coverage than this per 1,000 tokens; only "
        "for strategies that predict their gain (docs/strategies.md)",
    )
    stop: Literal["auto"] | None = Field(
        None,
        description="auto: end once another document no longer pays, which is when the last ones "
        "added less than random ones would (docs/method.md); null: only a budget ends it",
    )
    seed: int = Field(0, ge=0, description="of the strategy's random draws")

    @property
    def counts_documents(self) -> bool:
        """Whether only documents are budgeted: then a long one costs as much as a short one."""
        return self.budget_tokens is None and self.budget_cost is None

    def deciding(self) -> dict[str, Any]:
        """Return what decides the rounds, as plain JSON values."""
        unset = {name for name in ADDED_TO_CAMPAIGNS if getattr(self, name) is None}
        return self.model_dump(mode="json", exclude=unset)

    @property
    def strategy_row(self) -> StrategyRow:
        """The row of its strategy in the table of strategies."""
        return STRATEGIES[self.strategy]

    @property
    def documents_per_round(self) -> int:
        """Documents of a full round."""
        return self.documents_per_pull * self.arms_per_round

    @property
    def n_rounds(self) -> int:
        """Rounds until the budget is spent; the last may be smaller."""
        return math.ceil(self.budget_documents / self.documents_per_round)

    @field_validator("target")
    @classmethod
    def _known_target(cls, name: str, info: ValidationInfo) -> str:
        known = (info.context or {}).get("targets")
        if known is not None and name not in known:
            raise ValueError(f"must be one of the targets: {', '.join(sorted(known))}")
        return name

    @field_validator("strategy", mode="before")
    @classmethod
    def _known_strategy(cls, name: Any) -> Any:
        if name not in (known := tuple(STRATEGIES)):
            *others, last = map(repr, known)
            expected = f"{', '.join(others)} or {last}"  # as pydantic lists the values of a Literal
            raise PydanticKnownError("literal_error", {"expected": expected})
        return name

    @field_validator("budget_documents")
    @classmethod
    def _within_corpus(cls, budget: int, info: ValidationInfo) -> int:
        cap = (info.context or {}).get("max_documents")
        if cap is not None and budget > cap:
            raise ValueError(f"must be at most {cap}, the max_documents of the corpus")
        return budget

    @model_validator(mode="after")
    def _gain_is_predicted(self) -> CampaignSettings:
        if self.stop_below_gain and not self.strategy_row.predicts_gain:
            predicting = ", ".join(row.name for row in STRATEGIES.values() if row.predicts_gain)
            raise ValueError(
                f"stop_below_gain = {self.stop_below_gain}: must be 0 with strategy "
                f"{self.strategy}, which predicts no gain; leave it out or choose {predicting}"
            )
        return self

    @model_validator(mode="after")
    def _chooses_what_may_not_pay(self) -> CampaignSettings:
        if self.stop and self.strategy in BY_CHANCE:
            raise ValueError(
                f"stop = {self.stop}: must be null with strategy {self.strategy}, which chooses no "
                "document over another; leave it out"
            )
        return self

    @field_validator("stop", mode="before")
    @classmethod
    def _stop_is_auto(cls, stop: Any) -> Any:
        if stop is None or stop == "auto":
            return stop
        raise ValueError("must be auto or null; a number of your own belongs to stop_below_gain")

    @model_validator(mode="after")
    def _rounds_fit(self) -> CampaignSettings:
        if self.n_rounds > MAX_ROUNDS:
            least = math.ceil(self.budget_documents / MAX_ROUNDS)
            raise ValueError(
                f"budget_documents = {self.budget_documents:,} in rounds of "
                f"{self.documents_per_round:,} needs {self.n_rounds:,} rounds: must be at most "
                f"{MAX_ROUNDS}; set arms_per_round to {math.ceil(least / self.documents_per_pull)} "
                "or more, or raise documents_per_pull"
            )
        return self
