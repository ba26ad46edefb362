# SPDX-License-Identifier: Apache-2.0
"""Fixed points: where a recurrent network stays while its sensations are held.

The speed of a state x is q = |F(x) - x|^2 / 2, F the network's step at a held
sensation. Where the network itself takes a state is found by letting it run; what does
not attract, by going downhill on q: a fixed point where q is nothing, a slow point
where it is little (Sussillo & Barak 2013). What a fixed point does with a small push is
in the eigenvalues of the step's Jacobian: it is stable where all are smaller than 1.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
from keras import ops
from numpy.typing import NDArray
from scipy.sparse.linalg import ArpackNoConvergence, eigs

from angora_train.agent.agent import Agent, given_to
from angora_train.errors import ConfigError
from atlasnet import spec_of

__all__ = ["FixedPoint", "Slowness", "fixed_points", "state_areas"]

_TOLERANCE = 1e-6
"""Of a fixed point: q a unit of state, relative to the states' mean square."""
_N_SETTLING = 200
_SETTLED = 1e-3
"""A settling start stops once q is below this share of the tolerance."""
_N_NEWTON = 6
_HOPEFUL = 1e3
"""Newton's method is tried where q is below so many tolerances: else it leads away."""
_SLOW = 0.25
"""What is faster than this share of the visited states' median is no slow point."""
_NEAR = 0.01
"""Two points are one where they are nearer, as a share of the states' spread."""
_MOST_JACOBIAN = 4_000
"""Wider states cost minutes a point: their stability is not told."""
_MOST_DENSE = 64
"""Of wider states only the largest eigenvalues are computed."""
_N_EIGENVALUES = 10


@dataclass(frozen=True)
class FixedPoint:
    """A point where the network hardly moves.

    Attributes
    ----------
    state : ndarray of float32, shape (S,)
        The state.
    speed : float
        q there, a unit of state.
    is_fixed : bool
        Whether that is nothing, by the measure of the states that it was found from.
    n_starts : int
        Starts that ended there.
    eigenvalues : ndarray of complex, shape (n,)
        Of the step's Jacobian, the largest first: all of up to 64 units of state, ten
        of more; empty where they were not computed.
    modes : ndarray of float, shape (S,)
        Share of each unit of state in the slowest mode; likewise.
    """

    state: NDArray[np.float32]
    speed: float
    is_fixed: bool
    n_starts: int
    eigenvalues: NDArray[np.complex128]
    modes: NDArray[np.float64]

    @property
    def is_stable(self) -> bool | None:
        """Whether small pushes die out; None where it was not computed."""
        if not len(self.eigenvalues):
            return None
        return bool(np.abs(self.eigenvalues).max() < 1.0)


@dataclass(frozen=True)
class Slowness:
    """Fixed and slow points of a network at one held sensation.

    Attributes
    ----------
    points : tuple of FixedPoint
        The slowest first; where q is more than a quarter of the visited states' median
        is none.
    speed_visited : ndarray of float, shape (n_starts,)
        q of the states that were visited, a unit.
    speed_found : ndarray of float, shape (n_starts,)
        q of where they ended.
    shares : ndarray of float, shape (S,)
        Share of each unit of state in the speed of the visited states.
    """

    points: tuple[FixedPoint, ...]
    speed_visited: NDArray[np.float64]
    speed_found: NDArray[np.float64]
    shares: NDArray[np.float64]


def _quiet(n_done: int, n: int) -> None:
    """Say nothing."""


def fixed_points(
    agent: Agent,
    held: Sequence[Mapping[str, NDArray[Any]]],
    states: Mapping[str, NDArray[np.float32]],
    *,
    n_steps: int = 1_000,
    learning_rate: float = 0.01,
    n_told: int = 3,
    tell: Callable[[int, int], None] = _quiet,
) -> list[Slowness]:
    """Find where a network stays while a sensation is held.

    The first half of the starts is where the network itself takes them in 200 steps,
    which finds what attracts; the other half goes downhill on q, which finds what does
    not, too. What is nearly fixed then is brought home by Newton's method.

    Parameters
    ----------
    agent : Agent
        The network, with its normalisation and engine.
    held : sequence of mapping of str to ndarray, shape (size,)
        Sensations as the task gives them, one held after the other.
    states : mapping of str to ndarray of float32, shape (n_starts, S)
        Where to start, such as states that were visited, by the names of
        ``agent.initial_state``. Random numbers of a noisy network are 0.
    n_steps : int
        Steps of Adam on q, each start by itself, whose rate falls to a hundredth.
    learning_rate : float
        The rate at first, in units of state.
    n_told : int
        Points whose stability is computed, the slowest first.
    tell : callable
        Called with steps that are done, and of all.

    Returns
    -------
    list of Slowness
        What was found of each held sensation.

    Raises
    ------
    ConfigError
        If the network has no state.

    References
    ----------
    Sussillo & Barak (2013), Opening the black box: low-dimensional dynamics in
    high-dimensional recurrent neural networks, Neural Comput 25:626.
    https://doi.org/10.1162/NECO_a_00409
    """
    core = _Core(agent, states)
    start = core.joined(states)
    scale = float((start.astype(np.float64) ** 2).mean()) or 1.0
    tolerance = _TOLERANCE * scale
    spread = float(np.sqrt(start.var(axis=0, dtype=np.float64).sum())) or 1.0
    half, found = len(start) // 2, []
    for i, sensation in enumerate(held):
        core.hold(sensation)

        def told(n_done: int, i: int = i) -> None:
            tell(i * n_steps + n_done, len(held) * n_steps)

        run = core.settled(start[:half], _SETTLED * tolerance)
        searched = core.downhill(start[half:], n_steps, learning_rate, told)
        ends = np.concatenate([run, searched])
        ends = core.polished(ends, n_told, tolerance, 0.2 * spread)
        found.append(_found(core, start, ends, n_told, (tolerance, _NEAR * spread)))
    return found


def _found(
    core: "_Core",
    start: NDArray[np.float32],
    ends: NDArray[np.float32],
    n_told: int,
    within: tuple[float, float],
) -> Slowness:
    """Return what starts led to; within which speed and distance points are one."""
    tolerance, near = within
    before = core.step(start) - start
    speed_before, speed_after = core.speed(start), core.speed(ends)
    slow = max(_SLOW * float(np.median(speed_before)), tolerance)
    points: list[FixedPoint] = []
    for first, n_starts in _apart(ends, speed_after, near):
        point, speed = ends[first], float(speed_after[first])
        if speed > slow:
            break
        is_told = len(points) < n_told and len(point) <= _MOST_JACOBIAN
        eigenvalues, modes = _modes(core.jacobian(point)) if is_told else _untold()
        is_fixed = speed <= tolerance
        points.append(FixedPoint(point, speed, is_fixed, n_starts, eigenvalues, modes))
    squares = (before.astype(np.float64) ** 2).mean(axis=0)
    shares = squares / (squares.sum() or 1.0)
    return Slowness(tuple(points), speed_before, speed_after, shares)


def state_areas(agent: Agent) -> list[str]:
    """Return the area of each unit of the core's state, in its order.

    Of a network without areas, the name of the state.
    """
    names: list[str] = []
    for name, shape in _core_states(agent).items():
        cell = _area_cell(agent)
        if cell is None:
            names += [name] * int(np.prod(shape))
            continue
        places = [""] * cell.state_size
        for (_, area), part in cell.carried.items():
            places[part] = [area] * (part.stop - part.start)
        names += places
    return names


def _area_cell(agent: Agent) -> Any:
    """Return the cell that holds the areas, or None."""
    for layer in agent.model.layers:
        cell = getattr(layer, "cell", None)
        if cell is not None and hasattr(cell, "carried"):
            return cell
    return None


def _core_states(agent: Agent) -> dict[str, tuple[int, ...]]:
    """Return the states of the areas, or of a network without areas all of them."""
    shapes = agent.stateful.state_shapes
    if spec_of(agent.model) is None:
        return dict(shapes)
    loops = {
        layer.name
        for layer in agent.model.layers
        if hasattr(getattr(layer, "cell", None), "carried")
    }
    return {
        name: shape
        for name, shape in shapes.items()
        if any(name.startswith(f"state_{loop}_") for loop in loops)
    }


class _Core:
    """The network's step at a held sensation, on states joined in one row."""

    def __init__(self, agent: Agent, states: Mapping[str, NDArray[np.float32]]) -> None:
        self._agent = agent
        self._shapes = _core_states(agent)
        if not self._shapes:
            raise ConfigError(
                "The network has no recurrent state, so it has no fixed points."
            )
        self._held: Mapping[str, NDArray[Any]] = {}
        self._others = {
            name: x[:1] * 0.0 for name, x in states.items() if name not in self._shapes
        }
        self._weights = agent.stateful.model.variables
        self._step = agent.engine.compile(self._stepped, self._weights)
        # Compiled once a number of states: that takes longer than most searches.
        self._compiled: dict[str, tuple[keras.Variable, Any]] = {}

    def hold(self, sensation: Mapping[str, NDArray[Any]]) -> None:
        """Hold a sensation, as the task gives it, from now on."""
        self._held = self._agent.normalize({k: x[None] for k, x in sensation.items()})

    def joined(self, states: Mapping[str, NDArray[np.float32]]) -> NDArray[np.float32]:
        """Return states side by side, shape (B, S)."""
        parts = [states[name].reshape(len(states[name]), -1) for name in self._shapes]
        return np.concatenate(parts, axis=1).astype(np.float32)

    def _given(self, n: int) -> dict[str, NDArray[Any]]:
        """Return what the model is given beside its state, in n worlds."""
        agent = self._agent
        inputs = {
            name: np.repeat(self._held[name][:, None], n, axis=0)
            for name in agent.inputs.values()
        }
        inputs[agent.stateful.is_first] = np.zeros((n, 1), np.float32)
        quiet = np.zeros((n, agent.n_uniforms), np.float32)
        for name, numbers in agent.noise(quiet).items():
            inputs[name] = numbers[:, None]
        others = {name: np.repeat(x, n, axis=0) for name, x in self._others.items()}
        return given_to({**inputs, **others})

    def _advance(self, arrays: Mapping[str, Any], joined: Any) -> Any:
        """Return the state after a step: compiled."""
        ends = np.cumsum([int(np.prod(x)) for x in self._shapes.values()])[:-1].tolist()
        parts = ops.split(joined, ends, axis=1) if ends else [joined]
        states = {
            name: ops.reshape(part, (-1, *shape))
            for (name, shape), part in zip(self._shapes.items(), parts, strict=True)
        }
        outputs = self._agent.run({**arrays, **given_to(states)}, training=False)
        flat = [
            ops.reshape(outputs[name], (-1, int(np.prod(shape))))
            for name, shape in self._shapes.items()
        ]
        return ops.concatenate(flat, axis=1)

    def _stepped(self, arrays: Mapping[str, Any]) -> dict[str, Any]:
        """Return the state after a step, by name: compiled."""
        rest = {name: x for name, x in arrays.items() if name != "joined"}
        return {"joined": self._advance(rest, arrays["joined"])}

    def step(self, joined: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the states after a step, shape (B, S)."""
        given = {**self._given(len(joined)), "joined": joined}
        return np.asarray(self._step(given)["joined"], np.float32)

    def downhill(
        self,
        start: NDArray[np.float32],
        n_steps: int,
        learning_rate: float,
        tell: Callable[[int], None],
    ) -> NDArray[np.float32]:
        """Return where states end that go downhill on their speed, by Adam."""

        def speed(arrays: Mapping[str, Any], state: Any) -> Any:
            return 0.5 * ops.sum(ops.square(self._advance(arrays, state) - state))

        given = self._given(len(start))
        place = start.astype(np.float64)
        mean, square = np.zeros_like(place), np.zeros_like(place)
        for i in range(n_steps):
            slope = self._gradient("speed", speed, place, given)
            mean = 0.9 * mean + 0.1 * slope
            square = 0.999 * square + 0.001 * slope**2
            size = np.sqrt(square / (1 - 0.999 ** (i + 1)))
            # Without a floor: gradients shrink with the speed itself.
            way = mean / (1 - 0.9 ** (i + 1)) / np.maximum(size, 1e-12)
            place -= learning_rate * 0.01 ** (i / n_steps) * way
            if (i + 1) % 25 == 0 or i + 1 == n_steps:
                tell(i + 1)
        return place.astype(np.float32)

    def _gradient(
        self,
        name: str,
        loss: Callable[[Mapping[str, Any], Any], Any],
        place: NDArray[np.floating],
        given: Mapping[str, Any],
    ) -> NDArray[np.float64]:
        """Return the gradient of a loss of states and what is given, by the states."""
        key = f"{name} {place.shape}"
        if key not in self._compiled:
            made = keras.Variable(np.zeros(place.shape), name="state", dtype="float32")

            def value(arrays: Mapping[str, Any]) -> tuple[Any, dict[str, Any]]:
                return loss(arrays, made.value), {}

            engine = self._agent.engine
            gradient = engine.gradient(value, [made], read=self._weights)
            self._compiled[key] = made, gradient
        state, compiled = self._compiled[key]
        state.assign(place.astype(np.float32))
        flat, _ = compiled(given)
        return np.asarray(flat, np.float64).reshape(place.shape)

    def settled(self, start: NDArray[np.float32], enough: float) -> NDArray[np.float32]:
        """Return where the network takes states by itself, until they hardly move."""
        for i in range(_N_SETTLING if len(start) else 0):
            start = self.step(start)
            if i % 20 == 19 and float(self.speed(start).max()) <= enough:
                break
        return start

    def polished(
        self, found: NDArray[np.float32], n: int, tolerance: float, reach: float
    ) -> NDArray[np.float32]:
        """Bring nearly fixed states home by Newton's method, if that is near."""
        if found.shape[1] > _MOST_JACOBIAN:
            return found
        found, speeds = found.copy(), self.speed(found)
        order = [i for i in np.argsort(speeds) if speeds[i] > _SETTLED * tolerance]
        for i in [i for i in order if speeds[i] <= _HOPEFUL * tolerance][:n]:
            found[i] = self._home(found[i], _SETTLED * tolerance, reach)
        return found

    def _home(
        self, point: NDArray[np.float32], enough: float, reach: float
    ) -> NDArray[np.float32]:
        """Take Newton steps from a state for as long as they make it slower."""
        for _ in range(_N_NEWTON):
            before = float(self.speed(point[None])[0])
            if before <= enough:
                break
            off = (self.step(point[None])[0] - point).astype(np.float64)
            matrix = np.eye(len(off)) - self.jacobian(point)
            try:
                way = np.linalg.solve(matrix, off)
            except np.linalg.LinAlgError:
                break
            if not np.linalg.norm(way) <= reach:
                break
            sizes = np.array([[1.0], [0.3], [0.1]])
            tries = (point + sizes * way).astype(np.float32)
            speeds = self.speed(tries)
            if speeds.min() >= before:
                break
            point = tries[speeds.argmin()]
        return point

    def speed(self, states: NDArray[np.float32]) -> NDArray[np.float64]:
        """Return q a unit of states, shape (B,)."""
        off = (self.step(states) - states).astype(np.float64)
        return np.asarray(0.5 * (off**2).mean(axis=1), np.float64)

    def jacobian(self, point: NDArray[np.float32]) -> NDArray[np.float64]:
        """Return the derivative of each unit of the next state by each of this one.

        In one pass: of as many worlds as units, each is asked for its own unit.
        """
        n = len(point)

        def answer(arrays: Mapping[str, Any], state: Any) -> Any:
            rest = {name: x for name, x in arrays.items() if name != "asked"}
            return ops.sum(self._advance(rest, state) * arrays["asked"])

        given = {**self._given(n), "asked": np.eye(n, dtype=np.float32)}
        return self._gradient("answer", answer, np.tile(point, (n, 1)), given)


def _apart(
    found: NDArray[np.float32], speed: NDArray[np.float64], near: float
) -> list[tuple[int, int]]:
    """Return the slowest of each cluster of points, and the cluster's size."""
    clusters: list[list[int]] = []
    for i in np.argsort(speed):
        for cluster in clusters:
            if np.linalg.norm(found[i] - found[cluster[0]]) <= near:
                cluster.append(int(i))
                break
        else:
            clusters.append([int(i)])
    return [(cluster[0], len(cluster)) for cluster in clusters]


def _modes(
    jacobian: NDArray[np.float64],
) -> tuple[NDArray[np.complex128], NDArray[np.float64]]:
    """Return eigenvalues, the largest first, and where the slowest mode lives."""
    if len(jacobian) <= _MOST_DENSE:
        values, vectors = np.linalg.eig(jacobian)
    else:
        begin = np.ones(len(jacobian))  # else ARPACK begins at random
        try:
            values, vectors = eigs(jacobian, k=_N_EIGENVALUES, v0=begin)
        except ArpackNoConvergence:
            values, vectors = np.linalg.eig(jacobian)
    order = np.argsort(-np.abs(values))
    shares = np.abs(vectors[:, order[0]]) ** 2
    return values[order].astype(np.complex128), shares / shares.sum()


def _untold() -> tuple[NDArray[np.complex128], NDArray[np.float64]]:
    """Return nothing of a point's stability."""
    return np.zeros(0, np.complex128), np.zeros(0)
