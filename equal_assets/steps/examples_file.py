"""The Parquet file of a data set: what the warehouse holds of it, for readers without one."""

from pathlib import Path

from equal_assets.resources.publishing import publishing, seal
from equal_assets.resources.warehouse import Transaction, Warehouse


def publish_examples(
    transaction: Transaction, draft: Path, stored_path: str, campaign: str
) -> None:
    """Write the examples of a campaign to a file, and record what it holds.

    Parameters
    ----------
    transaction : Transaction
        That stores them.
    draft : Path
        The file, before it is in its place.
    stored_path : str
        Of its place.
    campaign : str
    """
    transaction.query("published_examples", campaign=campaign).write_parquet(draft)
    transaction.publish(stored_path, seal(draft), asset="qa_dataset", campaign=campaign)


def publish_again(warehouse: Warehouse, stored_path: str, campaign: str) -> None:
    """Write the examples of a campaign, as they are stored, to their file."""
    with (
        publishing(Path(warehouse.found_path(stored_path))) as draft,
        warehouse.transaction() as transaction,
    ):
        publish_examples(transaction, draft, stored_path, campaign)
