-- Question: how did the loss of a campaign's student fall? Grain: one step of its fine-tune.
-- Input: student_losses; $campaign.
select loss
from student_losses
where campaign = $campaign
order by step
