# SPDX-License-Identifier: Apache-2.0
"""Conditions: what steps of episodes are compared, by goal, phase, contact or labels.

A factor says of each step which of its levels it belongs to; conditions are the
combinations of levels of some factors. The first factor's levels are the *kinds*:
distances within a kind and between kinds are looked at apart.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray

from angora_train.analysis.recording.schema import (
    goal_names,
    is_under_way,
    kind_name,
)
from angora_train.errors import ConfigError, closest

__all__ = [
    "FACTORS",
    "Conditions",
    "Factor",
    "conditions_of",
    "contact_factor",
    "cross",
    "factors_of",
    "goal_factor",
    "label_factor",
    "phase_factor",
]

FACTORS = ("goal", "phase", "contact", "labels")
"""What steps can be told apart by; ``labels`` are a user's."""


@dataclass(frozen=True)
class Factor:
    """One thing by which steps differ.

    Attributes
    ----------
    name : str
        What it is.
    levels : tuple of str
        Names of its levels.
    of_step : ndarray of int64, shape (n_episodes, n_steps)
        Index of the level of each step; -1 where it has none, as after an episode.
    """

    name: str
    levels: tuple[str, ...]
    of_step: NDArray[np.int64]

    def of_episode(self) -> NDArray[np.int64] | None:
        """Return the level of each episode, or None if it changes within one."""
        largest = self.of_step.max(axis=1)
        is_same = (self.of_step == largest[:, None]) | (self.of_step < 0)
        return largest if is_same.all() else None


@dataclass(frozen=True)
class Conditions:
    """Combinations of levels that occur.

    Attributes
    ----------
    factors : tuple of str
        Names of the factors, the first of which makes the kinds.
    names : tuple of str
        Levels of each condition, such as ``"ff 1"``.
    levels : ndarray of int64, shape (n_conditions, n_factors)
        Index of the level of each factor.
    kinds : tuple of str
        Level of the first factor of each condition.
    of_step : ndarray of int64, shape (n_episodes, n_steps)
        Index of the condition of each step; -1 where it has none.
    group_of : ndarray of int64, shape (n_episodes,), or None
        Which conditions an episode can show: levels of all factors but the phase.
        None if that changes within episodes.
    """

    factors: tuple[str, ...]
    names: tuple[str, ...]
    levels: NDArray[np.int64]
    kinds: tuple[str, ...]
    of_step: NDArray[np.int64]
    group_of: NDArray[np.int64] | None

    def is_within(self) -> NDArray[np.bool_]:
        """Return of each pair of conditions (i < j) whether their kind is the same."""
        i, j = np.triu_indices(len(self.names), 1)
        return np.asarray(self.levels[i, 0] == self.levels[j, 0])


def goal_factor(recording: xr.Dataset) -> Factor:
    """Tell steps apart by the kind of their goal.

    Parameters
    ----------
    recording : xarray.Dataset
        With ``goal_kind_at`` (episode, time), or else ``goal_kind`` (episode). Its
        attribute ``goal_names``, a list in JSON, names the kinds.

    Returns
    -------
    Factor
        ``goal``.
    """
    if "goal_kind_at" in recording:
        kind = recording["goal_kind_at"].to_numpy()
    else:
        n_times = recording.sizes["time"]
        kind = np.repeat(recording["goal_kind"].to_numpy()[:, None], n_times, axis=1)
    kind = np.where(is_under_way(recording), kind, -1).astype(np.int64)
    names = goal_names(recording)
    return _factor("goal", kind, lambda i: kind_name(names, i))


def phase_factor(recording: xr.Dataset, n_phases: int) -> Factor:
    """Tell steps apart by the part of the episode that they lie in.

    Parameters
    ----------
    recording : xarray.Dataset
        A recording.
    n_phases : int
        Equal parts; where they cannot be equal, the first are a step longer.

    Returns
    -------
    Factor
        ``phase``, levels from 1.

    Raises
    ------
    ConfigError
        If an episode has fewer steps than there are phases.
    """
    n_steps = recording["n_steps"].to_numpy()
    if n_phases < 1 or n_steps.min() < n_phases:
        raise ConfigError(
            f"{n_phases} phases need at least one phase and as many steps; an episode "
            f"has {n_steps.min()}. Take at most {n_steps.min()} phases."
        )
    of_step = np.full((len(n_steps), recording.sizes["time"]), -1, np.int64)
    for n in np.unique(n_steps):
        sizes = [len(part) for part in np.array_split(np.arange(n), n_phases)]
        of_step[n_steps == n, :n] = np.repeat(np.arange(n_phases), sizes)
    return Factor("phase", tuple(str(i + 1) for i in range(n_phases)), of_step)


def contact_factor(recording: xr.Dataset) -> Factor:
    """Tell steps apart by what touches.

    Parameters
    ----------
    recording : xarray.Dataset
        With ``state.contacts`` (episode, time, where), above 0 where something
        touches; or else ``touch``, the sensors' forces.

    Returns
    -------
    Factor
        ``contact``. From ``state.contacts``, a level for each set of places that
        touch at once, such as ``thumb+ff``; from ``touch``, ``free`` and ``touching``.

    Raises
    ------
    ConfigError
        If neither was recorded.
    """
    if "state.contacts" in recording:
        contacts = recording["state.contacts"]
        is_on = np.nan_to_num(contacts.to_numpy()) > 0
        coordinate = contacts.dims[-1]
        labels = contacts[coordinate].to_numpy().astype(str)
        code = is_on @ (1 << np.arange(is_on.shape[-1], dtype=np.int64))

        def name(i: int) -> str:
            on = [str(x) for b, x in enumerate(labels) if i >> b & 1]
            return "+".join(on) or "free"

    elif "touch" in recording:
        code = (np.nan_to_num(recording["touch"].to_numpy()) > 0).any(axis=-1)

        def name(i: int) -> str:
            return "touching" if i else "free"

    else:
        raise ConfigError(
            "Conditions by contact need 'state.contacts' or 'touch', and neither was "
            f"recorded. Recorded: {', '.join(map(str, recording.data_vars))}."
        )
    return _factor("contact", np.where(is_under_way(recording), code, -1), name)


def label_factor(
    recording: xr.Dataset, labels: pd.DataFrame | NDArray[np.str_], name: str = "labels"
) -> Factor:
    """Tell steps apart by a user's labels.

    Parameters
    ----------
    recording : xarray.Dataset
        A recording.
    labels : pandas.DataFrame or ndarray
        A table with the columns ``episode`` and ``label``, and ``time`` (s, start of
        the step) or ``step`` (from 0) if they change within episodes; or an array of
        shape (n_episodes,) or (n_episodes, n_steps). Steps without a label, or with
        an empty one, are left out.
    name : str
        What the labels are.

    Returns
    -------
    Factor
        Levels in alphabetical order.

    Raises
    ------
    ConfigError
        If the labels do not fit the recording.
    """
    shape = (recording.sizes["episode"], recording.sizes["time"])
    text = np.full(shape, "", dtype=object)
    if isinstance(labels, pd.DataFrame):
        _fill(text, labels, recording)
    else:
        given = np.asarray(labels)
        if given.shape not in (shape, shape[:1]):
            raise ConfigError(
                f"The labels have the shape {given.shape}; allowed: {shape[:1]}, one "
                f"an episode, or {shape}, one a step."
            )
        text[:] = given.astype(str) if given.ndim == 2 else given.astype(str)[:, None]
    levels, code = np.unique(text.astype(str).ravel(), return_inverse=True)
    code = code.reshape(shape)
    is_labelled = is_under_way(recording) & (levels[code] != "")
    return _factor(name, np.where(is_labelled, code, -1), lambda i: str(levels[i]))


def _fill(text: NDArray[np.object_], table: pd.DataFrame, data: xr.Dataset) -> None:
    """Write a table's labels where their steps stand."""
    missing = [x for x in ("episode", "label") if x not in table]
    if missing:
        raise ConfigError(
            f"A table of labels has the columns episode, label and, if they change "
            f"within episodes, time or step; it lacks {', '.join(missing)}. Got: "
            f"{', '.join(map(str, table.columns))}."
        )
    index = data["episode"].to_numpy()
    row_of = {int(x): i for i, x in enumerate(index)}
    rows = [row_of.get(int(x), -1) for x in table["episode"]]
    if -1 in rows:
        unknown = table["episode"].iloc[rows.index(-1)]
        raise ConfigError(
            f"The labels name the episode {unknown}; recorded are "
            f"{index.min()} to {index.max()}."
        )
    names = table["label"].fillna("").astype(str).to_numpy()
    if "step" in table:
        steps = table["step"].to_numpy().astype(int)
    elif "time" in table:
        times = data["time"].to_numpy()
        steps = np.abs(table["time"].to_numpy()[:, None] - times).argmin(axis=1)
    else:
        for row, label in zip(rows, names, strict=True):
            text[row] = label
        return
    if steps.min() < 0 or steps.max() >= text.shape[1]:
        raise ConfigError(
            f"The labels name the steps {steps.min()} to {steps.max()}; recorded are "
            f"0 to {text.shape[1] - 1}."
        )
    text[rows, steps] = names


def _factor(name: str, code: NDArray[np.integer], name_of) -> Factor:  # type: ignore[no-untyped-def]
    """Return a factor of the codes that occur, -1 left out, in their order."""
    found = np.unique(code[code >= 0])
    if not len(found):
        raise ConfigError(f"No step of the recording has a level of '{name}'.")
    of_step = np.where(code >= 0, np.searchsorted(found, code), -1)
    return Factor(name, tuple(name_of(int(x)) for x in found), of_step)


def factors_of(
    recording: xr.Dataset,
    by: Sequence[str] = ("goal", "phase"),
    *,
    n_phases: int = 5,
    labels: pd.DataFrame | NDArray[np.str_] | None = None,
) -> tuple[Factor, ...]:
    """Return factors by their names.

    Parameters
    ----------
    recording : xarray.Dataset
        A recording.
    by : sequence of str
        Some of :data:`FACTORS`.
    n_phases : int
        Of ``phase``.
    labels : pandas.DataFrame or ndarray, optional
        Of ``labels``, see :func:`label_factor`.

    Returns
    -------
    tuple of Factor
        In the order of `by`.

    Raises
    ------
    ConfigError
        If a name is unknown or comes twice, or labels are missing.
    """
    made = []
    for name in by:
        if name == "goal":
            made.append(goal_factor(recording))
        elif name == "phase":
            made.append(phase_factor(recording, n_phases))
        elif name == "contact":
            made.append(contact_factor(recording))
        elif name == "labels" and labels is not None:
            made.append(label_factor(recording, labels))
        elif name == "labels":
            raise ConfigError("Conditions by 'labels' need a table of labels.")
        else:
            raise ConfigError(
                f"Conditions by '{name}' are unknown.{closest(name, FACTORS)} "
                f"Allowed: {', '.join(FACTORS)}."
            )
    if not made or len(set(by)) < len(by):
        raise ConfigError(
            f"Conditions are by at least one thing, and by each once; got: "
            f"{', '.join(by) or 'nothing'}. Allowed: {', '.join(FACTORS)}."
        )
    return tuple(made)


def cross(factors: Sequence[Factor]) -> Conditions:
    """Make a condition of every combination of levels that occurs.

    Parameters
    ----------
    factors : sequence of Factor
        The first makes the kinds.

    Returns
    -------
    Conditions
        In order of the first factor, then of the second, ...
    """
    shape = tuple(len(factor.levels) for factor in factors)
    codes = np.stack([factor.of_step for factor in factors])
    is_any = (codes >= 0).all(axis=0)
    flat = np.where(is_any, np.ravel_multi_index(np.maximum(codes, 0), shape), -1)
    found = np.unique(flat[flat >= 0])
    if not len(found):
        names = " and ".join(factor.name for factor in factors)
        raise ConfigError(f"No step of the recording has a level of {names} at once.")
    levels = np.stack(np.unravel_index(found, shape), axis=1).astype(np.int64)
    texts = [[f.levels[i] for f, i in zip(factors, row, strict=True)] for row in levels]
    steady = [f.of_episode() for f in factors if f.name != "phase"]
    group_of: NDArray[np.int64] | None = np.zeros(len(flat), np.int64)
    for factor, of_episode in zip(
        [f for f in factors if f.name != "phase"], steady, strict=True
    ):
        if of_episode is None or group_of is None:
            group_of = None
        else:
            is_out = (of_episode < 0) | (group_of < 0)
            group_of = np.where(is_out, -1, group_of * len(factor.levels) + of_episode)
    return Conditions(
        factors=tuple(factor.name for factor in factors),
        names=tuple(" ".join(row) for row in texts),
        levels=levels,
        kinds=tuple(row[0] for row in texts),
        of_step=np.where(flat >= 0, np.searchsorted(found, flat), -1),
        group_of=group_of,
    )


def conditions_of(
    recording: xr.Dataset,
    by: Sequence[str] = ("goal", "phase"),
    *,
    n_phases: int = 5,
    labels: pd.DataFrame | NDArray[np.str_] | None = None,
) -> Conditions:
    """Tell the steps of a recording apart: :func:`factors_of`, crossed.

    Parameters
    ----------
    recording, by, n_phases, labels
        See :func:`factors_of`.

    Returns
    -------
    Conditions
        Combinations that occur.
    """
    return cross(factors_of(recording, by, n_phases=n_phases, labels=labels))
