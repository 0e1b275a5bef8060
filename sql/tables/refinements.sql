-- Question: what has refinement done? Grain: one document content whose pairs were refined by one
-- extractor. Decides whether `refine: auto` goes on refining.
create table if not exists refinements (
  content_hash varchar not null,
  extractor varchar not null,
  is_changed boolean not null, -- a pair of it was corrected, dropped or added
  primary key (content_hash, extractor)
)
