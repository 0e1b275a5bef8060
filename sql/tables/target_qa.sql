-- Question: what is the target task? Grain: one QA pair of one campaign's target.
create table if not exists target_qa (
  campaign varchar not null,
  split varchar not null check (split in ('reference', 'test')), -- steers; only judges
  position integer not null,                                     -- place in its file, from 0
  question varchar not null,
  answer varchar not null,
  weight double not null default 1,                              -- how much it counts, > 0
  code_prefix varchar,                                           -- of code answers: what they continue
  code_tests varchar,                                            -- of code answers: what runs after them
  primary key (campaign, split, position)
)
