"""What strategies compare documents and questions by, made from a warehouse."""

import numpy as np
import polars as pl

from equal_assets.progress import silent
from equal_assets.steps import spaces
from equal_assets.steps.spaces import words_space


def test_words_are_those_of_the_documents_in_order_of_id_and_of_the_reference(
    warehouse, monkeypatch
):
    texts = {"d3": "red apples", "d1": "a green pear", "d2": "nothing", "d5": "pears", "d4": "pear"}
    documents = pl.DataFrame(
        {
            "document_id": texts.keys(),
            "content_hash": texts.keys(),
            "text": texts.values(),
            "n_characters": [len(text) for text in texts.values()],
        }
    ).with_columns(
        source=pl.lit("s"),
        file=pl.lit("f"),
        row=pl.lit(1),
        metadata=pl.lit("{}"),
        qa_pairs=pl.lit("[]"),
        n_copies=pl.lit(1),
    )
    target = pl.DataFrame(
        {
            "question": ["Which pear?", "Apples?", "nothing"],
            "answer": ["The green one.", "Red.", "nothing"],
            "split": ["reference", "reference", "test"],
            "position": [0, 1, 0],
        }
    ).with_columns(campaign=pl.lit("c"), weight=pl.lit(1.0))
    with warehouse.transaction() as transaction:
        transaction.insert("documents", documents)
        transaction.insert("target_qa", target)
    monkeypatch.setattr(spaces, "PAGE_DOCUMENTS", 2)
    pear, apples = np.array(list(words_space("c", warehouse, progress=silent).similarities())) > 0
    assert pear.tolist() == [True, False, False, True, False]
    assert apples.tolist() == [False, False, True, False, False]
