"""Pages of one HTML file: templates in which what others wrote stays text."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from equal_assets.pages.values import printable

TEMPLATES = Path(__file__).parent / "templates"


def rendered(template: str, **values: Any) -> str:
    """Return a template with its places filled; no value of them is HTML."""
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        finalize=_shown,
        undefined=StrictUndefined,
    )
    return environment.get_template(template).render(**values)


def _shown(value: Any) -> Any:
    return printable(value) if isinstance(value, str) else value
