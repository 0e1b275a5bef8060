"""What campaigns cover of their target, in words: beside every curve, what it shows and how."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import polars as pl

from equal_assets.algorithms.chance import Range
from equal_assets.algorithms.stopping import ended_since, in_words
from equal_assets.pages.values import NONE, number
from equal_assets.resources.warehouse import Warehouse

TARGET_COVERAGE = "target coverage"

BEHIND = (
    "Under `equal` rewards and OT cost are recorded only; the paper's bandit and its variants "
    "choose by them. The OT cost of a good campaign rises, since near documents come first."
)


@dataclass(frozen=True)
class CoverageCurve:
    """What a campaign covers round by round, and what random documents would.

    Attributes
    ----------
    campaign : str
    rows : DataFrame
        Rows of the view ``coverage_curve``, in order; none for a campaign of an earlier version.
    """

    campaign: str
    rows: pl.DataFrame

    def __bool__(self) -> bool:
        """Return whether anything is known."""
        return len(self.rows) > 0

    def until(self, number: int) -> CoverageCurve:
        """Return the same up to a round."""
        return CoverageCurve(self.campaign, self.rows.filter(pl.col("round") <= number))

    @property
    def unit(self) -> str:
        """What near pairs and gains are stated for."""
        return "1,000 tokens" if self.rows["counts_tokens"][-1] else "document"

    @property
    def spent(self) -> str:
        """The column of what was spent."""
        return "tokens" if self.rows["counts_tokens"][-1] else "documents"

    @property
    def random_label(self) -> str:
        """Where the random documents come from."""
        named = self.rows["random_campaign"].drop_nulls()
        return (
            f"random (campaign {named[0]})"
            if len(named)
            else "random documents, by the warm-up sample"
        )

    def random_per_unit(self, column: str = "random_near_pairs") -> pl.Series:
        """Return near pairs of random documents for each unit spent."""
        spent = self.rows[self.spent] / (1_000 if self.spent == "tokens" else 1)
        return self.rows[column] / spent

    @cached_property
    def ends(self) -> int | None:
        """The round since which another document no longer pays, if it is so now."""
        found = ended_since(self.rows["pays"].to_list())
        return None if found is None else int(self.rows["round"][found - 1])

    def coverage_line(self) -> str:
        """Return the coverage so far, and that of random documents for as much."""
        row = self.rows.row(-1, named=True)
        return (
            f"{number(row['target_coverage'], ',.1f')} ({number(row['random_coverage'], ',.1f')})"
        )

    def near_line(self) -> str:
        """Return near pairs per unit so far, and those of random documents for as much."""
        row, random = self.rows.row(-1, named=True), self.random_per_unit()[-1]
        return f"{number(row['near_pairs_per_unit'], ',.2f')} ({number(random, ',.2f')})"

    @property
    def coverage_sentence(self) -> str:
        """What the curve of the coverage shows."""
        return (
            "How many near pairs each reference question of the target has so far, in a mean in "
            f"which unserved questions count most; higher is better. Dashed: {self._dashed}."
        )

    @property
    def near_sentence(self) -> str:
        """What the curve of near pairs shows."""
        return (
            f"Pairs near the target per {self.unit}, of all so far; higher is better, and it falls "
            f"once near documents are used up. Dashed: {self._dashed}."
        )

    @property
    def verdict(self) -> str:
        """Whether another document pays, with both numbers and their intervals."""
        row = self.rows.row(-1, named=True)
        if row["pays"] is None:
            return "whether another document pays is not known: too few were read, or by chance."
        gain, chance = (
            Range(*(row[f"{name}{end}"] for end in ("", "_low", "_high")))
            for name in ("gain", "random_gain")
        )
        said = f"{in_words(gain, chance, self.unit)}."
        if self.ends is not None:
            return f"since round {self.ends} another document no longer pays: {said}"
        return f"another document {'pays' if row['pays'] else 'may not pay'}: {said}"

    @property
    def _dashed(self) -> str:
        return f"{self.random_label}, for as much"


def coverage_curves(warehouse: Warehouse, campaigns: Sequence[str]) -> dict[str, CoverageCurve]:
    """Return what campaigns cover, by name; also those of which nothing is known."""
    rows = warehouse.query("coverage_curve", campaigns=list(campaigns))
    return {name: CoverageCurve(name, rows.filter(campaign=name)) for name in campaigns}


def lines(curve: CoverageCurve) -> dict[str, str]:
    """Return what a table of a campaign begins with; random documents in parentheses."""
    if not curve:
        return {f"{TARGET_COVERAGE} (random)": NONE}
    ends = {} if curve.ends is None else {"no longer pays since round": str(curve.ends)}
    return {
        f"{TARGET_COVERAGE} (random)": curve.coverage_line(),
        f"near pairs per {curve.unit} (random)": curve.near_line(),
        **ends,
    }
