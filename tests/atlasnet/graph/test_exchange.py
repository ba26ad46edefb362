# SPDX-License-Identifier: Apache-2.0
"""Graphs in other programs' formats, what to cite, and what differs."""

import csv
import importlib.util
import itertools
import json
import re
import zipfile
from dataclasses import replace
from pathlib import Path

import networkx as nx
import nibabel
import numpy as np
import pytest
from typer.testing import CliRunner

from atlasnet.atlas.assembly import build_graph, preset_graph
from atlasnet.atlas.rules import GraphRules
from atlasnet.atlas.sources.matrices import read_tvb
from atlasnet.atlas.sources.snapshot import SnapshotSource
from atlasnet.commands.app import app
from atlasnet.errors import GraphError
from atlasnet.graph.area_map import write_area_map
from atlasnet.graph.citation import bibliography, references
from atlasnet.graph.comparison import compare_graphs
from atlasnet.graph.exchange import (
    FORMATS,
    area_values,
    bids_name,
    export_graph,
    to_graphml,
    to_matrix,
    to_node_link,
)
from atlasnet.graph.graph import Projection, Region, RegionGraph
from atlasnet.graph.null_models import randomize


@pytest.fixture(scope="module")
def graph() -> RegionGraph:
    return preset_graph(SnapshotSource(), blind=True)


# --- formats -------------------------------------------------------------------------


def test_graphml_is_read_back_by_networkx(graph: RegionGraph) -> None:
    back = nx.parse_graphml(to_graphml(graph))
    assert set(back.nodes) == set(graph.names)
    assert back.number_of_edges() == len(graph.projections)
    assert back.nodes["4p left"]["volume_mm3"] == 1547.0
    assert back.nodes["AIP left"]["julich_2_9"] == (
        "Area hIP1 (IPS) left;Area hIP2 (IPS) left"
    )
    assert back.nodes["4p left"]["x_mm"] == pytest.approx(-36.5)
    edge = back.edges["3a left", "4p left"]
    assert edge["streamline_count"] == pytest.approx(2811.18, abs=0.005)
    assert edge["direction_rule"] == "cited"
    assert back.graph["connections_version"] == "2.9"


def test_node_link_is_read_back_by_networkx(graph: RegionGraph) -> None:
    back = nx.node_link_graph(json.loads(to_node_link(graph)), edges="links")
    whole = graph.to_networkx()
    assert set(back.nodes) == set(whole.nodes)
    for a, b, values in whole.edges(data=True):
        assert back.edges[a, b] == values


@pytest.mark.parametrize("weight", ["streamlines", "log"])
def test_other_programs_find_the_weight_where_they_look(
    weight: str, tmp_path: Path
) -> None:
    graph = preset_graph(SnapshotSource(), blind=True, weight=weight)
    matrix = np.nan_to_num(to_matrix(graph))
    assert matrix[graph.names.index("3a left"), graph.names.index("4p left")] > 0
    key = {} if nx.__version__ >= "3.6" else {"edges": "links"}
    back = nx.node_link_graph(json.loads(to_node_link(graph)), **key)
    for digraph in (graph.to_networkx(), back, nx.parse_graphml(to_graphml(graph))):
        read = nx.to_numpy_array(digraph, nodelist=list(graph.names))
        np.testing.assert_allclose(read, matrix, rtol=1e-12)
        path = nx.dijkstra_path(digraph, "3a left", "4p left")
        length = sum(
            graph.projection(a, b).strength for a, b in itertools.pairwise(path)
        )
        told = nx.dijkstra_path_length(digraph, "3a left", "4p left")
        assert told == pytest.approx(length)
        assert told <= graph.projection("3a left", "4p left").strength
    _, edges = export_graph(graph, "csv", str(tmp_path))
    with edges.open() as file:
        for row, edge in zip(csv.DictReader(file), graph.projections, strict=True):
            assert float(row["weight"]) == edge.strength
    # Weak edges have less weight than streamlines, so strengths are a matrix of their
    # own; without the literature they are the streamlines.
    written = export_graph(graph, "bids", str(tmp_path))
    assert any("Strength_relmat.tsv" in p.name for p in written)
    uncited = preset_graph(SnapshotSource(), blind=True, weight=weight, cited=False)
    written = export_graph(uncited, "bids", str(tmp_path))
    assert any("Strength_relmat.tsv" in p.name for p in written) == (weight == "log")


@pytest.mark.parametrize("name", FORMATS)
def test_a_path_may_be_a_text(graph: RegionGraph, name: str, tmp_path: Path) -> None:
    assert all(
        path.is_file() for path in export_graph(graph, name, str(tmp_path / "x"))
    )


def test_tables_have_a_row_per_region_and_projection(
    graph: RegionGraph, tmp_path: Path
) -> None:
    nodes, edges = export_graph(graph, "csv", tmp_path)
    with nodes.open() as file:
        rows = list(csv.DictReader(file))
    assert [row["name"] for row in rows] == list(graph.names)
    with edges.open() as file:
        links = list(csv.DictReader(file))
    assert len(links) == len(graph.projections)
    for row, edge in zip(links, graph.projections, strict=True):
        assert float(row["streamline_count"]) == edge.streamline_count
        assert row["sln"] == ("" if edge.sln is None else str(edge.sln))


def test_the_virtual_brains_archive_reads_back_as_the_same_matrices(
    graph: RegionGraph, tmp_path: Path
) -> None:
    path = tmp_path / "connectivity.zip"
    export_graph(graph, "tvb", path)
    weights, lengths_mm = read_tvb(path)
    assert weights.names == tuple(name.replace(" ", "_") for name in graph.names)
    np.testing.assert_array_equal(weights.values, np.nan_to_num(to_matrix(graph)))
    np.testing.assert_array_equal(
        lengths_mm.values, np.nan_to_num(to_matrix(graph, "length_mm"))
    )
    with zipfile.ZipFile(path) as archive:
        # Column to row: 4p receives from 3a in its own row.
        table = np.loadtxt(archive.read("weights.txt").decode().splitlines())
        sides = archive.read("hemispheres.txt").split()
    target, source = graph.names.index("4p left"), graph.names.index("3a left")
    assert table[target, source] == pytest.approx(2811.18, abs=0.005)
    assert set(sides) == {b"0"}


@pytest.mark.skipif(
    importlib.util.find_spec("tvb") is None, reason="tvb-library is not installed"
)
def test_the_virtual_brains_own_reader_reads_the_archive(
    graph: RegionGraph, tmp_path: Path
) -> None:
    from tvb.datatypes.connectivity import Connectivity

    path = tmp_path / "connectivity.zip"
    export_graph(graph, "tvb", path)
    read = Connectivity.from_file(str(path))
    np.testing.assert_allclose(read.weights, np.nan_to_num(to_matrix(graph)).T)
    assert list(read.region_labels) == [n.replace(" ", "_") for n in graph.names]


def test_bids_files_have_their_names_and_sidecars(
    graph: RegionGraph, tmp_path: Path
) -> None:
    written = export_graph(graph, "bids", tmp_path)
    names = sorted(path.name for path in written)
    assert names[0] == "atlas-JulichBrain29_desc-fpnLeftLengthMm_relmat.json"
    entity = r"(space-[A-Za-z0-9]+_)?atlas-[A-Za-z0-9]+(_desc-[A-Za-z0-9]+)?"
    for name in names:
        assert re.fullmatch(rf"{entity}_(relmat|dseg)\.(tsv|json)", name)
    matrix = next(p for p in written if "Count_relmat.tsv" in p.name)
    with matrix.open() as file:
        rows = list(csv.DictReader(file, delimiter="\t"))
    row = next(row for row in rows if row["source"] == "3a left")
    assert float(row["4p left"]) == pytest.approx(2811.18, abs=0.005)
    assert row["3a left"] == "n/a"
    assert bids_name("dseg", ".nii.gz", atlas="a b", space="MNI 152") == (
        "space-MNI152_atlas-aB_dseg.nii.gz"
    )


@pytest.mark.parametrize("name", ["graphml", "node-link", "tvb"])
def test_the_same_graph_makes_the_same_file(
    graph: RegionGraph, name: str, tmp_path: Path
) -> None:
    for file in ("a", "b"):
        export_graph(graph, name, tmp_path / file)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_a_graph_that_a_format_cannot_hold_leaves_no_file(tmp_path: Path) -> None:
    bare = RegionGraph([Region("a left", "left")])
    with pytest.raises(GraphError, match="needs the centre of every region"):
        export_graph(bare, "tvb", tmp_path / "x.zip")
    with pytest.raises(GraphError, match=r"No format 'gml'.*graphml"):
        export_graph(bare, "gml", tmp_path / "x.gml")
    assert list(tmp_path.iterdir()) == []
    assert set(FORMATS) == {"graphml", "node-link", "csv", "tvb", "bids"}


def test_an_area_map_paints_a_number_into_each_area(tmp_path: Path) -> None:
    data = np.zeros((3, 3, 3), np.int16)
    data[0], data[1] = 1, 2
    affine = np.diag([2.0, 2.0, 2.0, 1.0])
    labels = tmp_path / "labels.nii.gz"
    nibabel.save(nibabel.Nifti1Image(data, affine), labels)
    out = tmp_path / "units.nii.gz"
    write_area_map({"a": 31.0}, labels, {"a": 2, "b": 1}, out)
    painted = nibabel.load(out)
    values = painted.get_fdata()
    np.testing.assert_array_equal(painted.affine, affine)
    assert (values[1] == 31.0).all()
    assert np.isnan(values[[0, 2]]).all()
    with pytest.raises(GraphError, match="no label for 'c'"):
        write_area_map({"c": 1.0}, labels, {"a": 2}, tmp_path / "x.nii")
    with pytest.raises(GraphError, match="no voxel of label 5"):
        write_area_map({"a": 1.0}, labels, {"a": 5}, tmp_path / "x.nii")
    with pytest.raises(GraphError, match="cannot be read as a label image"):
        write_area_map({"a": 1.0}, tmp_path / "none.nii", {"a": 5}, tmp_path / "x.nii")
    with pytest.raises(GraphError, match=r"ends in \.nii"):
        write_area_map({"a": 1.0}, labels, {"a": 2}, tmp_path / "x.img")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["labels.nii.gz", out.name]


def test_a_statistic_of_a_node_is_painted_into_all_its_parts(
    graph: RegionGraph, tmp_path: Path
) -> None:
    values = area_values(graph, "volume_mm3")
    aip = graph.region("AIP left")
    for part in aip.julich_3_1:
        assert values[part] == aip.volume_mm3
    afferents = area_values(graph, "n_afferents")
    assert afferents["Area 4p (PreCG) left"] == sum(
        edge.target == "4p left" for edge in graph.projections
    )
    assert area_values(graph, "n_units", {"4p left": 32}) == {
        "Area 4p (PreCG) left": 32.0
    }
    with pytest.raises(GraphError, match="a network's"):
        area_values(graph, "n_units")
    with pytest.raises(GraphError, match="A statistic is one of"):
        area_values(graph, "volume")


def test_the_command_paints_a_graph_into_a_label_image(tmp_path: Path) -> None:
    graph = build_graph(SnapshotSource(), ["4p", "3a"])
    graph.save(tmp_path / "g.graph.json")
    data = np.zeros((2, 2, 2), np.int16)
    data[0], data[1] = 5, 6
    nibabel.save(nibabel.Nifti1Image(data, np.eye(4)), tmp_path / "labels.nii")
    # Another spelling, and the side in a column.
    table = tmp_path / "labels.csv"
    table.write_text("label,name,hemi\n5,area 4P (PreCG),L\n6,Area 3a (PostCG),L\n")
    out = tmp_path / "volume.nii.gz"
    words = ["export", str(tmp_path / "g.graph.json"), "--format", "nifti"]
    words += ["--label-image", str(tmp_path / "labels.nii")]
    words += ["--statistic", "volume_mm3", "--out", str(out)]
    run(*words, "--label-table", str(table))
    painted = nibabel.load(out).get_fdata()
    assert (painted[0] == 1547.0).all()
    missing = CliRunner().invoke(app, words)
    assert missing.exit_code == 2
    table.write_text("label,name,hemi\n5,Area 4p (PreCG),L\n")
    lacking = CliRunner().invoke(app, [*words, "--label-table", str(table)])
    assert lacking.exit_code == 2
    assert "no label for 'Area 3a (PostCG) left'" in lacking.stderr


# --- what to cite --------------------------------------------------------------------


def entries(text: str) -> dict[str, str]:
    found = re.findall(r"^@\w+\{(\w+),(.*?)^\}", text, re.MULTILINE | re.DOTALL)
    return dict(found)


def test_what_is_cited_is_what_was_used(graph: RegionGraph) -> None:
    assert references(graph) == (
        *("amunts2020", "domhof2021", "domhof2022", "economo1925", "felleman1991"),
        *("froudist2021", "markov2014hierarchy", "pronold2024", "siibra"),
        *("triarhou2009", "vanessen2013"),
    )
    found = entries(bibliography(graph))
    dois = {
        e.citation.split("doi:")[1].split(" ")[0]
        for e in graph.projections
        if e.citation and "doi:" in e.citation
    }
    for doi in dois:
        assert any(f"{{{doi}}}" in entry for entry in found.values()), doi
    assert "{Dum, R. P. and Strick, P. L.}" in found["dum2005"]
    assert "{Borra, E. and others}" in found["borra2008"]


def test_what_was_not_used_is_not_cited() -> None:
    source = SnapshotSource()
    plain = GraphRules(cited=False, direction_model="none", density="surface_overlap")
    keys = references(preset_graph(source, blind=True, rules=plain))
    assert "schmidt2018" not in keys
    assert "scholtens2018" in keys
    typed = GraphRules(direction_model="cortical_type", weight="input_share")
    keys = references(preset_graph(source, blind=True, rules=typed))
    assert "felleman1991" not in keys
    dense = GraphRules(direction_model="structural_model")
    assert "schmidt2018" in references(preset_graph(source, blind=True, rules=dense))
    assert {"barbas1986", "garciacabezas2020", "markov2014fln"} <= set(keys)
    assert "schmidt2018" not in keys


def test_a_null_model_cites_its_method(graph: RegionGraph) -> None:
    assert "maslov2002" in references(randomize(graph, "rewired", 0))
    assert "betzel2018" in references(randomize(graph, "distance_surrogate", 0))


def test_every_reference_that_may_be_cited_is_there() -> None:
    from importlib.resources import files

    from atlasnet.graph import citation
    from atlasnet.graph.null_models import NULL_MODELS

    text = (files("atlasnet.data") / "references.bib").read_text("utf-8")
    known = set(entries(text))
    tables = (citation._OF_DENSITY, citation._OF_DIRECTION, citation._OF_COHORT)
    cited = {key for table in tables for keys in table.values() for key in keys}
    cited |= {key for model in NULL_MODELS.values() for key in model.references}
    assert cited <= known
    for entry in entries(text).values():
        assert re.search(r"^  author +=", entry, re.MULTILINE)
        assert re.search(r"^  title +=", entry, re.MULTILINE)


def test_keys_are_unique_and_braces_are_paired(graph: RegionGraph) -> None:
    text = bibliography(graph)
    keys = re.findall(r"^@\w+\{(\w+),", text, re.MULTILINE)
    assert len(keys) == len(set(keys))
    assert text.count("{") == text.count("}")


# --- comparison ----------------------------------------------------------------------


def test_a_graph_is_no_different_from_itself(graph: RegionGraph) -> None:
    found = compare_graphs(graph, graph)
    assert found.differences == ()
    assert found.n_projections_shared == len(graph.projections)
    assert found.strength_spearman == pytest.approx(1.0)


def test_what_differs_is_counted_and_named() -> None:
    regions = [Region(name, "left", volume_mm3=2.0) for name in "abc"]
    edges = [
        Projection("a", "b", 10.0, 30.0, 5.0, "lateral", "none"),
        Projection("b", "c", 20.0, 30.0, 5.0, "lateral", "none"),
    ]
    one = RegionGraph(regions, edges, {"seed": 1})
    other = RegionGraph(
        [replace(regions[0], volume_mm3=3.0), regions[1], Region("d", "left")],
        [replace(edges[0], direction="feedback")],
        {"seed": 2},
    )
    found = compare_graphs(one, other)
    assert (found.n_regions_shared, found.n_regions_only_a) == (2, 1)
    assert (found.n_projections_shared, found.n_projections_only_a) == (1, 1)
    assert found.n_directions_changed == 1
    assert found.strength_spearman is None
    named = {d.name: (d.a, d.b) for d in found.differences}
    assert named == {
        "seed": ("1", "2"),
        "a: volume_mm3": ("2", "3"),
        "c": ("there", "-"),
        "d": ("-", "there"),
        "a -> b: direction": ("lateral", "feedback"),
        "b -> c": ("there", "-"),
    }


# --- at the shell --------------------------------------------------------------------


def run(*arguments: str) -> str:
    result = CliRunner().invoke(app, list(arguments))
    assert result.exit_code == 0, result.output
    return result.stdout


def test_commands_export_compare_and_cite(graph: RegionGraph, tmp_path: Path) -> None:
    a, b = tmp_path / "a.graph.json", tmp_path / "b.graph.json"
    graph.save(a)
    randomize(graph, "shuffled_weights", 1).save(b)
    run("export", str(a), "--format", "graphml", "--out", str(tmp_path / "a.graphml"))
    assert len(nx.read_graphml(tmp_path / "a.graphml")) == 28
    shown = json.loads(run("compare", str(a), str(b), "--json"))
    assert shown["n_projections_shared"] == len(graph.projections)
    assert shown["n_directions_changed"] == 0
    assert "n regions shared: 28" in run("compare", str(a), str(b))
    assert run("cite", str(a)) == bibliography(graph)


def test_the_graph_command_applies_its_options(tmp_path: Path) -> None:
    out = tmp_path / "g.graph.json"
    run(
        *("graph", "--preset", "fpn", "--also", "MCC (stand-in)", "--out", str(out)),
        *("--edges", "strongest=4", "--weight", "log", "--null-model", "random"),
        *("--seed", "7", "--leave-out-layers", "I", "II"),
    )
    graph = RegionGraph.load(out)
    assert "MCC (stand-in) left" in graph
    assert graph.metadata["null_model_seed"] == 7
    assert graph.metadata["layers_left_out"] == ["I", "II"]
    assert graph.metadata["edge_rule"] == "the 4 strongest neighbours of every region"


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ([], "give one of --regions, --preset and --all"),
        (["--all", "--preset", "fpn"], "give one of"),
        (["--regions", "FusG"], "may mean any of 5 regions"),
        (["--regions", ""], "A region has a name"),
        (["--preset", "fpn", "--edges", "many"], "An edge rule is"),
        (["--preset", "fpn", "--null-model", "x"], "No null model 'x'"),
        (["--preset", "fpn", "--direction-table", "none.csv"], "cannot be read"),
        (
            ["--preset", "fpn", "--weight", "x"],
            "'x' is not one of 'streamlines'",
        ),
        (["--preset", "fpn", "--label-table", "x.csv"], "your own atlas needs"),
        (["--regions", "4p", "--neighbours", "999"], "fewer than the 999"),
    ],
)
def test_wrong_options_are_one_error_and_nothing_is_written(
    arguments: list[str], reason: str, tmp_path: Path
) -> None:
    out = tmp_path / "folder" / "g.graph.json"
    result = CliRunner().invoke(app, ["graph", "--out", str(out), *arguments])
    assert result.exit_code == 2, result.output
    assert reason in result.stderr
    assert "Traceback" not in result.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_model_without_a_graph_cannot_be_cited(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["cite", str(tmp_path / "none.keras")])
    assert result.exit_code == 2
    assert "does not exist" in result.stderr
