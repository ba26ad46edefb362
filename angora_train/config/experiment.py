# SPDX-License-Identifier: Apache-2.0
"""ExperimentConfig: runs that differ in what is compared, and in their seeds.

::

    base: reach                      # a preset or a config file
    change: [n_cycles=300]           # in all runs, as with --set
    vary:
      network:                       # a factor: its levels, each with what it changes
        fpn: {network.preset: fpn}
        wide: {network: {architecture: wide, match_parameters: fpn}}
      task:
        reach: {}
        free: {task.name: FreeReach}
    seeds: 0-4
    compare: network                 # the factor whose levels are set side by side
    metric: rollout/success
    threshold: 0.8
    directory: runs/networks
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import BeforeValidator, Field, NonNegativeInt, model_validator

from angora_train.config.settings import Settings, read_mapping
from angora_train.errors import ConfigError, closest

__all__ = ["ExperimentConfig", "flat_changes", "load_experiment", "parse_seeds"]

Changes = Mapping[str, Any]


def parse_seeds(text: str) -> list[int]:
    """Read a list of seeds.

    Parameters
    ----------
    text : str
        Seeds and ranges of seeds, with both ends, separated by commas.

    Returns
    -------
    list of int
        The seeds, ascending, each once.

    Raises
    ------
    ConfigError
        If the text is no such list.

    Examples
    --------
    >>> parse_seeds("0-2,7")
    [0, 1, 2, 7]
    """
    seeds: set[int] = set()
    for part in text.split(","):
        first, separator, last = part.strip().partition("-")
        if not first.isdecimal() or (separator and not last.isdigit()):
            raise ConfigError(f"Seeds read 0-9 or 0,3,5, got '{text}'.")
        ends = int(first), int(last or first)
        if ends[0] > ends[1]:
            raise ConfigError(f"A range of seeds ascends, got '{part.strip()}'.")
        seeds.update(range(ends[0], ends[1] + 1))
    return sorted(seeds)


def _seeds(value: Any) -> Any:
    """Let a text, or one seed, stand for a list of seeds."""
    if isinstance(value, bool):
        raise ConfigError("Seeds read 0-9 or [0, 3, 5], got a truth value.")
    if isinstance(value, str):
        return parse_seeds(value)
    return [value] if isinstance(value, int) else value


def _levels(value: Any) -> Any:
    """Let an empty level stand for one that changes nothing."""
    if not isinstance(value, Mapping):
        return value
    for name in value:
        if not isinstance(name, str):
            raise ConfigError(
                f"vary: a level is a name, got {name!r} ({type(name).__name__}). Quote "
                "it."
            )
    return {str(name): {} if level is None else level for name, level in value.items()}


def _changes(value: Any) -> Any:
    """Let a text stand for a list of one change."""
    return (value,) if isinstance(value, str) else value


def flat_changes(changes: Changes) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Yield each single change of a level: the way to its key, and the value.

    Parameters
    ----------
    changes : mapping of str to object
        Nested, or with dots.

    Examples
    --------
    >>> list(flat_changes({"ppo": {"clip_range": 0.1}, "task.name": "Reach"}))
    [(('ppo', 'clip_range'), 0.1), (('task', 'name'), 'Reach')]
    """
    for key, value in changes.items():
        here = tuple(str(key).split("."))
        if isinstance(value, Mapping) and value:
            for further, part in flat_changes(value):
                yield here + further, part
        else:
            yield here, value


_COLUMNS = {
    *("run", "seed", "state", "samples", "result", "samples_to_threshold", "hours"),
    "folder",
}
"""Columns of the results beside the factors."""


def _require_free(key: tuple[str, ...], where: str) -> None:
    """Refuse a change of what the experiment itself decides."""
    if key[0] in ("seed", "directory"):
        raise ConfigError(
            f"{where} changes '{key[0]}', which the experiment's own key "
            f"'{'seeds' if key[0] == 'seed' else 'directory'}' decides."
        )


class ExperimentConfig(Settings):
    """Which runs are made, and how they are compared."""

    base: str | Mapping[str, Any] = "reach"
    """A preset, a config file, or a config itself."""
    change: Annotated[tuple[str, ...], BeforeValidator(_changes)] = ()
    """What is changed in all runs, as ``ppo.clip_range=0.1``; one, or a list."""
    vary: Mapping[str, Annotated[Mapping[str, Changes], BeforeValidator(_levels)]] = (
        Field(default_factory=dict)
    )
    """Factors: by name, their levels; of each level what it changes, as keys of the
    config, nested or with dots. Every combination is run."""
    seeds: Annotated[
        tuple[NonNegativeInt, ...], BeforeValidator(_seeds), Field(min_length=1)
    ] = (0, 1, 2, 3, 4)
    """Seeds of every combination: ``0-4``, or a list."""
    compare: str | None = None
    """Factor whose levels are compared, within each combination of the others; by
    default the first."""
    metric: str = "rollout/return"
    """Column of the metrics that is compared; more is better."""
    threshold: float | None = None
    """Value of the metric up to which samples are counted."""
    directory: Path = Path("runs/experiment")
    """Where the runs are written, a folder each, and what they say together."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.compare is not None and self.compare not in self.vary:
            raise ConfigError(
                f"compare: there is no factor '{self.compare}'."
                f"{closest(self.compare, self.vary)} vary has: "
                f"{', '.join(self.vary) or 'none'}."
            )
        reserved = sorted(_COLUMNS & self.vary.keys())
        if reserved:
            raise ConfigError(
                f"vary: '{reserved[0]}' is a column of the results; call the factor "
                "something else."
            )
        self._check_changes()
        if len(set(self.seeds)) < len(self.seeds):
            raise ConfigError(f"seeds: each is given once, got {list(self.seeds)}.")
        for factor, levels in self.vary.items():
            if not levels:
                raise ConfigError(f"vary.{factor} has no level.")
            for name in (factor, *levels):
                if not name or any(sign in name for sign in "/\\=+") or name[0] == ".":
                    raise ConfigError(
                        f"'{name}' (vary.{factor}) becomes a part of a folder's name: "
                        "it may not be empty, begin with a dot, or have / \\ = or +."
                    )
        return self

    def _check_changes(self) -> None:
        """Refuse changes that would be lost."""
        owner: dict[tuple[str, ...], str] = {}
        for change in self.change:
            _require_free(tuple(change.partition("=")[0].split(".")), "change")
        for factor, levels in self.vary.items():
            keys = {k for level in levels.values() for k, _ in flat_changes(level)}
            for key in keys:
                _require_free(key, f"vary.{factor}")
                for other, whose in owner.items():
                    shared = min(len(key), len(other))
                    if key[:shared] == other[:shared]:
                        raise ConfigError(
                            f"vary: the factors '{whose}' and '{factor}' both change "
                            f"'{'.'.join(key)}'; one would undo the other."
                        )
            owner |= dict.fromkeys(keys, factor)

    @property
    def compared(self) -> str | None:
        """The factor whose levels are compared; None if nothing is varied."""
        return self.compare or next(iter(self.vary), None)


def load_experiment(source: Path | str) -> ExperimentConfig:
    """Read an experiment.

    Parameters
    ----------
    source : Path or str
        A YAML file, or the folder of an experiment that was begun.

    Returns
    -------
    ExperimentConfig
        The experiment. A config file that it names is looked for beside it, too.

    Raises
    ------
    ConfigError
        If there is no such file, or a key or value is not allowed.
    """
    if not isinstance(source, str | Path):
        raise ConfigError(
            f"An experiment is a YAML file or a folder, got {source!r}. "
            "docs/experiments.md shows what it holds."
        )
    source = Path(source)
    path = source / "experiment.yaml" if source.is_dir() else source
    if not path.is_file():
        what = (
            f"'{source}' has no experiment.yaml"
            if source.is_dir()
            else (f"There is no experiment file '{source}'")
        )
        raise ConfigError(f"{what}. docs/experiments.md shows what it holds.")
    data = read_mapping(path)
    base = data.get("base")
    if isinstance(base, str) and (path.parent / base).is_file():
        data["base"] = str(path.parent / base)
    if source.is_dir():
        data["directory"] = str(source)
    return ExperimentConfig.from_dict(data)
