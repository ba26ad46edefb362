# SPDX-License-Identifier: Apache-2.0
"""A user's own atlas: images, tables and matrices that the tests write."""

import bz2
import zipfile
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest
from typer.testing import CliRunner

from atlasnet.atlas.assembly import build_graph, preset_graph
from atlasnet.atlas.edges import StreamlineThreshold
from atlasnet.atlas.rules import GraphRules
from atlasnet.atlas.sources.label_table import read_labels
from atlasnet.atlas.sources.table_source import TableSource
from atlasnet.commands.app import app
from atlasnet.errors import AtlasError, IncompleteDataError
from atlasnet.graph.graph import RegionGraph

LABELS = (
    "label,name,hemisphere,is_isocortex\n1,A,left,\n2,B,left,\n7,A,right,\n9,C,R,no\n"
)
MATRIX = ",A left,B left,A right,C right\n"
MATRIX += "A left,9,5,2,0\nB left,5,9,0,1\nA right,2,0,9,0\nC right,0,1,0,9\n"
LENGTHS = MATRIX.replace("5", "30").replace("2", "80")
DENSITIES = "name,cell_density_per_mm3,thickness_mm,cortical_type\n"
DENSITIES += "A,30000,2.5,EU2\nB left,60000,,KO\nC,20000,,\n"


class Files:
    """Files of an atlas of three regions of isocortex and one other."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        # A: two voxels, B: one, A right: three, C: one; oblique voxels of
        # 2 x 3 x 4 mm, with the first axis reversed and an offset.
        data = np.zeros((4, 4, 4), np.int16)
        data[0, 0, :2], data[1, 2, 3], data[3, :3, 0], data[2, 2, 2] = 1, 2, 7, 9
        affine = np.array(
            [[-2.0, 0, 0, 10], [0, 3, 0, -20], [0, 0, 4, 5], [0, 0, 0, 1]]
        )
        self.image = folder / "labels.nii.gz"
        nibabel.save(nibabel.Nifti1Image(data, affine), self.image)
        self.labels = self.write("labels.csv", LABELS)
        self.matrix = self.write("matrix.csv", MATRIX)
        self.lengths = self.write("lengths.csv", LENGTHS)
        self.densities = self.write("densities.csv", DENSITIES)

    def write(self, name: str, text: str) -> Path:
        (self.folder / name).write_text(text)
        return self.folder / name

    def open(self, **changes: Any) -> TableSource:
        given: dict[str, Any] = {
            "lengths": self.lengths,
            "densities": self.densities,
            **changes,
        }
        paths = [
            given.pop(key, default)
            for key, default in (
                ("image", self.image),
                ("labels", self.labels),
                ("matrix", self.matrix),
            )
        ]
        return TableSource(*paths, **given)


@pytest.fixture
def files(tmp_path: Path) -> Files:
    return Files(tmp_path)


def test_volumes_and_centroids_go_by_the_affine(files: Files) -> None:
    a, b, a_right, c = files.open().regions()
    assert [r.name for r in (a, b, a_right, c)] == [
        *("A left", "B left", "A right", "C right")
    ]
    # A voxel has 2 * 3 * 4 = 24 mm3.
    assert [r.volume_mm3 for r in (a, b, a_right, c)] == [48.0, 24.0, 72.0, 24.0]
    # B: (10 - 2 * 1, -20 + 3 * 2, 5 + 4 * 3); A: the mean of z = 5 and 9.
    assert b.centroid_mm == (8.0, -14.0, 17.0)
    assert a.centroid_mm == (10.0, -20.0, 7.0)


def test_a_graph_of_an_own_atlas_has_its_numbers(files: Files) -> None:
    rules = GraphRules(direction_model="cortical_type")
    source = files.open()
    graph = build_graph(source, ["A", "B left", "C right"], "both", rules=rules)
    assert len(graph) == 4
    a = graph.region("A left")
    assert (a.cell_density_per_mm3, a.cell_density_rule) == (30000.0, "table")
    assert a.thickness_mm == 2.5
    assert a.cell_count == 48.0 * 30000.0
    assert graph.metadata["source"] == "tables"
    low = build_graph(source, ["A", "B left"], "both", min_streamline_count=1.0)
    edge = low.projection("A left", "B left")
    assert (edge.streamline_count, edge.length_mm, edge.delay_ms) == (5.0, 30.0, 5.0)
    # ln(60,000 / 30,000) = 0.693; -0.152 - 1.063 = -1.215, Phi = 0.112: feedback.
    assert edge.direction == "feedback"
    assert low.projection("A left", "A right").is_callosal


def test_cortical_types_of_a_table_decide_directions(files: Files) -> None:
    rules = GraphRules(
        direction_model="cortical_type",
        edges=StreamlineThreshold(1.0),
    )
    graph = build_graph(files.open(), ["A", "B"], "left", rules=rules)
    edge = graph.projection("B left", "A left")
    assert (edge.direction, edge.direction_rule) == ("feedforward", "cortical_type")


def test_a_length_of_0_is_missing(files: Files) -> None:
    connections = files.open().connections()
    assert connections.length_mm[0, 1] == 30.0
    assert np.isnan(connections.length_mm[0, 3])  # no streamline
    without = files.open(lengths=None).connections()
    assert np.isnan(without.length_mm).all()


@pytest.mark.parametrize(
    "text",
    [
        "A left\tB left\tA right\tC right\n",
        "9 5 2 0\n5 9 0 1\n2 0 9 0\n0 1 0 9\n",
    ],
)
def test_a_matrix_without_names_is_in_the_order_of_the_table(
    files: Files, text: str
) -> None:
    if text.startswith("A"):
        text = MATRIX.replace(",", "\t")
    source = files.open(matrix=files.write("m.tsv", text))
    assert source.connections().streamline_count[0].tolist() == [9.0, 5.0, 2.0, 0.0]


def test_a_matrix_in_another_order_is_put_in_order(files: Files) -> None:
    text = ",B left,C right,A right,A left\n"
    text += "B left,9,1,0,5\nC right,1,9,0,0\nA right,0,0,9,2\nA left,5,0,2,9\n"
    source = files.open(matrix=files.write("m.csv", text))
    expected = files.open().connections().streamline_count
    np.testing.assert_array_equal(source.connections().streamline_count, expected)


@pytest.mark.parametrize("packed", [False, True])
def test_an_archive_of_the_virtual_brain_is_read(files: Files, packed: bool) -> None:
    # Its weights run from column to row: 0 receives 5 from 1, and 1 nothing from 0.
    texts = {
        "weights": "0 5 0 0\n0 0 0 0\n0 0 0 3\n0 0 3 0\n",
        "tract_lengths": "0 30 0 0\n30 0 0 0\n0 0 0 40\n0 0 40 0\n",
        "centres": "A_left 1 2 3\nB_left 1 2 3\nA_right 1 2 3\nC_right 1 2 3\n",
    }
    path = files.folder / "connectivity.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for stem, text in texts.items():
            if packed:
                archive.writestr(f"x/{stem}.txt.bz2", bz2.compress(text.encode()))
            else:
                archive.writestr(f"{stem}.txt", text)
    with pytest.raises(AtlasError, match="not symmetric, as was promised"):
        files.open(matrix=path, lengths=None)
    source = files.open(matrix=path, lengths=None, symmetric=False)
    count = source.connections().streamline_count
    assert count[1, 0] == 5.0
    assert count[0, 1] == 0.0
    assert source.connections().length_mm[1, 0] == 30.0
    graph = build_graph(source, ["A", "B"], "left", min_streamline_count=1.0)
    assert [(e.source, e.target) for e in graph.projections] == [("B left", "A left")]


def test_own_names_can_be_parts_and_composites(files: Files) -> None:
    source = files.open()
    graph = build_graph(source, ["AB = A + B"], min_streamline_count=1.0)
    merged = graph.region("AB left")
    # 48 mm3 of 30,000 and 24 mm3 of 60,000: 40,000 in the mean.
    assert merged.volume_mm3 == 72.0
    assert merged.cell_density_per_mm3 == pytest.approx(40_000.0)
    assert merged.cell_density_rule == "table"


def test_presets_are_of_julich_brain(files: Files) -> None:
    with pytest.raises(AtlasError, match="no node 'V6A'"):
        preset_graph(files.open())


# --- densities -----------------------------------------------------------------------


def test_a_missing_density_is_an_error_unless_a_fill_rule_is_named(
    files: Files,
) -> None:
    some = files.write("d.csv", "name,cell_density_per_mm3\nA,30000\nC,20000\n")
    with pytest.raises(
        IncompleteDataError, match=r"no cell density for 'B left'.*fill"
    ):
        files.open(densities=some)
    with pytest.raises(IncompleteDataError, match="no cell density for 'A left'"):
        files.open(densities=None)


@pytest.mark.parametrize(
    ("fill", "density", "rule"),
    [
        ("mean", 20_000.0, "filled_mean"),  # of 10,000 and 30,000
        ("median", 20_000.0, "filled_median"),
        ("nearest", 10_000.0, "filled_nearest"),
        ("unknown", None, None),
    ],
)
def test_a_filled_density_says_so_in_the_graph(
    files: Files, fill: str, density: float | None, rule: str | None
) -> None:
    # B left is 12 mm from A left and 20 mm from A right. C is not isocortex.
    text = "name,cell_density_per_mm3\nA left,10000\nA right,30000\nC,90000\n"
    source = files.open(densities=files.write("d.csv", text), fill=fill)
    graph = build_graph(source, ["B"])
    region = graph.region("B left")
    assert (region.cell_density_per_mm3, region.cell_density_rule) == (density, rule)
    assert graph.metadata["fill_rule"] == fill


def test_what_is_not_isocortex_is_never_filled(files: Files) -> None:
    some = files.write("d.csv", "name,cell_density_per_mm3\nA,30000\n")
    with pytest.raises(IncompleteDataError, match=r"'C right': a fill rule is for iso"):
        files.open(densities=some, fill="mean")


# --- what cannot be ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "is empty"),
        ("1,2\n3\n", "not square"),
        ("1,2,3\n2,1,3\n", "not square: 2 x 3"),
        (MATRIX.replace("B left,5", "B left,4"), "not symmetric, as was promised"),
        (MATRIX.replace("C right", "D right"), r"lacks 'C.*has also 'D right'"),
        (MATRIX.replace(",B left,", ",A left,", 1), "first row and of the first col"),
        (MATRIX.replace("2", "nan"), "at least 0, got nan in row 1, column 3"),
        (MATRIX.replace("2", "-2"), r"at least 0, got -2\.0"),
        (MATRIX.replace("2", "x"), "more than numbers"),
        ("1,0\n0,1\n", "no names and 2 rows, but the label table has 4"),
    ],
)
def test_a_matrix_that_cannot_be_is_refused(
    files: Files, text: str, reason: str
) -> None:
    with pytest.raises(AtlasError, match=reason):
        files.open(matrix=files.write("m.csv", text))


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "is empty"),
        ("label,name,hemisphere\n", "has no row"),
        ("name,hemisphere\nA,left\n", "no column 'label'"),
        ("label,hemisphere\n1,left\n", "no column 'name'"),
        ("label,name\n1,A\n", "a hemisphere, left or right"),
        ("label,name,hemi\n1,A,middle\n", "a hemisphere, left or right"),
        ("label,name,hemi\none,A,l\n", "a whole number"),
        ("label,name,hemi\n-1,A,l\n", "a whole number"),
        ("label,name,hemi\n1,A,l\n1,B,l\n", "label '1' twice"),
        ("label,name,hemi\n1,A,l\n2,A,l\n", "name 'A left' twice"),
        ("label,name,hemi\n1,B,l\n2,A right,l\n", "Line 3 of .*contradicts.*'A right'"),
        ("label,name,hemi\n1,A LEFT,RH\n", "Line 2 of .*contradicts.*'RH' in 'hemi"),
        ("label,name,hemi\n1,ctx-rh-A,left\n", "Line 2 of .*contradicts.*ctx-rh-A"),
        ("label,name,hemi\n1,Right-Putamen,l\n", "Line 2 of .*contradicts"),
        ("label,name,hemi\n1,Left-A right,l\n", "Line 2 of .*contradicts.*'l' in"),
        ("label,name,hemi,hemisphere\n1,A,l,r\n", "contradicts.*'r' in 'h"),
        ("label,name,hemi,is_isocortex\n1,A,l,nope\n", "Line 2 .*, f, or no.*'nope'"),
        ("label,name,hemi,is_isocortex\n1,A,l,2\n", "is_isocortex is one of .*'2'"),
        ("label,name,hemi\n1,A,l\n2,B, sup,l\n", "Line 3 .* 4 cells for 3 .*'l'"),
        ("label,name,hemi,Name\n1,A,l,B\n", "l.csv' has 2 columns 'name'"),
        ("label,name,hemi,system\n1,A,l,visul\n", "'visul', which.*matches: visual"),
        (LABELS + "12,Z,left,\n", r"no voxel of the labels 12 \('Z'\)"),
    ],
)
def test_a_label_table_that_cannot_be_is_refused(
    files: Files, text: str, reason: str
) -> None:
    with pytest.raises(AtlasError, match=reason):
        files.open(labels=files.write("l.csv", text))


@pytest.mark.parametrize(
    ("text", "expected"),
    [(t, True) for t in ("yes", "TRUE", "1", "Y", "t", "")]
    + [(t, False) for t in ("No", "false", "0", "n", "F")],
)
def test_isocortex_may_be_said_in_several_ways(
    files: Files, text: str, expected: bool
) -> None:
    path = files.write("l.csv", f"label,name,hemi,is_isocortex\n1,A,l,{text}\n")
    assert read_labels(path)[0].is_isocortex is expected


def test_cells_without_a_word_may_be_left_out_or_too_many(files: Files) -> None:
    path = files.write("l.csv", "label,name,hemi,parent,,\n1,A,l\n2,B,l,,,, \n")
    assert [row.name for row in read_labels(path)] == ["A left", "B left"]


def test_a_name_may_repeat_its_hemisphere(files: Files) -> None:
    path = files.write(
        "l.csv", "label,name,hemi\n1,A left,L\n2,lh-B,l\n3,left or right,r\n"
    )
    assert [row.name for row in read_labels(path)] == [
        *("A left", "lh-B left", "left or right")
    ]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("name,cell_density_per_mm3\nA,30,000\n", "Line 2 .* 3 cells for 2 .*'000'"),
        ("name;name;cell_density_per_mm3\nA;A;1\n", "2 columns 'name'"),
        ("name,cell_density_per_mm3\nA,-1\n", "a number above 0, got '-1'"),
        ("name,cell_density_per_mm3\nA,nan\n", "a number above 0, got 'nan'"),
        ("name,cell_density_per_mm3\nA,0\n", "a number above 0"),
        ("name,cell_density_per_mm3\nA,many\n", "a number above 0"),
        ("name,cell_density_per_mm3\nAA,1\n", "'AA' is no region"),
        ("name,cell_density_per_mm3\nA,1\nA,2\n", "there twice"),
        ("name,density\nA,1\n", "no column 'cell_density_per_mm3'"),
        ("name,cell_density_per_mm3,cortical_type\nA,1,XX\n", "one of ALO"),
    ],
)
def test_a_density_table_that_cannot_be_is_refused(
    files: Files, text: str, reason: str
) -> None:
    with pytest.raises(AtlasError, match=reason):
        files.open(densities=files.write("d.csv", text))


def test_an_image_that_cannot_be_is_refused(files: Files) -> None:
    broken = files.folder / "x.nii.gz"
    broken.write_bytes(b"not an image")
    for path in (broken, files.folder / "none.nii", files.labels):
        with pytest.raises(AtlasError, match="cannot be read"):
            files.open(image=path)
    affine = np.eye(4)
    nibabel.save(
        nibabel.Nifti1Image(np.full((2, 2, 2), 0.5, np.float32), affine), broken
    )
    with pytest.raises(AtlasError, match="whole numbers"):
        files.open(image=broken)
    nibabel.save(nibabel.Nifti1Image(np.ones((2, 2, 2, 2), np.int16), affine), broken)
    with pytest.raises(AtlasError, match="three dimensions"):
        files.open(image=broken)


def test_an_archive_that_cannot_be_is_refused(files: Files) -> None:
    path = files.write("connectivity.zip", "no archive")
    with pytest.raises(AtlasError, match="no connectivity archive"):
        files.open(matrix=path)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("weights.txt", "1")
    with pytest.raises(AtlasError, match=r"no 'tract_lengths\.txt'"):
        files.open(matrix=path)


def test_a_fill_rule_that_does_not_exist_is_refused(files: Files) -> None:
    with pytest.raises(AtlasError, match="fill is one of"):
        files.open(fill="zero")


# --- at the shell --------------------------------------------------------------------


def run(files: Files, *further: str) -> Any:
    """Make a graph of the own atlas by command."""
    out = files.folder / "out" / "own.graph.json"
    return CliRunner().invoke(
        app,
        [
            *("graph", "--regions", "A", "B", "--edges", "streamlines=1"),
            *("--label-image", str(files.image), "--label-table", str(files.labels)),
            *("--connectivity", str(files.matrix), "--out", str(out)),
            *further,
        ],
    )


def test_the_command_makes_a_graph_of_an_own_atlas(files: Files) -> None:
    result = run(files, "--densities", str(files.densities))
    assert result.exit_code == 0, result.output
    graph = RegionGraph.load(files.folder / "out" / "own.graph.json")
    assert graph.names == ("A left", "B left")


def test_what_is_wrong_is_one_error_and_nothing_is_written(files: Files) -> None:
    result = run(files)
    assert result.exit_code == 2
    assert result.stderr.startswith("Error: There is no cell density for 'A left'")
    assert "Traceback" not in result.stderr
    assert not (files.folder / "out").exists()
    files.labels.unlink()
    assert "cannot be read" in run(files).stderr


ODD = ("IC", "ic", "手の領域", "Cortex, left part", "PE+PF", "A = B", "a@b", "x/y")


def test_names_of_every_kind_are_taken_as_they_are(files: Files) -> None:
    data = np.zeros((4, 4, 4), np.int16)
    data[0, :2, :4] = np.arange(1, 9).reshape(2, 4)
    nibabel.save(nibabel.Nifti1Image(data, np.eye(4)), files.image)
    rows = [f'{i},"{name}",left' for i, name in enumerate(ODD, start=1)]
    labels = files.write("odd.csv", "\n".join(["label,name,hemisphere", *rows, ""]))
    header = ",".join(["", *(f'"{name} left"' for name in ODD)])
    cells = [",".join([f'"{name} left"', *["5"] * len(ODD)]) for name in ODD]
    matrix = files.write("odd_matrix.csv", "\n".join([header, *cells, ""]))
    densities = files.write("all.csv", "name,cell_density_per_mm3\n")
    densities.write_text(
        "name,cell_density_per_mm3\n" + "".join(f'"{name}",20000\n' for name in ODD)
    )
    source = files.open(labels=labels, matrix=matrix, densities=densities, lengths=None)
    graph = build_graph(source, ODD, min_streamline_count=1.0)
    assert set(graph.names) == {f"{name} left" for name in ODD}
    for name in ODD:
        assert graph.region(name).name == f"{name} left"
        assert build_graph(source, [f"{name} left"]).names == (f"{name} left",)
