# SPDX-License-Identifier: Apache-2.0
"""Responses: neural or voxel data of a user's, matched to a recording's episodes."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from angora_train.errors import ConfigError

__all__ = ["Responses", "read_responses", "reliability", "simulate_responses"]


@dataclass(frozen=True)
class Responses:
    """What was measured in each episode of a recording.

    Attributes
    ----------
    values : ndarray of float64, shape (n_repeats, n_episodes, n_times, n_channels)
        NaN where nothing was measured.
    names : tuple of str
        Names of the channels: neurons, electrodes or voxels.
    """

    values: NDArray[np.float64]
    names: tuple[str, ...]

    def require_same(self, recording: xr.Dataset) -> None:
        """Refuse responses of other episodes or steps than the recording's."""
        expected = (recording.sizes["episode"], recording.sizes["time"])
        if self.values.shape[1:3] != expected:
            n_episodes, n_times = self.values.shape[1:3]
            raise ConfigError(
                f"The responses are of {n_episodes} episodes of {n_times} steps, the "
                f"recording has {expected[0]} of {expected[1]}. A response belongs to "
                "a step of an episode: give as many, NaN where nothing was measured."
            )


def read_responses(path: Path | str) -> Responses:
    """Read responses from a file.

    Parameters
    ----------
    path : Path or str
        A NumPy file ``.npy`` of shape (episodes, steps, channels) or (repeats,
        episodes, steps, channels), or a NetCDF file ``.nc`` with a variable
        ``response`` of the dimensions ``episode``, ``time``, ``channel`` and, if
        measured again, ``repeat``.

    Returns
    -------
    Responses
        With the channels' names of the NetCDF file, or their numbers.

    Raises
    ------
    ConfigError
        If there is no such file, or it holds something else.
    """
    path = Path(path)
    if not path.is_file():
        raise ConfigError(f"There are no responses '{path}'.")
    if path.suffix == ".nc":
        return _from_netcdf(path)
    if path.suffix != ".npy":
        raise ConfigError(f"Responses are a .npy or .nc file, got '{path.name}'.")
    try:
        values = np.load(path, allow_pickle=False)
    except (OSError, ValueError) as error:
        raise ConfigError(f"'{path}' is no NumPy array: {error}") from error
    if values.ndim not in (3, 4) or not np.issubdtype(values.dtype, np.number):
        raise ConfigError(
            f"'{path.name}' holds {values.dtype} of shape {values.shape}; numbers of "
            "shape (episodes, steps, channels) or (repeats, episodes, steps, channels) "
            "are needed."
        )
    values = values.reshape(-1, *values.shape[-3:]).astype(np.float64)
    return Responses(values, tuple(map(str, range(values.shape[-1]))))


def _from_netcdf(path: Path) -> Responses:
    """Read a NetCDF file."""
    try:
        data = xr.load_dataset(path, engine="h5netcdf")
    except (OSError, ValueError, KeyError) as error:
        raise ConfigError(f"'{path}' cannot be read as NetCDF: {error}") from error
    needed = {"episode", "time", "channel"}
    found = data.get("response")
    dims = set(map(str, found.dims)) if found is not None else set()
    if found is None or not needed <= dims <= {*needed, "repeat"}:
        got = "none" if found is None else ", ".join(sorted(dims))
        raise ConfigError(
            f"'{path.name}' needs a variable 'response' of the dimensions episode, "
            f"time, channel and, if measured again, repeat; got {got}."
        )
    if "repeat" not in dims:
        found = found.expand_dims("repeat")
    found = found.transpose("repeat", "episode", "time", "channel")
    names = found["channel"].to_numpy().tolist()
    return Responses(found.to_numpy().astype(np.float64), tuple(map(str, names)))


def reliability(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return how well the mean over repeats would be met by as many new repeats.

    Parameters
    ----------
    values : ndarray of float64, shape (n_repeats, n, n_channels)
        Repeats of the same samples.

    Returns
    -------
    ndarray of float64, shape (n_channels,)
        Correlation of halves of the repeats, mean over up to 50 ways to halve them,
        after Spearman and Brown for all of them: the share of the mean response's
        variance that can be explained. NaN of a single repeat; not below 0.

    References
    ----------
    Hsu, Borst & Theunissen (2004), Quantifying variability in neural responses and its
    application for the validation of model predictions, Network 15:91.
    https://doi.org/10.1088/0954-898X_15_2_002

    Examples
    --------
    >>> same = np.arange(6.0).reshape(1, 6, 1)
    >>> reliability(np.concatenate([same, same])).tolist()
    [1.0]
    """
    n_repeats = len(values)
    if n_repeats < 2:
        return np.full(values.shape[2], np.nan)
    rng = np.random.default_rng(0)
    n_ways = 1 if n_repeats == 2 else 50
    found = np.zeros(values.shape[2])
    for _ in range(n_ways):
        order = rng.permutation(n_repeats)
        one = values[order[: n_repeats // 2]].mean(0)
        other = values[order[n_repeats // 2 : 2 * (n_repeats // 2)]].mean(0)
        found += _correlation(one, other) / n_ways
    n_halves = n_repeats / (n_repeats // 2)  # 2, or a little more for an odd number
    found = np.maximum(found, 0.0)
    return np.asarray(n_halves * found / (1 + (n_halves - 1) * found))


def _correlation(
    one: NDArray[np.float64], other: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the correlation of each channel."""
    one, other = one - one.mean(0), other - other.mean(0)
    size = np.sqrt((one**2).sum(0) * (other**2).sum(0))
    return np.asarray((one * other).sum(0) / np.where(size > 0, size, 1.0))


def simulate_responses(
    activity: NDArray[np.floating],
    rng: np.random.Generator,
    *,
    n_channels: int = 20,
    n_repeats: int = 4,
    noise: float = 1.0,
) -> Responses:
    """Return responses of neurons that read an area, to try the analysis on.

    Parameters
    ----------
    activity : ndarray of float, shape (n_episodes, n_times, n_units)
        The area, NaN outside of episodes.
    rng : numpy.random.Generator
        Draws weights and noise.
    n_channels : int
        Neurons, each a weighted sum of all units.
    n_repeats : int
        Times that every episode is shown.
    noise : float
        Standard deviation of the noise of a single repeat; the signal's is 1.

    Returns
    -------
    Responses
        The mean of all repeats has the reliability ``1 / (1 + noise**2 / n_repeats)``.
    """
    weights = rng.normal(size=(activity.shape[2], n_channels))
    signal = np.asarray(activity, np.float64) @ weights
    is_there = np.isfinite(signal)
    signal -= signal[is_there].reshape(-1, n_channels).mean(0)
    signal /= signal[is_there].reshape(-1, n_channels).std(0)
    values = signal + noise * rng.normal(size=(n_repeats, *signal.shape))
    return Responses(values, tuple(f"neuron {i}" for i in range(n_channels)))
