"""How a resource is handed to another process."""

from functools import partial
from typing import Any

from dagster import ConfigurableResource


def pickled_by_fields(resource: ConfigurableResource) -> tuple[Any, ...]:
    """Return what ``__reduce__`` of a resource does: it is made again from its fields.

    What Dagster adds to a resource cannot be pickled, and is not needed elsewhere.
    """
    fields = {name: getattr(resource, name) for name in type(resource).model_fields}
    return partial(type(resource), **fields), ()
