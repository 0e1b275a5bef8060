"""What `equal run` mends on its way: published files and MLflow's runs that are missing or old."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from equal_assets.cli.terminal import say_warning
from equal_assets.errors import EqualError
from equal_assets.health.files import asset_faults, file_faults
from equal_assets.health.runs import tracking_faults
from equal_assets.settings import Settings, campaigns_file, state_folder

if TYPE_CHECKING:
    from equal_assets.health.fault import Fault
    from equal_assets.resources.extraction.extractors import Extractor
    from equal_assets.resources.tracking import Tracker
    from equal_assets.resources.warehouse import Warehouse

Say = Callable[[str], None]


def mend_assets(settings: Settings, warehouse: Warehouse, say: Say) -> None:
    """Before a run: let what lost its files be made again."""
    _mend(asset_faults(settings, warehouse, whole=False), say)


def mend_rest(
    settings: Settings, warehouse: Warehouse, extractor: Extractor, tracker: Tracker, say: Say
) -> None:
    """After a run: write exports and reports again that are missing, and log what MLflow lacks."""
    roles = (settings, warehouse, extractor, tracker)
    _mend(file_faults(*roles, campaigns_file=campaigns_file(), whole=False), say)
    exports = state_folder() / "exports"
    _mend(tracking_faults(settings, warehouse, tracker, exports=exports), say)


def _mend(faults: Iterable[Fault], say: Say) -> None:
    """Mend faults and say so; what only people can mend, or cannot be mended now, is a warning."""
    for fault in faults:
        if fault.mend is None:
            say_warning(str(fault))
            continue
        try:
            done = fault.mend()
        except EqualError as error:
            say_warning(f"{fault.what}; it could not be mended: {error}")
        else:
            say(f"mended: {fault.what}: {done}")
