# SPDX-License-Identifier: Apache-2.0
"""Tables: numbers or labels of the user's own, one an episode or one a control step."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray

from angora_train.analysis.recording.schema import is_under_way
from angora_train.errors import ConfigError

__all__ = ["Table", "read_table"]


@dataclass(frozen=True)
class Table:
    """What a user's file says of each control step.

    Attributes
    ----------
    values : ndarray of float32, shape (n_episodes, n_times, n_channels)
        NaN where the file says nothing, and after an episode's end.
    labels : tuple of str
        Names of the channels, or of the classes.
    is_classes : bool
        Whether the values are numbers of classes.
    """

    values: NDArray[np.float32]
    labels: tuple[str, ...]
    is_classes: bool = False


def read_table(recording: xr.Dataset, path: Path | str) -> Table:
    """Read a user's file about a recording.

    Parameters
    ----------
    recording : xarray.Dataset
        What the file is about.
    path : Path or str
        A CSV has a column ``episode`` (from 0), and, where there is a row for each
        control step, a column ``step`` (from 0). Every other column is a channel. One
        column of words (also ``True`` and ``False``) is classes. A NumPy file
        ``.npy`` holds numbers of shape (episodes,), (episodes, steps) or (episodes,
        steps, channels).

    Returns
    -------
    Table
        A value an episode is given to all of its steps.

    Raises
    ------
    ConfigError
        If the file is no such table, or has other episodes or steps.
    """
    path = Path(path)
    if not path.is_file():
        raise ConfigError(f"There is no table '{path}'.")
    readers = {".csv": _from_csv, ".npy": _from_numpy}
    if path.suffix not in readers:
        raise ConfigError(f"A table is a .csv or .npy file, got '{path.name}'.")
    table = readers[path.suffix](recording, path)
    table.values[~is_under_way(recording)] = np.nan
    return table


def _from_numpy(recording: xr.Dataset, path: Path) -> Table:
    """Read an array."""
    try:
        values = np.load(path, allow_pickle=False)
    except (OSError, ValueError) as error:
        raise ConfigError(f"'{path}' is no NumPy array: {error}") from error
    n_episodes, n_times = recording.sizes["episode"], recording.sizes["time"]
    wanted = (n_episodes, n_times)[: values.ndim]
    is_number = np.issubdtype(values.dtype, np.number) or values.dtype == bool
    if not 1 <= values.ndim <= 3 or values.shape[:2] != wanted or not is_number:
        raise ConfigError(
            f"'{path.name}' holds {values.dtype} of shape {values.shape}; the "
            f"recording has {n_episodes} episodes of up to {n_times} steps: numbers of "
            f"shape ({n_episodes},), ({n_episodes}, {n_times}) or ({n_episodes}, "
            f"{n_times}, channels) are needed."
        )
    if values.ndim == 1:
        values = np.broadcast_to(values[:, None], (n_episodes, n_times))
    values = values.reshape(n_episodes, n_times, -1).astype(np.float32)
    return Table(values, tuple(map(str, range(values.shape[2]))))


def _from_csv(recording: xr.Dataset, path: Path) -> Table:
    """Read a CSV."""
    try:
        frame = pd.read_csv(path)
    except (OSError, ValueError) as error:  # pandas' errors of parsing are of these
        raise ConfigError(f"'{path}' cannot be read as CSV: {error}") from error
    keys = [name for name in ("episode", "step") if name in frame.columns]
    names = [str(name) for name in frame.columns if name not in ("episode", "step")]
    if "episode" not in keys or not names:
        raise ConfigError(
            f"'{path.name}' has the columns {', '.join(map(str, frame.columns))}; a "
            "column 'episode' and at least one of values are needed, and 'step' where "
            "there is a row for each control step."
        )
    if frame.duplicated(keys).any():
        row = frame.loc[frame.duplicated(keys), keys].iloc[0]
        where = ", ".join(f"{key} {row[key]}" for key in keys)
        raise ConfigError(f"'{path.name}' has two rows of {where}.")
    _require_same(recording, frame, keys, path)
    values, labels = _numbers(frame[names], path)
    shape = (recording.sizes["episode"], recording.sizes["time"], values.shape[1])
    placed = np.full(shape, np.nan, np.float32)
    episode = frame["episode"].to_numpy().astype(int)
    if "step" in keys:
        placed[episode, frame["step"].to_numpy().astype(int)] = values
    else:
        placed[episode] = values[:, None, :]
    return Table(placed, labels or tuple(names), is_classes=bool(labels))


def _require_same(
    recording: xr.Dataset, frame: pd.DataFrame, keys: list[str], path: Path
) -> None:
    """Refuse a table of other episodes or steps than the recording's."""
    n_steps = recording["n_steps"].to_numpy().astype(int)
    n_episodes = len(n_steps)
    wrong = [
        key
        for key in keys
        if not pd.api.types.is_integer_dtype(frame[key]) or (frame[key] < 0).any()
    ]
    if wrong:
        raise ConfigError(f"The column '{wrong[0]}' of '{path.name}' counts from 0.")
    there = set(frame["episode"].tolist())
    if there != set(range(n_episodes)):
        lacking = sorted(set(range(n_episodes)) - there)
        beyond = sorted(there - set(range(n_episodes)))
        which = f"episode {lacking[0]} is missing" if lacking else f"{beyond[0]} is not"
        raise ConfigError(
            f"'{path.name}' has {len(there)} episodes, the recording {n_episodes}, "
            f"from 0 to {n_episodes - 1}: {which}"
            f"{'' if lacking else ' among them'}."
        )
    if "step" not in keys:
        return
    n_rows = frame.groupby("episode")["step"].agg(["size", "max"])
    for episode, (size, last) in n_rows.iterrows():
        n = n_steps[int(str(episode))]
        if size != n or last != n - 1:
            raise ConfigError(
                f"'{path.name}' has {size} steps of episode {episode}, the last of "
                f"them {last}; in the recording it has {n}, from 0 to {n - 1}."
            )


def _numbers(
    frame: pd.DataFrame, path: Path
) -> tuple[NDArray[np.float32], tuple[str, ...]]:
    """Return columns as numbers; with the names of classes where they are words."""
    is_word = [
        not pd.api.types.is_numeric_dtype(x) or pd.api.types.is_bool_dtype(x)
        for _, x in frame.items()
    ]
    if not any(is_word):
        return frame.to_numpy(np.float32), ()
    if len(is_word) > 1:
        raise ConfigError(
            f"'{path.name}' has words among {len(is_word)} columns. Classes are one "
            "column beside 'episode' and 'step'; put the others in another file."
        )
    codes, found = pd.factorize(frame.iloc[:, 0], sort=True)
    values = np.where(codes < 0, np.nan, codes).astype(np.float32)
    return values[:, None], tuple(map(str, found))
