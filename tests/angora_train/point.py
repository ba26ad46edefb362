# SPDX-License-Identifier: Apache-2.0
"""A task of a few lines, for tests of the trainer: move a point to its goal."""

from collections.abc import Mapping
from typing import Any

import gymnasium
import numpy as np
from gymnasium.vector import VectorEnv
from numpy.typing import NDArray

SIZES = {"touch": 3, "goal": 2, "auxiliary": 2}


class Points(VectorEnv):
    """Points on a plane, each to be moved to a goal within 10 steps.

    The reward is minus the distance. World ``w`` depends on the seed and on its index
    over all ranks, and on nothing else.
    """

    def __init__(self, n_worlds: int, first_world: int = 0) -> None:
        self.num_envs = n_worlds
        self.first_world = first_world
        self.single_action_space = gymnasium.spaces.Box(-1.0, 1.0, (3,))
        self.single_observation_space = gymnasium.spaces.Dict(
            {n: gymnasium.spaces.Box(-9, 9, (size,)) for n, size in SIZES.items()}
        )

    def reset(self, *, seed: int | None = None, options: Any = None) -> Any:
        self.rngs = [
            np.random.default_rng([seed or 0, self.first_world + b])
            for b in range(self.num_envs)
        ]
        self.place = np.zeros((self.num_envs, 2))
        self.goal = np.zeros((self.num_envs, 2))
        self.clock = np.zeros(self.num_envs, int)
        self._restart(np.ones(self.num_envs, bool))
        return self._observe(), {}

    def _restart(self, where: NDArray[np.bool_]) -> None:
        for b in np.flatnonzero(where):
            self.place[b] = self.rngs[b].normal(size=2)
            self.goal[b] = self.rngs[b].normal(size=2)
            self.clock[b] = 0

    def _observe(self) -> Mapping[str, NDArray[np.float32]]:
        touch = np.concatenate([self.place, self.clock[:, None] / 10], axis=1)
        return {
            "touch": touch.astype(np.float32),
            "goal": self.goal.astype(np.float32),
            "auxiliary": (self.goal - self.place).astype(np.float32),
        }

    def step(self, actions: NDArray[np.float32]) -> Any:
        self.place += 0.3 * actions[:, :2]
        self.clock += 1
        distance = np.linalg.norm(self.goal - self.place, axis=1)
        ended = self.clock == 10
        final = self._observe()
        self._restart(ended)
        info = {
            "success": distance < 0.2,
            "distance_m": distance,
            "reward/distance": -distance,
        }
        if ended.any():
            info |= {"final_obs": final, "_final_obs": ended}
        no = np.zeros(self.num_envs, bool)
        return self._observe(), -distance.astype(np.float32), no, ended, info
