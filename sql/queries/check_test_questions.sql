-- Question: which training examples hold a test question, word for word? Grain: one example.
-- Inputs: qa_dataset, target_qa.
with examples as (
  select
    campaign,
    qa_id,
    ' ' || regexp_replace(lower(question || ' ' || answer), '[^\p{L}\p{N}_]+', ' ', 'g') || ' '
      as words
  from qa_dataset
),
protected as (
  select
    campaign,
    question,
    ' ' || trim(regexp_replace(lower(question), '[^\p{L}\p{N}_]+', ' ', 'g')) || ' ' as words
  from target_qa
  where split = 'test'
)
select
  campaign,
  qa_id,
  protected.question
from examples
join protected using (campaign)
where contains(examples.words, protected.words)
