# SPDX-License-Identifier: Apache-2.0
"""Writer: recordings written in blocks, so that they may be larger than memory.

A recording is a NetCDF 4 file. What has a row for each step is stored in pieces of some
episodes, some steps and some units: who reads one area reads little else.
"""

import shutil
import zlib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

import h5netcdf
import h5py
import numpy as np
import xarray as xr
from numpy.typing import NDArray

from angora_train.analysis.recording.layout import Layout
from angora_train.analysis.recording.schema import VERSION, dimensions
from angora_train.errors import AngoraError, ConfigError
from atlasnet.files import replacing

__all__ = [
    "RecordingWriter",
    "blocks_of",
    "nothing",
    "require_nc",
    "save_recording",
    "writing",
]

_BLOCK_BYTES = 64 * 2**20
"""Most that is held in memory before it is written."""
_LONGEST_BLOCK = 32
"""Most control steps that are written at once."""
_PIECE_BYTES = 2**20
"""About how much is stored in one piece."""
_PIECE_UNITS = 64
"""Units in a piece of activity."""
_SAMPLE = 2**16
"""Numbers of a variable that are packed to see how much that brings."""
_WORTH = 0.6
"""Share of its size below which what is packed is worth the time."""
_SPARE_BYTES = 16 * 2**20
"""What is left free of a disk."""
_TEXT = np.dtype("O", metadata={"vlen": str})
"""Text of any length, as HDF5 has it."""

Block = Mapping[str, NDArray[Any]]
"""Variables by name, each of shape (n_episodes, n_steps, ...)."""


def nothing(dtype: Any) -> Any:
    """Return what stands where there is no value: NaN, -1, False, or 0 for pixels."""
    kind = np.dtype(dtype).kind
    return np.dtype(dtype).type({"f": np.nan, "i": -1}.get(kind, 0))


def require_nc(path: Path) -> None:
    """Refuse a file of another ending."""
    if path.suffix != ".nc":
        raise ConfigError(f"A recording's file ends in '.nc', got '{path.name}'.")


def blocks_of(
    rows: Iterable[Mapping[str, NDArray[Any]]],
) -> Iterator[tuple[int, dict[str, NDArray[Any]]]]:
    """Put control steps together that are written at once.

    Parameters
    ----------
    rows : iterable of mapping of str to ndarray, shape (n_episodes, ...)
        One control step after the other.

    Yields
    ------
    first : int
        The first control step of the block.
    block : dict of str to ndarray, shape (n_episodes, n_steps, ...)
        At most 32 steps, fewer where rows are large.
    """
    kept: list[Mapping[str, NDArray[Any]]] = []
    first = 0
    for row in rows:
        kept.append(row)
        n_bytes = sum(x.nbytes for x in row.values())
        if len(kept) >= block_length(n_bytes):
            yield first, _stacked(kept)
            first, kept = first + len(kept), []
    if kept:
        yield first, _stacked(kept)


def block_length(n_bytes: int) -> int:
    """Return how many control steps of so many bytes are written at once."""
    return max(1, min(_LONGEST_BLOCK, _BLOCK_BYTES // max(1, n_bytes)))


def _stacked(rows: list[Mapping[str, NDArray[Any]]]) -> dict[str, NDArray[Any]]:
    """Put rows together, each variable of shape (n_episodes, n_steps, ...)."""
    return {name: np.stack([row[name] for row in rows], axis=1) for name in rows[0]}


@contextmanager
def writing(path: Path | str, n_episodes: int) -> Iterator["RecordingWriter"]:
    """Write a recording block by block, whole or not at all.

    Parameters
    ----------
    path : Path or str
        The file, which ends in ``.nc``. It is replaced when the block of the context is
        through; where that raises, it is as it was before.
    n_episodes : int
        Episodes of the whole recording.

    Yields
    ------
    RecordingWriter
        Takes blocks.

    Raises
    ------
    ConfigError
        If the name does not end in ``.nc``.
    AngoraError
        If the file cannot be written, as when the disk is full.
    """
    path = Path(path)
    require_nc(path)
    with ExitStack() as stack:
        with _explained(path):
            temporary = stack.enter_context(replacing(path))
            stored = h5py.File(temporary, "w", track_order=True)
        writer = RecordingWriter(stored, path, n_episodes)
        stack.callback(writer.close)
        yield writer
        with _explained(path):
            writer.finish()


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    """Say that a file could not be written, and why."""
    try:
        yield
    except (OSError, RuntimeError) as error:  # h5py raises either
        reason = getattr(error, "strerror", None) or str(error).splitlines()[0]
        if "No space left" in str(error) or "errno = 28" in str(error):
            reason = "the disk is full"
        raise AngoraError(
            f"The recording '{path}' cannot be written: {reason}. What was there "
            "before is as it was."
        ) from error


class RecordingWriter:
    """Takes the blocks of a recording; see :func:`writing`.

    Parameters
    ----------
    stored : h5py.File
        A new file.
    path : Path
        What it is called in messages.
    n_episodes : int
        Episodes of the whole recording.
    """

    def __init__(self, stored: h5py.File, path: Path, n_episodes: int) -> None:
        self._stored, self._path, self._n_episodes = stored, path, n_episodes
        self._file = h5netcdf.File(stored, "w")
        self._values: dict[str, h5py.Dataset] = {}
        self._by_episode: dict[str, NDArray[Any]] = {}
        self._layout: Layout | None = None
        self._n_times = 0
        self._n_allocated = 0
        self._file.dimensions = {"episode": n_episodes, "time": None}

    def write(
        self, layout: Layout, episodes: slice, first_step: int, block: Block
    ) -> None:
        """Write some control steps of some episodes.

        Parameters
        ----------
        layout : Layout
            Units and names; that of the last block counts for the whole.
        episodes : slice
            Which episodes.
        first_step : int
            Where in them the block begins.
        block : mapping of str to ndarray, shape (n_episodes, n_steps, ...)
            The variables.
        """
        self._require_space(block)
        with _explained(self._path):
            if self._layout is None:
                for name, x in block.items():
                    self._declare(name, x, layout)
            self._layout = layout
            end = first_step + next(iter(block.values())).shape[1]
            self._n_times = max(self._n_times, end)
            if end > self._n_allocated:
                self._n_allocated = max(end, 2 * self._n_allocated)
                self._file.resize_dimension("time", self._n_allocated)
            for name, x in block.items():
                self._values[name][episodes, first_step:end] = x

    def write_episodes(
        self, episodes: slice, values: Mapping[str, NDArray[Any]]
    ) -> None:
        """Take note of what has one value an episode, each of shape (n_episodes,)."""
        for name, x in values.items():
            if name not in self._by_episode:
                self._by_episode[name] = np.zeros(self._n_episodes, x.dtype)
            self._by_episode[name][episodes] = x

    def _declare(self, name: str, x: NDArray[Any], layout: Layout) -> None:
        """Make room for a variable that has a row for each step."""
        names = dimensions(name, x.ndim)
        self._dimension(names[2:], x.shape[2:])
        is_flag = x.dtype == np.bool_
        variable = self._file.create_variable(
            name,
            names,
            dtype=np.int8 if is_flag else x.dtype,
            fillvalue=nothing(x.dtype) if not is_flag else 0,
            chunks=_piece(x),
            **_packing(x),
        )
        self._values[name] = self._stored[name]
        if x.dtype.kind != "f":  # what was not written has a value, it is not missing
            del variable.attrs["_FillValue"]
        self._note(variable, layout.told(name), is_flag=is_flag)

    def _require_space(self, block: Block) -> None:
        """Refuse a block that does not fit: HDF5 itself breaks on a full disk."""
        free = shutil.disk_usage(self._path.parent).free
        needed = sum(x.nbytes for x in block.values()) + _SPARE_BYTES
        if needed > free:
            raise AngoraError(
                f"The recording '{self._path}' cannot be written: the disk is full. "
                f"{free / 1e9:.1f} GB are free, {needed / 1e9:.1f} GB are needed for "
                "the next steps alone. What was there before is as it was; make room, "
                "choose another file, or record fewer episodes."
            )

    def finish(self) -> None:
        """Write what has no row for each step."""
        layout = self._layout
        if layout is None:
            raise ConfigError(f"Nothing was recorded into '{self._path}'.")
        self._values.clear()
        self._file.resize_dimension("time", self._n_times)
        for name, x in self._by_episode.items():
            is_flag = x.dtype == np.bool_
            kind = np.int8 if is_flag else x.dtype
            made = self._file.create_variable(
                name, ("episode",), data=x.astype(kind), dtype=kind
            )
            self._note(made, layout.told(name), is_flag=is_flag)
        found = layout.coordinates(self._n_episodes, self._n_times)
        for name, (dimension, values, told) in found.items():
            self._dimension((dimension,), values.shape)
            is_text = values.dtype.kind == "U"
            made = self._file.create_variable(
                name,
                (dimension,),
                dtype=_TEXT if is_text else values.dtype,
                data=values.astype(object) if is_text else values,
            )
            self._note(made, told)
        self._file.attrs["coordinates"] = "area index"
        for name, value in layout.noted().items():
            self._file.attrs[name] = value
        self._file.close()
        self._stored.close()

    def close(self) -> None:
        """Close the file as it is, which may be broken."""
        self._values.clear()
        with suppress(OSError, RuntimeError, ValueError):
            self._file.close()
            self._stored.close()

    def _dimension(self, names: tuple[str, ...], sizes: tuple[int, ...]) -> None:
        """Make room for dimensions that are new."""
        for name, size in zip(names, sizes, strict=True):
            if name not in self._file.dimensions:
                self._file.dimensions[name] = size

    def _note(
        self, variable: Any, told: Mapping[str, str], *, is_flag: bool = False
    ) -> None:
        """Write the attributes of a variable."""
        for key, text in told.items():
            variable.attrs[key] = text
        if is_flag:  # as xarray keeps truth values
            variable.attrs["dtype"] = "bool"


def save_recording(recording: xr.Dataset, path: Path | str) -> None:
    """Write a recording that is in memory as NetCDF 4, whole or not at all.

    Parameters
    ----------
    recording : xarray.Dataset
        What :func:`angora_train.analysis.recording.record.record` returned.
    path : Path or str
        The file, which ends in ``.nc``.

    Raises
    ------
    ConfigError
        If the name does not end in ``.nc``.
    """
    path = Path(path)
    require_nc(path)
    encoding = {
        str(name): {"zlib": True, "complevel": 1, "shuffle": True}
        for name, variable in recording.data_vars.items()
        if variable.ndim > 1
    }
    stamped = recording
    if "recording_version" not in recording.attrs:
        stamped = recording.assign_attrs(recording_version=VERSION)
    with _explained(path), replacing(path) as temporary:
        stamped.to_netcdf(temporary, engine="h5netcdf", encoding=encoding)


def _packing(x: NDArray[Any]) -> dict[str, Any]:
    """Return how a variable is packed: not at all where that takes time for little.

    Activity without zeros shrinks by a fifth, at 50 MB/s: that would take a third of
    the time in which it is gathered.
    """
    sample = np.ascontiguousarray(x[:, :, ..., :_PIECE_UNITS] if x.ndim > 2 else x)
    n_kept = min(sample.size, _SAMPLE)
    planes = sample.reshape(-1)[:n_kept].view(np.uint8).reshape(n_kept, -1).T
    packed = zlib.compress(np.ascontiguousarray(planes).tobytes(), 1)
    if len(packed) > _WORTH * planes.size:
        return {}
    return {"compression": "gzip", "compression_opts": 1, "shuffle": True}


def _piece(x: NDArray[Any]) -> tuple[int, ...]:
    """Return the shape of the pieces in which a variable is stored."""
    rest = x.shape[2:]
    if len(rest) == 1:
        rest = (min(rest[0], _PIECE_UNITS),)
    n_steps = x.shape[1]
    of_episode = x.dtype.itemsize * n_steps * int(np.prod(rest, dtype=np.int64))
    n_episodes = int(np.clip(_PIECE_BYTES // max(1, of_episode), 1, x.shape[0]))
    return (n_episodes, n_steps, *rest)
