"""What a run is going to cost, before the first request: documents, tokens, money."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from equal_assets.algorithms.extraction.prompts import shows
from equal_assets.planning.pairs import PairsToCome, pairs_to_come
from equal_assets.records import CHARACTERS_PER_TOKEN, WARM_UP
from equal_assets.resources.extraction.extractors import Extractor
from equal_assets.resources.extraction.store import campaign_caps
from equal_assets.resources.llm.requests import PREPARED_SHARE
from equal_assets.resources.llm.spending import Amount, Cap, Prices
from equal_assets.resources.targets.reading import read_target
from equal_assets.resources.warehouse import Warehouse
from equal_assets.settings import LLMExtractionSettings, Settings
from equal_assets.versions import is_current, stored_versions

REPLY_TOKENS, REPLY_SHARE = 50, 0.5
"""Of a reply to a chunk, and more per token of its document, where nothing was measured. Seen: 70
tokens for docstrings of 227, 250 for textbooks and forums of 395; about 90 and 215 by a model of
1.5 billion parameters for texts of 85 and 212."""

ASSUMED_RANGE = ((5.0, 10, 0.1), (3.0, 100, 1.5))
"""Characters per token, tokens and share of a reply, of documents that take little or much."""

RATING_REPLY_TOKENS = 10
"""Of ``{"rating": 3}``; a model that thinks first writes more."""

MEASURED_DOCUMENTS = 2
"""Extractions after which their mean is taken instead of assumptions, and how they differ."""

PAIRS = "budget_pairs"
"""The one budget that must be met, not only kept to."""

CONFIDENCE = 0.95
"""Of the interval around what was measured."""


@dataclass(frozen=True)
class TokensPerDocument:
    """Mean tokens of a document, how they are known, and between what they may lie.

    Attributes
    ----------
    prompt, completion : float
    basis : str
        In words.
    between : tuple of float
        Tokens of both; where they were measured, of as many documents that are like those.
    deviation : float
        Of the tokens of a document that was measured.
    n_measured : int
    pace : tuple of float
        Seconds of a document that was measured: where the LLM answers as many requests at once as
        it may be sent, and where it keeps the pace that was seen.
    """

    prompt: float
    completion: float
    basis: str
    between: tuple[float, float] = (0.0, 0.0)
    deviation: float = 0.0
    n_measured: int = 0
    pace: tuple[float, float] = (0.0, 0.0)

    @property
    def total(self) -> float:
        """Return the tokens of both."""
        return self.prompt + self.completion

    def interval(self, n_documents: int) -> tuple[float, float]:
        """Return between what the mean of so many further documents lies."""
        if not self.n_measured:
            return self.between
        return interval_of_mean(
            self.total, self.deviation, n_measured=self.n_measured, n_further=n_documents
        )


def interval_of_mean(
    mean: float, deviation: float, *, n_measured: int, n_further: int
) -> tuple[float, float]:
    """Return between what the mean of further documents lies, which are like those measured.

    Parameters
    ----------
    mean, deviation : float
        Of a document that was measured; at least 0.
    n_measured : int
        At least 2.
    n_further : int
    """
    from scipy.stats import t

    quantile = t.ppf((1 + CONFIDENCE) / 2, n_measured - 1)
    error = quantile * deviation * math.sqrt(1 / n_measured + 1 / max(1, n_further))
    return max(0.0, mean - error), mean + error


@dataclass(frozen=True)
class Estimate:
    """What a payer has still to pay for.

    Attributes
    ----------
    payer : str
        ``"warm-up"``, a campaign, or ``"campaign: ratings"``.
    documents : int
        Still to be extracted, or to be rated: those that nobody has paid for, expected where it
        depends on what is chosen.
    tokens : int
        Of prompts and replies.
    between : tuple of int
        What the tokens may come to: at least, at most.
    cost : float
        Money, at the prices of the settings.
    ends_by : str
        The budget that is reached first, or what has ended it.
    documents_between : tuple of int or None
        Where a budget of pairs ends it: documents at least, at most.
    chosen : int
        Documents that are still to be chosen, whoever has paid for them.
    of_ratings : bool
        Documents are rated, not extracted.
    """

    payer: str
    documents: int
    tokens: int
    between: tuple[int, int]
    cost: float
    ends_by: str
    chosen: int = 0
    of_ratings: bool = False
    documents_between: tuple[int, int] | None = None


@dataclass(frozen=True)
class Extracted:
    """How much of the corpus is extracted already.

    Attributes
    ----------
    n_documents, n_extracted : int
        Of the corpus.
    n_by_warm_up : int
        Of these paid by the warm-up, whose sample is drawn by chance.
    """

    n_documents: int
    n_extracted: int
    n_by_warm_up: int

    @property
    def n_left(self) -> int:
        """Return the documents that nobody has paid for."""
        return self.n_documents - self.n_extracted


def extracted(extractor: Extractor, warehouse: Warehouse) -> Extracted:
    """Return how much of the corpus this extractor has read."""
    row = warehouse.query("extracted_documents", extractor=extractor.fingerprint)
    return Extracted(**row.row(0, named=True))


def tokens_per_document(
    settings: Settings,
    extractor: Extractor,
    warehouse: Warehouse,
) -> TokensPerDocument:
    """Return the mean tokens of a document: measured by this extractor, or assumed."""
    llm = settings.extractor
    measured = warehouse.query("measured_tokens", extractor=extractor.fingerprint).row(
        0, named=True
    )
    if not isinstance(llm, LLMExtractionSettings):
        seconds = measured["seconds"] or 0.0
        basis = f"extractor {llm.backend} uses no tokens"
        return TokensPerDocument(0.0, 0.0, basis, pace=(seconds, seconds))
    if measured["documents"] >= MEASURED_DOCUMENTS:
        return TokensPerDocument(
            measured["prompt_tokens"],
            measured["completion_tokens"],
            f"measured on {measured['documents']:,} documents",
            deviation=measured["deviation"],
            n_measured=measured["documents"],
            pace=_pace(measured, llm.concurrency),
        )
    corpus = warehouse.query("corpus_summary").row(0, named=True)
    characters = corpus["n_characters"] / max(1, corpus["n_documents"])
    return assumed_tokens(llm, characters)


def assumed_tokens(llm: LLMExtractionSettings, characters: float) -> TokensPerDocument:
    """Return the mean tokens of documents of a length, before any is extracted."""
    prompt, completion = _assumed(llm, characters, CHARACTERS_PER_TOKEN, REPLY_TOKENS, REPLY_SHARE)
    low, high = (sum(_assumed(llm, characters, *assumed)) for assumed in ASSUMED_RANGE)
    return TokensPerDocument(
        prompt,
        completion,
        f"assumed: {CHARACTERS_PER_TOKEN} characters per token, replies of {REPLY_TOKENS} tokens "
        f"and {REPLY_SHARE:.0%} of the document; measured once {MEASURED_DOCUMENTS} documents are "
        "extracted",
        between=(low, high),
    )


def _pace(measured: Mapping[str, Any], concurrency: int) -> tuple[float, float]:
    """Return how many seconds a document takes: at least, at most.

    By Little's law: what is done in a second is what is in progress, divided by how long it takes.
    """
    in_progress = min(measured["documents"], math.ceil(concurrency * (1 + PREPARED_SHARE)))
    paces = measured["request_seconds"] / concurrency, measured["seconds"] / in_progress
    return min(paces), max(paces)


def _assumed(
    llm: LLMExtractionSettings,
    characters: float,
    characters_per_token: float,
    reply_tokens: int,
    share: float,
) -> tuple[float, float]:
    """Return the tokens of prompts and replies.

    The requests after the first read the document and the reply to it again; those that do not
    show the document go on with the first one, and read its template as well.
    """
    first, *others = llm.asked().values()
    chunks = max(1, math.ceil(characters / llm.chunk_characters))
    document = characters / characters_per_token
    reply = min(chunks * reply_tokens + share * document, chunks * llm.max_reply_tokens)
    read = [first, *others, *(first for template in others if not shows(template, "document"))]
    templates = sum(map(len, read)) * chunks / characters_per_token
    n_requests = 1 + len(others)
    return n_requests * document + templates + len(others) * reply, n_requests * reply


def estimates(
    settings: Settings,
    campaigns: Sequence[str],
    each: TokensPerDocument,
    extractor: Extractor,
    warehouse: Warehouse,
) -> list[Estimate]:
    """Return what the warm-up and campaigns have still to pay for, by their budgets.

    What is extracted already is paid: of what a campaign will choose, as large a part as of all
    documents.
    """
    llm = settings.extractor
    read = extracted(extractor, warehouse)
    prices = Prices()
    if isinstance(llm, LLMExtractionSettings):
        prices = Prices(llm.prompt_price, llm.completion_price)
    one = prices.amount(round(1e6 * each.prompt), round(1e6 * each.completion))
    of_one = {"budget_tokens": one.tokens / 1e6, "budget_cost": one.cost / 1e6}
    found = []
    if not is_current("warmup_qa", settings, stored_versions(warehouse)):
        sample = math.ceil(settings.warmup.share * read.n_documents)
        budgets = {
            "share": max(0, sample - read.n_by_warm_up),
            "budget_tokens": settings.warmup.budget_tokens,
            "budget_cost": settings.warmup.budget_cost,
        }
        found.append(_estimate(WARM_UP, budgets, of_one, each.interval))
    standing = {row["campaign"]: row for row in warehouse.query("campaign_status").to_dicts()}
    for name in campaigns:
        campaign, row = settings.campaigns[name], standing.get(name, {})
        if row.get("ended_by"):
            found.append(Estimate(name, 0, 0, (0, 0), 0.0, f"ended by {row['ended_by']}"))
            continue
        budgets = {"budget_documents": campaign.budget_documents - row.get("documents", 0)}
        caps = campaign_caps(name, campaign, extractor, warehouse)
        rated = Amount()
        if (
            campaign.strategy_row.needs_ratings
            and isinstance(llm, LLMExtractionSettings)
            and not row
        ):
            found.append(_ratings(name, settings, llm, caps, warehouse))
            rated = Amount(found[-1].tokens, found[-1].cost)
        for cap in caps:
            budgets[f"budget_{cap.unit}"] = cap.limit - cap.used - getattr(rated, cap.unit)
        asked = _estimate(name, budgets, of_one, each.interval)
        pairs = pairs_to_come(name, campaign, warehouse, extractor=extractor.fingerprint)
        if pairs is not None:
            asked = _until_pairs(asked, pairs, budgets, of_one, each.interval)
        found.append(_unpaid(asked, read, n_chosen=row.get("documents", 0)))
    return found


def _until_pairs(
    asked: Estimate,
    pairs: PairsToCome,
    budgets: Mapping[str, float | None],
    of_one: Mapping[str, float],
    interval: Callable[[int], tuple[float, float]],
) -> Estimate:
    """Return an estimate that ends where the campaign has its pairs, if that is before its caps."""
    ends = [
        _estimate(asked.payer, {**budgets, PAIRS: n_documents}, of_one, interval)
        for n_documents in (pairs.between[0], pairs.documents, pairs.between[1])
    ]
    between = ends[0].between[0], ends[2].between[1]
    n_documents = ends[0].documents, ends[2].documents
    return replace(ends[1], between=between, documents_between=n_documents)


def together(
    found: Sequence[Estimate], each: TokensPerDocument, extractor: Extractor, warehouse: Warehouse
) -> Estimate:
    """Return what all have still to pay for: a document once, and no more than there are.

    Expected are the documents if each chooses by chance. Where all choose the same, the one that
    chooses most pays for all.
    """
    n_left = extracted(extractor, warehouse).n_left
    ratings = [row for row in found if row.of_ratings]
    rows = [row for row in found if not row.of_ratings]
    asked = sum(row.documents for row in rows)
    missed = math.prod(1 - min(1.0, row.documents / max(1, n_left)) for row in rows)
    n_documents = min(asked, round(n_left * (1 - missed)))
    share = n_documents / max(1, asked)
    least = max((row.between[0] for row in rows), default=0)
    most = min(sum(row.between[1] for row in rows), round(n_left * each.interval(n_left)[1]))
    return Estimate(
        "together",
        n_documents + sum(row.documents for row in ratings),
        round(share * sum(row.tokens for row in rows)) + sum(row.tokens for row in ratings),
        (
            least + sum(row.between[0] for row in ratings),
            most + sum(row.between[1] for row in ratings),
        ),
        share * sum(row.cost for row in rows) + sum(row.cost for row in ratings),
        "",
    )


def _unpaid(asked: Estimate, read: Extracted, *, n_chosen: int) -> Estimate:
    """Return what is left to pay for of what a campaign asks for, which has chosen some before.

    The warm-up has drawn its part by chance; campaigns may have chosen all the same documents or
    none of them.
    """
    n_candidates = max(1, read.n_documents - n_chosen)
    if not asked.documents or read.n_left >= n_candidates:
        return asked
    n_asked = min(asked.documents, n_candidates)
    drawn = min(read.n_by_warm_up, n_candidates) / n_candidates
    n_by_campaigns = read.n_extracted - read.n_by_warm_up
    expected = n_asked * read.n_left / n_candidates
    fewest = max(0.0, n_asked * (1 - drawn) - n_by_campaigns)
    least, most = asked.between
    return replace(
        asked,
        documents=round(expected),
        tokens=round(asked.tokens * expected / asked.documents),
        between=(
            round(least * min(fewest, expected) / asked.documents),
            round(most * min(n_asked, read.n_left) / asked.documents),
        ),
        cost=asked.cost * expected / asked.documents,
    )


def _ratings(
    name: str,
    settings: Settings,
    llm: LLMExtractionSettings,
    caps: Sequence[Cap],
    warehouse: Warehouse,
) -> Estimate:
    """Return what the ratings before the first round of a campaign take, by assumed lengths."""
    own, campaign = settings.llm_scoring, settings.campaigns[name]
    corpus = warehouse.query("corpus_summary").row(0, named=True)
    reference, _ = read_target(settings.targets[campaign.target])
    n_shown = min(own.reference_questions, len(reference))
    questions = n_shown * sum(len(pair.question) for pair in reference) / len(reference)
    document = min(own.document_characters, corpus["n_characters"] / max(1, corpus["n_documents"]))
    template = len(llm.prompts.template("rate"))
    one = Prices(llm.prompt_price, llm.completion_price).amount(
        round((template + questions + document) / CHARACTERS_PER_TOKEN), RATING_REPLY_TOKENS
    )
    n_rated = len(warehouse.query("rated_documents", campaign=name))
    n_candidates = min(own.n_candidates(campaign.budget_documents), corpus["n_documents"])
    budgets: dict[str, float] = {"llm_scoring.candidates": n_candidates - n_rated}
    for cap in caps:
        budgets[f"budget_{cap.unit}"] = own.budget_share * cap.limit - cap.used
    of_one = {"budget_tokens": one.tokens, "budget_cost": one.cost}
    low, high = (one.tokens * CHARACTERS_PER_TOKEN / characters for characters, *_ in ASSUMED_RANGE)
    rated = _estimate(f"{name}: ratings", budgets, of_one, lambda n_documents: (low, high))
    return replace(rated, chosen=0, of_ratings=True)


def _estimate(
    payer: str,
    budgets: Mapping[str, float | None],
    of_one: Mapping[str, float],
    interval: Callable[[int], tuple[float, float]],
) -> Estimate:
    """Return what the tightest budget pays for, also where documents take less or more."""
    n_documents, ends_by = _affordable(budgets, of_one)
    one, between = of_one["budget_tokens"], []
    for tokens in interval(n_documents):
        of_other = {unit: value * tokens / one if one else 0.0 for unit, value in of_one.items()}
        between.append(round(_affordable(budgets, of_other)[0] * tokens))
    tokens = round(n_documents * one)
    # a cap leaves room for whole documents: for fewer of those that take more
    least, most = min(tokens, *between), max(tokens, *between)
    cost = n_documents * of_one["budget_cost"]
    return Estimate(payer, n_documents, tokens, (least, most), cost, ends_by, chosen=n_documents)


def _affordable(
    budgets: Mapping[str, float | None], of_one: Mapping[str, float]
) -> tuple[int, str]:
    """Return how many documents the tightest budget pays for; unpriced ones count documents."""
    left = {
        name: budget / of_one.get(name, 1.0)
        for name, budget in budgets.items()
        if budget is not None and of_one.get(name, 1.0)
    }
    ends_by = min(left, key=lambda name: left[name])
    n_documents = left[ends_by]
    return max(0, math.floor(n_documents) if ends_by != PAIRS else math.ceil(n_documents)), ends_by
