-- Question: what does a campaign cover of its target, and what would random documents for as much?
-- Grain: one finished round of one campaign. Start with: from coverage_curve where campaign = 'NAME'.
-- Random ones are those of a campaign `random` of the same target where it spent as much, between
-- its rounds in proportion; else those of the warm-up sample.
-- Inputs: rounds, bandit_round, campaign_settings.
create or replace view coverage_curve as
with pulled as (
  select
    campaign,
    round,
    sum(n_documents) as n_documents,
    sum(prompt_tokens + completion_tokens) as n_tokens
  from bandit_round
  group by campaign, round
),
curve as (
  select
    campaign,
    round,
    sum(n_documents) over so_far as documents,
    sum(n_tokens + scoring_tokens) over so_far as tokens,
    target_coverage,
    near_pairs,
    random_coverage,
    random_coverage_low,
    random_coverage_high,
    random_near_pairs,
    random_near_pairs_low,
    random_near_pairs_high,
    gain,
    gain_low,
    gain_high,
    random_gain,
    random_gain_low,
    random_gain_high,
    pays
  from rounds
  join pulled using (campaign, round)
  window so_far as (partition by campaign order by round)
),
started as (
  select
    campaign,
    settings->>'$.settings.campaign.target' as target,
    settings->>'$.settings.campaign.strategy' as strategy
  from campaign_settings
),
spent as (
  select
    curve.*,
    target,
    strategy,
    max(tokens) over (partition by campaign) > 0 as counts_tokens,
    case when counts_tokens then tokens else documents end as spent
  from curve
  left join started using (campaign)
),
random_rounds as (
  select
    target,
    campaign as random_campaign,
    counts_tokens,
    spent,
    target_coverage,
    near_pairs,
    lag(spent, 1, 0) over of_campaign as spent_before,
    lag(target_coverage, 1, 0) over of_campaign as coverage_before,
    lag(near_pairs, 1, 0) over of_campaign as near_before
  from spent
  where strategy = 'random'
    and target_coverage is not null
  window of_campaign as (partition by campaign order by round)
),
played as (
  select
    spent.campaign,
    spent.round,
    random_campaign,
    (spent.spent - spent_before) / nullif(random_rounds.spent - spent_before, 0) as part,
    coverage_before + part * (random_rounds.target_coverage - coverage_before) as coverage,
    near_before + part * (random_rounds.near_pairs - near_before) as near
  from spent
  join random_rounds using (target, counts_tokens)
  where spent.campaign <> random_campaign
    and spent.spent > spent_before
    and spent.spent <= random_rounds.spent
  qualify row_number() over (partition by spent.campaign, spent.round order by random_campaign) = 1
)
select
  campaign,
  round,
  documents::bigint as documents,                 -- requested up to here
  tokens::bigint as tokens,
  counts_tokens,                                  -- whether gains are per 1,000 tokens, not per document
  target_coverage,                                -- near pairs per reference question
  near_pairs,                                     -- pairs near the target so far
  near_pairs / nullif(case when counts_tokens then tokens / 1000 else documents end, 0)
    as near_pairs_per_unit,                       -- per 1,000 tokens or per document
  random_campaign,                                -- null: random ones are the warm-up sample's
  coalesce(coverage, random_coverage) as random_coverage,
  case when random_campaign is null then random_coverage_low end as random_coverage_low,
  case when random_campaign is null then random_coverage_high end as random_coverage_high,
  coalesce(near, random_near_pairs) as random_near_pairs,
  case when random_campaign is null then random_near_pairs_low end as random_near_pairs_low,
  case when random_campaign is null then random_near_pairs_high end as random_near_pairs_high,
  gain,                                           -- that the last documents added, per unit
  gain_low,
  gain_high,
  random_gain,                                    -- that a random one adds to as many random ones
  random_gain_low,
  random_gain_high,
  pays
from spent
left join played using (campaign, round)
