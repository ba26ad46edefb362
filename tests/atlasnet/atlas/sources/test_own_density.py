# SPDX-License-Identifier: Apache-2.0
"""Densities of a user's own for what the cortical atlas says nothing of."""

from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from atlasnet.atlas.assembly import build_graph, preset_graph
from atlasnet.atlas.rules import GraphRules
from atlasnet.atlas.sources.snapshot import SnapshotSource
from atlasnet.commands.app import app
from atlasnet.errors import AtlasError, IncompleteDataError
from atlasnet.graph.graph import RegionGraph
from atlasnet.plan.interface import hand_interface
from atlasnet.plan.planner import plan_network

# The lateral geniculate body has a volume in 3.1, the fastigial nucleus has none.
TABLE = "name,cell_density_per_mm3,volume_mm3,note\n"
TABLE += "CGL (Metathalamus),60000,,own counts\n"
TABLE += "Fastigial Nucleus (Cerebellum) left,30000,40,an atlas of ours\n"
NAMES = ["CGL", "Fastigial Nucleus (Cerebellum)", "V1"]


@pytest.fixture(scope="module")
def source() -> SnapshotSource:
    return SnapshotSource()


def test_a_table_gives_nuclei_their_cells_and_says_where_from(
    source: SnapshotSource, tmp_path: Path
) -> None:
    (tmp_path / "d.csv").write_text(TABLE)
    graph = build_graph(source, NAMES, density_table=str(tmp_path / "d.csv"))
    cgl = next(r for r in graph.regions if r.name.startswith("CGL"))
    assert (cgl.cell_density_per_mm3, cgl.cell_density_rule) == (60000.0, "table")
    assert cgl.volume_mm3
    assert cgl.cell_count == 60000.0 * cgl.volume_mm3
    nucleus = graph.region("Fastigial Nucleus (Cerebellum) left")
    assert nucleus.cell_count == 30000.0 * 40.0
    assert graph.metadata["density_table"] == [
        "CGL (Metathalamus): 60000 cells per mm3 (own counts)",
        "Fastigial Nucleus (Cerebellum) left: 30000 cells per mm3, 40 mm3 (an atlas of "
        "ours)",
    ]
    assert RegionGraph.from_json(graph.to_json()) == graph
    # V1 keeps what the atlas says.
    v1 = next(r for r in graph.regions if "V1" in r.name)
    assert v1.cell_density_rule == "homologue"


def test_what_has_no_layers_has_no_laminar_direction(source: SnapshotSource) -> None:
    given = {"metathalamus": 60000}  # a parent is all its regions
    graph = build_graph(
        source, ["CGL", "V1"], density_table=given, cited=False, edges="share=1e-9"
    )
    assert graph.projections
    assert {edge.direction_rule for edge in graph.projections} == {"none"}
    assert all(edge.sln is None for edge in graph.projections)


def test_networks_of_nuclei_can_be_planned(source: SnapshotSource) -> None:
    bare = build_graph(source, NAMES[:1])
    name = bare.names[0]
    interface = hand_interface(
        bare,
        inputs={"touch": [name]},
        action=[name],
        value=[name],
        without=["proprioception", "goal", "vision"],
    )
    with pytest.raises(IncompleteDataError, match=r"density_table, --density-table"):
        plan_network(bare, interface)
    rules = GraphRules(density_table={"CGL (Metathalamus)": 6e4})
    plan = plan_network(build_graph(source, NAMES[:1], rules=rules), interface)
    assert plan.n_units > 0


def test_a_composite_takes_what_is_own_and_what_is_the_atlass(
    source: SnapshotSource,
) -> None:
    # AIP is hIP1 and hIP2: one has its own density, the other its homologue's.
    given = {"Area hIP1 (IPS)": 1000.0}
    whole = preset_graph(source, blind=True).region("AIP left")
    mixed = preset_graph(source, blind=True, density_table=given).region("AIP left")
    one, other = build_graph(source, ["hIP1", "hIP2"]).regions
    assert one.volume_mm3
    assert other.volume_mm3
    assert whole.cell_density_per_mm3
    total_mm3 = one.volume_mm3 + other.volume_mm3
    expected = one.volume_mm3 * 1000.0 + other.volume_mm3 * whole.cell_density_per_mm3
    assert mixed.cell_density_per_mm3 == pytest.approx(expected / total_mm3)
    assert mixed.cell_density_rule == "mixed"
    assert mixed.cortical_type == whole.cortical_type


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ({"CGLL (Metathalamus)": 1.0}, "names 'CGLL.*Close matches: CGL"),
        ({"CGL (Metathalamus)": -1.0}, "'CGL.* is a number above 0, got '-1.0'"),
        ({"CGL (Metathalamus)": True}, "'CGL.* is a number above 0, got True"),
        ("name,density\nCGL,1\n", "no column 'cell_density_per_mm3'"),
        ("name,cell_density_per_mm3\nCGL,\n", "Line 2 .*a density above 0, got 'CGL'"),
        ("name,cell_density_per_mm3\nx,1\nx,2\n", "Line 3 .*'x' is there twice"),
    ],
)
def test_a_density_that_cannot_be_is_refused(
    source: SnapshotSource, tmp_path: Path, given: Any, reason: str
) -> None:
    if isinstance(given, str):
        (tmp_path / "d.csv").write_text(given)
        given = tmp_path / "d.csv"
    with pytest.raises(AtlasError, match=reason):
        build_graph(source, ["V1"], density_table=given)


def test_layers_left_out_leave_nuclei_whole(source: SnapshotSource) -> None:
    given = {"CGL (Metathalamus)": 6e4}
    left_out = {"density_table": given, "layers_left_out": ("I",)}
    graph = build_graph(source, ["CGL"], **left_out)
    assert graph.regions[0].cell_density_per_mm3 == 60000.0
    given["Area hIP1 (IPS)"] = 1.0
    with pytest.raises(IncompleteDataError, match="not known by layer"):
        build_graph(source, ["hIP1"], **left_out)


def test_the_shell_takes_the_table(tmp_path: Path) -> None:
    (tmp_path / "d.csv").write_text(TABLE)
    out = tmp_path / "g.graph.json"
    given = ["--density-table", str(tmp_path / "d.csv"), "--out", str(out)]
    result = CliRunner().invoke(app, ["graph", "--regions", *NAMES, *given])
    assert result.exit_code == 0, result.output
    assert RegionGraph.load(out).metadata["density_table"]
