-- Question: which model embeds? Grain: one row. Input: contrastive_embedder.
select
  embedder_version,
  path,
  n_dimensions
from contrastive_embedder
