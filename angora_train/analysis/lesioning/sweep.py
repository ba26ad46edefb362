# SPDX-License-Identifier: Apache-2.0
"""Sweep: plays conditions one after the other, or together, and keeps the episodes.

All conditions play the same seeded episodes with expected actions. The network is
compiled once and switched. Several conditions play as copies of the worlds in one
call where nothing but activity is changed, since then every world may have its own.
Pathways are weights, which all worlds share, and the noise of a world follows from its
place in the batch: such conditions play by themselves.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from angora_train.analysis.actors import AgentActor, choosing
from angora_train.analysis.evaluation import Evaluation, evaluate
from angora_train.analysis.lesioning.conditions import Condition, intact
from angora_train.analysis.lesioning.notebook import Notebook, Outcomes
from angora_train.analysis.lesioning.worlds import Repeated, RepeatedActor, split
from angora_train.errors import ConfigError
from angora_train.run.preparation import Prepared
from angora_train.tasks.base import Task
from angora_train.tasks.registry import make_vector_task
from atlasnet import Silencer, intervene, spec_of

__all__ = ["Sweep", "play_sweep"]

Tell = Callable[[int, int, str], None]


@dataclass(frozen=True)
class Sweep:
    """Conditions and their episodes.

    Attributes
    ----------
    conditions : tuple of Condition
        The intact network first.
    outcomes : tuple of dict of str to ndarray of float, shape (n_episodes,)
        Of each: ``return``, ``success``, ``length`` in control steps, which is the
        time to drop where dropping ends an episode, and what the task counts, such as
        ``goals_reached``; ``distance_m`` where it measures that.
    goal_kind : ndarray of int64, shape (n_episodes,)
        Kind of the goal of each episode, with the intact network.
    """

    conditions: tuple[Condition, ...]
    outcomes: tuple[Outcomes, ...]
    goal_kind: np.ndarray[Any, np.dtype[np.int64]]

    @property
    def n_episodes(self) -> int:
        """Episodes that every condition played."""
        return len(self.outcomes[0]["return"])


def _quiet(n_done: int, n: int, name: str) -> None:
    """Say nothing."""


def play_sweep(
    ready: Prepared,
    conditions: Sequence[Condition],
    seed: int,
    *,
    n_together: int = 4,
    path: Path | None = None,
    about: str = "",
    tell: Tell = _quiet,
) -> Sweep:
    """Play the same episodes with the intact network and in every condition.

    Parameters
    ----------
    ready : Prepared
        The trained network, and as many worlds as episodes.
    conditions : sequence of Condition
        Those that do the same play once.
    seed : int
        Of the episodes.
    n_together : int
        Conditions that play in one call, each in its own copy of the worlds, where
        that can be.
    path : Path, optional
        Where episodes are kept as they are played. An interrupted sweep goes on from
        there, and further conditions are added.
    about : str
        What else the episodes depend on, such as the checkpoint.
    tell : callable
        Called with the number of conditions that are done and of all, and with the
        name of the last.

    Returns
    -------
    Sweep
        The intact network first.

    Raises
    ------
    ConfigError
        If the file holds another sweep, or the network has no areas.
    """
    spec = spec_of(ready.model)
    if spec is None:
        raise ConfigError(
            f"The model '{ready.model.name}' has no areas to lesion: it was not built "
            "by atlasnet.build_model."
        )
    every = (intact(spec), *conditions)
    notebook = Notebook(path, _common(ready, seed, about))
    wanted = {one.key: one for one in every}
    left = [one for key, one in wanted.items() if key not in notebook.played]
    n_done = len(wanted) - len(left)
    tell(n_done, len(wanted), "")
    for batch, found in _played(ready, left, seed, n_together):
        for one, outcomes in zip(batch, found, strict=True):
            notebook.add(one.key, outcomes)
        n_done += len(batch)
        tell(n_done, len(wanted), batch[-1].name)
    rows = [notebook.played[one.key] for one in every]
    kinds = rows[0]["goal_kind"].astype(np.int64)
    shown = tuple({k: x for k, x in row.items() if k != "goal_kind"} for row in rows)
    return Sweep(every, shown, kinds)


def _common(ready: Prepared, seed: int, about: str) -> dict[str, object]:
    """Return what all episodes of a sweep have in common."""
    return {
        "lesion_sweep": 1,
        "about": about,
        "task": ready.config.task.name,
        "task_options": ready.config.task.model_dump(mode="json")["options"],
        "episodes": ready.task.num_envs,
        "seed": seed,
        "actions": "expected",
    }


def _played(
    ready: Prepared, left: Sequence[Condition], seed: int, n_together: int
) -> Iterator[tuple[Sequence[Condition], list[Outcomes]]]:
    """Yield conditions with their episodes, as they are played."""
    together = [x for x in left if x.is_by_world]
    cuts = [x for x in left if x.is_switched and not x.is_by_world]
    others = [x for x in left if not x.is_switched]
    n = max(1, min(n_together, len(together)))
    if together:
        yield from _in_copies(ready, together, seed, n)
    if cuts:
        silencer = Silencer(ready.model, pathways=True)
        agent = replace(ready, model=silencer.model).agent()
        actor = AgentActor(choosing(agent, "expected"))
        for one in cuts:
            silencer.hold([one.interventions])
            yield [one], [_outcomes(evaluate(actor, ready.task, seed))]
    for one in others:
        agent = replace(ready, model=intervene(ready.model, one.interventions)).agent()
        actor = AgentActor(choosing(agent, "expected"))
        yield [one], [_outcomes(evaluate(actor, ready.task, seed))]


def _in_copies(
    ready: Prepared, left: Sequence[Condition], seed: int, n_copies: int
) -> Iterator[tuple[Sequence[Condition], list[Outcomes]]]:
    """Yield conditions that play as copies of the worlds in one call."""
    n_worlds = ready.task.num_envs
    silencer = Silencer(ready.model, n_rows=n_worlds * n_copies)
    agent = choosing(replace(ready, model=silencer.model).agent(), "expected")
    actor = RepeatedActor(agent, n_copies)
    copies = [ready.task, *(_copy(ready) for _ in range(n_copies - 1))]
    task: Any = Repeated(copies)
    try:
        for first in range(0, len(left), n_copies):
            batch = left[first : first + n_copies]
            # The last call repeats a condition where copies are left over.
            filled = [*batch, *([batch[-1]] * (n_copies - len(batch)))]
            silencer.hold([x.interventions for x in filled for _ in range(n_worlds)])
            found = _outcomes(evaluate(actor, task, seed))
            parts = {name: split(x, n_copies) for name, x in found.items()}
            yield (
                batch,
                [{k: x[i] for k, x in parts.items()} for i in range(len(batch))],
            )
    finally:
        for copy in copies[1:]:
            copy.close()


def _copy(ready: Prepared) -> Task:
    """Return a task with the same worlds."""
    task = make_vector_task(
        ready.config.task.name,
        ready.config.task.options,
        n_worlds=ready.task.num_envs,
        first_world=ready.task.first_world,
    )
    task.set_progress(1.0)
    return task


def _outcomes(found: Evaluation) -> Outcomes:
    """Return what is compared of episodes."""
    outcomes = {
        "return": found.total_reward,
        "success": found.success.astype(np.float64),
        "length": found.n_steps.astype(np.float64),
        "goal_kind": found.goal_kind.astype(np.float64),
        **found.facts,
    }
    if np.isfinite(found.distance_m).any():
        outcomes["distance_m"] = found.distance_m
    return {name: np.asarray(x, np.float64).copy() for name, x in outcomes.items()}
