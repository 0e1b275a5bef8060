-- Question: how long are the documents? Grain: one bin of lengths; ten bins to each power of ten.
-- Input: documents.
select
  pow(10, floor(10 * log10(n_characters)) / 10) as from_characters,
  pow(10, (floor(10 * log10(n_characters)) + 1) / 10) as to_characters,
  count(*) as documents
from documents
group by all
order by from_characters
