"""Writes documents to follow the tutorial with: a cookbook in Markdown and PDF, notes in JSONL.

    python examples/tutorial/make_documents.py data/documents

They stand in for your own. What they say is taken from the docstrings of packages that
equal-assets installs, with worked examples: real text, in the layouts that people have.
"""

import json
import sys
import textwrap
from pathlib import Path

from matplotlib import rc_context
from matplotlib.backends.backend_pdf import PdfPages
from matplotlib.figure import Figure

from equal_assets.algorithms.extraction.laid_out import extract_pairs
from equal_assets.records import Document
from equal_assets.resources.corpora import read_corpus
from equal_assets.settings import InstalledPackagesSettings

PACKAGES = ["numpy", "pandas", "networkx"]
N_MARKDOWN, N_PDF, N_NOTES = 110, 20, 90
LINE_CHARACTERS, PAGE_LINES = 92, 62

Recipe = tuple[Document, str, str]  # where it is from, question, answer


def main(folder: Path) -> None:
    """Write all documents; the same on every run with the same packages."""
    folder.mkdir(parents=True, exist_ok=True)
    corpus = InstalledPackagesSettings(source="installed-packages", packages=PACKAGES)
    found = [item for item in read_corpus(corpus) if isinstance(item, Document)]
    found = sorted({d.content_hash: d for d in found}.values(), key=lambda d: d.content_hash)
    recipes = [
        (document, pair.question, pair.answer)
        for document in found
        for pair in extract_pairs(document.text, max_pairs=1, subject=subject(document))
    ]
    write_markdown(recipes[:N_MARKDOWN], folder)
    short = [recipe for recipe in recipes[N_MARKDOWN:] if len(page(recipe)) <= PAGE_LINES]
    write_pdf(short[:N_PDF], folder / "handouts.pdf")
    write_notes(found[-N_NOTES:], folder / "notes.jsonl")


def subject(document: Document) -> str:
    """Return the full name of what a docstring documents."""
    return f"{document.metadata['module']}.{document.metadata['qualname']}"


def write_markdown(recipes: list[Recipe], folder: Path) -> None:
    """Write a cookbook a package: each heading asks, the text below it answers."""
    for package in PACKAGES:
        sections = [
            f"## {question}\n\n{answer}\n"
            for document, question, answer in recipes
            if document.metadata["package"] == package
        ]
        text = "\n".join([f"# {package} cookbook\n", *sections])
        (folder / f"{package}-cookbook.md").write_text(text, encoding="utf-8")


def page(recipe: Recipe) -> list[str]:
    """Return the lines of a handout."""
    _, question, answer = recipe
    asked = textwrap.wrap(f"Question: {question}", LINE_CHARACTERS)
    return [*asked, "", "Answer:", *answer.splitlines()]


def write_pdf(recipes: list[Recipe], file: Path) -> None:
    """Write a handout a page: a question, and its answer."""
    with (
        rc_context({"pdf.fonttype": 42, "font.family": "monospace", "font.size": 9}),
        PdfPages(file, metadata={"Title": "Handouts", "CreationDate": None}) as pdf,
    ):
        for recipe in recipes:
            figure = Figure(figsize=(8.27, 11.69))  # A4
            for number, line in enumerate(page(recipe)):
                figure.text(0.07, 0.95 - number * 0.0145, line, parse_math=False)
            pdf.savefig(figure)


def write_notes(documents: list[Document], file: Path) -> None:
    """Write a note a line, with title and licence."""
    with file.open("w", encoding="utf-8") as lines:
        for document in documents:
            note = {
                "title": subject(document),
                "body": f"{subject(document)}\n\n{document.text}",
                "license": document.license,
            }
            lines.write(json.dumps(note, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
