# SPDX-License-Identifier: Apache-2.0
"""Lesions of groups of areas, beside random lesions of the same size.

A group is what the atlas calls a system: premotor, primary motor, parietal association
and so on. Beside it stand random lesions of as many areas, with as nearly as many
units as can be had. They are drawn among the areas that no sensation enters and that
the action head does not read. A random lesion that took the goal's only entry, or the
last area before the muscles, would say what any network says: without its input or
its output it fails. So a group that holds such areas may owe its drop to them, and
each row tells how many it holds; where it holds none, as premotor cortex in the
presets, like is compared with like.

All conditions play the same seeded episodes with expected actions.
"""

import io
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from math import comb
from pathlib import Path
from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from angora_train.analysis.actors import AgentActor, choosing
from angora_train.analysis.evaluation import evaluate
from angora_train.analysis.intervals import Interval, bootstrap_interval
from angora_train.errors import AngoraError, ConfigError
from angora_train.run.preparation import Prepared
from atlasnet import NetworkSpec, Silencer
from atlasnet.files import reading, write_text

__all__ = [
    "INTACT",
    "LesionSet",
    "LesionStudy",
    "Outcome",
    "lesion_groups",
    "lesion_sets",
    "matched_areas",
    "system_groups",
]

INTACT = "intact"
"""Name of the condition without a lesion."""

_MOST_SETS = 20_000
"""Sets of areas that are looked at; of more, so many are drawn."""
_TOLERANCE = 0.1
"""Difference of units that counts as none, as a fraction of the group's."""


@dataclass(frozen=True)
class LesionSet:
    """Areas that are silenced together.

    Attributes
    ----------
    group : str
        The group; of a random lesion, the one that it stands beside.
    draw : int or None
        Number of the random lesion, from 1; None for the group itself.
    areas : tuple of str
        Names of the areas, in the order of the spec; none for the intact network.
    n_units : int
        Their units.
    n_sensed : int
        Areas among them that a sensation enters.
    n_acting : int
        Areas among them that the action head reads.
    n_shared : int
        Of a random lesion: areas among them that are of the group.
    """

    group: str
    draw: int | None
    areas: tuple[str, ...]
    n_units: int
    n_sensed: int
    n_acting: int
    n_shared: int = 0


@dataclass(frozen=True)
class Outcome:
    """How a lesion went.

    Attributes
    ----------
    lesion : LesionSet
        What was silenced.
    success : float
        Share of episodes whose goal was met at the end.
    drop : Interval
        Success of the intact network minus this one's, in the same episodes; 95 %
        bootstrap interval over episodes.
    beyond : Interval or None
        The group's drop minus the mean drop of its random lesions, likewise; over
        episodes, not over draws. None for random lesions, and where there is none.
    """

    lesion: LesionSet
    success: float
    drop: Interval
    beyond: Interval | None = None


# --- which areas --------------------------------------------------------------------


def system_groups(spec: NetworkSpec) -> dict[str, tuple[str, ...]]:
    """Return the areas of each system of a network, in the order of the spec.

    Parameters
    ----------
    spec : NetworkSpec
        The network.

    Returns
    -------
    dict of str to tuple of str
        Names of areas by system. A system that holds all areas is no group.

    Raises
    ------
    ConfigError
        If no area has a system, or all have the same.
    """
    groups: dict[str, tuple[str, ...]] = {}
    for area in spec.areas:
        if area.system is not None:
            groups[area.system] = (*groups.get(area.system, ()), area.name)
    groups = {name: x for name, x in groups.items() if len(x) < len(spec.areas)}
    if not groups:
        raise ConfigError(
            f"The areas of '{spec.name}' are of no two systems, so there are no groups "
            "to compare. Name them: --group NAME=AREA,AREA"
        )
    return groups


def matched_areas(
    spec: NetworkSpec, areas: Sequence[str], n: int, rng: np.random.Generator
) -> list[tuple[str, ...]]:
    """Draw sets of as many areas, with as nearly as many units, as a group.

    Parameters
    ----------
    spec : NetworkSpec
        The network.
    areas : sequence of str
        The group.
    n : int
        Sets wanted.
    rng : numpy.random.Generator
        Source of chance.

    Returns
    -------
    list of tuple of str
        Different sets, none of them the group itself, of areas that no sensation
        enters and that the action head does not read; they may hold some of the
        group's. They are drawn among the sets within a tenth of the group's units, or,
        where there are fewer than `n`, are the nearest. Fewer than `n` if there are no
        more, none if there are fewer such areas than the group has.
    """
    sensed = {name for entry in spec.inputs for name in entry.areas}
    barred = sensed | set(spec.action_areas)
    inner = [area.name for area in spec.areas if area.name not in barred]
    own = set(areas)
    sets = [x for x in _subsets(len(inner), len(areas), rng) if x]
    candidates = [tuple(inner[i] for i in x) for x in sets]
    candidates = [x for x in candidates if set(x) != own]
    wanted = _n_units(spec, areas)
    off = np.array([abs(_n_units(spec, x) - wanted) for x in candidates])
    order = rng.permutation(len(candidates))
    near = [i for i in order if off[i] <= _TOLERANCE * wanted]
    if len(near) < n:
        near = sorted(order, key=lambda i: off[i])
    return [candidates[i] for i in near[:n]]


def _subsets(n: int, size: int, rng: np.random.Generator) -> Iterator[tuple[int, ...]]:
    """Yield the subsets of a size of n things, or many different ones of them."""
    if comb(n, size) <= _MOST_SETS:
        yield from combinations(range(n), size)
        return
    drawn = {tuple(sorted(rng.permutation(n)[:size])) for _ in range(_MOST_SETS)}
    yield from sorted(drawn)


def _n_units(spec: NetworkSpec, areas: Sequence[str]) -> int:
    """Return the units of some areas together."""
    return sum(spec.area(name).n_units for name in areas)


def lesion_sets(
    spec: NetworkSpec,
    groups: Mapping[str, Sequence[str]],
    *,
    n_random: int = 5,
    seed: int = 0,
) -> list[LesionSet]:
    """Return what is silenced: nothing, then each group and its random lesions.

    Parameters
    ----------
    spec : NetworkSpec
        The network.
    groups : mapping of str to sequence of str
        Areas by group, by any of their names.
    n_random : int
        Random lesions beside each group.
    seed : int
        Decides them, together with the group's name: a group more or less changes
        those of no other.

    Returns
    -------
    list of LesionSet
        The intact network first.

    Raises
    ------
    ConfigError
        If a group is empty or has the name of the intact condition.
    SpecError
        If an area does not exist: with the nearest name.
    """

    def found(group: str, areas: Sequence[str], draw: int | None = None) -> LesionSet:
        return LesionSet(
            group=group,
            draw=draw,
            areas=tuple(areas),
            n_units=_n_units(spec, areas),
            n_sensed=sum(bool(spec.sensations(name)) for name in areas),
            n_acting=sum(name in spec.action_areas for name in areas),
        )

    sets = [found(INTACT, ())]
    for group, named in groups.items():
        if not named or group == INTACT:
            raise ConfigError(
                f"The group '{group}' cannot be lesioned: it needs at least one area "
                f"and a name other than '{INTACT}'."
            )
        meant = {spec.area(name).name for name in named}
        areas = [area.name for area in spec.areas if area.name in meant]
        rng = np.random.default_rng([seed, zlib.crc32(group.encode())])
        drawn = matched_areas(spec, areas, n_random, rng)
        sets.append(found(group, areas))
        sets += [
            replace(found(group, x, draw), n_shared=len(meant.intersection(x)))
            for draw, x in enumerate(drawn, 1)
        ]
    return sets


# --- how it goes --------------------------------------------------------------------


def _quiet(n_done: int, n: int, group: str) -> None:
    """Say nothing."""


def lesion_groups(
    ready: Prepared,
    seed: int,
    *,
    groups: Mapping[str, Sequence[str]] | None = None,
    n_random: int = 5,
    lesion_seed: int = 0,
    tell: Callable[[int, int, str], None] = _quiet,
) -> "LesionStudy":
    """Lesion groups of areas of a trained network, and random ones beside them.

    The network is compiled once; each condition plays one episode in every world of
    the task.

    Parameters
    ----------
    ready : Prepared
        The trained network, and as many worlds as episodes.
    seed : int
        Of the episodes, and of the resampling.
    groups : mapping of str to sequence of str, optional
        Areas by group; by default the systems, see :func:`system_groups`.
    n_random : int
        Random lesions beside each group.
    lesion_seed : int
        Decides them.
    tell : callable
        Called with the number of conditions that are done and of all, and with the
        group of the last.

    Returns
    -------
    LesionStudy
        All conditions.

    Raises
    ------
    InterventionError
        If the network has no areas.
    ConfigError
        If there are no groups, or one cannot be lesioned.
    """
    silencer = Silencer(ready.model)
    wanted = system_groups(silencer.spec) if groups is None else groups
    sets = lesion_sets(silencer.spec, wanted, n_random=n_random, seed=lesion_seed)
    agent = replace(ready, model=silencer.model).agent()
    actor = AgentActor(choosing(agent, "expected"))
    successes = []
    for n_done, lesion in enumerate(sets, 1):
        silencer.silence(lesion.areas)
        successes.append(evaluate(actor, ready.task, seed).success)
        tell(n_done, len(sets), lesion.group)
    return LesionStudy.of(sets, successes, seed)


@dataclass(frozen=True)
class LesionStudy:
    """Groups of areas and the random lesions beside them, on the same episodes.

    Attributes
    ----------
    n_episodes : int
        Episodes that every condition played.
    outcomes : tuple of Outcome
        The intact network, then each group and its random lesions.
    """

    n_episodes: int
    outcomes: tuple[Outcome, ...]

    @classmethod
    def of(
        cls,
        lesions: Sequence[LesionSet],
        successes: Sequence[NDArray[np.bool_]],
        seed: int,
    ) -> Self:
        """Compare what was met in the same episodes.

        Parameters
        ----------
        lesions : sequence of LesionSet
            The intact network first.
        successes : sequence of ndarray of bool, shape (n_episodes,)
            Whether the goal was met, for each of them.
        seed : int
            Of the resampling, the same for all.

        Returns
        -------
        LesionStudy
            All of them.
        """
        met = [np.asarray(x, np.float64) for x in successes]

        def interval(values: NDArray[np.float64]) -> Interval:
            return bootstrap_interval(values, np.random.default_rng(seed))

        outcomes = []
        for lesion, own in zip(lesions, met, strict=True):
            beside = [
                other
                for one, other in zip(lesions, met, strict=True)
                if one.group == lesion.group and one.draw is not None
            ]
            is_group = lesion.draw is None and beside
            beyond = interval(np.mean(beside, axis=0) - own) if is_group else None
            drop = interval(met[0] - own)
            outcomes.append(Outcome(lesion, float(own.mean()), drop, beyond))
        return cls(len(met[0]), tuple(outcomes))

    @property
    def intact(self) -> Outcome:
        """The network without a lesion."""
        return self.outcomes[0]

    @property
    def groups(self) -> dict[str, tuple[Outcome, tuple[Outcome, ...]]]:
        """Each group's outcome, and those of the random lesions beside it."""
        own = [x for x in self.outcomes[1:] if x.lesion.draw is None]
        return {
            one.lesion.group: (
                one,
                tuple(
                    x
                    for x in self.outcomes
                    if x.lesion.group == one.lesion.group and x.lesion.draw is not None
                ),
            )
            for one in own
        }

    def notes(self) -> list[str]:
        """Return which groups hold the network's own input or output, a line each."""
        notes = []
        for name, (own, _) in self.groups.items():
            lesion = own.lesion
            ends = []
            if lesion.n_sensed:
                ends.append(f"{lesion.n_sensed} that a sensation enters")
            if lesion.n_acting:
                ends.append(f"{lesion.n_acting} that the action head reads")
            if ends:
                notes.append(
                    f"{name}: of its {len(lesion.areas)} areas {' and '.join(ends)}; "
                    "no random lesion has one."
                )
        return notes

    def to_csv(self) -> str:
        """Return a row a condition as CSV; :meth:`from_csv` reads it again."""
        rows = [{**_row(x), "episodes": self.n_episodes} for x in self.outcomes]
        return pd.DataFrame(rows).to_csv(index=False, float_format="%.6g")

    @classmethod
    def from_csv(cls, text: str) -> Self:
        """Return the study that :meth:`to_csv` wrote."""
        table = pd.read_csv(io.StringIO(text), keep_default_na=False)
        outcomes = tuple(_outcome(row) for row in table.to_dict("records"))
        return cls(int(table["episodes"].iloc[0]), outcomes)

    def save(self, path: Path | str) -> None:
        """Write the rows to a file, whole or not at all."""
        write_text(path, self.to_csv())

    @classmethod
    def load(cls, path: Path | str) -> Self:
        """Read what :meth:`save` wrote.

        Raises
        ------
        AngoraError
            If there is no such file, or it is no study of lesions.
        """
        with reading(path, "table of lesions", AngoraError):
            text = Path(path).read_text(encoding="utf-8")
        try:
            return cls.from_csv(text)
        except (KeyError, IndexError, ValueError) as error:
            raise AngoraError(
                f"'{path}' is no table of lesions: {error}. Write it anew: "
                "angora-train lesions FOLDER"
            ) from error


def _row(outcome: Outcome) -> dict[str, Any]:
    """Return one condition as a row of the table."""
    lesion, beyond = outcome.lesion, outcome.beyond
    return {
        "group": lesion.group,
        "draw": "" if lesion.draw is None else lesion.draw,
        "areas": "; ".join(lesion.areas),
        "n_areas": len(lesion.areas),
        "units": lesion.n_units,
        "sensed": lesion.n_sensed,
        "acting": lesion.n_acting,
        "shared": lesion.n_shared,
        "success": outcome.success,
        "drop": outcome.drop.mean,
        "low": outcome.drop.low,
        "high": outcome.drop.high,
        "beyond_random": "" if beyond is None else f"{beyond.mean:.6g}",
        "beyond_low": "" if beyond is None else f"{beyond.low:.6g}",
        "beyond_high": "" if beyond is None else f"{beyond.high:.6g}",
    }


def _outcome(row: Mapping[Any, Any]) -> Outcome:
    """Return the condition of a row."""
    beyond = None
    if row["beyond_random"] != "":
        keys = ("beyond_random", "beyond_low", "beyond_high")
        beyond = Interval(*(float(row[key]) for key in keys))
    return Outcome(
        lesion=LesionSet(
            group=str(row["group"]),
            draw=None if row["draw"] == "" else int(row["draw"]),
            areas=tuple(filter(None, str(row["areas"]).split("; "))),
            n_units=int(row["units"]),
            n_sensed=int(row["sensed"]),
            n_acting=int(row["acting"]),
            n_shared=int(row["shared"]),
        ),
        success=float(row["success"]),
        drop=Interval(*(float(row[key]) for key in ("drop", "low", "high"))),
        beyond=beyond,
    )
