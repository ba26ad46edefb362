# SPDX-License-Identifier: Apache-2.0
"""What a region's place in the atlas hierarchy says about it."""

from collections.abc import Sequence

__all__ = ["SYSTEMS", "is_isocortex", "system_of"]

# Cerebral cortex that is not isocortex. The hippocampal formation of 3.1 holds the
# entorhinal cortex and the subicular complex too; 2.9 lists the same areas under it.
_ALLOCORTEX = frozenset(
    {"hippocampal formation", "olfactory cortex", "piriform cortex"}
)

# The first rule whose name is in a region's path decides.
_SYSTEM_OF_PLACE = (
    ("postcentral gyrus", "primary somatosensory"),
    ("Heschl's gyrus", "auditory"),
    ("precentral gyrus", "primary motor"),
    ("dorsal precentral gyrus", "premotor"),
    ("ventral precentral gyrus", "premotor"),
    ("mesial precentral gyrus", "premotor"),
    ("posterior medial superior frontal gyrus", "premotor"),
    ("occipital lobe", "visual"),
    ("parietal lobe", "parietal association"),
    ("frontal lobe", "prefrontal"),
    ("temporal lobe", "temporal"),
    ("insula", "insular"),
    ("limbic lobe", "cingulate"),
)
_OTHER = "other cortex"

SYSTEMS = (
    *sorted({system for _, system in _SYSTEM_OF_PLACE} | {_OTHER}),
    "allocortex",
    "subcortical",
)
"""Every system that `system_of` returns."""


def is_isocortex(hierarchy: Sequence[str]) -> bool:
    """Return whether a region is isocortex, by its path in the hierarchy.

    Only isocortex may take a density by surface overlap. The von Economo map covers
    the surface that FreeSurfer draws, which also passes by the hippocampus, the
    piriform cortex, the amygdala and the basal forebrain: 28 such regions of 3.1 would
    get the density of a neighbour. So a region counts only if it lies under ``cerebral
    cortex`` and under no allocortical part of it.

    Parameters
    ----------
    hierarchy : sequence of str
        Names from the top of the atlas down to the region.

    Returns
    -------
    bool
        True for isocortex, proisocortex included (cingulate, agranular insula).

    Examples
    --------
    >>> is_isocortex(["telencephalon", "cerebral cortex", "frontal lobe"])
    True
    >>> is_isocortex(["telencephalon", "cerebral nuclei", "amygdala"])
    False
    """
    return "cerebral cortex" in hierarchy and _ALLOCORTEX.isdisjoint(hierarchy)


def system_of(name: str, hierarchy: Sequence[str]) -> str:
    """Return the part of the brain that a region belongs to.

    Parameters
    ----------
    name : str
        Name of the region.
    hierarchy : sequence of str
        Names from the top of the atlas down to the region.

    Returns
    -------
    str
        One of `SYSTEMS`.

    Examples
    --------
    >>> place = ["telencephalon", "cerebral cortex", "frontal lobe"]
    >>> system_of("Area 4p (PreCG)", [*place, "precentral gyrus"])
    'primary motor'
    >>> system_of("Area 6d3 (SFS)", [*place, "superior frontal sulcus"])
    'premotor'
    """
    if "cerebral cortex" not in hierarchy:
        return "subcortical"
    if not is_isocortex(hierarchy):
        return "allocortex"
    if name.startswith("Area 6"):  # 6d3 lies in the superior frontal sulcus
        return "premotor"
    for place, system in _SYSTEM_OF_PLACE:
        if place in hierarchy:
            return system
    return _OTHER
