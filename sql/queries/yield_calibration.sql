-- Question: did the texts of a campaign give the pairs that were expected of them? Grain: a tenth of
-- its documents. Input: yield_calibration; $campaign.
select
  decile,
  documents,
  round(expected_pairs, 2) as "expected pairs per document",
  round(pairs, 2) as "pairs per document"
from yield_calibration
where campaign = $campaign
order by decile
