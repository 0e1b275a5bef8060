import numpy as np
import pytest

from equal_assets.algorithms.clusters.terms import cluster_terms


def test_words_of_every_cluster_come_after_those_of_one():
    texts = ["graph node shared graph", "node graph edge shared", "matrix shared rank", "matrix"]
    terms = cluster_terms(texts, np.array([0, 0, 1, 1]), n_clusters=2, n_terms=3)
    # cluster 0: graph 3 x log(1 + 6/3), node 2 x log(1 + 6/2), shared 2 x log(1 + 6/3), edge
    assert terms == [["graph", "node", "shared"], ["matrix", "rank", "shared"]]


def test_words_that_tell_alike_stand_by_alphabet():
    assert cluster_terms(["pear apple fig"], np.array([0]), n_clusters=1, n_terms=2) == [
        ["apple", "fig"]
    ]


def test_function_words_numbers_and_short_words_name_nothing():
    terms = cluster_terms(["the 1234 of an x1 and queue"], np.array([0]), n_clusters=1, n_terms=5)
    assert terms == [["queue"]]


def test_cluster_without_words_has_no_terms():
    terms = cluster_terms(["tensor", "12 34"], np.array([0, 2]), n_clusters=3, n_terms=5)
    assert terms == [["tensor"], [], []]
    assert cluster_terms(["1 2", ""], np.array([0, 1]), n_clusters=2, n_terms=5) == [[], []]


def test_labels_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match="2 texts and 1 labels"):
        cluster_terms(["a", "b"], np.array([0]), n_clusters=1, n_terms=1)
    with pytest.raises(ValueError, match="labels = 0 to 3: must be 0 to 1"):
        cluster_terms(["a", "b"], np.array([0, 3]), n_clusters=2, n_terms=1)


def test_terms_of_scripts_without_spaces_are_short_pieces():
    texts = ["火山喷发，火山爆发", "โรงเรียน โรงเรียน", "टीके टीके कैसे", "コーヒー"]
    terms = cluster_terms(texts, np.arange(4), n_clusters=4, n_terms=2)
    assert terms[0][0] == "火山"
    assert terms[1]
    assert all(len(term) >= 3 for term in terms[1])
    assert terms[2:] == [["टीके", "कैसे"], ["コーヒー"]]


def test_words_of_most_texts_name_nothing_where_no_list_is_at_hand():
    subject = ["Fluss", "Berg"] * 6
    texts = [f"Der {word} gehört zur Landschaft und das ist schön für alle" for word in subject]
    terms = cluster_terms(texts, np.array([0, 1] * 6), n_clusters=2, n_terms=3)
    assert terms == [["fluss"], ["berg"]]
