# SPDX-License-Identifier: Apache-2.0
"""Plan a network from a region graph: unit counts, cells, order and timing."""

import json
import math
from collections.abc import Iterable, Mapping
from fractions import Fraction
from typing import Any

import networkx as nx
from pydantic import (
    Field,
    PositiveFloat,
    PositiveInt,
)

from atlasnet.errors import IncompleteDataError, SpecError
from atlasnet.frozen import Frozen
from atlasnet.graph.graph import Projection, Region, RegionGraph
from atlasnet.graph.order import break_cycles
from atlasnet.plan.interface import Interface, regions_called
from atlasnet.plan.options import PlanOptions
from atlasnet.plan.retinotopy import (
    RECEPTIVE_FIELDS,
    VisualRule,
    plan_kernels,
    plan_maps,
)
from atlasnet.plan.spec import (
    AreaSpec,
    Cell,
    ImageSpec,
    MapSpec,
    NetworkSpec,
    PathwaySpec,
    Timing,
)
from atlasnet.units import delay_ms

__all__ = ["UnitRule", "cell_of", "plan_network", "unit_counts"]

# Primary sensory areas pass on what they sense within the control step; what the
# network remembers is held by the areas behind them.
_DENSE_SYSTEMS = frozenset({"auditory", "primary somatosensory", "visual"})


class UnitRule(Frozen):
    """How the units of a network are shared among its areas.

    Raises
    ------
    SpecError
        If a value is out of range or a key is unknown.
    """

    total: PositiveInt = 2048
    """Units of all areas together, exactly."""
    exponent: float = Field(default=1.0, ge=0.0, allow_inf_nan=False)
    """Units go with the cell count to this power: 1 is proportional, 0 is equal."""
    floor: PositiveInt = 32
    """Fewest units of an area."""

    @classmethod
    def _label(cls, data: Mapping[str, Any]) -> str:
        return "unit rule"


def unit_counts(cell_counts: Mapping[str, float], rule: UnitRule) -> dict[str, int]:
    """Share units among areas by their cell counts.

    Areas whose share is below the floor get the floor, and the rest is shared among
    the others until none of them is below. Fractions go by largest remainder, so that
    the total is exact; ties go to the name that comes first. The arithmetic is exact,
    so the order of the areas does not matter.

    Parameters
    ----------
    cell_counts : mapping of str to float
        Cells of each area, above 0.
    rule : UnitRule
        Total, exponent and floor.

    Returns
    -------
    dict of str to int
        Units of each area, in the order of `cell_counts`.

    Raises
    ------
    SpecError
        If the total is below the sum of the floors, or a cell count is not above 0.

    Examples
    --------
    >>> unit_counts({"V1": 96.0, "4p": 1.0, "3a": 3.0}, UnitRule(total=100, floor=10))
    {'V1': 80, '4p': 10, '3a': 10}
    """
    smallest = rule.floor * len(cell_counts)
    if rule.total < smallest:
        raise SpecError(
            f"{rule.total} units are too few: {len(cell_counts)} areas with a floor "
            f"of {rule.floor} need at least {smallest}. Raise the total or lower the "
            "floor."
        )
    weights = {name: _weight(name, cell_counts[name], rule) for name in cell_counts}
    free = set(weights)
    quotas: dict[str, Fraction] = {}
    while free:
        n_free = rule.total - rule.floor * (len(weights) - len(free))
        total_weight = sum(weights[name] for name in free)
        quotas = {name: n_free * weights[name] / total_weight for name in free}
        below = {name for name, quota in quotas.items() if quota < rule.floor}
        if not below:
            break
        free -= below
    whole = {name: math.floor(quota) for name, quota in quotas.items() if name in free}
    n_left = rule.total - sum(whole.values()) - rule.floor * (len(weights) - len(free))
    by_remainder = sorted(whole, key=lambda name: (whole[name] - quotas[name], name))
    for name in by_remainder[:n_left]:
        whole[name] += 1
    return {name: whole.get(name, rule.floor) for name in weights}


def _weight(name: str, cell_count: float, rule: UnitRule) -> Fraction:
    """Return the weight of an area's claim."""
    if not (math.isfinite(cell_count) and cell_count > 0):
        message = f"The cell count of '{name}' is a number above 0, got"
        raise SpecError(f"{message} {cell_count!r}.")
    # Relative to 1e6 cells, so that no exponent in use overflows.
    return Fraction((cell_count / 1e6) ** rule.exponent)


def cell_of(region: Region) -> Cell:
    """Return the kind of cell that an area's units are.

    Parameters
    ----------
    region : Region
        The region; its system decides.

    Returns
    -------
    {"dense", "rate"}
        ``dense`` for primary sensory areas (S1 and the visual areas of the occipital
        lobe, and Heschl's gyrus), ``rate`` for all others.
    """
    return "dense" if region.system in _DENSE_SYSTEMS else "rate"


def plan_network(
    graph: RegionGraph,
    interface: Interface,
    rule: UnitRule | None = None,
    control_step_s: PositiveFloat = 0.02,
    name: str = "network",
    options: PlanOptions | None = None,
    visual: VisualRule | None = None,
) -> NetworkSpec:
    """Plan the network of a region graph.

    Parameters
    ----------
    graph : RegionGraph
        Regions, all with volume and density, and projections.
    interface : Interface
        What the network is connected to.
    rule : UnitRule, optional
        How units are shared; 2048 in proportion to cells, at least 32, by default.
        Areas with a map have a total of their own.
    control_step_s : float, default=0.02
        Control step that the network is planned for, in s.
    name : str, default="network"
        Name of the network.
    options : PlanOptions, optional
        What is chosen about areas and pathways.
    visual : VisualRule, optional
        How visual areas become maps, if a sensation is an image; see
        :func:`atlasnet.plan.retinotopy.plan_maps`.

    Returns
    -------
    NetworkSpec
        Areas in the order of computation; feedforward projections act within the
        control step (timing ``same_step``), all others one step later
        (``previous_step``), as do feedforward ones that close a cycle, which
        ``provenance`` lists under ``closing_cycles``.

    Raises
    ------
    IncompleteDataError
        If a region lacks its volume or density.
    SpecError
        If the total is below the floors, an area cannot be reached from any
        sensation, a map has less than one channel, or `visual` is given and no
        sensation is an image.
    RegionNotFoundError
        If an option names an area that the graph lacks.
    """
    rule = rule or UnitRule()
    chosen = options or PlanOptions()
    images = [entry.image for entry in interface.inputs if entry.image is not None]
    if visual is not None and not images:
        raise SpecError(
            "A rule for visual areas is given, but no sensation is an image. Give one "
            "the size (height, width, channels), or leave the rule out."
        )
    cell_counts = _cell_counts(graph)
    maps: dict[str, MapSpec] = {}
    visual = visual or VisualRule()
    if images:
        maps = _maps(graph, cell_counts, images[0], rule, visual)
    flat = {name: count for name, count in cell_counts.items() if name not in maps}
    n_units = unit_counts(flat, rule) if flat else {}
    n_units |= {area: layout.n_units for area, layout in maps.items()}
    cells = _cells(graph, chosen, maps, visual)
    feedforward = [e for e in graph.projections if e.direction == "feedforward"]
    kept, closing = break_cycles(feedforward)
    within_step = {(edge.source, edge.target) for edge in kept}
    order: nx.DiGraph[str] = nx.DiGraph()
    order.add_nodes_from(graph.names)
    order.add_edges_from(within_step)
    areas = [
        AreaSpec(
            name=area,
            n_units=n_units[area],
            cell=cells[area],
            time_constant_s=chosen.time_constant_s,
            activation=chosen.activation,
            inhibitory_share=_inhibitory_share(cells[area], chosen),
            map=maps.get(area),
            system=graph.region(area).system,
        )
        for area in nx.lexicographical_topological_sort(order)
    ]
    timings: dict[tuple[str, str], Timing] = {
        (edge.source, edge.target): (
            "same_step"
            if (edge.source, edge.target) in within_step
            else "previous_step"
        )
        for edge in graph.projections
    }
    strengths = _strengths(graph, timings, chosen)
    kernel_sizes = plan_kernels(maps, timings)
    pathways = [
        PathwaySpec(
            source=edge.source,
            target=edge.target,
            timing=timings[edge.source, edge.target],
            direction=edge.direction,
            direction_rule=edge.direction_rule,
            streamline_count=edge.streamline_count,
            length_mm=edge.length_mm,
            delay_steps=_delay_steps(
                edge, timings[edge.source, edge.target], control_step_s, chosen
            ),
            strength=strengths[edge.source, edge.target],
            strength_use=chosen.strength,
            kernel_size=kernel_sizes.get((edge.source, edge.target)),
        )
        for edge in graph.projections
    ]
    return NetworkSpec(
        name=name,
        control_step_s=control_step_s,
        areas=tuple(areas),
        pathways=tuple(pathways),
        inputs=interface.inputs,
        action_areas=interface.action_areas,
        policy_size=interface.policy_size,
        value=interface.value.model_copy(update={"stem": chosen.value_stem}),
        noise_std=chosen.noise_std,
        activity_cost=chosen.activity_cost,
        wiring_cost=chosen.wiring_cost,
        provenance={
            **_provenance(graph, interface, rule, chosen, closing),
            **_visual_provenance(maps, visual),
        },
    )


def _maps(
    graph: RegionGraph,
    cell_counts: Mapping[str, float],
    image: ImageSpec,
    rule: UnitRule,
    visual: VisualRule,
) -> dict[str, MapSpec]:
    """Return the maps of the visual areas, which share a total of their own."""
    nodes = {
        region.name: region.node
        for region in graph.regions
        if region.node is not None and region.node in RECEPTIVE_FIELDS
    }
    if not nodes:
        return {}
    shared = UnitRule(
        total=max(visual.total, len(nodes)), exponent=rule.exponent, floor=1
    )
    n_units = unit_counts({area: cell_counts[area] for area in nodes}, shared)
    return plan_maps(n_units, nodes, image, visual)


def _visual_provenance(
    maps: Mapping[str, MapSpec], visual: VisualRule
) -> dict[str, str]:
    """Return where the maps come from, as text; nothing if there are none."""
    if not maps:
        return {}
    actual = sum(layout.n_units for layout in maps.values())
    layouts = (
        f"{area} {m.height} x {m.width} x {m.n_channels}" for area, m in maps.items()
    )
    return {
        "visual_rule": (
            f"{visual.total} units planned for areas with a map, {actual} after "
            f"rounding to whole channels: {'; '.join(layouts)}"
        ),
        "receptive_fields": "; ".join(
            f"{node}: {field.source}" for node, field in RECEPTIVE_FIELDS.items()
        ),
    }


def _cells(
    graph: RegionGraph,
    options: PlanOptions,
    maps: Mapping[str, MapSpec],
    visual: VisualRule,
) -> dict[str, Cell]:
    """Return the cell of every area: by role, unless it was chosen."""
    cells = {region.name: cell_of(region) for region in graph.regions}
    if options.cell is not None:
        cells |= {name: options.cell for name in cells if cells[name] != "dense"}
    cells |= dict.fromkeys(maps, visual.cell)
    for name, cell in options.cells.items():
        cells |= dict.fromkeys(regions_called(graph, name), cell)
    return cells


def _inhibitory_share(cell: Cell, options: PlanOptions) -> float | None:
    """Return the inhibitory share of an area: none where no weight is inside."""
    if options.inhibitory_share is None:
        return None
    return 0.0 if cell == "dense" else options.inhibitory_share


def _strengths(
    graph: RegionGraph,
    timings: Mapping[tuple[str, str], Timing],
    options: PlanOptions,
) -> dict[tuple[str, str], float]:
    """Return every pathway's amplitude: root mean square 1 over those of a target.

    Pathways of one timing share what is theirs of the drive.
    """
    if options.gain == "equal":
        return dict.fromkeys(timings, 1.0)
    groups: dict[tuple[str, Timing], dict[tuple[str, str], float | None]] = {}
    for edge in graph.projections:
        key = (edge.source, edge.target)
        count = edge.streamline_count
        amplitude = math.log10(1.0 + count) if count else None
        groups.setdefault((edge.target, timings[key]), {})[key] = amplitude
    strengths: dict[tuple[str, str], float] = {}
    for amplitudes in groups.values():
        known = [a for a in amplitudes.values() if a is not None] or [1.0]
        mean = sum(known) / len(known)
        filled = {k: mean if a is None else a for k, a in amplitudes.items()}
        rms = math.sqrt(sum(a * a for a in filled.values()) / len(filled))
        strengths |= {key: a / rms for key, a in filled.items()}
    return strengths


def _delay_steps(
    edge: Projection, timing: Timing, control_step_s: float, options: PlanOptions
) -> int | None:
    """Return the control steps of a tract; None leaves the least."""
    if not options.has_delays or edge.length_mm is None:
        return None
    seconds = delay_ms(edge.length_mm, options.conduction_velocity_m_per_s) / 1000.0
    return max(round(seconds / control_step_s), 0 if timing == "same_step" else 1)


def _cell_counts(graph: RegionGraph) -> dict[str, float]:
    """Return the cell counts of all regions, or name those that lack data."""
    counts = {r.name: r.cell_count for r in graph.regions if r.cell_count is not None}
    lacking = [region for region in graph.regions if region.name not in counts]
    if lacking:
        listed = "; ".join(_lack(region) for region in lacking[:5])
        more = f"; and {len(lacking) - 5} more" if len(lacking) > 5 else ""
        raise IncompleteDataError(
            f"Unit counts need the cell count of every area, but {listed}{more}. Leave "
            "these areas out."
        )
    return counts


def _lack(region: Region) -> str:
    """Return what a region lacks, in words."""
    missing = []
    if region.volume_mm3 is None:
        missing.append("volume")
    if region.cell_density_per_mm3 is None:
        missing.append("cell density")
    text = f"'{region.name}' has no {' and no '.join(missing)}"
    if region.system in ("allocortex", "subcortical"):
        text += f" ({region.system}: only isocortex has a cortical density)"
    return text + (f" (part of the node '{region.node}')" if region.node else "")


def _provenance(
    graph: RegionGraph,
    interface: Interface,
    rule: UnitRule,
    options: PlanOptions,
    closing: Iterable[Projection],
) -> dict[str, str]:
    """Return where the spec's numbers come from, as text."""
    texts = {
        key: value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        for key, value in graph.metadata.items()
    }
    listed = "; ".join(f"{edge.source} -> {edge.target}" for edge in closing)
    return {
        **texts,
        "unit_rule": (
            f"{rule.total} units by cell count ** {rule.exponent:g}, at least "
            f"{rule.floor}"
        ),
        "interface": "; ".join(interface.notes),
        "closing_cycles": listed or "none",
        **(
            {"options": options.model_dump_json(exclude_defaults=True)}
            if options != PlanOptions()
            else {}
        ),
    }
