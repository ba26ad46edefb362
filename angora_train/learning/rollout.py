# SPDX-License-Identifier: Apache-2.0
"""Rollout: what an agent lived through in one cycle, and how it is collected."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
from gymnasium.vector import VectorEnv
from numpy.typing import NDArray

from angora_train.agent.agent import Agent, State, Step
from angora_train.errors import CheckpointError, DivergenceError
from angora_train.learning.cut_off import CutOff
from angora_train.learning.episodes import Episode, Tally
from angora_train.learning.guides import Guide
from angora_train.randomness import ACTIONS, draws
from angora_train.tasks.finite import require_finite, require_fitting
from angora_train.tasks.saving import restore_worlds, save_worlds

__all__ = ["Collector", "Explorer", "Rollout"]

_NOTED = "noted/"
_OLDER = "task/_rngs"
"""What saved worlds had when a task was searched for arrays as long as its worlds."""


@dataclass(frozen=True)
class Rollout:
    """T control steps of B worlds.

    Attributes
    ----------
    sensations : dict of str to ndarray, shape (T, B, ...)
        Normalised sensations by the network's inputs, pixels as they are; see
        :meth:`Agent.normalize`.
    raw : dict of str to ndarray of float32, shape (T, B, size)
        The same as the task gave them, for the normaliser; without pixels.
    is_first : ndarray of bool, shape (T, B)
        True where an episode begins.
    states : dict of str to ndarray of float32, shape (T / chunk_length, B, ...)
        Recurrent state before the first step of each chunk.
    sample, log_prob, value : ndarray of float32, shape (T, B, ...)
        What the agent drew, with which log-probability, expecting what.
    next_value : ndarray of float32, shape (T, B)
        Value of the state that the step led to; see
        :func:`angora_train.learning.advantages.generalized_advantage`.
    reward : ndarray of float32, shape (T, B)
        Reward, not normalised.
    terminated, ended : ndarray of bool, shape (T, B)
        Where the task ended the episode; where anything did.
    episodes : list of Episode
        Episodes that ended, but those in which a guide acted.
    label : ndarray of float32, shape (T, B, n), or None
        What a guide says that the policy should be; None without one.
    guided : float
        Share of the steps in which a guide acted.
    noted : dict of str to ndarray, shape (T, B, ...)
        What an explorer noted of each step; nothing without one.
    """

    sensations: dict[str, NDArray[np.float32]]
    raw: dict[str, NDArray[np.float32]]
    is_first: NDArray[np.bool_]
    states: dict[str, NDArray[np.float32]]
    sample: NDArray[np.float32]
    log_prob: NDArray[np.float32]
    value: NDArray[np.float32]
    next_value: NDArray[np.float32]
    reward: NDArray[np.float32]
    terminated: NDArray[np.bool_]
    ended: NDArray[np.bool_]
    episodes: list[Episode]
    label: NDArray[np.float32] | None = None
    guided: float = 0.0
    noted: dict[str, NDArray[Any]] = field(default_factory=dict)


class Explorer(Protocol):
    """Who lets an agent try more, and notes more of each step."""

    def shape(self, uniforms: NDArray[np.float32]) -> NDArray[np.float32]:
        """Change the numbers that decide the policy's noise, shape (B, n)."""

    def before(self) -> dict[str, NDArray[Any]]:
        """Note where the worlds are before a step, arrays of shape (B, ...)."""

    def after(
        self, action: NDArray[np.float32], info: Mapping[str, Any]
    ) -> dict[str, NDArray[Any]]:
        """Note what a step did, arrays of shape (B, ...)."""

    def worlds(self) -> dict[str, NDArray[Any]]:
        """Return what is remembered of each world, arrays of shape (B, ...)."""

    def restore(self, worlds: Mapping[str, NDArray[Any]]) -> None:
        """Take what :meth:`worlds` returned."""


class Collector:
    """Steps a batch of worlds with an agent, from cycle to cycle.

    Parameters
    ----------
    task : Task
        The worlds. They reset in the step that ends an episode and give the final
        observation as ``info["final_obs"]``.
    agent : Agent
        Who acts.
    seed : int
        Seed of worlds and of actions.
    first_world : int
        Index of the first world among those of all ranks: seeds follow it, so that a
        world's luck does not depend on how worlds are spread over ranks.
    cycle : int
        Cycles that are done already: worlds that begin anew then begin episodes that
        the first part of the run did not have.
    progress : callable, optional
        Is called after every control step: a sign of life.
    guide : Guide, optional
        Who says what should be done wherever the agent comes.
    explorer : Explorer, optional
        Who lets it try more than its policy would.

    Attributes
    ----------
    facts : tuple of str
        Names of the task's metrics, which every episode keeps; ``distance_m`` for a
        task that names none.
    """

    def __init__(
        self,
        task: VectorEnv,
        agent: Agent,
        seed: int,
        first_world: int = 0,
        cycle: int = 0,
        progress: Callable[[], None] | None = None,
        guide: Guide | None = None,
        explorer: Explorer | None = None,
    ) -> None:
        self._task = task
        self._agent = agent
        self._seed = seed
        self._first_world = first_world
        self._progress = progress or (lambda: None)
        self._guide = guide
        self._explorer = explorer
        n_worlds = task.num_envs
        entropy = np.random.SeedSequence([seed, cycle])
        self._reset_seed = int(entropy.generate_state(1)[0])
        self._n_steps = np.zeros(n_worlds, np.int64)
        self._observation, _ = task.reset(seed=self._reset_seed)
        self._require_fitting()
        self._require_finite(self._observation)
        self._is_first = np.ones(n_worlds, bool)
        self._state = agent.initial_state(n_worlds)
        self.facts: tuple[str, ...] = getattr(task, "metrics", ("distance_m",))
        self._tally = Tally.of(n_worlds, self.facts)

    def warm_up(self, n_steps: int) -> dict[str, NDArray[np.float32]]:
        """Act at random for `n_steps` and return what was sensed, (T, B, size)."""
        seen = []
        width = (self._task.single_action_space.shape or (1,))[0]
        for uniforms in self._draws(0, n_steps, width):
            seen.append(self._unscaled(copies=True))
            action = (2.0 * uniforms - 1.0).astype(np.float32)
            self._step(action)
            self._progress()
        self._observation, _ = self._task.reset(seed=self._reset_seed)
        self._n_steps[:] = 0
        self._require_fitting()
        self._require_finite(self._observation)
        return {name: np.stack([row[name] for row in seen]) for name in seen[0]}

    def collect(self, cycle: int, horizon: int, chunk_length: int) -> Rollout:
        """Take `horizon` control steps in every world.

        Parameters
        ----------
        cycle : int
            Number of the cycle, from 1: together with the seed it decides the
            actions' noise, so a resumed run draws what an unbroken one would.
        horizon : int
            Control steps.
        chunk_length : int
            Control steps between two stored recurrent states.

        Returns
        -------
        Rollout
            What happened.
        """
        agent = self._agent
        kept = _Rows(horizon)
        raw, states = _Rows(horizon), _Rows(horizon // chunk_length)
        cut_off = CutOff(horizon, self._task.num_envs)
        episodes: list[Episode] = []
        if self._guide is not None:
            self._guide.begin(cycle, horizon)
        for t, uniforms in enumerate(self._draws(cycle, horizon, agent.n_uniforms)):
            if t % chunk_length == 0:
                states.write(t // chunk_length, self._state)
            raw.write(t, self._unscaled())
            noted: dict[str, NDArray[Any]] = {}
            if self._explorer is not None:
                uniforms = self._explorer.shape(uniforms)
                noted = self._explorer.before()
            sensations = agent.normalize(self._observation)
            step = agent.act(sensations, self._state, self._is_first, uniforms)
            self._require_sound(step)
            sensations |= agent.noise(uniforms)
            action, advised = self._advised(step)
            reward, terminated, truncated, info = self._step(action)
            ended = terminated | truncated
            if self._explorer is not None:
                noted |= self._explorer.after(action, info)
            kept.write(
                t,
                {
                    **{f"{_NOTED}{name}": x for name, x in noted.items()},
                    **{f"sensation/{name}": x for name, x in sensations.items()},
                    **advised,
                    "is_first": self._is_first,
                    "sample": step.sample,
                    "log_prob": step.log_prob,
                    "value": step.value,
                    "reward": reward,
                    "terminated": terminated,
                    "ended": ended,
                },
            )
            if truncated.any():
                cut_off.add(t, truncated, info["final_obs"], step.state)
            episodes += self._tally.add(reward, ended, info)
            self._state, self._is_first = step.state, ended
            self._progress()
        no = np.zeros(self._task.num_envs, bool)
        kept.arrays["final_value"] = cut_off.values(
            lambda seen, state: self._value(seen, state, no)
        )
        return self._rollout(kept.arrays, raw.arrays, states.arrays, episodes)

    def _advised(
        self, step: Step
    ) -> tuple[NDArray[np.float32], dict[str, NDArray[Any]]]:
        """Return what is done, and what a guide says of it, if there is one."""
        if self._guide is None:
            return step.action, {}
        advice = self._guide.advise(self._observation, self._is_first)
        self._tally.is_guided |= advice.acts
        action = np.where(advice.acts[:, None], advice.action, step.action)
        return action, {"label": advice.label, "guided": advice.acts}

    def _step(self, action: NDArray[np.float32]) -> tuple[Any, Any, Any, Any]:
        """Act, see what comes of it, and refuse what is not finite."""
        self._observation, *rest, info = self._task.step(action)
        reward, terminated, truncated = rest
        self._n_steps += 1
        self._require_fitting(reward)
        ended = terminated | truncated
        finished = np.flatnonzero(ended)
        self._require_finite(info.get("final_obs", {}), reward, finished)
        self._require_finite({}, reward)
        self._n_steps[finished] = 0
        self._require_finite(self._observation)
        return reward, terminated, truncated, info

    def _require_fitting(self, *reward: Any) -> None:
        """Refuse sensations and rewards of other shapes than the task promises."""
        require_fitting(
            self._observation,
            *reward,
            task=self._task,
            steps=self._n_steps,
            first_world=self._first_world,
        )

    def _require_finite(
        self,
        observation: Mapping[str, NDArray[Any]],
        reward: NDArray[np.float32] | None = None,
        worlds: NDArray[np.int64] | None = None,
    ) -> None:
        """Refuse sensations and rewards that are not finite."""
        require_finite(
            observation,
            reward,
            steps=self._n_steps,
            worlds=worlds,
            first_world=self._first_world,
        )

    def _require_sound(self, step: Step) -> None:
        """Stop where the network returns what is not finite: what it read was."""
        for name, x in (("value", step.value), ("policy", step.log_prob)):
            if not np.isfinite(x).all():
                world = self._first_world + int(np.flatnonzero(~np.isfinite(x))[0])
                raise DivergenceError(
                    f"The network's {name} is not finite in world {world}, while all "
                    "that it sensed is. Resume from the last checkpoint with a smaller "
                    "step: --set ppo.learning_rate=...",
                    {name: x},
                )

    def _rollout(
        self,
        arrays: dict[str, NDArray[Any]],
        raw: dict[str, NDArray[np.float32]],
        states: dict[str, NDArray[np.float32]],
        episodes: list[Episode],
    ) -> Rollout:
        """Fill in the values of the steps' successors."""
        prefix = "sensation/"
        sensations = {
            name.removeprefix(prefix): arrays.pop(name)
            for name in list(arrays)
            if name.startswith(prefix)
        }
        noted = {
            name.removeprefix(_NOTED): arrays.pop(name)
            for name in list(arrays)
            if name.startswith(_NOTED)
        }
        last = self._value(self._observation, self._state, self._is_first)
        final = arrays.pop("final_value")
        successor = np.concatenate([arrays["value"][1:], last[None]])
        guided = arrays.pop("guided", np.zeros(1))
        return Rollout(
            sensations=sensations,
            raw=raw,
            states=states,
            next_value=np.where(np.isnan(final), successor, final),
            episodes=episodes,
            guided=float(guided.mean()),
            noted=noted,
            **arrays,
        )

    def _unscaled(self, *, copies: bool = False) -> dict[str, NDArray[np.float32]]:
        """Return what is sensed now and read by the agent, but for pixels."""
        return {
            name: self._observation[name].copy() if copies else self._observation[name]
            for name in self._agent.sensations
            if self._observation[name].dtype != np.uint8
        }

    def _draws(
        self, cycle: int, n_steps: int, width: int
    ) -> Iterator[NDArray[np.float32]]:
        """Draw each world's numbers, shape (B, width), for some steps."""
        first = self._first_world
        worlds = range(first, first + self._task.num_envs)
        return draws(self._seed, worlds, ACTIONS, cycle, (n_steps, width))

    def _value(
        self,
        observation: dict[str, NDArray[Any]],
        state: State,
        is_first: NDArray[np.bool_],
    ) -> NDArray[np.float32]:
        """Return what the agent expects from here, without acting."""
        idle = np.full((len(is_first), self._agent.n_uniforms), 0.5, np.float32)
        idle[:, self._agent.distribution.n_uniforms :] = 0.0  # no noise
        sensations = self._agent.normalize(observation)
        return self._agent.act(sensations, state, is_first, idle).value

    def worlds(self) -> dict[str, NDArray[Any]] | None:
        """Return where every world is, to go on from exactly there.

        Returns
        -------
        dict of str to ndarray, shape (B, ...), or None
            The worlds, what is sensed in them, the recurrent states and the sums of
            the episodes under way; None if the task cannot be saved.
        """
        worlds = save_worlds(self._task)
        if worlds is None:
            return None
        guided: dict[str, NDArray[Any]] = {}
        if self._guide is not None:
            guide = self._guide.worlds()
            guided = {f"guide/{name}": x for name, x in guide.items()}
            guided["tally/is_guided"] = self._tally.is_guided
        if self._explorer is not None:
            noted = self._explorer.worlds()
            guided |= {f"explorer/{name}": x for name, x in noted.items()}
        return {
            **guided,
            **{f"task/{name}": x for name, x in worlds.items()},
            **{f"observation/{name}": x for name, x in self._observation.items()},
            **{f"state/{name}": x for name, x in self._state.items()},
            **{f"term/{name}": x for name, x in self._tally.terms.items()},
            "is_first": self._is_first,
            "tally/reward": self._tally.reward,
            "tally/n_steps": self._tally.n_steps,
        }

    def why_anew(self, worlds: Mapping[str, NDArray[Any]], n_worlds: int) -> str:
        """Say why worlds begin new episodes where a run is resumed.

        Parameters
        ----------
        worlds : mapping of str to ndarray, shape (n, ...)
            What a checkpoint holds of all worlds.
        n_worlds : int
            Worlds of the run, of all ranks.

        Returns
        -------
        str
            Empty where they go on.
        """
        reason = getattr(self._task, "unsaved", "they are not this package's")
        if reason:
            return str(reason)
        if not worlds:
            return "the checkpoint has none of them"
        if _OLDER in worlds:
            return "they were saved in an older form, in which a part could be missing"
        n_saved = len(worlds["is_first"])
        if n_saved != n_worlds:
            return f"{n_saved} were saved, not {n_worlds}"
        saved, needed = (_task_shapes(found) for found in (worlds, self.worlds() or {}))
        other = sorted(
            name.removeprefix("task/")
            for name in saved.keys() | needed.keys()
            if saved.get(name) != needed.get(name)
        )
        return (
            f"other settings of the task remember other things: {', '.join(other[:5])}"
            if other
            else ""
        )

    def restore(self, worlds: Mapping[str, NDArray[Any]]) -> None:
        """Take every world back to where :meth:`worlds` found it.

        Parameters
        ----------
        worlds : mapping of str to ndarray, shape (B, ...)
            Rows of this collector's worlds.

        Raises
        ------
        CheckpointError
            If they are worlds of another task or network.
        """

        def part(prefix: str) -> dict[str, NDArray[Any]]:
            return {
                name.removeprefix(prefix): x.copy()
                for name, x in worlds.items()
                if name.startswith(prefix)
            }

        observation, state = part("observation/"), part("state/")
        for found, needed in ((observation, self._observation), (state, self._state)):
            if {name: x.shape for name, x in found.items()} != {
                name: x.shape for name, x in needed.items()
            }:
                raise CheckpointError(
                    "The checkpoint's worlds are of another task or network: their "
                    f"parts are {', '.join(found) or 'none'}, needed are "
                    f"{', '.join(needed) or 'none'}."
                )
        restore_worlds(self._task, part("task/"))
        self._observation, self._state = observation, state
        self._is_first = worlds["is_first"].copy()
        self._tally.reward = worlds["tally/reward"].copy()
        self._tally.n_steps = worlds["tally/n_steps"].copy()
        self._tally.terms = part("term/")
        self._n_steps = self._tally.n_steps.copy()
        if self._explorer is not None:
            self._explorer.restore(part("explorer/"))
        if self._guide is not None:
            self._guide.restore(part("guide/"))
            nobody = np.zeros(self._task.num_envs, bool)
            self._tally.is_guided = worlds.get("tally/is_guided", nobody).copy()

    @property
    def terms(self) -> tuple[str, ...]:
        """Names of the terms of the reward, once a step was taken."""
        return tuple(sorted(self._tally.terms))


def _task_shapes(worlds: Mapping[str, NDArray[Any]]) -> dict[str, tuple[int, ...]]:
    """Return what is remembered of one world of a task, by name."""
    return {n: x.shape[1:] for n, x in worlds.items() if n.startswith("task/")}


class _Rows:
    """Arrays by name that are filled row by row."""

    def __init__(self, n_rows: int) -> None:
        self._n_rows = n_rows
        self.arrays: dict[str, NDArray[Any]] = {}

    def write(self, i_row: int, row: Mapping[str, NDArray[Any]]) -> None:
        """Fill in one row of every array; the first says how they look."""
        for name, x in row.items():
            if name not in self.arrays:
                self.arrays[name] = np.empty((self._n_rows, *x.shape), x.dtype)
            self.arrays[name][i_row] = x
