-- Question: which files were published, and what do they hold? Grain: one file or folder.
create table if not exists published (
  path varchar primary key,      -- from the project's folder; whole if it lies elsewhere
  asset varchar not null,        -- what it was made with; export and report are no assets
  campaign varchar not null,     -- empty: all campaigns share it
  sha256 varchar not null,       -- of a folder: of the names and digests of its files
  n_bytes bigint not null,
  modified_ns bigint not null,   -- of its latest file, since 1970: the same means unchanged
  made_from varchar not null,    -- version of the data set that an export or report shows, or ''
  options varchar not null,      -- JSON: with which it can be made again
  published_at timestamp not null
)
