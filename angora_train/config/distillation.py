# SPDX-License-Identifier: Apache-2.0
"""DistillationConfig: from whom a network learns, and how."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, NonNegativeFloat, PositiveFloat

from angora_train.config.settings import Settings

__all__ = ["DistillationConfig", "Target"]

Fraction = Annotated[float, Field(ge=0.0, le=1.0)]
Target = Literal["distribution", "sampled", "mean"]


class DistillationConfig(Settings):
    """A teacher, and how a student learns from it (Ross et al. 2011, DAgger)."""

    teacher: Path
    """The folder of a run, or of a checkpoint; or an ``.npz`` file with recorded
    trajectories, as `angora-train demonstrate` writes it."""
    which: Literal["best", "last"] = "best"
    """Which checkpoint of a run."""
    target: Target | None = None
    """What of the teacher is learned: its ``distribution`` of actions, by the
    divergence from it, where the student's is of the same family; or by cross-entropy
    its ``sampled`` or its ``mean`` action, as the nearest action that the student can
    take. None for the distribution where the families are the same, and for sampled
    actions where they are not, which hand on the spread, too."""
    guided_share: Fraction = 0.5
    """Share of the worlds in which the teacher acts at first. In the others, and in the
    end in all, the student does. The teacher labels what is reached in all of them."""
    guided_until: Fraction = 0.2
    """Share of the cycles over which that share falls to none."""
    student_noise: Fraction = 1.0
    """How much of its policy's spread a student shows while it learns: 1 samples as the
    policy says, 0 takes the median of each actuator."""
    learning_rate: PositiveFloat = 1e-3
    """Step size of Adam in the first cycle."""
    final_learning_rate: NonNegativeFloat = 1e-4
    """Step size in the last one; between them it changes linearly."""
