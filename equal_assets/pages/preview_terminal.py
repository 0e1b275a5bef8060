"""A preview in the terminal: each document beside its pairs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.console import Console
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

from equal_assets.algorithms.extraction.marking import Piece
from equal_assets.pages.preview import Found, Preview, ShownDocument, Variant, spending
from equal_assets.pages.preview_tables import EXPLAINED, outlook_table, variants_table
from equal_assets.pages.sections import ReportTable

COLORS = ("cyan", "magenta", "yellow", "green", "blue", "red")
"""Of a pair and its passage, in turn."""

SHOWN_CHARACTERS = 1_600
"""Of a document; in a longer one, what lies far from every passage is left out."""

AROUND = 120
"""Characters around a passage that are shown in a long document."""

LEFT_OUT = " […] "


def print_preview(console: Console, preview: Preview) -> None:
    """Print documents, pairs and what is still to come."""
    for number, shown in enumerate(preview.documents, 1):
        title = f" {number} of {len(preview.documents)}: {shown.title} "
        console.print()
        console.print(Rule(Text(title, style="bold"), align="left"))
        if shown.title != shown.place:
            console.print(Text(shown.place, style="dim"))
        console.print(_beside(preview, shown))
    console.print()
    console.print(Rule())
    console.print(Text(preview.headline, style="bold"))
    console.print(Text(preview.chosen_by))
    if len(preview.variants) > 1:
        _print_table(console, variants_table(preview))
    _print_table(console, outlook_table(preview))
    console.print(Text(EXPLAINED, style="dim"))


def _beside(preview: Preview, shown: ShownDocument) -> Table:
    """Return a document beside what each variant made of it."""
    table = Table(box=None, show_header=False, expand=True, padding=(0, 2, 0, 0))
    for _ in (shown, *preview.variants):
        table.add_column(ratio=1)
    found = zip(preview.variants, shown.yields, _starts(shown.yields), strict=True)
    table.add_row(
        _marked(shown),
        *(_pairs(variant, of_variant, start) for variant, of_variant, start in found),
    )
    return table


def _starts(yields: Sequence[Found]) -> list[int]:
    """Return how many pairs stand before those of each yield."""
    counts = [len(found.pairs) for found in yields]
    return [sum(counts[:number]) for number in range(len(counts))]


def _marked(shown: ShownDocument) -> Text:
    """Return the document with the passages of its pairs in their colors."""
    text = Text()
    for piece in excerpt(shown.pieces):
        for answer in piece.begins:
            text.append(f"[{shown.pairs[answer].name}] ", style=f"bold {_color(answer)}")
        text.append(piece.text, style=_style(piece))
    return text


def excerpt(pieces: Sequence[Piece]) -> list[Piece]:
    """Return a document shortened to what lies near a passage, or to its beginning."""
    if sum(len(piece.text) for piece in pieces) <= SHOWN_CHARACTERS:
        return list(pieces)
    if not any(piece.answers for piece in pieces):
        return [Piece(pieces[0].text[:SHOWN_CHARACTERS] + LEFT_OUT)]
    last = len(pieces) - 1
    return [
        piece if piece.answers else Piece(_shortened(piece.text, at == 0, at == last))
        for at, piece in enumerate(pieces)
    ]


def _shortened(text: str, is_first: bool, is_last: bool) -> str:
    """Return what of an unmarked piece lies near the passages around it."""
    before = "" if is_first else text[:AROUND]
    after = "" if is_last else text[-AROUND:]
    if len(text) <= len(before) + len(after) + len(LEFT_OUT):
        return text
    return before + LEFT_OUT + after


def _style(piece: Piece) -> str:
    if piece.said_by:
        return f"bold {_color(piece.said_by[0])}"
    return _color(piece.answers[0]) if piece.answers else ""


def _color(answer: int) -> str:
    return COLORS[answer % len(COLORS)]


def _pairs(variant: Variant, found: Found, start: int) -> Text:
    """Return the pairs of a document, those that were rejected, and what it took."""
    text = Text()
    if variant.letter:
        text.append(f"{variant.letter}: {variant.label}\n\n", style="bold")
    for number, shown in enumerate(found.pairs, start):
        text.append(f"[{shown.name}] ", style=f"bold {_color(number)}")
        text.append(f"{shown.pair.question}\n", style="bold")
        text.append(f"{shown.pair.answer}\n")
        text.append(f"score {shown.score:.2f}\n\n", style="dim")
    for rejected in found.rejected:
        text.append("rejected ", style="red")
        text.append(f"{rejected.reason}\n", style="bold")
        text.append(f"{rejected.question}\n{rejected.answer}\n\n", style="dim")
    if found.reason or not (found.pairs or found.rejected):
        text.append(f"{' '.join(filter(None, [found.status, found.reason]))}\n\n", style="red")
    text.append("\n".join(_taken(found)), style="dim")
    return text


def _taken(found: Found) -> Iterator[str]:
    if found.tokens:
        yield (
            f"{spending(found.tokens, found.cost)} ({found.prompt_tokens:,} read, "
            f"{found.completion_tokens:,} written)"
        )
    if found.tokens and found.pairs:
        n_pairs = len(found.pairs)
        yield f"a pair: {spending(found.tokens / n_pairs, found.cost / n_pairs)}"


def _print_table(console: Console, rows: ReportTable) -> None:
    console.print()
    console.print(Text(f"{rows.caption}:"))
    if not rows.rows:
        return
    table = Table()
    for column in rows.columns:
        table.add_column(Text(column))
    for row in rows.rows:
        table.add_row(*map(Text, row))
    console.print(table)
