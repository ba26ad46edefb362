# SPDX-License-Identifier: Apache-2.0
"""Worlds that are saved go on exactly where they were, however imperfect they are."""

import copy
import pickle
from collections.abc import Callable
from typing import Any, ClassVar

import mujoco
import numpy as np
import pytest

from angora_train.errors import CheckpointError, TaskError
from angora_train.tasks import make_task, make_vector_task, task_names, variant_of
from angora_train.tasks.base import TaskConfig, VectorTask, Verdict
from angora_train.tasks.saving import restore_worlds, save_worlds
from angora_train.tasks.worlds.memory import flattened, nested
from angora_train.tasks.worlds.simulation import Simulation

TASKS = [name for name in task_names() if variant_of(name) is None]
ADAPTED = ["Acrobot-v1", "CartPole-v1", "MountainCarContinuous-v0", "Pendulum-v1"]
N_BEFORE, N_AFTER = 7, 6


def everything(name: str, n_worlds: int = 3) -> dict[str, Any]:
    """Settings with all that a world can remember; a delay as long as its worlds."""
    has_cube = "Cube" in name
    settings: dict[str, Any] = {
        "control": {"mode": "relative", "new_share": 0.5},
        "start_noise_rad": 0.02,
        "sensing": {
            "touch": {"delay_steps": n_worlds - 1, "dropout": 0.3, "form": "log"},
            "proprioception": {"delay_steps": 2, "noise_std": 0.1},
            "vision": {"noise_std": 0.01, "delay_steps": 1},
            "goal": {"dropout": 0.5},
        },
        "physics": {
            "mass": [0.5, 1.5],
            "friction": [0.7, 1.3],
            "damping": [0.3, 3.0],
            "gain": [0.75, 1.5],
            "gravity_std": 0.4,
        },
        "pulses": {
            "body": "object" if has_cube else "robot0:thdistal",
            "probability": 0.5,
        },
        "rewards": {"success": {"from": 1.0, "to": 3.0}},
        "episode_s": 0.4 if has_cube else 0.1,
    }
    if has_cube:
        settings |= {"n_starts": 2, "goal_s": 0.24, "success_rad": 2.5}
        settings["physics"]["size"] = [0.9, 1.1]
        settings["rewards"] |= {"energy": -0.001, "offset": -1.0, "action": -0.01}
    else:
        settings["rewards"]["success_distance_m"] = 0.13  # reached now and then
        settings["target_fingers"] = ["ff", "rf"]
    if "Sequence" in name:
        stays = name == "ReachSequence"
        settings["sequence"] = {"target_s": 0.06, "advances_on_reach": not stays}
    return settings


PLAIN: dict[str, Any] = {}
ALONE: dict[str, dict[str, Any]] = {
    "plain": PLAIN,
    "smoothed": {"control": {"mode": "absolute", "new_share": 0.3}},
    "senses": {"sensing": {"touch": {"delay_steps": 3, "dropout": 0.2}}},
    "bodies": {"physics": {"mass": [0.5, 1.5], "gravity_std": 0.5}},
    "no touch": {"touch": False},
}


def actions_of(task: Any, n_steps: int) -> np.ndarray:
    """Actions that are the same in the same world, whatever batch it is in."""
    worlds = range(task.first_world, task.first_world + task.num_envs)
    width = task.single_action_space.shape
    drawn = [
        np.random.default_rng(world).uniform(-1, 1, (n_steps, *width))
        for world in worlds
    ]
    return np.stack(drawn, axis=1).astype(np.float32)


def steps(task: Any, actions: np.ndarray) -> list[dict[str, np.ndarray]]:
    """Step a task; return all that it gave, by name."""
    given = []
    for action in actions:
        observation, reward, terminated, truncated, info = task.step(action)
        final = info.pop("final_obs", {})
        ends = {"reward": reward, "terminated": terminated, "truncated": truncated}
        given.append(
            {
                **observation,
                **ends,
                **info,
                **{f"final {k}": x for k, x in final.items()},
            }
        )
    return given


def assert_same(one: list[Any], other: list[Any], rows: slice = slice(None)) -> None:
    for a, b in zip(one, other, strict=True):
        for name, values in b.items():
            if not name.startswith(("final", "_final")):
                np.testing.assert_array_equal(a[name][rows], values, err_msg=name)
        ended = b.get("_final_obs", np.zeros(0, bool))
        for name in [name for name in b if name.startswith("final")]:
            np.testing.assert_array_equal(a[name][rows][ended], b[name][ended], name)


def played(name: str, settings: dict[str, Any], n_worlds: int, seed: int = 5) -> Any:
    """A task in the middle of its episodes."""
    task = make_vector_task(name, settings, n_worlds=n_worlds)
    task.reset(seed=seed)
    task.set_progress(0.37)
    steps(task, actions_of(task, N_BEFORE))
    return task


def assert_goes_on(name: str, settings: dict[str, Any], n_worlds: int) -> None:
    """Save worlds, restore them in others, and compare all that follows."""
    task = played(name, settings, n_worlds)
    saved = save_worlds(task)
    assert saved is not None
    actions = actions_of(task, N_BEFORE + N_AFTER)[N_BEFORE:]
    expected = steps(task, actions)
    never_reset = make_vector_task(name, settings, n_worlds=n_worlds)
    elsewhere = played(name, settings, n_worlds, seed=99)
    for other in (never_reset, elsewhere):
        restore_worlds(other, saved)
        assert_same(expected, steps(other, actions))
    ended = save_worlds(task)
    assert ended is not None
    again = save_worlds(elsewhere)
    assert again is not None
    assert ended.keys() == again.keys()
    for path, x in ended.items():
        np.testing.assert_array_equal(x, again[path], err_msg=path)


@pytest.mark.slow
@pytest.mark.parametrize("name", TASKS)
def test_saved_worlds_go_on_bit_for_bit_whatever_their_number(name: str) -> None:
    for n_worlds in range(1, 9):
        assert_goes_on(name, everything(name, n_worlds), n_worlds)


@pytest.mark.slow
@pytest.mark.parametrize("name", TASKS)
@pytest.mark.parametrize("settings", ALONE.values(), ids=ALONE)
def test_saved_worlds_go_on_with_each_imperfection_alone(
    name: str, settings: dict[str, Any]
) -> None:
    short = {"episode_s": 0.1 if "Reach" in name else 0.4, **settings}
    short |= {"n_starts": 2} if "Cube" in name else {}
    for n_worlds in (1, 4):  # four is the delay and one
        assert_goes_on(name, short, n_worlds)


@pytest.mark.parametrize("hidden", [(), "velocity"])
@pytest.mark.parametrize("name", ADAPTED)
def test_worlds_of_classic_control_go_on_bit_for_bit(name: str, hidden: Any) -> None:
    sensing = {"proprioception": {"delay_steps": 2, "noise_std": 0.1}}
    for episode in (4, 100):  # in the first or in the middle of an episode
        settings = {
            "hidden": hidden if "Continuous" not in name else (),
            "max_episode_steps": episode,
            "sensing": sensing,
        }
        assert_goes_on(f"gym:{name}", settings, 3)


@pytest.mark.slow
def test_seen_pixels_are_saved() -> None:
    vision = {"kind": "rgb", "height_px": 16, "width_px": 16, "hand": "shapes"}
    sensing = {"vision": {"delay_steps": 2}}
    settings = {"vision": vision, "sensing": sensing, "episode_s": 0.1}
    try:
        make_vector_task("Reach", settings).close()
    except TaskError as error:
        pytest.skip(str(error))
    assert_goes_on("Reach", settings, 3)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["ReachSequence", "ReorientCube"])
def test_worlds_can_be_divided_among_ranks_and_joined(name: str) -> None:
    n_worlds = 6
    settings = everything(name, n_worlds)
    whole = played(name, settings, n_worlds)
    saved = save_worlds(whole)
    assert saved is not None
    actions = actions_of(whole, N_BEFORE + N_AFTER)[N_BEFORE:]
    expected = steps(whole, actions)
    joined = save_worlds(whole)
    assert joined is not None
    for shares in ((2, 4), (1, 2, 3)):
        parts, first = [], 0
        for share in shares:
            rows = slice(first, first + share)
            part = make_vector_task(name, settings, share, first_world=first)
            restore_worlds(part, {path: x[rows] for path, x in saved.items()})
            assert_same(expected, steps(part, actions[:, rows]), rows)
            parts.append(save_worlds(part))
            first += share
        for path, x in joined.items():
            again = np.concatenate([part[path] for part in parts if part is not None])
            np.testing.assert_array_equal(x, again, err_msg=path)


def test_worlds_of_another_task_or_other_settings_are_refused() -> None:
    saved = save_worlds(played("Reach", {}, 2))
    assert saved is not None
    with pytest.raises(CheckpointError, match=r"of another task|other settings"):
        restore_worlds(make_vector_task("FreeReach", n_worlds=2), saved)
    with pytest.raises(CheckpointError, match=r"another body or .* other settings"):
        restore_worlds(make_vector_task("Reach", n_worlds=3), saved)
    with pytest.raises(CheckpointError, match=r"another body or .* other settings"):
        restore_worlds(make_vector_task("Reach", n_worlds=2), {})
    noisy = {"sensing": {"touch": {"noise_std": 0.1}}}
    with pytest.raises(CheckpointError, match=r"'Channel/shown' .* nothing"):
        restore_worlds(make_vector_task("Reach", noisy, n_worlds=2), saved)
    with pytest.raises(TaskError, match="not reset"):
        save_worlds(make_vector_task("Reach", n_worlds=2))


def test_an_environment_whose_state_is_out_of_reach_is_not_saved() -> None:
    task = make_vector_task("gym:InvertedPendulum-v5", n_worlds=2)
    task.reset(seed=0)
    assert save_worlds(task) is None
    assert task.unsaved == "the state of InvertedPendulum-v5 is out of reach"


ARM = """
<mujoco>
  <worldbody>
    <body>
      <joint name="hinge" axis="0 0 1" range="-90 90"/>
      <geom type="capsule" size="0.02" fromto="0 0 0 0.3 0 0"/>
    </body>
  </worldbody>
  <actuator>
    <muscle joint="hinge" ctrlrange="0 1" lengthrange="-2 2"/>
  </actuator>
</mujoco>
"""


class Hinge(VectorTask):
    """A joint with a muscle that is to turn to one side: as a user would write it."""

    remembers: ClassVar[tuple[str, ...]] = ("_side",)

    def __init__(
        self,
        config: TaskConfig | None = None,
        n_worlds: int = 1,
        *,
        first_world: int = 0,
        n_threads: int = 1,
    ) -> None:
        model = mujoco.MjModel.from_xml_string(ARM)
        start = mujoco.MjData(model)
        mujoco.mj_forward(model, start)
        super().__init__(
            config or TaskConfig(episode_s=0.1),
            Simulation(model, start, n_worlds, n_substeps=10, n_threads=n_threads),
            {"proprioception": 2},
            first_world=first_world,
        )
        self._side = np.zeros(n_worlds)
        self._table = np.arange(5.0)

    def _start(self, world: int, rng: np.random.Generator) -> None:
        self._side[world] = rng.normal()

    def _sense(self) -> dict[str, np.ndarray]:
        angle = self.simulation.qpos[:, 0]
        return {"proprioception": np.stack([angle, self._side], 1).astype(np.float32)}

    def _judge(self) -> Verdict:
        angle = self.simulation.qpos[:, 0]
        none = np.zeros(self.num_envs, np.bool_)
        facts = {"success": none, "distance_m": angle.copy(), "goal_kind": none * 0}
        return Verdict({"side": angle * self._side}, facts, none)


class Silent(Hinge):
    """May add anything, and says nothing of it."""


class Wrong(Hinge):
    remembers: ClassVar[tuple[str, ...]] = ("_table",)


class Misspelt(Hinge):
    remembers: ClassVar[tuple[str, ...]] = ("_sides",)


class ByHand(Hinge):
    """Changes models by itself, and says how."""

    def _start(self, world: int, rng: np.random.Generator) -> None:
        super()._start(world, rng)
        if not self.simulation.is_individual:
            self.simulation.individualize()
        self.simulation.model_of(world).opt.gravity[0] = rng.normal()

    def save_worlds(self) -> dict[str, Any]:
        models = [self.simulation.model_of(world) for world in range(self.num_envs)]
        gravity = np.array([model.opt.gravity[0] for model in models])
        return {**super().save_worlds(), "gravity": gravity}

    def restore_worlds(self, saved: dict[str, Any]) -> None:
        saved = dict(saved)
        gravity = saved.pop("gravity")
        if not self.simulation.is_individual:
            self.simulation.individualize()
        for world in range(self.num_envs):
            self.simulation.model_of(world).opt.gravity[0] = gravity[world]
        super().restore_worlds(saved)


@pytest.mark.parametrize("kind", [Hinge, ByHand])
def test_a_task_of_ones_own_says_what_it_remembers(kind: Callable[..., Any]) -> None:
    tasks = [kind(n_worlds=3) for _ in range(2)]
    for seed, task in enumerate(tasks):
        task.reset(seed=seed)
    one, other = tasks
    actions = actions_of(one, N_BEFORE + N_AFTER)
    steps(one, actions[:N_BEFORE])
    saved = save_worlds(one)
    assert saved is not None
    restore_worlds(other, saved)
    expected = steps(one, actions[N_BEFORE:])
    assert_same(expected, steps(other, actions[N_BEFORE:]))


def test_a_task_that_says_nothing_is_not_saved_in_part() -> None:
    task = Silent(n_worlds=2)
    task.reset(seed=0)
    assert save_worlds(task) is None
    told = r"Silent does not say what it keeps of .* \(docs/custom_task\.md\)"
    with pytest.raises(TaskError, match=told):
        task.save_worlds()


def test_a_task_that_changes_models_by_itself_is_not_saved_in_part() -> None:
    task = Hinge(n_worlds=2)
    task.reset(seed=0)
    task.simulation.individualize()
    assert save_worlds(task) is None
    assert task.unsaved.startswith("Hinge changes models by itself")


def test_what_cannot_be_remembered_is_named() -> None:
    wrong, misspelt = Wrong(n_worlds=2), Misspelt(n_worlds=2)
    for task in (wrong, misspelt):
        task.reset(seed=0)
    with pytest.raises(TaskError, match=r"'table'.*shape \(5,\).*the 2 worlds"):
        save_worlds(wrong)
    with pytest.raises(TaskError, match=r"'_sides', which it does not have.* _side"):
        save_worlds(misspelt)


COPIES: dict[str, Callable[[Any], Any]] = {
    "copied": copy.deepcopy,
    "pickled": lambda task: pickle.loads(pickle.dumps(task)),
}


@pytest.mark.parametrize("copied", COPIES.values(), ids=COPIES)
@pytest.mark.parametrize("name", ["Reach", "ReorientCubeZ", "gym:CartPole-v1"])
def test_a_copy_is_equal_and_lives(name: str, copied: Callable[[Any], Any]) -> None:
    settings = {} if name.startswith("gym:") else everything(name)
    task = played(name, settings, 3)
    other = copied(task)
    actions = actions_of(task, N_BEFORE + N_AFTER)[N_BEFORE:]
    expected = steps(task, actions)
    moved = [given["proprioception"] for given in expected]
    assert (moved[0] != moved[-1]).any()
    assert_same(expected, steps(other, actions))
    # What happens to one does not happen to the other.
    task.reset(seed=0)
    assert_same(steps(copied(other), actions), steps(other, actions))


@pytest.mark.parametrize("copied", COPIES.values(), ids=COPIES)
def test_a_copy_that_was_never_reset_can_be(copied: Callable[[Any], Any]) -> None:
    task = make_task("FreeReach", render_mode="rgb_array")
    other = copied(task)
    assert other.task.render_mode == "rgb_array"
    for a, b in zip(task.reset(seed=3), other.reset(seed=3), strict=True):
        for name, values in a.items():
            np.testing.assert_array_equal(values, b[name], err_msg=name)


@pytest.mark.parametrize("copied", COPIES.values(), ids=COPIES)
def test_what_cannot_be_copied_says_so(copied: Callable[[Any], Any]) -> None:
    with pytest.raises(TaskError, match=r"Silent cannot be copied or pickled: Silent"):
        copied(Silent())


def test_a_memory_with_strokes_in_its_names_is_nested_as_it_was() -> None:
    memory = {
        "senses": {"a/b": np.zeros(2), "100%": np.ones(2), "a": {"b": np.ones(2)}}
    }
    flat = flattened(memory)
    assert list(flat) == ["senses/a%2Fb", "senses/100%25", "senses/a/b"]
    assert set(nested(flat)["senses"]) == set(memory["senses"])
