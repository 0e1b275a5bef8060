-- Question: why were rows of the corpus not used? Grain: one reason.
-- Inputs: rejected_documents, corpus_files (a file that was not read is no row).
select
  reason,
  count(*) as n_rows,
  min(file || ':' || row) as example
from rejected_documents
left join corpus_files using (file)
where skipped is null
group by reason
order by n_rows desc, reason
