# SPDX-License-Identifier: Apache-2.0
"""Frozen: typed data that never changes; what is wrong with it is one of our errors."""

from collections.abc import Mapping
from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict, ValidationError

from atlasnet.errors import AtlasNetError, SpecError

__all__ = ["Frozen", "explain"]


class Frozen(BaseModel):
    """Immutable, and strict about its keys; what is wrong is one error.

    Raises
    ------
    AtlasNetError
        Of the class that `error` says, if a value is not allowed or a key is unknown.
    """

    model_config = ConfigDict(
        frozen=True, extra="forbid", use_attribute_docstrings=True
    )

    error: ClassVar[type[AtlasNetError]] = SpecError
    """What is raised."""

    def __init__(self, **data: Any) -> None:
        try:
            super().__init__(**data)
        except ValidationError as error:
            raise self.error(self._explain(error, data)) from error

    @classmethod
    def _label(cls, data: Mapping[str, Any]) -> str:
        """Return what is being made, for messages."""
        return cls.__name__

    @classmethod
    def _explain(cls, error: ValidationError, data: Mapping[str, Any]) -> str:
        """Say what is wrong with the first offending field."""
        return explain(error, cls._label(data))


def explain(error: ValidationError, label: str) -> str:
    """Say what is wrong with the first offending field.

    Parameters
    ----------
    error : pydantic.ValidationError
        What pydantic found.
    label : str
        What was to be made.

    Returns
    -------
    str
        One sentence; that of our own error, where one is behind it.
    """
    first = error.errors()[0]
    cause = first.get("ctx", {}).get("error")
    if isinstance(cause, AtlasNetError):  # raised by our own check: it says all
        return str(cause)
    where = ".".join(str(part) for part in first["loc"]) or label
    return f"Invalid {label} at '{where}': {first['msg']}, got {first['input']!r}."
