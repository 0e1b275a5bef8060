-- Question: which documents were requested in vain, and why? Grain: one document of one campaign that
-- gave nothing to its data set.
-- Start with: select outcome, reason, count(*) from documents_in_vain where campaign = 'NAME' group by
-- all order by 3 desc. Inputs: bandit_documents, extractions, documents, extracted_qa, rejected_qa,
-- removed_qa, qa_dataset.
create or replace view documents_in_vain as
with without_pairs as (
  select
    campaign,
    document_id,
    cluster,
    round,
    pull,
    content_hash,
    extractor,
    null as removed_because
  from bandit_documents
  where status <> 'pairs'
),
without_examples as (
  select
    campaign,
    document_id,
    any_value(bandit_documents.cluster) as cluster,
    any_value(bandit_documents.round) as round,
    any_value(bandit_documents.pull) as pull,
    content_hash,
    extractor,
    string_agg(distinct reason, ', ' order by reason) as removed_because
  from removed_qa
  join extracted_qa using (qa_id)
  join bandit_documents using (campaign, content_hash, extractor)
  anti join qa_dataset using (campaign, document_id)
  group by campaign, document_id, content_hash, extractor
),
in_vain as (
  from without_pairs
  union all
  from without_examples
),
rejected as (
  select
    content_hash,
    extractor,
    string_agg(distinct split_part(reason, ':', 1), ', ' order by split_part(reason, ':', 1))
      as reason
  from rejected_qa
  group by content_hash, extractor
)
select
  in_vain.campaign,
  in_vain.document_id,
  coalesce(documents.metadata->>'$.title', documents.metadata->>'$.qualname') as title,
  documents.source,
  in_vain.cluster,
  in_vain.round,
  in_vain.pull,
  case
    when extractions.status = 'failed' then 'failed'
    when extractions.status = 'pairs' then 'all pairs removed' -- from the data set
    when rejected.reason is not null then 'all pairs rejected' -- by the bounds of quality
    else 'no pairs'
  end as outcome,
  coalesce(removed_because, extractions.reason, rejected.reason) as reason, -- of pairs: all different
  prompt_tokens + completion_tokens as tokens,                 -- that it took, whoever paid
  cost
from in_vain
join extractions
  on extractions.content_hash = in_vain.content_hash
  and extractions.extractor = in_vain.extractor
left join documents
  on documents.document_id = in_vain.document_id
left join rejected
  on rejected.content_hash = in_vain.content_hash
  and rejected.extractor = in_vain.extractor
