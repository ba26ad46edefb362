# SPDX-License-Identifier: Apache-2.0
"""Demonstrations: recorded trajectories, and the worlds that play them back."""

import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel

from angora_train.errors import ConfigError, closest
from angora_train.tasks.task import Observation, Seed, Task, Transition, check_reset
from angora_train.tasks.worlds.generators import Generators
from atlasnet.files import replacing

__all__ = ["Demonstrations", "Playback"]

_SENSED = "sensation/"
_NEEDED = ("action", "is_first")
_KNOWN = (*_NEEDED, "reward", "terminated", "task", "control_step_s")


@dataclass(frozen=True)
class Demonstrations:
    """What somebody sensed and did, T control steps of B trajectories.

    Attributes
    ----------
    sensations : dict of str to ndarray, shape (T, B, ...)
        As the task gives them: float32, or bytes for pixels.
    action : ndarray of float32, shape (T, B, A)
        What was done where that was sensed, within [-1, 1].
    is_first : ndarray of bool, shape (T, B)
        True where an episode begins; the first step of a trajectory begins one, too.
    reward : ndarray of float32, shape (T, B), or None
        What each step earned, if that is known.
    terminated : ndarray of bool, shape (T, B), or None
        True where the task ended the episode after the step. The other ends of
        episodes, and None, are cuts, after which more would have followed.
    task : str
        Name of the task; empty if it is not known.
    control_step_s : float
        Time that a step takes, s; 0 if it is not known.

    Raises
    ------
    ConfigError
        If shapes do not belong together, or numbers are not finite or out of range.
    """

    sensations: dict[str, NDArray[Any]]
    action: NDArray[np.float32]
    is_first: NDArray[np.bool_]
    reward: NDArray[np.float32] | None = None
    terminated: NDArray[np.bool_] | None = None
    task: str = ""
    control_step_s: float = 0.0
    label: str = field(default="The demonstrations", repr=False)
    """What they are called in messages."""

    def __post_init__(self) -> None:
        if not self.sensations:
            raise ConfigError(
                f"{self.label} hold no sensation; each is an array '{_SENSED}<name>' "
                "of shape (T, B, ...)."
            )
        if self.action.ndim != 3 or 0 in self.action.shape:
            raise ConfigError(
                f"{self.label}: 'action' has shape {self.action.shape}; it must be (T, "
                "B, A): T steps of B trajectories. One trajectory: action[:, None]."
            )
        steps = self.action.shape[:2]
        for name, x in self._arrays().items():
            depth = 2 if name in ("is_first", "reward", "terminated") else 3
            fits = x.shape[:2] == steps and x.ndim >= depth
            if not fits or (depth == 2 and x.ndim != 2):
                rest = "" if depth == 2 else ", ..."
                raise ConfigError(
                    f"{self.label}: '{name}' has shape {x.shape}; it must be "
                    f"({steps[0]}, {steps[1]}{rest}), as 'action' is {steps[0]} steps "
                    f"of {steps[1]} trajectories."
                )
            if x.dtype.kind not in "fbu" or not np.isfinite(x).all():
                raise ConfigError(f"{self.label}: '{name}' has numbers not finite.")
        if np.abs(self.action).max() > 1.0:
            raise ConfigError(
                f"{self.label}: an action is {np.abs(self.action).max():g} away from "
                "zero; actions lie in [-1, 1], scaled as the task takes them."
            )

    def _arrays(self) -> dict[str, NDArray[Any]]:
        """Return all that is there by its name in a file."""
        found = {f"{_SENSED}{name}": x for name, x in self.sensations.items()}
        for name in ("action", "is_first", "reward", "terminated"):
            if (x := getattr(self, name)) is not None:
                found[name] = x
        return found

    @property
    def n_episodes(self) -> int:
        """Episodes, those that are cut off included."""
        return int(self.is_first[1:].sum() + self.is_first.shape[1])

    def save(self, path: Path | str) -> Path:
        """Write an ``.npz`` file, whole or not at all.

        Parameters
        ----------
        path : Path or str
            The file; must end in ``.npz``.

        Returns
        -------
        Path
            The file.
        """
        path = Path(path)
        if path.suffix != ".npz":
            raise ConfigError(f"Demonstrations are an .npz file, got '{path}'.")
        said = {
            "task": np.array(self.task),
            "control_step_s": np.array(self.control_step_s),
        }
        with replacing(path) as temporary:
            np.savez_compressed(temporary, allow_pickle=False, **self._arrays(), **said)
        return path

    @classmethod
    def load(cls, path: Path | str) -> "Demonstrations":
        """Read what :meth:`save` or another program wrote; nothing in it is run.

        Parameters
        ----------
        path : Path or str
            An ``.npz`` file with the arrays ``sensation/<name>``, ``action`` and
            ``is_first``, and if they are known ``reward``, ``terminated``, ``task`` and
            ``control_step_s``.

        Raises
        ------
        ConfigError
            If it cannot be read or lacks something, or as of the class.
        """
        path = Path(path)
        try:
            with np.load(path, allow_pickle=False) as stored:
                found = {name: stored[name] for name in stored.files}
        except FileNotFoundError as error:
            raise ConfigError(f"There are no demonstrations '{path}'.") from error
        except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
            raise ConfigError(
                f"'{path}' cannot be read as demonstrations: {error}. It must be an "
                ".npz file of plain arrays."
            ) from error
        known = [n for n in found if n in _KNOWN or n.startswith(_SENSED)]
        missing = [name for name in _NEEDED if name not in found]
        strange = sorted(set(found) - set(known))
        if missing or strange:
            name = (missing or strange)[0]
            raise ConfigError(
                f"'{path}' {'lacks' if missing else 'has an unknown'} array '{name}'."
                f"{closest(name, strange if missing else (*_KNOWN, _SENSED))} Arrays: "
                f"{_SENSED}<name>, {', '.join(_KNOWN)}."
            )
        return cls(
            {
                name.removeprefix(_SENSED): _numbers(x)
                for name, x in found.items()
                if name.startswith(_SENSED)
            },
            _numbers(found["action"]),
            _flags(found["is_first"]),
            _numbers(found["reward"]) if "reward" in found else None,
            _flags(found["terminated"]) if "terminated" in found else None,
            str(found.get("task", "")),
            float(found.get("control_step_s", 0.0)),
            f"The demonstrations '{path}'",
        )


def _numbers(x: NDArray[Any]) -> NDArray[Any]:
    """Return numbers as float32, bytes as they are."""
    is_as_it_is = x.dtype == np.uint8 or x.dtype.kind not in "fiub"
    return x if is_as_it_is else x.astype(np.float32)


def _flags(x: NDArray[Any]) -> NDArray[Any]:
    """Return numbers as truths."""
    return x.astype(np.bool_) if x.dtype.kind in "fiub" else x


class Playback(Task):
    """Worlds in which recorded episodes pass by, whatever is done in them.

    Each world plays one episode after the other, drawn with equal chance by its own
    generator.

    Parameters
    ----------
    demonstrations : Demonstrations
        The episodes.
    task : Task
        The task that they are of.
    n_worlds : int
        Number of worlds, B.
    first_world : int
        Index of row 0 among the worlds of all processes.

    Raises
    ------
    ConfigError
        If an action is of another size, or a sensation of the task of another shape.
    """

    config: BaseModel
    remembers: ClassVar[tuple[str, ...]] = ("_at", "_rngs")

    def __init__(
        self,
        demonstrations: Demonstrations,
        task: Task,
        n_worlds: int = 1,
        first_world: int = 0,
    ) -> None:
        self._count(n_worlds, first_world)
        self.config, self.n_bins = task.config, task.n_bins
        self._step_s = task.control_step_s
        _require_fitting(demonstrations, task)
        known: Mapping[str, Any] = task.single_observation_space.spaces  # type: ignore[attr-defined]
        read = [name for name in known if name in demonstrations.sensations]
        self._offer({name: known[name] for name in read}, task.n_actions)
        kept = {name: demonstrations.sensations[name] for name in read}
        self._sensations = {name: _in_a_row(x) for name, x in kept.items()}
        self._action = _in_a_row(demonstrations.action)
        is_first = demonstrations.is_first.copy()
        is_first[0] = True
        starts = _in_a_row(is_first)
        self._starts = np.flatnonzero(starts)
        self._is_last = np.append(starts[1:], True)
        nothing = np.zeros(len(starts), np.float32)
        reward, terminated = demonstrations.reward, demonstrations.terminated
        self._reward = nothing if reward is None else _in_a_row(reward)
        ends = nothing > 0 if terminated is None else _in_a_row(terminated)
        self._terminates = ends & self._is_last
        self._at = np.zeros(n_worlds, np.int64)
        self._rngs = Generators(n_worlds, first_world)

    @property
    def unsaved(self) -> str:
        """Empty: where the worlds are can be saved."""
        return ""

    @property
    def control_step_s(self) -> float:
        """Time that one step takes, s."""
        return self._step_s

    @property
    def demonstrated(self) -> NDArray[np.float32]:
        """What was done where the worlds are now, shape (B, A)."""
        return self._action[self._at]

    def facts(self) -> dict[str, Any]:
        """State that nothing more is known."""
        return {
            "success": np.zeros(self.num_envs, np.bool_),
            "goal_kind": np.zeros(self.num_envs, np.int64),
        }

    def reset(
        self, *, seed: Seed = None, options: dict[str, Any] | None = None
    ) -> tuple[Observation, dict[str, Any]]:
        """Begin an episode in every world; see `Task`."""
        seed = check_reset(seed, options, self.num_envs)
        if seed is not None or not self._rngs:
            self._rngs.seed(0 if seed is None else seed)
        self._begin(np.ones(self.num_envs, np.bool_))
        return self._sense(), self.facts()

    def step(self, actions: NDArray[np.float32]) -> Transition:
        """Go on by one step; what is done changes nothing.

        The last sensations of an episode that was cut off are those of its last step:
        what followed was not recorded.
        """
        self._checked(actions)
        reward, is_last = self._reward[self._at], self._is_last[self._at]
        terminated = self._terminates[self._at]
        facts: dict[str, Any] = {**self.facts(), "reward/recorded": reward}
        if is_last.any():
            facts["final_obs"], facts["_final_obs"] = self._sense(), is_last
        self._at += 1
        self._begin(is_last)
        return self._sense(), reward, terminated, is_last & ~terminated, facts

    def _begin(self, where: NDArray[np.bool_]) -> None:
        """Draw the next episode of some worlds."""
        for world in np.flatnonzero(where):
            drawn = self._rngs[int(world)].integers(len(self._starts))
            self._at[world] = self._starts[drawn]

    def _sense(self) -> Observation:
        """Return what was sensed where the worlds are."""
        return {name: x[self._at] for name, x in self._sensations.items()}


def _in_a_row(x: NDArray[Any]) -> NDArray[Any]:
    """Put trajectories, shape (T, B, ...), one after the other, shape (B T, ...)."""
    return np.swapaxes(x, 0, 1).reshape(-1, *x.shape[2:])


def _require_fitting(demonstrations: Demonstrations, task: Task) -> None:
    """Refuse demonstrations of other shapes than a task's."""
    label, width = demonstrations.label, demonstrations.action.shape[-1]
    if width != task.n_actions:
        raise ConfigError(
            f"{label} have actions of {width} numbers, the task takes {task.n_actions}."
        )
    for name, shape in task.sensation_shapes.items():
        x = demonstrations.sensations.get(name)
        if x is not None and x.shape[2:] != shape:
            raise ConfigError(
                f"{label} have the sensation '{name}' of shape {x.shape[2:]}, the "
                f"task's is {shape}."
            )
    step_s = demonstrations.control_step_s
    if step_s and not np.isclose(step_s, task.control_step_s):
        raise ConfigError(
            f"{label} have control steps of {step_s:g} s, the task's are "
            f"{task.control_step_s:g} s long."
        )
