-- Question: what can be answered to a target question besides the answer in target_qa?
-- Grain: one option, or one further right answer, of one question of a campaign's target.
create table if not exists target_options (
  campaign varchar not null,
  split varchar not null check (split in ('reference', 'test')),
  position integer not null,         -- of the question in its file, from 0
  place integer not null,            -- of the option among those of the question, from 0
  label varchar,                     -- letter of an option; null: another right answer
  answer varchar not null,
  is_right boolean not null,
  primary key (campaign, split, position, place)
)
