-- Question: which clusters does a data set come from? Grain: one cluster, most pairs first.
-- Inputs: qa_dataset, cluster_geometry; $campaign.
select
  cluster,
  any_value(cluster_geometry.terms[:5]) as terms,
  count(*) as pairs,
  count(distinct document_id) as documents
from qa_dataset
left join cluster_geometry using (cluster)
where campaign = $campaign
group by cluster
order by pairs desc, cluster
