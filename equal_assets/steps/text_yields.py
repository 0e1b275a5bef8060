"""What each text should give, learned from the warm-up sample; a page of texts at a time."""

from collections.abc import Iterator
from dataclasses import dataclass

import polars as pl

from equal_assets.algorithms.surface import surface_features
from equal_assets.algorithms.yields import YieldModel
from equal_assets.progress import Progress
from equal_assets.resources.engine.engine import Engine
from equal_assets.resources.warehouse import Warehouse
from equal_assets.steps.text_pages import text_pages


@dataclass(frozen=True)
class PredictYields:
    """Predicts what each text of a page should give; may be done by any process."""

    model: YieldModel

    def __call__(self, page: pl.DataFrame) -> pl.DataFrame:
        """Return rows of `document_yields` for `document_id, text`."""
        yields = self.model.predict(surface_features(page["text"].to_list()))
        return page.select("document_id").with_columns(
            expected_pairs=pl.Series(yields.pairs, dtype=pl.Float32),
            expected_answer_characters=pl.Series(yields.answer_lengths, dtype=pl.Float32),
        )


def yields_by_document(
    warehouse: Warehouse, sample: pl.DataFrame, engine: Engine, *, progress: Progress
) -> pl.DataFrame:
    """Return the rows of `document_yields`, in order of id.

    Parameters
    ----------
    warehouse : Warehouse
    sample : DataFrame
        Rows of the query `sample_yields`.
    engine : Engine
        Reads the pages of texts.
    progress : Progress
    """
    model = YieldModel(
        surface_features(sample["text"].to_list()),
        sample["n_pairs"].to_numpy(),
        sample["n_answer_characters"].to_numpy(),
    )
    n_documents = warehouse.query("corpus_summary")["n_documents"].item()
    parts: list[pl.DataFrame] = []
    n_read = 0
    for part in engine.map(PredictYields(model), _pages(warehouse)):
        parts.append(part)
        n_read += len(part)
        progress(n_read, n_documents)
    return pl.concat(parts)


def _pages(warehouse: Warehouse) -> Iterator[pl.DataFrame]:
    for page in text_pages(warehouse):
        yield page.select("document_id", "text")
