"""What must not be missed when campaigns have been played, as the `equal` command prints it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from equal_assets.pages.training import few_examples, few_steps
from equal_assets.resources.extraction.extractors import Extractor
from equal_assets.resources.extraction.prose import stored_yield
from equal_assets.resources.extraction.refinement import emptied
from equal_assets.resources.warehouse import Warehouse
from equal_assets.settings import NoStudentSettings, Settings


def warnings(
    settings: Settings, extractor: Extractor, warehouse: Warehouse, names: Sequence[str]
) -> Iterator[str]:
    """Yield why there are next to no pairs, and which students had too few examples or steps."""
    if warning := stored_yield(warehouse, extractor).warning(settings.extractor):
        yield warning
    if warning := emptied(warehouse, extractor):
        yield warning
    standing = warehouse.query("campaign_status").iter_rows(named=True)
    examples = {row["campaign"]: row["examples"] for row in standing}
    for name in names:
        n_examples = examples.get(name)
        if n_examples is None or isinstance(settings.student, NoStudentSettings):
            continue
        if few := few_examples(name, n_examples, settings.dataset):
            yield few
        if few := few_steps(name, n_examples, settings.student):
            yield few
