-- Question: which rounds are missing, or have pulls that do not add up? Grain: one violation.
-- Inputs: rounds, bandit_round, bandit_documents.
with pulled as (
  select
    campaign,
    round,
    sum(n_documents) as n_documents
  from bandit_round
  group by all
),
asked as (
  select
    campaign,
    round,
    count(*) as n_documents
  from bandit_documents
  group by all
)
select
  campaign,
  round,
  'documents of the pulls: ' || coalesce(pulled.n_documents, 0)
    || ', documents recorded: ' || coalesce(asked.n_documents, 0) as violation
from rounds
full join pulled using (campaign, round)
full join asked using (campaign, round)
where rounds.finished_at is null
  or pulled.n_documents is distinct from asked.n_documents
union all
select
  campaign,
  max(round) as round,
  'rounds stored: ' || count(*) as violation
from rounds
group by campaign
having count(*) <> max(round)
