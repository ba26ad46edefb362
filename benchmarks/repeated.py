# SPDX-License-Identifier: Apache-2.0
"""Physics of a task, recorded and repeated without anything else."""

import time
from typing import Any

__all__ = ["Physics", "Record"]


class Record:
    """What a task does from now on: states in which its worlds begin, and commands.

    Parameters
    ----------
    task : VectorTask
        Its worlds are under way.
    """

    def __init__(self, task: Any) -> None:
        self.starts = [{w: task.simulation.state(w) for w in range(task.num_envs)}]
        self.controls: list[Any] = []
        self._task, self._simulation = task, task.simulation
        self._task_step, self._simulation_step = task.step, task.simulation.step
        task.step, task.simulation.step = self._step, self._step_physics

    def stop(self) -> None:
        """Record nothing more."""
        self._task.step, self._simulation.step = self._task_step, self._simulation_step

    def _step(self, actions: Any) -> Any:
        """Take a step, and keep the states of the worlds that began anew."""
        result = self._task_step(actions)
        ended = (result[2] | result[3]).nonzero()[0].tolist()
        self.starts.append({w: self._simulation.state(w) for w in ended})
        return result

    def _step_physics(self, controls: Any) -> Any:
        """Step the worlds, and keep their commands."""
        self.controls.append(controls.copy())
        return self._simulation_step(controls)


class Physics:
    """Worlds of a task's model, and nothing but `mujoco.mj_step` on them.

    Parameters
    ----------
    task : VectorTask
        What was recorded; it is where the record ends.
    record : Record
        What is repeated.
    """

    def __init__(self, task: Any, record: Record) -> None:
        import mujoco

        record.stop()
        self._mujoco = mujoco
        self._model = task.simulation.model
        self._n_substeps = task.simulation.n_substeps
        self._record = record
        self._worlds = [mujoco.MjData(self._model) for _ in range(task.num_envs)]
        self._kind = int(mujoco.mjtState.mjSTATE_INTEGRATION)
        self._expected = task.simulation.qpos.copy()

    def repeat(self) -> float:
        """Do what was recorded; return the time, s."""
        step, model, n = self._mujoco.mj_step, self._model, self._n_substeps
        start = time.perf_counter()
        for i_step, controls in enumerate(self._record.controls):
            self._begin(i_step)
            for data, control in zip(self._worlds, controls, strict=True):
                data.ctrl[:] = control
                step(model, data, n)
        spent_s = time.perf_counter() - start
        self._begin(len(self._record.controls))
        if any(
            (data.qpos != row).any()
            for data, row in zip(self._worlds, self._expected, strict=True)
        ):
            raise RuntimeError("The task and the bare loop did different physics.")
        return spent_s

    def _begin(self, i_step: int) -> None:
        """Put the worlds that begin anew in their states."""
        for world, state in self._record.starts[i_step].items():
            self._mujoco.mj_setState(
                self._model, self._worlds[world], state, self._kind
            )
