-- Question: what did reviewers say of the pairs of a data set, who and when? Grain: one extracted pair
-- of one campaign with a verdict; what was said last counts. Made with qa_dataset from verdicts.sqlite,
-- which holds the whole history.
create table if not exists verdicts (
  campaign varchar not null,
  qa_id varchar not null,
  verdict varchar not null check (verdict in ('accepted', 'edited', 'rejected')),
  reason varchar,       -- of a rejection, if one is given
  new_question varchar, -- of an edited pair, as it is in the data set; the original is in extracted_qa
  new_answer varchar,
  reviewer varchar not null,
  reviewed_at timestamp with time zone not null,
  primary key (campaign, qa_id)
)
