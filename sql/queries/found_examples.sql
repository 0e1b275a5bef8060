-- Question: which training examples hold a text? Grain: one training example, in the order in which
-- students read them. Input: qa_dataset; $campaign, $contains (any case; empty: all).
select
  qa_id,
  question,
  answer,
  source,
  cluster,
  round,
  null as reason
from qa_dataset
where campaign = $campaign
  and contains(lower(question || ' ' || answer), lower($contains))
order by round, pull, qa_id
