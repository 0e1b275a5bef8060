"""The whole of ``campaigns.yaml``, and which part of it decides which stored asset."""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Sequence
from typing import Any

from pydantic import Field, field_validator, model_validator

from equal_assets.errors import SettingsError
from equal_assets.records import WARM_UP
from equal_assets.settings.automation import AutomationSettings
from equal_assets.settings.campaigns import (
    CampaignName,
    CampaignSettings,
    EqualSettings,
    InfluenceSettings,
    LLMScoringSettings,
    TargetSettings,
)
from equal_assets.settings.corpus import CorpusSettings
from equal_assets.settings.dataset import DatasetSettings
from equal_assets.settings.embedding import ClusteringSettings, EmbedderSettings, WarmUpSettings
from equal_assets.settings.engine import EngineSettings
from equal_assets.settings.evaluation import EvaluationSettings
from equal_assets.settings.export import ExportSettings
from equal_assets.settings.extraction import (
    ExtractorSettings,
    LLMExtractionSettings,
    StructuralSettings,
)
from equal_assets.settings.section import SettingsSection
from equal_assets.settings.students import (
    STUDENT_DOES_NOT_DEPEND_ON,
    NoStudentSettings,
    StudentSettings,
    TinyStudentSettings,
)
from equal_assets.settings.tracking import TrackingSettings

PRUNING_KEYS = frozenset({"prune", "shortest_answer", "min_examples"})
"""Of section dataset."""

NOT_IN_TAGS = re.compile(r"[^A-Za-z0-9_.-]")
MAX_TAG = 63
"""What Dagster takes for the value of a tag."""


class Settings(SettingsSection):
    """The whole of ``campaigns.yaml``."""

    corpus: CorpusSettings
    embedder: EmbedderSettings = EmbedderSettings()
    warmup: WarmUpSettings = WarmUpSettings()
    clustering: ClusteringSettings = ClusteringSettings()
    equal: EqualSettings = EqualSettings()
    influence: InfluenceSettings = InfluenceSettings()
    llm_scoring: LLMScoringSettings = LLMScoringSettings()
    extractor: ExtractorSettings = StructuralSettings()
    dataset: DatasetSettings = DatasetSettings()
    student: StudentSettings = TinyStudentSettings()
    evaluation: EvaluationSettings = EvaluationSettings()
    milestones: list[str] = Field(
        [],
        description="shares of the corpus, such as 1%, at which students are tuned and judged too",
    )
    export: ExportSettings = ExportSettings()
    tracking: TrackingSettings = TrackingSettings()
    engine: EngineSettings = EngineSettings()
    automation: AutomationSettings = AutomationSettings()
    targets: dict[str, TargetSettings] = Field(min_length=1)
    campaigns: dict[CampaignName, CampaignSettings] = Field(min_length=1)

    @field_validator("extractor", mode="before")
    @classmethod
    def _structural_by_default(cls, given: Any) -> Any:
        return {"backend": "structural", **given} if isinstance(given, dict) else given

    @field_validator("student", mode="before")
    @classmethod
    def _tiny_by_default(cls, given: Any) -> Any:
        if given == "none":
            return {"kind": "none"}
        return {"kind": "tiny", **given} if isinstance(given, dict) else given

    @field_validator("milestones")
    @classmethod
    def _shares(cls, milestones: list[str]) -> list[str]:
        return sorted(dict.fromkeys(milestones), key=parse_share)

    @field_validator("campaigns")
    @classmethod
    def _no_campaign_is_the_warm_up(
        cls, campaigns: dict[str, CampaignSettings]
    ) -> dict[str, CampaignSettings]:
        if WARM_UP in campaigns:
            raise ValueError(
                f"no campaign can be named {WARM_UP}, the name that the sample is paid under"
            )
        return campaigns

    @model_validator(mode="after")
    def _budgets_fit_extractor(self) -> Settings:
        spending: dict[str, WarmUpSettings | CampaignSettings] = {"warmup": self.warmup}
        spending |= {f"campaigns.{name}": campaign for name, campaign in self.campaigns.items()}
        for key, section in spending.items():
            if section.budget_tokens is None and section.budget_cost is None:
                continue
            if not isinstance(self.extractor, LLMExtractionSettings):
                raise ValueError(
                    f"{key} has a budget of tokens or money, but extractor.backend = "
                    f"{self.extractor.backend!r} uses neither; leave the budget out"
                )
            prices = self.extractor.prompt_price + self.extractor.completion_price
            if section.budget_cost is not None and not prices:
                raise ValueError(
                    f"{key}.budget_cost = {section.budget_cost} needs "
                    "extractor.prompt_price or extractor.completion_price"
                )
        return self

    @model_validator(mode="after")
    def _ratings_have_an_llm(self) -> Settings:
        if isinstance(self.extractor, LLMExtractionSettings):
            return self
        for name, campaign in self.campaigns.items():
            if campaign.strategy_row.needs_ratings:
                raise ValueError(
                    f"campaigns.{name}.strategy = {campaign.strategy!r}: must be one that needs no "
                    f"LLM, as extractor.backend = {self.extractor.backend!r} has none; choose "
                    "another strategy, or extractor.backend openai, vllm or llama-cpp"
                )
        return self

    @model_validator(mode="after")
    def _students_are_there(self) -> Settings:
        if self.has_student:
            return self
        asking: dict[str, Any] = {
            "milestones": self.milestones,
            "evaluation.harness": self.evaluation.harness.names,
        }
        asking |= {
            f"campaigns.{name}.strategy = {campaign.strategy}": campaign.strategy_row.student_score
            for name, campaign in self.campaigns.items()
        }
        for key, wanted in asking.items():
            if wanted:
                raise ValueError(
                    f"student.kind = 'none': must be tiny or huggingface, since {key} needs a "
                    "student; set student.kind, or leave the other out"
                )
        return self

    @property
    def has_student(self) -> bool:
        """Whether campaigns train a student on their data set."""
        return not isinstance(self.student, NoStudentSettings)

    def tags_of(self, campaign: str) -> dict[str, str]:
        """Return strategy and target of a campaign, as Dagster takes them for tags.

        There are none for ``""``, which stands for all campaigns.
        """
        if not campaign:
            return {}
        of = self.campaigns[campaign]
        return {"strategy": of.strategy, "target": NOT_IN_TAGS.sub("-", of.target)[:MAX_TAG]}

    def with_milestones(self, milestones: Sequence[str]) -> Settings:
        """Return the settings with other milestones; with none given, as they are.

        Raises
        ------
        SettingsError
            If one of them is not a share.
        """
        try:
            shares = self._shares(list(milestones))
        except ValueError as error:
            raise SettingsError(f"milestones: {error}") from error
        return self.model_copy(update={"milestones": shares}) if shares else self

    @property
    def currency(self) -> str:
        """What money is counted in; empty where the settings do not say."""
        llm = self.extractor
        return llm.currency if isinstance(llm, LLMExtractionSettings) else ""

    @property
    def automated_campaigns(self) -> list[str]:
        """The automated campaigns, in order of name."""
        named = self.automation.campaigns
        return sorted(self.campaigns if named is None else named)

    def sections(self, *names: str) -> dict[str, Any]:
        """Return sections as plain JSON values, without what changes only speed or price.

        ``harness`` is apart from ``evaluation``: what lm-eval runs decides nothing else.
        """
        kept = self.model_dump(
            mode="json",
            include=set(names) - {"extractor", "harness"},
            exclude={
                "embedder": {"batch_size"},
                # what it lets in counts by its state, as all files do
                # without one, what was read before texts were cut stays until it is read again
                "corpus": {
                    "outside_links",
                    *({"chunk_characters"} - self.corpus.model_fields_set),
                },
                # rounds depend on these, and the data set on its rounds
                "dataset": {
                    "ngram_words",
                    "leak_similarity",
                    "protected",
                    "protected_field",
                    # without pruning, what was made before there was any stays current
                    *(set() if self.dataset.pruning else PRUNING_KEYS),
                },
                # without a limit, what was judged before there was one stays current
                "evaluation": {"harness", *(set() if self.evaluation.questions else {"questions"})},
                "student": STUDENT_DOES_NOT_DEPEND_ON,
            },
        )
        if "extractor" in names:
            kept["extractor"] = self.extractor.identity()
        if "harness" in names:
            kept["harness"] = self.evaluation.harness.model_dump(
                mode="json", exclude={"batch_size", "allow_unsafe_code", "include_path"}
            )
        return kept

    def campaign_settings(self, name: str) -> dict[str, Any]:
        """Return the settings that decide what a campaign selects, as plain JSON values.

        The files of corpus and target count by their content, not by their path.
        """
        campaign = self.campaigns[name]
        row = campaign.strategy_row
        shared = self.sections("embedder", "warmup", "clustering", "extractor", *row.sections)
        if row.needs_ratings and isinstance(self.extractor, LLMExtractionSettings):
            shared["rate"] = self.extractor.prompts.template("rate")
        shared["dataset"] = self.dataset.leak_rules
        return {**shared, "campaign": campaign.deciding()}


def fingerprint(value: Any) -> str:
    """Return 16 hexadecimal digits that identify a JSON value, whatever the order of its keys."""
    canonical = json.dumps(value, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode("utf-8")).hexdigest()[:16]


def parse_share(text: str) -> float:
    """Return a percentage as a share.

    >>> parse_share("2.5%")
    0.025
    """
    number = text.strip().removesuffix("%")
    try:
        share = float(number) / 100
    except ValueError:
        share = math.nan
    if not text.strip().endswith("%") or not 0 < share <= 1:
        raise ValueError(f"{text!r} must be a share above 0% and up to 100%, such as 2.5%")
    return share
