# SPDX-License-Identifier: Apache-2.0
"""Plan: the runs of an experiment, each with its config and its folder.

::

    runs/networks/
      experiment.yaml            what is compared
      fpn+reach/seed-0/          a run each, by its levels and its seed
      fpn+reach/seed-1/
      wide+reach/seed-0/
      results.csv                one line a run
      curves.csv, curves.png     what they say together
"""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

from angora_train.config.experiment import (
    ExperimentConfig,
    flat_changes,
    load_experiment,
)
from angora_train.config.loading import config_data, with_change
from angora_train.config.run import RunConfig
from angora_train.errors import ConfigError
from atlasnet.files import write_text

__all__ = [
    "PlannedRun",
    "planned_runs",
    "require_same",
    "run_numbers",
    "save_experiment",
]


@dataclass(frozen=True)
class PlannedRun:
    """One run of an experiment.

    Attributes
    ----------
    levels : mapping of str to str
        Level of each factor.
    seed : int
        Its seed.
    config : RunConfig
        Everything that decides its result.
    """

    levels: Mapping[str, str]
    seed: int
    config: RunConfig

    @property
    def cell(self) -> str:
        """Name of the combination of levels; empty if nothing is varied."""
        return "+".join(self.levels.values())

    @property
    def name(self) -> str:
        """What it is called in tables."""
        return f"{self.cell} seed {self.seed}".strip()

    @property
    def folder(self) -> Path:
        """Folder of the run."""
        return self.config.directory


def planned_runs(experiment: ExperimentConfig) -> tuple[PlannedRun, ...]:
    """Return the runs of an experiment: all seeds of a combination, then the next.

    Parameters
    ----------
    experiment : ExperimentConfig
        What is compared.

    Returns
    -------
    tuple of PlannedRun
        In the order in which they are made: the first seed of every combination, then
        the second, so that early results are of all combinations. The place in this
        order is the run's number.

    Raises
    ------
    ConfigError
        If a combination's config cannot be: it says of which.
    """
    factors = list(experiment.vary)
    cells = list(product(*(experiment.vary[factor] for factor in factors)))
    runs = []
    for seed in experiment.seeds:
        for names in cells:
            levels = dict(zip(factors, names, strict=True))
            runs.append(_planned(experiment, levels, seed))
    return tuple(runs)


def _planned(
    experiment: ExperimentConfig, levels: Mapping[str, str], seed: int
) -> PlannedRun:
    """Return one run."""
    data = config_data(experiment.base, experiment.change)
    for factor, level in levels.items():
        for keys, value in flat_changes(experiment.vary[factor][level]):
            with_change(data, keys, value, f"vary.{factor}.{level}")
    cell = "+".join(levels.values())
    folder = experiment.directory / cell / f"seed-{seed}"
    data |= {"seed": seed, "directory": str(folder)}
    try:
        return PlannedRun(levels, seed, RunConfig.from_dict(data))
    except ConfigError as error:
        where = f"{cell}: " if cell else ""
        raise ConfigError(f"{where}{error}") from error


def save_experiment(experiment: ExperimentConfig) -> None:
    """Write ``experiment.yaml`` into the experiment's folder.

    It holds the base as data, so that it serves wherever it is read, and the seeds of
    before, too: those of an experiment may come one by one, as from an array of jobs.

    Parameters
    ----------
    experiment : ExperimentConfig
        What is compared.

    Raises
    ------
    ConfigError
        If the folder holds a run that has begun and is of another experiment.
    """
    require_same(experiment)
    path = experiment.directory / "experiment.yaml"
    seeds = set(experiment.seeds)
    if path.is_file():
        seeds |= set(load_experiment(experiment.directory).seeds)
    data = {"base": config_data(experiment.base), "seeds": tuple(sorted(seeds))}
    write_text(path, experiment.model_copy(update=data).to_yaml())


def run_numbers(directory: Path) -> dict[Path, int]:
    """Return the number of each run in an experiment that was saved, by its folder.

    Parameters
    ----------
    directory : Path
        The experiment's folder.

    Returns
    -------
    dict of Path to int
        What ``--only`` takes there: the folder knows seeds of before, too, so that a
        run's number may be another than in the plan that is being made.
    """
    stored = planned_runs(load_experiment(directory))
    return {run.folder: number for number, run in enumerate(stored)}


def require_same(experiment: ExperimentConfig) -> None:
    """Refuse an experiment whose folder holds another one.

    Parameters
    ----------
    experiment : ExperimentConfig
        What is compared.

    Raises
    ------
    ConfigError
        If a run of the same levels and seed has begun with another config: they may
        differ in how long they are. Or if one has begun whose levels the experiment
        does not have: its results would be told of no more. Levels and seeds may be
        added.
    """
    if not (experiment.directory / "experiment.yaml").is_file():
        return
    planned = planned_runs(experiment)
    now = {run.folder: run for run in planned}
    cells = {tuple(run.levels.items()) for run in planned}
    for run in planned_runs(load_experiment(experiment.directory)):
        if not (run.folder / "config.yaml").is_file():
            continue
        if tuple(run.levels.items()) not in cells:
            differs = "is none of this one's"
        elif run.folder in now and _essence(run) != _essence(now[run.folder]):
            differs = "has another config"
        else:
            continue
        raise ConfigError(
            f"'{experiment.directory}' holds another experiment: its run "
            f"'{run.name}' {differs}. Choose another directory, or go on "
            f"with what is there: angora-train experiment {experiment.directory}"
        )


def _essence(run: PlannedRun) -> dict[str, Any]:
    """Return what of a run's config may not change while its experiment goes on."""
    free = {"n_cycles", "save_every", "n_kept", "ranks", "directory"}
    return run.config.model_dump(mode="json", exclude=free)
