"""What a run is going to cost, before the first request: documents, tokens, money."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from equal_assets.records import CHARACTERS_PER_TOKEN, WARM_UP
from equal_assets.resources.extraction_store import campaign_caps
from equal_assets.resources.extractors import Extractor
from equal_assets.resources.spending import Prices
from equal_assets.resources.warehouse import Warehouse
from equal_assets.settings import LLMExtraction, Settings
from equal_assets.versions import is_current, stored_versions

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
        The budget that is reached first, or what has ended it.
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
    document = characters / CHARACTERS_PER_TOKEN
    reply = REPLY_SHARE * document
    pairs_read = (len(prompts) - 1) * reply
    basis = (
        f"assumed: {CHARACTERS_PER_TOKEN} characters a token, replies of {REPLY_SHARE:.0%} of "
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
    extractor: Extractor,
    warehouse: Warehouse,
) -> list[Estimate]:
    """Return what the warm-up and campaigns have still to ask for, by their budgets."""
    llm = settings.extractor
    prices = Prices()
    if isinstance(llm, LLMExtraction):
        prices = Prices(llm.prompt_price, llm.completion_price)
    one = prices.amount(round(1e6 * each.prompt), round(1e6 * each.completion))
    of_one = {"budget_tokens": one.tokens / 1e6, "budget_cost": one.cost / 1e6}
    found = []
    if not is_current("warmup_qa", settings, stored_versions(warehouse)):
        n_documents = warehouse.query("corpus_summary")["n_documents"].item()
        budgets = {
            "share": math.ceil(settings.warmup.share * n_documents),
            "budget_tokens": settings.warmup.budget_tokens,
            "budget_cost": settings.warmup.budget_cost,
        }
        found.append(_estimate(WARM_UP, budgets, of_one))
    standing = {row["campaign"]: row for row in warehouse.query("campaign_status").to_dicts()}
    for name in campaigns:
        campaign, row = settings.campaigns[name], standing.get(name, {})
        if row.get("ended_by"):
            found.append(Estimate(name, 0, 0, 0.0, f"ended by {row['ended_by']}"))
            continue
        budgets = {"budget_documents": campaign.budget_documents - row.get("documents", 0)}
        for cap in campaign_caps(name, campaign, extractor, warehouse):
            budgets[f"budget_{cap.unit}"] = cap.limit - cap.used
        found.append(_estimate(name, budgets, of_one))
    return found


def _estimate(
    payer: str, budgets: Mapping[str, float | None], of_one: Mapping[str, float]
) -> Estimate:
    """Return how many documents the tightest of budgets has room for; others are of documents."""
    left = {
        name: budget / of_one.get(name, 1.0)
        for name, budget in budgets.items()
        if budget is not None and of_one.get(name, 1.0)
    }
    ends_by = min(left, key=lambda name: left[name])
    n_left = max(0, math.floor(left[ends_by]))
    tokens, cost = n_left * of_one["budget_tokens"], n_left * of_one["budget_cost"]
    return Estimate(payer, n_left, round(tokens), cost, ends_by)
