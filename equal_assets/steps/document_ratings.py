"""The ratings of documents by the extractor's LLM, for strategies that need them before round 1."""

from dataclasses import replace

import dagster as dg
import numpy as np
import polars as pl

from equal_assets.algorithms.extraction.rating import RatingTask, draw_candidates, draw_questions
from equal_assets.errors import CampaignError
from equal_assets.progress import report
from equal_assets.resources.extraction.extractors import Extractor, LLMExtractor
from equal_assets.resources.extraction.rating_store import rate_through_store
from equal_assets.resources.extraction.store import campaign_caps
from equal_assets.resources.warehouse import Warehouse, read_documents
from equal_assets.settings import Settings


def document_ratings(
    name: str,
    settings: Settings,
    warehouse: Warehouse,
    extractor: Extractor,
    ranked_ids: np.ndarray,
    *,
    run: str,
    log: dg.DagsterLogManager,
) -> pl.DataFrame:
    """Have the candidates of a campaign rated, and return `document_id, value` of all documents.

    Nothing is rated once the first round is stored, so that every round sees the same.

    Parameters
    ----------
    name : str
    settings : Settings
    warehouse : Warehouse
    extractor : Extractor
        One with an LLM.
    ranked_ids : ndarray of shape (n_documents,), str
        Nearest to the target first.
    run : str
        For the caps of a run.
    log : DagsterLogManager
    """
    if not isinstance(extractor, LLMExtractor):
        raise CampaignError(f"campaign {name}: extractor {extractor.BACKEND} has no LLM to ask")
    if not warehouse.query("last_round", campaign=name)["round"].item():
        _rate(name, settings, warehouse, extractor, ranked_ids, run=run, log=log)
    return warehouse.query("document_ratings", campaign=name)


def _rate(
    name: str,
    settings: Settings,
    warehouse: Warehouse,
    extractor: LLMExtractor,
    ranked_ids: np.ndarray,
    *,
    run: str,
    log: dg.DagsterLogManager,
) -> None:
    own, campaign = settings.llm_scoring, settings.campaigns[name]
    rng = np.random.default_rng([campaign.seed, 0])  # the rounds count from 1
    questions = warehouse.query("target_pairs", campaign=name, split="reference")["question"]
    task = RatingTask(
        template=extractor.llm_settings.prompts.template("rate"),
        questions=draw_questions(questions.to_list(), n_questions=own.reference_questions, rng=rng),
        document_characters=own.document_characters,
    )
    ids = draw_candidates(
        ranked_ids,
        n_candidates=own.n_candidates(campaign.budget_documents),
        is_random=own.drawn_by == "random",
        rng=rng,
    ).tolist()
    place = {document_id: index for index, document_id in enumerate(ids)}
    rate_through_store(
        warehouse,
        extractor,
        sorted(read_documents(warehouse, ids), key=lambda document: place[document.document_id]),
        task,
        campaign=name,
        run=run,
        caps=[
            replace(
                cap,
                name=f"{cap.name} x llm_scoring.budget_share",
                limit=cap.limit * own.budget_share,
            )
            for cap in campaign_caps(name, campaign, extractor, warehouse)
        ],
        progress=report(log, f"{name}: rate documents"),
    )
