-- Question: what did each student answer to each test question, and why did it count as it did?
-- Grain: one answer to one question by one measure. Measures share a question's answer: a generated
-- answer is judged strictly and flexibly.
create table if not exists student_answers (
  campaign varchar not null,
  student varchar not null,      -- base (untuned), tuned, or the milestone it was tuned for: 2.5%
  measure varchar not null,      -- pmi_accuracy, perplexity, number_strict, number_flexible, math, code,
                                 -- choice
  position integer not null,     -- of the question in the target's test split, from 0
  sample integer not null,       -- of several generated answers to the question, from 0
  prompt varchar not null,       -- what the student read
  output varchar,                -- the choice it took, or the text it wrote; null where it only
                                 -- weighed the true answer
  extracted varchar,             -- what of the text was compared: a number, an expression, code
  is_correct boolean,            -- null where nothing is right or wrong
  reason varchar,                -- why it is not correct, if there is more to say than 'wrong'
  log_probability double,        -- of the true answer given the question; nats
  n_tokens integer,              -- of the true answer
  judged_as varchar not null,    -- identifies model, questions and settings of the evaluation
  primary key (campaign, student, measure, position, sample)
)
