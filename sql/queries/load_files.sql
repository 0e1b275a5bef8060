-- Effect: fill `corpus_files` from the staged Parquet files and the rejected rows.
-- Inputs: rejected_documents; $staging (glob), $skipped: reasons for which files are not read.
insert into corpus_files by name
with rows_of_files as (
  select file, 1 as is_document, null as skipped from read_parquet($staging)
  union all
  select file, 0, case when list_contains($skipped, reason) then excerpt end
  from rejected_documents
)
select
  file,
  sum(is_document)::bigint as n_documents,
  count(*) filter (is_document = 0 and skipped is null) as n_rejected,
  any_value(skipped) as skipped
from rows_of_files
group by file
