# SPDX-License-Identifier: Apache-2.0
"""Layout: coordinates, units and attributes of a recording, wherever it is kept."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from angora_train.analysis.recording.schema import VERSION, dimensions, label_of
from angora_train.run.versions import installed_versions

__all__ = ["Layout"]


@dataclass(frozen=True)
class Layout:
    """What a recording says beside its numbers.

    Attributes
    ----------
    areas : mapping of str to int
        Units of each area, in the order in which areas are computed.
    control_step_s : float
        Time between two rows, s.
    units : mapping of str to str
        Units of variables.
    labels : mapping of str to tuple of str
        Names of the channels of variables that have some.
    attributes : mapping
        What is noted of the whole: texts, numbers, or what JSON can tell.
    """

    areas: Mapping[str, int]
    control_step_s: float
    units: Mapping[str, str] = field(default_factory=dict)
    labels: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    attributes: Mapping[str, Any] = field(default_factory=dict)

    def noted(self) -> dict[str, str | int | float]:
        """Return the attributes of a recording, with versions."""
        versions = {f"{name}_version": v for name, v in installed_versions().items()}
        own = {name: _plain(x) for name, x in self.attributes.items()}
        times = {"recording_version": VERSION, "control_step_s": self.control_step_s}
        return {**own, **times, **versions}

    def told(self, variable: str) -> dict[str, str]:
        """Return the attributes of a variable: what it is, and its units."""
        told = {"long_name": label_of(variable)}
        return told | (
            {"units": self.units[variable]} if variable in self.units else {}
        )

    def coordinates(self, n_episodes: int, n_times: int) -> dict[str, Any]:
        """Return the coordinates: dimensions, values and attributes by name."""
        counts = list(self.areas.values())
        labels: dict[str, Any] = {
            f"{name}_channel": (f"{name}_channel", np.array(own), {})
            for name, own in self.labels.items()
        }
        times = np.arange(n_times) * self.control_step_s
        return {
            "episode": ("episode", np.arange(n_episodes), {}),
            "time": ("time", times, {"units": "s"}),
            "area": ("unit", np.repeat(list(self.areas), counts).astype(str), {}),
            "index": ("unit", np.concatenate([np.arange(n) for n in counts]), {}),
            **labels,
        }

    def dataset(
        self,
        by_step: Mapping[str, NDArray[Any]],
        by_episode: Mapping[str, NDArray[Any]],
    ) -> xr.Dataset:
        """Put a recording together in memory.

        Parameters
        ----------
        by_step : mapping of str to ndarray, shape (n_episodes, n_times, ...)
            Variables that have a row for each step.
        by_episode : mapping of str to ndarray, shape (n_episodes,)
            Variables that have one for each episode.

        Returns
        -------
        xarray.Dataset
            The recording.
        """
        variables = {
            name: (dimensions(name, x.ndim), x, self.told(name))
            for name, x in by_step.items()
        }
        variables |= {
            name: (("episode",), x, self.told(name)) for name, x in by_episode.items()
        }
        n_episodes, n_times = by_step["activity"].shape[:2]
        coordinates = self.coordinates(n_episodes, n_times)
        return xr.Dataset(variables, coords=coordinates, attrs=self.noted())


def _plain(x: Any) -> str | int | float:
    """Return an attribute as a file takes it: a text, a number, or JSON."""
    if isinstance(x, np.generic):  # a number that was read from a file
        x = x.item()
    return x if isinstance(x, str | int | float) else json.dumps(x)
