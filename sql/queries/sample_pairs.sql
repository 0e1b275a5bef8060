-- Question: what did a round extract, for people to look at? Grain: one QA pair.
-- Inputs: bandit_documents, extracted_qa; $campaign, $round.
select
  cluster,
  question,
  answer[:400] as answer
from bandit_documents
join extracted_qa using (content_hash, extractor)
where campaign = $campaign
  and round = $round
order by qa_id
limit 10
