# SPDX-License-Identifier: Apache-2.0
"""Scenes: the hand before and after training, as a film and as a picture."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from angora_train.agent.agent import Agent
from angora_train.analysis.actors import AgentActor, choosing
from angora_train.analysis.conditions import untrained
from angora_train.analysis.evaluation import episodes
from angora_train.analysis.pictures import contact_sheet, write_picture, write_video
from angora_train.tasks.base import VectorTask
from angora_train.tasks.worlds.rendering import Style

__all__ = ["film_training"]

_Frame = NDArray[np.uint8]
_STYLE = Style(height_px=260, width_px=300, n_samples=4)
_EVERY = 3
"""Control steps from one picture of the film to the next."""


def film_training(
    agent: Agent, task: VectorTask, seed: int, still: Path | str, film: Path | str
) -> None:
    """Draw the same episodes before and after training.

    Parameters
    ----------
    agent : Agent
        The trained agent. Before training it had its initial weights, see
        :func:`angora_train.analysis.conditions.untrained`.
    task : VectorTask
        As many worlds as episodes; each has a column.
    seed : int
        Of the episodes. World ``w`` meets the goal that it meets in an evaluation with
        this seed.
    still : Path or str
        The picture to write: the end of each episode, with the distance to the goal,
        mm, and whether it was met.
    film : Path or str
        The film to write, in the pace of the world.

    Raises
    ------
    TaskError
        If the task or this machine draws no pictures: nothing is written.
    """
    agents = {"before": untrained(agent), "after": agent}
    ends: dict[str, _Frame] = {}
    rows: list[list[Mapping[str, _Frame]]] = []
    for name, one in agents.items():
        actor = AgentActor(choosing(one, "expected"))
        titles, frames = _played(name, actor, task, seed)
        ends |= zip(titles, frames[-1].values(), strict=True)
        rows.append(frames)
    # Episodes that end early keep their last picture; so all rows are as long.
    longest = max(len(frames) for frames in rows)
    padded = [[*x, *[x[-1]] * (longest - len(x))] for x in rows]
    sheets = [
        contact_sheet({k: x for row in moment for k, x in row.items()}, task.num_envs)
        for moment in zip(*padded, strict=True)
    ]
    write_video(sheets, film, 1.0 / (_EVERY * task.control_step_s))
    write_picture(contact_sheet(ends, task.num_envs), still)


def _played(
    name: str, actor: AgentActor, task: VectorTask, seed: int
) -> tuple[list[str], list[Mapping[str, _Frame]]]:
    """Return how each world's episode ended, and pictures of all at every few steps.

    The last picture of a world is that before the last step, after which the world
    begins another episode.
    """
    worlds = range(task.num_envs)
    labels = [f"{name} training, goal {world + 1}" for world in worlds]
    titles = list(labels)
    frames: list[Mapping[str, _Frame]] = []
    last: list[_Frame] = [np.empty(0, np.uint8)] * task.num_envs
    for step, moment in enumerate(episodes(actor, task, seed)):
        for world in np.flatnonzero(moment.is_last):
            titles[world] = f"{labels[world]}: {_ending(moment.info, int(world))}"
        going = moment.is_under_way & ~moment.is_last
        if step % _EVERY:
            continue
        for world in np.flatnonzero(going):
            last[world] = task.picture(int(world), _STYLE)
        if going.any():
            frames.append(dict(zip(labels, last, strict=True)))
    return titles, frames


def _ending(info: Mapping[str, NDArray[np.generic]], world: int) -> str:
    """Say how far from its goal an episode ended."""
    met = "met" if info["success"][world] else "not met"
    if "distance_m" not in info:
        return met
    return f"{1000 * float(info['distance_m'][world]):.0f} mm, {met}"
