-- Question: how do campaigns compare? Grain: one campaign at one point.
-- Input: strategy_comparison; $campaigns.
select *
from strategy_comparison
where campaign in (select unnest($campaigns::varchar[]))
order by target, campaign, documents
