"""Readers that stream a corpus: a module per kind of source.

``reading`` joins them and applies the text policy, ``candidates`` holds what they yield.
"""

from equal_assets.resources.corpora.candidates import Reason
from equal_assets.resources.corpora.reading import read_corpus

__all__ = ["Reason", "read_corpus"]
