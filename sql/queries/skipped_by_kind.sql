-- Question: which files of the corpus were not read? Grain: one kind, most frequent first.
-- Input: corpus_files.
select
  skipped as kind,
  count(*) as n_files,
  min(file) as example
from corpus_files
where skipped is not null
group by skipped
order by n_files desc, kind
