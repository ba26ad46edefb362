# SPDX-License-Identifier: Apache-2.0
"""Vision as pixels, and pictures of every task."""

import os
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import gymnasium
import mujoco
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env

from angora_train.errors import TaskError
from angora_train.tasks import make_config, make_task, make_vector_task, task_names
from angora_train.tasks.cube.orientation import about_axis, multiply
from angora_train.tasks.hand.names import CUBE
from angora_train.tasks.worlds.rendering import (
    Camera,
    Mark,
    Renderer,
    Style,
    default_camera,
)

_RGB = {"vision": {"kind": "rgb", "height_px": 64, "width_px": 80, "n_cameras": 2}}
_SMALL = Style(height_px=60, width_px=80)
_STILL = np.zeros((2, 20), np.float32)
_BALL = """
<mujoco>
  <visual><headlight ambient="1 1 1" diffuse="0 0 0" specular="0 0 0"/></visual>
  <worldbody>
    <body><joint name="lift" type="slide" axis="0 0 1"/>
      <geom name="ball" size="0.1" rgba="1 0 0 1"/></body>
  </worldbody>
</mujoco>
"""


@pytest.fixture(autouse=True)
def _needs_graphics() -> None:
    """Skip where there is truly no graphics library, as `make setup` would tell."""
    try:
        Renderer(mujoco.MjModel.from_xml_string(_BALL), _SMALL).close()
    except TaskError as error:
        pytest.skip(str(error))


@pytest.fixture
def ball() -> Iterator[tuple[Renderer, Any, Any]]:
    """A red ball of 10 cm at the origin, and who draws it."""
    model = mujoco.MjModel.from_xml_string(_BALL)
    data = mujoco.MjData(model)
    mujoco.mj_forward(model, data)
    renderer = Renderer(model, Style(height_px=100, width_px=100))
    yield renderer, model, data
    renderer.close()


def _turn(task: Any, world: int, angle_rad: float) -> None:
    """Turn the cube of a world about the vertical."""
    turn = about_axis(np.array([0.0, 0, 1]), angle_rad)
    qpos = task.simulation.qpos[world].copy()
    qpos[27:31] = multiply(turn, qpos[27:31])
    task.simulation.place(world, qpos, task.simulation.state(world))


# --- pictures -----------------------------------------------------------------------


def test_a_ball_takes_the_share_of_the_picture_that_optics_say(ball: Any) -> None:
    renderer, _, data = ball
    # From 1 m with a field of view of 45 degrees: a ball of 0.1 m spans
    # 2 asin(0.1) = 11.5 degrees; its radius is tan(5.74) / tan(22.5) of half the
    # picture, 0.2426 * 50 = 12.1 pixels: 462 pixels in all.
    (frame,) = renderer.draw(data, [Camera((0.0, 0, 0), 1.0)])
    red = (frame[..., 0] > 200) & (frame[..., 1] < 50)
    assert red.sum() == pytest.approx(462, rel=0.03)
    rows, columns = np.nonzero(red)
    assert rows.mean() == pytest.approx(49.5, abs=0.6)
    assert columns.mean() == pytest.approx(49.5, abs=0.6)


def test_row_zero_is_on_top(ball: Any) -> None:
    renderer, model, data = ball
    data.qpos[0] = 0.2
    mujoco.mj_forward(model, data)
    (frame,) = renderer.draw(data, [Camera((0.0, 0, 0), 1.0, elevation_deg=0.0)])
    rows, _ = np.nonzero(frame[..., 0] > 200)
    assert rows.mean() < 40


def test_marks_are_drawn_and_leave_the_world_alone(ball: Any) -> None:
    renderer, model, data = ball
    n_geoms, camera = model.ngeom, Camera((0.0, 0, 0), 1.0)
    green = Mark(np.array([0.3, 0.0, 0.0]), (0.0, 1.0, 0.0, 1.0), radius_m=0.05)
    likeness = Mark(
        np.array([-0.3, 0.0, 0.0]), (0.0, 0.0, 1.0, 1.0), likeness=model.geom("ball").id
    )
    (plain,) = renderer.draw(data, [camera])
    (marked,) = renderer.draw(data, [camera], [green, likeness])
    counts = [int((marked[..., i] > 200).sum()) for i in range(3)]
    assert model.ngeom == n_geoms
    # Half the radius is a quarter of the area; a likeness is as large as the ball.
    assert counts[1] == pytest.approx(counts[0] / 4, rel=0.1)
    assert counts[2] == pytest.approx(counts[0], rel=0.1)
    (again,) = renderer.draw(data, [camera])
    np.testing.assert_array_equal(again, plain)


def test_renderers_do_not_disturb_each_other(ball: Any) -> None:
    renderer, model, data = ball
    camera = default_camera(model)
    (before,) = renderer.draw(data, [camera])
    other = Renderer(model, _SMALL)
    other.draw(data, [camera])
    other.close()
    (after,) = renderer.draw(data, [camera])
    np.testing.assert_array_equal(before, after)


@pytest.mark.slow
@pytest.mark.parametrize("name", task_names())
def test_every_task_draws_itself_without_being_changed(name: str) -> None:
    drawn, other = (make_vector_task(name, n_worlds=2) for _ in range(2))
    for task in (drawn, other):
        task.reset(seed=0)
    frame = drawn.picture(1, _SMALL)
    assert (frame.shape, frame.dtype) == ((60, 80, 3), np.uint8)
    assert frame.std() > 10, "nothing is to be seen"
    one, *_ = drawn.step(_STILL)
    two, *_ = other.step(_STILL)
    for sensation, values in one.items():
        np.testing.assert_array_equal(values, two[sensation])
    drawn.close()


@pytest.mark.slow
def test_a_picture_shows_the_cube_and_its_goal() -> None:
    task: Any = make_vector_task("ReorientCube", n_worlds=2)
    task.reset(seed=0)
    before = task.picture(0)
    task._goals[0] = about_axis(np.array([1.0, 0, 0]), 1.0)
    goal_moved = (task.picture(0) != before).any(axis=2)
    _turn(task, 0, 0.5)
    cube_moved = (task.picture(0) != before).any(axis=2) & ~goal_moved
    # The goal is on the left, beside the hand; the cube in the middle.
    assert goal_moved.sum() > 500
    assert cube_moved.sum() > 500
    assert np.nonzero(goal_moved)[1].max() < np.nonzero(cube_moved)[1].min()


@pytest.mark.slow
def test_shadows_and_samples_are_off_unless_asked_for() -> None:
    task = make_vector_task("Reach")
    task.reset(seed=0)
    plain = task.picture(style=_SMALL)
    for better in (
        Style(height_px=60, width_px=80, shadows=True),
        Style(height_px=60, width_px=80, n_samples=4),
    ):
        assert (task.picture(style=better) != plain).any()
    np.testing.assert_array_equal(task.picture(style=_SMALL), plain)


@pytest.mark.slow
def test_render_gives_one_picture_a_world_and_none_without_a_mode() -> None:
    single = make_task("Reach", render_mode="rgb_array")
    single.reset(seed=0)
    frame = single.render()
    assert frame is not None
    assert frame.shape == (480, 640, 3)
    batch = make_vector_task("Reach", n_worlds=2)
    batch.reset(seed=0)
    assert batch.render() is None
    batch.render_mode = "rgb_array"
    frames = batch.render()
    assert frames is not None
    assert len(frames) == 2
    np.testing.assert_array_equal(frames[0], frame)


@pytest.mark.slow
def test_what_cannot_be_drawn_is_one_clear_error() -> None:
    task = make_vector_task("Reach", n_worlds=2)
    task.reset(seed=0)
    with pytest.raises(TaskError, match="no world 2, but 0 to 1"):
        task.picture(2)
    with pytest.raises(TaskError, match="0 x 640 pixels"):
        task.picture(0, Style(height_px=0))
    with pytest.raises(TaskError, match=r"'human'\. Modes: rgb_array"):
        make_task("Reach", render_mode="human")
    with pytest.raises(TaskError, match="render_mode: rgb_array"):
        make_vector_task("gym:CartPole-v1").picture()


# --- pixels as a sensation ----------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("name", ["Reach", "FreeReachSequence", "ReorientCube"])
def test_pixels_are_uint8_and_the_same_in_batch_and_single(name: str) -> None:
    batch = make_vector_task(name, {**_RGB, "episode_s": 0.24}, 2)
    single = make_task(name, **_RGB, episode_s=0.24)
    space = batch.single_observation_space["vision"]
    assert (space.shape, space.dtype) == ((64, 80, 6), np.uint8)
    assert single.observation_space["vision"] == space
    observation, _ = batch.reset(seed=0)
    alone, _ = single.reset(seed=0)
    rng = np.random.default_rng(0)
    n_ends = 0
    for _ in range(14):
        assert batch.observation_space.contains(observation)
        if "vision" in alone:
            np.testing.assert_array_equal(alone["vision"], observation["vision"][0])
        actions = rng.uniform(-1, 1, (2, 20)).astype(np.float32)
        observation, *_, info = batch.step(actions)
        alone, _, terminated, truncated, _ = single.step(actions[0])
        if terminated or truncated:
            n_ends += 1
            np.testing.assert_array_equal(
                alone["vision"], info["final_obs"]["vision"][0]
            )
            alone, _ = single.reset()
    assert n_ends >= 1
    batch.close()
    single.close()


@pytest.mark.slow
def test_pixels_differ_when_the_cube_turns_and_only_there() -> None:
    task: Any = make_vector_task("ReorientCube", _RGB, 2)
    before = task.reset(seed=0)[0]["vision"]
    assert len(np.unique(before)) > 20
    _turn(task, 0, 0.3)
    after = task._look(np.arange(2))["vision"]
    for camera in (slice(0, 3), slice(3, 6)):
        assert (after[0, ..., camera] != before[0, ..., camera]).sum() > 50
    np.testing.assert_array_equal(after[1], before[1])


@pytest.mark.slow
def test_pixels_show_no_goal() -> None:
    task: Any = make_vector_task("ReorientCube", _RGB, 1)
    before = task.reset(seed=0)[0]["vision"]
    task._goals[0] = about_axis(np.array([1.0, 0, 0]), 1.0)
    after = task._look(np.arange(1))["vision"]
    np.testing.assert_array_equal(after, before)


@pytest.mark.slow
def test_every_camera_sees_all_of_the_cube_in_the_hand() -> None:
    # With the cube gone, what it covered changes; none of that is at the border.
    config = {"vision": {"kind": "rgb", "n_cameras": 3}}
    task: Any = make_vector_task("ReorientCube", config, 1)
    before = task.reset(seed=0)[0]["vision"][0]
    assert before.shape == (84, 84, 9)
    cube = task.simulation.model.geom(CUBE).id
    task.simulation.model.geom_rgba[cube, 3] = 0.0
    after = task._look(np.arange(1))["vision"][0]
    for i in range(3):
        camera = slice(3 * i, 3 * i + 3)
        rows, columns = np.nonzero((after != before)[..., camera].any(axis=2))
        assert len(rows) > 60
        assert min(rows.min(), columns.min()) > 0
        assert max(rows.max(), columns.max()) < 83


@pytest.mark.slow
def test_a_hand_of_shapes_is_where_the_hand_of_meshes_is() -> None:
    masks = []
    for hand in ("meshes", "shapes"):
        config = {"vision": {"kind": "rgb", "hand": hand}}
        task: Any = make_vector_task("Reach", config, 1)
        masks.append(task.reset(seed=0)[0]["vision"][0].max(axis=2) > 0)
        task.close()
    overlap = (masks[0] & masks[1]).sum() / (masks[0] | masks[1]).sum()
    assert 0.6 < overlap < 1.0


@pytest.mark.slow
def test_a_larger_cube_looks_larger() -> None:
    seen = {}
    for size in (0.8, 1.2):
        settings = {**_RGB, "physics": {"size": [size, size]}}
        task: Any = make_vector_task("ReorientCube", settings, 1)
        whole = task.reset(seed=0)[0]["vision"][0]
        model = task.simulation.model_of(0)
        model.geom_rgba[model.geom(CUBE).id, 3] = 0.0
        without = task._look(np.arange(1))["vision"][0]
        seen[size] = (whole != without).any(axis=2).sum()
    assert seen[1.2] > 1.3 * seen[0.8]


@pytest.mark.slow
def test_pixels_can_lag_behind_but_have_no_noise() -> None:
    true = make_vector_task("ReorientCube", _RGB, 1)
    late = make_vector_task(
        "ReorientCube", {**_RGB, "sensing": {"vision": {"delay_steps": 2}}}, 1
    )
    rng = np.random.default_rng(0)
    actions = rng.uniform(-1, 1, (6, 1, 20)).astype(np.float32)
    seen = []
    for task in (true, late):
        frames = [task.reset(seed=0)[0]["vision"]]
        frames += [task.step(action)[0]["vision"] for action in actions]
        seen.append(np.stack(frames))
    assert seen[1].dtype == np.uint8
    np.testing.assert_array_equal(seen[1][2:], seen[0][:-2])
    np.testing.assert_array_equal(seen[1][:2], seen[0][[0, 0]])
    for wrong in ({"noise_std": 0.1}, {"dropout": 0.1}, {"form": "contact"}):
        with pytest.raises(TaskError, match="'vision' is made of pixels"):
            make_vector_task("ReorientCube", {**_RGB, "sensing": {"vision": wrong}})


@pytest.mark.slow
def test_a_world_that_diverges_shows_its_last_sound_picture(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    task: Any = make_vector_task("Reach", _RGB, 2)
    task.reset(seed=0)
    before = task.step(_STILL)[0]["vision"]
    task.simulation.data(1).qvel[0] = np.nan
    *_, truncated, info = task.step(_STILL)
    assert truncated.tolist() == [False, True]
    np.testing.assert_array_equal(info["final_obs"]["vision"][1], before[1])


@pytest.mark.slow
@pytest.mark.parametrize("name", ["Reach", "FreeReach", "ReorientCubeZ"])
def test_gymnasium_s_checker_finds_nothing_in_pixels(name: str) -> None:
    env = gymnasium.make(f"angora/{name}-v0", vision="rgb", render_mode="rgb_array")
    check_env(env.unwrapped)
    env.close()


@pytest.mark.slow
def test_gymnasium_makes_a_batch_that_is_rendered() -> None:
    batch = gymnasium.make_vec(
        "angora/Reach-v0",
        num_envs=2,
        vectorization_mode="vector_entry_point",
        render_mode="rgb_array",
    )
    batch.reset(seed=0)
    frames = batch.render()
    assert frames is not None
    assert [frame.shape for frame in frames] == [(480, 640, 3)] * 2
    batch.close()


# --- settings and graphics libraries ------------------------------------------------


def test_a_kind_of_vision_stands_for_the_whole() -> None:
    config: Any = make_config("Reach", {"vision": "rgb"})
    assert (config.vision.height_px, config.vision.n_cameras) == (84, 1)
    for wrong in ({"n_cameras": 4}, {"height_px": 8}, "rbg"):
        with pytest.raises(TaskError, match="vision"):
            make_config("Reach", {"vision": wrong})


_NO_LIBRARY = """
import ctypes
from angora_train.errors import TaskError
from angora_train.tasks import make_vector_task
class Refusing(ctypes.CDLL):
    def __init__(self, name, *args, **options):
        if "GL" in str(name) or "OSMesa" in str(name):
            raise OSError(f"{name}: cannot open shared object file")
        super().__init__(name, *args, **options)
ctypes.cdll = ctypes.LibraryLoader(Refusing)
task = make_vector_task("Reach")
task.reset(seed=0)
for _ in range(2):
    try:
        task.picture()
    except TaskError as error:
        print(error)
"""
_OTHERS = """
import sys
from angora_train.errors import TaskError
from angora_train.tasks import make_vector_task
assert not [name for name in sys.modules if name.startswith("OpenGL")]
try:
    make_vector_task("Reach", {"vision": "rgb"})
except TaskError as error:
    print(error)
"""


def _run(code: str, **environment: str) -> list[str]:
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "MUJOCO_GL": "", **environment},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.splitlines()


@pytest.mark.slow
def test_no_graphics_library_is_one_clear_error_that_names_packages() -> None:
    first, second = _run(_NO_LIBRARY)
    assert second.startswith("No graphics library draws pictures here (egl: ")
    assert first.startswith("No graphics library draws pictures here (egl: ")
    assert "osmesa: " in first
    assert "apt-get install libegl1" in first


@pytest.mark.slow
def test_pictures_can_be_switched_off() -> None:
    (said,) = _run(_OTHERS, MUJOCO_GL="off")
    assert said.startswith("Pictures are switched off")


@pytest.mark.slow
def test_no_graphics_library_is_loaded_before_the_first_picture() -> None:
    assert _run(_OTHERS) == []


_AFTER_TENSORFLOW = """
import keras, tensorflow
from angora_train.tasks import make_vector_task
task = make_vector_task("Reach", {"vision": "rgb"})
print(task.reset(seed=0)[0]["vision"].std() > 10)
"""
_BEFORE_TENSORFLOW = """
from angora_train.tasks import make_vector_task
task = make_vector_task("Reach")
task.reset(seed=0)
before = task.picture()
import keras
print(float(keras.ops.sum(keras.ops.ones((2, 3)))), (task.picture() == before).all())
"""


@pytest.mark.slow
def test_pictures_and_tensorflow_live_in_one_process() -> None:
    assert _run(_AFTER_TENSORFLOW) == ["True"]
    assert _run(_BEFORE_TENSORFLOW) == ["6.0 True"]


@pytest.mark.slow
def test_tensorflow_may_come_late_as_keras_on_jax_loads_it() -> None:
    late = _BEFORE_TENSORFLOW + "import tensorflow\n"
    assert _run(late, KERAS_BACKEND="jax") == ["6.0 True"]
