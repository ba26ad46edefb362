# SPDX-License-Identifier: Apache-2.0
"""Demonstrations: recorded trajectories, as values and as files."""

import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from angora_train.errors import ConfigError, closest
from atlasnet.files import replacing

__all__ = ["Demonstrations", "require_choices"]

_SENSED = "sensation/"
_NEEDED = ("action", "is_first")
_EXACT = 1e-3
"""How far an action may lie from the choice that it stands for."""
_UNREADABLE = (OSError, ValueError, EOFError, zipfile.BadZipFile, zlib.error)
"""What reading a file may raise that holds something else, or is damaged."""
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
            if x.dtype.kind not in "fbu":
                raise ConfigError(
                    f"{self.label}: '{name}' holds {x.dtype}; it must hold real "
                    "numbers."
                )
            if not np.isfinite(x).all():
                raise ConfigError(
                    f"{self.label}: '{name}' has numbers that are not finite as "
                    "float32."
                )
        if np.abs(self.action).max() > 1.0:
            raise ConfigError(
                f"{self.label}: an action is {np.abs(self.action).max():g} away from "
                "zero; actions lie in [-1, 1], scaled as the task takes them."
            )
        if self.terminated is not None:
            self._require_beginnings(self.terminated)

    def _require_beginnings(self, terminated: NDArray[np.bool_]) -> None:
        """Refuse ends of episodes after which no other begins."""
        places = np.argwhere(terminated[:-1] & ~self.is_first[1:])
        if len(places):
            t, b = places[0]
            raise ConfigError(
                f"{self.label}: an episode is terminated at step {t} of trajectory "
                f"{b}, but none begins after it: 'is_first' must be true at step "
                f"{t + 1}."
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

        Raises
        ------
        ConfigError
            If it is called otherwise, or is a folder.
        """
        path = Path(path)
        if path.suffix != ".npz" or path.is_dir():
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
            found = _read_arrays(path)
        except FileNotFoundError as error:
            raise ConfigError(f"There are no demonstrations '{path}'.") from error
        except _UNREADABLE as error:
            raise ConfigError(
                f"'{path}' cannot be read as demonstrations: it must be an .npz file "
                "of plain arrays, such as numpy.savez writes, and is none, or damaged."
            ) from error
        missing = [name for name in _NEEDED if name not in found]
        strange = sorted(name for name in found if not _is_known(name))
        if missing or strange:
            name = (missing or strange)[0]
            raise ConfigError(
                f"'{path}' {'lacks' if missing else 'has an unknown'} array '{name}'."
                f"{closest(name, strange if missing else (*_KNOWN, _SENSED))} Arrays: "
                f"{_SENSED}<name>, {', '.join(_KNOWN)}."
            )
        label = f"The demonstrations '{path}'"
        return cls(
            {
                name.removeprefix(_SENSED): _numbers(x)
                for name, x in found.items()
                if name.startswith(_SENSED)
            },
            _numbers(found["action"]),
            _flags(found, "is_first", label),
            _numbers(found["reward"]) if "reward" in found else None,
            _flags(found, "terminated", label) if "terminated" in found else None,
            _said_task(found, label),
            _said_step_s(found, label),
            label,
        )


def _read_arrays(path: Path) -> dict[str, NDArray[Any]]:
    """Return the arrays of an ``.npz`` file; nothing in it is run."""
    stored = np.load(path, allow_pickle=False)
    if not isinstance(stored, np.lib.npyio.NpzFile):
        raise zipfile.BadZipFile("one array, no archive of arrays")
    with stored:
        found = {name: stored[name] for name in stored.files}
    if not all(isinstance(x, np.ndarray) for x in found.values()):
        raise zipfile.BadZipFile("members that are no arrays")
    return found


def _is_known(name: str) -> bool:
    """Whether an array of a file is one that is read."""
    return name in _KNOWN or (name.startswith(_SENSED) and name != _SENSED)


def _numbers(x: NDArray[Any]) -> NDArray[Any]:
    """Return numbers as float32, bytes as they are."""
    is_as_it_is = x.dtype == np.uint8 or x.dtype.kind not in "fiub"
    with np.errstate(over="ignore"):  # what is infinite then is refused
        return x if is_as_it_is else x.astype(np.float32)


def _flags(found: Mapping[str, NDArray[Any]], name: str, label: str) -> NDArray[Any]:
    """Return zeros and ones as truths."""
    x = found[name]
    if x.dtype.kind not in "fiub" or not np.isin(x, (0, 1)).all():
        raise ConfigError(
            f"{label}: '{name}' must hold truths, or zeros and ones alone; it holds "
            f"{x.dtype}, and other values."
        )
    return x.astype(np.bool_)


def _said_task(found: Mapping[str, NDArray[Any]], label: str) -> str:
    """Return the name of the task, which is one text."""
    x = found.get("task", np.array(""))
    if x.ndim or x.dtype.kind != "U":
        raise ConfigError(
            f"{label}: 'task' must be one text, such as np.array('Reach'), got an "
            f"array of {x.dtype} with shape {x.shape}."
        )
    return str(x)


def _said_step_s(found: Mapping[str, NDArray[Any]], label: str) -> float:
    """Return the time of a control step, which is one number."""
    x = found.get("control_step_s", np.array(0.0))
    if x.ndim or x.dtype.kind not in "fiu" or not 0.0 <= x < np.inf:
        raise ConfigError(
            f"{label}: 'control_step_s' must be one number, s, or 0 if it is not "
            f"known, got {x}."
        )
    return float(x)


def require_choices(action: NDArray[np.float32], n_bins: int | None, who: str) -> None:
    """Refuse actions that are none of a task's choices.

    Parameters
    ----------
    action : ndarray of float32, shape (..., A)
        What was done.
    n_bins : int or None
        Choices that the task has; None if its actions are numbers.
    who : str
        Whose actions they are, for the message.

    Raises
    ------
    ConfigError
        If an action lies between choices.

    Examples
    --------
    >>> require_choices(np.float32([-1.0, 0.0, 1.0]), 3, "Mine")
    """
    if n_bins is None:
        return
    choices = np.linspace(-1.0, 1.0, n_bins)
    apart = np.abs(action[..., None] - choices).min(axis=-1)
    if apart.max() > _EXACT:
        value = float(action.ravel()[int(apart.argmax())])
        raise ConfigError(
            f"{who}: an action is {value:g}, but the task's are choices among "
            f"{n_bins}, written {', '.join(f'{x:.4g}' for x in choices)}."
        )
