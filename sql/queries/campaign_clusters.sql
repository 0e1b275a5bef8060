-- Question: what did a campaign ask of each cluster, and what came out? Grain: one cluster, those
-- that were never pulled included; most documents first.
-- Inputs: cluster_geometry, documents, bandit_round; $campaign.
with pulled as (
  select
    cluster,
    count(*) as pulls,
    sum(n_documents)::bigint as asked,
    sum(n_pairs)::bigint as pairs,
    sum(prompt_tokens + completion_tokens)::bigint as tokens,
    sum(cost) as cost,
    arg_max(reward, (round, pull)) as reward,
    min(round) as first_round,
    max(round) as last_round
  from bandit_round
  where campaign = $campaign
  group by cluster
)
select
  cluster,
  cluster_geometry.terms,
  documents.source as medoid_source,
  documents.text[:120] as medoid,
  cluster_geometry.n_documents,
  coalesce(pulled.pulls, 0) as pulls,
  coalesce(pulled.asked, 0) as documents,
  coalesce(pulled.pairs, 0) as pairs,
  coalesce(pulled.tokens, 0) as tokens,
  coalesce(pulled.cost, 0) as cost,
  pulled.reward, -- after the last pull: minus OT cost; null: never pulled
  pulled.first_round,
  pulled.last_round,
  cluster_geometry.x,
  cluster_geometry.y
from cluster_geometry
join documents on documents.document_id = cluster_geometry.medoid_document_id
left join pulled using (cluster)
order by 7 desc, cluster
