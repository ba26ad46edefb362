# SPDX-License-Identifier: Apache-2.0
"""Lesions of groups of areas, beside random lesions of the same size.

All conditions play the same seeded episodes with expected actions. Which areas are
lesioned together: :mod:`angora_train.analysis.lesioning.sets`.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import pandas as pd

from angora_train.analysis.intervals import Interval
from angora_train.analysis.lesioning.conditions import group_conditions
from angora_train.analysis.lesioning.effects import ALL, COLUMNS, effects
from angora_train.analysis.lesioning.sets import INTACT, LesionSet, system_groups
from angora_train.analysis.lesioning.sweep import play_sweep
from angora_train.errors import AngoraError, ConfigError
from angora_train.run.preparation import Prepared
from atlasnet import spec_of
from atlasnet.files import reading, write_text

__all__ = ["LesionStudy", "Outcome", "lesion_groups"]


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
    spec = spec_of(ready.model)
    if spec is None:
        raise ConfigError(
            f"The model '{ready.model.name}' has no areas to lesion: it was not built "
            "by atlasnet.build_model."
        )
    wanted = system_groups(spec) if groups is None else groups
    conditions = group_conditions(spec, wanted, n_random=n_random, seed=lesion_seed)
    sweep = play_sweep(ready, conditions, seed, tell=tell)
    return LesionStudy.of(effects({"run": sweep}, seed))


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
    table: pd.DataFrame = field(compare=False, repr=False)

    @classmethod
    def of(cls, table: pd.DataFrame) -> Self:
        """Read what groups of areas take from success.

        Parameters
        ----------
        table : pandas.DataFrame
            See :func:`angora_train.analysis.lesioning.effects.effects`. Of several
            subjects, the first is read.

        Returns
        -------
        LesionStudy
            The lesions of whole areas.

        Raises
        ------
        ValueError
            If there is none, or a column is missing.
        """
        missing = [name for name in COLUMNS if name not in table.columns]
        if missing:
            raise ValueError(f"it lacks the columns {', '.join(missing)}")
        chosen = table[(table["outcome"] == "success") & (table["subject"] != ALL)]
        chosen = chosen[chosen["kind"].isin(["intact", "areas"])]
        if chosen.empty or chosen["condition"].iloc[0] != INTACT:
            raise ValueError("it has no intact network")
        chosen = chosen[chosen["subject"] == chosen["subject"].iloc[0]]
        rows = chosen.to_dict("records")
        outcomes = tuple(_outcome(row) for row in rows)
        return cls(int(rows[0]["n"]), outcomes, table)

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

    def save(self, path: Path | str) -> None:
        """Write the rows to a file, whole or not at all."""
        write_text(path, self.table.to_csv(index=False, float_format="%.6g"))

    @classmethod
    def load(cls, path: Path | str) -> Self:
        """Read what :meth:`save` wrote.

        Raises
        ------
        AngoraError
            If there is no such file, or it is no study of lesions.
        """
        try:
            with reading(path, "table of lesions", AngoraError):
                table = pd.read_csv(path, keep_default_na=False)
            return cls.of(table)
        except ValueError as error:
            raise AngoraError(
                f"'{path}' is no table of lesions: {error}. Write it anew: "
                "angora-train lesion FOLDER"
            ) from error


def _outcome(row: Mapping[Any, Any]) -> Outcome:
    """Return the condition of a row; what success changes by, the other way round."""
    beyond = None
    if row["beyond"] != "":
        beyond = _dropped(row, "beyond", "beyond_low", "beyond_high")
    return Outcome(
        lesion=LesionSet(
            group=str(row["condition"]),
            draw=None if row["draw"] == "" else int(row["draw"]),
            areas=tuple(filter(None, str(row["areas"]).split("; "))),
            n_units=int(row["units"]),
            n_sensed=int(row["sensed"]),
            n_acting=int(row["acting"]),
            n_shared=int(row["shared"]),
        ),
        success=float(row["value"]),
        drop=_dropped(row, "change", "low", "high"),
        beyond=beyond,
    )


def _dropped(row: Mapping[Any, Any], mean: str, low: str, high: str) -> Interval:
    """Return how much less there is, of the columns that say how much more."""
    return Interval(*(0.0 - float(row[name]) for name in (mean, high, low)))
