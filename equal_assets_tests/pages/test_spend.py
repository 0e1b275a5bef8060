"""What `equal run` says of documents that failed."""

from io import StringIO

import pytest
from rich.console import Console

from equal_assets.pages.spend import PARTLY_FAILED, WHOLLY_FAILED, print_failures
from equal_assets.resources.extraction.extractors import build_extractor
from equal_assets.settings import load_settings
from equal_assets_tests.conftest import TINY
from equal_assets_tests.traced import fill

CUT_OFF = "reply cut off at max_reply_tokens"


@pytest.fixture
def printed(warehouse, tmp_path):
    """Fill a warehouse, and return what is printed once documents failed for a reason."""
    fill(warehouse)
    extractor = build_extractor(load_settings(TINY).extractor, tmp_path)

    def make(failed: dict[str, tuple[str, str, int]]) -> list[str]:
        with warehouse.get_connection() as connection:
            connection.execute("update extractions set reason = null, n_tries = 1")
            for document, (status, reason, n_tries) in failed.items():
                connection.execute(
                    "update extractions set status = $1, reason = $2, n_tries = $3 where "
                    "content_hash = (select content_hash from documents where document_id = $4)",
                    [status, reason, n_tries, document],
                )
        text = StringIO()
        print_failures(Console(file=text, width=80), extractor, warehouse, ["a"])
        return text.getvalue().splitlines()

    return make


def test_document_that_gave_pairs_is_not_among_those_that_failed(printed):
    assert printed({"d2": ("pairs", CUT_OFF, 1), "d4": ("failed", "HTTP 503", 3)}) == [
        WHOLLY_FAILED,
        "  a: 1 x HTTP 503 (3 tries)",
        PARTLY_FAILED,
        f"  a: 1 x {CUT_OFF} (1 try)",
    ]


def test_where_all_gave_pairs_nothing_is_said_to_have_failed(printed):
    assert printed({"d2": ("pairs", CUT_OFF, 1), "d5": ("pairs", CUT_OFF, 1)}) == [
        PARTLY_FAILED,
        f"  a: 2 x {CUT_OFF} (2 tries)",
    ]
    assert printed({}) == []
