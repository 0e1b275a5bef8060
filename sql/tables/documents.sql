-- Question: which documents can be selected? Grain: one document, which may be a chunk of a page;
-- exact duplicates are merged.
create table if not exists documents (
  document_id varchar primary key,
  content_hash varchar not null unique, -- SHA-256 of the text
  text varchar not null,
  n_characters integer not null,
  page varchar,                         -- id of the longer text that it was cut from; null: none
  chunk integer,                        -- its place in the page, from 1
  source varchar not null,              -- file, data set, or package with version
  file varchar not null,
  row bigint not null,                  -- line, row or index in the file, from 1
  url varchar,
  license varchar,
  metadata varchar not null,            -- JSON object of strings
  qa_pairs varchar not null,            -- JSON list of [question, answer] that came with it
  n_copies integer not null             -- rows of the corpus with this text, itself included
)
