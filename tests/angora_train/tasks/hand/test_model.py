# SPDX-License-Identifier: Apache-2.0
"""The hand is complete, in a known order, and its absence is explained."""

import shutil
import sys
from pathlib import Path
from typing import Any

import mujoco
import numpy as np
import pytest

from angora_train.errors import TaskError
from angora_train.tasks.hand import names
from angora_train.tasks.hand.model import (
    CubeScene,
    compose_cube_model,
    compose_reach_model,
    find_assets,
    named_ids,
    rest_state,
)


@pytest.fixture(scope="module")
def model() -> Any:
    return compose_reach_model()


@pytest.fixture(scope="module")
def cube_model() -> Any:
    return compose_cube_model()


def test_the_hand_has_the_parts_that_the_names_list(model: Any) -> None:
    assert (len(names.JOINTS), model.nq, model.nv) == (24, 24, 24)
    assert (len(names.ACTUATORS), model.nu) == (20, 20)
    assert len(names.COUPLED_JOINTS) == 4
    assert len(names.FINGERTIPS) == 5
    # Palm 8; ff, mf and rf 17 each; lf 18; th 15.
    assert len(set(names.TOUCH_SENSORS)) == 8 + 3 * 17 + 18 + 15 == 92


def test_the_model_orders_joints_and_actuators_as_the_names_do(model: Any) -> None:
    assert named_ids(model, "joint", names.JOINTS).tolist() == list(range(24))
    assert named_ids(model, "actuator", names.ACTUATORS).tolist() == list(range(20))


def test_every_actuator_drives_the_joint_of_its_name(model: Any) -> None:
    driven = [model.joint(int(i)).name for i in model.actuator_trnid[:, 0]]
    assert [name.replace("A_", "") for name in names.ACTUATORS] == driven
    assert set(names.JOINTS) - set(driven) == set(names.COUPLED_JOINTS)


def test_the_92_touch_sensors_are_touch_sensors_in_the_order_of_the_file(
    model: Any,
) -> None:
    sensors = named_ids(model, "sensor", names.TOUCH_SENSORS)
    kinds = {int(kind) for kind in model.sensor_type[sensors]}
    assert kinds == {int(mujoco.mjtSensor.mjSENS_TOUCH)}
    # 24 joint angles and the five coarse fingertip sensors come before them.
    assert sensors.tolist() == list(range(29, 121))


def test_touch_sensors_change_nothing_but_touch(model: Any) -> None:
    # The reaching scene as the package ships it has five touch sensors.
    plain = mujoco.MjModel.from_xml_path(str(find_assets() / "hand" / "reach.xml"))
    assert (plain.nsensor, model.nsensor) == (29, 121)
    worlds = [(m, rest_state(m)) for m in (plain, model)]
    for m, data in worlds:
        data.ctrl[:] = m.actuator_ctrlrange[:, 1]
        mujoco.mj_step(m, data, 50)
    np.testing.assert_array_equal(worlds[0][1].qpos, worlds[1][1].qpos)


def test_the_rest_posture_has_the_published_fingertips(model: Any) -> None:
    # Table "Starting State" of gymnasium-robotics' reaching task, to 1 cm:
    # forefinger (0.99, 0.80, 0.15), thumb (0.95, 0.84, 0.16).
    data = rest_state(model)
    tips = data.site_xpos[named_ids(model, "site", names.FINGERTIPS)]
    np.testing.assert_allclose(tips[0], [0.99, 0.80, 0.15], atol=0.005)
    np.testing.assert_allclose(tips[4], [0.95, 0.84, 0.16], atol=0.005)
    assert not data.qvel.any()


def test_an_unknown_part_is_named_with_its_neighbours(model: Any) -> None:
    with pytest.raises(TaskError, match=r"no site named.*Close.*robot0:S_fftip"):
        named_ids(model, "site", ["robot0:S_ffftip"])


def test_a_missing_package_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", [])
    monkeypatch.delitem(sys.modules, "gymnasium_robotics", raising=False)
    with pytest.raises(TaskError, match="pip install gymnasium-robotics"):
        find_assets()


@pytest.mark.parametrize(
    ("missing", "compose"),
    [
        ("stls/hand/palm.stl", compose_reach_model),
        ("hand/reach.xml", compose_reach_model),
        ("hand/shared_touch_sensors_92.xml", compose_reach_model),
        ("hand/manipulate_block_touch_sensors.xml", compose_cube_model),
        ("textures/block.png", compose_cube_model),
    ],
)
def test_a_missing_file_is_one_clear_error(
    tmp_path: Path, missing: str, compose: Any
) -> None:
    assets = tmp_path / "assets"
    shutil.copytree(find_assets() / "hand", assets / "hand")
    shutil.copytree(find_assets() / "stls" / "hand", assets / "stls" / "hand")
    shutil.copytree(find_assets() / "textures", assets / "textures")
    (assets / missing).unlink()
    with pytest.raises(TaskError, match=Path(missing).name) as caught:
        compose(assets=assets)
    assert "pip install" in str(caught.value)


def test_composing_leaves_the_installed_package_as_it_is() -> None:
    def stamps() -> dict[Path, int]:
        return {path: path.stat().st_mtime_ns for path in find_assets().rglob("*")}

    before = stamps()
    compose_reach_model()
    assert stamps() == before


def test_composing_does_not_import_the_package(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delitem(sys.modules, "gymnasium_robotics", raising=False)
    compose_reach_model()
    assert "gymnasium_robotics" not in sys.modules


# --- the cube -----------------------------------------------------------------------


def test_the_cube_comes_with_the_same_hand(model: Any, cube_model: Any) -> None:
    assert (cube_model.nq, cube_model.nv, cube_model.nu) == (24 + 7, 24 + 6, 20)
    joints = named_ids(cube_model, "joint", names.JOINTS)
    assert joints.tolist() == list(range(24))
    assert named_ids(cube_model, "actuator", names.ACTUATORS).tolist() == list(
        range(20)
    )
    sensors = named_ids(cube_model, "sensor", names.TOUCH_SENSORS)
    assert sensors.tolist() == list(range(29, 121))
    np.testing.assert_array_equal(
        cube_model.actuator_ctrlrange, model.actuator_ctrlrange
    )
    np.testing.assert_array_equal(cube_model.jnt_range[:24], model.jnt_range)


def test_the_cube_is_the_package_s(cube_model: Any) -> None:
    path = find_assets() / "hand" / "manipulate_block_touch_sensors.xml"
    package = mujoco.MjModel.from_xml_path(str(path))
    for cube in (cube_model.geom(names.CUBE), package.geom(names.CUBE)):
        np.testing.assert_array_equal(cube.size, 0.025)
        assert cube.condim == 4
    # 5 cm cubed at 567 kg/m3.
    assert cube_model.body(names.CUBE).mass == pytest.approx(0.05**3 * 567)
    assert package.body(names.CUBE).mass == pytest.approx(0.05**3 * 567)


def test_without_the_target_the_physics_is_the_package_s() -> None:
    path = find_assets() / "hand" / "manipulate_block_touch_sensors.xml"
    package = mujoco.MjModel.from_xml_path(str(path))
    ours = compose_cube_model(CubeScene(timestep_s=0.002))
    worlds = [(m, rest_state(m)) for m in (package, ours)]
    for m, data in worlds:
        data.ctrl[:] = m.actuator_ctrlrange.mean(axis=1)
        mujoco.mj_step(m, data, 200)
    np.testing.assert_allclose(
        worlds[0][1].qpos[:31], worlds[1][1].qpos, rtol=0, atol=1e-9
    )


def test_nothing_else_is_in_the_scene(cube_model: Any) -> None:
    bodies = [cube_model.body(i).name for i in range(cube_model.nbody)]
    assert [n for n in bodies if not n.startswith("robot0:")] == [
        "world",
        "floor0",
        names.CUBE,
    ]


def test_each_face_of_the_cube_has_a_colour_and_a_letter_of_its_own(
    cube_model: Any,
) -> None:
    material = int(cube_model.geom(names.CUBE).matid[0])
    texture = int(cube_model.mat_texid[material].max())
    assert texture >= 0
    height, width = cube_model.tex_height[texture], cube_model.tex_width[texture]
    assert height == 6 * width
    start = cube_model.tex_adr[texture]
    faces = cube_model.tex_data[start : start + 3 * height * width]
    faces = faces.reshape(6, width, width, 3).astype(int)
    colours = faces[:, 5, 5]  # in a corner there is no letter
    apart = np.abs(colours[:, None] - colours[None]).sum(axis=-1)
    assert apart[~np.eye(6, dtype=bool)].min() > 60
    is_letter = (np.abs(faces - colours[:, None, None]).sum(axis=-1) > 60).reshape(
        6, -1
    )
    assert (is_letter.mean(axis=1) > 0.1).all()
    overlap = (is_letter[:, None] == is_letter[None]).mean(axis=-1)
    assert overlap[~np.eye(6, dtype=bool)].max() < 0.95


@pytest.mark.parametrize("timestep_s", [0.008, 0.004, 0.002])
def test_the_physics_step_is_as_asked(timestep_s: float) -> None:
    assert (
        compose_cube_model(CubeScene(timestep_s=timestep_s)).opt.timestep == timestep_s
    )


def test_tilt_turns_gravity_towards_the_wrist() -> None:
    # Raised by 30 degrees, half of gravity pulls from the fingers to the wrist.
    model = compose_cube_model(CubeScene(tilt_deg=30))
    np.testing.assert_allclose(model.opt.gravity, [0, 9.81 / 2, -9.81 * np.sqrt(3) / 2])
    data = rest_state(model)
    wrist, tips = data.xpos[model.body(names.PALM).id], data.site("robot0:S_mftip").xpos
    assert tips[1] < wrist[1]


def test_a_firm_grip_holds_by_elliptic_cones(cube_model: Any) -> None:
    firm = compose_cube_model(CubeScene(grip="firm"))
    assert (cube_model.opt.cone, cube_model.opt.impratio) == (0, 1)
    assert (firm.opt.cone, firm.opt.impratio) == (1, 10)
