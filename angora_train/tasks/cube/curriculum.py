# SPDX-License-Identifier: Apache-2.0
"""Curriculum of reorientation: goals that get harder as they are reached.

In training only: the task itself, by which agents are compared, has no curriculum.
Each world keeps a range of goals of its own, which every goal reached widens and every
goal missed narrows, so that the share of goals reached stays near a target. What a
world does therefore depends on nothing outside of it, however worlds are spread over
processes.
"""

from typing import Annotated, ClassVar, Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, PositiveFloat, model_validator

from angora_train.tasks.cube.orientation import multiply
from angora_train.tasks.worlds.memory import Remembering

__all__ = ["CubeCurriculum", "Curriculum", "turned_by"]

_Array = NDArray[np.float64]
_Fraction = Annotated[float, Field(ge=0.0, le=1.0)]

# A rotation drawn uniformly turns by less than t with probability (t - sin t) / pi.
_ANGLES = np.linspace(0.0, np.pi, 4097)
_SHARES = (_ANGLES - np.sin(_ANGLES)) / np.pi


class CubeCurriculum(BaseModel):
    """How goals of training differ from those of the task."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", use_attribute_docstrings=True, allow_inf_nan=False
    )

    nearest_rad: Annotated[float, Field(ge=0, lt=np.pi)] = 0.5
    """Least angle between the cube and a new goal, rad."""

    first_rad: Annotated[float, Field(gt=0, le=np.pi)] = 1.0
    """Greatest angle at the start, rad; it never gets smaller."""

    widening_rad: PositiveFloat = 0.02
    """By how much a goal that is reached widens a world's range, rad."""

    target: Annotated[float, Field(gt=0.0, lt=1.0)] = 0.8
    """Share of goals reached at which a range stays as it is: a goal missed narrows it
    by `widening_rad` times ``target / (1 - target)``."""

    full_share: _Fraction = 0.15
    """Share of goals that are drawn from the whole range, whatever is mastered."""

    least_time: Annotated[float, Field(gt=0.0, le=1.0)] = 0.5
    """Time for goals up to 1 rad away, as a share of `goal_s`; with each radian beyond,
    half of `goal_s` is added, until it is whole."""

    on_miss: Literal["end", "restart"] = "restart"
    """What a missed goal does: ``end`` terminates the episode, as in the task;
    ``restart`` truncates it, so that a miss costs what the time was worth."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.first_rad <= self.nearest_rad:
            raise ValueError(
                f"the curriculum's first goals lie between nearest_rad, "
                f"{self.nearest_rad}, and first_rad, {self.first_rad}, which must be "
                "greater"
            )
        narrowing_rad = self.widening_rad * self.target / (1.0 - self.target)
        if narrowing_rad >= np.pi:
            raise ValueError(
                f"the curriculum cannot widen: a goal missed would narrow the range by "
                f"{narrowing_rad:.3g} rad; choose a smaller widening_rad or target"
            )
        return self


class Curriculum(Remembering):
    """The ranges of B worlds.

    Parameters
    ----------
    config : CubeCurriculum
        How goals get harder.
    n_worlds : int
        Number of worlds, B.
    n_goal_steps : int
        Control steps that the task gives for a goal.

    Attributes
    ----------
    farthest_rad : ndarray of float64, shape (B,)
        Greatest angle of each world's goals, rad.
    n_steps : ndarray of int64, shape (B,)
        Control steps for the goal under way.
    """

    remembers: ClassVar[tuple[str, ...]] = ("farthest_rad", "n_steps", "_is_full")

    def __init__(
        self, config: CubeCurriculum, n_worlds: int, n_goal_steps: int
    ) -> None:
        self.config = config
        self._n_goal_steps = n_goal_steps
        self.farthest_rad = np.full(n_worlds, config.first_rad)
        self.n_steps = np.full(n_worlds, n_goal_steps)
        self._is_full = np.zeros(n_worlds, np.bool_)

    def draw(self, world: int, rng: np.random.Generator, orientation: _Array) -> _Array:
        """Draw the next goal of one world.

        Parameters
        ----------
        world : int
            Row.
        rng : numpy.random.Generator
            Source of chance.
        orientation : ndarray of float64, shape (4,)
            The cube's, a unit quaternion.

        Returns
        -------
        ndarray of float64, shape (4,)
            A unit quaternion, turned by an angle within the world's range; of such
            goals all are equally likely.
        """
        config = self.config
        is_full = bool(rng.random() < config.full_share)
        farthest = np.pi if is_full else self.farthest_rad[world]
        shares = np.interp([config.nearest_rad, farthest], _ANGLES, _SHARES)
        angle_rad = float(np.interp(rng.uniform(*shares), _SHARES, _ANGLES))
        self._is_full[world] = is_full
        share = np.clip(
            config.least_time + 0.5 * (angle_rad - 1.0), config.least_time, 1.0
        )
        self.n_steps[world] = max(1, round(share * self._n_goal_steps))
        return turned_by(rng, orientation, angle_rad)

    def judge(self, is_reached: NDArray[np.bool_], is_lost: NDArray[np.bool_]) -> None:
        """Widen and narrow the ranges; goals from the whole range do not count.

        Parameters
        ----------
        is_reached, is_lost : ndarray of bool, shape (B,)
            Whether a goal was reached in this step; whether one was missed, or the
            cube dropped.
        """
        config = self.config
        narrowing_rad = config.widening_rad * config.target / (1.0 - config.target)
        change = config.widening_rad * is_reached - narrowing_rad * is_lost
        change[self._is_full] = 0.0
        np.clip(
            self.farthest_rad + change, config.first_rad, np.pi, out=self.farthest_rad
        )


def turned_by(
    rng: np.random.Generator, orientation: _Array, angle_rad: float
) -> _Array:
    """Turn an orientation by an angle, about an axis drawn at random.

    Parameters
    ----------
    rng : numpy.random.Generator
        Source of chance.
    orientation : ndarray of float64, shape (4,)
        Unit quaternion.
    angle_rad : float
        How far, rad.

    Returns
    -------
    ndarray of float64, shape (4,)
        Unit quaternion.

    Examples
    --------
    >>> from angora_train.tasks.cube.orientation import angle_between
    >>> start = np.array([0.6, 0.8, 0.0, 0.0])
    >>> goal = turned_by(np.random.default_rng(0), start, 0.7)
    >>> round(float(angle_between(start, goal)), 6)
    0.7
    """
    axis = rng.normal(size=3)
    axis *= np.sin(angle_rad / 2.0) / np.sqrt(axis @ axis)
    return multiply(np.array([np.cos(angle_rad / 2.0), *axis]), orientation)
