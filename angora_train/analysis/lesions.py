# SPDX-License-Identifier: Apache-2.0
"""Lesions of groups of areas, beside random lesions of the same size.

All conditions play the same seeded episodes with expected actions. Which areas are
lesioned together: :mod:`angora_train.analysis.lesion_sets`.
"""

import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from angora_train.analysis.actors import AgentActor, choosing
from angora_train.analysis.evaluation import evaluate
from angora_train.analysis.intervals import Interval, bootstrap_interval
from angora_train.analysis.lesion_sets import LesionSet, lesion_sets, system_groups
from angora_train.errors import AngoraError
from angora_train.run.preparation import Prepared
from atlasnet import Silencer
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
