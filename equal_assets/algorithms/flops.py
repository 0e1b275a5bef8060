"""What models compute: floating-point operations of reading, writing, embedding and training.

A multiplication and an addition are two operations. Attention over the context is left out, as in
the sources: it stays small until contexts reach several times the hidden size.
"""

from __future__ import annotations


def inference_flops(n_parameters: float, n_tokens: float) -> float:
    """Return the operations of a forward pass: one multiplication and addition per parameter.

    Parameters
    ----------
    n_parameters : float
        Parameters that a token passes through, >= 0: in a mixture of experts the active ones, in
        an encoder those outside its embedding tables, which are looked up and not multiplied.
    n_tokens : float
        Tokens read and written, >= 0. With a cache of keys and values each is computed once.

    Returns
    -------
    float
        ``2 * n_parameters * n_tokens``.

    Raises
    ------
    ValueError
        If a count is negative.

    References
    ----------
    arXiv:2001.08361, section 2.1.

    Examples
    --------
    >>> inference_flops(7e9, 1_000)
    14000000000000.0
    """
    _check_counts(n_parameters=n_parameters, n_tokens=n_tokens)
    return 2.0 * n_parameters * n_tokens


def training_flops(n_parameters: float, n_tokens: float) -> float:
    """Return the operations of training every weight: 2 per parameter forward, 4 backward.

    Parameters
    ----------
    n_parameters : float
        Parameters of the model, >= 0.
    n_tokens : float
        Tokens trained on, every epoch counted; >= 0.

    Returns
    -------
    float
        ``6 * n_parameters * n_tokens``.

    Raises
    ------
    ValueError
        If a count is negative.

    References
    ----------
    arXiv:2001.08361, section 2.1.
    """
    _check_counts(n_parameters=n_parameters, n_tokens=n_tokens)
    return 6.0 * n_parameters * n_tokens


def adapter_training_flops(n_frozen: float, n_adapter: float, n_tokens: float) -> float:
    """Return the operations of training low-rank adapters over a frozen model.

    Parameters
    ----------
    n_frozen, n_adapter : float
        Parameters of the frozen model and of its adapters, >= 0.
    n_tokens : float
        Tokens trained on, every epoch counted; >= 0.

    Returns
    -------
    float
        ``(4 * n_frozen + 6 * n_adapter) * n_tokens``.

    Raises
    ------
    ValueError
        If a count is negative.

    Notes
    -----
    Per token, every parameter takes 2 operations forward and 2 backward for the gradient of its
    input, which lower adapters need. The 2 for the gradient of the weight itself fall to the
    adapters alone. So adapters save memory and a third of the operations, not more.

    References
    ----------
    arXiv:2106.09685 (the method); arXiv:2001.08361, section 2.1 (forward and backward).
    """
    _check_counts(n_frozen=n_frozen, n_adapter=n_adapter, n_tokens=n_tokens)
    return (4.0 * n_frozen + 6.0 * n_adapter) * n_tokens


def lookup_flops(n_dimensions: int, n_tokens: float) -> float:
    """Return the operations of a static embedder: it looks a row up per token and sums the rows.

    Parameters
    ----------
    n_dimensions : int
        Of an embedding, >= 0.
    n_tokens : float
        Tokens embedded, >= 0.

    Returns
    -------
    float
        ``n_dimensions * n_tokens``: one addition per dimension and token.

    Raises
    ------
    ValueError
        If a count is negative.
    """
    _check_counts(n_dimensions=n_dimensions, n_tokens=n_tokens)
    return float(n_dimensions * n_tokens)


def _check_counts(**counts: float) -> None:
    for name, count in counts.items():
        if count < 0:
            raise ValueError(f"{name} = {count}: must be >= 0")
