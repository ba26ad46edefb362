# SPDX-License-Identifier: Apache-2.0
"""Models on disk."""

import zipfile
import zlib
from pathlib import Path

import keras

import atlasnet.layers  # noqa: F401 (registers the layers with Keras)
from atlasnet.errors import ComponentError, SpecError
from atlasnet.files import replacing
from atlasnet.model.rewiring import area_cell
from atlasnet.plan.spec import NetworkSpec
from atlasnet.signature import checked

__all__ = ["load_model", "save_model", "spec_of"]

_BROKEN = (KeyError, OSError, TypeError, ValueError, zipfile.BadZipFile, zlib.error)
"""What Keras raises for a file that is no model, or a damaged one."""


@checked(ComponentError)
def save_model(model: keras.Model, path: Path | str) -> None:
    """Write a model to a ``.keras`` file, whole or not at all.

    Raises
    ------
    SpecError
        If the file's name does not end in ``.keras``.
    """
    target = _require_suffix(Path(path))
    with replacing(target) as temporary:
        model.save(temporary)


@checked(ComponentError)
def load_model(path: Path | str) -> keras.Model:
    """Read a model from a ``.keras`` file.

    No code from the file is run: a model with a lambda layer is refused.

    Parameters
    ----------
    path : Path or str
        The file.

    Returns
    -------
    keras.Model
        The model, with its weights.

    Raises
    ------
    SpecError
        If the file is missing or is no model.
    """
    source = _require_suffix(Path(path))
    if not source.is_file():
        raise SpecError(f"There is no model file '{source}'.")
    try:
        model: keras.Model = keras.saving.load_model(source, safe_mode=True)
    except _BROKEN as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise SpecError(f"'{source}' cannot be read as a model: {reason}") from error
    return model


def spec_of(model: keras.Model) -> NetworkSpec | None:
    """Return the spec that a model was built from; None for any other Keras model."""
    cell = area_cell(model)
    return None if cell is None else cell.spec


def _require_suffix(path: Path) -> Path:
    """Return the path if it names a ``.keras`` file."""
    if path.suffix != ".keras":
        raise SpecError(f"A model file ends in '.keras', got '{path.name}'.")
    return path
