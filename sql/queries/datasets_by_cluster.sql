-- Question: where do two data sets differ? Grain: one cluster that either takes examples from, the
-- largest difference first. Inputs: qa_dataset, cluster_geometry; $first, $second (campaigns).
select
  cluster,
  any_value(cluster_geometry.terms[:5]) as terms,
  count(*) filter (where campaign = $first) as n_first,
  count(*) filter (where campaign = $second) as n_second
from qa_dataset
left join cluster_geometry using (cluster)
where campaign in ($first, $second)
group by cluster
order by abs(n_first - n_second) desc, cluster
