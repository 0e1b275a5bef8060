-- Question: which models does a campaign compare? Grain: one row. Input: fine_tuned_student;
-- $campaign.
select
  path,
  base_path,
  mlflow_run_id,
  mlflow_model_id
from fine_tuned_student
where campaign = $campaign
