-- Question: which extracted pairs are not kept, and why? Grain: one rejected pair of one extraction.
create table if not exists rejected_qa (
  content_hash varchar not null,
  extractor varchar not null,
  position integer not null, -- among the rejected pairs of the document, from 0
  question varchar not null,
  answer varchar not null,
  reason varchar not null,   -- a fixed phrase, then what was measured
  primary key (content_hash, extractor, position)
)
