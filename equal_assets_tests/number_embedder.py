"""An embedder of numbers, for tests that care where vectors go, not what they mean."""

import numpy as np

from equal_assets.resources.embedding.embedder import Embedded, Embedder

SEEN: list[str] = []
"""What was embedded in this process."""


class NumberEmbedder(Embedder):
    """Embeds a text, which is a number, as the number and 1; is interrupted after so many texts."""

    most: int = 10**9

    def embed(self, texts, *, path, progress):
        if len(SEEN) + len(texts) > self.most:
            raise KeyboardInterrupt
        SEEN.extend(texts)
        vectors = np.array([[float(text), 1.0] for text in texts], np.float32)
        return Embedded(vectors, np.ones(len(texts), np.int64), np.full(len(texts), 2.0))


def number_embedder(**given) -> NumberEmbedder:
    common = {"model": "m", "precision": "auto", "batch_size": 1, "chunk_overlap_tokens": 0}
    return NumberEmbedder(**common, models_folder="models", **given)
