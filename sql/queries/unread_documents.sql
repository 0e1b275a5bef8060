-- Question: which documents of these clusters has a campaign not asked for? Grain: one document.
-- Inputs: clusters, bandit_documents; $campaign, $clusters.
select
  clusters.cluster,
  clusters.document_id
from clusters
where clusters.cluster in (select unnest($clusters::integer[]))
  and clusters.document_id not in (
    select document_id
    from bandit_documents
    where campaign = $campaign
  )
order by clusters.cluster, clusters.document_id
