# SPDX-License-Identifier: Apache-2.0
"""Classic control: environments whose whole state is a few numbers, so can be saved."""

from collections.abc import Sequence
from typing import Any

import gymnasium
import numpy as np
from gymnasium.wrappers import OrderEnforcing, TimeLimit

from angora_train.errors import CheckpointError
from angora_train.tasks.gym.hidden_velocity import HideVelocity
from angora_train.tasks.worlds.generators import set_words, words_of
from angora_train.tasks.worlds.memory import Memory

__all__ = ["ClassicWorlds"]

_PACKAGE = "gymnasium.envs.classic_control."
_WRAPPERS = (HideVelocity, OrderEnforcing, TimeLimit)


class ClassicWorlds:
    """Where environments of Gymnasium's classic control are.

    Parameters
    ----------
    envs : sequence of gymnasium.Env
        One a world, in the middle of an episode.
    """

    def __init__(self, envs: Sequence[gymnasium.Env[Any, Any]]) -> None:
        self._cores: list[Any] = [env.unwrapped for env in envs]
        self._limits = [
            layer for env in envs for layer in _layers(env) if hasattr(layer, _ELAPSED)
        ]
        self._envs = envs

    @staticmethod
    def covers(env: gymnasium.Env[Any, Any]) -> bool:
        """Whether all that an environment remembers is known.

        Parameters
        ----------
        env : gymnasium.Env
            With its wrappers.

        Returns
        -------
        bool
            True for classic control with a limit of time, and velocities hidden or not.
        """
        wrappers = list(_layers(env))
        core = wrappers.pop()
        return (
            type(core).__module__.startswith(_PACKAGE)
            and all(isinstance(layer, _WRAPPERS) for layer in wrappers)
            and any(isinstance(layer, TimeLimit) for layer in wrappers)
        )

    def save_worlds(self) -> Memory:
        """Return all that the future of the environments depends on.

        Returns
        -------
        dict
            ``state`` and whether it is in single precision, which differs between
            the first and other steps; ``elapsed`` steps; ``words`` of the generators.
        """
        states = [np.asarray(core.state) for core in self._cores]
        return {
            "state": np.array(states, np.float64),
            "is_single": np.array([state.dtype == np.float32 for state in states]),
            "elapsed": np.array([getattr(limit, _ELAPSED) for limit in self._limits]),
            "words": words_of([core.np_random for core in self._cores]),
        }

    def restore_worlds(self, saved: Memory) -> None:
        """Take the environments back to where `save_worlds` found them.

        Parameters
        ----------
        saved : dict
            Rows of these worlds.

        Raises
        ------
        CheckpointError
            If they are another environment's.
        """
        for env in self._envs:
            env.reset()
        shape = (len(self._cores), len(self._cores[0].state))
        found = saved.get("state", np.empty(0)).shape
        if found != shape:
            raise CheckpointError(
                f"The checkpoint's worlds have states of shape {found}, needed is "
                f"{shape}: they belong to another environment."
            )
        for i, (core, limit) in enumerate(zip(self._cores, self._limits, strict=True)):
            kind = np.float32 if saved["is_single"][i] else np.float64
            core.state = saved["state"][i].astype(kind)
            setattr(limit, _ELAPSED, int(saved["elapsed"][i]))
        set_words([core.np_random for core in self._cores], saved["words"])


_ELAPSED = "_elapsed_steps"


def _layers(env: gymnasium.Env[Any, Any]) -> Any:
    """Visit an environment from its outermost wrapper to its core."""
    while isinstance(env, gymnasium.Wrapper):
        yield env
        env = env.env
    yield env
