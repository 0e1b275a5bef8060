"""Group `selection`: the rounds of the bandit, and what they gained."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from itertools import groupby

import dagster as dg

from equal_assets.pages.campaign_run import campaign_run, link_campaign
from equal_assets.pages.rounds import RoundPages
from equal_assets.pages.selection import campaign_figures, campaign_page
from equal_assets.pages.tracked import log_curve
from equal_assets.partitions import declared, parse_round_key
from equal_assets.resources.campaigns_file import CampaignsFile
from equal_assets.resources.embedding.embedder import Embedder
from equal_assets.resources.engine.engine import Engine
from equal_assets.resources.extraction.extractors import Extractor
from equal_assets.resources.students.student import Student
from equal_assets.resources.tracking import Tracker
from equal_assets.resources.warehouse import Warehouse
from equal_assets.runs import run_name
from equal_assets.settings import fingerprint
from equal_assets.steps.making import failing_clearly, making
from equal_assets.steps.reference_plane import place_reference
from equal_assets.steps.round_player import RoundPlayer, prepare_campaign
from equal_assets.steps.rounds import play_round
from equal_assets.versions import expected_inputs, stored_versions


@dg.asset(
    **declared("bandit_round"),
    kinds={"duckdb", "torch", "mlflow"},
    backfill_policy=dg.BackfillPolicy.single_run(),
)
def bandit_round(
    context: dg.AssetExecutionContext,
    warehouse: Warehouse,
    campaigns: CampaignsFile,
    extractor: Extractor,
    embedder: Embedder,
    student: Student,
    engine: Engine,
    tracker: Tracker,
) -> None:
    """One row is a pull: a cluster, the documents used, the outcome and the reward.

    Each round is stored before the next one starts. A round that is stored is not played again.
    """
    roles = (warehouse, campaigns, extractor, embedder, student, engine)
    run, log = run_name(context.run), context.log
    keys = sorted(parse_round_key(key) for key in context.partition_keys)
    with failing_clearly(), closing(extractor):
        version = _data_version((campaign for campaign, _ in keys), campaigns, warehouse)
        context.set_data_version(context.asset_key, version)
        pages = RoundPages(context, warehouse, campaigns.load(), tracker, version)
        for campaign, number, is_new in _played(
            keys, lambda name: prepare_campaign(name, *roles, run=run, log=log)
        ):
            pages.add(campaign, number, is_new=is_new)
        pages.complete()


@dg.asset(**declared("reward_curve"), kinds={"duckdb", "mlflow"})
def reward_curve(
    context: dg.AssetExecutionContext,
    warehouse: Warehouse,
    campaigns: CampaignsFile,
    embedder: Embedder,
    tracker: Tracker,
) -> dg.MaterializeResult:
    """One row is a round of a campaign: its rewards, the pool's OT cost, and what was spent.

    The paper's bandit and its variants choose by rewards; `equal` and the other strategies only
    record them. Where the target's reference pairs lie on the map of clusters is kept in
    `reference_plane`.
    """
    settings, campaign = campaigns.load(), context.partition_key
    with making("reward_curve", warehouse, settings, campaign=campaign) as made:
        reference = place_reference(warehouse, embedder, campaign)
        with made.transaction() as transaction:
            curve = transaction.query("reward_curve", campaign=campaign)
            transaction.replace("reward_curve", curve, campaign=campaign)
            transaction.replace("reference_plane", reference, campaign=campaign)
        pictures = campaign_figures(warehouse, campaign, curve)
        run_id = campaign_run(warehouse, tracker, campaign)
        log_curve(tracker, run_id, curve, pictures)
        tracker.mark(run_id, "reward_curve", str(made.version))
        page = campaign_page(warehouse, campaign, curve, pictures)
        link = link_campaign(context, settings, warehouse, tracker, campaign)
        return made.result({**page, "MLflow run": link}, n_rows=len(curve))


def _played(
    keys: list[tuple[str, int]], prepare: Callable[[str], RoundPlayer]
) -> Iterator[tuple[str, int, bool]]:
    """Play rounds, in order; yield campaign, number, and whether the round was new."""
    for campaign, of_campaign in groupby(keys, key=lambda key: key[0]):
        player = prepare(campaign)
        for _, number in of_campaign:
            yield campaign, number, play_round(player, number)


def _data_version(
    names: Iterable[str], campaigns: CampaignsFile, warehouse: Warehouse
) -> dg.DataVersion:
    """Return one version for all rounds of a run: from what their campaigns are made.

    Dagster gives the same version to all partitions of a run. If a round's version changed after it
    was stored, the next round would seem to be made from an older one.
    """
    settings, stored = campaigns.load(), stored_versions(warehouse)
    inputs = [
        expected_inputs("bandit_round", settings, stored, campaign=name)
        for name in sorted(set(names))
    ]
    return dg.DataVersion(fingerprint(inputs))
