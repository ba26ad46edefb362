# SPDX-License-Identifier: Apache-2.0
"""Synonyms: what else people call the regions of Julich-Brain, and what a name means.

``synonyms.csv`` says for each of these names which regions, parents or nodes of the
hand network are meant, and who says so. The kinds of names:

- ``human``: terms of human anatomy and physiology, such as ``M1``.
- ``brodmann``: Brodmann's areas. ``BA4`` is also written ``BA 4``, ``area 4``,
  ``Brodmann area 4`` and ``4``.
- ``macaque``: areas of the macaque, which stand for their homologues, such as ``F5``.
  Homologies are matters of opinion, and of how far a map goes: see the notes.
- ``functional``: found by function, where no region has its borders.
"""

import csv
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from atlasnet.errors import AmbiguousNameError
from atlasnet.naming import (
    fitting,
    in_words,
    normalised,
    same_name,
    side_of,
    with_side_last,
    without_side,
)

__all__ = ["Synonym", "all_synonyms", "meant", "synonym_called", "the_one"]

_BRODMANN = re.compile(r"(?:(?:brodmann(?: s)?(?: areas?)?|ba|area) ?)?0*(\d+\w*)")


@dataclass(frozen=True, slots=True)
class Synonym:
    """One more name of some regions."""

    names: tuple[str, ...]
    """The names, each of which means the regions."""
    regions: tuple[str, ...]
    """Regions, parents or nodes, each without its hemisphere."""
    nodes: tuple[str, ...]
    """Nodes of the hand network that are wholly meant."""
    kind: str
    """``human``, ``brodmann``, ``macaque`` or ``functional``."""
    source: str
    """Who says so."""
    note: str
    """What to know of it; may be empty."""

    def describe(self, name: str) -> str:
        """Return what a name means, and who says so, in a line.

        Parameters
        ----------
        name : str
            One of the names.
        """
        kind = "" if self.kind == "human" else f"{self.kind}; "
        note = f"; {self.note}" if self.note else ""
        return f"{name} means {' + '.join(self.regions)} ({kind}{self.source}{note})"


@cache
def all_synonyms() -> tuple[Synonym, ...]:
    """Return the whole table."""
    text = (files("atlasnet.graph") / "synonyms.csv").read_text(encoding="utf-8")
    return tuple(
        Synonym(
            names=tuple(row["names"].split("|")),
            regions=tuple(row["regions"].split(";")),
            nodes=tuple(filter(None, row["nodes"].split(";"))),
            kind=row["kind"],
            source=row["source"],
            note=row["note"],
        )
        for row in csv.DictReader(text.splitlines())
    )


def synonym_called(name: str) -> Synonym | None:
    """Return the synonym of a name, or None.

    Parameters
    ----------
    name : str
        In any case, without hemisphere.

    Examples
    --------
    >>> synonym_called("Brodmann area 4").regions
    ('Area 4a (PreCG)', 'Area 4p (PreCG)')
    """
    return _by_name().get(_key(name))


def meant(text: str, spellings: Mapping[str, Iterable[str]]) -> list[str]:
    """Return what a text means among some areas.

    Parameters
    ----------
    text : str
        A name, as somebody writes it.
    spellings : mapping of str to iterable of str
        The names of each area, by its key: its own and others, each with its
        hemisphere.

    Returns
    -------
    list of str
        Keys of the areas of that name, see :func:`atlasnet.naming.same_name`; if there
        are none, of those that fit it as a pattern with ``*`` and ``?``; or that a
        synonym means; or of the area, on one side or both, that has the text in its
        name in whole words. May be empty.

    Raises
    ------
    AmbiguousNameError
        If names that have the text in whole words differ in more than the hemisphere.

    Examples
    --------
    >>> names = "PMv left", "Area 4p (PreCG) left"
    >>> areas = {name: [name] for name in names}
    >>> meant("F5", areas), meant("4p left", areas), meant("pm* left", areas)
    (['PMv left'], ['Area 4p (PreCG) left'], ['PMv left'])
    """
    names = {key: tuple(known) for key, known in spellings.items()}
    is_name = any(text in known for known in names.values())
    if ("*" in text or "?" in text) and not is_name:
        return fitting(with_side_last(text), names)
    found = same_name(text, names)
    if not found:
        text = with_side_last(text)
        found = same_name(text, names)
    synonym = synonym_called(without_side(text.strip()))
    if not found and synonym is not None:
        side = side_of(f" {text.strip()}")
        on_side = {
            key: [n for n in known if side in (None, side_of(n))]
            for key, known in names.items()
        }
        parts = (
            same_name(part, on_side) for part in (*synonym.regions, *synonym.nodes)
        )
        found = list(dict.fromkeys(key for part in parts for key in part))
    if found:
        return found
    found = in_words(text, names)
    if len({without_side(key) for key in found}) > 1:
        raise AmbiguousNameError(text, found)
    return found


def the_one(text: str, spellings: Mapping[str, Iterable[str]]) -> str | None:
    """Return the one area that a text means, None if there is none.

    Parameters
    ----------
    text, spellings
        As of :func:`meant`.

    Raises
    ------
    AmbiguousNameError
        If it means several.
    """
    found = meant(text, spellings)
    if len(found) > 1:
        raise AmbiguousNameError(text, found)
    return found[0] if found else None


@cache
def _by_name() -> dict[str, Synonym]:
    return {_key(name): one for one in all_synonyms() for name in one.names}


def _key(name: str) -> str:
    """Return a name as it is compared: Brodmann's areas are written in several ways."""
    wanted = normalised(name.replace("+", " plus "))
    found = _BRODMANN.fullmatch(wanted)
    return f"ba{found[1]}" if found else wanted
