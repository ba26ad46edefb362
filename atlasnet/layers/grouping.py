# SPDX-License-Identifier: Apache-2.0
"""Which areas are computed together: fewer, larger matrix products.

An area of 32 units is far too small a product to keep a processor busy: most of the
time goes into starting operations. Areas that do not depend on each other within a
control step can share one product over the union of their afferents, at the price of
multiplying zeros where an area lacks an afferent that another has.
"""

from collections.abc import Hashable, Iterable, Mapping, Sequence, Set
from dataclasses import dataclass
from itertools import pairwise
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from atlasnet.layers.signal import Signal, is_early

__all__ = [
    "Early",
    "Group",
    "Schedule",
    "group_areas",
    "schedule_areas",
    "stage_areas",
    "stages",
]

_Key = TypeVar("_Key", str, tuple[str, ...])

_NEVER = np.iinfo(np.int64).min  # saved by parts that are no pair

OVERHEAD = 30_000
"""What one more product costs, in multiplications per sample. Measured with an update
of the frontoparietal network on one core without AVX-512: nothing differs between 0 and
40,000, 80,000 is a twentieth slower. The faster a core multiplies, the more the start
of a product counts."""


@dataclass(frozen=True)
class Group:
    """Areas that share one product.

    Attributes
    ----------
    areas : tuple of str
        The areas, in the order of the network.
    signals : tuple of (str, str)
        The union of their afferents, in the order of the columns.
    """

    areas: tuple[str, ...]
    signals: tuple[Signal, ...]


@dataclass(frozen=True)
class Early:
    """Drives that share one product of what is known before the step begins.

    Attributes
    ----------
    parts : tuple of tuple of str
        Areas whose drives stand together in the rows, as they do in a stage.
    signals : tuple of (str, str)
        The union of their afferents of earlier steps, in the order of the columns.
    """

    parts: tuple[tuple[str, ...], ...]
    signals: tuple[Signal, ...]


@dataclass(frozen=True)
class Schedule:
    """In which products a control step is computed.

    Attributes
    ----------
    early : tuple of Early
        Products with the activity of earlier steps: they need not wait for any area.
    late : tuple of tuple of Group
        Stages, in an order in which they can be computed: products with sensations
        and the activity of this step, whose drives are joined, with those of `early`,
        so that the activity of all areas of a stage is computed at once.
    """

    early: tuple[Early, ...]
    late: tuple[tuple[Group, ...], ...]


def schedule_areas(
    afferents: Mapping[str, Sequence[Signal]],
    widths: Mapping[Signal, int],
    kinds: Mapping[str, Hashable],
    n_gates: Mapping[str, int],
    overhead: int = OVERHEAD,
    whole: Set[str] = frozenset(),
) -> Schedule:
    """Schedule a control step in few products.

    What comes from earlier steps is known for all areas at once, so that areas of
    different levels share products; what comes from this step is grouped by
    :func:`group_areas`.

    Parameters
    ----------
    afferents, widths, kinds, n_gates, overhead
        As for :func:`group_areas`.
    whole : set of str
        Areas whose drive is no product of a matrix, such as maps: all of it is late.

    Returns
    -------
    Schedule
        The products. Deterministic.

    Examples
    --------
    >>> touch, a, b = ("sensation", "touch"), ("now", "A"), ("before", "B")
    >>> widths = {touch: 3, a: 4, b: 4, ("now", "B"): 4, ("before", "A"): 4}
    >>> afferents = {"A": [touch, b], "B": [a, b]}
    >>> same = dict.fromkeys("AB", 1)
    >>> schedule = schedule_areas(afferents, widths, same, same)
    >>> [early.parts for early in schedule.early]
    [(('A',), ('B',))]
    >>> [[group.areas for group in stage] for stage in schedule.late]
    [[('A',)], [('B',)]]
    """
    known = {
        area: [signal for signal in signals if is_early(signal) and area not in whole]
        for area, signals in afferents.items()
    }
    rest = {
        area: [signal for signal in signals if signal not in known[area]]
        for area, signals in afferents.items()
    }
    both = {
        area: (kinds[area], bool(known[area]), bool(rest[area])) for area in afferents
    }
    late = stages(group_areas(rest, widths, both, overhead, n_gates), both, n_gates)
    parts = _parts((stage_areas(stage) for stage in late), known, n_gates)
    drives = {
        part: sum(widths["now", area] * n_gates[area] for area in part)
        for part in parts
    }
    heard = {part: _union(part, known) for part in parts}
    merged = _merge([[part] for part in parts], heard, drives, widths, overhead)
    return Schedule(tuple(_early(found, heard, late) for found in merged), late)


def _parts(
    of_stages: Iterable[tuple[str, ...]],
    known: Mapping[str, Sequence[Signal]],
    n_gates: Mapping[str, int],
) -> list[tuple[str, ...]]:
    """Return the areas of stages that hear earlier steps, in parts that may be merged.

    Gates stand gate by gate, so the areas of a stage with gates stay together.
    """
    parts: list[tuple[str, ...]] = []
    for areas in of_stages:
        if known[areas[0]]:
            parts += [(area,) for area in areas] if n_gates[areas[0]] == 1 else [areas]
    return parts


def _early(
    parts: Sequence[tuple[str, ...]],
    heard: Mapping[tuple[str, ...], Sequence[Signal]],
    late: Sequence[Sequence[Group]],
) -> Early:
    """Return the product of some parts' drives from earlier steps."""
    following = dict(pair for stage in late for pair in pairwise(stage_areas(stage)))
    return Early(tuple(_runs(parts, following)), tuple(_union(parts, heard)))


def stages(
    groups: Sequence[Group],
    kinds: Mapping[str, Hashable],
    n_gates: Mapping[str, int],
) -> tuple[tuple[Group, ...], ...]:
    """Join neighbouring groups whose activity can be computed at once.

    Parameters
    ----------
    groups : sequence of Group
        Groups in an order in which they can be computed.
    kinds, n_gates
        As for :func:`group_areas`; groups with gates stay apart, since their drives
        would have to be sorted.

    Returns
    -------
    tuple of tuple of Group
        The same groups, in the same order.
    """
    found: list[list[Group]] = []
    for group in groups:
        first = group.areas[0]
        if found:
            areas = {area for other in found[-1] for area in other.areas}
            reads = {name for kind, name in group.signals if kind.startswith("now")}
            is_same = kinds[first] == kinds[found[-1][0].areas[0]]
            if is_same and n_gates[first] == 1 and not areas & reads:
                found[-1].append(group)
                continue
        found.append([group])
    return tuple(tuple(stage) for stage in found)


def _runs(
    parts: Sequence[tuple[str, ...]], following: Mapping[str, str]
) -> list[tuple[str, ...]]:
    """Join parts that follow each other in a stage."""
    runs: list[tuple[str, ...]] = []
    for part in parts:
        if runs and following.get(runs[-1][-1]) == part[0]:
            runs[-1] += part
        else:
            runs.append(part)
    return runs


def group_areas(
    afferents: Mapping[str, Sequence[Signal]],
    widths: Mapping[Signal, int],
    kinds: Mapping[str, Hashable] | None = None,
    overhead: int = OVERHEAD,
    n_gates: Mapping[str, int] | None = None,
) -> tuple[Group, ...]:
    """Group areas so that the cost of a control step is low.

    Among the areas of one kind in each topological level, the two groups whose merger
    saves most are merged until none saves anything. The cost of a group is `overhead`
    plus rows times columns of its product.

    Parameters
    ----------
    afferents : mapping of str to sequence of (str, str)
        Afferents of each area, in the order of the network: an area reads ``now``
        only what stands before it.
    widths : mapping of (str, str) to int
        Units or channels of each signal.
    kinds : mapping of str to hashable, optional
        Areas of different kinds are never merged: their units follow other equations.
    overhead : int
        Cost of one more product, in multiplications per sample.
    n_gates : mapping of str to int, optional
        Rows of the product per unit of each area, the same within a kind; 1 by
        default.

    Returns
    -------
    tuple of Group
        Groups in an order in which they can be computed. Deterministic.

    Examples
    --------
    >>> touch, a = ("sensation", "touch"), ("now", "A")
    >>> widths = {touch: 3, a: 4, ("now", "B"): 4, ("now", "C"): 4}
    >>> afferents = {"A": [touch], "B": [touch], "C": [a]}
    >>> [group.areas for group in group_areas(afferents, widths)]
    [('A', 'B'), ('C',)]
    """
    levels = _levels(afferents)
    groups: list[Group] = []
    for level in range(1 + max(levels.values())):
        by_kind: dict[Hashable, list[list[str]]] = {}
        for area in afferents:
            if levels[area] == level:
                kind = kinds[area] if kinds else None
                by_kind.setdefault(kind, []).append([area])
        for parts in by_kind.values():
            drives = {
                area: widths["now", area] * (n_gates[area] if n_gates else 1)
                for part in parts
                for area in part
            }
            merged = _merge(parts, afferents, drives, widths, overhead)
            groups += [
                Group(tuple(part), tuple(_union(part, afferents))) for part in merged
            ]
    return tuple(groups)


def _levels(afferents: Mapping[str, Sequence[Signal]]) -> dict[str, int]:
    """Return how many areas stand behind each other before each within a step."""
    levels: dict[str, int] = {}
    for area, signals in afferents.items():
        below = [levels[name] for kind, name in signals if kind.startswith("now")]
        levels[area] = 1 + max(below, default=-1)
    return levels


def stage_areas(stage: Sequence[Group]) -> tuple[str, ...]:
    """Return the areas of a stage.

    Parameters
    ----------
    stage : sequence of Group
        Groups whose activity is computed at once.

    Returns
    -------
    tuple of str
        Their areas, in the order of the rows.
    """
    return tuple(area for group in stage for area in group.areas)


def _union(
    keys: Sequence[_Key], afferents: Mapping[_Key, Sequence[Signal]]
) -> list[Signal]:
    """Return all afferents of areas or parts, each once, in the order they appear."""
    return list(dict.fromkeys(signal for key in keys for signal in afferents[key]))


def _merge(
    parts: list[list[_Key]],
    afferents: Mapping[_Key, Sequence[Signal]],
    drives: Mapping[_Key, int],
    widths: Mapping[Signal, int],
    overhead: int,
) -> list[list[_Key]]:
    """Merge the first pair that saves most, until none saves anything."""
    heard = [afferents[part[0]] for part in parts]
    savings = _Savings(heard, [drives[part[0]] for part in parts], widths, overhead)
    merged: dict[int, list[_Key]] = dict(enumerate(parts))
    while (pair := savings.best_pair()) is not None:
        savings.merge(*pair)
        merged[pair[0]] += merged.pop(pair[1])
    order = {key: position for position, key in enumerate(afferents)}
    return [sorted(part, key=order.__getitem__) for part in merged.values()]


class _Savings:
    """What the merger of each pair of n parts would save, kept up to date.

    A merger costs time in proportion to n: what two parts have in common with a third
    is known, and only signals that both hear were counted twice. Of each part the best
    partner behind it is kept.
    """

    def __init__(
        self,
        heard: Sequence[Sequence[Signal]],
        n_drives: Sequence[int],
        widths: Mapping[Signal, int],
        overhead: int,
    ) -> None:
        signals = list(dict.fromkeys(signal for part in heard for signal in part))
        position = {signal: k for k, signal in enumerate(signals)}
        self._overhead = overhead
        self._width = np.array([widths[signal] for signal in signals], np.int64)
        self._n_drives = np.array(n_drives, np.int64)
        self._hears = np.zeros((len(heard), len(signals)), np.bool_)
        for row, part in zip(self._hears, heard, strict=True):
            row[[position[signal] for signal in part]] = True
        incidence = csr_array(self._hears.astype(np.int64))
        common = (incidence * self._width) @ incidence.T
        self._common = np.asarray(common.todense(), np.int64).reshape((len(heard),) * 2)
        self._size = np.diagonal(self._common).copy()
        self._is_there = np.ones(len(heard), np.bool_)
        self._best = np.full(len(heard), _NEVER)
        self._partner = np.zeros(len(heard), np.int64)
        for i in range(len(heard)):
            self._find_partner(i)

    def best_pair(self) -> tuple[int, int] | None:
        """Return the pair whose merger saves most, or None if none saves anything."""
        i = int(self._best.argmax()) if self._best.size else 0
        if not self._best.size or self._best[i] <= 0:
            return None
        return i, int(self._partner[i])

    def merge(self, i: int, j: int) -> None:
        """Merge part j, the later one, into part i."""
        both = self._hears[i] & self._hears[j]
        twice = self._hears[:, both] @ self._width[both]
        self._hears[i] |= self._hears[j]
        self._common[i] += self._common[j] - twice
        self._common[:, i] = self._common[i]
        self._size[i] += self._size[j] - int(self._width[both].sum())
        self._common[i, i] = self._size[i]
        self._n_drives[i] += self._n_drives[j]
        self._is_there[j], self._best[j] = False, _NEVER
        self._find_partner(i)
        lost = self._is_there & np.isin(self._partner, (i, j))
        lost[i] = False
        for other in np.flatnonzero(lost[:j]):
            self._find_partner(int(other))
        before = np.flatnonzero(self._is_there[:i] & ~lost[:i])
        new = self._saving(i)[before]
        is_better = (new > self._best[before]) | (
            (new == self._best[before]) & (i < self._partner[before])
        )
        self._best[before[is_better]] = new[is_better]
        self._partner[before[is_better]] = i

    def _find_partner(self, i: int) -> None:
        """Find the part behind part i with which it saves most."""
        saving = self._saving(i)[i + 1 :]
        if not saving.size:
            return
        j = int(saving.argmax())
        self._best[i], self._partner[i] = saving[j], i + 1 + j

    def _saving(self, i: int) -> NDArray[np.int64]:
        """Return what the merger of part i with each other part would save."""
        apart = self._size * self._n_drives
        n_columns = self._size[i] + self._size - self._common[i]
        merged = n_columns * (self._n_drives[i] + self._n_drives)
        saving = self._overhead + apart[i] + apart - merged
        return np.where(self._is_there, saving, _NEVER)
