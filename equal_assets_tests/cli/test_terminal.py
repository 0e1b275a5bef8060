import io

from rich.progress import Progress
from rich.table import Table

from equal_assets.cli.terminal import PlainConsole, say_warning


def test_text_of_others_moves_no_cursor_and_keeps_its_secrets(monkeypatch):
    monkeypatch.setenv("SOME_API_KEY", "k1e2y3-4567")
    file = io.StringIO()
    console = PlainConsole(file=file, force_terminal=True, width=60)
    table = Table(title="\x1b]0;owned\x07title")
    table.add_row("cell \x1b[2J", "\u202ereversed \x9b31m")
    console.print(table)
    with Progress(console=console) as bars:
        bars.add_task("label \x1b[1A", total=1)
    say_warning("k1e2y3-4567 \x1b[8m[red]hidden", to=console)
    shown = file.getvalue()
    for escape in ("\x1b]0;owned", "\x1b[2J", "\x9b", "\u202e", "label \x1b[1A", "\x1b[8m"):
        assert escape not in shown
    assert "␛" in shown
    assert "[SOME_API_KEY] ␛[8m[red]hidden" in shown
    assert "\x1b[" in shown  # its own styles
