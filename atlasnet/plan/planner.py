# SPDX-License-Identifier: Apache-2.0
"""Plan a network from a region graph: unit counts, cells, order and timing."""

import json
import math
from dataclasses import dataclass
from functools import cached_property

import networkx as nx
from pydantic import PositiveFloat

from atlasnet.errors import IncompleteDataError, SpecError
from atlasnet.graph.graph import Projection, Region, RegionGraph
from atlasnet.graph.order import break_cycles
from atlasnet.plan.interface import Interface
from atlasnet.plan.options import PlanOptions
from atlasnet.plan.retinotopy import (
    RECEPTIVE_FIELDS,
    VisualRule,
    plan_kernels,
    plan_maps,
)
from atlasnet.plan.sharing import UnitRule, unit_counts
from atlasnet.plan.spec import (
    AreaSpec,
    Cell,
    MapSpec,
    NetworkSpec,
    PathwaySpec,
    Timing,
)
from atlasnet.signature import checked
from atlasnet.units import delay_ms

__all__ = ["cell_of", "plan_network"]

# Primary sensory areas pass on what they sense within the control step; what the
# network remembers is held by the areas behind them.
_DENSE_SYSTEMS = frozenset({"auditory", "primary somatosensory", "visual"})

_MAX_DELAY_STEPS = 1000
"""Longest delay of a pathway: all its steps are kept in memory, for every unit."""

Ends = tuple[str, str]
"""Source and target of a pathway."""

_DEALT = "shuffled_weights"  # the null model that changes strengths alone
_WEAK = 0.1
"""Amplitude of a weak pathway where all others have the same. A number filled in: the
median fraction of labelled neurons of a pathway called weak (below 0.001) is less than
a tenth of that of the others."""


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


@checked(SpecError)
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
        How units are shared; areas with a map have a total of their own.
    control_step_s : float, default=0.02
        Control step that the network is planned for, in s.
    name : str, default="network"
        Name of the network.
    options : PlanOptions, optional
        What is chosen about areas and pathways.
    visual : VisualRule, optional
        How visual areas become maps, if a sensation is an image.

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
        sensation, a map has less than one channel, a delay is longer than 1,000
        control steps, or `visual` is given and no
        sensation is an image.
    RegionNotFoundError
        If an option names an area that the graph lacks.
    """
    chosen = options or PlanOptions()
    rule = rule or UnitRule()
    planner = _Planner(graph, interface, rule, control_step_s, chosen, visual)
    try:
        return planner.plan(name)
    except SpecError as error:
        remarks = graph.metadata.get("remarks")
        if not isinstance(remarks, list):
            raise
        raise SpecError(f"{error} {'. '.join(remarks)}.") from error


@dataclass(frozen=True)
class _Planner:
    """What a network is planned from, as of :func:`plan_network`; what follows."""

    graph: RegionGraph
    interface: Interface
    rule: UnitRule
    control_step_s: float
    options: PlanOptions
    given_visual: VisualRule | None

    def plan(self, name: str) -> NetworkSpec:
        """Return the whole plan."""
        chosen = self.options
        stem = {"stem": chosen.value_stem}
        return NetworkSpec(
            name=name,
            control_step_s=self.control_step_s,
            areas=self.areas(),
            pathways=self.pathways(),
            inputs=self.interface.inputs,
            action_areas=self.interface.action_areas,
            policy_size=self.interface.policy_size,
            value=self.interface.value.model_copy(update=stem),
            noise_std=chosen.noise_std,
            activity_cost=chosen.activity_cost,
            wiring_cost=chosen.wiring_cost,
            provenance={**self._provenance(), **self._visual_provenance()},
        )

    def areas(self) -> tuple[AreaSpec, ...]:
        """Return the areas in an order in which they can be computed."""
        n_units, cells, chosen = self._n_units(), self._cells(), self.options
        order: nx.DiGraph[str] = nx.DiGraph()
        order.add_nodes_from(self.graph.names)
        order.add_edges_from((edge.source, edge.target) for edge in self._cut[0])
        ordered = list(nx.lexicographical_topological_sort(order))
        made = {
            area: AreaSpec(
                name=area,
                n_units=n_units[area],
                cell=cells[area],
                time_constant_s=chosen.time_constant_s,
                activation=chosen.activation,
                # None where no weight is inside.
                inhibitory_share=0.0
                if chosen.inhibitory_share is not None and cells[area] == "dense"
                else chosen.inhibitory_share,
                map=self._maps.get(area),
                system=self.graph.region(area).system,
            )
            # Areas with a memory first: an error names one that the options are of.
            for area in sorted(ordered, key=lambda area: cells[area] == "dense")
        }
        return tuple(made[area] for area in ordered)

    def pathways(self) -> tuple[PathwaySpec, ...]:
        """Return the pathways in the order of the graph's projections."""
        timings, strengths = self._timings, self._strengths()
        kernel_sizes = plan_kernels(self._maps, timings)
        return tuple(
            PathwaySpec(
                source=edge.source,
                target=edge.target,
                timing=timings[ends],
                direction=edge.direction,
                direction_rule=edge.direction_rule,
                streamline_count=edge.streamline_count,
                length_mm=edge.length_mm,
                delay_steps=self._delay_steps(edge, timings[ends]),
                strength=strengths[ends],
                strength_use=self.options.strength,
                kernel_size=kernel_sizes.get(ends),
            )
            for edge in self.graph.projections
            for ends in [(edge.source, edge.target)]
        )

    @property
    def visual(self) -> VisualRule:
        """How visual areas become maps."""
        return self.given_visual or VisualRule()

    @cached_property
    def _cut(self) -> tuple[list[Projection], list[Projection]]:
        """Feedforward projections without a cycle, and those that would close one."""
        edges = self.graph.projections
        kept, closing = break_cycles(e for e in edges if e.direction == "feedforward")
        return list(kept), list(closing)

    @cached_property
    def _timings(self) -> dict[Ends, Timing]:
        """Timing of every pathway."""
        within_step = {(edge.source, edge.target) for edge in self._cut[0]}
        ends = [(edge.source, edge.target) for edge in self.graph.projections]
        return {e: "same_step" if e in within_step else "previous_step" for e in ends}

    @cached_property
    def _cell_counts(self) -> dict[str, float]:
        """Cells of every area."""
        regions = self.graph.regions
        counts = {r.name: r.cell_count for r in regions if r.cell_count is not None}
        lacking = [region for region in regions if region.name not in counts]
        if lacking:
            listed = "; ".join(_lack(region) for region in lacking[:5])
            more = f"; and {len(lacking) - 5} more" if len(lacking) > 5 else ""
            raise IncompleteDataError(
                f"Unit counts need the cell count of every area, but {listed}{more}. "
                "Give them densities of your own (density_table, --density-table), or "
                "leave these areas out."
            )
        return counts

    @cached_property
    def _maps(self) -> dict[str, MapSpec]:
        """Maps of the visual areas, which share a total of their own."""
        images = [e.image for e in self.interface.inputs if e.image is not None]
        if self.given_visual is not None and not images:
            raise SpecError(
                "A rule for visual areas is given, but no sensation is an image. Give "
                "one the size (height, width, channels), or leave the rule out."
            )
        nodes = {
            region.name: region.node
            for region in self.graph.regions
            if region.node is not None and region.node in RECEPTIVE_FIELDS
        }
        if not images or not nodes:
            return {}
        total = max(self.visual.total, len(nodes))
        shared = UnitRule(total=total, exponent=self.rule.exponent, floor=1)
        counts = {area: self._cell_counts[area] for area in nodes}
        return plan_maps(unit_counts(counts, shared), nodes, images[0], self.visual)

    def _n_units(self) -> dict[str, int]:
        """Return the units of every area."""
        maps = {area: layout.n_units for area, layout in self._maps.items()}
        flat = {name: n for name, n in self._cell_counts.items() if name not in maps}
        return (unit_counts(flat, self.rule) if flat else {}) | maps

    def _cells(self) -> dict[str, Cell]:
        """Return the cell of every area: by role, unless it was chosen."""
        chosen = self.options
        cells = {region.name: cell_of(region) for region in self.graph.regions}
        if chosen.cell is not None:
            cells |= {name: chosen.cell for name in cells if cells[name] != "dense"}
        cells |= dict.fromkeys(self._maps, self.visual.cell)
        for name, cell in chosen.cells.items():
            cells |= dict.fromkeys(self.graph.regions_called(name), cell)
        return cells

    def _strengths(self) -> dict[Ends, float]:
        """Return every pathway's amplitude: root mean square 1 over those of a target.

        Pathways of one timing share what is theirs of the drive.
        """
        gain = self.options.gain
        if gain == "equal" and self.graph.metadata.get("null_model") == _DEALT:
            raise SpecError(
                "With gain 'equal' no pathway's strength counts, so the null model "
                f"'{_DEALT}' makes the network of the graph it is of. Plan both with "
                "gain 'streamlines' or 'input_share' (--gain streamlines)."
            )
        groups: dict[tuple[str, Timing], dict[Ends, float | None]] = {}
        for edge in self.graph.projections:
            ends = edge.source, edge.target
            group = groups.setdefault((edge.target, self._timings[ends]), {})
            group[ends] = None if edge.is_weak else _amplitude(edge, gain)
        strengths: dict[Ends, float] = {}
        for amplitudes in groups.values():
            known = [a for a in amplitudes.values() if a is not None]
            least = min(known, default=1.0) * (_WEAK if gain == "equal" else 1.0)
            filled = {k: least if a is None else a for k, a in amplitudes.items()}
            rms = math.sqrt(sum(a * a for a in filled.values()) / len(filled))
            strengths |= {key: a / rms for key, a in filled.items()}
        return strengths

    def _delay_steps(self, edge: Projection, timing: Timing) -> int | None:
        """Return the control steps of a tract; None leaves the least."""
        chosen = self.options
        if not chosen.has_delays or edge.length_mm is None:
            return None
        tract_ms = delay_ms(edge.length_mm, chosen.conduction_velocity_m_per_s)
        n_steps = tract_ms / 1000.0 / self.control_step_s
        if n_steps > _MAX_DELAY_STEPS:
            raise SpecError(
                f"The pathway {edge.source} -> {edge.target} has a delay of "
                f"{tract_ms:.4g} ms, more than {_MAX_DELAY_STEPS:,} control steps of "
                f"{self.control_step_s:g} s. Raise the conduction velocity or the "
                "control step, or leave out delays."
            )
        least = 0 if timing == "same_step" else 1
        return max(round(n_steps), least)

    def _visual_provenance(self) -> dict[str, str]:
        """Return where the maps come from, as text; nothing if there are none."""
        if not self._maps:
            return {}
        actual = sum(layout.n_units for layout in self._maps.values())
        layouts = (
            f"{area} {m.height} x {m.width} x {m.n_channels}"
            for area, m in self._maps.items()
        )
        return {
            "visual_rule": (
                f"{self.visual.total} units planned for areas with a map, {actual} "
                f"after rounding to whole channels: {'; '.join(layouts)}"
            ),
            "receptive_fields": "; ".join(
                f"{node}: {field.source}" for node, field in RECEPTIVE_FIELDS.items()
            ),
        }

    def _provenance(self) -> dict[str, str]:
        """Return where the spec's numbers come from, as text."""
        texts = {
            k: value
            if isinstance(value, str)
            else json.dumps(value, ensure_ascii=False)
            for k, value in self.graph.metadata.items()
        }
        rule, chosen = self.rule, self.options
        listed = "; ".join(f"{edge.source} -> {edge.target}" for edge in self._cut[1])
        own = chosen.model_dump_json(exclude_defaults=True)
        return {
            **texts,
            "unit_rule": str(rule),
            "interface": "; ".join(self.interface.notes),
            "closing_cycles": listed or "none",
            **({"options": own} if chosen != PlanOptions() else {}),
        }


def _lack(region: Region) -> str:
    """Return what a region lacks, in words."""
    known = {"volume": region.volume_mm3, "cell density": region.cell_density_per_mm3}
    missing = [what for what, value in known.items() if value is None]
    text = f"'{region.name}' has no {' and no '.join(missing)}"
    if region.system in ("allocortex", "subcortical"):
        text += f" ({region.system}: only isocortex has a cortical density)"
    return text + (f" (part of the node '{region.node}')" if region.node else "")


def _amplitude(edge: Projection, gain: str) -> float | None:
    """Return a pathway's amplitude before it is scaled; None without a streamline."""
    if gain == "equal":
        return 1.0
    count = edge.streamline_count
    if not count:
        return None
    return count if gain == "input_share" else math.log10(1.0 + count)
