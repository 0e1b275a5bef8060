"""What a document takes from an LLM, counted by the tokenizer of a real one.

    python benchmarks/extraction_tokens.py              docstrings, pairs of `structural`
    python benchmarks/extraction_tokens.py --data DIR   documents and pairs of DIR/corpus.parquet

The replies are those of an LLM that finds the known pairs (columns `text, qa_pairs` of the file)
and leaves them as they are when it refines them. The tokenizer is Mistral's Tekken (131,072
tokens); it comes with vLLM, so run it where `make test-vllm` has installed that.
"""

from __future__ import annotations

import argparse
import random
from collections.abc import Sequence
from pathlib import Path

import polars as pl

from equal_assets.algorithms.extraction.prompts import Chat, chat, pairs_json
from equal_assets.algorithms.extraction.recipe import following
from equal_assets.records import Document, QAPair
from equal_assets.resources.corpora import read_corpus
from equal_assets.resources.extraction.extractors import Order, build_extractor
from equal_assets.resources.extraction.llm_extraction import recipe
from equal_assets.resources.llm.spending import Allowance
from equal_assets.settings import InstalledPackagesSettings, OpenAISettings, StructuralSettings


def tokens_per_document(documents: Sequence[Document], known: Sequence[list[QAPair]]) -> None:
    """Print the mean tokens of each request of a document."""
    import mistral_common
    from mistral_common.tokens.tokenizers.tekken import Tekkenizer

    file = Path(mistral_common.__file__).parent / "data" / "tekken_240911.json"
    tokenizer = Tekkenizer.from_file(file)

    def n_tokens(text: str) -> int:
        return len(tokenizer.encode(text, bos=True, eos=True))

    def n_read(messages: Chat) -> int:
        return sum(n_tokens(message["content"]) for message in messages)

    settings = OpenAISettings(backend="openai", base_urls=["http://unused"], model="unused")
    made = recipe(settings)
    counts = dict.fromkeys(("document", "extract", "reply", "refine", "again", "refined"), 0)
    for document, pairs in zip(documents, known, strict=True):
        kept = pairs[: settings.max_pairs]
        said = pairs_json(kept)
        reply = n_tokens(said)
        first = chat(made.extract, document=document.text, max_pairs=settings.max_pairs)
        counts["document"] += n_tokens(document.text)
        counts["extract"] += n_read(first)
        counts["reply"] += reply
        if kept and made.refine:
            second = following(made.refine, first, text=document.text, said=said, pairs=said)
            counts["refine"] += n_read(second)
            counts["again"] += n_read(first) + reply
            counts["refined"] += reply
    mean = {name: count / len(documents) for name, count in counts.items()}
    with_pairs = sum(map(bool, known)) / len(documents)
    print(f"{len(documents):,} documents, {with_pairs:.0%} with pairs; mean tokens of a document")
    print(
        "| its text | extraction: prompt | reply | refinement: prompt | read before | reply | all |"
    )
    print("| ---: | ---: | ---: | ---: | ---: | ---: | ---: |")
    total = sum(mean.values()) - mean["document"] - mean["again"]
    print("| " + " | ".join(f"{value:.0f}" for value in (*mean.values(), total)) + " |")


def with_known_pairs(
    data: Path | None, n_documents: int
) -> tuple[list[Document], list[list[QAPair]]]:
    """Return documents and the pairs that are known of them."""
    if data is None:
        rows = read_corpus(InstalledPackagesSettings(source="installed-packages"))
        found = [row for row in rows if isinstance(row, Document)]
        drawn = random.Random(0).sample(found, n_documents)
        extractor = build_extractor(StructuralSettings(), Path())
        order = Order(payer="warm-up", run="benchmark", allowance=Allowance())
        return drawn, [list(e.pairs) for e in extractor.extract(drawn, order)]
    table = pl.read_parquet(data / "corpus.parquet").sample(n_documents, seed=0)
    drawn = [
        Document(str(n), text, source="s", file="f", row=n) for n, text in enumerate(table["text"])
    ]
    known = [[QAPair(**pair) for pair in pairs] for pairs in table["qa_pairs"].to_list()]
    return drawn, known


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path)
    parser.add_argument("--documents", type=int, default=2_000)
    options = parser.parse_args()
    tokens_per_document(*with_known_pairs(options.data, options.documents))


if __name__ == "__main__":
    main()
