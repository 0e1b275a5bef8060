-- Question: which rounds are stored? Grain: one round of one campaign. Input: rounds.
select
  campaign,
  round
from rounds
order by campaign, round
