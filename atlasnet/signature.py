# SPDX-License-Identifier: Apache-2.0
"""Signatures: arguments are what the annotations say, or one sentence says what is not.

What the shell tells in a sentence is told at Python's prompt, too: a function that is
`checked` refuses an argument of another kind by name, before it does anything.
"""

import inspect
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from functools import cache, wraps
from types import NoneType, UnionType
from typing import (
    Any,
    Literal,
    ParamSpec,
    TypeVar,
    Union,
    get_args,
    get_origin,
    get_type_hints,
)

import numpy as np

from atlasnet.errors import AtlasNetError, closest
from atlasnet.frozen import Frozen

__all__ = ["checked"]

_Given = ParamSpec("_Given")
_Result = TypeVar("_Result")

_NUMBERS: Mapping[type, tuple[type, ...]] = {
    bool: (bool, np.bool_),
    int: (int, np.integer),
    float: (int, float, np.integer, np.floating),
}
_LISTS = (Sequence, Iterable, Collection)


def _plain(value: Any, annotation: Any) -> Any:
    """Return a whole number of NumPy as one of Python, which is what libraries want."""
    is_whole = isinstance(value, np.integer) and int in _choices(annotation)
    return int(value) if is_whole else value


def checked(
    error: type[AtlasNetError],
) -> Callable[[Callable[_Given, _Result]], Callable[_Given, _Result]]:
    """Let a function refuse arguments that are not what its annotations say.

    Where a list of names is wanted, a name stands for a list of it; where a model is
    wanted that is made of fields, a mapping of these stands for it.

    Parameters
    ----------
    error : type of AtlasNetError
        What is raised: it names the argument, what it is, and what was got. If another
        argument is what this one should be, it asks whether the two are swapped.

    Examples
    --------
    >>> from atlasnet.errors import AtlasError
    >>> @checked(AtlasError)
    ... def count(names: Sequence[str], most: int = 3) -> int:
    ...     return min(len(names), most)
    >>> count("4p"), count(["4p", "3a"])
    (1, 2)
    >>> count(3, ["4p"])  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    ...
    atlasnet.errors.AtlasError: count: 'names' is a list of str, got 3 (int)...
    """

    def check(function: Callable[_Given, _Result]) -> Callable[_Given, _Result]:
        signature = inspect.signature(function)

        @wraps(function)
        def call(*args: _Given.args, **kwargs: _Given.kwargs) -> _Result:
            try:
                bound = signature.bind(*args, **kwargs)
            except TypeError:
                return function(*args, **kwargs)  # says what is missing or unknown
            hints = _hints(function)
            for name, value in bound.arguments.items():
                if name in hints and signature.parameters[name].kind not in _MANY:
                    taken = _taken(value, hints[name])
                    bound.arguments[name] = _plain(taken, hints[name])
            for name in bound.arguments:
                if name in hints and signature.parameters[name].kind not in _MANY:
                    _require(function.__name__, name, bound.arguments, hints, error)
            return function(*bound.args, **bound.kwargs)

        return call

    return check


_MANY = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)


@cache
def _hints(function: Callable[..., Any]) -> dict[str, Any]:
    """Return what is annotated of a function's parameters."""
    return get_type_hints(function)


def _taken(value: Any, annotation: Any) -> Any:
    """Return what a value stands for, where its kind is known."""
    for kind in _choices(annotation):
        if _is_list(kind):
            if isinstance(value, str) and str in get_args(kind):
                return value if str in _choices(annotation) else (value,)
            is_other = not isinstance(value, str | bytes | Sequence | Mapping)
            if is_other and isinstance(value, Iterable):  # an array, a set, a generator
                return tuple(value)
            model = get_args(kind)[0]
            if any(isinstance(value, one) for one in _classes(model)):
                return (value,)
        if isinstance(value, Mapping) and get_origin(kind) is Mapping:
            of = get_args(kind)[-1]
            return {key: _taken(one, of) for key, one in value.items()}
        is_model = isinstance(kind, type) and issubclass(kind, Frozen)
        is_fields = isinstance(value, Mapping) and all(
            isinstance(k, str) for k in value
        )
        if is_model and is_fields:
            return kind(**value)
    return value


def _classes(annotation: Any) -> list[type]:
    """Return the models among the kinds that an annotation allows."""
    return [
        kind
        for kind in _choices(annotation)
        if isinstance(kind, type) and issubclass(kind, Frozen)
    ]


def _require(
    function: str,
    name: str,
    arguments: Mapping[str, Any],
    hints: Mapping[str, Any],
    error: type[AtlasNetError],
) -> None:
    """Refuse an argument that is not what is annotated."""
    value, annotation = arguments[name], hints[name]
    if _fits(value, annotation):
        return
    others = (
        other
        for other, found in arguments.items()
        if other != name
        and other in hints
        and _fits(found, annotation)
        and _fits(value, hints[other])
    )
    other = next(others, None)
    words = [
        str(w) for c in _choices(annotation) if _is_literal(c) for w in get_args(c)
    ]
    hint = closest(str(value), words) if isinstance(value, str) else ""
    swapped = f" Are '{name}' and '{other}' swapped?" if other else hint
    kinds = " or ".join(dict.fromkeys(map(_name_of, _choices(annotation))))
    raise error(f"{function}: '{name}' is {kinds}, got {_shown(value)}.{swapped}")


def _shown(value: Any) -> str:
    """Return a value as a sentence shows it: what is long by its kind alone."""
    kind, written = type(value).__name__, repr(value)
    return f"{written} ({kind})" if len(written) <= 40 else _name_of(type(value))


def _fits(value: Any, annotation: Any) -> bool:
    """Tell whether a value is of a kind, as far as the kind itself says."""
    return any(_is_of(value, kind) for kind in _choices(annotation))


def _is_of(value: Any, kind: Any) -> bool:
    if _is_literal(kind):
        return isinstance(value, str | int) and value in get_args(kind)
    known = get_origin(kind) or kind
    if known in _NUMBERS:
        is_truth = isinstance(value, bool | np.bool_) and known is not bool
        return isinstance(value, _NUMBERS[known]) and not is_truth
    if not isinstance(known, type):
        return True  # Any, a type variable: it says nothing
    if _is_list(kind):
        if isinstance(value, str | bytes):
            return False
        if isinstance(value, list | tuple):
            return all(_fits(one, get_args(kind)[0]) for one in value)
    try:
        return isinstance(value, known)
    except TypeError:  # a protocol that cannot be asked
        return True


def _choices(annotation: Any) -> tuple[Any, ...]:
    """Return the kinds that an annotation allows."""
    if annotation is None:
        return (NoneType,)
    if get_origin(annotation) in (Union, UnionType):
        return tuple(k for one in get_args(annotation) for k in _choices(one))
    return (annotation,)


def _is_literal(kind: Any) -> bool:
    return get_origin(kind) is Literal


def _is_list(kind: Any) -> bool:
    return get_origin(kind) in _LISTS


def _name_of(kind: Any) -> str:
    """Return what a kind is called in a sentence."""
    if kind is NoneType:
        return "None"
    if _is_literal(kind):
        return " or ".join(repr(word) for word in get_args(kind))
    if _is_list(kind):
        parts = [one for part in get_args(kind) for one in _choices(part)]
        names = [_name_of(p).removeprefix("a ").removeprefix("an ") for p in parts]
        return f"a list of {' or '.join(names)}"
    name = getattr(get_origin(kind) or kind, "__name__", str(kind))
    return f"{'an' if name[0] in 'AEIOaeio' else 'a'} {name}"
