-- Question: what does a campaign leave out of its data set, and for what? Grain: one removed pair of
-- a uniform sample of ten (hashes are random).
-- Inputs: removed_qa, extracted_qa, target_qa; $campaign.
select
  removed_qa.reason,
  removed_qa.similarity,
  removed_qa.question,
  removed_qa.collided_with,
  coalesce(extracted_qa.question, target_qa.question) as collided_question -- null: of a file
from removed_qa
left join extracted_qa
  on extracted_qa.qa_id = removed_qa.collided_with
left join target_qa
  on target_qa.campaign = removed_qa.campaign
  and removed_qa.collided_with = target_qa.split || ':' || target_qa.position
where removed_qa.campaign = $campaign
order by md5(removed_qa.qa_id)
limit 10
