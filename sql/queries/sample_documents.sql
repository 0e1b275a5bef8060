-- Question: what do documents look like? Grain: one document of a uniform sample of three (hashes
-- are random). Input: documents.
select
  source,
  license,
  text[:1000] as text
from documents
order by content_hash
limit 3
