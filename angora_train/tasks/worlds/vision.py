# SPDX-License-Identifier: Apache-2.0
"""Vision as pixels: what one to three cameras see of each world."""

from collections.abc import Sequence
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
from gymnasium.spaces import Box
from numpy.typing import NDArray
from pydantic import Field, model_validator

from angora_train.tasks.settings import TaskSettings
from angora_train.tasks.worlds.memory import Remembering
from angora_train.tasks.worlds.rendering import Camera, Renderer, Style
from angora_train.tasks.worlds.simulation import Simulation

__all__ = ["Eyes", "VisionConfig"]

_Pixels = Annotated[int, Field(ge=16, le=1024)]


class VisionConfig(TaskSettings):
    """What the sensation ``vision`` is; written as its kind alone, the rest is default.

    Pixels are what a picture shows without the goal, the forearm and the sky.
    """

    kind: Literal["pose", "rgb"] = "pose"
    """``pose``: where things are, as numbers; ``rgb``: pixels, uint8, of shape (H, W,
    3 `n_cameras`): red, green and blue of the first camera, then of the next."""

    n_cameras: Annotated[int, Field(ge=1, le=3)] = 1
    """Cameras around the hand."""

    height_px: _Pixels = 84
    """Height of the picture of one camera, pixels."""

    width_px: _Pixels = 84
    """Width of the picture of one camera, pixels."""

    hand: Literal["meshes", "shapes"] = "meshes"
    """``meshes``: the hand as it looks; ``shapes``: the capsules and boxes with which
    it touches things, which are drawn three times as fast."""

    @model_validator(mode="before")
    @classmethod
    def _from_kind(cls, value: Any) -> Any:
        """Let the kind stand for the whole."""
        return {"kind": value} if isinstance(value, str) else value


class Eyes(Remembering):
    """Cameras that look at every world of a simulation.

    Parameters
    ----------
    config : VisionConfig
        How many, and how large their pictures are.
    simulation : Simulation
        The worlds.
    cameras : sequence of Camera
        At least `n_cameras` of them; the first are used.
    groups : sequence of int
        Groups of geoms that they see, of 0 to 5.

    Attributes
    ----------
    space : gymnasium.spaces.Box
        Of what is seen of one world: uint8, shape (H, W, 3 `n_cameras`).

    Raises
    ------
    TaskError
        If pictures cannot be drawn on this machine.
    """

    remembers: ClassVar[tuple[str, ...]] = ("_seen",)

    def __init__(
        self,
        config: VisionConfig,
        simulation: Simulation,
        cameras: Sequence[Camera],
        groups: Sequence[int],
    ) -> None:
        self._cameras = tuple(cameras)[: config.n_cameras]
        shape = (config.height_px, config.width_px, 3 * len(self._cameras))
        self.space = Box(0, 255, shape, np.uint8)
        self._simulation = simulation
        style = Style(height_px=config.height_px, width_px=config.width_px)
        self._renderer = Renderer(
            simulation.model,
            style,
            groups,
            has_sky=False,
            is_coarse=config.hand == "shapes",
        )
        self._seen = np.zeros((simulation.n_worlds, *shape), np.uint8)

    def see(self, worlds: NDArray[np.int64]) -> NDArray[np.uint8]:
        """Look at some worlds anew.

        Parameters
        ----------
        worlds : ndarray of int64, shape (n,)
            Those that have moved; of the others the last picture is shown again.

        Returns
        -------
        ndarray of uint8, shape (B, H, W, 3 n_cameras)
            A new array.
        """
        for world in worlds.tolist():
            frames = self._renderer.draw(
                self._simulation.data(world),
                self._cameras,
                model=self._simulation.model_of(world),
            )
            np.concatenate(frames, axis=-1, out=self._seen[world])
        return self._seen.copy()

    def close(self) -> None:
        """Release what the graphics library holds."""
        self._renderer.close()
