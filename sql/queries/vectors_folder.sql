-- Question: where are the files of the vectors? Grain: one row. Input: document_embeddings.
select distinct folder
from document_embeddings
