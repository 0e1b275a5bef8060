-- Question: what is known of a campaign's student? Grain: one row or none.
-- Input: fine_tuned_student; $campaign.
select *
from fine_tuned_student
where campaign = $campaign
