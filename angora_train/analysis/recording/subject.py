# SPDX-License-Identifier: Apache-2.0
"""Subjects: a run or a recording, as every analysis takes it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import xarray as xr

from angora_train.analysis.recording.reader import open_recording
from angora_train.analysis.recording.replay import replay_to
from angora_train.analysis.recording.runs import (
    Played,
    record_run,
    untrained_agent,
)
from angora_train.errors import AngoraError, ConfigError
from angora_train.run.checkpoint import Which, mark_of
from atlasnet import NetworkSpec

__all__ = ["Report", "Subject", "read_subjects", "silent"]

Report = Callable[[str, int, int, str], None]
"""Told what is being done, how much of it is, how much there is, and more in words."""


def silent(what: str, n_done: int, n: int, text: str = "") -> None:
    """Say nothing."""


@dataclass(frozen=True)
class Subject:
    """A run or a recording.

    Attributes
    ----------
    name : str
        What tells it from other subjects: the last parts of its path.
    path : Path
        The recording's file.
    folder : Path
        Where results go: the run's ``analysis``, or beside the recording.
    run : Path, optional
        The run's folder.
    which : {"best", "last"}
        Which checkpoint of the run.
    spec : NetworkSpec, optional
        The run's network, where it has areas.
    tell : callable
        Told how far a replay is.
    """

    name: str
    path: Path
    folder: Path
    run: Path | None = None
    which: Which = "best"
    spec: NetworkSpec | None = field(default=None, repr=False)
    tell: Report = field(default=silent, repr=False)

    def recording(self) -> xr.Dataset:
        """Open the recording without reading it."""
        return open_recording(self.path)

    def untrained(self) -> xr.Dataset | None:
        """Open the recorded sensations replayed through the initial network.

        Returns
        -------
        xarray.Dataset or None
            Kept in ``untrained.nc`` in the subject's folder; None for a recording
            without its run.

        Raises
        ------
        CheckpointError
            If the initial network cannot be made again.
        """
        if self.run is None:
            return None
        path = self.folder / "untrained.nc"
        with self.recording() as recording:
            wanted = {
                "replayed_recording": _stamp(self.path),
                "replayed_through": f"initial weights of {recording.attrs['run']}",
            }
            if not _is_as_wanted(path, wanted):
                agent = untrained_agent(self.run, self.which)
                what = f"{self.name} untrained"
                replay_to(path, agent, recording, wanted, tell=partial(self.tell, what))
        return open_recording(path)


def read_subjects(
    paths: Sequence[Path | str],
    *,
    episodes: int = 100,
    seed: int = 20_000,
    which: Which = "best",
    tell: Report = silent,
) -> tuple[Subject, ...]:
    """Take runs and recordings as subjects; record the runs that are not yet.

    Parameters
    ----------
    paths : sequence of Path or str
        Folders of runs, and files that end in ``.nc``.
    episodes : int
        Episodes that a run's recording has.
    seed : int
        Their seed.
    which : {"best", "last"}
        Which checkpoint of a run.
    tell : callable
        Told what is being done, how much of it is, how much there is, and more in
        words; `atlasnet.commands.console.reporting` shows it.

    Returns
    -------
    tuple of Subject
        In the order of the paths. A run's recording is ``analysis/recording.nc`` in
        its folder, if it is of the same checkpoint, seed and number of episodes, and
        nothing was done to the network; else it is made there.

    Raises
    ------
    AngoraError
        If a path is neither a run nor a recording, or one comes twice.
    """
    if not paths:
        raise ConfigError("There is no subject: name a run's folder or a recording.")
    known: set[Path] = set()
    subjects = []
    for name, path in zip(_names(paths), map(Path, paths), strict=True):
        if path.resolve() in known:
            raise ConfigError(f"'{path}' comes twice among the subjects.")
        known.add(path.resolve())
        if path.suffix == ".nc":
            open_recording(path).close()
            subjects.append(Subject(name, path, path.parent, tell=tell))
        elif path.is_dir():
            subjects.append(_of_run(name, path, episodes, seed, which, tell))
        else:
            raise AngoraError(
                f"'{path}' is neither the folder of a run nor a recording, a file that "
                "ends in '.nc'."
            )
    return tuple(subjects)


def _of_run(
    name: str, directory: Path, episodes: int, seed: int, which: Which, tell: Report
) -> Subject:
    """Return a run as a subject; record it if it is not yet."""
    folder = directory / "analysis"
    path = folder / "recording.nc"
    wanted = {
        "checkpoint": mark_of(directory, which),
        "seed": seed,
        "interventions": "[]",
        "perturbations": "[]",
    }
    if not _is_as_wanted(path, wanted, episodes):
        played = Played(episodes, seed, which)
        record_run(directory, path, played, tell=partial(tell, name))
    plan = directory / "network.json"
    spec = NetworkSpec.load(plan) if plan.is_file() else None
    return Subject(name, path, folder, directory, which, spec, tell)


def _is_as_wanted(
    path: Path, wanted: Mapping[str, object], episodes: int | None = None
) -> bool:
    """Whether a file is a recording with some attributes; a broken one is not."""
    if not path.is_file():
        return False
    try:
        recording = open_recording(path)
    except AngoraError:
        return False
    with recording:
        has_all = episodes in (None, recording.sizes["episode"])
        return has_all and all(recording.attrs.get(k) == x for k, x in wanted.items())


def _stamp(path: Path) -> str:
    """Return what tells a file from one that took its place."""
    found = path.stat()
    return f"{found.st_size} bytes at {found.st_mtime_ns} ns"


def _names(paths: Sequence[Path | str]) -> list[str]:
    """Return the shortest ends of paths that tell them apart."""
    ends = [Path(path).resolve() for path in paths]
    parts = [x.with_suffix("").parts if x.suffix == ".nc" else x.parts for x in ends]
    for n in range(1, max(map(len, parts)) + 1):
        names = ["/".join(own[-n:]) for own in parts]
        if len(set(names)) == len(names):
            return names
    return [str(path) for path in paths]
