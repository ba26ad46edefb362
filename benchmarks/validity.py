# SPDX-License-Identifier: Apache-2.0
"""How the graph compares with what is known of the hand network.

``python benchmarks/validity.py [--quick] [--json]``

Prints markdown tables; ``docs/validity.md`` quotes them. Nothing is timed; what is
drawn has fixed seeds. ``--quick`` leaves out what runs networks.

Figures
-------
m1_denied_edges
    Edges into M1 that the literature denies, in the preset of both hemispheres.
gain_fln_correlation, gain_fln_correlation/<gain>, gain_fln_error/<gain>
    Correlation of the logarithms of input shares and tracers' fractions, of the default
    gain and of each, and their error in decades; ``by_timing`` is ``input_share`` among
    pathways of one timing, ``counts`` are the streamlines themselves.
gain_fln_correlation_gained/<gain>, gain_fln_error_saved/<gain>
    What ``input_share`` is better by; with ``_low`` and ``_high`` the ends of the
    interval over targets.
versions_overlap, versions_overlap_3b
    Share of the nodes' voxels in Julich-Brain 3.1 that are theirs in 2.9; of 3b's.
versions_unit_share_outside
    Share of the preset's units whose cells are counted outside the parcels of 2.9.
versions_redrawn_<what>, versions_renamed_<what>
    Nodes, and the share of units, edges and streamlines at them, of which 2.9 has less
    than 0.8, and whose regions have other names in 2.9. With ``/right`` of that side.
premotor_lesion_drop, premotor_lesion_low, premotor_lesion_high
    Success on reaching that a lesion of the premotor areas takes, mean over the seeds
    in ``learning/reach_lesions.csv`` and the interval of Student's t over these; read
    from the file: ``angora-train lesion`` of the runs of ``learning/graph.yaml``.
null_min_mixing, null_mixing/<model>
    Share of new projections of a null model over what chance makes new; the smallest.
dale_max_activity, dale_activity/<network>
    Largest activity of a unit within 1,000 steps under Dale's principle.
direction_accuracy, direction_majority, direction_<left out>/<rule>
    Share of cited directions that a rule says without having seen them: the default
    rule and always the majority, both directions of a pair left out; then each, also
    with a publication or an area left out, and the paired difference's interval.
m1_hits_at_5, m1_hits_at_10
    Of the nodes that most streamlines join to M1 (4a and 4p together), the share that
    the literature cites as projecting to it; a blind guess would hit
    ``m1_cited_share``.
m1_cited_share
    Share of all other nodes that is cited so.
m1_average_precision
    Mean precision at the rank of each cited node.
chain_rank_aip_pmv, chain_rank_pmv_m1
    Rank of PMv among the nodes joined to AIP, and of PMv among those joined to M1.
share_distance
    Half the summed difference between our unit shares and AngoraPy's, over the eight
    groups; 0 is equal, 1 is disjoint.
<variant>/...
    Units by area under another density, volume, exponent or floor.
"""

import csv
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from evidence import dale_activity, directions, gains, mixings, versions
from figures import figure, make_parser
from scipy.stats import spearmanr

from angora_train.analysis.intervals import student_interval
from atlasnet.atlas.assembly import preset_graph
from atlasnet.atlas.sources.snapshot import SnapshotSource
from atlasnet.graph.graph import RegionGraph
from atlasnet.plan.options import PlanOptions
from atlasnet.plan.sharing import UnitRule, unit_counts

GROUPS = {
    "SSC": ("3a", "3b", "1", "2", "S2"),
    "SPL": ("V6A", "7A", "7P", "7PC", "5L", "5M"),
    "IPL": ("PFt", "PFop", "PF"),
    "IPS": ("cIPS", "mIPS", "AIP"),
    "LPFC": ("44", "IFJ", "IFS", "dlPFC"),
    "PMC": ("PMdc", "PMdr", "PMv", "SMA", "preSMA"),
    "M1": ("4a", "4p"),
    "MCC": ("MCC (stand-in)",),
}
"""Our nodes, in the groups that AngoraPy's model has as areas."""
ANGORAPY = {
    "SSC": 10.8,
    "SPL": 16.7,
    "IPL": 25.2,
    "IPS": 12.7,
    "LPFC": 13.6,
    "PMC": 9.4,
    "M1": 3.5,
    "MCC": 8.0,
}
"""Percent of units by area (Weidler et al. 2023)."""
PARENTS = {
    "SSC": ("postcentral gyrus", "parietal operculum"),
    "SPL": ("superior parietal lobule",),
    "IPL": ("inferior parietal lobule",),
    "IPS": ("intraparietal sulcus",),
    "M1": ("precentral gyrus",),
}
M1 = ("4a", "4p")


def main() -> None:
    """Compare, and print one object or markdown tables."""
    parser = make_parser("The graph beside what is known.", "without running networks")
    options = parser.parse_args()
    source = SnapshotSource()
    graph = preset_graph(source, blind=True, also=["MCC (stand-in)"])
    ranking = rank_afferents(source, M1)
    shares = unit_shares(graph)
    tables = sensitivity(source, graph)
    evidence = {
        "gains": gains(source),
        "mixing": mixings(source),
        "versions": versions(source),
    }
    if not options.quick:
        evidence["dale"] = dale_activity(source)
        evidence["directions"] = directions(source)
    if options.json:
        figures = _figures(source, ranking, shares, tables)
        print(json.dumps({**_evidence(evidence), **figures}))
        return
    for title, rows in evidence.items():
        print(f"\n{title}: {json.dumps(rows, indent=1)}")
    _print(ranking, shares, tables)


def _evidence(evidence: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Return the figures of gains, versions, null models and stability."""
    gain = PlanOptions().gain
    found = {"gain_fln_correlation": evidence["gains"][gain]["correlation"]}
    for name, row in evidence["gains"].items():
        found[f"gain_fln_correlation/{name}"] = row["correlation"]
        found[f"gain_fln_error/{name}"] = row["error_decades"]
        for key, value in row.items():
            if "gained" in key or "saved" in key:
                found[f"gain_fln_{key}/{name}"] = value
    found |= evidence["versions"]
    found["null_min_mixing"] = min(evidence["mixing"].values())
    found |= {f"null_mixing/{k}": v for k, v in evidence["mixing"].items()}
    if "dale" in evidence:
        found["dale_max_activity"] = max(evidence["dale"].values())
        found |= {f"dale_activity/{k}": v for k, v in evidence["dale"].items()}
    if "directions" in evidence:
        by_pair = evidence["directions"]["pair"]
        default = preset_graph(SnapshotSource()).metadata["direction_model"]
        found["direction_accuracy"] = by_pair[str(default)]
        found["direction_majority"] = by_pair["majority"]
        for out, row in evidence["directions"].items():
            found |= {f"direction_{out}/{name}": x for name, x in row.items()}
    found |= lesions(Path(__file__).resolve().parent / "learning" / "reach_lesions.csv")
    return {name: figure(value, "1") for name, value in found.items()}


def lesions(path: Path) -> dict[str, float]:
    """Return what the lesion of the premotor areas takes, over seeds.

    Parameters
    ----------
    path : Path
        Rows of ``angora-train lesion`` with the column ``seed`` before them.

    Returns
    -------
    dict of str to float
        ``premotor_lesion_drop``, mean over seeds, and the ends of its 95 % interval.
    """
    with path.open(encoding="utf-8", newline="") as file:
        drops = [
            float(row["drop"])
            for row in csv.DictReader(file)
            if row["group"] == "premotor" and not row["draw"]
        ]
    found = student_interval(np.array(drops))
    return {
        "premotor_lesion_drop": found.mean,
        "premotor_lesion_low": found.low,
        "premotor_lesion_high": found.high,
    }


def rank_afferents(
    source: SnapshotSource, targets: tuple[str, ...]
) -> list[tuple[str, float, bool]]:
    """Return the nodes by their streamlines with some others, strongest first.

    Parameters
    ----------
    source : SnapshotSource
        The atlas.
    targets : tuple of str
        Nodes whose afferents are ranked.

    Returns
    -------
    list of (str, float, bool)
        Node, streamlines, and whether a pathway that is verified or a standard
        citation leads from it to one of the targets. All nodes of the preset, visual
        ones included, and what the literature denies, too: streamlines are ranked.
    """
    graph = preset_graph(
        source, blind=False, min_streamline_count=1e-9, denied=True, doubtful=True
    )
    cited = {
        p.source
        for p in source.pathways()
        if p.target in targets and p.support in ("verified", "cited")
    }
    counts: dict[str, float] = {}
    for region in graph.regions:
        if region.node not in targets:
            counts[str(region.node)] = sum(
                graph.projection(region.name, f"{target} left").streamline_count
                for target in targets
                if graph.has_projection(region.name, f"{target} left")
            )
    ranked = sorted(counts, key=lambda node: (-counts[node], node))
    return [(node, counts[node], node in cited) for node in ranked]


def count_denied(source: SnapshotSource, targets: tuple[str, ...] = M1) -> int:
    """Return the edges into some nodes that the literature denies.

    Parameters
    ----------
    source : SnapshotSource
        The atlas.
    targets : tuple of str
        Nodes that the edges reach.

    Returns
    -------
    int
        Edges of the preset of both hemispheres, across the callosum too.
    """
    graph = preset_graph(source, hemisphere="both", blind=False)
    denied = {
        (p.source, p.target)
        for p in source.pathways()
        if p.support == "denied" and p.target in targets
    }
    ends = (
        (graph.region(edge.source).node, graph.region(edge.target).node)
        for edge in graph.projections
    )
    return sum(pair in denied for pair in ends)


def unit_shares(graph: RegionGraph, rule: UnitRule | None = None) -> dict[str, float]:
    """Return the percent of units by group."""
    units = _units(graph, rule or UnitRule())
    total = sum(units.values())
    return {
        group: 100.0 * sum(units[f"{node} left"] for node in nodes) / total
        for group, nodes in GROUPS.items()
    }


def sensitivity(
    source: SnapshotSource, base: RegionGraph
) -> dict[str, dict[str, dict[str, float]]]:
    """Return units of some areas, one choice changed at a time."""

    def with_rules(**rules: Any) -> RegionGraph:
        return preset_graph(source, blind=True, also=["MCC (stand-in)"], **rules)

    plain = UnitRule(floor=1)
    variants = {
        "Density": {
            "homologue": (base, plain),
            "surface overlap": (with_rules(density="surface_overlap"), plain),
        },
        "Volume": {
            "left": (base, plain),
            "mean of both sides": (with_rules(volume="mean"), plain),
            "right": (with_rules(volume="other"), plain),
        },
        "Exponent": {
            f"{x:g}": (base, UnitRule(exponent=x, floor=1)) for x in (1.0, 0.75, 0.5)
        },
        "Floor": {f"{n}": (base, UnitRule(floor=n)) for n in (1, 16, 32, 48)},
    }
    reference = _units(base, plain)
    tables: dict[str, dict[str, dict[str, float]]] = {}
    for title, named in variants.items():
        tables[title] = {}
        for name, (graph, rule) in named.items():
            units = _units(graph, rule)
            pairs = np.array([(reference[n], units[n]) for n in reference], dtype=float)
            tables[title][name] = {
                **{n: units[f"{n} left"] for n in ("3b", "dlPFC", "AIP", "4a", "4p")},
                "moved": float(np.abs(pairs[:, 0] - pairs[:, 1]).sum() / 2),
                "rank": float(spearmanr(pairs[:, 0], pairs[:, 1]).statistic),
                "ratio": float(np.exp(np.abs(np.log(pairs[:, 0] / pairs[:, 1])).max())),
            }
    return tables


def _units(graph: RegionGraph, rule: UnitRule) -> dict[str, int]:
    """Return units by region."""
    counts = {r.name: r.cell_count for r in graph.regions if r.cell_count}
    return unit_counts(counts, rule)


def _whole_shares(source: SnapshotSource) -> dict[str, float]:
    """Return the percent of cells that all parcels under a group's parents have."""
    cells = {
        group: sum(
            (r.volume_mm3 or 0.0) * (r.overlap_density_per_mm3 or 0.0)
            for r in source.regions()
            if r.hemisphere == "left"
            and any(parent in r.hierarchy for parent in parents)
            and (group != "M1" or r.system == "primary motor")
        )
        for group, parents in PARENTS.items()
    }
    total = sum(cells.values())
    return {group: 100.0 * n / total for group, n in cells.items()}


def _hits(ranking: list[tuple[str, float, bool]], k: int) -> float:
    return sum(is_cited for _, _, is_cited in ranking[:k]) / k


def _average_precision(ranking: list[tuple[str, float, bool]]) -> float:
    ranks = [i for i, (_, _, is_cited) in enumerate(ranking, start=1) if is_cited]
    return float(np.mean([(j + 1) / rank for j, rank in enumerate(ranks)]))


def _rank_of(node: str, ranking: list[tuple[str, float, bool]]) -> int:
    return [name for name, _, _ in ranking].index(node) + 1


def _figures(
    source: SnapshotSource,
    ranking: list[tuple[str, float, bool]],
    shares: Mapping[str, float],
    tables: Mapping[str, Mapping[str, Mapping[str, float]]],
) -> dict[str, dict[str, Any]]:
    """Return all figures."""
    cited = sum(is_cited for _, _, is_cited in ranking) / len(ranking)
    aip = rank_afferents(source, ("AIP",))
    distance = sum(abs(shares[g] - ANGORAPY[g]) for g in ANGORAPY) / 200.0
    return {
        "m1_denied_edges": figure(float(count_denied(source)), "1"),
        "m1_hits_at_5": figure(_hits(ranking, 5), "1"),
        "m1_hits_at_10": figure(_hits(ranking, 10), "1"),
        "m1_cited_share": figure(cited, "1"),
        "m1_average_precision": figure(_average_precision(ranking), "1"),
        "chain_rank_aip_pmv": figure(_rank_of("PMv", aip), "1"),
        "chain_rank_pmv_m1": figure(_rank_of("PMv", ranking), "1"),
        "share_distance": figure(distance, "1"),
        **{
            f"{title}={name}/{column}": figure(value, "1")
            for title, rows in tables.items()
            for name, row in rows.items()
            for column, value in row.items()
        },
    }


def _print(
    ranking: list[tuple[str, float, bool]],
    shares: Mapping[str, float],
    tables: Mapping[str, Mapping[str, Mapping[str, float]]],
) -> None:
    """Print markdown."""
    source = SnapshotSource()
    print("\n| rank | node | streamlines with M1 | cited |\n|---:|---|---:|---|")
    for i, (node, count, is_cited) in enumerate(ranking, start=1):
        print(f"| {i} | {node} | {count:,.0f} | {'yes' if is_cited else ''} |")
    for k in (1, 3, 5, 10, 15, 20):
        print(f"hits at {k}: {_hits(ranking, k):.2f}")
    print(f"average precision {_average_precision(ranking):.2f}")
    n_cited = sum(c for _, _, c in ranking)
    print(f"cited {n_cited} of {len(ranking)}")
    for target in ("AIP", "PMv"):
        order = rank_afferents(source, (target,))
        print(target, [(n, round(c)) for n, c, _ in order[:8]])
    floor = unit_shares(
        preset_graph(source, blind=True, also=["MCC (stand-in)"]), UnitRule(floor=1)
    )
    whole = _whole_shares(source)
    part = sum(ANGORAPY[g] for g in whole)
    print("\n| group | AngoraPy | ours | without floor | all parcels | AngoraPy of 5 |")
    print("|---|---:|---:|---:|---:|---:|")
    for g in ANGORAPY:
        row = [f"{share:.1f}" for share in (ANGORAPY[g], shares[g], floor[g])]
        if g in whole:
            row += [f"{whole[g]:.1f}", f"{100 * ANGORAPY[g] / part:.1f}"]
        print(f"| {' | '.join([g, *row, *[''] * (5 - len(row))])} |")
    for title, rows in tables.items():
        columns = list(next(iter(rows.values())))
        print(f"\n| {title} | {' | '.join(columns)} |")
        print(f"|---|{'---:|' * len(columns)}")
        for name, row in rows.items():
            print(f"| {name} | {' | '.join(f'{row[c]:.4g}' for c in columns)} |")


if __name__ == "__main__":
    main()
