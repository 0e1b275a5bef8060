"""Clusters of documents: their geometry and the words that tell them apart."""
