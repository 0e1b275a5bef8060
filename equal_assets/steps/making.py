"""What every asset does around its own work: inputs, clock, one transaction, version, result."""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import dagster as dg

from equal_assets.causes import explain
from equal_assets.errors import EqualError, WarehouseLockedError
from equal_assets.graph import ASSETS
from equal_assets.resources.warehouse import Transaction, Warehouse
from equal_assets.secrets import scrub
from equal_assets.settings import Settings
from equal_assets.versions import Versions, expected_inputs, stored_versions


@dataclass
class Making:
    """An asset, of a campaign or of all, while it is made.

    Attributes
    ----------
    asset, campaign : str
        The campaign is ``""`` where all share the asset.
    warehouse : Warehouse
    stored : dict
        Versions of what was stored when it began.
    inputs : dict
        What it is made from.
    tags : dict
        Strategy and target, where it is of a campaign.
    version : str or None
        Identifies its content; by default the fingerprint of the inputs. May be set until the
        transaction ends.
    """

    asset: str
    campaign: str
    warehouse: Warehouse
    stored: Versions
    inputs: dict[str, Any]
    tags: dict[str, str] = field(default_factory=dict)
    version: str | None = None
    _started: float = field(default_factory=time.monotonic)

    @property
    def seconds(self) -> float:
        """Seconds so far."""
        return time.monotonic() - self._started

    @contextmanager
    def transaction(
        self, *, tokens: int | None = None, flops: float | None = None
    ) -> Iterator[Transaction]:
        """Open the transaction that stores the rows; their version is recorded at its end.

        Parameters
        ----------
        tokens : int, optional
            Tokens that a model read for the rows.
        flops : float, optional
            Floating-point operations of models.
        """
        with self.warehouse.transaction() as transaction:
            yield transaction
            self.version = transaction.record(
                self.asset,
                partition=self.campaign,
                inputs=self.inputs,
                version=self.version,
                seconds=self.seconds,
                tokens=tokens,
                flops=flops,
            )

    def result(self, page: Mapping[str, Any], *, n_rows: int) -> dg.MaterializeResult:
        """Return the materialization: its version, what its page shows, rows and seconds."""
        # Dagster's name for the rows of a partition is wider than its page has room for
        rows = "rows" if ASSETS[self.asset].is_of_campaign else "dagster/row_count"
        return dg.MaterializeResult(
            data_version=dg.DataVersion(str(self.version)),
            tags=self.tags,
            metadata={
                **page,
                rows: n_rows,
                "seconds": round(self.seconds, 1),
            },
        )


@contextmanager
def making(
    asset: str, warehouse: Warehouse, settings: Settings, *, campaign: str = ""
) -> Iterator[Making]:
    """Begin to make an asset; the project's own errors in the block fail the step by their text."""
    with failing_clearly():
        stored = stored_versions(warehouse)
        inputs = expected_inputs(asset, settings, stored, campaign=campaign)
        yield Making(asset, campaign, warehouse, stored, inputs, settings.tags_of(campaign))


@contextmanager
def failing_clearly() -> Iterator[None]:
    """Turn the project's own errors into the failure that Dagster shows, without a traceback.

    So are full disks, locked folders and broken files. Dagster stores every error with all that led
    to it: no secret is in any.
    """
    try:
        yield
    except EqualError as error:
        is_transient = isinstance(error, WarehouseLockedError)
        raise dg.Failure(str(error), allow_retries=is_transient) from scrub(error)
    except Exception as error:
        clean = scrub(error)
        if told := explain(error):
            raise dg.Failure(str(told), allow_retries=False) from clean
        if clean is not error:
            raise clean from clean.__cause__
        raise
