"""Partitions: campaigns, and the rounds of campaigns.

Dagster accepts an asset that depends on itself only over a time window. A round is therefore
written as a day of the year 1900: ``round-001`` is January 1st. Nothing else reads it as a date.

The partitions come from the campaigns file when this module is loaded, as for every Dagster
definition: reload the code location after adding a campaign.
"""

import warnings
from collections.abc import Iterator, Set
from datetime import datetime, timedelta
from typing import Any

import dagster as dg

from equal_assets.graph import ASSETS, Asset
from equal_assets.settings import MAX_ROUNDS, Settings, load_settings

# beta in Dagster: tried with the versions that pyproject.toml allows
warnings.filterwarnings("ignore", "(Class|Parameter) .*(PartitionMapping|backfill_policy)")

FIRST_DAY = datetime(1900, 1, 1)
ROUND_FORMAT = "round-%j"  # day of the year, three digits


def campaign_partitions(settings: Settings) -> dg.StaticPartitionsDefinition:
    """Return one partition per campaign."""
    return dg.StaticPartitionsDefinition(sorted(settings.campaigns))


def round_partitions(settings: Settings) -> dg.MultiPartitionsDefinition:
    """Return campaigns x rounds, with as many rounds as the longest campaign needs."""
    n_rounds = max(campaign.n_rounds for campaign in settings.campaigns.values())
    rounds = dg.TimeWindowPartitionsDefinition(
        cron_schedule="0 0 * * *",
        fmt=ROUND_FORMAT,
        start=FIRST_DAY,
        end=FIRST_DAY + timedelta(days=n_rounds),
    )
    return CampaignRounds({"campaign": campaign_partitions(settings), "round": rounds})


class CampaignRounds(dg.MultiPartitionsDefinition):
    """Campaigns x rounds, whose subsets are gone through in the order of the rounds.

    A step that played a range of rounds ends with one event for each of them, in the order of the
    set that Dagster keeps them in: that of the hashes. The page of an asset shows its last event.
    """

    def empty_subset(self) -> Any:
        """Return the subset that others begin as."""
        return self.partitions_subset_class(_SortedSet())  # type: ignore[call-arg]


class _SortedSet(set[str]):
    """A set that is gone through in order; so is what is joined to it.

    An empty one counts as true: Dagster would put a plain set in the place of a false one.
    """

    def __bool__(self) -> bool:
        return True

    def __iter__(self) -> Iterator[str]:
        return iter(sorted(super().__iter__()))

    def __or__(self, other: Set[Any]) -> set[Any]:
        return _SortedSet(super().__or__(other))


def previous_round() -> dg.MultiPartitionMapping:
    """Map a round to the one before it in the same campaign."""
    return dg.MultiPartitionMapping(
        {
            "campaign": dg.DimensionPartitionMapping("campaign", dg.IdentityPartitionMapping()),
            "round": dg.DimensionPartitionMapping(
                "round", dg.TimeWindowPartitionMapping(start_offset=-1, end_offset=-1)
            ),
        }
    )


def campaign_of_round() -> dg.MultiToSingleDimensionPartitionMapping:
    """Map between a campaign and all of its rounds."""
    return dg.MultiToSingleDimensionPartitionMapping("campaign")


def round_key(campaign: str, number: int) -> dg.MultiPartitionKey:
    """Return the partition key of a campaign's round, counted from 1.

    >>> str(round_key("demo", 3))
    'demo|round-003'
    """
    if not 1 <= number <= MAX_ROUNDS:
        raise ValueError(f"round = {number}: must be 1 to {MAX_ROUNDS}")
    day = FIRST_DAY + timedelta(days=number - 1)
    return dg.MultiPartitionKey({"campaign": campaign, "round": day.strftime(ROUND_FORMAT)})


def parse_round_key(key: str) -> tuple[str, int]:
    """Return campaign and round number of a partition key.

    >>> parse_round_key("demo|round-003")
    ('demo', 3)
    """
    campaign, _, day = key.rpartition("|")
    return campaign, int(day.removeprefix("round-"))


_SETTINGS = load_settings()
CAMPAIGNS = campaign_partitions(_SETTINGS)
ROUNDS = round_partitions(_SETTINGS)

_PARTITIONS = {"project": None, "campaign": CAMPAIGNS, "round": ROUNDS}


def declared(name: str) -> dict[str, Any]:
    """Return the arguments of ``dg.asset`` that the graph decides: group, partitions, deps."""
    row = ASSETS[name]
    deps = [dg.AssetDep(read, partition_mapping=_mapping(ASSETS[read], row)) for read in row.reads]
    if row.by == "round":
        deps.append(dg.AssetDep(name, partition_mapping=previous_round()))
    return {"group_name": row.group, "partitions_def": _PARTITIONS[row.by], "deps": deps}


def _mapping(read: Asset, reader: Asset) -> dg.PartitionMapping | None:
    """Return how partitions of two assets correspond, where Dagster does not know it by itself."""
    return campaign_of_round() if {read.by, reader.by} == {"campaign", "round"} else None
