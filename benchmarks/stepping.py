# SPDX-License-Identifier: Apache-2.0
"""Steps of other programs' hands, against MuJoCo's bare stepping.

``python stepping.py (gymnasium-robotics | envpool) ASSETS N_ROUNDS``

Run by the Python of such a program, in whose environment nothing of this project is
installed; prints one JSON object. Random actions, episodes of 100 control steps of 20
physics steps of 2 ms, processor time of all threads. The program and the bare loop, of
the same version of MuJoCo, take turns after every episode.
"""

import json
import statistics
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import mujoco
import numpy as np

HANDS = {
    "reach": ("HandReach-v3", "reach.xml"),
    "cube_touch": (
        "HandManipulateBlock_ContinuousTouchSensors-v1",
        "manipulate_block_touch_sensors.xml",
    ),
}
N_STEPS = 100
N_SUBSTEPS = 20
N_WORLDS = 32


def measure_gymnasium_robotics(n_rounds: int) -> dict[str, float]:
    """One world; the bare loop repeats the commands from the same starts."""
    import gymnasium
    import gymnasium_robotics

    gymnasium.register_envs(gymnasium_robotics)
    figures = {}
    for name, (env_id, _) in HANDS.items():
        env: Any = gymnasium.make(env_id, max_episode_steps=N_STEPS)
        env.reset(seed=0)
        env.action_space.seed(0)
        world = env.unwrapped
        twin = mujoco.MjData(world.model)
        times: dict[str, list[float]] = {"env": [], "bare": [], "reset": []}
        for _ in range(n_rounds + 1):
            begin = time.process_time()
            env.reset()
            reset_s = time.process_time() - begin
            mujoco.mj_copyData(twin, world.model, world.data)
            actions = [env.action_space.sample() for _ in range(N_STEPS)]
            commands, step_s = [], 0.0
            for action in actions:
                begin = time.process_time()
                env.step(action)
                step_s += time.process_time() - begin
                commands.append(world.data.ctrl.copy())
            begin = time.process_time()
            for command in commands:
                twin.ctrl[:] = command
                mujoco.mj_step(world.model, twin, N_SUBSTEPS)
            bare_s = time.process_time() - begin
            times["env"].append(step_s + reset_s)
            times["bare"].append(bare_s)
            times["reset"].append(reset_s)
        figures[f"{name}_share_of_raw"] = _share(times)
        figures[f"{name}_reset_ms"] = 1000 * statistics.median(times["reset"][1:])
        env.close()
    return figures


def measure_envpool(n_rounds: int, assets: Path) -> dict[str, float]:
    """32 worlds on one thread; the bare loop begins as the model's file says."""
    import envpool

    figures = {}
    for name, (env_id, scene) in HANDS.items():
        env = envpool.make_gymnasium(
            env_id, num_envs=N_WORLDS, num_threads=1, max_episode_steps=N_STEPS
        )
        env.reset()
        rng = np.random.default_rng(0)
        model = mujoco.MjModel.from_xml_path(str(assets / "hand" / scene))
        worlds = [mujoco.MjData(model) for _ in range(N_WORLDS)]
        low, high = model.actuator_ctrlrange.T
        times: dict[str, list[float]] = {"env": [], "bare": []}
        for _ in range(n_rounds + 1):
            actions = rng.uniform(-1, 1, (N_STEPS, N_WORLDS, model.nu))
            commands = (low + high) / 2 + (high - low) / 2 * actions
            times["env"].append(_timed(partial(_step_all, env, actions)))
            times["bare"].append(_timed(partial(_step_bare, model, worlds, commands)))
        figures[f"{name}_share_of_raw"] = _share(times)
        env.close()
    return figures


def _step_all(env: Any, actions: np.ndarray) -> None:
    """Run an episode; worlds begin anew by themselves."""
    for action in actions:
        env.step(action)


def _step_bare(model: Any, worlds: list[Any], commands: np.ndarray) -> None:
    """Run an episode of nothing but physics."""
    for data in worlds:
        mujoco.mj_resetData(model, data)
    for asked in commands:
        for data, command in zip(worlds, asked, strict=True):
            data.ctrl[:] = command
            mujoco.mj_step(model, data, N_SUBSTEPS)


def _timed(work: Callable[[], None]) -> float:
    """Processor time of some work, s."""
    begin = time.process_time()
    work()
    return time.process_time() - begin


def _share(times: dict[str, list[float]]) -> float:
    """Median of the bare loop's time over the program's; the first round warms up."""
    pairs = zip(times["bare"][1:], times["env"][1:], strict=True)
    return statistics.median(bare / env for bare, env in pairs)


if __name__ == "__main__":
    program, folder, rounds = sys.argv[1:]
    if program == "envpool":
        print(json.dumps(measure_envpool(int(rounds), Path(folder))))
    else:
        print(json.dumps(measure_gymnasium_robotics(int(rounds))))
