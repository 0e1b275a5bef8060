-- Question: what did a student answer, and how was it judged? Grain: one question of an lm-eval task
-- under one filter, for the base or the tuned model of one campaign.
create table if not exists harness_items (
  campaign varchar not null,
  student varchar not null,    -- 'base' or 'tuned'
  task varchar not null,
  doc_id integer not null,     -- position in the task's test split
  filter varchar not null,     -- how the answer is taken from the output; 'none': all of it
  prompt varchar not null,     -- as the model read it, worked examples included
  target varchar not null,
  output varchar not null,     -- generated text, or JSON: options and log-probabilities (nats)
  extracted varchar not null,  -- what is judged: filtered text, or the likeliest option
  verdict varchar not null,    -- JSON: metric -> value
  primary key (campaign, student, task, doc_id, filter)
)
