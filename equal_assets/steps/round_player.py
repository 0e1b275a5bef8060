"""What the rounds of a campaign share: made when it starts, and again when it goes on."""

from dataclasses import dataclass, replace
from pathlib import Path

import dagster as dg
import numpy as np
import polars as pl

from equal_assets.algorithms.optimal_transport import measure_bias
from equal_assets.algorithms.strategies.equal import EqualParameters
from equal_assets.algorithms.strategies.ranked import similarity_order
from equal_assets.algorithms.strategies.strategy import Corpus, Space, Strategy, Target
from equal_assets.algorithms.strategies.table import Plan, make_strategy
from equal_assets.algorithms.yields import Yields
from equal_assets.errors import CampaignError
from equal_assets.progress import report
from equal_assets.records import CHARACTERS_PER_TOKEN
from equal_assets.resources.campaigns_file import CampaignsFile
from equal_assets.resources.embedding.embedder import Embedder
from equal_assets.resources.embedding.pair_vectors import embed_target
from equal_assets.resources.engine.engine import Engine
from equal_assets.resources.extraction.extractors import Extractor
from equal_assets.resources.students.student import Student
from equal_assets.resources.warehouse import Warehouse, read_embedder
from equal_assets.settings import CampaignSettings, Settings, fingerprint
from equal_assets.steps.campaign_pairs import CampaignPairs, campaign_pairs
from equal_assets.steps.coverage import PoolCoverage, pool_coverage
from equal_assets.steps.document_ratings import document_ratings
from equal_assets.steps.document_vectors import read_vectors
from equal_assets.steps.leaks import LeakRules, leak_rules
from equal_assets.steps.shortlist import SHORTLISTS, kept_shortlist
from equal_assets.steps.student_scores import StudentScorer, student_scorer
from equal_assets.steps.student_states import student_space
from equal_assets.steps.word_scores import word_scores
from equal_assets.versions import campaign_inputs, stored_versions


@dataclass(frozen=True)
class RoundPlayer:
    """Everything that the rounds of one campaign share; made once for a run of several rounds."""

    name: str
    settings: Settings
    inputs: dict
    warehouse: Warehouse
    extractor: Extractor
    embedder: Embedder
    engine: Engine
    model_path: str
    embedder_version: str
    scorer: StudentScorer | None  # scores of pairs that the strategy learns from, or of documents
    strategy: Strategy
    pairs: CampaignPairs  # all that it extracted so far, but for leaks
    coverage: PoolCoverage  # what its pairs cover of the target so far
    rules: LeakRules  # pairs that leak earn no reward
    document_ids: np.ndarray  # (n_documents,), str; rows of the strategy's corpus
    run: str  # for the caps of a run
    log: dg.DagsterLogManager

    @property
    def campaign(self) -> CampaignSettings:
        """Its section of campaigns.yaml."""
        return self.settings.campaigns[self.name]

    @property
    def fingerprint(self) -> str:
        """Identifies settings and inputs of the campaign."""
        return fingerprint(self.inputs)

    @property
    def score_key(self) -> str:
        """Identifies the scores of the student; empty where there are none."""
        return self.scorer.key if self.scorer else ""

    @property
    def reference(self) -> np.ndarray:
        """Embedded reference pairs, shape (n_reference, n_dimensions)."""
        return self.strategy.target.embeddings


def prepare_campaign(
    name: str,
    warehouse: Warehouse,
    campaigns: CampaignsFile,
    extractor: Extractor,
    embedder: Embedder,
    student: Student,
    engine: Engine,
    *,
    run: str,
    log: dg.DagsterLogManager,
) -> RoundPlayer:
    """Check that a campaign can go on, embed its reference pairs, and have documents scored.

    Raises
    ------
    CampaignError
        If an input is missing, its settings have changed since it was started, or its budget is
        larger than the corpus.
    CorpusError
        If a protected file cannot be used.
    ExtractionError
        If documents are to be rated, and no server answers.
    """
    settings, stored = campaigns.load(), stored_versions(warehouse)
    inputs = campaign_inputs(name, settings, warehouse)
    _check_budget(name, settings, warehouse)
    model = read_embedder(warehouse)
    target = embed_target(
        warehouse, embedder, name, progress=report(log, "embed the reference pairs")
    )
    if settings.campaigns[name].debias_reward:
        target = replace(target, bias=measure_bias(target.embeddings))
    documents = _candidate_documents(name, settings, warehouse)
    scorer = student_scorer(name, settings, stored, warehouse, student, engine, log)
    row = settings.campaigns[name].strategy_row
    if row.needs_ratings:
        nearest = documents.ids[similarity_order(documents.corpus, target)]
        ratings = document_ratings(name, settings, warehouse, extractor, nearest, run=run, log=log)
        documents = documents.with_scores(ratings)
    elif row.counts_words:
        scores = word_scores(name, warehouse, progress=report(log, "count the words"))
        documents = documents.with_scores(scores)
    elif scorer is not None and row.scores_documents:
        documents = documents.with_scores(scorer.document_scores())
    elif scorer is not None and row.compares_states:
        documents = documents.with_space(student_space(scorer))
    made_from = fingerprint(inputs)
    strategy = _resume_strategy(name, settings, warehouse, documents, target, made_from)
    rules = leak_rules(name, settings, warehouse)
    return RoundPlayer(
        name=name,
        settings=settings,
        inputs=inputs,
        warehouse=warehouse,
        extractor=extractor,
        embedder=embedder,
        engine=engine,
        model_path=model["path"],
        embedder_version=model["embedder_version"],
        scorer=scorer,
        strategy=strategy,
        pairs=campaign_pairs(
            name,
            warehouse,
            n_dimensions=target.embeddings.shape[1],
            embedder_version=model["embedder_version"],
            scorer=scorer.key if scorer else "",
        ),
        coverage=pool_coverage(
            name,
            settings,
            warehouse,
            extractor,
            embedder,
            strategy,
            documents.ids,
            rules,
            progress=report(log, "embed the pairs of the warm-up"),
        ),
        rules=rules,
        document_ids=documents.ids,
        run=run,
        log=log,
    )


def _check_budget(name: str, settings: Settings, warehouse: Warehouse) -> None:
    n_documents = warehouse.query("count_documents")["n_documents"].item()
    campaign = settings.campaigns[name]
    stated = f"campaigns.{name}.budget_documents = {campaign.budget_documents}"
    if campaign.budget_documents > n_documents:
        raise CampaignError(
            f"{stated}: must be at most {n_documents}, the number of documents in the corpus"
        )
    if campaign.strategy_row.takes_all and campaign.budget_documents != n_documents:
        raise CampaignError(
            f"{stated}: must be {n_documents}; strategy {campaign.strategy} extracts every document"
        )


@dataclass(frozen=True)
class _CandidateDocuments:
    """The documents that a campaign may use; rows as in the corpus."""

    ids: np.ndarray  # (n_documents,), str
    is_read: np.ndarray  # (n_documents,), bool: used in earlier rounds
    corpus: Corpus

    def with_scores(self, scores: pl.DataFrame) -> "_CandidateDocuments":
        """Return the same with scores, given as `document_id, value`."""
        own = pl.DataFrame({"document_id": self.ids})
        values = own.join(scores, on="document_id", how="left", maintain_order="left")["value"]
        return replace(
            self, corpus=replace(self.corpus, scores=values.fill_null(np.nan).to_numpy())
        )

    def with_space(self, space: Space) -> "_CandidateDocuments":
        """Return the same with what the strategy compares them by."""
        return replace(self, corpus=replace(self.corpus, space=space))


def _candidate_documents(
    name: str, settings: Settings, warehouse: Warehouse
) -> _CandidateDocuments:
    documents = warehouse.query("candidate_documents", campaign=name)
    tokens = documents["n_characters"].to_numpy() / CHARACTERS_PER_TOKEN
    counts_documents = settings.campaigns[name].counts_documents
    return _CandidateDocuments(
        ids=documents["document_id"].to_numpy(),
        is_read=documents["is_read"].to_numpy(),
        corpus=Corpus(
            embeddings=read_vectors(warehouse),
            arms=documents["cluster"].to_numpy().astype(np.int64),
            tokens=tokens,
            costs=np.ones(len(documents)) if counts_documents else tokens,
            yields=None if counts_documents else _yields(documents),
        ),
    )


def _yields(documents: pl.DataFrame) -> Yields:
    pairs, lengths = documents["expected_pairs"], documents["expected_answer_characters"]
    return Yields(
        pairs=pairs.cast(pl.Float64).to_numpy(), answer_lengths=lengths.cast(pl.Float64).to_numpy()
    )


def _resume_strategy(
    name: str,
    settings: Settings,
    warehouse: Warehouse,
    documents: _CandidateDocuments,
    target: Target,
    made_from: str,
) -> Strategy:
    """Return the strategy as it was after the last round."""
    campaign = settings.campaigns[name]
    plan = Plan(
        n_documents=campaign.budget_documents,
        documents_per_pull=campaign.documents_per_pull,
        equal=EqualParameters(**settings.equal.model_dump()),
    )
    if campaign.strategy_row.has_shortlist:
        folder = Path(warehouse.database).parent / SHORTLISTS
        given = (documents.corpus, target, plan.equal)
        shortlist = kept_shortlist(folder, name, made_from, *given, n_documents=plan.n_documents)
        plan = replace(plan, shortlist=shortlist)
    strategy = make_strategy(
        campaign.strategy,
        documents.corpus,
        target,
        plan,
        rng=np.random.default_rng(campaign.seed),
    )
    last = warehouse.query("last_round", campaign=name)["round"].item()
    stored = warehouse.query("strategy_state", campaign=name, round=last).rows()
    state = {key: np.array(values) for key, values in stored}
    strategy.restore(state, np.flatnonzero(documents.is_read))
    return strategy
