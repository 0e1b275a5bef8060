"""Texts as vectors: the embedder, its contrastive tuning, what it costs."""
