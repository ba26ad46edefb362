# SPDX-License-Identifier: Apache-2.0
"""Pictures of a world, drawn off-screen by MuJoCo through EGL or OSMesa.

Which of the two is tried when the first picture is asked for, and not when the
package is imported: ``MUJOCO_GL`` decides where it names one, else it is EGL, or
OSMesa where that does not work. Shadows, reflections and multisampling make a picture
three to six times as expensive and are off unless asked for.
"""

import copy
import importlib
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import mujoco
import numpy as np
from numpy.typing import NDArray

from angora_train.errors import TaskError
from angora_train.tasks.worlds.mesa import keep_apart

__all__ = ["Camera", "Frame", "Mark", "Renderer", "Style", "default_camera"]

Frame = NDArray[np.uint8]
"""A picture of shape (H, W, 3): red, green and blue, row 0 on top."""

_PLATFORM = "PYOPENGL_PLATFORM"
_REMEDY = (
    "Debian and Ubuntu: apt-get install libegl1 libgl1 libgles2 libopengl0 "
    "(or libosmesa6)"
)
_LIBRARIES = ("cgl", "egl", "glfw", "osmesa")
_OFF = ("0", "disable", "disabled", "false", "off")
_OFFSCREEN = int(mujoco.mjtFramebuffer.mjFB_OFFSCREEN)
_COARSE = (10, 6, 1)
"""Parts of a ball around its axis and along it, and of a side of a box."""
_VISIBLE_GROUPS = (0, 1, 2)
_ROOM = 500
"""Room in a scene for marks, tendons and other things that are no geoms."""


@dataclass(frozen=True, slots=True)
class Camera:
    """A camera that looks at a place in the world's frame."""

    target_m: tuple[float, float, float]
    """Where it looks, m."""

    distance_m: float
    """How far from there it stands, m."""

    azimuth_deg: float = 90.0
    """Direction in which it looks, about the vertical: 0 is along x, 90 along y."""

    elevation_deg: float = -45.0
    """How far it looks up, degrees; -90 is straight down."""


@dataclass(frozen=True, slots=True)
class Style:
    """How a picture is drawn."""

    height_px: int = 480
    """Height, pixels."""

    width_px: int = 640
    """Width, pixels."""

    shadows: bool = False
    """Whether there are shadows and reflections."""

    n_samples: int = 0
    """Samples a pixel, for smooth edges: 0 or 1 for none, 4 is usual."""


@dataclass(frozen=True, slots=True)
class Mark:
    """Something that is drawn into the scene and is not in the world.

    A ball, or the likeness of one of the model's geoms.
    """

    place_m: NDArray[np.float64]
    """Shape (3,): where, m, in the world's frame."""

    rgba: tuple[float, float, float, float]
    """Colour and opacity; a likeness keeps its texture under the colour."""

    radius_m: float = 0.008
    """Radius of a ball, m."""

    likeness: int | None = None
    """Geom whose shape and texture it has; None for a ball."""

    orientation: NDArray[np.float64] | None = None
    """Shape (4,): unit quaternion (w, x, y, z) of a likeness."""


def default_camera(model: Any) -> Camera:
    """Return a camera that sees the whole of a model.

    Parameters
    ----------
    model : mujoco.MjModel
        Any model.

    Returns
    -------
    Camera
        MuJoCo's own choice for its viewer.
    """
    camera = mujoco.MjvCamera()
    mujoco.mjv_defaultFreeCamera(model, camera)
    x, y, z = (float(number) for number in camera.lookat)
    return Camera(
        (x, y, z), float(camera.distance), float(camera.azimuth), camera.elevation
    )


class Renderer:
    """Draws worlds of one model.

    Parameters
    ----------
    model : mujoco.MjModel
        The model. Sizes, colours and places may differ between worlds; meshes and
        textures are its.
    style : Style
        How pictures are drawn.
    groups : sequence of int
        Groups of geoms that are drawn, of 0 to 5.
    has_sky : bool
        Whether the model's sky is drawn; without it the background is black.
    is_coarse : bool
        Whether balls and capsules are drawn with few corners, four times as fast.

    Raises
    ------
    TaskError
        If pictures cannot be drawn on this machine.
    """

    def __init__(
        self,
        model: Any,
        style: Style,
        groups: Sequence[int] = _VISIBLE_GROUPS,
        *,
        has_sky: bool = True,
        is_coarse: bool = False,
    ) -> None:
        self._gl: Any = None
        _check(style)
        self._style = style
        self._model = model
        # What is drawn into is made after the model's settings, which stay as they are.
        sized = copy.copy(model)
        sized.vis.global_.offheight = style.height_px
        sized.vis.global_.offwidth = style.width_px
        sized.vis.quality.offsamples = style.n_samples
        sized.vis.quality.shadowsize = 4096 if style.shadows else 0
        if is_coarse:
            quality = sized.vis.quality
            quality.numslices, quality.numstacks, quality.numquads = _COARSE
        self._gl = _open_context(style.width_px, style.height_px)
        self._context = mujoco.MjrContext(
            sized, int(mujoco.mjtFontScale.mjFONTSCALE_100)
        )
        mujoco.mjr_setBuffer(_OFFSCREEN, self._context)
        self._scene = mujoco.MjvScene(model, model.ngeom + _ROOM)
        flags = {
            "SHADOW": style.shadows,
            "REFLECTION": style.shadows,
            "SKYBOX": has_sky,
        }
        for name, is_on in flags.items():
            flag = int(getattr(mujoco.mjtRndFlag, f"mjRND_{name}"))
            self._scene.flags[flag] = is_on
        self._option = mujoco.MjvOption()
        self._option.geomgroup[:] = np.isin(np.arange(6), groups)
        self._option.sitegroup[:] = 0
        self._rect = mujoco.MjrRect(0, 0, style.width_px, style.height_px)
        self._upside_down = np.empty((style.height_px, style.width_px, 3), np.uint8)

    def draw(
        self,
        data: Any,
        cameras: Sequence[Camera],
        marks: Sequence[Mark] = (),
        model: Any = None,
    ) -> list[Frame]:
        """Draw a world as several cameras see it.

        Parameters
        ----------
        data : mujoco.MjData
            The world.
        cameras : sequence of Camera
            Who looks.
        marks : sequence of Mark
            What is drawn beside what is there.
        model : mujoco.MjModel, optional
            The world's own model, if it has one.

        Returns
        -------
        list of ndarray of uint8, shape (H, W, 3)
            One new picture a camera.
        """
        model = self._model if model is None else model
        self._gl.make_current()
        view = mujoco.MjvCamera()
        kinds = int(mujoco.mjtCatBit.mjCAT_ALL)
        mujoco.mjv_updateScene(
            model, data, self._option, None, view, kinds, self._scene
        )
        if self._style.shadows:
            _cast_shadows(self._scene)
        for mark in marks:
            _add(self._scene, model, mark)
        frames = []
        for camera in cameras:
            _aim(view, camera)
            mujoco.mjv_updateCamera(model, data, view, self._scene)
            mujoco.mjr_render(self._rect, self._scene, self._context)
            mujoco.mjr_readPixels(self._upside_down, None, self._rect, self._context)
            frames.append(self._upside_down[::-1].copy())
        return frames

    def close(self) -> None:
        """Release what the graphics library holds."""
        if self._gl is not None:
            self._gl.make_current()  # what is freed is that of the current context
            self._context.free()
            self._gl.free()
            self._gl = None

    def __del__(self) -> None:
        if not sys.is_finalizing():
            self.close()


def _aim(view: Any, camera: Camera) -> None:
    """Turn MuJoCo's camera into one of ours."""
    view.type = int(mujoco.mjtCamera.mjCAMERA_FREE)
    view.lookat[:] = camera.target_m
    view.distance = camera.distance_m
    view.azimuth = camera.azimuth_deg
    view.elevation = camera.elevation_deg


def _cast_shadows(scene: Any) -> None:
    """Let every light cast shadows but the first, which is the camera's own."""
    for light in scene.lights[1 : scene.nlight]:
        light.castshadow = 1


def _add(scene: Any, model: Any, mark: Mark) -> None:
    """Draw a mark into a scene, behind what is there already."""
    if scene.ngeom >= scene.maxgeom:
        return
    geom = scene.geoms[scene.ngeom]
    rotation = np.empty(9)
    upright = np.array([1.0, 0, 0, 0])
    mujoco.mju_quat2Mat(
        rotation, upright if mark.orientation is None else mark.orientation
    )
    shape, size = int(mujoco.mjtGeom.mjGEOM_SPHERE), np.full(3, mark.radius_m)
    if mark.likeness is not None:
        shape = int(model.geom_type[mark.likeness])
        size = model.geom_size[mark.likeness]
    mujoco.mjv_initGeom(
        geom, shape, size, mark.place_m, rotation, np.asarray(mark.rgba, np.float32)
    )
    if mark.likeness is not None:
        geom.matid = int(model.geom_matid[mark.likeness])
    scene.ngeom += 1


def _check(style: Style) -> None:
    """Refuse pictures of no size."""
    if min(style.height_px, style.width_px) < 1 or style.n_samples < 0:
        raise TaskError(
            f"A picture of {style.height_px} x {style.width_px} pixels with "
            f"{style.n_samples} samples each cannot be drawn."
        )


def _open_context(width_px: int, height_px: int) -> Any:
    """Open a context of the first library that works, and make it current."""
    wish = os.environ.get("MUJOCO_GL", "").strip().lower()
    if wish in _OFF:
        raise TaskError(
            f"Pictures are switched off: MUJOCO_GL is '{wish}'. Unset it, or set egl."
        )
    usual = ("cgl",) if sys.platform == "darwin" else ("egl", "osmesa")
    keep_apart()
    # Mesa draws on the processor: helpers would take the cores of other ranks, and
    # gain little, as what takes time is not what they share.
    os.environ.setdefault("LP_NUM_THREADS", "0")
    reasons = []
    for name in (wish,) if wish in _LIBRARIES else usual:
        platform = os.environ.get(_PLATFORM)
        try:
            context = importlib.import_module(f"mujoco.{name}").GLContext(
                width_px, height_px
            )
            context.make_current()
        except (AttributeError, ImportError, OSError, RuntimeError, TypeError) as error:
            reasons.append(f"{name}: {' '.join(str(error).split())}")
            _forget(name, platform)
        else:
            return context
    raise TaskError(
        f"No graphics library draws pictures here ({'; '.join(reasons)}). {_REMEDY}."
    )


def _forget(name: str, platform: str | None) -> None:
    """Undo the import of a library that does not work: the next needs another one."""
    if platform is None:
        os.environ.pop(_PLATFORM, None)
    for module in list(sys.modules):
        if module.partition(".")[0] == "OpenGL" or module.startswith(f"mujoco.{name}"):
            del sys.modules[module]
