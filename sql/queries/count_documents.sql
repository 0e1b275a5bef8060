-- Question: how many documents are there? Grain: one row. Input: documents.
select count(*) as n_documents
from documents
