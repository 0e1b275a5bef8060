-- Question: what is known of every cluster before a round? Grain: one cluster, in order.
-- Inputs: cluster_geometry, bandit_round; $campaign, $round.
with pulled as (
  select
    cluster,
    count(*) as pulls,
    arg_max(reward, round * 1000000 + pull) as reward, -- after the latest pull
    sum(n_documents) as n_read
  from bandit_round
  where campaign = $campaign
    and round < $round
  group by cluster
)
select
  cluster,
  coalesce(reward, 0) as reward, -- meaningless while pulls is 0
  coalesce(pulls, 0)::bigint as pulls,
  (n_documents - coalesce(n_read, 0))::bigint as n_unread
from cluster_geometry
left join pulled using (cluster)
order by cluster
