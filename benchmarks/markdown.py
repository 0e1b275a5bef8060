"""Tables as Markdown."""

from __future__ import annotations

import polars as pl


def markdown(frame: pl.DataFrame) -> str:
    """Return a frame as a Markdown table."""
    with pl.Config(
        tbl_formatting="ASCII_MARKDOWN",
        tbl_hide_column_data_types=True,
        tbl_hide_dataframe_shape=True,
        tbl_rows=-1,
        tbl_cols=-1,
        tbl_width_chars=400,
        fmt_str_lengths=100,
    ):
        return str(frame)
