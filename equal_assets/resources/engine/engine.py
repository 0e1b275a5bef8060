"""What does the work on many parts, and where the parts are stored."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator
from typing import ClassVar, TypeVar

from dagster import ConfigurableResource
from pydantic import Field

from equal_assets.resources.storage import Storage

Part = TypeVar("Part")
Outcome = TypeVar("Outcome")


class Engine(ConfigurableResource, ABC):
    """Does a task for many parts.

    A task stores what it makes, and is not asked for a part that is stored: so what is killed goes
    on where it was. Dagster, the warehouse, the journal and the budgets stay where the engine is
    called; a task never opens them.

    Attributes
    ----------
    is_elsewhere : bool
        Whether tasks may run on machines that do not see the folders of this one.
    """

    is_elsewhere: ClassVar[bool] = False

    place: str = Field(description="Folder or URI where tasks read and write.")

    @property
    def storage(self) -> Storage:
        """Where tasks read and write."""
        return Storage(self.place)

    @abstractmethod
    def map(self, task: Callable[[Part], Outcome], parts: Iterable[Part]) -> Iterator[Outcome]:
        """Do a task for each part; yield what it returns, in the order of the parts.

        Parameters
        ----------
        task : callable
            Can be pickled; the same part has the same outcome, wherever and how often it is done.
        parts : iterable
            Taken as there is room for them.

        Raises
        ------
        EqualError
            What the task raised.
        ServiceError
            If the machines that do it are lost.
        """

    @abstractmethod
    def describe(self) -> str:
        """Say what does the work, in words.

        Raises
        ------
        ServiceError
            If it cannot be reached.
        """


class LocalEngine(Engine):
    """Does one part after the other, in this process."""

    def map(self, task: Callable[[Part], Outcome], parts: Iterable[Part]) -> Iterator[Outcome]:
        """Do a task for each part, in order."""
        return map(task, parts)

    def describe(self) -> str:
        """Say that it is this process."""
        return "the work is done in the process"
