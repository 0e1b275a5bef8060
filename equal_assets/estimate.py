"""What a run is going to cost, before the first request: documents, tokens, money."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from equal_assets.resources.extractors import Extractor
from equal_assets.resources.spending import Prices
from equal_assets.resources.warehouse import Warehouse
from equal_assets.settings import LLMExtraction, Settings
from equal_assets.versions import is_current, stored_versions

CHARACTERS_PER_TOKEN = 4.0
REPLY_SHARE = 0.25
"""Tokens of a reply over those of its document, where nothing was measured."""

MEASURED_DOCUMENTS = 30
"""Extractions after which their mean is taken instead of assumptions."""


@dataclass(frozen=True)
class TokensPerDocument:
    """Mean tokens of a document, and how they are known."""

    prompt: float
    completion: float
    basis: str


@dataclass(frozen=True)
class Estimate:
    """What a payer has still to ask for.

    Attributes
    ----------
    payer : str
        ``"warm-up"`` or a campaign.
    documents : int
        Still to be asked for; each is paid once, whoever asks.
    tokens : int
        Of prompts and replies.
    cost : float
        Money, at the prices of the settings.
    ends_by : str
        The budget that is reached first.
    """

    payer: str
    documents: int
    tokens: int
    cost: float
    ends_by: str


def tokens_per_document(
    settings: Settings, extractor: Extractor, warehouse: Warehouse
) -> TokensPerDocument:
    """Return the mean tokens of a document: measured by this extractor, or assumed."""
    llm = settings.extractor
    if not isinstance(llm, LLMExtraction):
        return TokensPerDocument(0.0, 0.0, f"extractor {llm.backend} uses no tokens")
    measured = warehouse.query("measured_tokens", extractor=extractor.fingerprint).row(
        0, named=True
    )
    if measured["documents"] >= MEASURED_DOCUMENTS:
        basis = f"measured on {measured['documents']:,} documents"
        return TokensPerDocument(measured["prompt_tokens"], measured["completion_tokens"], basis)
    corpus = warehouse.query("corpus_summary").row(0, named=True)
    characters = corpus["n_characters"] / max(1, corpus["n_documents"])
    prompts = llm.identity()["prompts"]
    chunks = max(1, math.ceil(characters / llm.chunk_characters))
    templates = sum(len(text) for text in prompts.values()) * chunks
    document, reply = characters / CHARACTERS_PER_TOKEN, REPLY_SHARE * characters / 4
    pairs_read = (len(prompts) - 1) * reply
    basis = (
        f"assumed: {CHARACTERS_PER_TOKEN:.0f} characters a token, replies of {REPLY_SHARE:.0%} of "
        f"the document; measured once {MEASURED_DOCUMENTS} documents are extracted"
    )
    return TokensPerDocument(
        prompt=len(prompts) * document + templates / CHARACTERS_PER_TOKEN + pairs_read,
        completion=len(prompts) * reply,
        basis=basis,
    )


def estimates(
    settings: Settings,
    campaigns: Sequence[str],
    each: TokensPerDocument,
    warehouse: Warehouse,
) -> list[Estimate]:
    """Return what the warm-up and campaigns have still to ask for, by their budgets."""
    llm = settings.extractor
    prices = Prices()
    if isinstance(llm, LLMExtraction):
        prices = Prices(llm.prompt_price, llm.completion_price)
    amount = prices.amount(round(1e6 * each.prompt), round(1e6 * each.completion))
    tokens, cost = amount.tokens / 1e6, amount.cost / 1e6
    n_documents = warehouse.query("corpus_summary")["n_documents"].item()
    standing = {row["campaign"]: row for row in warehouse.query("campaign_status").to_dicts()}
    stored = stored_versions(warehouse)
    found = []
    if not is_current("warmup_qa", settings, stored):
        n_sample = math.ceil(settings.warmup.share * n_documents)
        found.append(
            Estimate("warm-up", n_sample, round(n_sample * tokens), n_sample * cost, "share")
        )
    for name in campaigns:
        campaign, row = settings.campaigns[name], standing.get(name, {})
        left = {"budget_documents": float(campaign.budget_documents - row.get("documents", 0))}
        if campaign.budget_tokens is not None and tokens:
            left["budget_tokens"] = (campaign.budget_tokens - row.get("tokens", 0)) / tokens
        if campaign.budget_cost is not None and cost:
            left["budget_cost"] = (campaign.budget_cost - row.get("cost", 0.0)) / cost
        ends_by = min(left, key=lambda budget: left[budget])
        n_left = 0 if row.get("ended_by") else max(0, math.floor(left[ends_by]))
        found.append(Estimate(name, n_left, round(n_left * tokens), n_left * cost, ends_by))
    return found
