# SPDX-License-Identifier: Apache-2.0
"""Guides: who says, wherever a student comes, what should be done there."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol

import numpy as np
from keras import ops
from numpy.typing import NDArray

from angora_train.agent.agent import Agent, Flags, Floats, given_to
from angora_train.agent.distributions import Distribution
from angora_train.config.distillation import DistillationConfig, Target
from angora_train.config.run import RunConfig
from angora_train.errors import ConfigError
from angora_train.randomness import TEACHER, draws
from angora_train.tasks.playback import Playback

__all__ = ["Advice", "Guide", "Recorded", "Teacher", "guided_share", "target_of"]


@dataclass(frozen=True)
class Advice:
    """What a guide says of one step of B worlds.

    Attributes
    ----------
    label : ndarray of float32, shape (B, n)
        What the student's policy should be: parameters of its family, or a sample.
    action : ndarray of float32, shape (B, A)
        What the guide does, within [-1, 1].
    acts : ndarray of bool, shape (B,)
        True where the guide acts, not the student.
    """

    label: Floats
    action: Floats
    acts: Flags


class Guide(Protocol):
    """Who labels what a student senses."""

    def begin(self, cycle: int, horizon: int) -> None:
        """Prepare for the `horizon` steps of a cycle, counted from 1."""

    def advise(self, observation: Mapping[str, Any], is_first: Flags) -> Advice:
        """Say what should be done, from sensations as the worlds give them."""

    def worlds(self) -> dict[str, NDArray[Any]]:
        """Return what is remembered of each world, arrays of shape (B, ...)."""

    def restore(self, worlds: Mapping[str, NDArray[Any]]) -> None:
        """Take what :meth:`worlds` returned."""


class Teacher:
    """An agent that senses what it was made for, with a recurrent state of its own.

    Parameters
    ----------
    agent : Agent
        Who teaches. Its model needs no value.
    names : mapping of str to str
        Names of its sensations in the worlds.
    student : Distribution
        Family of the student's policy.
    config : RunConfig
        Of the student; its target must be decided.
    worlds : range
        Worlds of this rank among all.
    """

    def __init__(
        self,
        agent: Agent,
        names: Mapping[str, str],
        student: Distribution,
        config: RunConfig,
        worlds: range,
    ) -> None:
        self._agent = agent
        self._names = dict(names)
        self._student = student
        self._config = config
        self._worlds = worlds
        self._state = agent.initial_state(len(worlds))
        self._drawn: Iterator[Floats] = iter(())
        self._acts = np.zeros(len(worlds), bool)
        target = _distillation(config).target
        self._step = agent.engine.compile(
            partial(self._labelled, target), agent.stateful.model.variables
        )

    def begin(self, cycle: int, horizon: int) -> None:
        """Draw the numbers of a cycle, and say in which worlds the teacher acts."""
        n_acting = round(guided_share(self._config, cycle) * self._config.n_worlds)
        self._acts = np.asarray(self._worlds) < n_acting
        width = self._agent.distribution.n_uniforms
        self._drawn = draws(
            self._config.seed, self._worlds, TEACHER, cycle, (horizon, width)
        )

    def advise(self, observation: Mapping[str, Any], is_first: Flags) -> Advice:
        """Take a step of the teacher's policy in every world."""
        agent = self._agent
        seen = {name: observation[there] for name, there in self._names.items()}
        inputs = {name: x[:, None] for name, x in agent.normalize(seen).items()}
        inputs[agent.stateful.is_first] = is_first[:, None].astype(np.float32)
        silent = np.zeros((len(is_first), agent.n_uniforms), np.float32)
        inputs |= {name: x[:, None] for name, x in agent.noise(silent).items()}
        given = given_to({**inputs, **self._state})
        out = self._step({**given, "uniforms": next(self._drawn)})
        self._state = {name: out[f"state/{name}"] for name in self._state}
        return Advice(out["label"], out["action"], self._acts)

    def _labelled(
        self, target: Target | None, inputs: Mapping[str, Any]
    ) -> dict[str, Any]:
        """Run the teacher for one step, and say it as the student would: compiled."""
        family = self._agent.distribution
        outputs = self._agent.run(inputs, training=False)
        parameters = outputs["policy"][:, 0]
        action = family.action(family.sample(parameters, inputs["uniforms"]))
        if target == "distribution":
            label = parameters
        else:
            shown = action if target == "sampled" else family.mean_action(parameters)
            label = self._student.sample_of(shown)  # type: ignore[attr-defined]
        states = {
            f"state/{name}": outputs[name] for name in self._agent.stateful.state_shapes
        }
        return {"label": label, "action": action, **states}

    def worlds(self) -> dict[str, NDArray[Any]]:
        """Return the teacher's recurrent state."""
        return dict(self._state)

    def restore(self, worlds: Mapping[str, NDArray[Any]]) -> None:
        """Take the teacher's recurrent state; zeros where there is none."""
        self._state = {name: worlds.get(name, x) for name, x in self._state.items()}


class Recorded:
    """What was done where recorded episodes pass by: there the student never acts.

    Parameters
    ----------
    playback : Playback
        The worlds.
    student : Distribution
        Family of the student's policy.
    """

    def __init__(self, playback: Playback, student: Distribution) -> None:
        self._playback = playback
        self._student = student

    def begin(self, cycle: int, horizon: int) -> None:
        """Prepare nothing."""

    def advise(self, observation: Mapping[str, Any], is_first: Flags) -> Advice:
        """Say what was done."""
        action = self._playback.demonstrated
        found = self._student.sample_of(ops.convert_to_tensor(action))  # type: ignore[attr-defined]
        label = np.asarray(ops.convert_to_numpy(found), np.float32)
        return Advice(label, action, np.ones(len(action), bool))

    def worlds(self) -> dict[str, NDArray[Any]]:
        """Return nothing: the worlds remember where they are."""
        return {}

    def restore(self, worlds: Mapping[str, NDArray[Any]]) -> None:
        """Take nothing."""


def guided_share(config: RunConfig, cycle: int) -> float:
    """Return the share of worlds in which the teacher acts in a cycle.

    Parameters
    ----------
    config : RunConfig
        The run.
    cycle : int
        The cycle, from 1.

    Returns
    -------
    float
        Falls linearly, from `guided_share` in the first cycle.

    Examples
    --------
    >>> given = {"teacher": "runs/a", "guided_share": 0.5, "guided_until": 0.4}
    >>> config = RunConfig.from_dict({"n_cycles": 10, "distillation": given})
    >>> [guided_share(config, cycle) for cycle in (1, 3, 5, 10)]
    [0.5, 0.25, 0.0, 0.0]
    """
    chosen = _distillation(config)
    n_cycles = chosen.guided_until * config.n_cycles
    left = 1.0 - (cycle - 1) / n_cycles if n_cycles else 0.0
    return chosen.guided_share * max(0.0, left)


def target_of(
    chosen: Target | None, teacher: Distribution | None, student: Distribution
) -> Target:
    """Decide what of a teacher is learned, where nobody says it.

    Parameters
    ----------
    chosen : {"distribution", "sampled", "mean"}, optional
        What somebody says.
    teacher : Distribution or None
        The teacher's family; None for recorded actions.
    student : Distribution
        The student's.

    Returns
    -------
    {"distribution", "sampled", "mean"}
        The target.

    Raises
    ------
    ConfigError
        If the student cannot learn that.
    """
    is_same = teacher is not None and _is_same(teacher, student)
    target: Target = chosen or ("distribution" if is_same else "sampled")
    if target != "sampled" and teacher is None:
        raise ConfigError(
            f"distillation.target is '{target}', but recorded actions are all that "
            "there is of this teacher: the target is sampled."
        )
    if target == "distribution" and not is_same:
        raise ConfigError(
            f"distillation.target is 'distribution', but the teacher's policy is "
            f"{_said(teacher)} and the student's {_said(student)}: let "
            "policy.distribution, with its bins, be the same, or set "
            "distillation.target to sampled or mean."
        )
    if target != "distribution" and not hasattr(student, "sample_of"):
        raise ConfigError(
            f"The policy {type(student).__name__} cannot learn from actions of others: "
            "it lacks the method sample_of(action), which returns the nearest sample."
        )
    return target


def _said(family: Distribution | None) -> str:
    """Name a family, and how wide it is."""
    n = 0 if family is None else family.n_parameters
    return f"a {type(family).__name__} of {n} parameters"


def _is_same(one: Distribution, other: Distribution) -> bool:
    """Whether the parameters of two families mean the same."""
    kinds = (type(one), type(other))
    is_kin = issubclass(kinds[0], kinds[1]) or issubclass(kinds[1], kinds[0])
    return is_kin and one.n_parameters == other.n_parameters


def _distillation(config: RunConfig) -> DistillationConfig:
    """Return what a run with a teacher says of it."""
    if config.distillation is None:
        raise ConfigError("The run has no teacher: set distillation.teacher.")
    return config.distillation
