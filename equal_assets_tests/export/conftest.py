"""What the tests of an export share: a stored campaign, and an export of it in every format."""

from typing import get_args

import pytest

from equal_assets.export.campaign_export import export_campaign
from equal_assets.settings import ExportFormat
from equal_assets_tests.export.stored import Stored, store_campaign

FORMATS = get_args(ExportFormat)


@pytest.fixture
def stored(tmp_path) -> Stored:
    """A campaign of its own, for a test that changes it."""
    return store_campaign(tmp_path)


@pytest.fixture(scope="session")
def unchanged(tmp_path_factory) -> Stored:
    """A campaign that tests only read."""
    return store_campaign(tmp_path_factory.mktemp("stored"))


@pytest.fixture(scope="session")
def export(unchanged):
    """A function that exports that campaign."""

    def export(
        out, *, formats=FORMATS, validation=0.4, of=unchanged, campaign="rivers", leave_out=()
    ):
        return export_campaign(
            of.settings,
            of.warehouse,
            campaign,
            formats=formats,
            validation=validation,
            out=out,
            campaigns_file=of.campaigns_file,
            leave_out=leave_out,
        )

    return export


@pytest.fixture(scope="session")
def folder(export, tmp_path_factory):
    """A folder that holds an export in every format."""
    return export(tmp_path_factory.mktemp("exports") / "rivers").folder
