"""``equal init``: a project is written for the documents and questions that people have."""

from __future__ import annotations

from itertools import zip_longest
from pathlib import Path

import click

from equal_assets.cli.project import short
from equal_assets.cli.terminal import say

FILE = click.Path(dir_okay=False, path_type=Path)


@click.command()
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path), default=".")
@click.option(
    "--documents",
    multiple=True,
    metavar="PATH",
    help="A folder, file or glob of documents: PDF, Markdown, HTML, DOCX, EPUB, text, JSONL, "
    "Parquet, CSV. May be repeated.",
)
@click.option("--text-field", metavar="NAME", help="Field of a row that holds the document.")
@click.option(
    "--reference",
    type=FILE,
    metavar="FILE",
    help="File of questions and answers that say what a model should be good at: JSON, Parquet, "
    "CSV; chats and multiple choice too.",
)
@click.option(
    "--test",
    type=FILE,
    metavar="FILE",
    help="The same for evaluation only. Without it, half of --reference is set aside.",
)
@click.option("--question-field", metavar="NAME", help="Field of a row that holds the question.")
@click.option("--answer-field", metavar="NAME", help="Field of a row that holds the answer.")
@click.option(
    "--choice-key",
    type=click.Choice(["label", "text", "from_0", "from_1"]),
    help="Of multiple choice: what the answer is, where it could be more than one of these.",
)
@click.option(
    "--extractor",
    metavar="NAME",
    help="structural (pairs laid out in the text), openai (any compatible server), vllm or "
    "llama-cpp.",
)
@click.option("--model", metavar="NAME", help="Of openai, vllm and llama-cpp: the LLM.")
@click.option("--base-url", metavar="URL", help="Of openai: the address of the server.")
@click.option("--yes", is_flag=True, help="Ask nothing: what no flag names is guessed.")
@click.option("--demo", is_flag=True, help="Write the demo, which needs no documents and no LLM.")
def init(folder: Path, yes: bool, demo: bool, **given: Path | str | tuple[str, ...] | None) -> None:
    """Write a campaigns.yaml for your documents and questions.

    Looks at what they hold, shows it, and writes campaigns.yaml, its JSON schema and what Dagster
    reads to FOLDER, by default the current one. Asks for what no flag names. Nothing is
    overwritten.
    """
    from equal_assets.init.demo import write_demo
    from equal_assets.init.files import fixed_texts, refuse_existing, write_project
    from equal_assets.init.questions import Answers, interview

    refuse_existing(folder, fixed_texts())
    if demo:
        named = [f"--{name.replace('_', '-')}" for name, value in given.items() if value]
        if named:
            raise click.UsageError(f"--demo has its own documents: leave out {', '.join(named)}")
        written, is_paid = write_demo(folder), False
    else:
        project = interview(Answers(folder, may_ask=not yes, **given), say)  # type: ignore[arg-type]
        written = write_project(folder, project.campaigns, project.halves)
        is_paid = project.is_paid
    for head, path in zip_longest(["wrote"], written, fillvalue=""):
        say(f"{head:11}{short(Path(path))}")
    go = "" if folder.resolve() == Path.cwd() else f"cd {short(folder)} && "
    look = "equal preview && " if is_paid else ""
    say(f"next       {go}equal check && {look}equal run")
