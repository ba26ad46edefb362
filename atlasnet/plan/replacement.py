# SPDX-License-Identifier: Apache-2.0
"""Replacement: areas of a network as another has them, or something in their place."""

from collections.abc import Iterable

from atlasnet.errors import ComponentError, SpecError
from atlasnet.plan.spec import InputSpec, NetworkSpec
from atlasnet.signature import checked

__all__ = ["adopt_areas", "replace_areas"]


@checked(SpecError)
def adopt_areas(
    spec: NetworkSpec, other: NetworkSpec, areas: Iterable[str]
) -> NetworkSpec:
    """Give areas the units and the cell that they have in another network.

    Parameters
    ----------
    spec : NetworkSpec
        The network.
    other : NetworkSpec
        Where the areas come from.
    areas : iterable of str
        Areas of both.

    Returns
    -------
    NetworkSpec
        The network with these areas replaced; its pathways are its own. A model built
        from it can take over the areas' weights, see :func:`take_weights`.

    Raises
    ------
    SpecError
        If an area is not in both.
    """
    adopted = {name: other.area(spec.area(name).name) for name in areas}
    return spec.model_copy(
        update={
            "areas": tuple(adopted.get(area.name, area) for area in spec.areas),
        }
    )


@checked(SpecError)
def replace_areas(
    spec: NetworkSpec, areas: Iterable[str], sensation: str, size: int
) -> NetworkSpec:
    """Leave out areas, and let a sensation enter where they led to.

    This makes room for a model that does the work of these areas, such as a pretrained
    visual stream; see :func:`atlasnet.connect_stream`.

    Parameters
    ----------
    spec : NetworkSpec
        The network.
    areas : iterable of str
        Areas to leave out, with all their pathways.
    sensation : str
        What takes their place: a sensation, which enters the areas that they had a
        pathway to that acts within the step.
    size : int
        Numbers per control step of the sensation.

    Returns
    -------
    NetworkSpec
        The network without the areas.

    Raises
    ------
    ComponentError
        If the areas lead nowhere.
    SpecError
        If an area is unknown or drives action or value, or another area then has no
        input.
    """
    gone = {spec.area(name).name for name in areas}
    entered = [
        p.target
        for p in spec.pathways
        if p.source in gone and p.target not in gone and p.timing == "same_step"
    ]
    if not entered:
        raise ComponentError(
            f"The areas {', '.join(sorted(gone))} lead to no other area within "
            "the step, so nothing can take their place."
        )
    kept = []
    for entry in spec.inputs:
        left = tuple(name for name in entry.areas if name not in gone)
        if left and entry.name != sensation:
            kept.append(entry.model_copy(update={"areas": left}))
        elif left:
            entered += left
    names = tuple(area.name for area in spec.areas if area.name in set(entered))
    changed = {
        "areas": [area for area in spec.areas if area.name not in gone],
        "pathways": [p for p in spec.pathways if not gone & {p.source, p.target}],
        "inputs": [*kept, InputSpec(name=sensation, size=size, areas=names)],
    }
    return NetworkSpec(**{**dict(spec), **changed})
