-- Question: how did the loss of a student fall? Grain: one step of its fine-tune.
create table if not exists student_losses (
  campaign varchar not null,
  step integer not null,         -- from 1
  loss double not null,
  primary key (campaign, step)
)
