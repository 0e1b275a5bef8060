-- Question: which training examples hold a test question, word for word, or leaked in a round? Grain:
-- one example and what it gives away. Inputs: qa_dataset, target_qa, leaked_qa.
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
  protected.question as gives_away
from examples
join protected using (campaign)
where contains(examples.words, protected.words)
union all
select
  campaign,
  qa_id,
  leaked_qa.collided_with as gives_away
from qa_dataset
join leaked_qa using (campaign, qa_id)
