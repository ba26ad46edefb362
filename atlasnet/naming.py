# SPDX-License-Identifier: Apache-2.0
"""Names of areas: how they are compared, which side they end in, what they may mean.

Whatever takes the name of an area takes the same spellings of it, see
:func:`atlasnet.graph.synonyms.meant`.
"""

import re
import unicodedata
from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase
from typing import Literal

__all__ = [
    "Hemisphere",
    "fitting",
    "has_words",
    "in_words",
    "normalised",
    "same_name",
    "side_of",
    "slug",
    "with_side_last",
    "without_side",
]

Hemisphere = Literal["left", "right"]

_SIDE = re.compile(r"\s+(left|right)$", re.IGNORECASE)
_OTHER_SIDES = re.compile(
    r"^(?:(?P<first>left|right|lh|rh)\s+(?P<rest>.+)|(?P<name>.+?)"
    r"(?:\s*\((?P<bracket>left|right|l|r)\)|(?:_| (?=.h$))(?P<last>l|r|lh|rh)))$",
    re.IGNORECASE,
)
_MEANT_SIDES = {"l": "left", "lh": "left", "r": "right", "rh": "right"}


def normalised(name: str) -> str:
    """Return a name without case and punctuation, in which atlas versions differ.

    Letters of every script count.

    Examples
    --------
    >>> normalised("TPJ (STG/SMG) left") == normalised("TPJ (STG, SMG) left")
    True
    >>> normalised("Área 4p")
    'área 4p'
    """
    folded = unicodedata.normalize("NFKC", name).casefold()
    return re.sub(r"[\W_]+", " ", folded).strip()


def side_of(name: str) -> Hemisphere | None:
    """Return the hemisphere that a name ends in, or None.

    Examples
    --------
    >>> side_of("Area 4p (PreCG) left")
    'left'
    """
    found = _SIDE.search(name)
    if found is None:
        return None
    return "left" if found[1].casefold() == "left" else "right"


def without_side(name: str) -> str:
    """Return a name without the hemisphere that it ends in.

    Examples
    --------
    >>> without_side("Area 4p (PreCG) left")
    'Area 4p (PreCG)'
    """
    return _SIDE.sub("", name)


def with_side_last(name: str) -> str:
    """Return a name whose hemisphere is written in another way as names here have it.

    Examples
    --------
    >>> with_side_last("left M1"), with_side_last("M1 (R)"), with_side_last("M1_L")
    ('M1 left', 'M1 right', 'M1 left')
    """
    if side_of(name) is not None:
        return name
    found = _OTHER_SIDES.match(name.strip())
    if found is None:
        return name
    said = str(found["first"] or found["bracket"] or found["last"]).casefold()
    rest = found["rest"] or found["name"]
    return f"{rest.strip()} {_MEANT_SIDES.get(said, said)}"


def has_words(text: str, name: str) -> bool:
    """Tell whether a name has a text in whole words; signs and blanks don't part them.

    Examples
    --------
    >>> has_words("4-p", "Area 4p (PreCG)"), has_words("4", "Area 4p (PreCG)")
    (True, False)
    """
    wanted, words = normalised(text), f" {normalised(name)} "
    if not wanted:
        return False
    return f" {wanted} " in words or f" {wanted.replace(' ', '')} " in words


def slug(name: str) -> str:
    """Turn a region's name into the name of its Keras layer.

    Layers have names of Latin letters: marks over them are left out, and each letter of
    another script is written as its number in Unicode, so that names stay apart.

    Examples
    --------
    >>> slug("Area 4p (PreCG) left")
    'area_4p_precg_left'
    >>> slug("Área 手 left")
    'area_u624b_left'
    """
    plain = unicodedata.normalize("NFKD", name.casefold())
    latin = "".join(_letter(c) for c in plain if not unicodedata.combining(c))
    return re.sub(r"[^a-z0-9]+", "_", latin).strip("_")


def _letter(character: str) -> str:
    """Return a letter of another script as its number in Unicode."""
    is_foreign = not character.isascii() and character.isalnum()
    return f"u{ord(character):x}" if is_foreign else character


def same_name(text: str, spellings: Mapping[str, Iterable[str]]) -> list[str]:
    """Return what is called by a text, in the strictest sense in which anything is.

    Parameters
    ----------
    text : str
        A name, as somebody writes it.
    spellings : mapping of str to iterable of str
        The names of each thing, by its key: its own and others. Those of areas end in
        their hemisphere.

    Returns
    -------
    list of str
        Keys that have a name which is, the first that any has: the same; the same
        but for the hemisphere; the same without case and punctuation, or the name of
        its Keras layer; the same without these and the hemisphere. Empty if none has.

    Examples
    --------
    >>> areas = {"PMv left": ["PMv left", "Frontal-II (GapMap) left"]}
    >>> same_name("pmv", areas), same_name("Frontal II GapMap left", areas)
    (['PMv left'], ['PMv left'])
    """
    names = {key: tuple(known) for key, known in spellings.items()}
    found = [key for key, known in names.items() if text in known]
    for key, known in names.items() if not found else ():
        if any(text == without_side(name) for name in known):
            found.append(key)
    if found:
        return found
    wanted = normalised(text)
    for key, known in names.items():
        if any(wanted == normalised(name) or text == slug(name) for name in known):
            found.append(key)
    if found or not wanted:
        return found
    for key, known in names.items():
        if any(wanted == normalised(without_side(name)) for name in known):
            found.append(key)
    return found


def fitting(pattern: str, spellings: Mapping[str, Iterable[str]]) -> list[str]:
    """Return what has a name that fits a pattern, in any case.

    Parameters
    ----------
    pattern : str
        In which ``*`` stands for any letters and ``?`` for one; it may name a side.
    spellings : mapping of str to iterable of str
        As of :func:`same_name`.

    Examples
    --------
    >>> fitting("pm*", {"PMv left": ["PMv left"], "SMA left": ["SMA left"]})
    ['PMv left']
    """
    wanted = pattern.strip().casefold()
    return [
        key
        for key, known in spellings.items()
        if any(
            fnmatchcase(form.casefold(), wanted)
            for name in known
            for form in (name, without_side(name))
        )
    ]


def in_words(text: str, spellings: Mapping[str, Iterable[str]]) -> list[str]:
    """Return what has a text in its name, in whole words.

    Parameters
    ----------
    text : str
        A part of a name; with a hemisphere only those of that side count.
    spellings : mapping of str to iterable of str
        As of :func:`same_name`.

    Returns
    -------
    list of str
        Keys, in their order.

    Examples
    --------
    >>> areas = {"Area 4p (PreCG) left": ["Area 4p (PreCG) left"]}
    >>> in_words("4p left", areas), in_words("4p right", areas), in_words("4", areas)
    (['Area 4p (PreCG) left'], [], [])
    """
    side = side_of(f" {text.strip()}")
    bare = without_side(f" {text.strip()}")
    return [
        key
        for key, known in spellings.items()
        if any(
            side in (None, side_of(name)) and has_words(bare, without_side(name))
            for name in known
        )
    ]
