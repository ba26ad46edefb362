# SPDX-License-Identifier: Apache-2.0
"""Choices: what could have been chosen otherwise when a network was planned."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any, Literal

from atlasnet.atlas.edges import as_edge_rule
from atlasnet.atlas.rules import GraphRules
from atlasnet.errors import AtlasNetError, closest
from atlasnet.plan.sharing import UnitRule

__all__ = ["CHOICES", "DEFAULT", "Choice", "Variant", "chosen", "variants_of"]

DEFAULT = "default"
"""Name of the variant that changes nothing."""

Level = str | float


@dataclass(frozen=True, slots=True)
class Choice:
    """A field of the rules or of the sharing of units, and what else it may be."""

    name: str
    """The field."""
    owner: Literal["rules", "units"]
    levels: tuple[Level, ...]
    reason: str
    """Why each of the levels could be defended."""


CHOICES: tuple[Choice, ...] = (
    Choice(
        "density",
        "rules",
        ("homologue", "surface_overlap"),
        "two readings of which of von Economo's areas a region is",
    ),
    Choice(
        "volume",
        "rules",
        ("own", "other", "mean"),
        "the same area of either hemisphere, or both",
    ),
    Choice(
        "edges",
        "rules",
        ("streamlines=30", "streamlines=100", "streamlines=300", "streamlines=1000"),
        "no threshold of tractography is known to be right",
    ),
    Choice(
        "direction_model",
        "rules",
        ("hierarchy", "structural_model"),
        "both agree with most citations, see docs/validity.md",
    ),
    Choice(
        "exponent",
        "units",
        (1.0, 0.75, 0.5),
        "units in proportion to cells, or with less contrast",
    ),
    Choice("floor", "units", (1, 16, 32, 48), "what a small area needs to work at all"),
)
"""What is varied."""


@dataclass(frozen=True, slots=True)
class Variant:
    """A network planned with some choices made otherwise."""

    changes: Mapping[str, Level]
    """New level of each choice; nothing for the default."""

    @property
    def name(self) -> str:
        """What it is called in tables, and as a level of an experiment."""
        parts = [f"{k}-{_text(v)}" for k, v in self.changes.items()]
        return ",".join(parts).replace("=", "-") or DEFAULT

    @property
    def is_single(self) -> bool:
        """Whether at most one choice is changed."""
        return len(self.changes) < 2

    def of(self, owner: str) -> dict[str, Level]:
        """Return the changes of the rules or of the units."""
        named = {c.name for c in CHOICES if c.owner == owner}
        return {k: v for k, v in self.changes.items() if k in named}

    def applied(
        self, rules: GraphRules, units: UnitRule
    ) -> tuple[GraphRules, UnitRule]:
        """Return rules with the changes made to them.

        Raises
        ------
        AtlasNetError
            If a change does not go with the other rules.
        """
        return (
            GraphRules(**{**dict(rules), **self.of("rules")}),
            UnitRule(**{**dict(units), **self.of("units")}),
        )


def chosen(names: Sequence[str]) -> tuple[Choice, ...]:
    """Return the choices of some names; all if there is none.

    Raises
    ------
    AtlasNetError
        If there is no such choice.
    """
    known = {choice.name: choice for choice in CHOICES}
    for name in names:
        if name not in known:
            raise AtlasNetError(
                f"There is no choice '{name}' to vary.{closest(name, known)} "
                f"There is: {', '.join(known)}."
            )
    return tuple(c for c in CHOICES if not names or c.name in names)


def variants_of(
    rules: GraphRules,
    units: UnitRule,
    choices: Sequence[Choice] = CHOICES,
    *,
    combine: bool = False,
) -> tuple[Variant, ...]:
    """Return the variants of a plan.

    Parameters
    ----------
    rules : GraphRules
        What makes the default graph.
    units : UnitRule
        What shares its units.
    choices : sequence of Choice
        What is varied.
    combine : bool, default=False
        Whether every combination comes after those that change one choice.

    Returns
    -------
    tuple of Variant
        The default first. Levels that the default has are no change.

    Examples
    --------
    >>> found = variants_of(GraphRules(), UnitRule(), chosen(["volume", "floor"]))
    >>> [variant.name for variant in found][:3]
    ['default', 'volume-other', 'volume-mean']
    """
    options = [[(c.name, level) for level in _others(c, rules, units)] for c in choices]
    made = [Variant({})]
    made += [Variant(dict([pair])) for pairs in options for pair in pairs]
    if combine:
        kept: list[list[tuple[str, Level] | None]] = [[None, *p] for p in options]
        combined = (dict(filter(None, pairs)) for pairs in product(*kept))
        made += [Variant(changes) for changes in combined if len(changes) > 1]
    return tuple(made)


def _others(choice: Choice, rules: GraphRules, units: UnitRule) -> Iterator[Level]:
    """Yield the levels that are not the default's."""
    owner: Any = rules if choice.owner == "rules" else units
    now = getattr(owner, choice.name)
    is_edges = choice.name == "edges"
    for level in choice.levels:
        if (as_edge_rule(level) if is_edges else level) != now:
            yield level


def _text(level: Level) -> str:
    """Return a level in words."""
    return level if isinstance(level, str) else f"{level:g}"
