# SPDX-License-Identifier: Apache-2.0
"""What is asked of siibra, in a process of its own.

The only module that imports siibra, and only where a worker runs it
(:mod:`atlasnet.atlas.sources.worker`).
"""

from typing import Any

import numpy as np

from atlasnet.atlas.sources.label_image import measure_labels
from atlasnet.atlas.sources.worker import Progress, serve
from atlasnet.errors import closest

__all__ = ["answer_calls"]


def answer_calls() -> None:
    """Answer what a `SiibraSource` asks; the process of its worker runs this."""
    serve(
        {
            "version": _ask_version,
            "regions": _ask_regions,
            "volumes": _ask_volumes,
            "connectivity": _ask_connectivity,
            "layers": _ask_layers,
        }
    )


def _ask_version(tell: Progress) -> str:
    """Return siibra's version."""
    tell("siibra", 0, 1)
    import siibra

    return str(siibra.__version__)


def _parcellation(version: str) -> Any:
    import siibra

    return siibra.parcellations.get(f"julich {version}")


def _ask_regions(tell: Progress, version: str) -> dict[str, Any]:
    """Return id and path of every region of a parcellation, inner ones included."""
    tell(f"regions of {version}", 0, 1)
    regions = list(_parcellation(version))
    return {
        region.name: {"id": region.id, "path": [node.name for node in region.path]}
        for region in regions
    }


def _ask_volumes(tell: Progress, version: str) -> dict[str, list[float]]:
    """Return volume in mm3 and centroid in mm of every region of the labelled map.

    Labels are counted in the maps themselves, which takes a second for all regions;
    ``Region.spatial_props``, asked for each, gives the same numbers.
    """
    import siibra
    from siibra.commons import MapIndex

    labelled = siibra.get_map(_parcellation(version), "mni152")
    wanted: dict[tuple[int, str | None], dict[str, int]] = {}
    for name in labelled.regions:
        index = labelled.get_index(name)
        wanted.setdefault((index.volume or 0, index.fragment), {})[name] = index.label
    volumes: dict[str, list[float]] = {}
    for i, ((volume, fragment), labels) in enumerate(wanted.items()):
        tell(f"maps of {version}", i, len(wanted))
        image = labelled.fetch(
            index=MapIndex(volume=volume, label=None, fragment=fragment)
        )
        if image is None:
            raise RuntimeError(f"the map of {fragment or 'both sides'} was not fetched")
        data = np.asanyarray(image.dataobj)
        sizes = measure_labels(data, image.affine, labels.values())
        for name, label in labels.items():
            volume_mm3, centroid_mm = sizes[label]
            volumes[name] = [volume_mm3, *(centroid_mm or ())]
    return volumes


def _ask_connectivity(
    tell: Progress, version: str, kind: str, cohort: str, subject: str | None
) -> dict[str, Any]:
    """Return a matrix of streamline counts or lengths, averaged over subjects."""
    import siibra
    from siibra.features import connectivity

    found = siibra.features.get(_parcellation(version), getattr(connectivity, kind))
    cohorts = {feature.cohort: feature for feature in found}
    if cohort not in cohorts:
        known = ", ".join(sorted(cohorts)) or "none"
        other = "2.9" if version == "3.1" else "3.1"
        instead = f" Ask for the connections of {other}; regions are matched by name."
        return {
            "refused": f"siibra has no {kind} of cohort '{cohort}' for Julich-Brain "
            f"{version}. There is: {known}.{'' if cohorts else instead}"
        }
    feature = cohorts[cohort]
    elements = getattr(feature, "elements", [feature])
    if subject is not None:
        subjects = [str(element.subject) for element in elements]
        elements = [e for e in elements if str(e.subject) == subject]
        if not elements:
            return {
                "refused": f"Cohort '{cohort}' has no subject '{subject}'. It has "
                f"{len(subjects)}, e.g. {', '.join(subjects[:5])}."
                f"{closest(subject, subjects)}"
            }
    total = present = np.zeros(())
    names: list[str] = []
    for i, element in enumerate(elements):
        tell(f"{kind} of {len(elements)} subjects", i, len(elements))
        frame = element.data
        rows = [getattr(region, "name", str(region)) for region in frame.index]
        if names and rows != names:
            return {"refused": f"The {kind} of cohort '{cohort}' differ in regions."}
        names = rows
        values = frame.to_numpy(dtype=np.float64)
        total, present = total + values, present + (values > 0)
    is_length = kind == "StreamlineLengths"
    mean = total / (np.maximum(present, 1) if is_length else len(elements))
    return {
        "regions": names,
        "values": mean.tolist(),
        "subjects": [str(element.subject) for element in elements],
    }


def _ask_layers(tell: Progress, version: str) -> dict[str, list[list[float]]]:
    """Return layer, density per (0.1 mm)^3 and measured area, by region.

    siibra prints the layers that it cannot fetch and goes on without them, so what is
    missing here is missing.
    """
    import siibra

    parcellation = _parcellation(version)
    features = siibra.features.get(parcellation, "layerwise cell density")
    layers: dict[str, list[list[float]]] = {}
    for i, feature in enumerate(features):
        tell("measured layers", i, len(features))
        frame = feature.data
        rows = []
        if len(frame):
            frame = frame.assign(layer=frame["layer"].astype(int))
            for layer, group in frame.groupby("layer"):
                mean = float(group["density"].mean())
                rows.append([int(layer), mean, float(group["area_mu2"].sum())])
        names = {
            region.name
            for region in feature.anchor.regions
            if region.parcellation == parcellation
        }
        layers |= dict.fromkeys(names, rows)
    return layers
