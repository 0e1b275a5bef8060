"""Section `automation`: what happens without a click, and who hears of failures."""

from __future__ import annotations

import os
import zoneinfo

from pydantic import Field, ValidationInfo, field_validator, model_validator

from equal_assets import secrets
from equal_assets.errors import SettingsError
from equal_assets.settings.section import SettingsSection


class AutomationSettings(SettingsSection):
    """What the Dagster daemon starts on its own.

    The first three switches say what is on when Dagster starts; under *Automation* in its UI each
    can be turned on and off at any time.
    """

    next_round: bool = Field(False, description="schedule: plays the next round of each campaign")
    finish_campaigns: bool = Field(
        False, description="sensor: data set, student and accuracy once the last round is stored"
    )
    changed_sources: bool = Field(
        False, description="sensor: starts campaigns whose corpus or target changes"
    )
    cron: str = Field("0 * * * *", description="when next_round ticks; five fields, or @daily ...")
    time_zone: str = Field("UTC", description="of cron, such as Europe/Berlin")
    campaigns: list[str] | None = Field(None, description="campaigns that are automated; null: all")
    max_failures: int = Field(
        3, ge=1, description="failed runs of a round in a row before it is left to people"
    )
    webhook_variable: str | None = Field(
        None,
        min_length=1,
        description="environment variable with the URL that failures are posted to",
    )
    webhook_seconds: float = Field(10.0, gt=0, le=50, description="longest wait for its answer")

    @field_validator("cron")
    @classmethod
    def _ticks(cls, cron: str) -> str:
        import dagster as dg  # here: settings load without it

        try:
            dg.ScheduleDefinition(job_name="next_round", cron_schedule=cron)
        except dg.DagsterInvalidDefinitionError:
            raise ValueError(
                "must be a cron expression: minute, hour, day of the month, month, day of the "
                "week, such as '30 6 * * 1-5', or @hourly, @daily, @weekly, @monthly"
            ) from None
        return cron

    @field_validator("time_zone")
    @classmethod
    def _on_earth(cls, name: str) -> str:
        if name not in zoneinfo.available_timezones():
            raise ValueError("must be an IANA time zone, such as Europe/Berlin or UTC")
        return name

    @field_validator("campaigns")
    @classmethod
    def _known(cls, names: list[str] | None, info: ValidationInfo) -> list[str] | None:
        known = (info.context or {}).get("campaigns") or []
        unknown = [name for name in names or () if name not in known]
        if unknown and known:
            raise ValueError(
                f"no campaign {', '.join(unknown)}: must be one of {', '.join(sorted(known))}"
            )
        return names

    @model_validator(mode="after")
    def _webhook_is_a_secret(self) -> AutomationSettings:
        if self.webhook_variable:
            secrets.know_variable(self.webhook_variable)
        return self

    @property
    def webhook(self) -> str | None:
        """The URL of the webhook, from the environment; it is never stored."""
        if self.webhook_variable is None:
            return None
        url = os.environ.get(self.webhook_variable, "")
        if not url.startswith(("http://", "https://")):
            raise SettingsError(
                f"automation.webhook_variable: the environment variable {self.webhook_variable} "
                "must hold a URL, http://... or https://..."
            )
        return url
