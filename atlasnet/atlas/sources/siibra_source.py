# SPDX-License-Identifier: Apache-2.0
"""SiibraSource: the live atlas, through siibra.

siibra is asked in a process of its own (:mod:`atlasnet.atlas.sources.siibra_process`),
so that a time limit holds whatever the network does, and siibra's cache, logs and
threads stay out of the way.
"""

import datetime
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Literal, get_args

import numpy as np

from atlasnet.atlas.source import (
    LAYERS,
    Connections,
    EconomoArea,
    Homologue,
    LayerRecord,
    MacaqueHomologue,
    NodeRecord,
    PathwayRecord,
    RegionRecord,
    TracerFraction,
    VersionOverlap,
)
from atlasnet.atlas.sources.hierarchy import is_isocortex, system_of
from atlasnet.atlas.sources.snapshot import SnapshotSource
from atlasnet.atlas.sources.worker import Progress, Worker, WorkerFailure
from atlasnet.errors import (
    AtlasError,
    AtlasUnavailableError,
    IncompleteDataError,
    closest,
)
from atlasnet.naming import normalised, side_of, without_side
from atlasnet.units import cells_per_mm3

__all__ = ["SiibraSource"]

Version = Literal["2.9", "3.1"]

_SPACE = "MNI ICBM 152 2009c nonlinear asymmetric"
_PROGRAM = (
    "from atlasnet.atlas.sources.siibra_process import answer_calls\nanswer_calls()\n"
)
# Progress bars and greetings of siibra stay off the terminal; errors tell why.
_ENVIRONMENT = {"SIIBRA_LOG_LEVEL": "ERROR"}
_TIMEOUT_S = 120.0


class SiibraSource:
    """The atlas as siibra serves it; an `~atlasnet.atlas.source.AtlasSource`.

    Nothing is asked before it is needed, and each thing once.

    Parameters
    ----------
    connections : {"2.9", "3.1"}, default="2.9"
        Version of Julich-Brain whose connectome is read.
    volumes : {"2.9", "3.1"}, default="3.1"
        Version whose maps give volumes and centroids. Regions of two versions are
        matched by their names without case and punctuation.
    cohort : str, default="HCP"
        Cohort of the connectome, ``"HCP"`` or ``"1000BRAINS"``.
    subject : str, optional
        One subject of the cohort, as siibra names it; the mean over all by default.
        Counts are averaged over all subjects, lengths over those that have a
        streamline: a length of 0 is a missing one.
    timeout_s : float, default=120
        Longest time without an answer or a sign of progress, in s.
    on_progress : callable, optional
        Told what is being read, how much of it has been, and how much there is.

    Raises
    ------
    AtlasError
        If a version or the limit cannot be.

    Examples
    --------
    >>> source = SiibraSource(cohort="HCP", timeout_s=300)
    >>> len(source.regions())  # doctest: +SKIP
    438
    """

    def __init__(
        self,
        connections: Version = "2.9",
        volumes: Version = "3.1",
        *,
        cohort: str = "HCP",
        subject: str | None = None,
        timeout_s: float = _TIMEOUT_S,
        on_progress: Progress | None = None,
    ) -> None:
        for what, version in (("connections", connections), ("volumes", volumes)):
            if version not in get_args(Version):
                raise AtlasError(
                    f"{what} is a version of Julich-Brain, 2.9 or 3.1, got {version!r}."
                )
        if not (math.isfinite(timeout_s) and timeout_s > 0):
            raise AtlasError(f"timeout_s is a number above 0, got {timeout_s!r}.")
        self._versions = connections, volumes
        self._cohort = cohort.upper()
        self._subject = subject
        self._timeout_s = timeout_s
        self._on_progress = on_progress
        self._tables = SnapshotSource()

    def describe(self) -> Mapping[str, str | list[str]]:
        """Return name, versions, cohort, date and licences of the data."""
        answers = self._answers
        mean = f"mean of {len(answers.counts['subjects'])}"
        return {
            "source": "siibra",
            "siibra_version": answers.siibra_version,
            "retrieved": datetime.datetime.now(tz=datetime.UTC).date().isoformat(),
            "atlas": "Julich-Brain",
            "connections_version": self._versions[0],
            "volumes_version": self._versions[1],
            "space": _SPACE,
            "cohort": self._cohort,
            "subject": self._subject or mean,
            "literature_checksum": f"sha256:{self._tables.checksum}",
            "licences": [
                "volumes and centroids of Julich-Brain: CC BY-NC-SA 4.0",
                "connectome: CC BY 4.0",
                *_literature_licences(self._tables.describe()["licences"]),
            ],
        }

    def regions(self) -> tuple[RegionRecord, ...]:
        """Return every region that the connectome or the maps have."""
        return self._regions

    def connections(self) -> Connections:
        """Return the connectome of the cohort or of one subject."""
        return self._connections

    def measured_layers(self) -> Mapping[str, tuple[LayerRecord, ...]]:
        """Return the layers that siibra has measured, by `RegionRecord.name`.

        A region was measured in one hemisphere of one brain, the BigBrain; both
        hemispheres get what was found.

        Raises
        ------
        AtlasUnavailableError
            If siibra cannot be reached.
        IncompleteDataError
            If a region has fewer than six layers.
        """
        return self._measured_layers

    def economo_areas(self) -> Mapping[str, EconomoArea]:
        """Return von Economo's areas by symbol, from the shipped tables."""
        return self._tables.economo_areas()

    def economo_layers(self) -> Mapping[str, tuple[LayerRecord, ...]]:
        """Return the layers of von Economo's areas, from the shipped tables."""
        return self._tables.economo_layers()

    def homologues(self) -> Mapping[str, Homologue]:
        """Return the homologues of single regions by `RegionRecord.name`."""
        names = {normalised(record.name): record.name for record in self._regions}
        whole = {n.julich_2_9[0] for n in self.node_table() if len(n.julich_2_9) == 1}
        return {
            name: replace(homologue, region=name, is_whole_node=name in whole)
            for old, homologue in self._tables.homologues().items()
            if (name := names.get(normalised(old))) is not None
        }

    def node_table(self) -> tuple[NodeRecord, ...]:
        """Return the nodes of the hand network, in the parts that this source has."""
        columns = [f"julich_{v.replace('.', '_')}" for v in self._versions]
        spelt: list[dict[str, str]] = [
            {
                normalised(name): name
                for record in self._regions
                if (name := getattr(record, column)) is not None
            }
            for column in columns
        ]
        nodes = []
        for node in self._tables.node_table():
            parts = [
                tuple(names.get(normalised(part), "") for part in getattr(node, column))
                for column, names in zip(columns, spelt, strict=True)
            ]
            if all(name for listed in parts for name in listed):
                connected, measured = parts
                nodes.append(replace(node, julich_2_9=connected, julich_3_1=measured))
        return tuple(nodes)

    def pathways(self) -> tuple[PathwayRecord, ...]:
        """Return the cited pathways of the hand network, from the shipped tables."""
        return self._tables.pathways()

    def macaque_homologues(self) -> tuple[MacaqueHomologue, ...]:
        """Return which nodes stand for macaque areas, from the shipped tables."""
        return self._tables.macaque_homologues()

    def tracer_fractions(self) -> tuple[TracerFraction, ...]:
        """Return counted tracer data, from the shipped tables."""
        return self._tables.tracer_fractions()

    def version_overlaps(self) -> tuple[VersionOverlap, ...]:
        """Return how far nodes moved, from the shipped tables; none if none could.

        A source of connections and volumes of one version has nodes of one version.
        """
        if self._versions != ("2.9", "3.1"):
            return ()
        return self._tables.version_overlaps()

    @cached_property
    def _answers(self) -> "_Answers":
        """Ask siibra for regions, volumes and the connectome."""
        connected, mapped = self._versions
        with self._worker() as worker:
            version = self._ask(worker, "its version", "version")
            trees = {}
            for number in dict.fromkeys(self._versions):
                asked = f"the regions of Julich-Brain {number}"
                trees[number] = self._ask(worker, asked, "regions", version=number)
            asked = f"the volumes of Julich-Brain {mapped}"
            volumes = self._ask(worker, asked, "volumes", version=mapped)
            matrices = []
            given: dict[str, Any] = {"version": connected, "cohort": self._cohort}
            for kind in ("StreamlineCounts", "StreamlineLengths"):
                asked = f"{kind} of Julich-Brain {connected}, cohort {self._cohort}"
                given |= {"kind": kind, "subject": self._subject}
                matrices.append(self._ask(worker, asked, "connectivity", **given))
        answers = _Answers(version, trees, volumes, *matrices)
        answers.check(self._versions)
        return answers

    @cached_property
    def _regions(self) -> tuple[RegionRecord, ...]:
        answers, (connected, mapped) = self._answers, self._versions
        volumes = {normalised(name): name for name in answers.volumes}
        overlap = {
            normalised(record.julich_3_1): record
            for record in self._tables.regions()
            if record.julich_3_1 is not None and mapped == "3.1"
        }
        rows: list[tuple[str | None, str | None, int | None]] = []
        for i, name in enumerate(answers.counts["regions"]):
            rows.append((name, volumes.pop(normalised(name), None), i))
        rows.extend((None, name, None) for name in volumes.values())
        return tuple(_record(answers, connected, mapped, row, overlap) for row in rows)

    @cached_property
    def _connections(self) -> Connections:
        counts, lengths = self._answers.counts, self._answers.lengths
        count = np.array(counts["values"], dtype=np.float64)
        length_mm = np.array(lengths["values"], dtype=np.float64)
        length_mm[(length_mm == 0) | (count == 0)] = np.nan
        return Connections(count, length_mm)

    @cached_property
    def _measured_layers(self) -> dict[str, tuple[LayerRecord, ...]]:
        version = self._versions[1]
        asked = f"the layers measured in regions of Julich-Brain {version}"
        with self._worker() as worker:
            answer = self._ask(worker, asked, "layers", version=version)
        by_name: dict[str, list[str]] = {}
        for record in self._regions:
            by_name.setdefault(normalised(without_side(record.name)), []).append(
                record.name
            )
        measured: dict[str, tuple[LayerRecord, ...]] = {}
        for name, rows in answer.items():
            layers = _six_layers(name, rows)
            for region in by_name.get(normalised(without_side(name)), ()):
                measured[region] = layers
        return measured

    def _worker(self) -> Worker:
        return Worker(_PROGRAM, self._timeout_s, _ENVIRONMENT)

    def _ask(self, worker: Worker, asked: str, name: str, **given: Any) -> Any:
        """Call a function of the process; errors say what was asked of siibra."""
        try:
            answer = worker.call(name, self._on_progress, **given)
        except WorkerFailure as error:
            raise AtlasUnavailableError(asked, str(error)) from error
        if isinstance(answer, dict) and "refused" in answer:
            raise AtlasError(answer["refused"])
        return answer


@dataclass(frozen=True, slots=True)
class _Answers:
    """What siibra said."""

    siibra_version: str
    trees: Mapping[Version, Mapping[str, Mapping[str, Any]]]
    """By version and name: ``id`` and ``path``, from the atlas to the region."""
    volumes: Mapping[str, Sequence[float]]
    """By name: volume in mm3 and centroid in mm."""
    counts: Mapping[str, Any]
    lengths: Mapping[str, Any]

    def check(self, versions: tuple[Version, Version]) -> None:
        """Refuse an answer of which something is missing."""
        connected, mapped = versions
        for what, matrix in (("counts", self.counts), ("lengths", self.lengths)):
            names = matrix["regions"]
            values = np.array(matrix["values"], dtype=np.float64)
            if values.shape != (len(names), len(names)) or len(set(names)) < len(names):
                raise IncompleteDataError(
                    f"siibra's streamline {what} of Julich-Brain {connected} are no "
                    f"square matrix of its {len(names)} regions, but {values.shape}."
                )
            if not (np.isfinite(values).all() and (values >= 0).all()):
                raise IncompleteDataError(
                    f"siibra's streamline {what} of Julich-Brain {connected} have "
                    "missing or negative values."
                )
            if not np.allclose(values, values.T):
                raise IncompleteDataError(
                    f"siibra's streamline {what} of Julich-Brain {connected} are not "
                    "symmetric, as those of a tractography are."
                )
            _require_all(names, self.trees[connected], f"connectome of {connected}")
        for key in ("regions", "subjects"):
            if list(self.counts[key]) != list(self.lengths[key]):
                raise IncompleteDataError(
                    f"siibra's streamline counts and lengths are of different {key}."
                )
        _require_all(self.volumes, self.trees[mapped], f"maps of {mapped}")
        for name, (volume_mm3, *_) in self.volumes.items():
            if not volume_mm3 > 0:
                raise IncompleteDataError(f"The map that siibra gave lacks '{name}'.")


def _require_all(
    names: Sequence[str] | Mapping[str, Any], tree: Mapping[str, Any], where: str
) -> None:
    """Refuse regions that the parcellation does not have."""
    unknown = [name for name in names if name not in tree or side_of(name) is None]
    if unknown:
        raise IncompleteDataError(
            f"The {where} that siibra gave has '{unknown[0]}', which is no region of "
            f"one hemisphere of its parcellation.{closest(unknown[0], tree)}"
        )


def _record(
    answers: _Answers,
    connected: Version,
    mapped: Version,
    row: tuple[str | None, str | None, int | None],
    overlap: Mapping[str, RegionRecord],
) -> RegionRecord:
    """Return the record of a region with its names in connectome and maps."""
    old, new, i_row = row
    name = old or new or ""
    tree = answers.trees[mapped if new else connected]
    # The ends of a path are the atlas, and the region without and with its side. One
    # level of 2.9 has no name.
    place = tuple(filter(None, tree[new or name]["path"][1:-2]))
    named = {connected: old} if connected != mapped else {}
    named |= {mapped: new} if connected != mapped else {mapped: name}
    ids = {v: answers.trees[v][n]["id"] for v, n in named.items() if n}
    volume_mm3, *centroid_mm = answers.volumes[new] if new else (None,)
    isocortex = is_isocortex(place)
    known = overlap.get(normalised(new)) if new and isocortex else None
    return RegionRecord(
        name=name,
        hemisphere=side_of(name) or "left",
        julich_2_9=named.get("2.9"),
        julich_3_1=named.get("3.1"),
        siibra_id_2_9=ids.get("2.9"),
        siibra_id_3_1=ids.get("3.1"),
        hierarchy=place,
        system=system_of(name, place),
        is_isocortex=isocortex,
        volume_mm3=volume_mm3,
        centroid_mm=(centroid_mm[0], centroid_mm[1], centroid_mm[2]) if new else None,
        overlap_density_per_mm3=known.overlap_density_per_mm3 if known else None,
        overlap_thickness_mm=known.overlap_thickness_mm if known else None,
        connectome_row=i_row,
        overlap_areas=known.overlap_areas if known else (),
    )


def _six_layers(
    name: str, rows: Sequence[tuple[int, float, float]]
) -> tuple[LayerRecord, ...]:
    """Return the layers of a region, checked to be complete."""
    found = {int(layer) for layer, *_ in rows}
    lacking = [LAYERS[k - 1] for k in range(1, 7) if k not in found]
    if lacking:
        raise IncompleteDataError(
            f"siibra gave {len(found & set(range(1, 7)))} of 6 layers of '{name}': "
            f"{', '.join(lacking)} could not be read. Ask again when its files can be "
            "reached."
        )
    total = sum(area for layer, _, area in rows if layer in range(1, 7))
    return tuple(
        LayerRecord(LAYERS[int(layer) - 1], cells_per_mm3(density), area / total)
        for layer, density, area in sorted(rows)
        if layer in range(1, 7)
    )


def _literature_licences(licences: str | list[str]) -> list[str]:
    """Return the licences of the tables that do not come from siibra."""
    if isinstance(licences, str):
        return [licences]
    return [text for text in licences if not text.startswith("connections.csv")]
