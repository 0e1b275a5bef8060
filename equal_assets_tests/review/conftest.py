import shutil

import pytest

from equal_assets.resources.warehouse import Warehouse
from equal_assets.review.pairs import Reviewing
from equal_assets_tests.traced import fill


@pytest.fixture(scope="module")
def filled(tmp_path_factory):
    """The warehouse that is worked out by hand: of campaign `a`, a100 and b200 can be reviewed."""
    database = tmp_path_factory.mktemp("filled") / "warehouse.duckdb"
    fill(Warehouse(database=str(database)))
    return database


@pytest.fixture
def reviewing(filled, tmp_path):
    database = shutil.copy(filled, tmp_path / "warehouse.duckdb")
    made = Reviewing(
        Warehouse(database=str(database), lock_timeout_seconds=0.5),
        campaign="a",
        target="t",
        reviewer="anna",
    )
    made.load()
    return made
