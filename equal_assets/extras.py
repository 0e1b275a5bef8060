"""The extras of the package: how to install what one of them brings."""

import shlex
import sys
from importlib.metadata import requires


def install_command(extra: str) -> str:
    """Return a command that installs what an extra brings into the environment that runs this.

    It names the requirements themselves, as the installed package declares them: the package is on
    no index, so ``equal-assets[files]`` would be found neither beside a wheel nor in a clone.

    Parameters
    ----------
    extra : str
        A key of ``optional-dependencies`` in pyproject.toml.
    """
    declared = (line.partition("; ") for line in requires("equal-assets") or [])
    needed = [name for name, _, marker in declared if marker == f'extra == "{extra}"']
    return shlex.join([sys.executable, "-m", "pip", "install", *needed])
