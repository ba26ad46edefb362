# SPDX-License-Identifier: Apache-2.0
"""Bundle: a network's graph and spec, and the files that hold them side by side.

A build writes three files: ``NAME.keras``, which stands alone, ``NAME.graph.json``
with what the atlas says and ``NAME.network.json`` with what was built. Reading one of
them finds its companions. Nothing here needs Keras.
"""

import json
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from atlasnet.errors import AtlasNetError, GraphError, SpecError
from atlasnet.files import reading
from atlasnet.graph.graph import RegionGraph
from atlasnet.plan.spec import NetworkSpec

__all__ = [
    "GRAPH_SUFFIX",
    "SPEC_SUFFIX",
    "Bundle",
    "companion",
    "read_model_spec",
]

MODEL_SUFFIX = ".keras"
GRAPH_SUFFIX = ".graph.json"
SPEC_SUFFIX = ".network.json"

_CELLS = ("atlasnet>AreaCell", "atlasnet>IntervenedCell")
"""Registered names of the layers that hold a network of areas."""

_KINDS = (
    f"a model ({MODEL_SUFFIX}), a region graph ({GRAPH_SUFFIX}) or a network spec "
    f"({SPEC_SUFFIX})"
)


@dataclass(frozen=True, slots=True)
class Bundle:
    """A graph, a network spec planned on it, or both."""

    graph: RegionGraph | None = None
    spec: NetworkSpec | None = None
    set_aside: Path | None = None
    """A companion that is of another network and was not read into the bundle."""

    @classmethod
    def read(cls, path: Path | str) -> Self:
        """Read a file and the companion that says the rest.

        Parameters
        ----------
        path : Path or str
            A model, a graph or a network spec.

        Returns
        -------
        Bundle
            What the file holds, with the graph or spec beside it. A companion that
            belongs to another network is set aside.

        Raises
        ------
        AtlasNetError
            If the file does not exist or holds none of the three, or its companion is
            broken.

        Examples
        --------
        >>> Bundle.read(Path("fpn.keras")).spec.n_units  # doctest: +SKIP
        2048
        """
        path = Path(path)
        if not path.is_file():
            what = "is a folder" if path.is_dir() else "does not exist"
            raise AtlasNetError(f"The file '{path}' {what}. Give {_KINDS}.")
        found = _read(path)
        is_graph = isinstance(found, RegionGraph)
        beside = companion(path, SPEC_SUFFIX if is_graph else GRAPH_SUFFIX)
        other = _read(beside) if beside != path and beside.is_file() else None
        graph, spec = (found, other) if is_graph else (other, found)
        if (
            isinstance(graph, RegionGraph)
            and isinstance(spec, NetworkSpec)
            and all(area.name in graph for area in spec.areas)
        ):
            return cls(graph, spec)
        alone: Any = {"graph" if is_graph else "spec": found}
        return cls(**alone, set_aside=None if other is None else beside)


def companion(path: Path | str, suffix: str) -> Path:
    """Return the path beside `path` that has the same name and another suffix.

    Examples
    --------
    >>> companion(Path("out/fpn.keras"), GRAPH_SUFFIX).name
    'fpn.graph.json'
    """
    path = Path(path)
    known = (s for s in (GRAPH_SUFFIX, SPEC_SUFFIX) if path.name.endswith(s))
    return path.with_name(path.name.removesuffix(next(known, path.suffix)) + suffix)


def read_model_spec(path: Path | str) -> NetworkSpec:
    """Return the network spec that a model file carries, without loading Keras.

    Parameters
    ----------
    path : Path or str
        A ``.keras`` file.

    Returns
    -------
    NetworkSpec
        What the model was built from.

    Raises
    ------
    SpecError
        If the file is no model, or a model that was not built from a spec.
    """
    try:
        with reading(path, "model", SpecError), zipfile.ZipFile(path) as archive:
            config = json.loads(archive.read("config.json"))
    except (zipfile.BadZipFile, KeyError, ValueError) as error:
        raise SpecError(f"The file '{path}' is no Keras model: {error}.") from error
    for name in _CELLS:
        for cell in _configs(config, name):
            text = cell.get("spec")
            if isinstance(text, str):
                return NetworkSpec.from_json(text)
    raise SpecError(
        f"The model '{path}' was not built by atlasnet: it carries no network spec."
    )


def _read(path: Path) -> RegionGraph | NetworkSpec:
    """Read one file, by what it holds."""
    if path.suffix == MODEL_SUFFIX:
        return read_model_spec(path)
    try:
        with reading(path, "file", AtlasNetError):
            content = path.read_bytes()
        text = content.decode()
        data = json.loads(text)
    except (UnicodeDecodeError, ValueError) as error:
        message = f"The file '{path}' is not {_KINDS}: {error}."
        raise AtlasNetError(message) from error
    keys = set(data) if isinstance(data, dict) else set()
    try:
        if {"nodes", "edges"} <= keys:
            return RegionGraph.from_json(text)
        if {"areas", "pathways"} <= keys:
            return NetworkSpec.from_json(text)
    except (GraphError, SpecError) as error:
        raise type(error)(f"The file '{path}' is broken. {error}") from error
    raise AtlasNetError(
        f"The file '{path}' is JSON, but not {_KINDS}: it has neither nodes and edges "
        "nor areas and pathways."
    )


def _configs(node: Any, registered_name: str) -> Iterator[dict[str, Any]]:
    """Yield the configurations of all objects of a class in a Keras configuration."""
    if isinstance(node, dict):
        config = node.get("config")
        if node.get("registered_name") == registered_name and isinstance(config, dict):
            yield config
        for value in node.values():
            yield from _configs(value, registered_name)
    elif isinstance(node, list):
        for value in node:
            yield from _configs(value, registered_name)
