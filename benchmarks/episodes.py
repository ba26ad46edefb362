# SPDX-License-Identifier: Apache-2.0
"""Episodes that `simulation` times: of tasks, and of nothing but the physics."""

import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import chain, repeat
from typing import Any

import mujoco
import numpy as np
from numpy.typing import NDArray

from angora_train.tasks import make_vector_task
from angora_train.tasks.hand.model import compose_reach_model, rest_state

__all__ = [
    "CUBE",
    "N_STEPS",
    "N_STEPS_A_TURN",
    "N_WORLDS",
    "BareEpisodes",
    "BareHalves",
    "Copies",
    "CubeEpisodes",
    "TaskEpisodes",
    "draw_actions",
]

N_WORLDS = 32
N_STEPS = 100
N_STEPS_A_TURN = 4
N_SUBSTEPS = 10
CUBE = {"control": "absolute", "rewards": "openai2018"}
"""Absolute control, so that the bare loop knows the commands beforehand."""
_STATE = int(mujoco.mjtState.mjSTATE_INTEGRATION)


class TaskEpisodes:
    """The task, with everything that it gives a policy."""

    def __init__(self, actions: NDArray[np.float32], n_threads: int = 1) -> None:
        self._actions = actions
        self._task = make_vector_task(
            "Reach", n_worlds=actions.shape[1], n_threads=n_threads
        )
        self._task.reset(seed=0)
        self.last_angles = np.zeros((actions.shape[1], 24), np.float32)

    def __iter__(self) -> Iterator[None]:
        """Run one episode, pausing after every few steps."""
        for i_step, actions in enumerate(self._actions):
            *_, info = self._task.step(actions)
            if (i_step + 1) % N_STEPS_A_TURN == 0:
                yield
        self.last_angles = info["final_obs"]["proprioception"][:, :24]


class BareEpisodes:
    """Nothing but `mujoco.mj_step` on the worlds of a batch.

    `starts` holds, before each step and after the last, the states of the worlds that
    begin anew there; by default all hands begin at rest, once.
    """

    def __init__(
        self,
        actions: NDArray[np.float32],
        model: Any = None,
        starts: Sequence[Mapping[int, NDArray[np.float64]]] | None = None,
    ) -> None:
        self._model = compose_reach_model() if model is None else model
        self._worlds = [mujoco.MjData(self._model) for _ in range(actions.shape[1])]
        self._starts = self._at_rest() if starts is None else starts
        low, high = self._model.actuator_ctrlrange.T
        self._controls = (low + high) / 2 + (high - low) / 2 * actions
        self.last_positions = np.zeros(())

    def _at_rest(self) -> list[dict[int, NDArray[np.float64]]]:
        """Return the start of an episode of hands alone."""
        state = np.empty(mujoco.mj_stateSize(self._model, _STATE))
        mujoco.mj_getState(self._model, rest_state(self._model), state, _STATE)
        return [dict.fromkeys(range(len(self._worlds)), state)]

    def __iter__(self) -> Iterator[None]:
        """Do the steps of the task, pausing after every few."""
        starts = chain(self._starts, repeat({}))
        for i_step, controls in enumerate(self._controls):
            self._begin(next(starts))
            for data, control in zip(self._worlds, controls, strict=True):
                data.ctrl[:] = control
                mujoco.mj_step(self._model, data, N_SUBSTEPS)
            if (i_step + 1) % N_STEPS_A_TURN == 0:
                yield
        self._begin(next(starts))
        self.last_positions = np.stack([data.qpos for data in self._worlds])

    def _begin(self, states: Mapping[int, NDArray[np.float64]]) -> None:
        """Put the worlds that begin anew in their states."""
        for world, state in states.items():
            mujoco.mj_setState(self._model, self._worlds[world], state, _STATE)


class BareHalves:
    """The bare loop with half of the worlds in each of two threads."""

    def __init__(self, actions: NDArray[np.float32]) -> None:
        self._halves = [BareEpisodes(part) for part in np.split(actions, 2, axis=1)]

    def __iter__(self) -> Iterator[None]:
        """Run one episode, pausing after every few steps."""
        with ThreadPoolExecutor(2) as threads:
            running = [iter(half) for half in self._halves]
            for _ in range(N_STEPS // N_STEPS_A_TURN):
                list(threads.map(next, running))
                yield


class CubeEpisodes:
    """The cube's task; episodes begin where drops and missed goals end the last."""

    def __init__(self, actions: NDArray[np.float32], **settings: Any) -> None:
        self._actions = actions
        self._task: Any = make_vector_task(
            "ReorientCube", {**CUBE, **settings}, actions.shape[1]
        )
        self.last_positions = np.zeros(())

    def record(self) -> list[dict[int, NDArray[np.float64]]]:
        """States in which worlds begin, before each step and after the last."""
        simulation = self._task.simulation
        self._task.reset(seed=0)
        starts = [{w: simulation.state(w) for w in range(self._task.num_envs)}]
        for actions in self._actions:
            info = self._task.step(actions)[4]
            ended = np.flatnonzero(info.get("_final_obs", ()))
            starts.append({int(w): simulation.state(int(w)) for w in ended})
        return starts

    def __iter__(self) -> Iterator[None]:
        """Run as many steps as there are actions, pausing after every few."""
        self._task.reset(seed=0)
        for i_step, actions in enumerate(self._actions):
            self._task.step(actions)
            if (i_step + 1) % N_STEPS_A_TURN == 0:
                yield
        self.last_positions = self._task.simulation.qpos.copy()


class Copies:
    """A cube's worlds, all in the same 32 states, that do the same again and again."""

    def __init__(self, n_worlds: int, actions: NDArray[np.float32]) -> None:
        self._task: Any = make_vector_task("ReorientCube", CUBE, n_worlds)
        self._task.reset(seed=0)
        self._simulation = self._task.simulation
        self._rows = np.arange(n_worlds) % N_WORLDS
        self._first = self._states()[self._rows]
        self._actions = actions[:, self._rows]

    def _states(self) -> NDArray[np.float64]:
        """Return the states of the first 32 worlds."""
        return np.stack([self._simulation.state(w) for w in range(N_WORLDS)])

    def rewind(self) -> None:
        """Take all worlds to where they began."""
        self._simulation.restore(range(len(self._rows)), self._first)

    def repeat(self, i_step: int, n_times: int) -> float:
        """Take one control step so often; return the processor time, s."""
        states = self._states()[self._rows]
        spent_s = 0.0
        for _ in range(n_times):
            self._simulation.restore(range(len(self._rows)), states)
            start = time.process_time()
            self._task.step(self._actions[i_step])
            spent_s += time.process_time() - start
        return spent_s


def draw_actions(n_worlds: int) -> NDArray[np.float32]:
    """Uniform actions of one episode, shape (T, B, A)."""
    rng = np.random.default_rng(0)
    return rng.uniform(-1.0, 1.0, (N_STEPS, n_worlds, 20)).astype(np.float32)
