"""What a model makes of documents that were read before: which pairs are good, and at what price.

    python benchmarks/extraction_quality.py run --url http://127.0.0.1:8080/v1 --model NAME \
        --out after.jsonl                        the package's prompts
    ... run --prompts FOLDER                     extract.txt and refine.txt of a folder
    ... run --before                             the prompts from before chats, beside this file
    ... run --like TARGET.jsonl                  the prompt shows questions of a target
    ... sheet after.jsonl before.jsonl > sheet.jsonl     all pairs, blind and shuffled, to be read
    ... table after.jsonl before.jsonl --readings one.jsonl two.jsonl [--like TARGET.jsonl]

A reading is the sheet with a ``label`` for each pair: good; vague (the question lacks something
that its answer depends on); leaning (it points at the document); unsupported (the answer is not in
the document); wrong (by the document). Documents are in ``extraction_documents.jsonl``: ``asks``
are the questions that each answers, none for boilerplate.

``run_recipe`` needs no server: any function that answers a batch of chats will do. It imports the
standard library and what ``equal_assets.algorithms.extraction`` imports.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import random
import re
import statistics
import sys
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from equal_assets.algorithms.extraction.grounding import STOP_WORDS
from equal_assets.algorithms.extraction.parsing import UnusableReplyError
from equal_assets.algorithms.extraction.quality import QualityBounds
from equal_assets.algorithms.extraction.recipe import (
    ExtractionRecipe,
    Reply,
    Request,
    Steps,
    TextPairs,
    extraction_steps,
    merge_chunks,
)

HERE = Path(__file__).parent
DOCUMENTS = HERE / "extraction_documents.jsonl"
BEFORE = HERE / "prompts_before"
LABELS = ("good", "vague", "leaning", "unsupported", "wrong")

SAME_QUESTION = 0.5
"""Two questions ask the same from this share (Dice) of words that both have; stop words do not
count."""

QUESTIONS_SHOWN = 4
SHORTEST = 0.1
"""Quantile of the lengths of a target's answers: from shorter ones a student learns to be short."""

LIKE = """The pairs train a model to answer questions of this kind (never ask these; the
document does not answer them):

<questions>
{questions}
</questions>

Where the document answers questions of this kind, ask them so. Their answers have {shortest} words
or more, mostly about {median}: where the document says more than the result, the answer does, too.

"""

Row = dict[str, Any]
WORD = re.compile(r"\w+")


# ---- the recipe ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Answer:
    """What a model wrote, and what it took; ``cached_tokens`` of the prompt were read before."""

    text: str
    prompt_tokens: int
    completion_tokens: int
    cached_tokens: int = 0
    is_cut_off: bool = False
    seconds: float = 0.0


Asked = tuple[list[dict[str, str]], dict[str, Any]]
"""The messages of a chat, and the JSON schema of the reply."""

AnswerBatch = Callable[[Sequence[Asked]], Sequence[Answer]]


@dataclass
class _Progress:
    """A document on its way through the recipe."""

    document: Row
    steps: Steps
    request: Request
    answers: list[Answer] = field(default_factory=list)
    outcome: TextPairs | None = None

    def take(self, answer: Answer) -> None:
        self.answers.append(answer)
        try:
            self.request = self.steps.send(_reply(self.request, answer))
        except StopIteration as end:
            self.outcome = end.value


def run_recipe(
    documents: Sequence[Row], recipe: ExtractionRecipe, answer_batch: AnswerBatch
) -> list[Row]:
    """Return what the recipe keeps and rejects of each document, and what that took.

    All documents take each step together. No request is tried twice.

    Parameters
    ----------
    documents : sequence of dict
        With ``id``, ``kind``, ``text``, ``asks``.
    recipe : ExtractionRecipe
    answer_batch : callable
        Given (messages, schema) of many chats, returns their answers in order.

    Returns
    -------
    list of dict
        ``id, kind, kept, rejected, failure, requests``; a request has its tokens and seconds.
    """
    started = []
    for document in documents:
        steps = extraction_steps(document["text"], document["text"], recipe)
        started.append(_Progress(document, steps, next(steps)))
    while waiting := [one for one in started if one.outcome is None]:
        asked = [(list(one.request.messages), one.request.schema) for one in waiting]
        for one, answer in zip(waiting, answer_batch(asked), strict=True):
            one.take(answer)
    return [_row(one, recipe) for one in started]


def _reply(request: Request, answer: Answer) -> Reply:
    if answer.is_cut_off:
        return Reply(request.salvage(answer.text), "reply cut off", answer.text)
    try:
        return Reply(request.parse(answer.text), text=answer.text)
    except UnusableReplyError as error:
        return Reply(None, error.reason, answer.text)


def _row(one: _Progress, recipe: ExtractionRecipe) -> Row:
    found = merge_chunks([one.outcome] if one.outcome else [], max_pairs=recipe.max_pairs)
    return {
        "id": one.document["id"],
        "kind": one.document["kind"],
        "kept": [asdict(pair) for pair in found.parsed.pairs],
        "rejected": [asdict(pair) for pair in found.parsed.rejected],
        "failure": found.failure,
        "requests": [asdict(answer) for answer in one.answers],
    }


def recipe_json(recipe: ExtractionRecipe) -> str:
    """Return a recipe as JSON, for a machine without the settings' packages."""
    return json.dumps(asdict(recipe))


def recipe_of(text: str) -> ExtractionRecipe:
    """Return the recipe that was written as JSON."""
    parts = json.loads(text)
    return ExtractionRecipe(**{**parts, "bounds": QualityBounds(**parts["bounds"])})


def packaged_recipe(folder: Path | None, *, refine: bool) -> ExtractionRecipe:
    """Return the product's recipe with its defaults, and with the prompts of a folder if any."""
    from equal_assets.resources.extraction.llm_extraction import recipe
    from equal_assets.settings import OpenAISettings

    kinds = ("extract", "refine", "judge")
    files = {kind: folder / f"{kind}.txt" for kind in kinds} if folder else {}
    settings = OpenAISettings(
        backend="openai",
        base_urls=["http://unused/v1"],
        model="unused",
        refine=refine,
        prompts={kind: str(file.resolve()) for kind, file in files.items() if file.is_file()},
    )
    return recipe(settings)


def like(recipe: ExtractionRecipe, target: Sequence[Row]) -> ExtractionRecipe:
    """Return a recipe whose prompt shows questions of a target, and how long its answers are."""
    shown = random.Random(0).sample(list(target), min(QUESTIONS_SHOWN, len(target)))
    questions = "\n".join(f"- {' '.join(row['question'].split())}" for row in shown)
    lengths = statistics.quantiles(map(n_words, target), n=round(1 / SHORTEST))
    added = LIKE.format(
        questions=questions, shortest=round(lengths[0]), median=round(lengths[len(lengths) // 2])
    )
    rules, tag, rest = recipe.extract.partition("<document>")
    return replace(recipe, extract=rules + added.replace("$", "$$") + tag + rest)


def n_words(pair: Row) -> int:
    """Return the length of an answer."""
    return len(pair["answer"].split())


# ---- a server ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Server:
    """An OpenAI-compatible server, asked with the standard library."""

    url: str
    model: str
    key: str
    max_reply_tokens: int
    timeout_seconds: float

    def answer_batch(self, asked: Sequence[Asked]) -> list[Answer]:
        """Answer chats one after another."""
        return [self._answer(messages, schema) for messages, schema in asked]

    def _answer(self, messages: list[dict[str, str]], schema: dict[str, Any]) -> Answer:
        enforced = {"name": "reply", "schema": schema, "strict": True}
        body = {
            "model": self.model,
            "messages": messages,
            "max_tokens": self.max_reply_tokens,
            "temperature": 0.0,
            "seed": 0,
            "response_format": {"type": "json_schema", "json_schema": enforced},
        }
        request = urllib.request.Request(
            f"{self.url.rstrip('/')}/chat/completions",
            json.dumps(body).encode(),
            {"Content-Type": "application/json", "Authorization": f"Bearer {self.key}"},
        )
        started = time.perf_counter()
        try:
            with urllib.request.urlopen(request, timeout=self.timeout_seconds) as response:
                said = json.load(response)
        except urllib.error.HTTPError as error:
            sys.exit(f"{self.url} answers HTTP {error.code}: {error.read()[:500].decode()}")
        usage, choice = said["usage"], said["choices"][0]
        details = usage.get("prompt_tokens_details") or {}
        return Answer(
            text=choice["message"]["content"] or "",
            prompt_tokens=usage["prompt_tokens"],
            completion_tokens=usage["completion_tokens"],
            cached_tokens=details.get("cached_tokens") or 0,
            is_cut_off=choice["finish_reason"] == "length",
            seconds=time.perf_counter() - started,
        )


def run_on_server(
    documents: Sequence[Row], recipe: ExtractionRecipe, server: Server, *, in_flight: int
) -> Iterator[Row]:
    """Yield the rows of documents as they are done, each on its own way, as in the product."""

    def one(document: Row) -> Row:
        return run_recipe([document], recipe, server.answer_batch)[0]

    with ThreadPoolExecutor(in_flight) as pool:
        asked = [pool.submit(one, document) for document in documents]
        for done in as_completed(asked):
            yield done.result()


# ---- readings ------------------------------------------------------------------------------------


def pair_key(document: str, pair: Row) -> str:
    """Return what identifies a pair in a reading, whichever run it came from."""
    text = json.dumps([document, pair["question"], pair["answer"]])
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def sheet(runs: Iterable[Sequence[Row]]) -> list[Row]:
    """Return every kept pair once, in random order, without a word of where it came from."""
    found = {
        pair_key(row["id"], pair): {"key": pair_key(row["id"], pair), "id": row["id"], **pair}
        for rows in runs
        for row in rows
        for pair in row["kept"]
    }
    shuffled = [found[key] for key in sorted(found)]
    random.Random(0).shuffle(shuffled)
    return [{**pair, "label": ""} for pair in shuffled]


def labels_of(reading: Iterable[Row]) -> dict[str, str]:
    """Return the label of each pair of a reading."""
    labels = {row["key"]: row["label"] for row in reading}
    if unknown := sorted(set(labels.values()) - set(LABELS)):
        raise ValueError(f"label = {unknown[0]!r}: must be one of {', '.join(LABELS)}")
    return labels


def agreement(one: dict[str, str], two: dict[str, str]) -> tuple[int, float, float]:
    """Return pairs that both read, the share with the same label, and Cohen's kappa."""
    both = sorted(set(one) & set(two))
    if not both:
        return 0, float("nan"), float("nan")
    observed = sum(one[key] == two[key] for key in both) / len(both)
    counts = [Counter(reading[key] for key in both) for reading in (one, two)]
    chance = sum(counts[0][label] * counts[1][label] for label in LABELS) / len(both) ** 2
    kappa = 1.0 if chance == 1 else (observed - chance) / (1 - chance)
    return len(both), observed, kappa


def matches(asks: Sequence[Row], kept: Sequence[Row]) -> list[tuple[Row, Row]]:
    """Return labelled questions with the kept pair that asks the same, each used once."""
    sides = [
        (_overlap(ask["question"], pair["question"]), i, j)
        for i, ask in enumerate(asks)
        for j, pair in enumerate(kept)
    ]
    taken: list[tuple[int, int]] = []
    for share, i, j in sorted(sides, key=lambda side: (-side[0], *side[1:])):
        is_free = all(i != other and j != another for other, another in taken)
        if share >= SAME_QUESTION and is_free:
            taken.append((i, j))
    return [(asks[i], kept[j]) for i, j in sorted(taken)]


def is_worked(ask: Row) -> bool:
    """Say whether a labelled answer has steps: several lines or sentences."""
    return len(re.findall(r"[.:;!?]\s|\n", ask["answer"].strip())) >= 2


def share_kept(ask: Row, pair: Row) -> float:
    """Return the share of the words and numbers of a labelled answer that a kept one has."""
    wanted, found = (Counter(WORD.findall(side["answer"].lower())) for side in (ask, pair))
    return (wanted & found).total() / max(1, wanted.total())


def _overlap(one: str, two: str) -> float:
    words = [set(WORD.findall(text.lower())) - STOP_WORDS for text in (one, two)]
    return 2 * len(words[0] & words[1]) / max(1, sum(map(len, words)))


# ---- tables --------------------------------------------------------------------------------------


def figures(
    rows: Sequence[Row],
    documents: dict[str, Row],
    labels: dict[str, str],
    *,
    target: Sequence[Row] = (),
) -> Row:
    """Return what a run is worth, over the documents in it, and for a target if there is one."""
    kept = [(row["id"], pair) for row in rows for pair in row["kept"]]
    read = Counter(labels.get(pair_key(name, pair), "unread") for name, pair in kept)
    requests = [request for row in rows for request in row["requests"]]
    tokens = {
        name: sum(request[f"{name}_tokens"] for request in requests)
        for name in ("prompt", "cached", "completion")
    }
    empty = [row for row in rows if not documents[row["id"]]["asks"]]
    asks = [ask for row in rows for ask in documents[row["id"]]["asks"]]
    found = [pair for row in rows for pair in matches(documents[row["id"]]["asks"], row["kept"])]
    worked = [share_kept(ask, pair) for ask, pair in found if is_worked(ask)]
    lengths = [n_words(pair) for _, pair in kept]
    shortest = statistics.quantiles(map(n_words, target), n=round(1 / SHORTEST)) if target else [0]
    billed = tokens["prompt"] + tokens["completion"]
    return {
        "documents": len(rows),
        "failed": sum(row["failure"] is not None for row in rows),
        "kept": len(kept),
        **{label: read[label] for label in (*LABELS, "unread")},
        "good_share": _per(read["good"], len(kept)),
        "asks_found": _per(len(found), len(asks)),
        "answer_words": statistics.median(lengths) if lengths else float("nan"),
        "long_enough": _per(sum(length >= shortest[0] for length in lengths), len(kept)),
        "steps_kept": _per(sum(worked), len(worked)),
        "empty_right": f"{sum(not row['kept'] for row in empty)}/{len(empty)}",
        **tokens,
        "tokens_per_kept": _per(billed, len(kept)),
        "tokens_per_good": _per(billed, read["good"]),
        "good_per_1000": _per(1000 * read["good"], billed),
        "seconds_per_good": _per(sum(r["seconds"] for r in requests), read["good"]),
    }


def _per(amount: float, count: float) -> float:
    return amount / count if count else float("nan")


def print_table(table: dict[str, Row]) -> None:
    """Print figures, a column for each run."""
    print(f"| | {' | '.join(table)} |")
    print(f"| --- |{' ---: |' * len(table)}")
    for name in next(iter(table.values())):
        cells = [run[name] for run in table.values()]
        shown = [f"{cell:,.3g}" if isinstance(cell, float) else f"{cell}" for cell in cells]
        print(f"| {name} | {' | '.join(shown)} |")


def print_kinds(table: dict[str, Sequence[Row]], documents: dict[str, Row], labels: Any) -> None:
    """Print good of kept pairs by kind of document."""
    kinds = list(dict.fromkeys(document["kind"] for document in documents.values()))
    print(f"\n| good/kept | {' | '.join(table)} |")
    print(f"| --- |{' ---: |' * len(table)}")
    for kind in kinds:
        of = [
            figures([row for row in rows if row["kind"] == kind], documents, labels)
            for rows in table.values()
        ]
        cells = (f"{one['good']}/{one['kept']}" for one in of)
        print(f"| {kind} | {' | '.join(cells)} |")


# ---- command -------------------------------------------------------------------------------------


def read_lines(path: Path) -> list[Row]:
    """Return the rows of a JSONL file."""
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line]


def _run(options: argparse.Namespace) -> None:
    documents = read_lines(options.documents)
    if options.only:
        documents = [one for one in documents if one["id"] in options.only.split(",")]
    folder = BEFORE if options.before else options.prompts
    recipe = packaged_recipe(folder, refine=not options.no_refine)
    if options.like:
        recipe = like(recipe, read_lines(options.like))
    server = Server(
        options.url, options.model, options.key, options.max_reply_tokens, options.timeout
    )
    done = {row["id"] for row in read_lines(options.out)} if options.out.exists() else set()
    left = [document for document in documents if document["id"] not in done]
    with options.out.open("a", encoding="utf-8") as file:
        for row in run_on_server(left, recipe, server, in_flight=options.in_flight):
            file.write(json.dumps(row, ensure_ascii=False) + "\n")
            file.flush()


def _table(options: argparse.Namespace) -> None:
    documents = {one["id"]: one for one in read_lines(options.documents)}
    readings = [labels_of(read_lines(file)) for file in options.readings]
    runs = {file.stem: read_lines(file) for file in options.runs}
    target = read_lines(options.like) if options.like else ()
    for number, labels in enumerate(readings or [{}], 1):
        print(f"\nreading {number}" if readings else "\nnot read")
        table = {
            name: figures(rows, documents, labels, target=target) for name, rows in runs.items()
        }
        print_table(table)
        print_kinds(runs, documents, labels)
    if len(readings) > 1:
        n, share, kappa = agreement(*readings[:2])
        print(f"\nboth read {n} pairs: {share:.0%} with the same label, Cohen's kappa {kappa:.2f}")


def main() -> None:
    """Run, write a sheet or print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    commands = parser.add_subparsers(required=True)
    run = commands.add_parser("run", help="ask a server, and write what is kept and rejected")
    run.add_argument("--url", required=True)
    run.add_argument("--model", default="model")
    run.add_argument("--key", default="none")
    run.add_argument("--out", type=Path, required=True, help="continued where it ended")
    run.add_argument("--prompts", type=Path, help="folder with extract.txt, refine.txt")
    run.add_argument("--before", action="store_true", help="the prompts from before chats")
    run.add_argument("--no-refine", action="store_true")
    run.add_argument("--in-flight", type=int, default=4)
    run.add_argument("--max-reply-tokens", type=int, default=2048)
    run.add_argument("--timeout", type=float, default=1800.0)
    run.add_argument("--only", help="ids of documents, with commas")
    run.set_defaults(work=_run)
    written = commands.add_parser("recipe", help="print a recipe as JSON, for another machine")
    written.add_argument("--prompts", type=Path)
    written.add_argument("--before", action="store_true")
    written.add_argument("--no-refine", action="store_true")
    written.set_defaults(
        work=lambda o: print(
            recipe_json(packaged_recipe(BEFORE if o.before else o.prompts, refine=not o.no_refine))
        )
    )
    blind = commands.add_parser("sheet", help="print all kept pairs, to be read")
    blind.add_argument("runs", type=Path, nargs="+")
    blind.set_defaults(
        work=lambda o: print(
            "\n".join(json.dumps(row, ensure_ascii=False) for row in sheet(map(read_lines, o.runs)))
        )
    )
    table = commands.add_parser("table", help="print what runs are worth by readings")
    table.add_argument("runs", type=Path, nargs="+")
    table.add_argument("--readings", type=Path, nargs="*", default=[])
    table.set_defaults(work=_table)
    for command in (run, table):
        command.add_argument("--documents", type=Path, default=DOCUMENTS)
        command.add_argument("--like", type=Path, help="question and answer of a target, in JSONL")
    options = parser.parse_args()
    options.work(options)


if __name__ == "__main__":
    main()
