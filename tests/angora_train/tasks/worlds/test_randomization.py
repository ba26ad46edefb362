# SPDX-License-Identifier: Apache-2.0
"""Bodies that differ from world to world."""

from typing import Any

import mujoco
import numpy as np
import pytest

from angora_train.errors import TaskError
from angora_train.tasks import make_vector_task
from angora_train.tasks.worlds.randomization import Physics, PhysicsConfig
from angora_train.tasks.worlds.simulation import Simulation

_LIFT = """
<mujoco>
  <option timestep="0.002"/>
  <worldbody>
    <body><joint name="lift" type="slide" axis="0 0 1" damping="1"/>
      <geom size="0.1" mass="2"/></body>
  </worldbody>
  <actuator><motor name="push" joint="lift"/></actuator>
</mujoco>
"""


def _lifts(n_worlds: int, **ranges: Any) -> tuple[Simulation, list[Any]]:
    model = mujoco.MjModel.from_xml_string(_LIFT)
    simulation = Simulation(model, mujoco.MjData(model), n_worlds, n_substeps=10)
    models = simulation.individualize()
    physics = Physics(PhysicsConfig(**ranges), model, models)
    physics.seed(0)
    for world in range(n_worlds):
        physics.draw(world)
    return simulation, models


def test_a_heavier_body_needs_more_force_to_be_held() -> None:
    # Twice 2 kg: its weight is 39.24 N, half of it lets it fall with g / 2. Without
    # damping: v = -9.81 / 2 * 10 * 2 ms = -0.0981 m/s.
    simulation, _ = _lifts(2, mass=(2.0, 2.0), damping=(1e-9, 1e-9))
    simulation.step(np.array([[39.24], [19.62]]))
    np.testing.assert_allclose(simulation.qvel[:, 0], [0.0, -0.0981], atol=1e-9)


def test_factors_stay_in_their_ranges_and_differ_between_worlds() -> None:
    _, models = _lifts(
        200,
        mass=(0.5, 1.5),
        friction=(0.7, 1.3),
        damping=(0.3, 3.0),
        gain=(0.75, 1.5),
        gravity_std=0.4,
    )
    mass = np.array([model.body_mass[1] / 2 for model in models])
    friction = np.array([model.geom_friction[0, 0] for model in models])
    damping = np.array([model.dof_damping[0] for model in models])
    gain = np.array([model.actuator_gainprm[0, 0] for model in models])
    gravity = np.array([model.opt.gravity for model in models])
    for values, low, high in (
        (mass, 0.5, 1.5),
        (friction, 0.7, 1.3),
        (damping, 0.3, 3.0),
        (gain, 0.75, 1.5),
    ):
        assert low <= values.min() < values.max() <= high
        assert len(np.unique(values)) == 200
    # Even: mean 1, standard error 1 / sqrt(12 * 200) = 0.02.
    assert mass.mean() == pytest.approx(1.0, abs=0.09)
    # Even in the logarithm from -ln(10/3) to ln(3): mean ln(0.9) / 2 = -0.05,
    # standard error 2.3 / sqrt(12 * 200) = 0.047.
    assert np.log(damping).mean() == pytest.approx(-0.05, abs=0.19)
    # 200 draws: standard error 0.4 / sqrt(400) = 0.02.
    assert gravity.std(axis=0) == pytest.approx([0.4] * 3, abs=0.08)
    assert gravity.mean(axis=0) == pytest.approx([0, 0, -9.81], abs=0.12)


def test_inertia_follows_mass() -> None:
    # A sphere: 2/5 m r^2 = 0.4 * 2 kg * 0.01 m2 = 0.008 kg m2, and twice that.
    _, models = _lifts(1, mass=(2.0, 2.0))
    assert models[0].body_inertia[1] == pytest.approx([0.016] * 3)
    # What MuJoCo derives from masses is derived anew.
    assert models[0].body_subtreemass[0] == pytest.approx(4.0)
    assert models[0].dof_invweight0[0] == pytest.approx(0.25)


def test_the_original_stays_as_it_is() -> None:
    simulation, _ = _lifts(2, mass=(2.0, 2.0))
    assert simulation.model.body_mass[1] == 2.0


def test_factors_of_one_change_no_bit_of_a_hand() -> None:
    runs = []
    for physics in ({}, {"friction": [1.0, 1.0], "gravity_std": 1e-300}):
        task = make_vector_task("Reach", {"physics": physics}, n_worlds=2)
        task.reset(seed=0)
        rng = np.random.default_rng(0)
        for _ in range(20):
            actions = rng.uniform(-1, 1, (2, 20)).astype(np.float32)
            observation, *_ = task.step(actions)
        runs.append(observation)
    for name, values in runs[0].items():
        np.testing.assert_array_equal(values, runs[1][name])


def test_bodies_are_drawn_anew_at_every_episode() -> None:
    settings = {"physics": {"mass": [0.5, 1.5]}, "episode_s": 0.04}
    task = make_vector_task("Reach", settings, n_worlds=2)
    task.reset(seed=0)
    masses = []
    for _ in range(4):
        masses.append([model.body_mass[5] for model in task._physics._models])
        task.step(np.zeros((2, 20), np.float32))
    # Two steps an episode.
    assert masses[0] == masses[1] != masses[2] == masses[3]
    assert masses[0][0] != masses[0][1]


def test_ranges_that_make_no_sense_are_refused() -> None:
    for mass in ([1.5, 0.5], [0.0, 1.0]):
        with pytest.raises(TaskError, match=r"physics\.mass': .*positive and in order"):
            make_vector_task("Reach", {"physics": {"mass": mass}})


def test_a_muscle_s_gain_is_refused() -> None:
    muscle = _LIFT.replace(
        '<motor name="push" joint="lift"/>',
        '<muscle name="biceps" joint="lift" lengthrange="0 1"/>',
    )
    model = mujoco.MjModel.from_xml_string(muscle)
    with pytest.raises(TaskError, match="'biceps' is no motor"):
        Physics(PhysicsConfig(gain=(0.5, 2.0)), model, [model])


_DROP = """
<mujoco>
  <option timestep="0.002"/>
  <worldbody>
    <geom name="floor" type="plane" size="1 1 0.1"/>
    <body name="box" pos="0 0 0.3"><freejoint/>
      <geom name="box" type="box" size="0.1 0.1 0.1" mass="2"/>
      <site name="corner" pos="0.1 0.1 0.1"/></body>
  </worldbody>
</mujoco>
"""


def _drops(xml: str = _DROP, **ranges: Any) -> tuple[Simulation, list[Any]]:
    model = mujoco.MjModel.from_xml_string(xml)
    simulation = Simulation(model, mujoco.MjData(model), 1, n_substeps=500)
    models = simulation.individualize()
    physics = Physics(PhysicsConfig(**ranges), model, models)
    physics.seed(0)
    physics.draw(0)
    return simulation, models


def test_a_larger_object_comes_to_rest_higher() -> None:
    # A box of half a side's length 0.1 m, made half as large again: its centre rests
    # at 0.15 m, less what the soft floor gives way (1e-4 m). It moves as if it had been
    # written so: mass 2 kg as before, inertia 2/3 m a^2 = 0.03 kg m2.
    simulation, (model,) = _drops(size=(1.5, 1.5))
    for _ in range(3):
        simulation.step(np.zeros((1, 0)))
    assert simulation.qpos[0, 2] == pytest.approx(0.15, abs=3e-4)
    assert model.body_mass[1] == 2.0
    assert model.body_inertia[1] == pytest.approx([0.03] * 3)
    assert model.geom("box").rbound == pytest.approx(0.15 * np.sqrt(3))
    assert model.site("corner").pos == pytest.approx([0.15] * 3)
    assert model.geom("floor").size == pytest.approx([1, 1, 0.1])


def test_a_resized_object_is_as_if_it_had_been_written_so() -> None:
    resized, (model,) = _drops(size=(1.5, 1.5))
    written, (other,) = _drops(
        _DROP.replace("0.1 0.1 0.1", "0.15 0.15 0.15"), mass=(1.0, 1.0 + 1e-15)
    )
    for field in ("body_inertia", "geom_rbound", "geom_aabb", "bvh_aabb", "geom_size"):
        np.testing.assert_allclose(
            getattr(model, field), getattr(other, field), atol=1e-12, err_msg=field
        )
    for simulation in (resized, written):
        simulation.step(np.zeros((1, 0)))
    np.testing.assert_allclose(resized.qpos, written.qpos, atol=1e-9)


@pytest.mark.slow
def test_the_cube_s_size_differs_and_nothing_else_does() -> None:
    physics = {"mass": [0.5, 1.5], "size": [0.95, 1.05]}
    task: Any = make_vector_task("ReorientCube", {"physics": physics}, n_worlds=4)
    other: Any = make_vector_task(
        "ReorientCube", {"physics": {"mass": [0.5, 1.5]}}, n_worlds=4
    )
    for each in (task, other):
        each.reset(seed=0)
    sizes = []
    for world in range(4):
        model, plain = (each.simulation.model_of(world) for each in (task, other))
        cube = model.geom("object").id
        sizes.append(model.geom_size[cube, 0] / 0.025)
        np.testing.assert_array_equal(model.body_mass, plain.body_mass)
        hand = np.arange(model.ngeom) != cube
        np.testing.assert_array_equal(model.geom_size[hand], plain.geom_size[hand])
    assert 0.95 <= min(sizes) < max(sizes) <= 1.05
    assert len(set(sizes)) == 4


@pytest.mark.slow
def test_a_cube_that_has_grown_stays_in_the_hand() -> None:
    settings = {"physics": {"size": [1.05, 1.05]}}
    task: Any = make_vector_task("ReorientCube", settings, n_worlds=16)
    task.reset(seed=0)
    held = np.stack([task.simulation.data(w).ctrl.copy() for w in range(16)])
    before = task.simulation.qpos[:, 24:27].copy()
    for _ in range(5):
        assert not task.simulation.step(held).any()
    moved_m = np.linalg.norm(task.simulation.qpos[:, 24:27] - before, axis=1)
    assert np.median(moved_m) < 0.004


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("<freejoint/>", "<joint type='slide'/>"), "no object that moves freely"),
        (
            ("<site", '<body><joint/><geom size="0.1"/></body><site'),
            "'box' is a mesh or has moving parts",
        ),
    ],
)
def test_objects_that_cannot_be_resized_are_refused(
    change: tuple[str, str], message: str
) -> None:
    with pytest.raises(TaskError, match=message):
        _drops(_DROP.replace(*change), size=(0.9, 1.1))
