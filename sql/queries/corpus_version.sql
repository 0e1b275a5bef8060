-- Question: which content does the corpus hold? Grain: one row. Input: documents. Above four million
-- documents their ids are put in order in 256 parts: one text of all of them would be too long.
with parted as (
  select
    document_id,
    content_hash,
    case when (select count(*) from documents) > 4000000 then md5(document_id)[:2] end as part
  from documents
),
digests as (
  select
    part,
    md5(string_agg(document_id || content_hash, '' order by document_id)) as digest
  from parted
  group by part
)
select
  case
    when count(*) = 1 then any_value(digest)
    else md5(string_agg(digest, '' order by part))
  end as version -- null: no documents
from digests
