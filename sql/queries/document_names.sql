-- Question: what do people call these documents? Grain: one document. The file is relative to the
-- folder that all files of the corpus are in; the source is told where it is no file, the row where
-- a file holds several, and the chunk with how many the page has. No text is read.
-- Inputs: documents; $document_ids.
with ends as (
  select
    min(file) as first,
    max(file) as last
  from documents
),
folder as (
  select coalesce(max(n_characters), 0) as n_characters
  from ends, generate_series(1, length(ends.first)) as place (n_characters)
  where ends.first[n_characters] = '/'
    and starts_with(ends.last, ends.first[:n_characters])
),
named as (
  select document_id, source, file, row, page, chunk
  from documents
  where document_id in $document_ids::varchar[]
),
files as (
  select
    file,
    min(coalesce(page, document_id)) <> max(coalesce(page, document_id)) as has_rows
  from documents
  where file in (select file from named)
  group by file
),
pages as (
  select
    page,
    max(chunk) as n_chunks
  from documents
  where page in (select page from named)
  group by page
)
select
  document_id,
  case when contains(named.file, source) then '' else source || ': ' end
    || named.file[folder.n_characters + 1:]
    || case when has_rows then format(', row {:,}', row) else '' end
    || case when chunk is null then '' else format(', chunk {:,} of {:,}', chunk, n_chunks) end
    as name
from named
cross join folder
join files using (file)
left join pages using (page)
order by document_id
