"""Group `dataset`: the training examples of a campaign, with their provenance."""

import dagster as dg
import polars as pl

from equal_assets.pages.dataset import dataset_page
from equal_assets.partitions import declared
from equal_assets.progress import report
from equal_assets.resources.campaigns_file import CampaignsFile
from equal_assets.resources.embedding.embedder import Embedder
from equal_assets.resources.embedding.question_vectors import not_compared
from equal_assets.resources.engine.engine import Engine
from equal_assets.resources.publishing import publishing
from equal_assets.resources.warehouse import Warehouse
from equal_assets.steps.examples_file import publish_examples
from equal_assets.steps.making import making
from equal_assets.steps.pair_removal import split_pairs
from equal_assets.steps.review import reviewed_version


@dg.asset(**declared("qa_dataset"), kinds={"duckdb", "parquet"})
def qa_dataset(
    context: dg.AssetExecutionContext,
    warehouse: Warehouse,
    campaigns: CampaignsFile,
    embedder: Embedder,
    engine: Engine,
) -> dg.MaterializeResult:
    """One row is a training example, traceable to document, cluster, pull and round.

    Pairs that reviewers rejected, that give away a test question, repeats, and pairs that serve no
    reference question are set aside in `removed_qa`; `verdicts` has what reviewers said. Published
    as Parquet, so that it can be read without the warehouse.
    """
    settings, campaign = campaigns.load(), context.partition_key
    path = campaigns.exports_folder / campaign / "qa_dataset.parquet"
    with making("qa_dataset", warehouse, settings, campaign=campaign) as made:
        progress = report(context.log, f"{campaign}: embed the questions")
        roles = (warehouse, embedder, settings, engine)
        split = split_pairs(*roles, campaign=campaign, progress=progress)
        made.version = reviewed_version(made.inputs, split.review)
        with publishing(path) as draft, made.transaction() as transaction:
            transaction.replace("qa_dataset", split.kept, campaign=campaign)
            transaction.replace("removed_qa", split.removed, campaign=campaign)
            said = split.review.verdicts.select(pl.lit(campaign).alias("campaign"), pl.all())
            transaction.replace("verdicts", said, campaign=campaign)
            publish_examples(transaction, draft, warehouse.stored_path(path), campaign)
        questions = [*split.kept["question"], *split.removed["question"]]
        languages = not_compared(settings.dataset, questions)
        if languages:
            context.log.warning(f"{campaign}: {languages}")
        page = dataset_page(
            warehouse,
            campaign,
            settings.dataset,
            split.removed,
            path,
            review=split.review.summary,
            pruning=split.pruning,
            languages=languages,
        )
        return made.result(page, n_rows=len(split.kept))
