import dagster as dg
import pytest

from equal_assets.partitions import (
    CAMPAIGNS,
    ROUNDS,
    campaign_of_round,
    campaign_partitions,
    parse_round_key,
    previous_round,
    round_key,
    round_partitions,
)
from equal_assets.settings import MAX_ROUNDS, Settings, load_settings


def settings_of(**budgets):
    """Settings of campaigns with rounds of 50 documents; nothing of it has to exist."""
    campaigns = {
        name: {
            "target": "math",
            "strategy": "random",
            "budget_documents": budget,
            "documents_per_pull": 10,
            "arms_per_round": 5,
        }
        for name, budget in budgets.items()
    }
    return Settings.model_validate(
        {
            "corpus": {"source": "installed-packages"},
            "targets": {"math": {"reference": __file__, "test": __file__}},
            "campaigns": campaigns,
        }
    )


@pytest.mark.parametrize("campaign", ["a", "equal-paper", "gsm8k_5.0-pct", "2026"])
def test_round_keys_are_read_back_as_they_were_made(campaign):
    numbers = range(1, MAX_ROUNDS + 1)
    keys = [str(round_key(campaign, number)) for number in numbers]
    assert [parse_round_key(key) for key in keys] == [(campaign, number) for number in numbers]
    assert keys == sorted(keys)  # text order is play order


def test_round_key_is_readable():
    assert str(round_key("demo", 3)) == "demo|round-003"
    assert str(round_key("demo", 365)) == "demo|round-365"


@pytest.mark.parametrize("number", [-1, 0, 366])
def test_round_outside_the_year_is_refused(number):
    with pytest.raises(ValueError, match=f"round = {number}: must be 1 to 365"):
        round_key("demo", number)


def test_there_are_as_many_rounds_as_the_longest_campaign_needs():
    settings = settings_of(long=151, short=50)  # 4 rounds and 1
    keys = [str(key) for key in round_partitions(settings).get_partition_keys()]
    assert sorted(keys) == sorted(
        str(round_key(name, number)) for name in ("long", "short") for number in (1, 2, 3, 4)
    )


def test_a_full_year_of_rounds_can_be_partitioned():
    keys = round_partitions(settings_of(only=50 * MAX_ROUNDS)).get_partition_keys()
    assert len(keys) == 365
    assert str(round_key("only", 365)) in {str(key) for key in keys}


def test_there_is_one_campaign_partition_each_in_order_of_name():
    assert campaign_partitions(settings_of(b=1, a=1, c=1)).get_partition_keys() == ["a", "b", "c"]


def test_loaded_partitions_are_those_of_the_campaigns_file():
    campaigns = load_settings().campaigns
    assert CAMPAIGNS.get_partition_keys() == sorted(campaigns)
    keys = {parse_round_key(str(key)) for key in ROUNDS.get_partition_keys()}
    longest = max(campaign.n_rounds for campaign in campaigns.values())
    assert keys == {(name, n) for name in campaigns for n in range(1, longest + 1)}


def upstream_keys(mapping, downstream, *, downstream_of, upstream_of):
    subset = downstream_of.empty_subset().with_partition_keys(downstream)
    mapped = mapping.get_upstream_mapped_partitions_result_for_partitions(
        subset, downstream_of, upstream_of
    )
    return sorted(str(key) for key in mapped.partitions_subset.get_partition_keys())


def test_a_round_reads_the_one_before_it_in_its_own_campaign():
    rounds = round_partitions(settings_of(a=150, b=150))
    keys = upstream_keys(
        previous_round(), [round_key("a", 3)], downstream_of=rounds, upstream_of=rounds
    )
    assert keys == ["a|round-002"]


def test_the_first_round_reads_no_round():
    rounds = round_partitions(settings_of(a=150, b=150))
    keys = upstream_keys(
        previous_round(), [round_key("a", 1)], downstream_of=rounds, upstream_of=rounds
    )
    assert keys == []


def test_a_campaign_reads_all_of_its_rounds_and_a_round_its_campaign():
    settings = settings_of(a=100, b=100)
    rounds, campaigns = round_partitions(settings), campaign_partitions(settings)
    of_campaign = upstream_keys(
        campaign_of_round(), ["b"], downstream_of=campaigns, upstream_of=rounds
    )
    assert of_campaign == ["b|round-001", "b|round-002"]
    of_round = upstream_keys(
        campaign_of_round(), [round_key("b", 2)], downstream_of=rounds, upstream_of=campaigns
    )
    assert of_round == ["b"]


def test_a_round_that_reads_the_round_before_it_can_be_materialized(instance):
    rounds = round_partitions(settings_of(a=100))

    @dg.asset(
        partitions_def=rounds,
        deps=[dg.AssetDep("round", partition_mapping=previous_round())],
        name="round",
    )
    def play():
        pass

    for number in (1, 2):
        assert dg.materialize(
            [play], partition_key=round_key("a", number), instance=instance
        ).success


def test_the_last_event_of_a_run_of_rounds_is_that_of_its_last_round(instance):
    rounds = round_partitions(settings_of(a=450, b=450))

    @dg.asset(partitions_def=rounds, backfill_policy=dg.BackfillPolicy.single_run(), name="round")
    def play(context: dg.AssetExecutionContext) -> None:
        for key in reversed(context.partition_keys):
            context.log_event(dg.AssetMaterialization("round", partition=key))

    first, last = round_key("a", 1), round_key("b", 9)
    begin, end = (f"dagster/asset_partition_range_{end}" for end in ("start", "end"))
    run = dg.materialize([play], instance=instance, tags={begin: str(first), end: str(last)})
    assert run.success
    events = instance.fetch_materializations(dg.AssetKey("round"), limit=18, ascending=False)
    told = [event.partition_key for event in events.records]
    in_order = [str(round_key(name, number)) for name in "ab" for number in range(1, 10)]
    assert told == in_order[::-1]
