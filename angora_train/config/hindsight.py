# SPDX-License-Identifier: Apache-2.0
"""HindsightConfig: how an agent learns from all that it ever did."""

from typing import Annotated, Literal, Self

from pydantic import (
    Field,
    NonNegativeFloat,
    NonNegativeInt,
    PositiveFloat,
    PositiveInt,
    model_validator,
)

from angora_train.config.settings import Settings
from angora_train.errors import ConfigError

__all__ = ["HindsightConfig", "NoiseConfig"]

Fraction = Annotated[float, Field(ge=0.0, le=1.0)]


class NoiseConfig(Settings):
    """How worlds differ in what they try."""

    least: NonNegativeFloat = 0.25
    """Noise of the calmest world, in standard deviations of the policy."""
    most: PositiveFloat = 3.5
    """Noise of the boldest one; the others lie between them, evenly."""
    persistence: Annotated[float, Field(ge=0.0, lt=1.0)] = 0.8
    """Correlation of the noise of one step with that of the next, in every other world;
    in the rest each step is drawn anew."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.most < self.least:
            raise ConfigError(
                f"hindsight.noise.most is {self.most}, below least, {self.least}."
            )
        return self


class HindsightConfig(Settings):
    """Twin delayed deterministic policy gradients with hindsight.

    Fujimoto et al. 2018 (TD3, arXiv:1802.09477), with goals taken from what was
    reached (Andrychowicz et al. 2017, arXiv:1707.01495), critics with normalised
    layers, which bear many updates a sample (Ball et al. 2023, arXiv:2302.02948), and
    returns of some steps.
    """

    memory: PositiveInt = 1_000_000
    """Control steps that are remembered, of all worlds; the oldest are forgotten."""
    warm_up: NonNegativeInt = 20_000
    """Control steps before the first update."""
    minibatch_size: PositiveInt = 2048
    """Control steps of an update, over all ranks: the same number of every world."""
    replay_ratio: PositiveFloat = 4.0
    """How often each control step is learned from, on average."""
    n_steps: PositiveInt = 3
    """Steps of reward before the critics' estimate takes over."""
    hindsight_share: Fraction = 0.5
    """Share of the steps that are told as if what was reached some steps later had been
    the goal."""
    farthest_step: PositiveInt = 40
    """How many steps later, at most."""
    drawn_share: Fraction = 0.0
    """Share of the steps that are told with a goal drawn anew."""
    policy_delay: PositiveInt = 2
    """Updates of the critics for one of the policy (TD3)."""
    target_share: Annotated[float, Field(gt=0.0, le=1.0)] = 0.01
    """Share of the way by which targets follow the networks with every update."""
    target_noise: NonNegativeFloat = 0.2
    """Standard deviation of the noise on the targets' actions (TD3)."""
    target_noise_clip: NonNegativeFloat = 0.4
    """Largest noise on them: 0.5 in TD3."""
    action_cost: NonNegativeFloat = 1e-3
    """Weight of the squared parameters of the policy, which keeps it off the bounds."""
    critic: tuple[PositiveInt, ...] = (256, 256)
    """Units of the critics' layers, each normalised, with silu."""
    precision: Literal["float32", "bfloat16"] = "float32"
    """Of the critics' products of matrices. Processors with instructions for bfloat16
    multiply several times as fast."""
    noise: NoiseConfig = NoiseConfig()
    """What worlds try beyond the policy's mean action."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.hindsight_share + self.drawn_share > 1.0:
            raise ConfigError(
                f"hindsight.hindsight_share and hindsight.drawn_share are "
                f"{self.hindsight_share} and {self.drawn_share}: together they must "
                "not be above 1."
            )
        return self
