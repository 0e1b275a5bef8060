"""The models of this machine, as the machines of an engine load them."""

from pathlib import Path

from equal_assets.resources.engine.engine import Engine
from equal_assets.resources.publishing import seal
from equal_assets.resources.storage import Storage
from equal_assets.resources.warehouse import MODELS


def shared_model(path: str, engine: Engine) -> str | Storage:
    """Return a model as tasks load it: copied once where machines do not see its folder.

    Parameters
    ----------
    path : str
        A folder, or a hub id, which every machine can load.
    engine : Engine
    """
    folder = Path(path)
    if not (engine.is_elsewhere and folder.is_dir()):
        return path
    shared = engine.storage.below(MODELS).below(seal(folder).sha256[:16])
    shared.add_folder(folder)
    return shared
