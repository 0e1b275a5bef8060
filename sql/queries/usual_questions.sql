-- Question: what do people ask of the corpus? Grain: one question of a uniform sample (ids are hashes)
-- of the warm-up's pairs. Input: warmup_qa; $limit.
select question
from warmup_qa
order by qa_id
limit $limit
