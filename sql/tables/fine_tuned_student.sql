-- Question: which model came out of a data set? Grain: one campaign.
create table if not exists fine_tuned_student (
  campaign varchar primary key,
  path varchar not null,       -- the tuned model, in the state folder
  base_path varchar not null,  -- the untuned model that it started from
  mlflow_run_id varchar not null,
  mlflow_model_id varchar not null, -- the student among the logged models
  n_examples integer not null,
  n_tokens bigint not null,    -- trained on, all epochs
  n_parameters bigint not null,
  flops double not null,       -- 6 x parameters x tokens
  loss_first double not null,
  loss_last double not null,
  seconds double not null
)
