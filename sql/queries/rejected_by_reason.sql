-- Question: why were rows of the corpus not used? Grain: one reason. Input: rejected_documents.
select
  regexp_replace(reason, ':.*', '') as reason,
  count(*) as n_rows,
  min(file || ':' || row) as example
from rejected_documents
group by all
order by n_rows desc, reason
