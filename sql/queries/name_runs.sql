-- Effect: the milestones of a campaign name its MLflow run, which was made again.
-- Inputs: $campaign, $run_id.
update accuracy_over_budget
set mlflow_run_id = $run_id
where campaign = $campaign
