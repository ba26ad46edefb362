# SPDX-License-Identifier: Apache-2.0
"""Frozen: typed data that never changes; what is wrong with it is one of our errors."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from inspect import formatannotation, getdoc
from textwrap import indent
from types import UnionType
from typing import Annotated, Any, ClassVar, Literal, Self, Union, get_args, get_origin

from pydantic import (
    BaseModel,
    ConfigDict,
    ValidationError,
    model_validator,
)
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from atlasnet.errors import SpecError, closest

__all__ = ["Flag", "Frozen", "explain", "say"]


@dataclass(frozen=True, slots=True)
class Flag:
    """How a field is given on the command line, where its name does not say it.

    Stands in the annotation of a field; the option's type, default and help are those
    of the field.
    """

    name: str = ""
    """The flag, or several with spaces between; by default the field's name after two
    dashes."""
    metavar: str | None = None
    """What stands for the value in the help."""
    shown: str | None = None
    """The default, where the help should show it in other words."""
    alone: str | None = None
    """Field that a word without a key gives, of a mapping from ``KEY=VALUE`` words."""
    is_offered: bool = True
    """Whether the command line has the field at all."""


class Frozen(BaseModel):
    """Immutable, and strict about its keys; what is wrong is one error.

    Raises
    ------
    Exception
        Of the class that `error` says, if a value is not allowed or a key is unknown.
    """

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        allow_inf_nan=False,
        use_attribute_docstrings=True,
    )

    error: ClassVar[type[Exception]] = SpecError
    """What is raised."""
    label: ClassVar[str] = ""
    """What it is, for messages; if none is said, the name of the class."""

    def __init__(self, *args: Any, **data: Any) -> None:
        if args:
            name, first = type(self).__name__, next(iter(type(self).model_fields))
            raise self.error(
                f"{name} takes its fields by name, such as {name}({first}=...), got "
                f"{args[0]!r:.60}. There is: {', '.join(type(self).model_fields)}."
            )
        try:
            super().__init__(**data)
        except ValidationError as error:
            label = self._label(data)
            raise self.error(explain(error, label, type(self), data)) from error

    # Says that nothing is added to the validation: so parts are validated with the
    # whole, and errors know the way from there.
    __init__.__pydantic_base_init__ = True  # type: ignore[attr-defined]

    @model_validator(mode="before")
    @classmethod
    def _no_truth_for_numbers(cls, data: Any) -> Any:
        """Refuse ``true`` where a number is wanted: it is no 1."""
        for name, value in data.items() if isinstance(data, Mapping) else ():
            field = cls.model_fields.get(name)
            if field is None or not isinstance(value, bool):
                continue
            kinds = _kinds(field.annotation)
            if bool not in kinds and kinds & {int, float}:
                where = f"Invalid {cls._label(data)} at '{name}'"
                raise cls.error(f"{where}: a number is wanted, got {value!r}.")
        return data

    def __copy__(self) -> Self:
        """Return a copy without what was computed of the fields and kept."""
        copied = super().__copy__()
        kept = {k: v for k, v in vars(copied).items() if k in type(self).model_fields}
        object.__setattr__(copied, "__dict__", kept)
        return copied

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: Any) -> None:
        """Tell of every field in the class's docstring, for ``help``."""
        told = [
            f"{name} : {formatannotation(field.annotation)}, {_default_of(field)}\n"
            + indent(field.description or "", "    ")
            for name, field in cls.model_fields.items()
        ]
        cls.__doc__ = "\n".join([getdoc(cls) or "", "", "Fields", "------", *told])

    @classmethod
    def _label(cls, data: Mapping[str, Any]) -> str:
        """Return what is being made, for messages."""
        return cls.label or cls.__name__


def _kinds(annotation: Any) -> set[Any]:
    """Return the types that an annotation names, at any depth but for items."""
    origin = get_origin(annotation)
    if origin is Annotated:
        return _kinds(get_args(annotation)[0])
    if origin in (Union, UnionType):
        return {kind for part in get_args(annotation) for kind in _kinds(part)}
    if origin is Literal:
        return set(map(type, get_args(annotation)))
    return {annotation}


def _default_of(field: FieldInfo) -> str:
    """Return what a field is if nobody says so, in words."""
    if field.is_required():
        return "needed"
    default = field.get_default(call_default_factory=True, validated_data={})
    is_model = isinstance(default, BaseModel)
    return (
        f"by default {f'{type(default).__name__}(...)' if is_model else repr(default)}"
    )


def explain(
    error: ValidationError,
    label: str,
    model: type[BaseModel] | None = None,
    data: Any = None,
) -> str:
    """Say what is wrong with the first offending field.

    Parameters
    ----------
    error : pydantic.ValidationError
        What pydantic found.
    label : str
        What was to be made.
    model : type of pydantic.BaseModel, optional
        Its class, whose keys are named where one is unknown.
    data : optional
        What it was to be made from: items of a list are then called by their names.

    Returns
    -------
    str
        One or two sentences; those of our own error, where one is behind it.
    """
    found = error.errors()
    # First what is not known: a misspelt key is a missing one, too.
    first = next((e for e in found if e["type"] == "extra_forbidden"), found[0])
    cause = first.get("ctx", {}).get("error")
    if cause is not None and type(cause) not in (ValueError, AssertionError):
        return str(cause)  # raised by our own check: it says all
    where = ".".join(_way(first["loc"], data)) or label
    if first["type"] == "extra_forbidden" and model is not None:
        known = _known_keys(first["loc"][:-1], model)
        hint = closest(str(first["loc"][-1]), known)
        return f"Unknown {label} key '{where}'.{hint} Allowed: {', '.join(known)}."
    return f"Invalid {label} at '{where}': {say(first)}"


def say(error: ErrorDetails, show: Callable[[Any], str] = repr) -> str:
    """Say what is wrong with one value: what is allowed, what was got, what is near.

    Parameters
    ----------
    error : pydantic_core.ErrorDetails
        One of those that pydantic found.
    show : callable, optional
        How the value is written; words of a command line are plain with ``str``.
    """
    text = error["msg"].removeprefix("Value error, ").removesuffix(".")
    value, (_, is_told, names) = error["input"], text.partition(" is not one of ")
    expected = str(error.get("ctx", {}).get("expected", names))
    hint = closest(str(value), re.findall("'([^']*)'", expected))
    return f"{text}{'' if is_told else f', got {show(value)}'}.{hint}"


def _way(location: Iterable[str | int], data: Any) -> Iterator[str]:
    """Yield the parts of a location, items that have a name by their names."""
    for part in location:
        try:
            data = data[part]
        except (LookupError, TypeError):
            data = None
        is_named = isinstance(part, int) and isinstance(data, Mapping)
        yield str(data.get("name", part) if is_named else part)


def _known_keys(location: tuple[str | int, ...], root: type[BaseModel]) -> list[str]:
    """Return the keys that a part of the data allows."""
    model = root
    for part in location:  # numbers and free names lead into lists and mappings
        field = model.model_fields.get(str(part))
        model = next(_models(field.annotation), model) if field else model
    return list(model.model_fields)


def _models(annotation: Any) -> Iterator[type[BaseModel]]:
    """Yield the models that an annotation names, of a list's items too."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for inner in get_args(annotation):
        yield from _models(inner)
