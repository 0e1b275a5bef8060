import polars as pl
import pytest

from equal_assets.errors import ExtractionError
from equal_assets.resources.extraction.extractors import StructuralExtractor
from equal_assets.steps.sample import check_sample


@pytest.mark.parametrize(
    ("dropped", "told"),
    [
        ("refinement has dropped every pair of 9 of 10 documents", "= 1: .*; refinement has drop"),
        (None, "= 1: must be at least 2; raise warmup.share"),
    ],
)
def test_sample_without_pairs_is_told_with_its_cause(dropped, told):
    pairs, failures = pl.DataFrame({"document_id": ["a", "a"]}), pl.DataFrame()
    extractor = StructuralExtractor(max_pairs=20)
    with pytest.raises(ExtractionError, match=told):
        check_sample(pairs, failures, extractor, n_documents=10, dropped=dropped)


def test_sample_with_pairs_of_two_documents_is_enough():
    pairs, extractor = pl.DataFrame({"document_id": ["a", "b"]}), StructuralExtractor(max_pairs=20)
    check_sample(pairs, pl.DataFrame(), extractor, n_documents=10, dropped="some")
