# SPDX-License-Identifier: Apache-2.0
"""Options of a command from the models that it takes.

A command's parameter whose type is a model, such as `PlanOptions`, becomes one option
for each of its fields: spelt after the field, or as the field's `Flag` says; with the
field's type and default; and with the first sentence of its docstring as help. So an
option stands in one place, the model.
"""

import inspect
from collections.abc import Callable, Iterator, Mapping
from functools import wraps
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, cast, get_args, get_origin

import typer
from annotated_types import Ge, Gt
from pydantic.fields import FieldInfo

from atlasnet.commands.arguments import parse_cells
from atlasnet.frozen import Flag, Frozen

__all__ = ["given_flags", "with_options"]

Model = type[Frozen]

_PLAIN = (bool, float, int, str, Path)


def with_options(function: Callable[..., None]) -> Callable[..., None]:
    """Return a command that takes an option for each field of its models.

    Parameters
    ----------
    function : callable
        Takes models, each under one name, beside parameters that typer knows. A model
        or None, ``VisualRule | None``, is None where none of its options is given. A
        default, an instance, gives the options theirs.

    Returns
    -------
    callable
        What typer makes a command of.
    """
    signature = inspect.signature(function, eval_str=True)
    models: dict[str, tuple[Model, bool]] = {}
    parameters: list[inspect.Parameter] = []
    for name, parameter in signature.parameters.items():
        found = _model_in(parameter.annotation)
        if found is None:
            parameters.append(parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY))
        else:
            models[name] = found
            parameters += _options_of(name, *found, parameter.default)

    @wraps(function)
    def command(**values: Any) -> None:
        taken = {n: _fill(n, *found, values) for n, found in models.items()}
        function(**{n: values[n] for n in signature.parameters if n in values}, **taken)

    command.__signature__ = signature.replace(  # type: ignore[attr-defined]
        parameters=parameters
    )
    command.__annotations__ = {p.name: p.annotation for p in parameters}
    return command


def _model_in(annotation: Any) -> tuple[Model, bool] | None:
    """Return the model that an annotation names, and whether it may be None."""
    kinds = get_args(annotation) or (annotation,)
    models = [k for k in kinds if isinstance(k, type) and issubclass(k, Frozen)]
    return (models[0], NoneType in kinds) if models else None


def _fields_of(model: Model) -> Iterator[tuple[str, FieldInfo, Flag]]:
    """Yield the fields that the command line has."""
    for name, field in model.model_fields.items():
        flag = next((m for m in field.metadata if isinstance(m, Flag)), Flag())
        if flag.is_offered:
            yield name, field, flag


def _options_of(
    parameter: str, model: Model, is_optional: bool, example: Any
) -> Iterator[inspect.Parameter]:
    """Yield an option for each field of a model."""
    for name, field, flag in _fields_of(model):
        kind = _type_of(field.annotation)
        own, shown = (
            field.get_default(call_default_factory=True, validated_data={}),
            flag.shown,
        )
        default = getattr(example, name, own)
        if shown is None and is_optional and isinstance(default, int | float | str):
            shown = str(default)
        if shown is not None or default in ((), {}):
            default = None
        spelt = _spelt(name, flag)
        if kind is bool:
            spelt = [f"{one}/{_negated(one)}" for one in spelt]
        option = typer.Option(
            *spelt,
            metavar=flag.metavar,
            help=_first_sentence(field.description or ""),
            show_default=True if shown is None else shown,
            min=_least(kind, field),
        )
        yield inspect.Parameter(
            f"{parameter}__{name}",
            inspect.Parameter.KEYWORD_ONLY,
            default=default,
            annotation=Annotated[kind if default is not None else kind | None, option],
        )


def _spelt(name: str, flag: Flag) -> list[str]:
    """Return the flags of a field."""
    return flag.name.split() or ["--" + name.replace("_", "-")]


def _negated(flag: str) -> str:
    """Return the flag that says no."""
    return f"--no-{flag.removeprefix('--')}"


def given_flags(model: Frozen) -> list[str]:
    """Return the flags of the fields that differ from their defaults."""
    flags = []
    for name, field, flag in _fields_of(type(model)):
        value, spelt = getattr(model, name), _spelt(name, flag)[0]
        if value != field.get_default(call_default_factory=True, validated_data={}):
            flags.append(_negated(spelt) if value is False else spelt)
    return flags


def _fill(
    parameter: str, model: Model, is_optional: bool, values: Mapping[str, Any]
) -> Frozen | None:
    """Return the model that the options' values make."""
    given: dict[str, Any] = {}
    for name, _, flag in _fields_of(model):
        value = values[f"{parameter}__{name}"]
        if value is None:
            continue
        if flag.alone is not None:
            alone, value = parse_cells(value)
            given |= {} if alone is None else {flag.alone: alone}
        given[name] = value
    return model(**given) if given or not is_optional else None


def _type_of(annotation: Any) -> Any:
    """Return a field's type as typer takes it; texts where it knows none."""
    origin, inner = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return _type_of(inner[0])
    if origin in (Union, UnionType):
        kinds = [kind for kind in inner if kind is not NoneType]
        return _type_of(kinds[0]) if len(kinds) == 1 else str
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return list[str]
    if origin is tuple and inner[-1] is Ellipsis and get_origin(inner[0]) is Literal:
        return list[str]  # the model checks the words
    if origin is tuple and inner[-1] is Ellipsis and inner[0] in _PLAIN:
        return list[inner[0]]  # type: ignore[valid-type]
    return annotation if annotation in _PLAIN or origin is Literal else str


def _least(kind: Any, field: FieldInfo) -> float | None:
    """Return the least number that a field allows, where there is one."""
    for bound in field.metadata:
        if isinstance(bound, Ge):
            return cast(float, bound.ge)
        if isinstance(bound, Gt) and kind is int:
            return cast(int, bound.gt) + 1
    return None


def _first_sentence(text: str) -> str:
    """Return the first sentence of a docstring, without marks of emphasis."""
    line = " ".join(text.replace("`", "").split())
    end = line.find(". ")
    return line if end < 0 else line[: end + 1]
