"""The engine on a Ray cluster: any process of any of its machines does a part."""

import socket
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import Any, ClassVar

from pydantic import Field

from equal_assets.errors import EqualError, ServiceError
from equal_assets.extras import install_command
from equal_assets.resources.engine.engine import Engine, Outcome, Part

WAITING_PER_CPU = 2
"""Parts that are handed out at once, so that no processor waits for the next one."""

KNOCK_SECONDS = 10.0

TRIES = 5
"""Of a part whose worker or machine dies."""


class RayEngine(Engine):
    """Does parts on a Ray cluster (https://www.ray.io)."""

    address: str = Field(description="Of the cluster; auto: the one that runs here.")
    is_elsewhere: ClassVar[bool] = True

    def map(self, task: Callable[[Part], Outcome], parts: Iterable[Part]) -> Iterator[Outcome]:
        """Do a task for each part on any machine; a part whose worker dies is done again."""
        ray = self.connected()
        do = ray.remote(_do).options(max_retries=TRIES)
        waiting: deque[Any] = deque()
        try:
            shared = ray.put(task)
            for part in parts:
                if len(waiting) >= WAITING_PER_CPU * max(1, self._n_cpus()):
                    yield ray.get(waiting.popleft())
                waiting.append(do.remote(shared, part))
            while waiting:
                yield ray.get(waiting.popleft())
        except ray.exceptions.RayTaskError as error:
            if isinstance(error.cause, EqualError):
                raise error.cause from None
            raise
        except (ray.exceptions.RayError, ConnectionError) as error:
            raise ServiceError(
                f"engine.address = {self.address!r}: the Ray cluster was lost "
                f"({_first_line(error)}); what was stored is safe: start it, then `equal run` goes "
                "on from there"
            ) from error

    def describe(self) -> str:
        """Say how large the cluster is."""
        n_nodes = sum(node["Alive"] for node in self.connected().nodes())
        gpus = int(self.connected().cluster_resources().get("GPU", 0))
        return f"Ray: {n_nodes} machine(s), {self._n_cpus()} CPUs, {gpus} GPUs"

    def _n_cpus(self) -> int:
        return int(self.connected().cluster_resources().get("CPU", 0))

    def connected(self) -> Any:
        """Return the module of Ray, connected to the cluster.

        Raises
        ------
        ServiceError
            If Ray is not installed, or no cluster answers.
        """
        try:
            import ray
        except ImportError as error:
            raise ServiceError(
                f"engine.kind = 'ray': Ray is not installed; `{install_command('ray')}` installs it"
            ) from error
        if not ray.is_initialized():
            try:
                self._knock()
                ray.init(address=self.address, log_to_driver=False, logging_level="ERROR")
            except (OSError, ray.exceptions.RayError, RuntimeError, ValueError) as error:
                raise ServiceError(
                    f"engine.address = {self.address!r}: no Ray cluster answers "
                    f"({_first_line(error)}); start one with `ray start --head`, or set "
                    "engine.kind: local"
                ) from error
        return ray

    def _knock(self) -> None:
        """Try the port of the cluster: Ray itself waits for minutes where nobody listens.

        Raises
        ------
        OSError
            If nobody does.
        """
        host, _, port = self.address.removeprefix("ray://").partition(":")
        if port.isdigit():
            socket.create_connection((host, int(port)), timeout=KNOCK_SECONDS).close()


def _do(task: Callable[[Part], Outcome], part: Part) -> Outcome:
    return task(part)


def _first_line(error: BaseException) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
