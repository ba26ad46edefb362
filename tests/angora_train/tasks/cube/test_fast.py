# SPDX-License-Identifier: Apache-2.0
"""Fast physics beside the default one."""

import mujoco
import numpy as np
import pytest

from angora_train.errors import TaskError
from angora_train.tasks import make_config, make_vector_task
from angora_train.tasks.cube.starts import Settling, settle
from angora_train.tasks.hand import fast
from angora_train.tasks.hand.model import CubeScene, compose_cube_model

pytestmark = pytest.mark.slow

NEEDS_MUJOCO_4 = pytest.mark.skipif(
    not hasattr(mujoco.mjtIntegrator, "mjINT_DISCRETE"), reason="needs MuJoCo 4"
)


def test_the_body_is_the_same_and_what_is_left_out_is_listed() -> None:
    slow, quick = (
        compose_cube_model(),
        compose_cube_model(CubeScene(physics_model="fast")),
    )
    for name in ("nq", "nv", "nu", "nbody", "ngeom", "nsensor"):
        assert getattr(slow, name) == getattr(quick, name), name
    for name in ("body_mass", "body_inertia", "jnt_range", "dof_damping"):
        np.testing.assert_array_equal(getattr(slow, name), getattr(quick, name))
    np.testing.assert_array_equal(slow.actuator_gainprm, quick.actuator_gainprm)
    kept = [quick.tendon(i).name for i in range(quick.ntendon)]
    assert kept == [f"robot0:T_{finger}J1c" for finger in ("FF", "MF", "RF", "LF")]
    assert slow.dof_frictionloss.max() > 0 == quick.dof_frictionloss.max()
    assert quick.geom("object").condim == 3 != slow.geom("object").condim
    assert quick.geom("robot0:C_ffdistal").condim == 4


def test_fast_steps_are_five_of_16_ms_unless_somebody_says_otherwise() -> None:
    config = make_config("ReorientCube", {"physics_model": "fast"})
    assert (config.timestep_s, config.n_substeps) == (0.016, 5)
    own = make_config("ReorientCube", {"physics_model": "fast", "timestep_s": 0.008})
    assert (own.timestep_s, own.n_substeps) == (0.008, 10)
    default = make_config("ReorientCube", {})
    assert (default.timestep_s, default.n_substeps) == (0.008, 10)
    with pytest.raises(TaskError, match="physics_model: fast"):
        make_config("ReorientCube", {"timestep_s": 0.016})


def test_an_older_mujoco_is_one_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fast.mujoco, "mjtIntegrator", object())
    with pytest.raises(TaskError, match="needs MuJoCo 4") as caught:
        compose_cube_model(CubeScene(physics_model="fast"))
    assert "pip install" in str(caught.value)


@pytest.mark.parametrize("tilt_deg", [0.0, 20.0])
def test_starts_settle_where_the_default_physics_has_them(tilt_deg: float) -> None:
    places = {
        model: settle(
            Settling(CubeScene(physics_model=model, timestep_s=step, tilt_deg=tilt_deg))
        )
        for model, step in (("default", 0.008), ("fast", 0.016))
    }
    # Time, then the joints: the cube's place is at 24 to 27 of them.
    means = {name: states[:, 25:28].mean(axis=0) for name, states in places.items()}
    np.testing.assert_allclose(means["fast"], means["default"], atol=0.006)
    assert len(places["fast"]) == 64


def test_a_cube_in_an_idle_hand_stays_as_it_does_in_the_default_physics() -> None:
    moved = {}
    for model in ("default", "fast"):
        task = make_vector_task(
            "ReorientCube", {"physics_model": model, "touch": False}, n_worlds=16
        )
        task.reset(seed=0)
        before = task.simulation.qpos[:, 24:27].copy()
        idle = np.zeros((16, 20), np.float32)
        for _ in range(25):  # 2 s, in which a hand holds what it holds
            *_, info = task.step(idle)
            assert not info["dropped"].any()
        moved[model] = np.linalg.norm(task.simulation.qpos[:, 24:27] - before, axis=1)
    assert np.median(moved["fast"]) < 2 * np.median(moved["default"]) + 0.001


def test_random_actions_drop_the_cube_about_as_seldom() -> None:
    drops = {}
    rng = np.random.default_rng(0)
    actions = ((rng.integers(0, 11, (150, 32, 20)) - 5) / 5).astype(np.float32)
    for model in ("default", "fast"):
        task = make_vector_task(
            "ReorientCube", {"physics_model": model, "touch": False}, n_worlds=32
        )
        task.reset(seed=0)
        drops[model] = 0
        for action in actions:
            *_, info = task.step(action)
            drops[model] += int(info["dropped"].sum())
        assert task.n_diverged == 0
    # About 2 in 1,000 steps, 10 in these 4,800, with a standard deviation of 3.
    assert drops["fast"] <= drops["default"] + 15
    assert drops["fast"] >= 1
