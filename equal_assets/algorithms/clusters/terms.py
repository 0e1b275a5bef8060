"""Which words tell a cluster from the others: class-based TF-IDF."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import regex

from equal_assets.algorithms.language import language
from equal_assets.algorithms.words import SOUTHEAST, UNSPACED

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

TERM = regex.compile(
    rf"(?V1)(?P<pairs>[\p{{Han}}]{{2,}})|(?P<word>\p{{Katakana}}[\p{{Katakana}}\u30FC]+)"
    rf"|(?P<triples>(?:[{SOUTHEAST}]\p{{M}}*){{3,}})|(?P<hangul>\p{{Hangul}}{{2,}})"
    rf"|(?<![\p{{L}}\p{{M}}\p{{N}}_])[\p{{L}}--[{UNSPACED}]][[\p{{L}}\p{{M}}\p{{N}}_]--[{UNSPACED}]]{{2,}}"
)
"""Words of three characters or more that begin with a letter. In scripts without spaces, what words
mostly are: pairs of Chinese characters, runs of katakana, three characters of Thai."""

CLUSTER = regex.compile(r"\X")

FREQUENT_SHARE, FEW_TEXTS = 0.5, 10
"""Outside English no list of function words is at hand: what stands in more than half the texts, if
they are not few, tells no cluster from the others."""

MAX_WORDS = 50_000
"""Most frequent words of all texts that are counted: bounds memory."""


def cluster_terms(
    texts: Sequence[str], labels: np.ndarray, *, n_clusters: int, n_terms: int
) -> list[list[str]]:
    """Return the words of each cluster that are frequent in it and rare elsewhere.

    Parameters
    ----------
    texts : sequence of str
        A sample of the documents of each cluster.
    labels : ndarray of shape (n_texts,), int
        Cluster of each text.
    n_clusters : int
        Clusters are ``0..n_clusters-1``.
    n_terms : int
        Words per cluster, at most.

    Returns
    -------
    list of list of str
        The words of each cluster, highest weight first, ties in alphabetical order; none for a
        cluster without words. Function words are left out: of English by a list, of other languages
        the words that most texts have.

    Raises
    ------
    ValueError
        If texts and labels differ in number, or a label is no cluster.

    Notes
    -----
    A word weighs its share of the cluster's words times ``log(1 + A / f)``, where ``f`` is its
    frequency in all clusters and ``A`` the mean number of words per cluster.

    References
    ----------
    Grootendorst 2022, BERTopic, arXiv:2203.05794, section 3.3.
    """
    # here: definitions would take a second longer to load
    from scipy.sparse import csr_matrix
    from sklearn.feature_extraction.text import CountVectorizer

    if len(texts) != len(labels):
        raise ValueError(f"{len(texts)} texts and {len(labels)} labels: must be equally many")
    if len(labels) and not (labels.min() >= 0 and labels.max() < n_clusters):
        raise ValueError(
            f"labels = {labels.min()} to {labels.max()}: must be 0 to {n_clusters - 1}"
        )
    is_listed = len(texts) < FEW_TEXTS or language(" ".join(texts[:FEW_TEXTS])) in ("en", None)
    vectorizer = CountVectorizer(
        tokenizer=_terms,
        token_pattern=None,
        stop_words="english",
        max_df=1.0 if is_listed else FREQUENT_SHARE,
        max_features=MAX_WORDS,
    )
    try:
        counts = vectorizer.fit_transform(texts)  # (n_texts, n_words)
    except ValueError:  # no text has a word
        return [[] for _ in range(n_clusters)]
    members = csr_matrix(
        (np.ones(len(labels)), (labels, np.arange(len(labels)))), shape=(n_clusters, len(labels))
    )
    by_cluster = (members @ counts).tocsr()  # (n_clusters, n_words)
    rarity = np.log1p(by_cluster.sum() / n_clusters / np.asarray(by_cluster.sum(axis=0)).ravel())
    words = vectorizer.get_feature_names_out()
    return [_heaviest(by_cluster[row], rarity, words, n_terms) for row in range(n_clusters)]


def _terms(text: str) -> list[str]:
    terms: list[str] = []
    for match in TERM.finditer(text):
        n = {"pairs": 2, "triples": 3}.get(match.lastgroup or "")
        if n is None:
            terms.append(match[0])
            continue
        characters = CLUSTER.findall(match[0])
        terms += ("".join(characters[i : i + n]) for i in range(len(characters) - n + 1))
    return terms


def _heaviest(counts: csr_matrix, rarity: np.ndarray, words: np.ndarray, n: int) -> list[str]:
    """Return the words of a row of counts that weigh most; columns are in alphabetical order."""
    columns = np.sort(counts.indices)
    weights = counts.toarray().ravel()[columns] * rarity[columns]
    return [str(word) for word in words[columns[np.argsort(-weights, kind="stable")[:n]]]]
