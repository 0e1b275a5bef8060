"""What each stored asset was made from, so that nothing is made twice and nothing stale is used.

The *inputs* of an asset are a fingerprint of the settings that decide it and of the versions of the
assets that it reads, both as :mod:`equal_assets.graph` says. The *version* of an asset identifies
its content: that of ``documents`` is read off the content, so that touching a file changes nothing
downstream; every other asset is a function of its inputs. Both are rows of the table
``materialized``, written with the asset itself.
"""

from __future__ import annotations

import json
from typing import Any

from equal_assets.errors import CampaignError
from equal_assets.graph import ASSETS, Asset
from equal_assets.resources.warehouse import Transaction, Warehouse
from equal_assets.settings import Settings, fingerprint, portable

SHOWN_CHARACTERS = 80
"""Of a value that has changed."""

Versions = dict[tuple[str, str], tuple[str, str]]


def stored_versions(warehouse: Warehouse | Transaction) -> Versions:
    """Return ``(asset, campaign or "") -> (inputs, version)`` of everything stored."""
    rows = warehouse.query("materialized").iter_rows(named=True)
    return {(row["asset"], row["partition"]): (row["inputs"], row["version"]) for row in rows}


def expected_inputs(
    asset: str, settings: Settings, stored: Versions, *, campaign: str = ""
) -> dict[str, Any]:
    """Return the inputs that an asset would be made from now; paths are from the project's folder.

    Raises
    ------
    CampaignError
        If an asset that it reads is not stored; the message names what to materialize.
    """
    return portable(_inputs(asset, settings, stored, campaign))


def _inputs(asset: str, settings: Settings, stored: Versions, campaign: str) -> dict[str, Any]:
    row, upstream = ASSETS[asset], {}
    for name in row.reads:
        for partition in _partitions(name, settings, stored, reader=row, campaign=campaign):
            if (name, partition) not in stored:
                where = f" for campaign {partition}" if partition else ""
                raise CampaignError(
                    f"{asset} reads {name}, which is not there{where}: materialize {name} first"
                )
            upstream[f"{name}:{partition}" if partition else name] = stored[name, partition][1]
    return {"upstream": upstream, "settings": row.decided_by(settings, campaign)}


def _fingerprints(inputs: dict[str, Any]) -> tuple[str, str]:
    """Return what inputs are stored as: earlier versions kept absolute paths in them."""
    return fingerprint(portable(inputs)), fingerprint(inputs)


def _partitions(
    name: str, settings: Settings, stored: Versions, *, reader: Asset, campaign: str
) -> list[str]:
    """Return the partitions of an asset that another one reads: all there are, or its own."""
    if ASSETS[name].is_of_campaign and not reader.is_of_campaign:
        return [other for other in settings.campaigns if (name, other) in stored]
    return [ASSETS[name].partition(campaign)]


def is_current(asset: str, settings: Settings, stored: Versions, *, campaign: str = "") -> bool:
    """Say whether an asset is stored and was made from what there is now."""
    if (asset, campaign) not in stored:
        return False
    try:
        inputs = _inputs(asset, settings, stored, campaign)
    except CampaignError:
        return False
    return stored[asset, campaign][0] in _fingerprints(inputs)


def campaign_inputs(name: str, settings: Settings, warehouse: Warehouse) -> dict[str, Any]:
    """Return what the rounds of a campaign are made from.

    Raises
    ------
    CampaignError
        If something of it is not stored, or the campaign was started with other settings or
        inputs than there are now.
    """
    whole = _inputs("bandit_round", settings, stored_versions(warehouse), name)
    inputs = portable(whole)
    start = warehouse.query("campaign_start", campaign=name)
    if start.is_empty() or start["fingerprint"].item() in _fingerprints(whole):
        return inputs
    changed = "; ".join(differences(json.loads(start["settings"].item()), inputs))
    raise CampaignError(
        f"campaign {name} was started with other settings ({changed}). Give the changed campaign "
        f"a new name, set the old values again, or start it over: equal run --restart {name}"
    )


def changes(
    asset: str, settings: Settings, warehouse: Warehouse, *, campaign: str = ""
) -> list[str]:
    """Return what has changed since a stored asset was made, each as `key: then, now`.

    Raises
    ------
    CampaignError
        If the asset or one that it reads is not stored.
    """
    made_from = warehouse.query("made_from", asset=asset, partition=campaign)
    if made_from.is_empty():
        raise CampaignError(f"{asset} is not stored: materialize it first")
    now = expected_inputs(asset, settings, stored_versions(warehouse), campaign=campaign)
    return differences(json.loads(made_from["made_from"].item()), now)


def differences(before: dict[str, Any], after: dict[str, Any], prefix: str = "") -> list[str]:
    """Return the keys whose values differ, nested ones joined by dots, with both values.

    >>> differences({"a": {"b": 1}}, {"a": {"b": 2}})
    ['a.b: 1 then, 2 now']
    """
    found: list[str] = []
    for key in sorted(before.keys() | after.keys()):
        old, new = before.get(key), after.get(key)
        if isinstance(old, dict) and isinstance(new, dict):
            found += differences(old, new, f"{prefix}{key}.")
        elif old != new:
            found.append(f"{prefix}{key}: {_shown(old)} then, {_shown(new)} now")
    return found


def _shown(value: Any) -> str:
    text = str(value)
    return text if len(text) <= SHOWN_CHARACTERS else f"{text[:SHOWN_CHARACTERS]} ..."
