# SPDX-License-Identifier: Apache-2.0
"""Checkpoints: a folder that holds all of a run, written whole or not at all.

::

    runs/reach/
      config.yaml              the resolved config
      metrics.jsonl            one line a cycle
      graph.json network.json  where the network came from
      checkpoints/
        last, best             small files with the name of a folder below; where both
                               name one, the folder before it is kept, too
        cycle-000150/
          model.keras          weights and architecture, Keras' own format
          optimizer.npz        Adam's moments; needed to resume
          moments.npz          normalisation of sensations, rewards and values
          worlds.npz           where every world is, with its generators
          state.json           cycle, samples, best return, seed, versions, and the
                               stages by which the agent came to what it can do
          config.yaml          the resolved config
"""

import hashlib
import json
import shutil
import subprocess
import tempfile
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Literal, get_args

import keras
import numpy as np
from numpy.typing import NDArray

from angora_train.agent.agent import Agent
from angora_train.agent.distributions import make_distribution
from angora_train.config.loading import load_config
from angora_train.config.run import RunConfig
from angora_train.engine import make_engine
from angora_train.errors import CheckpointError
from angora_train.run.lineage import Stage, stages_of
from angora_train.run.versions import installed_versions
from atlasnet import AtlasNetError, Intervention, intervene, load_model
from atlasnet.files import write_text

__all__ = [
    "Checkpoint",
    "Which",
    "is_finished",
    "load",
    "load_agent",
    "load_stages",
    "mark_of",
    "read_config",
    "save",
]

Which = Literal["best", "last"]
_SENSED = "sensation/"
"""Begins the names of moments of sensations, which may be called like others."""
_BROKEN = (AtlasNetError, EOFError, OSError, ValueError, zipfile.BadZipFile, zlib.error)
"""What reading a damaged file may raise; ConfigError is a ValueError."""


@dataclass(frozen=True)
class Checkpoint:
    """What a checkpoint holds beside its model.

    Attributes
    ----------
    model : keras.Model
        The model with its weights.
    config : RunConfig
        The resolved config of the run.
    optimizer : dict of str to ndarray
        Variables of the optimizer, in its own order; empty where it was left out, so
        that the agent can play and teach, but not be trained on.
    moments : dict of str to ndarray of float64
        Normalisation: ``sensation/<name>``, ``reward`` and ``value``. In older files
        sensations have their plain names.
    progress : dict
        Cycle, samples, best return and seed; with the cycle, every generator of
        the agent's random numbers follows from the seed.
    worlds : dict of str to ndarray, shape (n_worlds, ...)
        Where the worlds of all ranks are; empty for a task that cannot be saved.
    """

    model: keras.Model
    config: RunConfig
    optimizer: dict[str, NDArray[Any]]
    moments: dict[str, NDArray[np.float64]]
    progress: dict[str, Any]
    worlds: dict[str, NDArray[Any]] = field(default_factory=dict)

    @property
    def sensed(self) -> dict[str, NDArray[np.float64]]:
        """Moments of the sensations, by name."""
        own = {
            name.removeprefix(_SENSED): x
            for name, x in self.moments.items()
            if name.startswith(_SENSED)
        }
        return own or self.moments

    @staticmethod
    def named(sensed: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
        """Return moments of sensations as a checkpoint calls them."""
        return {f"{_SENSED}{name}": x for name, x in sensed.items()}


def save(
    directory: Path | str,
    checkpoint: Checkpoint,
    marks: tuple[Which, ...],
    n_kept: int = 1,
) -> Path:
    """Write a checkpoint and point `marks` at it.

    The folder is written under another name, read back and renamed; then the marks are
    replaced, `last` first; then older folders without a mark are deleted, but for one:
    at every instant the marks point at whole checkpoints, and there is another whole
    one beside the newest.

    Parameters
    ----------
    directory : Path or str
        The run's folder.
    checkpoint : Checkpoint
        What to save.
    marks : tuple of {"best", "last"}
        Under which names it can be loaded.
    n_kept : int
        How many of the latest checkpoints are kept, beside the marked ones.

    Returns
    -------
    Path
        The checkpoint's folder.

    Raises
    ------
    CheckpointError
        If something in it is not finite, or it cannot be written, as when the disk is
        full; what was there before is as it was.
    """
    _require_finite(checkpoint)
    root = Path(directory) / "checkpoints"
    try:
        root.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(dir=root, prefix=".saving-"))
        try:
            _write(temporary, checkpoint)
            _require_whole(temporary)
            folder = _free_name(root, int(checkpoint.progress["cycle"]))
            temporary.rename(folder)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)
        for mark in sorted(marks, reverse=True):  # last, then best
            write_text(root / mark, folder.name)
    except (
        OSError,
        RuntimeError,
        zipfile.BadZipFile,
    ) as error:
        # h5py raises a RuntimeError.
        reason = getattr(error, "strerror", None) or str(error)
        raise CheckpointError(
            f"The checkpoint of cycle {checkpoint.progress['cycle']} cannot be written "
            f"to '{root}': {reason}. The last checkpoint is whole."
        ) from error
    _delete_unmarked(root, n_kept)
    return folder


def _write(folder: Path, checkpoint: Checkpoint) -> None:
    """Write the files of a checkpoint."""
    checkpoint.model.save(folder / "model.keras")
    np.savez(folder / "optimizer.npz", allow_pickle=False, **checkpoint.optimizer)
    np.savez(folder / "moments.npz", allow_pickle=False, **checkpoint.moments)
    if checkpoint.worlds:
        np.savez(folder / "worlds.npz", allow_pickle=False, **checkpoint.worlds)
    state = {**checkpoint.progress, "versions": _versions()}
    write_text(folder / "state.json", json.dumps(state, indent=1))
    write_text(folder / "config.yaml", checkpoint.config.to_yaml())
    folder.chmod(0o755)  # mkdtemp grants the owner alone


def _require_finite(checkpoint: Checkpoint) -> None:
    """Refuse to save what nobody could go on from."""
    weights = {w.path: keras.ops.convert_to_numpy(w) for w in checkpoint.model.weights}
    parts = {
        "the network's weights": weights,
        "the optimizer": checkpoint.optimizer,
        "the normalisation": checkpoint.moments,
    }
    for part, arrays in parts.items():
        for name, x in arrays.items():
            if x.dtype.kind == "f" and not np.isfinite(x).all():
                raise CheckpointError(
                    f"The checkpoint of cycle {checkpoint.progress['cycle']} is not "
                    f"saved: in {part}, '{name}' is not finite. The last checkpoint is "
                    "whole; go on from it with a smaller ppo.learning_rate."
                )


def _require_whole(folder: Path) -> None:
    """Refuse files that did not reach the disk as they were written."""
    for path in (folder / "model.keras", *sorted(folder.glob("*.npz"))):
        with zipfile.ZipFile(path) as file:
            broken = file.testzip()
        if broken is not None:
            raise OSError(f"'{path.name}' is damaged at '{broken}'")


def _free_name(root: Path, cycle: int) -> Path:
    """Return a new folder: a cycle may be saved again after a resume."""
    folder = root / f"cycle-{cycle:06d}"
    repetition = 1
    while folder.exists():
        repetition += 1
        folder = root / f"cycle-{cycle:06d}-{repetition}"
    return folder


def _delete_unmarked(root: Path, n_kept: int) -> None:
    """Delete folders that no mark points at, and what killed saves left."""
    for folder in root.glob(".saving-*"):
        shutil.rmtree(folder, ignore_errors=True)
    marked = {
        (root / mark).read_text(encoding="utf-8").strip()
        for mark in ("best", "last")
        if (root / mark).is_file()
    }
    folders = sorted(root.glob("cycle-*"), key=lambda path: path.stat().st_mtime_ns)
    if len(marked) == 1:  # never all that there is in one folder
        n_kept = max(n_kept, 2)
    for folder in folders[: max(0, len(folders) - n_kept)]:
        if folder.name not in marked:
            shutil.rmtree(folder, ignore_errors=True)


@cache
def _versions() -> dict[str, str]:
    """Return the versions of what decides a result, and the commit of a checkout."""
    versions = {"backend": keras.config.backend(), **installed_versions()}
    with suppress(OSError, subprocess.SubprocessError):
        versions["commit"] = subprocess.run(
            ["git", "describe", "--always", "--dirty", "--abbrev=40"],
            cwd=Path(__file__).parent,
            capture_output=True,
            text=True,
            check=True,
            timeout=10,
        ).stdout.strip()
    return versions


def _folder(path: Path | str, which: Which) -> Path:
    """Return the folder of a checkpoint: itself, or one of a run."""
    if not isinstance(path, str | Path):
        raise CheckpointError(
            f"A run is named by its folder, a text or a path, got {path!r}: for "
            "example 'runs/reach'."
        )
    if which not in get_args(Which):
        raise CheckpointError(
            f"There is no checkpoint {which!r} of a run; one is 'best' or 'last'."
        )
    path = Path(path)
    if (path / "state.json").is_file():
        return path
    mark = path / "checkpoints" / which
    if not mark.is_file():
        raise CheckpointError(
            f"There is no checkpoint '{which}' in '{path}'. A run's folder holds "
            f"'checkpoints/{which}' after its first save."
        )
    try:
        folder = mark.parent / mark.read_text(encoding="utf-8").strip()
    except ValueError as error:
        raise CheckpointError(f"'{mark}' is broken: {error}.") from error
    if not folder.is_dir():
        raise CheckpointError(f"'{mark}' points at '{folder.name}', which is missing.")
    return folder


def mark_of(path: Path | str, which: Which = "best") -> str:
    """Return what tells a checkpoint from others, and from one made in its place.

    Parameters
    ----------
    path : Path or str
        A run's folder or a checkpoint's.
    which : {"best", "last"}
        Which checkpoint of a run.

    Returns
    -------
    str
        Its name, and 12 digits that follow from its network.

    Raises
    ------
    CheckpointError
        If there is none.
    """
    folder = _folder(path, which)
    model = folder / "model.keras"
    if not model.is_file():
        raise CheckpointError(f"The checkpoint '{folder}' is broken: no {model.name}.")
    with model.open("rb") as file:
        digits = hashlib.file_digest(file, "sha256").hexdigest()
    return f"{folder.name} {digits[:12]}"


def is_finished(config: RunConfig) -> bool:
    """Whether a run has a checkpoint of its last cycle."""
    if not (config.directory / "checkpoints" / "last").is_file():
        return False
    folder = _folder(config.directory, "last")
    return bool(_read_progress(folder / "state.json")["cycle"] >= config.n_cycles)


def read_config(
    path: Path | str, which: Which = "last", overrides: Sequence[str] = ()
) -> RunConfig:
    """Return the resolved config of a run or checkpoint.

    Parameters
    ----------
    path : Path or str
        A run's folder or a checkpoint's.
    which : {"best", "last"}
        Which checkpoint of a run.
    overrides : sequence of str
        Changes, as ``n_cycles=300``.

    Returns
    -------
    RunConfig
        The config.

    Raises
    ------
    CheckpointError
        If there is no checkpoint, or it has no config.
    """
    file = _folder(path, which) / "config.yaml"
    if not file.is_file():
        raise CheckpointError(
            f"The checkpoint '{file.parent}' has no config.yaml. If a training is "
            "running there, it has just replaced the checkpoint: try again."
        )
    return load_config(str(file), overrides)


def load_stages(path: Path | str, which: Which = "best") -> tuple[Stage, ...]:
    """Return how the agent of a run or checkpoint came to what it can do.

    Parameters
    ----------
    path : Path or str
        A run's folder or a checkpoint's.
    which : {"best", "last"}
        Which checkpoint of a run.

    Returns
    -------
    tuple of Stage
        In order of time; see `angora_train.run.lineage.told`.
    """
    folder = _folder(path, which)
    try:
        progress = _read_progress(folder / "state.json")
        return stages_of(progress, read_config(folder))
    except (OSError, ValueError, TypeError) as error:
        raise CheckpointError(
            f"The checkpoint '{folder}' is broken: {error}"
        ) from error


def load(path: Path | str, which: Which = "last") -> Checkpoint:
    """Read a checkpoint.

    Parameters
    ----------
    path : Path or str
        A run's folder or a checkpoint's.
    which : {"best", "last"}
        Which checkpoint of a run.

    Returns
    -------
    Checkpoint
        All it holds.

    Raises
    ------
    CheckpointError
        If it is missing or a file of it cannot be read.
    """
    folder = _folder(path, which)
    optimizer, worlds = folder / "optimizer.npz", folder / "worlds.npz"
    try:
        return Checkpoint(
            model=load_model(folder / "model.keras"),
            config=load_config(str(folder / "config.yaml")),
            optimizer=_read_arrays(optimizer) if optimizer.is_file() else {},
            moments=_read_arrays(folder / "moments.npz"),
            worlds=_read_arrays(worlds) if worlds.is_file() else {},
            progress=_read_progress(folder / "state.json"),
        )
    except _BROKEN as error:
        raise CheckpointError(
            f"The checkpoint '{folder}' is broken: {error}"
        ) from error


def _read_progress(path: Path) -> dict[str, Any]:
    """Read how far a run got."""
    progress = json.loads(path.read_text(encoding="utf-8"))
    if not isinstance(progress, dict) or not {"cycle", "best_return"} <= set(progress):
        raise ValueError("state.json does not say how far the run got")
    return progress


def _read_arrays(path: Path) -> dict[str, NDArray[Any]]:
    """Read named arrays; pickled ones are refused."""
    with path.open("rb") as file, np.load(file, allow_pickle=False) as stored:
        # With its ending, a name is never another's: 'a.npy' beside 'a'.
        return {name: stored[f"{name}.npy"] for name in stored.files}


def load_agent(
    path: Path | str,
    which: Which = "best",
    probes: Mapping[str, str] | None = None,
    interventions: Sequence[Intervention] = (),
) -> Agent:
    """Return the agent of a run or checkpoint, ready to act.

    Parameters
    ----------
    path : Path or str
        A run's folder or a checkpoint's.
    which : {"best", "last"}
        Which checkpoint of a run.
    probes : mapping of str to str, optional
        Layers to read at every step; see :class:`angora_train.agent.agent.Agent`.
    interventions : sequence of Intervention
        Lesions, clamps and noise; see `atlasnet.Lesion`.

    Returns
    -------
    Agent
        With the weights and the normalisation of the checkpoint.
    """
    checkpoint = load(path, which)
    model, config = checkpoint.model, checkpoint.config
    if interventions:
        model = intervene(model, interventions)
    width = int(model.output["policy"].shape[-1])
    n_actions = width // make_distribution(config.policy, 1).n_parameters
    return Agent.of(
        model,
        make_distribution(config.policy, n_actions),
        config.normalization,
        make_engine(),
        moments=checkpoint.sensed,
        probes=probes,
    )
