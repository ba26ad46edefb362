# SPDX-License-Identifier: Apache-2.0
"""Many worlds of one MuJoCo model, stepped together.

The model is shared; each world keeps its own `mujoco.MjData` for good, so that the
solver's warm start, and with it the trajectory, does not depend on how many worlds
there are or which thread steps them. What a task reads from the worlds is gathered
into arrays with one row a world.

Instant of what is read: `mujoco.mj_step` computes positions, forces and sensors
*before* it moves the joints in its last substep. Positions (``xpos``, ``site_xpos``)
are therefore brought to the instant of the joint angles with `mujoco.mj_kinematics`,
which costs about one per cent of a step. Touch and other sensors stay one substep
behind; bringing them along would cost a tenth of the step.
"""

import copy
import logging
from collections import deque
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import mujoco
import numpy as np
from numpy.typing import NDArray

from angora_train.errors import CheckpointError, TaskError
from angora_train.tasks.worlds.memory import Memory

__all__ = ["Simulation", "require_count"]

_log = logging.getLogger(__name__)

_MAX_COORDINATE = 1e10
"""Where MuJoCo calls a coordinate bad (``mjMAXVAL``)."""

_STATE = int(mujoco.mjtState.mjSTATE_INTEGRATION)
"""What a state consists of: enough to step on as if nothing had happened."""

_BAD = slice(
    int(mujoco.mjtWarning.mjWARN_BADQPOS), int(mujoco.mjtWarning.mjWARN_BADQACC) + 1
)
"""MuJoCo's warnings of bad positions, velocities and accelerations."""


class Simulation:
    """Worlds of one model that are stepped as a batch.

    Parameters
    ----------
    model : mujoco.MjModel
        Model shared by all worlds, unless `individualize` gives each its own; it must
        not change while they are stepped.
    start : mujoco.MjData
        State in which every world begins, and to which `restore` takes it back.
    n_worlds : int
        Number of worlds, B.
    n_substeps : int
        Physics steps of one `step`.
    n_threads : int
        Threads that share the worlds; MuJoCo steps without Python's lock.

    Attributes
    ----------
    qpos, qvel : ndarray of float64, shape (B, nq) and (B, nv)
        Joint positions and velocities after the last step, in the model's units.
    """

    def __init__(
        self,
        model: Any,
        start: Any,
        n_worlds: int,
        *,
        n_substeps: int,
        n_threads: int = 1,
    ) -> None:
        require_count("n_worlds", n_worlds)
        require_count("n_substeps", n_substeps)
        require_count("n_threads", n_threads)
        self.model = model
        self.n_worlds = n_worlds
        self.n_substeps = n_substeps
        self._start = mujoco.MjData(model)
        mujoco.mj_copyData(self._start, model, start)
        self._models = [model] * n_worlds
        self._worlds = [mujoco.MjData(model) for _ in range(n_worlds)]
        for data in self._worlds:
            mujoco.mj_copyData(data, model, self._start)
        self._controls = [data.ctrl for data in self._worlds]
        self._warnings = [data.warning.number[_BAD] for data in self._worlds]
        self._warned = np.zeros((n_worlds, len(self._warnings[0])), np.int32)
        self._readings: list[_Reading] = []
        self.qpos = self.read("qpos", range(model.nq))
        self.qvel = self.read("qvel", range(model.nv))
        self._coordinates = tuple(self._readings)
        n_helpers = min(n_threads, n_worlds) - 1
        self._pool = ThreadPoolExecutor(n_helpers, "world") if n_helpers else None
        self._n_helpers = n_helpers
        _keep_warnings_out_of_the_working_folder()

    def individualize(self) -> list[Any]:
        """Give every world a copy of the model of its own, to be changed at will.

        Returns
        -------
        list of mujoco.MjModel
            One a world: the copies themselves. `model` stays as it is.
        """
        self._models = [copy.copy(self.model) for _ in range(self.n_worlds)]
        return self._models

    @property
    def is_individual(self) -> bool:
        """Whether every world has a model of its own."""
        return self._models[0] is not self.model

    @property
    def n_threads(self) -> int:
        """Threads that share the worlds."""
        return self._n_helpers + 1

    @property
    def control_step_s(self) -> float:
        """Time that one `step` simulates, s."""
        return float(self.model.opt.timestep * self.n_substeps)

    def read(self, field: str, index: Iterable[int]) -> NDArray[np.float64]:
        """Gather a part of the state from all worlds, now and after every step.

        Parameters
        ----------
        field : str
            Array of `mujoco.MjData`, such as ``sensordata`` or ``site_xpos``.
        index : iterable of int
            Elements of its first axis, in the order wanted.

        Returns
        -------
        ndarray of float64, shape (B, n) or (B, n, width)
            The array that later steps write into; copy what you keep. A world that
            diverges keeps its row of the step before.
        """
        sources = [getattr(data, field) for data in self._worlds]
        reading = _Reading(sources, np.fromiter(index, dtype=np.int64))
        reading.gather()
        reading.accept()
        self._readings.append(reading)
        return reading.values

    def data(self, world: int) -> Any:
        """Get MuJoCo's own record of one world, to look at or to change.

        Parameters
        ----------
        world : int
            Row.

        Returns
        -------
        mujoco.MjData
            The record itself, not a copy.
        """
        return self._worlds[world]

    def model_of(self, world: int) -> Any:
        """Get the model that one world is stepped with.

        Parameters
        ----------
        world : int
            Row.

        Returns
        -------
        mujoco.MjModel
            The shared one, or after `individualize` the world's own.
        """
        return self._models[world]

    def step(self, controls: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Advance all worlds by one control step.

        Parameters
        ----------
        controls : ndarray of float64, shape (B, nu)
            What each actuator is asked for, in the model's units.

        Returns
        -------
        ndarray of bool, shape (B,)
            True where the simulation diverged. Such a world has to be restored
            before the next step; its readings are those of the step before.
        """
        waiting = deque(range(self.n_worlds))
        rows = list(controls)
        helpers = [
            self._pool.submit(self._work_off, waiting, rows)
            for _ in range(self._n_helpers)
            if self._pool is not None
        ]
        self._work_off(waiting, rows)
        for helper in helpers:
            helper.result()
        for reading in self._readings:
            reading.gather()
        diverged = self._find_diverged()
        sound = ~diverged if diverged.any() else None
        for reading in self._readings:
            reading.accept(sound)
        return diverged

    def restore(
        self,
        worlds: Sequence[int] | NDArray[np.int64],
        states: NDArray[np.float64] | None = None,
    ) -> None:
        """Take worlds back to the start, wholly: not even the solver remembers.

        Parameters
        ----------
        worlds : sequence of int
            Rows to restore.
        states : ndarray of float64, shape (len(worlds), n), optional
            Other states to begin in, one a world, as `state` gives them.
        """
        for i, world in enumerate(worlds):
            data = self._worlds[world]
            mujoco.mj_copyData(data, self.model, self._start)
            if states is not None:
                mujoco.mj_setState(self.model, data, states[i], _STATE)
                mujoco.mj_forward(self._models[world], data)
        self._refresh(worlds)

    def state(self, world: int) -> NDArray[np.float64]:
        """Get all that the future of a world depends on.

        Parameters
        ----------
        world : int
            Row.

        Returns
        -------
        ndarray of float64, shape (n,)
            MuJoCo's integration state: positions, velocities, commands, the solver's
            warm start and what else it steps from.
        """
        state = np.empty(mujoco.mj_stateSize(self.model, _STATE))
        mujoco.mj_getState(self.model, self._worlds[world], state, _STATE)
        return state

    def place(
        self,
        world: int,
        qpos: NDArray[np.float64],
        state: NDArray[np.float64] | None = None,
    ) -> None:
        """Restore one world, but with other joint positions.

        Parameters
        ----------
        world : int
            Row to place.
        qpos : ndarray of float64, shape (nq,)
            Joint positions, in the model's units.
        state : ndarray of float64, shape (n,), optional
            Where all else comes from, as for `restore`; by default the start.
        """
        data = self._worlds[world]
        mujoco.mj_copyData(data, self.model, self._start)
        if state is not None:
            mujoco.mj_setState(self.model, data, state, _STATE)
        data.qpos[:] = qpos
        mujoco.mj_forward(self._models[world], data)
        self._refresh([world])

    def save_worlds(self) -> Memory:
        """Return all that the future of every world depends on.

        Returns
        -------
        dict
            ``state``, the states that `state` gives; ``readings``, as they are now,
            which lag some of them by a substep. Models that `individualize` gave are
            left out: who changes them saves how.
        """
        return {
            "state": np.stack([self.state(w) for w in range(self.n_worlds)]),
            "readings": {
                str(i): reading.values.copy()
                for i, reading in enumerate(self._readings)
            },
        }

    def restore_worlds(self, saved: Memory) -> None:
        """Take every world back to where `save_worlds` found it.

        Parameters
        ----------
        saved : dict
            Rows of these worlds.

        Raises
        ------
        CheckpointError
            If they belong to another model.
        """
        states, readings = saved.get("state"), saved.get("readings", {})
        expected = (self.n_worlds, mujoco.mj_stateSize(self.model, _STATE))
        needed = {str(i): x.values.shape for i, x in enumerate(self._readings)}
        if (
            states is None
            or states.shape != expected
            or {name: x.shape for name, x in readings.items()} != needed
        ):
            raise CheckpointError(
                "The checkpoint's worlds belong to another body or to other settings "
                "of the task."
            )
        self.restore(range(self.n_worlds), states)
        for data, state in zip(self._worlds, states, strict=True):
            # Forward dynamics have left another warm start for the solver.
            mujoco.mj_setState(self.model, data, state, _STATE)
        for name, values in readings.items():
            self._readings[int(name)].values[...] = values

    def close(self) -> None:
        """Release the threads."""
        if self._pool is not None:
            self._pool.shutdown()
            self._pool, self._n_helpers = None, 0

    def _work_off(
        self, waiting: deque[int], rows: Sequence[NDArray[np.float64]]
    ) -> None:
        """Step worlds from the queue, which threads share, until it is empty."""
        models, n_substeps = self._models, self.n_substeps
        worlds, controls = self._worlds, self._controls
        step, kinematics = mujoco.mj_step, mujoco.mj_kinematics
        while True:
            try:
                world = waiting.popleft()
            except IndexError:
                return
            model, data = models[world], worlds[world]
            controls[world][:] = rows[world]
            step(model, data, n_substeps)
            kinematics(model, data)

    def _find_diverged(self) -> NDArray[np.bool_]:
        """Worlds that MuJoCo warned about, or whose last substep ran away."""
        np.concatenate(self._warnings, out=self._warned.reshape(-1))
        diverged: NDArray[np.bool_] = np.asarray(self._warned.any(axis=1))
        for reading in self._coordinates:
            values = reading.gathered
            # A sum of squares below the limit's square clears all at once; the
            # comparison is written so that NaN counts as too large.
            if not np.vdot(values, values) < _MAX_COORDINATE**2:
                diverged |= ~(np.abs(values).max(axis=1) < _MAX_COORDINATE)
        return diverged

    def _refresh(self, worlds: Iterable[int]) -> None:
        """Gather the readings of some worlds only."""
        for world in worlds:
            for reading in self._readings:
                reading.refresh_row(world)


class _Reading:
    """Elements of one field, gathered from all worlds into one array."""

    def __init__(
        self, sources: Sequence[NDArray[np.float64]], index: NDArray[np.int64]
    ) -> None:
        # Runs of neighbouring elements are read as slices, that is, as views.
        breaks = np.flatnonzero(np.diff(index) != 1) + 1
        runs = [(int(run[0]), int(run[-1]) + 1) for run in np.split(index, breaks)]
        self._views = [
            [source[first:last].reshape(-1) for first, last in runs]
            for source in sources
        ]
        self._all_views = [view for views in self._views for view in views]
        self.values = np.empty((len(sources), len(index), *sources[0].shape[1:]))
        self._rows = self.values.reshape(len(sources), -1)
        self.gathered = np.empty_like(self._rows)

    def gather(self) -> None:
        """Collect the elements of all worlds, without showing them yet."""
        np.concatenate(self._all_views, out=self.gathered.reshape(-1))

    def accept(self, sound: NDArray[np.bool_] | None = None) -> None:
        """Show what was collected, of all worlds or of the sound ones."""
        if sound is None:
            np.copyto(self._rows, self.gathered)
        else:
            np.copyto(self._rows, self.gathered, where=sound[:, None])

    def refresh_row(self, world: int) -> None:
        """Collect and show the elements of one world."""
        np.concatenate(self._views[world], out=self._rows[world])


def require_count(name: str, value: int) -> None:
    """Refuse counts below one."""
    if value < 1:
        raise TaskError(f"{name} is {value}; it must be at least 1.")


def _keep_warnings_out_of_the_working_folder() -> None:
    """Log MuJoCo's warnings, unless the caller has chosen what becomes of them.

    Left alone, MuJoCo writes ``MUJOCO_LOG.TXT`` into the working folder. What a
    warning means for a world is read from its own counters, not from here.
    """
    if mujoco.get_mju_user_warning() is None:
        mujoco.set_mju_user_warning(_log.debug)
