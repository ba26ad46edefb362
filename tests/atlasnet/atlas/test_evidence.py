# SPDX-License-Identifier: Apache-2.0
"""Evidence against pathways: what is denied, doubtful or weak, and what follows."""

import json
import math
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from atlasnet.atlas.assembly import all_regions_graph, build_graph, preset_graph
from atlasnet.atlas.source import PathwayRecord
from atlasnet.atlas.sources.snapshot import SnapshotSource
from atlasnet.errors import AtlasError, GraphError
from atlasnet.graph.graph import Projection, RegionGraph
from atlasnet.graph.merging import merge_regions
from atlasnet.graph.order import break_cycles
from tests.atlasnet.commands.test_app import run

DENIED = {
    ("dlPFC", "4a"),
    ("dlPFC", "4p"),
    ("IFS", "4a"),
    ("IFS", "4p"),
    ("3b", "4a"),
    ("3b", "4p"),
    ("1", "PMdc"),
    ("2", "PMdc"),
    ("2", "PMdr"),
    ("AIP", "PMdr"),
    ("5L", "preSMA"),
    ("5M", "preSMA"),
    ("7A", "preSMA"),
    ("7P", "preSMA"),
}


@pytest.fixture(scope="module")
def source() -> SnapshotSource:
    return SnapshotSource()


@pytest.fixture(scope="module")
def graph(source: SnapshotSource) -> RegionGraph:
    return preset_graph(source)


def _ends(edge: Projection) -> tuple[str, str]:
    return edge.source.rpartition(" ")[0], edge.target.rpartition(" ")[0]


def test_the_table_denies_what_is_listed_here(source) -> None:
    rows = {(p.source, p.target) for p in source.pathways() if p.support == "denied"}
    assert rows == DENIED


@pytest.mark.parametrize("preset", ["fpn", "fpn-visual"])
@pytest.mark.parametrize("hemisphere", ["left", "right", "both"])
def test_no_denied_pathway_is_in_a_preset(source, preset: str, hemisphere: str) -> None:
    graph = preset_graph(source, preset, hemisphere)
    assert not {_ends(edge) for edge in graph.projections} & DENIED
    # Not between hemispheres either: 120 streamlines join right dlPFC and left 4a.
    kept = preset_graph(source, preset, hemisphere, denied=True)
    assert {_ends(edge) for edge in kept.projections} & DENIED
    assert graph.metadata["denied_pathways"] is False
    assert kept.metadata["denied_pathways"] is True


def test_what_was_left_out_says_why(graph) -> None:
    left_out = graph.metadata["left_out_pathways"]
    assert (
        "dlPFC left -> 4a left: denied (Dum RP, Strick PL 2005 J Neurosci 25:1375, "
        "doi:10.1523/JNEUROSCI.3902-04.2005)"
    ) in left_out
    assert any(line.startswith("2 left -> AIP left: doubtful") for line in left_out)
    # No streamlines reach the threshold from IFS to 4a, so nothing was left out there.
    assert not any(line.startswith("IFS left -> 4a") for line in left_out)


def test_a_finer_threshold_brings_nothing_back(source) -> None:
    graph = preset_graph(source, min_streamline_count=1e-9)
    assert not {_ends(edge) for edge in graph.projections} & DENIED
    joined = preset_graph(source, edges="density=0.01")
    assert not {_ends(edge) for edge in joined.projections} & DENIED


def test_parts_of_a_node_are_denied_with_it(source) -> None:
    # hIP1 is a part of AIP, of which F7 (PMdr: 6d2 and 6d3) showed no cell.
    names = ["Area hIP1 (IPS)", "Area 6d3 (SFS)"]
    parts = build_graph(source, names, min_streamline_count=1e-9)
    assert not parts.has_projection("Area hIP1 (IPS) left", "Area 6d3 (SFS) left")
    assert parts.has_projection("Area 6d3 (SFS) left", "Area hIP1 (IPS) left")
    whole = all_regions_graph(source, "left")
    assert not whole.has_projection("Area 3b (PostCG) left", "Area 4p (PreCG) left")


def test_without_the_literature_streamlines_alone_decide(source) -> None:
    graph = preset_graph(source, cited=False)
    assert graph.has_projection("dlPFC left", "4a left")
    assert not any(edge.is_weak for edge in graph.projections)
    assert {edge.presence for edge in graph.projections} == {"streamlines"}


@pytest.mark.parametrize("weight", ["streamlines", "log", "input_share"])
def test_weak_edges_weigh_no_more_than_any_other(source, weight: str) -> None:
    graph = preset_graph(source, weight=weight)
    weak = [edge for edge in graph.projections if edge.is_weak]
    others = [edge.strength for edge in graph.projections if not edge.is_weak]
    assert {("AIP", "4p"), ("S2", "4a"), ("3b", "PMv")} <= {_ends(e) for e in weak}
    assert max(edge.strength for edge in weak) <= min(others)
    assert all(edge.evidence_against for edge in weak)
    # What was measured stays what was measured.
    assert graph.projection("AIP left", "4p left").streamline_count > 100
    if weight == "streamlines":
        # PFop -> SMA is cited and has 1.18 streamlines, the fewest of all.
        assert [e.weight for e in weak] == pytest.approx([1.18] * 27, abs=0.005)


def test_a_weak_citation_adds_no_edge(source, graph) -> None:
    # 62 streamlines join PF and PMdc, and a pathway of marmosets.
    assert not graph.has_projection("PF left", "PMdc left")
    low = preset_graph(source, min_streamline_count=50)
    edge = low.projection("PF left", "PMdc left")
    assert (edge.is_weak, edge.presence) == (True, "streamlines")
    assert (edge.direction, edge.direction_rule) == ("feedforward", "cited")


def test_an_edge_says_why_it_is_there(graph) -> None:
    presence = {_ends(edge): edge.presence for edge in graph.projections}
    assert presence["PMdc", "4a"] == "both"
    assert presence["PFop", "SMA"] == "cited"  # 1 streamline
    assert presence["7PC", "PMv"] == "streamlines"
    assert None not in presence.values()


def test_a_pair_that_joins_the_graph_says_so(source) -> None:
    sparse = preset_graph(source, edges="density=0.03", cited=False)
    listed = sparse.metadata["edges_that_join_components"]
    joining = [e for e in sparse.projections if e.presence == "joining"]
    assert {tuple(sorted(_ends(e))) for e in joining} == {
        tuple(sorted(end.rpartition(" ")[0] for end in pair.split(" - ")))
        for pair in listed
    }
    assert joining


def test_a_graph_keeps_its_evidence_in_a_file(graph, tmp_path: Path) -> None:
    graph.save(tmp_path / "g.graph.json")
    assert RegionGraph.load(tmp_path / "g.graph.json") == graph
    data = json.loads(graph.to_json())
    for edge in data["edges"]:
        for key in ("presence", "is_weak", "evidence_against"):
            del edge[key]
    older = RegionGraph.from_json(json.dumps({**data, "schema_version": 2}))
    assert not any(edge.is_weak for edge in older.projections)
    assert {edge.presence for edge in older.projections} == {None}


def test_merged_edges_are_weak_if_all_of_them_are(graph) -> None:
    def merged(**groups: list[str]) -> RegionGraph:
        sides = {k: [f"{part} left" for part in v] for k, v in groups.items()}
        return merge_regions(graph, sides)

    # S2 -> 4a and S2 -> 4p are weak both; of 1 and S2 to 4a and 4p two are not.
    assert merged(M1=["4a", "4p"]).projection("S2 left", "M1").is_weak
    mixed = merged(M1=["4a", "4p"], S=["1", "S2"]).projection("S", "M1")
    assert not mixed.is_weak
    assert mixed.presence == "both"
    assert "Burman" in str(mixed.evidence_against)


def test_of_a_cycle_a_weak_claim_is_set_aside_before_a_strong_one() -> None:
    def edge(a: str, b: str, **more: object) -> Projection:
        plain = Projection(a, b, 10.0, 30.0, 5.0, "feedforward", "cited", citation="A")
        return replace(plain, **more)

    weak = {"streamline_count": 99.0, "is_weak": True, "evidence_against": "B"}
    edges = [edge("a", "b"), edge("b", "c"), edge("c", "a", **weak)]
    _, closing = break_cycles(edges)
    assert [(e.source, e.target) for e in closing] == [("c", "a")]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"presence": "rumour"}, "presence"),
        ({"is_weak": True}, "a weak projection needs its evidence_against"),
    ],
)
def test_a_projection_without_its_reason_is_refused(
    change: Mapping[str, object], message: str
) -> None:
    plain = Projection("a", "b", 10.0, 30.0, 5.0, "lateral", "none")
    with pytest.raises(GraphError, match=message):
        replace(plain, **change)


def _pathway(**change: object) -> PathwayRecord:
    known: dict[str, object] = {
        "source": "AIP",
        "target": "4p",
        "direction": "feedforward",
        "evidence": "tracer",
        "species": "macaque",
        "citation": "A 2000",
        "doi": None,
        "support": "verified",
        "note": "",
    }
    return PathwayRecord(**{**known, **change})


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"support": "denyed"}, "support.*denied"),
        ({"direction": "forward"}, "direction.*feedforward"),
        ({"direction": None}, "is verified and has no direction.*only weak and denied"),
    ],
)
def test_a_pathway_that_cannot_be_is_refused(
    change: Mapping[str, object], message: str
) -> None:
    with pytest.raises(AtlasError, match=message):
        _pathway(**change)


def test_evidence_against_a_pathway_needs_no_direction() -> None:
    assert _pathway(support="denied", direction=None).is_against
    assert _pathway(support="weak", direction=None).is_against
    assert not _pathway(support="doubtful").is_against


def test_show_says_of_every_edge_why_and_of_every_denied_one_why_not() -> None:
    shown = json.loads(run("show", "--preset", "fpn", "--json").stdout)
    assert all(edge["presence"] for edge in shown["edges"])
    weak = [edge for edge in shown["edges"] if edge["is_weak"]]
    assert all(edge["evidence_against"] for edge in weak)
    assert any(line.startswith("dlPFC left -> 4a left") for line in shown["left_out"])
    printed = run("show", "--preset", "fpn", "--edges").stdout
    assert "Left out by the literature" in printed
    assert f"{len(weak)} of them are weak" in printed
    assert "Every projection" in printed
    assert "Every projection" not in run("show", "--preset", "fpn").stdout


def test_the_least_weight_is_of_edges_that_have_one(source) -> None:
    # V6 -> mIPS is cited without a streamline: it is no measure of what is least.
    graph = preset_graph(source, blind=False)
    weak = [edge.strength for edge in graph.projections if edge.is_weak]
    assert min(weak) > 0
    assert all(math.isfinite(strength) for strength in weak)
