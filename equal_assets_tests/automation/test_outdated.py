"""Freshness is exact: an asset is outdated when what it is made from differs, and says in what."""

import dagster as dg
import pytest

from equal_assets.automation.outdated import IS_CURRENT, freshness, outdated, outdated_assets
from equal_assets.resources.warehouse import Warehouse
from equal_assets.versions import expected_inputs
from equal_assets_tests.stored_rounds import store_rounds


@pytest.fixture
def stored(warehouse, campaigns):
    """A played campaign whose target is current; the shared assets are of another project."""
    settings = campaigns.load()
    store_rounds(warehouse, settings, {"random": 1})
    with warehouse.transaction() as transaction:
        for asset, campaign in (("documents", ""), ("target_qa", "random")):
            inputs = expected_inputs(asset, settings, {}, campaign=campaign)
            transaction.record(asset, partition=campaign, inputs=inputs, version="1", seconds=0.0)
    return warehouse


def changed_packages(stored, campaigns) -> None:
    """Make the documents those of an environment without pytest."""
    inputs = expected_inputs("documents", campaigns.load(), {})
    inputs["settings"]["source"]["pytest"] = "0.1"
    with stored.transaction() as transaction:
        transaction.record("documents", inputs=inputs, version="1", seconds=0.0)


def test_current_assets_are_not_named(stored, campaigns):
    found = outdated_assets(campaigns.load(), stored)
    assert "documents" not in found
    assert "target_qa" not in found


def test_outdated_asset_names_what_has_changed(stored, campaigns):
    changed_packages(stored, campaigns)
    [line] = outdated_assets(campaigns.load(), stored)["documents"]
    assert line == f"documents: settings.source.pytest: 0.1 then, {pytest.__version__} now"


def test_outdated_round_names_the_campaign_and_the_version_it_read(stored, campaigns):
    [line] = outdated_assets(campaigns.load(), stored)["bandit_round"]
    assert line.startswith("bandit_round of random: upstream.documents: ")


def test_asset_whose_source_is_gone_is_outdated(stored, campaigns):
    with stored.transaction() as transaction:
        transaction.record("clusters", inputs={}, seconds=0.0)
    [line] = outdated_assets(campaigns.load(), stored)["clusters"]
    assert "document_embeddings, which is not there" in line


def test_sensor_reports_each_change_once(stored, campaigns, instance):
    def look(cursor=None) -> dg.SensorResult:
        context = dg.build_sensor_context(instance, cursor=cursor, sensor_name="outdated")
        return outdated(context, warehouse=stored, campaigns=campaigns)

    first = look()
    assert {e.asset_key.to_user_string(): e.passed for e in first.asset_events}["documents"]
    assert {e.check_name for e in first.asset_events} == {IS_CURRENT}
    assert not look(first.cursor).asset_events
    changed_packages(stored, campaigns)
    second = look(first.cursor)
    [report] = second.asset_events
    assert (report.asset_key, report.passed) == (dg.AssetKey("documents"), False)
    assert report.severity == dg.AssetCheckSeverity.WARN
    assert "pytest: 0.1 then" in report.metadata["changed since"].value
    assert not look(second.cursor).asset_events


def test_sensor_makes_no_warehouse_where_there_is_none(campaigns, instance, tmp_path):
    warehouse = Warehouse(database=str(tmp_path / "warehouse.duckdb"))
    context = dg.build_sensor_context(instance, sensor_name="outdated")
    result = outdated(context, warehouse=warehouse, campaigns=campaigns)
    assert result.skip_reason.skip_message == "nothing is stored yet"
    assert not (tmp_path / "warehouse.duckdb").exists()


def test_every_asset_has_the_check():
    from equal_assets.definitions import build_definitions

    graph = build_definitions().resolve_asset_graph()
    checked = {key.asset_key for key in graph.asset_check_keys if key.name == IS_CURRENT}
    assert checked == set(graph.materializable_asset_keys)
    assert set(freshness.check_keys) <= set(graph.asset_check_keys)
