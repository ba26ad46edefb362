# SPDX-License-Identifier: Apache-2.0
"""A body on a line whose goal is a place: all of it can be computed by hand."""

from typing import Any, ClassVar

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from angora_train.tasks.hindsight import Facts, Judgement
from angora_train.tasks.task import Observation, Seed, Task, TaskConfig, Transition

__all__ = ["Walk", "WalkHindsight"]

NEAR = 0.1


class WalkHindsight:
    """Goals are places; a step earns what it comes nearer, and 1 at the goal."""

    n_uniforms = 1
    failure = "fell"

    def __init__(self, walk: "Walk | None" = None) -> None:
        self._walk = walk

    def facts(self) -> dict[str, NDArray[np.float32]]:
        assert self._walk is not None
        return {"place": self._walk.place.astype(np.float32)}

    def goals(self) -> NDArray[np.float32]:
        assert self._walk is not None
        return self._walk.goal.astype(np.float32)

    def reached(self, facts: Facts) -> NDArray[np.float32]:
        return facts["place"]

    def draw(self, uniforms: NDArray[Any], facts: Facts) -> NDArray[np.float32]:
        return (2.0 * uniforms - 1.0).astype(np.float32)

    def tell(self, sensed: Observation, facts: Facts, goals: Any) -> Observation:
        return {**sensed, "goal": np.asarray(goals, np.float32)}

    def judge(self, before: Facts, after: Facts, goals: Any, action: Any) -> Judgement:
        first = np.abs(before["place"] - goals)[:, 0]
        then = np.abs(after["place"] - goals)[:, 0]
        is_reached = then < NEAR
        return Judgement(first - then + is_reached, is_reached)

    def failed(self, action: NDArray[np.float32]) -> NDArray[np.float64]:
        return np.full(len(action), -2.0)


class Walk(Task):
    """Steps of at most 0.2 on a line; beyond 1.5 one falls; 20 steps an episode."""

    remembers: ClassVar[tuple[str, ...]] = ("place", "goal", "n_steps", "rng_states")
    metrics = ("distance_m",)

    def __init__(self, n_worlds: int, first_world: int = 0) -> None:
        self.config = TaskConfig()
        self._count(n_worlds, first_world)
        boxes = {name: spaces.Box(-9.0, 9.0, (1,)) for name in ("vision", "goal")}
        self._offer(boxes, 1)
        self.place, self.goal = np.zeros((n_worlds, 1)), np.zeros((n_worlds, 1))
        self.n_steps = np.zeros(n_worlds, np.int64)
        self._rngs: list[np.random.Generator] = []

    @property
    def control_step_s(self) -> float:
        return 0.1

    def hindsight(self) -> WalkHindsight:
        return WalkHindsight(self)

    def facts(self) -> dict[str, Any]:
        return {"fell": np.zeros(self.num_envs, bool)}

    def reset(self, *, seed: Seed = None, options: Any = None) -> tuple[Any, Any]:
        root = 0 if seed is None else seed
        worlds = range(self.first_world, self.first_world + self.num_envs)
        self._rngs = [np.random.default_rng([int(root), w]) for w in worlds]  # type: ignore[arg-type]
        self._begin(np.arange(self.num_envs))
        return self._sense(), {}

    def _begin(self, worlds: NDArray[np.int64]) -> None:
        for w in worlds:
            self.place[w], self.goal[w] = self._rngs[w].uniform(-1, 1, (2, 1))
            self.n_steps[w] = 0

    def _sense(self) -> Observation:
        return {
            "vision": self.place.astype(np.float32),
            "goal": self.goal.astype(np.float32),
        }

    def step(self, actions: NDArray[np.float32]) -> Transition:
        before = np.abs(self.place - self.goal)[:, 0]
        self.place = self.place + 0.2 * self._checked(actions)
        self.n_steps += 1
        then = np.abs(self.place - self.goal)[:, 0]
        fell = np.abs(self.place)[:, 0] > 1.5
        success = (then < NEAR) & ~fell
        reward = np.where(fell, -2.0, before - then + success)
        late = (self.n_steps >= 20) & ~fell
        for w in np.flatnonzero(success & ~late):
            self.goal[w] = self._rngs[w].uniform(-1, 1, 1)
        info = {"fell": fell, "success": success, "distance_m": then}
        observation, ended = self._sense(), fell | late
        if ended.any():
            info["final_obs"], info["_final_obs"] = observation, ended
            self._begin(np.flatnonzero(ended))
            observation = self._sense()
        return observation, reward.astype(np.float32), fell, late, info
