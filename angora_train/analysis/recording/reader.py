# SPDX-License-Identifier: Apache-2.0
"""Reader: recordings opened lazily, or read into memory."""

from pathlib import Path

import xarray as xr

from angora_train.analysis.recording.schema import require_recording
from angora_train.errors import AngoraError

__all__ = ["load_recording", "open_recording"]

_BROKEN = (OSError, ValueError, KeyError, AttributeError, RuntimeError)
"""What h5py, h5netcdf and xarray raise for a file that is not what it should be."""


def open_recording(path: Path | str) -> xr.Dataset:
    """Open a recording without reading it: it may be larger than memory.

    What has a row for each step is read where it is used, see
    :func:`angora_train.analysis.recording.schema.area_activity`; the rest at once.

    Parameters
    ----------
    path : Path or str
        A recording's file.

    Returns
    -------
    xarray.Dataset
        The recording; a context manager that closes the file.

    Raises
    ------
    AngoraError
        If the file is missing, cut short, no recording or one of another version.
    """
    path = Path(path)
    if not path.is_file():
        raise AngoraError(f"There is no recording '{path}'.")
    try:
        recording = xr.open_dataset(path, engine="h5netcdf", cache=False)
    except _BROKEN as error:
        raise _unreadable(path, error) from error
    try:
        require_recording(recording, f"'{path}'")
        for name, variable in recording.variables.items():
            if "time" not in variable.dims or variable.ndim == 1:
                recording[name].load()
    except _BROKEN as error:
        recording.close()
        raise _unreadable(path, error) from error
    except AngoraError:
        recording.close()
        raise
    return recording


def load_recording(path: Path | str) -> xr.Dataset:
    """Read a recording into memory.

    Parameters
    ----------
    path : Path or str
        A recording's file.

    Returns
    -------
    xarray.Dataset
        The recording.

    Raises
    ------
    AngoraError
        If the file is missing, cut short, no recording or one of another version.
    """
    with open_recording(path) as recording:
        try:
            return recording.load()
        except _BROKEN as error:
            raise _unreadable(Path(path), error) from error


def _unreadable(path: Path, error: Exception) -> AngoraError:
    """Say that a file cannot be read, and what may have happened to it."""
    told = str(error).splitlines()[0] if str(error) else type(error).__name__
    if "truncated" in told:
        return AngoraError(
            f"'{path}' is cut short: the file has {path.stat().st_size} bytes, and "
            "more were written. Copy or record it again."
        )
    return AngoraError(f"'{path}' cannot be read as NetCDF: {told}")
