-- Question: what do campaigns cover, round by round, and random documents for as much? Grain: one
-- round of one campaign, in order; without those of earlier versions. Input: coverage_curve; $campaigns.
select *
from coverage_curve
where campaign in (select unnest($campaigns::varchar[]))
  and target_coverage is not null
order by campaign, round
