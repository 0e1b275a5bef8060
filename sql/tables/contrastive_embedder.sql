-- Question: which model embeds, and did the warm-up help? Grain: the tuned embedder, one row.
create table if not exists contrastive_embedder (
  embedder_version varchar primary key, -- identifies weights and the way texts are embedded
  path varchar not null,                -- in the state folder
  base_model varchar not null,
  method varchar not null,              -- head, full or none
  n_dimensions integer not null,
  n_train_pairs integer not null,
  n_held_out_pairs integer not null,
  loss_first double,                    -- null: nothing was trained
  loss_last double,
  recall_at_1_before double not null,   -- share of a held-out document's own pairs found
  recall_at_1_after double not null,
  recall_at_10_before double not null,
  recall_at_10_after double not null,
  qa_spread_before double,              -- of held-out pairs within document clusters, 1 = as overall
  qa_spread_after double,               -- null: fewer than two different pairs are held out
  seconds double not null
)
