-- Question: why were pairs of a round not kept? Grain: reason, without what was measured.
-- Inputs: bandit_documents, rejected_qa; $campaign, $round.
select
  split_part(rejected_qa.reason, ':', 1) as reason,
  count(*) as pairs,
  any_value(rejected_qa.question[:200]) as example
from bandit_documents
join rejected_qa using (content_hash, extractor)
where bandit_documents.campaign = $campaign
  and bandit_documents.round = $round
group by all
order by pairs desc, reason
