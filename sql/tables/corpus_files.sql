-- Question: what became of each file of the corpus? Grain: one file that was found.
create table if not exists corpus_files (
  file varchar primary key,
  n_documents bigint not null, -- texts that can be used, copies included
  n_rejected bigint not null,  -- rows that cannot
  skipped varchar              -- its kind, where files of this kind are not read
)
