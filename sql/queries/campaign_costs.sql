-- Question: what did campaigns cost, part by part? Grain: one part of one campaign, and with no
-- campaign one part that all share and that is paid once.
-- Inputs: rounds, bandit_round, bandit_documents, extracted_qa, qa_embeddings, fine_tuned_student,
-- materialized, extractions; $campaigns, $embedder_version, $extractor and
-- $flops_per_llm_token (null where not known).
-- Tokens and FLOPs cover all that a campaign requested, whether it or another had paid, so that
-- they do not depend on who came first; seconds are as measured. FLOPs of selection and clustering
-- are not counted.
with extracted as (
  select
    campaign,
    sum(prompt_tokens + completion_tokens) as tokens,
    sum(cost) as cost
  from bandit_round
  group by campaign
),
extracted_by as (
  select
    campaign,
    any_value(extractor) as extractor
  from bandit_documents
  group by campaign
),
embedded as (
  select
    campaign,
    sum(n_tokens) as tokens,
    sum(flops) as flops
  from bandit_documents
  join extracted_qa using (content_hash, extractor)
  join qa_embeddings using (qa_id)
  where embedder_version = $embedder_version
  group by campaign
),
played as (
  select
    campaign,
    sum(extraction_seconds) as extraction_seconds,
    sum(embedding_seconds) as embedding_seconds,
    sum(selection_seconds) as selection_seconds,
    sum(scoring_seconds) as scoring_seconds,
    sum(scoring_flops) as scoring_flops,
    sum(scoring_tokens) as scoring_tokens,
    sum(scoring_cost) as scoring_cost
  from rounds
  where campaign in (select unnest($campaigns::varchar[]))
  group by campaign
),
warm_up as (
  select
    coalesce(sum(prompt_tokens + completion_tokens), 0) as tokens,
    coalesce(sum(cost), 0) as cost
  from extractions
  where first_asked_by = 'warm-up'
    and extractor = $extractor
),
parts as (
  select
    campaign,
    1 as position,
    'extraction' as part,
    extraction_seconds as seconds,
    -- of an extractor that the settings do not name any more, the model is not known
    case when extractor = $extractor then tokens * $flops_per_llm_token::double end as flops,
    tokens,
    cost
  from played
  join extracted using (campaign)
  join extracted_by using (campaign)
  union all
  select
    campaign,
    2,
    'embedding',
    embedding_seconds,
    coalesce(flops, 0),
    coalesce(tokens, 0),
    0
  from played
  left join embedded using (campaign)
  union all
  select
    campaign,
    3,
    'scoring',
    scoring_seconds,
    -- by the student, and by the LLM
    scoring_flops
      + case when scoring_tokens > 0 then scoring_tokens * $flops_per_llm_token::double else 0 end,
    scoring_tokens,
    scoring_cost
  from played
  union all
  select
    campaign,
    4,
    'selection',
    selection_seconds,
    null,
    0,
    0
  from played
  union all
  select
    campaign,
    5,
    'training',
    seconds,
    flops,
    n_tokens,
    0
  from fine_tuned_student
  join played using (campaign)
  union all
  select
    null,
    1,
    'shared warm-up extraction',
    materialized.seconds,
    warm_up.tokens * $flops_per_llm_token::double,
    warm_up.tokens,
    warm_up.cost
  from materialized
  cross join warm_up
  where asset = 'warmup_qa'
  union all
  select
    null,
    2,
    'shared tuning of the embedder',
    seconds,
    flops,
    tokens,
    0
  from materialized
  where asset = 'contrastive_embedder'
  union all
  select
    null,
    3,
    'shared embedding of documents',
    seconds,
    flops,
    tokens,
    0
  from materialized
  where asset = 'document_embeddings'
  union all
  select
    null,
    4,
    'shared clustering',
    sum(seconds),
    null,
    0,
    0
  from materialized
  where asset in ('clusters', 'cluster_geometry')
  having count(*) > 0
)
select
  campaign,
  part,
  seconds,
  flops,                    -- null: not known, or not counted
  tokens::bigint as tokens, -- that LLM, embedder or student read or wrote; null: not counted
  cost::double as cost      -- money
from parts
order by campaign nulls last, position
