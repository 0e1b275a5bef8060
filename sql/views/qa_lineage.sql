-- Question: where does a QA pair come from, what did it cost, and what became of it? Grain: one
-- extracted pair in one campaign that requested its document; a pair that none requested, such as
-- those of the warm-up alone, is one row without campaign.
-- Inputs: extracted_qa, extractions, extractors, documents, warmup_qa, bandit_documents,
-- bandit_round, rounds, campaign_settings, clusters, cluster_geometry, qa_dataset, removed_qa, verdicts.
create or replace view qa_lineage as
select
  extracted_qa.qa_id,
  bandit_documents.campaign,
  extracted_qa.question,                -- as extracted, whatever became of it
  extracted_qa.answer,
  case
    when qa_dataset.qa_id is not null then 'in the data set'
    when removed_qa.qa_id is not null then 'removed'
    when bandit_documents.campaign is not null then 'data set not made since'
  end as outcome,                       -- null: no campaign requested it
  removed_qa.reason as removed_because, -- null: it is not
  removed_qa.collided_with,             -- the pair that was kept, test:POSITION or FILE:LINE; pruned:
                                        -- reference:POSITION, which it comes nearest to serving
  removed_qa.similarity,                -- to it, where that is measured
  verdicts.verdict,                     -- accepted, edited or rejected by a reviewer; null: not reviewed
  verdicts.reason as rejected_because,  -- in the words of the reviewer
  verdicts.new_question,                -- of an edited pair, as it is in the data set
  verdicts.new_answer,
  verdicts.reviewer,
  verdicts.reviewed_at,
  warmup_qa.qa_id is not null as is_in_warmup,
  documents.document_id,                -- null: not in the corpus any more, as all below
  documents.page,                       -- that it is a chunk of; null: of none
  documents.chunk,                      -- its place in the page, from 1
  coalesce(documents.metadata->>'$.title', documents.metadata->>'$.qualname') as title,
  documents.metadata,                   -- JSON object of strings: what the corpus says beside
  documents.source,
  documents.file,
  documents.row,
  documents.url,
  documents.license,
  documents.n_copies,                   -- rows of the corpus with this text
  bandit_documents.cluster,             -- at the time of the pull
  cluster_geometry.n_documents as cluster_documents,
  cluster_geometry.medoid_document_id,
  clusters.distance,                    -- Euclidean, to the centroid
  campaign_settings.settings->>'$.settings.campaign.strategy' as strategy,
  campaign_settings.settings->>'$.settings.campaign.target' as target,
  bandit_documents.round,
  bandit_documents.pull,
  bandit_round.mean_reward,             -- the parts of the score that chose the cluster
  bandit_round.exploration_bonus,
  bandit_round.ucb_score,
  bandit_round.reward,                  -- of the cluster after the pull
  rounds.finished_at,
  extracted_qa.position,                -- in the document, from 0
  extracted_qa.content_hash,
  extracted_qa.extractor,               -- fingerprint
  extractors.backend,                   -- null: not described, as the next two
  extractors.model,                     -- null: no model as well
  extractors.settings as extractor_settings, -- JSON, prompts by kind with their text
  extractions.n_pairs as document_pairs,     -- that share what the document took
  extractions.prompt_tokens,            -- of the document, whoever paid
  extractions.completion_tokens,
  extractions.cost,
  extractions.paid_prompt_tokens,       -- by first_asked_by; the rest was answered before
  extractions.paid_completion_tokens,
  extractions.paid_cost,
  extractions.n_requests,
  extractions.n_tries,
  extractions.request_seconds,
  extractions.first_asked_by,           -- who paid: 'warm-up', 'campaign|round-NNN' or 'campaign|preview'
  extractions.extracted_at
from extracted_qa
join extractions using (content_hash, extractor)
left join extractors using (extractor)
left join documents using (content_hash)
left join warmup_qa using (qa_id)
left join bandit_documents
  on bandit_documents.content_hash = extracted_qa.content_hash
  and bandit_documents.extractor = extracted_qa.extractor
left join bandit_round
  on bandit_round.campaign = bandit_documents.campaign
  and bandit_round.round = bandit_documents.round
  and bandit_round.pull = bandit_documents.pull
left join rounds
  on rounds.campaign = bandit_documents.campaign
  and rounds.round = bandit_documents.round
left join campaign_settings
  on campaign_settings.campaign = bandit_documents.campaign
left join clusters
  on clusters.document_id = documents.document_id
left join cluster_geometry
  on cluster_geometry.cluster = bandit_documents.cluster
left join qa_dataset
  on qa_dataset.campaign = bandit_documents.campaign
  and qa_dataset.qa_id = extracted_qa.qa_id
left join removed_qa
  on removed_qa.campaign = bandit_documents.campaign
  and removed_qa.qa_id = extracted_qa.qa_id
left join verdicts
  on verdicts.campaign = bandit_documents.campaign
  and verdicts.qa_id = extracted_qa.qa_id
