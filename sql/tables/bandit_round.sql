-- Question: which clusters were pulled, and what came out? Grain: one pull.
create table if not exists bandit_round (
  campaign varchar not null,
  round integer not null,           -- from 1
  pull integer not null,            -- order in the round, from 0
  cluster integer not null,
  n_documents integer not null,     -- requested in this pull
  n_pairs integer not null,         -- extracted in this pull
  n_leaked integer not null default 0, -- of these, give away a test or protected question: no reward
  n_failed integer not null,        -- documents whose extraction failed
  mean_reward double,               -- of the arm before the pull, in the unit of its strategy: minus
                                    -- OT cost, for `equal` its yield; null when not known
  exploration_bonus double,
  ucb_score double,                 -- what chose the arm
  arm_pairs integer not null,       -- pairs of the arm so far, this pull included, leaks not
  reward double not null,           -- of the arm after the pull: minus its OT cost
  prompt_tokens bigint not null,    -- requested, whether paid or found in the store
  completion_tokens bigint not null,
  paid_prompt_tokens bigint not null,
  paid_completion_tokens bigint not null,
  cost double not null,             -- money for all requests, at the prices of the time
  paid_cost double not null,
  n_cached integer not null,        -- documents that the store held already
  n_rejected integer not null,      -- pairs that are not kept
  n_requests integer not null,      -- of the documents that this round paid for, as below
  n_tries integer not null,
  request_seconds double not null,  -- sum over the tries
  primary key (campaign, round, pull)
)
