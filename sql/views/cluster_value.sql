-- Question: which clusters gave the most for what they took? Grain: one cluster of one campaign that
-- requested documents of it. Value is counted in examples: pairs that are in the campaign's data set,
-- after removal of repeats and test questions. How near they come to the target says `mean_reward`.
-- Start with: from cluster_value where campaign = 'NAME' order by examples_per_1000_tokens desc.
-- Inputs: bandit_documents, extractions, bandit_round, qa_dataset, cluster_geometry, documents.
create or replace view cluster_value as
with asked as (
  select
    campaign,
    cluster,
    count(*) as n_documents,
    count(*) filter (where extractions.status <> 'pairs') as n_documents_without_pairs,
    sum(n_pairs) as n_pairs,
    sum(prompt_tokens + completion_tokens) as tokens,
    sum(cost) as cost
  from bandit_documents
  join extractions using (content_hash, extractor)
  group by campaign, cluster
),
examples as (
  select
    qa_dataset.campaign,
    qa_dataset.cluster,
    count(*) as n_examples,
    avg(reward) as mean_reward
  from qa_dataset
  join bandit_round using (campaign, round, pull)
  group by qa_dataset.campaign, qa_dataset.cluster
)
select
  campaign,
  cluster,
  documents.source as medoid_source,
  documents.text[:80] as medoid,                       -- the document nearest the centroid
  asked.n_documents,                                   -- requested
  n_documents_without_pairs,
  n_pairs::bigint as n_pairs,                          -- extracted
  coalesce(n_examples, 0) as n_examples,               -- of these, in the data set
  tokens::bigint as tokens,                            -- that extraction took, whoever paid
  cost,                                                -- money, likewise
  coalesce(n_examples, 0) / asked.n_documents as examples_per_document,
  1000 * coalesce(n_examples, 0) / nullif(tokens, 0) as examples_per_1000_tokens, -- null: no LLM
  cost / nullif(n_examples, 0) as cost_per_example,
  mean_reward                                          -- of the pulls that gave the examples, weighted
                                                       -- by them; minus OT cost: higher is nearer
from asked
left join examples using (campaign, cluster)
left join cluster_geometry using (cluster)
left join documents
  on documents.document_id = medoid_document_id
