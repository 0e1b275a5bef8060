"""The text of a commented campaigns.yaml, with sizes that fit what was looked at."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import yaml

from equal_assets.init.schema import SCHEMA_FILE

ROUNDS = 10
"""Rounds that a budget is spent in: enough to learn from, few enough to watch."""

WARM_UP_DOCUMENTS = 100
"""Documents that tune the embedder at least, where the paper's 5% are fewer."""


@dataclass(frozen=True)
class Sizes:
    """Sizes for a corpus; small ones get a larger share, or there would be nothing to learn from.

    Attributes
    ----------
    n_clusters, budget_documents, documents_per_pull, arms_per_round : int
    warmup_share : float
    """

    n_clusters: int
    warmup_share: float
    budget_documents: int
    documents_per_pull: int
    arms_per_round: int

    @classmethod
    def of(cls, n_documents: int, *, is_paid: bool, is_whole: bool = True) -> Sizes:
        """Return the sizes for a corpus.

        Parameters
        ----------
        n_documents : int
        is_paid : bool
            Extraction costs tokens, the sample's too.
        is_whole : bool
            There are no more documents: of so many more, a large share would be too much.
        """
        n_clusters = min(max(2, round(0.77 * math.sqrt(n_documents))), 1000, n_documents)
        share = min(math.ceil(10 * WARM_UP_DOCUMENTS / n_documents) / 10, 0.5 if is_paid else 1)
        budget = max(math.ceil(0.05 * n_documents), min(50, n_documents // 2), 1)
        per_round = math.ceil(budget / ROUNDS)
        per_pull = min(10, max(1, per_round // 5))
        return cls(
            n_clusters=n_clusters,
            warmup_share=share if is_whole and 0.05 * n_documents < WARM_UP_DOCUMENTS else 0.05,
            budget_documents=budget,
            documents_per_pull=per_pull,
            arms_per_round=min(n_clusters, math.ceil(per_round / per_pull)),
        )


def campaigns_text(
    *,
    corpus: dict[str, Any],
    extractor: dict[str, Any],
    target: dict[str, Any],
    sizes: Sizes,
    basis: str,
) -> str:
    """Return the file.

    Parameters
    ----------
    corpus, extractor, target : dict
        Keys of these sections; paths are relative to the file.
    sizes : Sizes
    basis : str
        What the sizes are based on, for the comment beside the budget.
    """
    return TEMPLATE.format(
        sample="" if extractor["backend"] == "structural" else " that the LLM reads",
        schema=SCHEMA_FILE,
        corpus=_section(corpus, indent=2),
        extractor=_section(extractor, indent=2),
        extractor_hint=HINTS.get(extractor["backend"], HINT_OF_LLM),
        target=_section(target, indent=4),
        basis=basis,
        **vars(sizes),
    )


def _section(values: dict[str, Any], *, indent: int) -> str:
    return "\n".join(f"{' ' * indent}{key}: {_flow(value)}" for key, value in values.items())


def _flow(value: Any) -> str:
    """Write a value in a line, with quotes where YAML needs them."""
    written = yaml.safe_dump(value, default_flow_style=True, allow_unicode=True, width=math.inf)
    return written.removesuffix("...\n").strip()


HINTS = {
    "structural": """\
  # It finds pairs that are laid out in the text: questions with answers, headings that ask,
  # docstrings with examples. For other documents use an LLM (docs/extraction.md):
  # backend: openai                        # any server, or vllm, or llama-cpp
  # base_urls: ["http://127.0.0.1:8000/v1"]
  # model: Qwen/Qwen2.5-7B-Instruct""",
    "llama-cpp": """\
  # concurrency: 2                         # requests at once; no more than the machine has cores
  # refine: false                          # one request per document: small models drop good pairs
  # max_reply_tokens: 512                  # ends replies that go on and on; docs/local.md""",
}
HINT_OF_LLM = """\
  # prompt_price: 0.15                     # money per million tokens, for `equal run --estimate`
  # completion_price: 0.60"""

TEMPLATE = """\
# yaml-language-server: $schema={schema}
# Written by `equal init`. `equal check` says whether all that is named here is there, `equal run`
# plays the campaigns. docs/settings.md lists every key.

corpus:                        # where the documents come from; docs/sources.md
{corpus}

warmup:                        # a random sample{sample}, which tunes the embedder
  share: {warmup_share:g}

clustering:
  n_clusters: {n_clusters}

extractor:                     # who finds question-answer pairs in a document
{extractor}
{extractor_hint}

student: {{}}                    # the built-in small Llama; docs/students.md names others

targets:
  my-task:                     # what a model should be good at
{target}
    # reference steers the selection; test is used for evaluation only
    # answers: number          # or math, code: also judge what students write; docs/evaluation.md

campaigns:
  equal:
    target: my-task
    strategy: equal            # learns which documents are worth it; docs/method.md
    budget_documents: {budget_documents}       # never exceeded; {basis}
    documents_per_pull: {documents_per_pull}
    arms_per_round: {arms_per_round}
    seed: 0
  random:                      # what the same budget buys without a choice
    target: my-task
    strategy: random
    budget_documents: {budget_documents}
    documents_per_pull: {documents_per_pull}
    arms_per_round: {arms_per_round}
    seed: 0
"""
