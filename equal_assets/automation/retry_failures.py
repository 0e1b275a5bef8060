"""Job `retry_failures`: tries again to extract the documents that failed."""

import time
from contextlib import closing

import dagster as dg
import polars as pl

from equal_assets.errors import ExtractionError
from equal_assets.progress import Progress, report
from equal_assets.records import WARM_UP
from equal_assets.resources.campaigns_file import CampaignsFile
from equal_assets.resources.extraction.extractors import Extractor
from equal_assets.resources.extraction.store import campaign_caps, extract_again, warmup_caps
from equal_assets.resources.warehouse import Warehouse, read_documents
from equal_assets.runs import run_name
from equal_assets.secrets import scrub
from equal_assets.settings import Settings, fingerprint
from equal_assets.steps.leaks import leak_rules
from equal_assets.steps.sample import forget_barren_sample, forget_sample
from equal_assets.versions import Versions, expected_inputs, is_current, stored_versions


class RetryConfig(dg.Config):
    """Whose failures are tried again."""

    campaigns: list[str]


@dg.op
def ask_again(
    context: dg.OpExecutionContext,
    config: RetryConfig,
    warehouse: Warehouse,
    campaigns: CampaignsFile,
    extractor: Extractor,
) -> None:
    """Extract the failed documents of warm-up and campaigns again, within their budgets.

    What the bandit saw stays the same; the data set takes the new pairs when it is made again, and
    those that leak earn no reward in later rounds.
    """
    settings = campaigns.load()
    run = run_name(context.run)
    with closing(extractor):
        _ask_warm_up(warehouse, settings, extractor, run, report(context.log, "warm-up: ask again"))
        for name in config.campaigns:
            started = time.monotonic()
            failed = warehouse.query(
                "failed_documents", campaign=name, extractor=extractor.fingerprint
            )["document_id"].to_list()
            if not failed:
                continue
            documents = read_documents(warehouse, failed)
            try:
                mended = extract_again(
                    warehouse,
                    extractor,
                    documents,
                    asked_by=f"{name}|retry",
                    run=run,
                    caps=campaign_caps(name, settings.campaigns[name], extractor, warehouse),
                    progress=report(context.log, f"{name}: ask again"),
                )
            except ExtractionError as error:
                raise dg.Failure(str(error), allow_retries=False) from scrub(error)
            _take_in(
                warehouse,
                settings,
                extractor,
                [document.content_hash for document in documents],
                mended,
                seconds=time.monotonic() - started,
            )


def forget_barren_warm_up(warehouse: Warehouse) -> None:
    """Let a warm-up whose requests all failed be asked again by the next run."""
    forget_barren_sample(warehouse)


def _ask_warm_up(
    warehouse: Warehouse, settings: Settings, extractor: Extractor, run: str, progress: Progress
) -> None:
    """Extract the failed documents of the warm-up anew.

    A tuned embedder stays as it is, since the clusters of all campaigns hang on it; their rounds
    find the new pairs in the store.
    """
    failed = warehouse.query("failed_warmup", extractor=extractor.fingerprint)
    if failed.is_empty():
        return
    try:
        mended = extract_again(
            warehouse,
            extractor,
            read_documents(warehouse, failed["document_id"].to_list()),
            asked_by=WARM_UP,
            run=run,
            caps=warmup_caps(settings.warmup, extractor),
            progress=progress,
        )
    except ExtractionError as error:
        raise dg.Failure(str(error), allow_retries=False) from scrub(error)
    if mended and ("contrastive_embedder", "") not in stored_versions(warehouse):
        forget_sample(warehouse)


def _take_in(
    warehouse: Warehouse,
    settings: Settings,
    extractor: Extractor,
    asked: list[str],
    mended: list[str],
    *,
    seconds: float,
) -> None:
    """Store the leaks of documents tried again, and which rounds changed."""
    stored = stored_versions(warehouse)
    leaks = [
        _find_leaks(name, settings, warehouse, extractor, asked)
        for name in _campaigns_of(asked, settings, stored, warehouse, extractor)
    ]
    changed = _campaigns_of(mended, settings, stored, warehouse, extractor)
    with warehouse.transaction() as transaction:
        transaction.execute("update_outcomes")
        for found in leaks:
            transaction.insert("leaked_qa", found)
        for name in changed:
            transaction.record(
                "bandit_round",
                partition=name,
                inputs=expected_inputs("bandit_round", settings, stored, campaign=name),
                version=fingerprint([stored["bandit_round", name][1], "retry", *sorted(mended)]),
                seconds=seconds,
            )


def _campaigns_of(
    hashes: list[str],
    settings: Settings,
    stored: Versions,
    warehouse: Warehouse,
    extractor: Extractor,
) -> list[str]:
    """Return the campaigns that used any of these documents and can go on."""
    asked = warehouse.query("campaigns_of", hashes=hashes, extractor=extractor.fingerprint)
    return [
        name
        for name in asked["campaign"]
        if name in settings.campaigns
        and is_current("bandit_round", settings, stored, campaign=name)
    ]


def _find_leaks(
    name: str, settings: Settings, warehouse: Warehouse, extractor: Extractor, hashes: list[str]
) -> pl.DataFrame:
    """Return the rows of `leaked_qa` that pairs of documents tried again add to a campaign."""
    pairs = warehouse.query(
        "unjudged_pairs", campaign=name, hashes=hashes, extractor=extractor.fingerprint
    )
    leaks = leak_rules(name, settings, warehouse).leaks(warehouse, pairs)
    return leaks.join(pairs.select("qa_id", "round"), on="qa_id").with_columns(
        campaign=pl.lit(name)
    )


@dg.job(description="Tries failed documents again; then materialize the data set again.")
def retry_failures() -> None:
    """Try again to extract the documents that failed."""
    ask_again()
