"""Job `retry_failures`: asks again for the documents whose extraction failed."""

import time
from contextlib import closing

import dagster as dg

from equal_assets.assets.warmup import read_documents
from equal_assets.errors import ExtractionError
from equal_assets.killed_runs import run_name
from equal_assets.progress import report
from equal_assets.resources.campaigns_file import CampaignsFile
from equal_assets.resources.extraction_store import campaign_caps, extract_again
from equal_assets.resources.extractors import Extractor
from equal_assets.resources.warehouse import Warehouse
from equal_assets.settings import Settings, fingerprint
from equal_assets.versions import expected_inputs, is_current, stored_versions


class RetryConfig(dg.Config):
    """Whose failures are asked for again."""

    campaigns: list[str]


@dg.op
def ask_again(
    context: dg.OpExecutionContext,
    config: RetryConfig,
    warehouse: Warehouse,
    campaigns: CampaignsFile,
    extractor: Extractor,
) -> None:
    """Extract the failed documents of campaigns anew, within their budgets.

    What the bandit saw stays as it was; the data set takes the new pairs when it is made again.
    """
    settings = campaigns.load()
    with closing(extractor):
        for name in config.campaigns:
            started = time.monotonic()
            failed = warehouse.query(
                "failed_documents", campaign=name, extractor=extractor.fingerprint
            )["document_id"].to_list()
            if not failed:
                continue
            try:
                mended = extract_again(
                    warehouse,
                    extractor,
                    read_documents(warehouse, failed),
                    asked_by=f"{name}|retry",
                    run=run_name(context.run),
                    caps=campaign_caps(name, settings.campaigns[name], extractor, warehouse),
                    progress=report(context.log, f"{name}: ask again"),
                )
            except ExtractionError as error:
                raise dg.Failure(str(error), allow_retries=False) from error
            _take_in(warehouse, settings, extractor, mended, seconds=time.monotonic() - started)


def _take_in(
    warehouse: Warehouse,
    settings: Settings,
    extractor: Extractor,
    mended: list[str],
    *,
    seconds: float,
) -> None:
    """Give the rounds of every campaign that asked for mended documents a new version."""
    stored = stored_versions(warehouse)
    with warehouse.transaction() as transaction:
        transaction.execute("update_outcomes")
        asked = transaction.query("campaigns_of", hashes=mended, extractor=extractor.fingerprint)
        for name in asked["campaign"]:
            if name not in settings.campaigns or not is_current(
                "bandit_round", settings, stored, campaign=name
            ):
                continue
            transaction.record(
                "bandit_round",
                partition=name,
                inputs=expected_inputs("bandit_round", settings, stored, campaign=name),
                version=fingerprint([stored["bandit_round", name][1], "retry", *sorted(mended)]),
                seconds=seconds,
            )


@dg.job(description="Asks again for documents that failed; then make the data set again.")
def retry_failures() -> None:
    """Ask again for the documents whose extraction failed."""
    ask_again()
