# SPDX-License-Identifier: Apache-2.0
"""The hand's MuJoCo model, composed from the files of gymnasium-robotics.

The files (Apache-2.0: OpenAI, Shadow Robot Company, V. Kumar; their licence lies
beside them) are read where the package is installed, and nothing is written there.
The package itself is not imported: its environments do not run with MuJoCo 3.12 and
later, while its model files do.

The reaching scene of the package has five touch sensors. Here the same hand comes
with the 92 of the package's touch variants; joints, masses, contacts and actuators
are the same. Of the package's scene with a block, the cube stays, with a colour and a
letter on each face; the second block that shows the goal, and the one hidden inside
the cube, are left out: the goal is a number, and the hand has the cube to itself.
"""

import importlib.util
import xml.etree.ElementTree as ET
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import mujoco
import numpy as np
from numpy.typing import NDArray

from angora_train.errors import TaskError, closest
from angora_train.tasks.hand.fast import PhysicsModel, lighten, quicken, require_fast
from angora_train.tasks.hand.names import JOINTS, REST_ANGLES_RAD

__all__ = [
    "CubeScene",
    "Grip",
    "compose_cube_model",
    "compose_reach_model",
    "find_assets",
    "named_ids",
    "rest_state",
]

_REMEDY = "Install it again: pip install --force-reinstall --no-deps gymnasium-robotics"
_TOUCH_BODY = "robot_touch_sensors_92.xml"
_TOUCH_SENSORS = "shared_touch_sensors_92.xml"
_FOREARMS = {"robot0:V_forearm": 2, "robot0:C_forearm": 5}
"""Groups of the forearm's geoms, apart from those of the hand: two fifths of all that
is to be drawn are the forearm's, and the hand's vision goes without."""

_SHAPES_GROUP = 4
_SHAPES_RGBA = (0.7, 0.72, 0.75, 1.0)
"""Colour of the shapes with which the hand touches things, of which some are
translucent in the package."""

_LIGHT_SHARE = 0.4
"""Share of the scene's light that is left: all of it makes the white hand flat."""

_SKY_RGB = (72, 78, 88)
"""Colour of the background, instead of the package's green."""

Grip = Literal["soft", "firm"]
"""``soft``: friction as in the package's scene (pyramidal cones, as stiff as the
contact's normal force), where a cube that is held creeps by most of a millimetre a
second. ``firm``: elliptic cones and friction ten times as stiff; it creeps by a fifth
of that, for 3 % more time a step."""

_FIRM_IMPRATIO = 10.0
_GRAVITY = 9.81  # m/s2, MuJoCo's default


def find_assets() -> Path:
    """Find the model files of the installed gymnasium-robotics.

    Returns
    -------
    Path
        Folder that holds ``hand/``, ``stls/`` and ``textures/``.

    Raises
    ------
    TaskError
        If the package is not installed.
    """
    spec = importlib.util.find_spec("gymnasium_robotics")
    if spec is None or spec.origin is None:
        raise TaskError(
            "The model files of the Shadow Hand come with the package "
            "gymnasium-robotics, which is not installed. "
            "Install it: pip install gymnasium-robotics"
        )
    return Path(spec.origin).parent / "envs" / "assets"


def compose_reach_model(assets: Path | None = None) -> Any:
    """Compose the hand above a floor, with 92 touch sensors.

    Parameters
    ----------
    assets : Path, optional
        Folder of the model files; by default that of the installed
        gymnasium-robotics.

    Returns
    -------
    mujoco.MjModel
        24 joints, 20 position actuators, 2 ms steps, 121 sensors of which the
        last 92 are the touch sensors.

    Raises
    ------
    TaskError
        If the package, a model file or a mesh is missing or broken.
    """
    assets = find_assets() if assets is None else assets
    scene = _read_scene(assets / "hand" / "reach.xml")
    for include in scene.iter("include"):
        if include.get("file") == "robot.xml":
            include.set("file", _TOUCH_BODY)
    ET.SubElement(scene, "include", file=_TOUCH_SENSORS)
    return _compile(scene, assets)


@dataclass(frozen=True, slots=True)
class CubeScene:
    """The hand, palm up, with a cube: what may be chosen about them."""

    timestep_s: float = 0.008
    """Physics step, s. The package's own is 2 ms; Andrychowicz et al. 2020
    (arXiv:1808.00177) train with 8 ms."""

    tilt_deg: float = 0.0
    """How far the fingers are raised, degrees. It is gravity that turns, about the line
    across the palm, so that the frame of the world stays with the hand."""

    grip: Grip = "soft"
    """How friction holds; see `Grip`."""

    physics_model: PhysicsModel = "default"
    """What is simulated of the hand, and how; see `PhysicsModel`. The step stays
    `timestep_s`."""


_USUAL = CubeScene()


def compose_cube_model(chosen: CubeScene = _USUAL, assets: Path | None = None) -> Any:
    """Compose the hand, palm up, with a cube and 92 touch sensors.

    Parameters
    ----------
    chosen : CubeScene, optional
        What is chosen about them.
    assets : Path, optional
        Folder of the model files; by default that of the installed
        gymnasium-robotics.

    Returns
    -------
    mujoco.MjModel
        The hand's 24 joints and 20 position actuators, then the cube's free joint
        (31 positions, 30 velocities); 121 sensors of which the last 92 are the touch
        sensors. The cube measures 5 cm and weighs 71 g.

    Raises
    ------
    TaskError
        If the package, a model file or a mesh is missing or broken, or MuJoCo is too
        old for the fast model.
    """
    is_fast = chosen.physics_model == "fast"
    if is_fast:
        require_fast()
    assets = find_assets() if assets is None else assets
    scene = _read_scene(assets / "hand" / "manipulate_block_touch_sensors.xml")
    _drop(scene, "body", "target")
    _drop(scene, "geom", "object_hidden")
    for name in ("target", "hidden"):
        _drop(scene, "material", f"material:{name}")
    _drop(scene, "texture", "texture:hidden")
    # In the package's scene the touch sensors come first; here, as for reaching, last.
    _drop(scene, "include", _TOUCH_SENSORS)
    ET.SubElement(scene, "include", file=_TOUCH_SENSORS)
    model = _compile(scene, assets, lighten if is_fast else None)
    if is_fast:
        quicken(model)
    model.opt.timestep = chosen.timestep_s
    # The fingers point along -y, so raising them lets things slide towards +y.
    tilt_rad = np.deg2rad(chosen.tilt_deg)
    model.opt.gravity[:] = _GRAVITY * np.array(
        [0.0, np.sin(tilt_rad), -np.cos(tilt_rad)]
    )
    if chosen.grip == "firm":
        model.opt.cone = mujoco.mjtCone.mjCONE_ELLIPTIC
        model.opt.impratio = _FIRM_IMPRATIO
    return model


def _drop(scene: ET.Element, tag: str, name: str) -> None:
    """Take an element out of a scene, by its name or its file."""
    for parent in scene.iter():
        for child in parent.findall(tag):
            if name in (child.get("name"), child.get("file")):
                parent.remove(child)


def _compile(
    scene: ET.Element, assets: Path, change: Callable[[Any], None] | None = None
) -> Any:
    """Compile a scene whose files lie in a folder, or say what to do."""
    compiler = scene.find("compiler")
    if compiler is not None:
        compiler.set("meshdir", str(assets / "stls" / "hand"))
        compiler.set("texturedir", str(assets / "textures"))
    for include in scene.iter("include"):
        include.set("file", str(assets / "hand" / include.get("file", "")))
    try:
        text = ET.tostring(scene, encoding="unicode")
        if change is None:
            model = mujoco.MjModel.from_xml_string(text)
        else:
            specification = mujoco.MjSpec.from_string(text)
            change(specification)
            model = specification.compile()
    except ValueError as error:
        raise TaskError(
            f"The model files of the Shadow Hand in {assets} do not load: {error}. "
            f"A file is missing or broken. {_REMEDY}"
        ) from error
    _set_looks(model)
    return model


def _set_looks(model: Any) -> None:
    """Change what pictures show, and nothing that moves."""
    model.light_diffuse[:] *= _LIGHT_SHARE
    model.vis.headlight.diffuse[:] *= _LIGHT_SHARE
    for name, group in _FOREARMS.items():
        model.geom_group[named_ids(model, "geom", [name])] = group
    model.geom_rgba[model.geom_group == _SHAPES_GROUP] = _SHAPES_RGBA
    skies = np.flatnonzero(model.tex_type == int(mujoco.mjtTexture.mjTEXTURE_SKYBOX))
    for sky in skies:
        start, n = model.tex_adr[sky], model.tex_width[sky] * model.tex_height[sky]
        model.tex_data[start : start + 3 * n] = np.tile(_SKY_RGB, n)


def named_ids(model: Any, kind: str, names: Sequence[str]) -> NDArray[np.int64]:
    """Look up elements of a model by name.

    Parameters
    ----------
    model : mujoco.MjModel
        Compiled model.
    kind : {"actuator", "body", "geom", "joint", "sensor", "site"}
        What is named.
    names : sequence of str
        Names, in the order wanted.

    Returns
    -------
    ndarray of int64, shape (len(names),)
        Index of each element in the model's arrays of that kind.

    Raises
    ------
    TaskError
        If the model has no element of a name.
    """
    n = getattr(model, {"actuator": "nu", "joint": "njnt"}.get(kind, f"n{kind}"))
    ids = {getattr(model, kind)(i).name: i for i in range(n)}
    for name in names:
        if name not in ids:
            hint = closest(name, ids)
            raise TaskError(f"The model has no {kind} named '{name}'.{hint}")
    return np.array([ids[name] for name in names], np.int64)


def rest_state(model: Any) -> Any:
    """Put the hand in its rest posture, without motion.

    Parameters
    ----------
    model : mujoco.MjModel
        A model with the joints of the hand.

    Returns
    -------
    mujoco.MjData
        Joint angles of `REST_ANGLES_RAD`, velocities zero, each actuator asked for
        the angle its joint has; everything that follows from them is computed.
    """
    data = mujoco.MjData(model)
    joints = named_ids(model, "joint", JOINTS)
    data.qpos[model.jnt_qposadr[joints]] = [REST_ANGLES_RAD[name] for name in JOINTS]
    actuated = model.jnt_qposadr[model.actuator_trnid[:, 0]]
    data.ctrl[:] = np.clip(data.qpos[actuated], *model.actuator_ctrlrange.T)
    mujoco.mj_forward(model, data)
    return data


def _read_scene(path: Path) -> ET.Element:
    """Parse a scene, or say what to do."""
    try:
        return ET.parse(path).getroot()
    except (OSError, ET.ParseError) as error:
        raise TaskError(
            f"The Shadow Hand's scene {path} cannot be read: {error}. {_REMEDY}"
        ) from error
