"""Rounds in a warehouse as a campaign leaves them, without playing any."""

import json
from dataclasses import asdict

import polars as pl

from equal_assets.records import Usage
from equal_assets.resources.warehouse import Warehouse
from equal_assets.settings import Settings, fingerprint
from equal_assets.versions import expected_inputs, stored_versions

SHARED = ("documents", "contrastive_embedder", "document_yields", "cluster_geometry")


def store_rounds(
    warehouse: Warehouse,
    settings: Settings,
    played: dict[str, int],
    *,
    ended_by: str | None = None,
) -> None:
    """Store what the rounds of campaigns read, and so many rounds of one document each."""
    with warehouse.transaction() as transaction:
        for asset, partition in (*((s, "") for s in SHARED), *(("target_qa", c) for c in played)):
            transaction.record(asset, partition=partition, inputs=asset, seconds=0.0)
    stored = stored_versions(warehouse)
    with warehouse.transaction() as transaction:
        for campaign, last in played.items():
            for number in range(1, last + 1):
                rows = round_rows(campaign, number)
                if number == last:
                    rows["rounds"]["ended_by"] = ended_by
                for table, row in rows.items():
                    schema = {"ended_by": pl.String} if "ended_by" in row else {}
                    transaction.insert(table, pl.DataFrame([row], schema_overrides=schema))
            if not last:
                continue
            inputs = expected_inputs("bandit_round", settings, stored, campaign=campaign)
            start = {"campaign": campaign, "fingerprint": fingerprint(inputs)}
            rows = pl.DataFrame([{**start, "settings": json.dumps(inputs)}])
            transaction.insert("campaign_settings", rows)
            version = fingerprint([fingerprint(inputs), last])
            transaction.record(
                "bandit_round", partition=campaign, inputs=inputs, version=version, seconds=0.0
            )


def round_rows(campaign: str, number: int) -> dict[str, dict]:
    """Return a row of each table that a round of one document fills."""
    key = {"campaign": campaign, "round": number}
    document = f"{campaign}-{number}"
    spent = {"n_pairs": 1, "n_failed": 0, "n_cached": 0, "n_rejected": 0, **asdict(Usage())}
    seconds = dict.fromkeys(
        ("seconds", "extraction_seconds", "embedding_seconds", "selection_seconds"), 0.0
    )
    pull = {"pull": 0, "cluster": 0}
    asked = {"document_id": document, "content_hash": document, "extractor": "e", "status": "pairs"}
    return {
        "rounds": {**key, "pool_pairs": number, "pool_ot_cost": 0.5, **seconds},
        "bandit_round": {**key, **pull, "n_documents": 1, "arm_pairs": 1, "reward": -0.5, **spent},
        "bandit_documents": {**key, **pull, **asked},
        "strategy_state": {**key, "name": "pulls", "values": [float(number)]},
    }
