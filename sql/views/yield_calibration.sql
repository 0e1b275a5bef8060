-- Question: did texts give the pairs that were expected of them? Grain: a tenth of a campaign's
-- documents, in order of expectation; failed ones are left out. Outside the warm-up sample that the
-- expectation was learned from, both columns should agree.
-- Start with: from yield_calibration where campaign = 'NAME' order by decile.
-- Inputs: bandit_documents, extractions, document_yields.
create or replace view yield_calibration as
with asked as (
  select
    bandit_documents.campaign,
    document_yields.expected_pairs,
    extractions.n_pairs,
    ntile(10) over (
      partition by bandit_documents.campaign
      order by document_yields.expected_pairs, document_yields.document_id
    ) as decile
  from bandit_documents
  join extractions using (content_hash, extractor)
  join document_yields using (document_id)
  where extractions.status <> 'failed'
)
select
  campaign,
  decile,
  count(*) as documents,
  avg(expected_pairs) as expected_pairs,
  avg(n_pairs) as pairs
from asked
group by campaign, decile
