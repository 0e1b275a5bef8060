"""Texts as vectors: the embedder, its contrastive tuning and its cost."""
