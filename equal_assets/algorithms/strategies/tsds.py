"""TSDS: documents by optimal transport from the target's questions, with repetition control.

The KNN-KDE variant of Liu, Karbasi and Rekatsinas, "TSDS: Data Selection for Task-Specific Model
Finetuning", NeurIPS 2024 (arXiv:2410.11303).
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from equal_assets.algorithms.optimal_transport import check_unit_rows

_BLOCK_ENTRIES = 2**24  # of a similarity matrix held at once: 64 MiB in single precision
_FIRST_NEIGHBORS = 64  # whose density is measured first; more follow where the mass reaches further


def tsds_probabilities(
    document_embeddings: np.ndarray,
    reference_embeddings: np.ndarray,
    *,
    alpha: float,
    scale: float,
    kernel_size: float,
    max_neighbors: int,
) -> np.ndarray:
    """Return the probability that TSDS gives to every document.

    With ``M`` reference rows, distances ``d_ij`` from row i to document j and densities ``rho_j``,
    the plan ``gamma >= 0`` whose rows sum to ``1 / M`` minimizes

        ``alpha / C * sum_ij gamma_ij d_ij + (1 - alpha) * max_ij(M * rho_j * gamma_ij)``

    and ``p_j = sum_i gamma_ij``. For a given maximum ``1 / s`` no document may get more than
    ``1 / (M s rho_j)`` from a row, so each row fills its nearest documents up to that bound, in
    inverse proportion to density, until its mass is spent. The best ``s`` is the least at which

        ``alpha / C * sum_i sum_{k <= K_i} (d_{i,K_i+1} - d_ik) / rho_k >= (1 - alpha) * M``

    where ``K_i`` counts the documents that row i has filled.

    Parameters
    ----------
    document_embeddings : ndarray of shape (n_documents, n_dimensions)
        Unit rows.
    reference_embeddings : ndarray of shape (n_reference, n_dimensions)
        The target's questions, unit rows.
    alpha : float
        Weight of nearness against spread, in [0, 1]; at 1 every row gives all to its nearest.
    scale : float
        ``C``, > 0: the length that distances are measured in; more spreads further.
    kernel_size : float
        Euclidean distance, > 0, below which documents count as duplicates of each other:
        ``rho_j = sum_l max(0, 1 - |x_j - x_l|^2 / kernel_size^2)`` over the candidates, which
        are the neighbors of any row; 1 for a document without duplicates.
    max_neighbors : int
        Nearest documents that a row may give mass to, >= 1; all where there are fewer.

    Returns
    -------
    ndarray of shape (n_documents,), float64
        Sums to 1; 0 for most documents.

    Raises
    ------
    ValueError
        If a parameter is out of bounds, a matrix is empty or not of unit rows, or the dimensions
        differ.

    Notes
    -----
    The authors count duplicates among a document's 1,000 approximate neighbors, this function
    among all candidates; where a row has filled all its neighbors they give what is left to the
    last, this function to all in inverse proportion to density. Time grows with candidates times
    documents that get mass, and memory with ``n_reference * max_neighbors``.

    References
    ----------
    arXiv:2410.11303, algorithm KNN-KDE.
    """
    if not 0 <= alpha <= 1:
        raise ValueError(f"alpha = {alpha}: must be 0 to 1")
    if not scale > 0:
        raise ValueError(f"scale = {scale}: must be > 0")
    if not kernel_size > 0:
        raise ValueError(f"kernel_size = {kernel_size}: must be > 0")
    if max_neighbors < 1:
        raise ValueError(f"max_neighbors = {max_neighbors}: must be at least 1")
    documents, reference = _unit_rows(document_embeddings, reference_embeddings)
    neighbors, distances = _nearest(documents, reference, min(max_neighbors, len(documents)))
    candidates = documents[np.unique(neighbors)]
    densities = np.full(len(documents), np.nan)  # nan: not measured yet
    n_near, overflows = 0, True
    while overflows and n_near < neighbors.shape[1]:
        n_near = min(max(_FIRST_NEIGHBORS, 2 * n_near), neighbors.shape[1])
        near = neighbors[:, :n_near]
        unmeasured = np.unique(near[np.isnan(densities[near])])
        densities[unmeasured] = _densities(documents[unmeasured], candidates, kernel_size)
        weights = 1.0 / densities[near]  # (n_reference, n_near)
        shares, overflows = _shares(distances[:, :n_near], weights, alpha=alpha, scale=scale)
    return np.bincount(near.ravel(), weights=shares.ravel(), minlength=len(documents))


def tsds_ranking(
    document_embeddings: np.ndarray,
    reference_embeddings: np.ndarray,
    *,
    n_documents: int,
    alpha: float,
    scale: float,
    kernel_size: float,
    max_neighbors: int,
    rng: np.random.Generator,
) -> np.ndarray:
    """Return the documents that TSDS chooses, best first.

    They are drawn without replacement, one after the other, with the probabilities of
    :func:`tsds_probabilities`; documents without any follow by the distance to their nearest
    reference row.

    Parameters
    ----------
    document_embeddings, reference_embeddings, alpha, scale, kernel_size, max_neighbors
        As in :func:`tsds_probabilities`.
    n_documents : int
        Documents to draw, from 1 to all.
    rng : numpy.random.Generator
        The same state gives the same documents.

    Returns
    -------
    ndarray of shape (n_documents,), int64
        Distinct rows of ``document_embeddings``.

    Raises
    ------
    ValueError
        If there are fewer documents, or as in :func:`tsds_probabilities`.

    Notes
    -----
    The authors draw with replacement and train on repeated documents; a document is worth
    reading once.
    """
    if not 1 <= n_documents <= len(document_embeddings):
        raise ValueError(f"n_documents = {n_documents}: must be 1 to {len(document_embeddings)}")
    probabilities = tsds_probabilities(
        document_embeddings,
        reference_embeddings,
        alpha=alpha,
        scale=scale,
        kernel_size=kernel_size,
        max_neighbors=max_neighbors,
    )
    likely = np.flatnonzero(probabilities)
    keys = np.log(probabilities[likely]) + rng.gumbel(size=len(likely))  # Gumbel top-k
    ranking = likely[np.argsort(-keys, kind="stable")]
    if len(ranking) < n_documents:
        others = np.flatnonzero(probabilities == 0)
        documents, reference = _unit_rows(document_embeddings[others], reference_embeddings)
        nearest = _nearest(reference, documents, 1)[1].ravel()
        ranking = np.concatenate([ranking, others[np.argsort(nearest, kind="stable")]])
    return ranking[:n_documents]


def _unit_rows(documents: np.ndarray, reference: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Check and return both in single precision, scaled to unit length as exactly as it allows."""
    check_unit_rows(document_embeddings=documents, reference_embeddings=reference)
    singles = (np.asarray(rows, dtype=np.float32) for rows in (documents, reference))
    first, second = (rows / np.linalg.norm(rows, axis=1, keepdims=True) for rows in singles)
    return first, second


def _nearest(
    documents: np.ndarray, queries: np.ndarray, n_neighbors: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return each query's nearest documents, nearest first, and their Euclidean distances."""
    neighbors = np.empty((len(queries), n_neighbors), dtype=np.int64)
    distances = np.empty((len(queries), n_neighbors))
    for block, similarities in _similarity_blocks(queries, documents):
        found = np.argpartition(-similarities, n_neighbors - 1, axis=1)[:, :n_neighbors]
        found.sort(axis=1)  # so that equal distances are in the order of the rows
        squared = 2.0 - 2.0 * np.take_along_axis(similarities, found, axis=1).astype(np.float64)
        order = np.argsort(squared, axis=1, kind="stable")
        neighbors[block] = np.take_along_axis(found, order, axis=1)
        distances[block] = np.sqrt(np.maximum(np.take_along_axis(squared, order, axis=1), 0.0))
    return neighbors, distances


def _densities(rows: np.ndarray, candidates: np.ndarray, kernel_size: float) -> np.ndarray:
    """Return how many near-duplicates each row has among the candidates, itself included."""
    densities = np.empty(len(rows))
    squared_size = kernel_size**2
    outside = np.float32(1.0 - squared_size / 2)  # cosine at which the kernel ends
    for block, similarities in _similarity_blocks(rows, candidates):
        np.clip(similarities, outside, np.float32(1.0), out=similarities)
        similarities -= outside
        densities[block] = similarities.sum(axis=1) * (2.0 / squared_size)
    return np.maximum(densities, 1.0)  # in single precision a row may fall short of itself


def _similarity_blocks(rows: np.ndarray, columns: np.ndarray) -> Iterator[tuple[slice, np.ndarray]]:
    """Yield the cosine similarities a few rows at a time, so that memory stays bounded."""
    step = max(1, _BLOCK_ENTRIES // len(columns))
    for start in range(0, len(rows), step):
        block = slice(start, start + step)
        yield block, rows[block] @ columns.T  # (n_block, n_columns)


def _shares(
    distances: np.ndarray, weights: np.ndarray, *, alpha: float, scale: float
) -> tuple[np.ndarray, bool]:
    """Solve the regularized problem over each row's neighbors.

    Parameters
    ----------
    distances : ndarray of shape (n_reference, n_neighbors)
        Rising along each row.
    weights : ndarray of shape (n_reference, n_neighbors)
        Inverse densities, > 0.

    Returns
    -------
    shares : ndarray of shape (n_reference, n_neighbors)
        The plan; every row sums to ``1 / n_reference``.
    overflows : bool
        Whether a row has filled all its neighbors, so that more neighbors might change the plan.
    """
    n_reference = len(distances)
    filled = np.cumsum(weights, axis=1)
    following = np.concatenate([distances[:, 1:], distances[:, -1:]], axis=1)
    detours = following * filled - np.cumsum(weights * distances, axis=1)
    # a row's detour grows where s passes one of its sums of weights: go through all in order
    order = np.argsort(filled, axis=None)
    gains = np.maximum(np.diff(detours, axis=1, prepend=0.0), 0.0)
    total = np.cumsum(gains.ravel()[order])
    last = np.searchsorted(alpha * total, (1 - alpha) * scale * n_reference)
    s = filled.ravel()[order[min(int(last), len(order) - 1)]]
    shares = np.clip(s - (filled - weights), 0.0, weights)
    shares /= shares.sum(axis=1, keepdims=True) * n_reference
    return shares, bool((filled[:, -1] <= s).any())
