# SPDX-License-Identifier: Apache-2.0
"""Cameras around the hand: one for who watches, three for the hand's own vision."""

from angora_train.tasks.worlds.rendering import Camera
from angora_train.tasks.worlds.simulation import Simulation
from angora_train.tasks.worlds.vision import Eyes, VisionConfig

__all__ = ["CAMERAS", "WATCHER", "open_eyes"]

WATCHER = Camera((1.04, 0.91, 0.165), 0.37, azimuth_deg=-90.0, elevation_deg=-55.0)
"""From above the forearm, as one looks at one's own hand; fingers point up."""

_CENTRE_M = (1.0, 0.88, 0.165)

CAMERAS = (
    Camera(_CENTRE_M, 0.27, azimuth_deg=-90.0, elevation_deg=-60.0),
    Camera(_CENTRE_M, 0.27, azimuth_deg=30.0, elevation_deg=-35.0),
    Camera(_CENTRE_M, 0.27, azimuth_deg=150.0, elevation_deg=-35.0),
)
"""From above the forearm; from the fingers, on the thumb's and on the little finger's
side. Each sees the whole hand and what lies in it."""

_GROUPS = {"meshes": (0, 1), "shapes": (0, 4)}
"""Groups of geoms that are seen: things, and the hand without its forearm."""


def open_eyes(config: VisionConfig, simulation: Simulation) -> Eyes | None:
    """Set up the hand's vision.

    Parameters
    ----------
    config : VisionConfig
        What ``vision`` is.
    simulation : Simulation
        Worlds with a hand.

    Returns
    -------
    Eyes or None
        None where vision is no pixels.

    Raises
    ------
    TaskError
        If pictures cannot be drawn on this machine.
    """
    if config.kind == "pose":
        return None
    return Eyes(config, simulation, CAMERAS, _GROUPS[config.hand])
