-- Question: how many documents have pairs in the warm-up sample? Grain: one row. Input: warmup_qa.
select count(distinct document_id) as documents
from warmup_qa
