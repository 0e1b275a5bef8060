"""The converter's child process: one file for each line that it reads."""

from __future__ import annotations

import json
import logging
import os
import resource
import signal
import sys
import warnings
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

from equal_assets.resources.corpora.candidates import Reason
from equal_assets.resources.corpora.converted.result import (
    Converted,
    UnusableFileError,
    check_length,
)


def main(seconds: float, memory_mb: int) -> None:
    """Convert files until the input ends; say ``ready`` first."""
    resource.setrlimit(resource.RLIMIT_AS, (memory_mb * 2**20,) * 2)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    logging.disable()  # pdfminer warns of every oddity in a file
    warnings.simplefilter("ignore")  # as Beautiful Soup does of XML
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # a library's output is not an answer
    print("ready", file=answers)
    for line in sys.stdin:
        signal.setitimer(signal.ITIMER_REAL, 2 * seconds)  # ends it if the parent is gone
        print(json.dumps(answer_for(Path(json.loads(line)))), file=answers)
        signal.setitimer(signal.ITIMER_REAL, 0)


def answer_for(path: Path) -> dict[str, object]:
    """Return a converted file, or the reason why it cannot be used, as JSON values."""
    try:
        converted = _converter(path.suffix.lower())(path)
        check_length(sum(len(text) for _, text in converted.pages))
        return asdict(converted)
    except UnusableFileError as error:
        return {"reason": error.reason.value, "detail": str(error)}
    except MemoryError:
        return {"reason": Reason.FILE_BEYOND_BOUNDS.value, "detail": "it fills the memory"}
    except Exception as error:  # noqa: BLE001 - parsers raise anything on a bad file
        # an OSError's own text repeats the path of this machine
        detail = getattr(error, "strerror", None) or str(error)
        return {
            "reason": Reason.UNREADABLE_FILE.value,
            "detail": f"{type(error).__name__}: {detail}",
        }


def _converter(suffix: str) -> Callable[[Path], Converted]:
    """Return the converter for a suffix; each library is loaded with its first file."""
    match suffix:
        case ".pdf":
            from equal_assets.resources.corpora.converted.pdf import convert_pdf

            return convert_pdf
        case ".docx":
            from equal_assets.resources.corpora.converted.docx import convert_docx

            return convert_docx
        case ".epub":
            from equal_assets.resources.corpora.converted.epub import convert_epub

            return convert_epub
        case ".ipynb":
            from equal_assets.resources.corpora.converted.ipynb import convert_ipynb

            return convert_ipynb
        case ".rst":
            from equal_assets.resources.corpora.converted.rst import convert_rst

            return convert_rst
        case ".tex":
            from equal_assets.resources.corpora.converted.tex import convert_tex

            return convert_tex
        case ".xml":
            from equal_assets.resources.corpora.converted.article import convert_article

            return convert_article
        case _:
            from equal_assets.resources.corpora.converted.html import convert_html

            return convert_html
