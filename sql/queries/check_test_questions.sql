-- Question: which training examples hold a test question? Grain: one example.
-- Inputs: qa_dataset, target_qa.
select
  campaign,
  qa_id,
  target_qa.question
from qa_dataset
join target_qa using (campaign)
where target_qa.split = 'test'
  and contains(
    lower(qa_dataset.question || ' ' || qa_dataset.answer),
    lower(target_qa.question)
  )
