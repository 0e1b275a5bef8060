-- Question: what should each document give, by its text? Grain: one document. Learned from the
-- warm-up sample: see sql/views/yield_calibration for what came true.
create table if not exists document_yields (
  document_id varchar primary key,
  expected_pairs float not null,            -- above 0
  expected_answer_characters float not null -- of one of its answers
)
