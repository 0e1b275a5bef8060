"""The shortlist of a campaign: made from the vectors of all documents once, then kept in a file.

So a round that is played in a process of its own reads what the first one has kept.
"""

import zipfile
from pathlib import Path

import numpy as np
from threadpoolctl import threadpool_limits

from equal_assets.algorithms.coverage import Kernel
from equal_assets.algorithms.strategies.equal import EqualParameters, Shortlist, make_shortlist
from equal_assets.algorithms.strategies.strategy import Corpus, Target
from equal_assets.resources.publishing import publishing

SHORTLISTS = "shortlists"
"""The folder of the files, beside the warehouse. They can be deleted: they are made again."""


def kept_shortlist(
    folder: Path,
    campaign: str,
    made_from: str,
    corpus: Corpus,
    target: Target,
    parameters: EqualParameters,
    *,
    n_documents: int,
) -> Shortlist:
    """Return the shortlist of a campaign from its file, which is written if it is not there.

    Parameters
    ----------
    folder : Path
        Of the files.
    campaign : str
    made_from : str
        Identifies settings and inputs of the campaign; another one's file is replaced.
    corpus, target, parameters, n_documents
        As in :func:`make_shortlist`.
    """
    file, made_from = folder / f"{campaign}.npz", f"{made_from} {n_documents}"
    found = _read(file, made_from, target)
    if found is None:
        with threadpool_limits(1, user_api="blas"):
            found = make_shortlist(corpus, target, parameters, n_documents=n_documents)
        _write(file, made_from, found)
    return found


def _read(file: Path, made_from: str, target: Target) -> Shortlist | None:
    """Return what a file holds; None if it is not there, is damaged or of something else."""
    try:
        with np.load(file) as kept:
            if kept["made_from"].item() != made_from:
                return None
            kernel = Kernel(target.embeddings, kept["levels"], kept["widths"])
            return Shortlist(kernel, kept["rows"], kept["vectors"], kept["relatedness"])
    except (FileNotFoundError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        return None


def _write(file: Path, made_from: str, shortlist: Shortlist) -> None:
    with publishing(file) as draft, draft.open("wb") as opened:
        np.savez(
            opened,
            made_from=np.array(made_from),
            levels=shortlist.kernel.levels,
            widths=shortlist.kernel.widths,
            rows=shortlist.rows,
            vectors=shortlist.vectors,
            relatedness=shortlist.relatedness,
        )
