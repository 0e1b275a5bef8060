-- Question: how many pairs of each cluster did reviewers see, and accept? Grain: one cluster with
-- reviewed pairs of a campaign. Inputs: bandit_documents, extracted_qa; $campaign, and the verdicts:
-- $questions, $answers, $is_accepted.
with said as (
  select
    unnest($questions::varchar[]) as question,
    unnest($answers::varchar[]) as answer,
    unnest($is_accepted::boolean[]) as is_accepted
)
select
  cluster,
  (count(*) filter (where is_accepted))::integer as accepted,
  count(*)::integer as reviewed
from bandit_documents
join extracted_qa using (content_hash, extractor)
join said using (question, answer)
where campaign = $campaign
group by cluster
order by cluster
