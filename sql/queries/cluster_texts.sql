-- Question: which words do the documents of each cluster hold? Grain: the beginning of one document
-- of a uniform sample (hashes are random) of at most $documents_per_cluster a cluster.
-- Inputs: clusters, documents; $documents_per_cluster, $n_characters.
with sampled as (
  select
    cluster,
    document_id
  from clusters
  join documents using (document_id)
  qualify row_number() over (partition by cluster order by content_hash) <= $documents_per_cluster
)
select
  cluster,
  text[:$n_characters::bigint] as text
from sampled
join documents using (document_id)
order by cluster, content_hash
