# SPDX-License-Identifier: Apache-2.0
"""RunConfig: everything that decides a result."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    NonNegativeFloat,
    NonNegativeInt,
    PositiveFloat,
    PositiveInt,
    field_validator,
    model_validator,
)
from pydantic_core import PydanticSerializationError

from angora_train.config.architecture import require_architecture
from angora_train.config.distillation import DistillationConfig
from angora_train.config.hindsight import HindsightConfig
from angora_train.config.older import with_units
from angora_train.config.settings import Settings, said_of
from angora_train.errors import ConfigError
from atlasnet import GraphRules, PlanOptions, UnitRule, VisualRule

__all__ = [
    "ComponentConfig",
    "NetworkConfig",
    "NormalizationConfig",
    "PPOConfig",
    "PolicyConfig",
    "PretrainingConfig",
    "RanksConfig",
    "RunConfig",
    "StreamConfig",
    "TaskChoice",
]

Fraction = Annotated[float, Field(ge=0.0, le=1.0)]


def _none_if_empty(value: Any) -> Any:
    """Let an empty section stand for none, as in older configs."""
    return None if value == {} else value


class TaskChoice(Settings):
    """Which task, and with which options."""

    name: str = "Reach"
    """Name in the registry of tasks."""
    options: Mapping[str, Any] = Field(default_factory=dict)
    """Fields of the task's own config."""


class ComponentConfig(Settings):
    """Parts of another network whose weights are taken over."""

    path: Path
    """A ``.keras`` file."""
    parts: tuple[str, ...] = ("*",)
    """Areas, pathways (``source -> target``) and layers by name, or patterns such as
    ``value_*``; by default all that fits."""
    replace: bool = False
    """Whether the areas among these parts, given by name, take the other network's
    units and cell, too."""


class StreamConfig(Settings):
    """A Keras model that stands between a sensation and the areas it enters."""

    path: Path
    """A ``.keras`` file with a functional model that reads one sensation, such as
    `angora-train pretrain` writes."""
    layer: str | None = None
    """Layer whose output is handed on; by default ``features`` where there is one, else
    the model's output."""
    replaces: tuple[str, ...] = ()
    """Areas of an atlas's network that are left out for it: it enters where they led
    to. By default it enters the areas that the sensation would."""


class NetworkConfig(Settings):
    """Which network: a file, a plain architecture, a preset, or regions by name."""

    path: Path | None = None
    """A ``.keras`` file; the fields below, but for the last three, then count for
    nothing."""
    architecture: Annotated[str, AfterValidator(require_architecture)] | None = None
    """A plain network without an atlas: ``simple``, ``deeper``, ``wide``, or a YAML
    file with the keys of `angora_train.config.architecture.Architecture`."""
    cell: Literal["none", "rnn", "gru", "lstm"] = "lstm"
    """Recurrent layer of a plain architecture; ``none`` for a feed-forward one."""
    shared: bool = False
    """Whether policy and value of a plain architecture share their layers."""
    match_parameters: PositiveInt | str | None = None
    """Parameters that a plain architecture is scaled to, within 1 %: a number, a
    preset of the atlas with this config's other keys, or a ``.keras`` file."""
    preset: str | None = "fpn"
    """Name of a preset of the atlas."""
    regions: tuple[str, ...] = ()
    """Regions by name, instead of a preset."""
    inputs: Mapping[str, tuple[str, ...]] = Field(default_factory=dict)
    """Areas that a sensation enters, where they are not the preset's."""
    action: tuple[str, ...] = ()
    """Areas that drive the action, where they are not the preset's."""
    is_blind: bool = True
    """Whether a preset leaves out visual cortex and sees the pose instead of pixels."""
    without: tuple[str, ...] = ()
    """Sensations to leave out."""
    hemisphere: Literal["left", "right", "both"] = "left"
    """Left, since the modelled hand is a right hand."""
    rules: GraphRules = GraphRules()
    """What makes edges, directions and densities of the atlas's graph, e.g.
    ``{direction_model: structural_model, edges: density=0.3}``."""
    units: UnitRule = UnitRule()
    """How units are shared among areas, e.g. ``{total: 2048, floor: 32}``. Configs of
    before have ``n_units``, ``exponent`` and ``floor`` in its place."""
    plan: PlanOptions = PlanOptions()
    """What is chosen about areas and pathways, e.g. ``{cell: lstm, has_delays: true}``.
    """
    visual: Annotated[VisualRule | None, BeforeValidator(_none_if_empty)] = None
    """How visual areas become maps where the task gives pixels, e.g. ``{total: 56000,
    readout: flatten}``."""
    streams: Mapping[str, StreamConfig] = Field(default_factory=dict)
    """Pretrained models by the sensation that they read. Each is a layer of the network
    named ``<sensation>_stream``."""
    pretrained: tuple[ComponentConfig, ...] = ()
    """Other networks whose weights are taken over, by name, one after the other; a
    path alone means all that fits."""
    frozen: tuple[str, ...] = ()
    """Areas and layers that are not trained: names, or patterns like ``vision_*``."""

    @model_validator(mode="before")
    @classmethod
    def _from_older(cls, data: Any) -> Any:
        return with_units(data) if isinstance(data, Mapping) else data

    @field_validator("rules", mode="wrap")
    @classmethod
    def _require_writable(cls, value: Any, read: Callable[[Any], GraphRules]) -> Any:
        """Say where wrong rules stand, and refuse those that no file can hold."""
        with said_of("network.rules"):
            rules = read(value)
        try:
            rules.model_dump(mode="json")
        except PydanticSerializationError as error:
            told = error.__cause__ or error
            raise ConfigError(f"network.rules: {told}") from error
        return rules

    @field_validator("pretrained", mode="before")
    @classmethod
    def _from_path(cls, value: Any) -> Any:
        """Let a path, or one entry, stand for the whole."""
        if value is None:
            return ()
        if isinstance(value, str | Path | Mapping | ComponentConfig):
            value = (value,)
        return [{"path": one} if isinstance(one, str | Path) else one for one in value]

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.match_parameters is not None and self.architecture is None:
            raise ConfigError(
                "network.match_parameters scales a plain network: set "
                "network.architecture, too."
            )
        sources = (self.path, self.architecture, self.preset, self.regions or None)
        if all(source is None for source in sources):
            raise ConfigError(
                "The network needs a path, an architecture, a preset or regions."
            )
        return self


class PolicyConfig(Settings):
    """How the policy head's output becomes an action."""

    distribution: str = "multi_categorical"
    """Family of the action distribution: ``multi_categorical``, ``categorical``,
    ``gaussian``, ``bounded_gaussian``, ``beta``, or a class of your own,
    ``module:Class``, see `angora_train.agent.distributions.Distribution`."""
    n_bins: Annotated[int, Field(ge=2)] = 11
    """Bins of an actuator (Andrychowicz et al. 2020, arXiv:1808.00177)."""
    initial_log_std: float = -0.7
    """Logarithm of a Gaussian's standard deviation at the start, where it is one
    learned number per dimension: half the way to the bounds."""
    spread_depends_on_state: bool = False
    """Whether a Gaussian's standard deviation is read from the network."""


class NormalizationConfig(Settings):
    """Running normalisation of sensations and rewards."""

    sensations: bool | str = True
    """Whether to shift and scale sensations; or a class of your own, ``module:Class``,
    see `angora_train.agent.normalization.Normalizer`."""
    sensation_clip: PositiveFloat = 5.0
    """Largest normalised sensation, in standard deviations."""
    reward: bool | str = True
    """Whether to divide rewards by the standard deviation of the return; or a class of
    your own, ``module:Class``, see `angora_train.agent.normalization.RewardScaler`."""
    value: bool = False
    """Whether the value head predicts returns in standard deviations from their
    running mean, as Andrychowicz et al. 2020 do instead of scaling rewards."""
    warm_up_steps: PositiveInt = 30
    """Control steps with random actions before training, for the first moments."""


class PPOConfig(Settings):
    """Hyperparameters of proximal policy optimisation (Schulman et al. 2017)."""

    horizon: PositiveInt = 64
    """Control steps collected per world and cycle."""
    chunk_length: PositiveInt = 16
    """Control steps through which gradients flow back."""
    n_epochs: PositiveInt = 4
    """Passes over the data of a cycle."""
    minibatch_size: PositiveInt = 2048
    """Control steps of an update, over all ranks: whole chunks, of as many worlds as
    there can be."""
    learning_rate: PositiveFloat = 1e-3
    """Step size of Adam at the start."""
    schedule: Literal["constant", "linear", "exponential", "adaptive"] = "linear"
    """How the step size changes from cycle to cycle: not at all; from the first to
    `final_learning_rate` linearly or by equal factors; or, ``adaptive``, so that a
    cycle changes the policy by about `target_kl`."""
    final_learning_rate: NonNegativeFloat = 5e-5
    """Step size at the last cycle; the least one of the adaptive schedule."""
    target_kl: PositiveFloat = 0.016
    """Divergence from the policy that gathered to the learned one, nats, which the
    adaptive schedule aims at (the value of Makoviychuk et al. 2021,
    arXiv:2108.10470)."""
    max_kl: PositiveFloat | None = None
    """Divergence of a minibatch, nats, beyond which a cycle takes no more updates."""
    adam_epsilon: PositiveFloat = 1e-5
    """Added to Adam's denominator (the value of OpenAI's baselines)."""
    discount: Fraction = 0.99
    """Discount factor per control step; the presets have that of their task."""
    gae_lambda: Fraction = 0.95
    """Trade of bias (0) against variance (1)."""
    clip_range: Annotated[float, Field(gt=0, lt=1)] = 0.2
    """Largest change of the probability ratio, as a fraction of 1."""
    advantage_floor: NonNegativeFloat = 0.2
    """Advantages are divided by their standard deviation, and at least by this share of
    the value targets' so far: where a task is solved they are little more than the
    errors of the values, and should not be made as large as what was learned from."""
    value_clip_range: PositiveFloat | None = None
    """Largest change of a value that the value loss rewards, in units of the value
    head; None for any."""
    value_coef: NonNegativeFloat = 0.5
    """Weight of the value loss."""
    entropy_coef: NonNegativeFloat = 0.0
    """Weight of the entropy bonus, on the entropy summed over dimensions."""
    max_grad_norm: PositiveFloat = 0.5
    """Largest global norm of the averaged gradient."""
    value_warm_up_cycles: NonNegativeInt = 0
    """First cycles in which only that is learned which the policy does not depend on:
    the value's head, and layers of its own. So a policy that begins well is not
    changed by advantages that are wrong still."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        for name in ("horizon", "minibatch_size"):
            value = getattr(self, name)
            if value % self.chunk_length:
                n_nearest = max(1, round(value / self.chunk_length))
                raise ConfigError(
                    f"ppo.{name} must be a multiple of ppo.chunk_length, got {value} "
                    f"and {self.chunk_length}. The nearest is "
                    f"{n_nearest * self.chunk_length}."
                )
        if self.schedule == "exponential" and self.final_learning_rate == 0:
            raise ConfigError(
                "ppo.final_learning_rate must be above zero for the exponential "
                "schedule, which never gets to zero."
            )
        return self


class RanksConfig(Settings):
    """What the MPI ranks do. But for rounding, nothing here changes a result."""

    per_node: PositiveInt | None = None
    """Declares that so many consecutive ranks share memory; None to ask MPI."""
    gpus_per_node: NonNegativeInt | None = None
    """GPUs of a node, for each of which one rank learns while all gather; None to
    count them. Without a GPU all ranks learn."""
    n_optimizers: PositiveInt | None = None
    """How many ranks learn at most; every node needs one."""
    stall_s: PositiveFloat = 1800.0
    """Time without progress after which a rank is named and the job is ended, s. It
    has to be longer than one compilation and one minibatch."""
    is_pinned: bool = True
    """Whether each of several ranks keeps to one core."""


class RunConfig(Settings):
    """Everything that decides the result of a training run."""

    task: TaskChoice = TaskChoice()
    """What is to be learned."""
    network: NetworkConfig = NetworkConfig()
    """Which network learns it."""
    policy: PolicyConfig = PolicyConfig()
    """How the network's output becomes an action."""
    normalization: NormalizationConfig = NormalizationConfig()
    """What is shifted and scaled."""
    ppo: PPOConfig = PPOConfig()
    """How it learns."""
    distillation: DistillationConfig | None = None
    """From whom it learns instead, where there is a teacher. Of `ppo` then count the
    sizes, the discount, `gae_lambda`, and what is said of values and of gradients."""
    hindsight: HindsightConfig | None = None
    """How it learns from all that it ever did, told under other goals, instead of by
    PPO from what it did last; for tasks with goals and networks without recurrence. Of
    `ppo` then count the horizon, the discount, the step sizes and `max_grad_norm`."""
    start: Path | None = None
    """The folder of a run, or of a checkpoint, whose weights and normalisation this run
    begins with: the ``best`` of a run. The network must be the same."""
    ranks: RanksConfig = RanksConfig()
    """What processes do."""
    n_worlds: PositiveInt = 64
    """Worlds of all ranks together."""
    n_cycles: PositiveInt = 150
    """Cycles of collecting and learning."""
    save_every: PositiveInt = 10
    """Cycles between two checkpoints."""
    n_kept: PositiveInt = 1
    """How many of the latest checkpoints are kept, beside the best."""
    seed: NonNegativeInt = 0
    """Seed of weights, worlds, actions and minibatches."""
    directory: Path = Path("runs/reach")
    """Where metrics and checkpoints are written."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        ppo, n_steps = self.ppo, self.ppo.horizon * self.n_worlds
        if ppo.minibatch_size > n_steps:
            raise ConfigError(
                f"ppo.minibatch_size is {ppo.minibatch_size}, more than the "
                f"{n_steps} control steps of a cycle (ppo.horizon {ppo.horizon} in "
                f"n_worlds {self.n_worlds}). The largest is {n_steps}."
            )
        if n_steps % ppo.minibatch_size:
            n_chunks = n_steps // ppo.chunk_length
            wanted = ppo.minibatch_size // ppo.chunk_length
            fitting = [n for n in range(1, n_chunks + 1) if n_chunks % n == 0]
            nearest = min(fitting, key=lambda n: abs(n - wanted))
            raise ConfigError(
                f"ppo.minibatch_size must divide the {n_steps} control steps of a "
                f"cycle (ppo.horizon {ppo.horizon} in n_worlds {self.n_worlds}), got "
                f"{ppo.minibatch_size}. The nearest is {nearest * ppo.chunk_length}."
            )
        return self


class PretrainingConfig(Settings):
    """Pretraining of vision: which pictures, which network, and how it learns."""

    height_px: Annotated[int, Field(ge=16, le=1024)] = 84
    """Height of the picture of one camera, pixels."""
    width_px: Annotated[int, Field(ge=16, le=1024)] = 84
    """Width of the picture of one camera, pixels."""
    n_cameras: Annotated[int, Field(ge=1, le=3)] = 1
    """Cameras around the hand."""
    hand: Literal["meshes", "shapes"] = "meshes"
    """``meshes``: the hand as it looks; ``shapes``: what it touches with, which is
    drawn three times as fast."""
    n_images: PositiveInt = 16_000
    """Pictures to learn from."""
    n_held_out: PositiveInt = 2_000
    """Pictures from other drops, on which the error is measured."""
    network: Path | None = None
    """A ``.keras`` file with a functional model that reads one picture, shape (H, W,
    3 `n_cameras`), numbers between 0 and 1; or a network of areas with maps, whose
    other sensations are then silent. By default a small convolutional one."""
    features: tuple[str, ...] = ()
    """Layers or areas of `network` from which the pose is read; by default its output,
    or the areas with maps at the ends of its visual streams."""
    n_epochs: PositiveInt = 12
    """Passes over the pictures."""
    batch_size: PositiveInt = 64
    """Pictures of an update."""
    learning_rate: PositiveFloat = 1e-3
    """Step size of Adam at the start; it falls to zero as half a cosine (Loshchilov &
    Hutter 2017, arXiv:1608.03983)."""
    rotation_weight: PositiveFloat = 1.0
    """Weight of the rotation's loss, one minus the cosine of the angle, beside the
    place's, its squared error in standard deviations."""
    seed: NonNegativeInt = 0
    """Seed of pictures, weights and order."""
