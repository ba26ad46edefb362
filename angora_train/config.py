# SPDX-License-Identifier: Apache-2.0
"""RunConfig: everything that decides a result."""

from collections.abc import Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import yaml
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    NonNegativeFloat,
    NonNegativeInt,
    PositiveFloat,
    PositiveInt,
    ValidationError,
    model_validator,
)

from angora_train.errors import ConfigError, closest

__all__ = [
    "NetworkConfig",
    "NormalizationConfig",
    "PPOConfig",
    "PolicyConfig",
    "RunConfig",
    "TaskConfig",
    "load_config",
]

Fraction = Annotated[float, Field(ge=0.0, le=1.0)]


class _Frozen(BaseModel):
    """Immutable, and strict about its keys."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", use_attribute_docstrings=True
    )


class TaskConfig(_Frozen):
    """Which task, and with which options."""

    name: str = "Reach"
    """Name in the registry of tasks."""
    options: Mapping[str, Any] = Field(default_factory=dict)
    """Fields of the task's own config."""


class NetworkConfig(_Frozen):
    """Which network: a model file, a preset of the atlas, or regions by name."""

    path: Path | None = None
    """A ``.keras`` file; the fields below then count for nothing."""
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
    n_units: PositiveInt = 2048
    """Units of all areas together."""
    exponent: NonNegativeFloat = 1.0
    """Power of the cell count that units are proportional to."""
    floor: PositiveInt = 32
    """Fewest units of an area."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.path is None and not self.regions and self.preset is None:
            raise ConfigError("The network needs a path, a preset or regions.")
        return self


class PolicyConfig(_Frozen):
    """How the policy head's output becomes an action."""

    distribution: Literal["multi_categorical"] = "multi_categorical"
    """Family of the action distribution."""
    n_bins: Annotated[int, Field(ge=2)] = 11
    """Bins of an actuator (Andrychowicz et al. 2020, arXiv:1808.00177)."""


class NormalizationConfig(_Frozen):
    """Running normalisation of sensations and rewards."""

    sensations: bool | str = True
    """Whether to shift and scale sensations; or a class of your own, ``module:Class``,
    see `angora_train.normalization.Normalizer`."""
    sensation_clip: PositiveFloat = 5.0
    """Largest normalised sensation, in standard deviations."""
    reward: bool | str = True
    """Whether to divide rewards by the standard deviation of the return; or a class of
    your own, ``module:Class``, see `angora_train.normalization.RewardScaler`."""
    warm_up_steps: PositiveInt = 30
    """Control steps with random actions before training, for the first moments."""


class PPOConfig(_Frozen):
    """Hyperparameters of proximal policy optimisation (Schulman et al. 2017)."""

    horizon: PositiveInt = 64
    """Control steps collected per world and cycle."""
    chunk_length: PositiveInt = 16
    """Control steps through which gradients flow back."""
    n_epochs: PositiveInt = 4
    """Passes over the data of a cycle."""
    n_minibatches: PositiveInt = 2
    """Updates of an epoch: every world gives each an equal share of its chunks."""
    learning_rate: PositiveFloat = 1e-3
    """Step size of Adam at the start."""
    final_learning_rate: NonNegativeFloat = 5e-5
    """Step size at the last cycle; it changes linearly in between."""
    adam_epsilon: PositiveFloat = 1e-5
    """Added to Adam's denominator (the value of OpenAI's baselines)."""
    discount: Fraction = 0.99
    """Discount factor per control step; the presets have that of their task."""
    gae_lambda: Fraction = 0.95
    """Trade of bias (0) against variance (1)."""
    clip_range: Annotated[float, Field(gt=0, lt=1)] = 0.2
    """Largest change of the probability ratio, as a fraction of 1."""
    value_coef: NonNegativeFloat = 0.5
    """Weight of the value loss."""
    entropy_coef: NonNegativeFloat = 0.0
    """Weight of the entropy bonus, on the entropy summed over dimensions."""
    max_grad_norm: PositiveFloat = 0.5
    """Largest global norm of the averaged gradient."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.horizon % self.chunk_length:
            n_nearest = max(1, round(self.horizon / self.chunk_length))
            raise ConfigError(
                f"ppo.horizon must be a multiple of ppo.chunk_length, got "
                f"{self.horizon} and {self.chunk_length}. The nearest is "
                f"{n_nearest * self.chunk_length}."
            )
        n_chunks = self.horizon // self.chunk_length
        if n_chunks % self.n_minibatches:
            fitting = [n for n in range(1, n_chunks + 1) if n_chunks % n == 0]
            raise ConfigError(
                f"ppo.n_minibatches must divide the {n_chunks} chunks of a world, got "
                f"{self.n_minibatches}. Allowed: {', '.join(map(str, fitting))}."
            )
        return self


class RunConfig(_Frozen):
    """Everything that decides the result of a training run."""

    task: TaskConfig = TaskConfig()
    network: NetworkConfig = NetworkConfig()
    policy: PolicyConfig = PolicyConfig()
    normalization: NormalizationConfig = NormalizationConfig()
    ppo: PPOConfig = PPOConfig()
    n_worlds: PositiveInt = 64
    """Worlds of all ranks together."""
    n_cycles: PositiveInt = 150
    """Cycles of collecting and learning."""
    save_every: PositiveInt = 10
    """Cycles between two checkpoints."""
    seed: NonNegativeInt = 0
    """Seed of weights, worlds, actions and minibatches."""
    directory: Path = Path("runs/reach")
    """Where metrics and checkpoints are written."""

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """Validate a plain mapping.

        Raises
        ------
        ConfigError
            If a key is unknown or a value is not allowed: with the nearest key.
        """
        try:
            return cls.model_validate(data)
        except ValidationError as error:
            raise ConfigError(_explain(error)) from error

    def to_yaml(self) -> str:
        """Return the config, all defaults filled in, as YAML text."""
        text: str = yaml.safe_dump(self.model_dump(mode="json"), sort_keys=False)
        return text


def load_config(source: str, overrides: Sequence[str] = ()) -> RunConfig:
    """Read a run's config.

    Parameters
    ----------
    source : str
        A YAML file, or the name of a preset that ships with the package.
    overrides : sequence of str
        Changes as ``ppo.clip_range=0.1``; the values are YAML.

    Returns
    -------
    RunConfig
        The config, validated.

    Raises
    ------
    ConfigError
        If there is no such file or preset, it is no mapping, or a key or value is
        not allowed.
    """
    data = _read_yaml(source)
    for override in overrides:
        key, separator, text = override.partition("=")
        if not separator:
            raise ConfigError(f"An override reads KEY=VALUE, got '{override}'.")
        try:
            value = yaml.safe_load(text)
        except yaml.YAMLError as error:
            raise ConfigError(
                f"The value of '{override}' is no valid YAML. Close its brackets and "
                "quotes, and quote names with special characters: "
                "'network.regions=[\"Area 4p (PreCG)\"]'."
            ) from error
        _set(data, key.split("."), value, override)
    return RunConfig.from_dict(data)


def _read_yaml(source: str) -> dict[str, Any]:
    """Return the mapping in a YAML file or preset."""
    presets = files("angora_train.presets")
    path = Path(source)
    preset = presets / f"{source}.yaml"
    if path.is_file() and path.suffix not in {".yaml", ".yml"}:
        raise ConfigError(f"A config file ends in .yaml, got '{source}'.")
    if path.is_file():
        text = path.read_text(encoding="utf-8")
    elif preset.is_file():
        text = preset.read_text(encoding="utf-8")
    else:
        known = sorted(
            entry.name.removesuffix(".yaml")
            for entry in presets.iterdir()
            if entry.name.endswith(".yaml")
        )
        raise ConfigError(
            f"There is no config file or preset '{source}'.{closest(source, known)} "
            f"Presets: {', '.join(known)}."
        )
    try:
        data = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ConfigError(f"'{source}' is no valid YAML: {error}") from error
    if not isinstance(data, dict):
        raise ConfigError(f"'{source}' must hold a mapping, got {type(data).__name__}.")
    return data


def _set(data: dict[str, Any], keys: list[str], value: Any, override: str) -> None:
    """Set a nested key."""
    for key in keys[:-1]:
        data = data.setdefault(key, {})
        if not isinstance(data, dict):
            raise ConfigError(f"'{override}': '{key}' is a value, not a section.")
    data[keys[-1]] = value


def _explain(error: ValidationError) -> str:
    """Say what is wrong with the first offending field."""
    first = error.errors()[0]
    cause = first.get("ctx", {}).get("error")
    if isinstance(cause, ConfigError):
        return str(cause)
    where = ".".join(str(part) for part in first["loc"])
    if first["type"] == "extra_forbidden":
        known = _known_keys(first["loc"][:-1])
        hint = closest(str(first["loc"][-1]), known)
        return f"Unknown config key '{where}'.{hint} Allowed: {', '.join(known)}."
    return f"Config key '{where}': {first['msg']}, got {first['input']!r}."


def _known_keys(location: tuple[str | int, ...]) -> list[str]:
    """Return the keys that a section of the config allows."""
    model: type[BaseModel] = RunConfig
    for part in location:
        annotation = model.model_fields[str(part)].annotation
        if isinstance(annotation, type) and issubclass(annotation, BaseModel):
            model = annotation
    return list(model.model_fields)
