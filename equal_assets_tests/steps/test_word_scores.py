"""Scores of documents by their words, made from a warehouse."""

import polars as pl

from equal_assets.progress import silent
from equal_assets.steps import text_pages
from equal_assets.steps.word_scores import word_scores
from equal_assets_tests.stored_documents import document_rows


def test_words_are_those_of_all_documents_and_of_the_weighted_reference(warehouse, monkeypatch):
    texts = {"d3": "red apples", "d1": "a green pear", "d2": "nothing", "d5": "pears", "d4": "pear"}
    documents = document_rows(list(texts), list(texts), list(texts.values()))
    target = pl.DataFrame(
        {
            "question": ["Which pear?", "Apples?", "nothing"],
            "answer": ["The green one.", "Red.", "nothing"],
            "split": ["reference", "reference", "test"],
            "position": [0, 1, 0],
        }
    ).with_columns(campaign=pl.lit("c"), weight=pl.Series([1.0, 3.0, 1.0]))
    with warehouse.transaction() as transaction:
        transaction.insert("documents", documents)
        transaction.insert("target_qa", target)
    monkeypatch.setattr(text_pages, "PAGE_DOCUMENTS", 2)
    found = dict(word_scores("c", warehouse, progress=silent).rows())
    assert list(found) == sorted(texts)
    assert found["d2"] == found["d5"] == 0
    assert found["d3"] > found["d1"] > found["d4"] > 0
