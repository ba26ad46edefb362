# SPDX-License-Identifier: Apache-2.0
"""Files as other programs write them: read rightly, or refused in one sentence."""

import bz2
import gzip
import random
import resource
import zipfile
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest
from typer.testing import CliRunner

from atlasnet.atlas.assembly import all_regions_graph
from atlasnet.atlas.sources.label_image import measure_labels
from atlasnet.atlas.sources.labelled_matrix import parse_matrix
from atlasnet.atlas.sources.matrices import read_matrix, read_tvb
from atlasnet.atlas.sources.table_source import TableSource
from atlasnet.commands.app import app
from atlasnet.errors import AtlasError, GraphError, IncompleteDataError, SpecError
from atlasnet.graph.area_map import write_area_map
from atlasnet.graph.exchange import export_graph
from atlasnet.graph.graph import RegionGraph
from atlasnet.plan.interface import hand_interface
from atlasnet.plan.planner import plan_network
from atlasnet.plan.spec import NetworkSpec

SQUARE = [[0.0, 3.5], [4.0, 0.0]]
TABLE = "name,hemisphere,volume_mm3,cell_density_per_mm3\n"
TABLE += "a,left,10,30000\nb,left,20,40000\nc,right,30,50000\n"


def write(folder: Path, name: str, text: str | bytes) -> Path:
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def values(text: str) -> tuple[Any, Any]:
    found = parse_matrix(text, "'m'")
    return found.values.tolist(), found.names


# --- matrices ------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "0,3.5\n4,0\n",
        "0 3.5\n4 0\n",
        "0\t3.5\n4\t0\n",
        "0;3,5\n4;0\n",  # as spreadsheets in Europe write it
        "0,0\t3,5\n4,0\t0,0\n",
        "  0.0e+00   3.5e+00 \n  4.0e+00   0.0e+00 \n",  # The Virtual Brain, MATLAB
        "0,3.5,\n4,0,\n",
        "0 3.5\t\n4 0\t\n",
        "# command_history: tck2connectome (version=3.0.4)\n0 3.5\n4 0\n",  # MRtrix
        "% weights\n\n0, 3.5\n\n4, 0\n\n",
        "nan 3.5\n4 nan\n",  # what is within a region counts for nothing
        "0,3.5\r\n4,0\r\n",
    ],
)
def test_a_matrix_without_names_is_read_whatever_stands_between(text: str) -> None:
    assert values(text) == (SQUARE, None)


@pytest.mark.parametrize(
    "text",
    [
        "region,a b,c\na b,0,3.5\nc,4,0\n",
        ",a b,c\na b,0,3.5\nc,4,0\n",
        "a b,c\n0,3.5\n4,0\n",  # a header alone
        "a b,0,3.5\nc,4,0\n",  # a first column alone
        '"a b" "c"\n"a b" 0 3.5\n"c" 4 0\n',  # R's write.table
        "'a b'\t'c'\n0\t3.5\n4\t0\n",
        "# MRtrix\nsource\ta b\tc\na b\t0\t3.5\nc\t4\t0\n",
    ],
)
def test_names_may_stand_in_the_first_row_the_first_column_or_both(text: str) -> None:
    assert values(text) == (SQUARE, ("a b", "c"))


@pytest.mark.parametrize(
    "text", ["1001,1002\n0,3.5\n4,0\n", ",1001,1002\n1001,0,3.5\n1002,4,0\n"]
)
def test_names_may_be_numbers_of_labels(text: str) -> None:
    assert values(text) == (SQUARE, ("1001", "1002"))


def test_what_bids_writes_for_no_connection_is_none() -> None:
    assert values("source\ta\tb\na\tn/a\t3.5\nb\t4.0\tn/a\n") == (SQUARE, ("a", "b"))


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("0 1\n\n1 0 2\n", "not square: line 3 has 3 values, line 1 has 2"),
        ("0 1 2\n1 0\n2\n", "not square: line 2 has 2 values.* 0 where there is no"),
        ("# a\n0,1\nx,0\n", "more than numbers: line 3 has 'x'"),
        ("0,1,2\n1,x,3\n2,3,0\n", "more than numbers: line 2 has 'x'"),
        ("a,b\na,0,1\nc,1,0\n", "line 3 is of 'c', its column of 'b'"),
        ("0 1\n-1 0\n", r"got -1\.0 in row 2, column 1 .line 2; 1 such.*correlations"),
        ("# x\n0 inf\n1 0\n", "got inf in row 1, column 2 .line 2;"),
        ("0 nan\n1 0\n", "got nan in row 1, column 2.*Write 0"),
        ("1,,2\n1,0,0\n2,0,0\n", "more than numbers: line 1 has ''"),
        ("# nothing\n\n", "is empty"),
        ("0 1 2 3\n", "not square: 1 x 4"),
    ],
)
def test_a_text_that_is_no_matrix_is_refused_with_its_line(
    text: str, reason: str
) -> None:
    with pytest.raises(AtlasError, match=reason):
        parse_matrix(text, "'m'")


def test_a_matrix_may_be_packed_or_an_array(tmp_path: Path) -> None:
    text = b"0,3.5\n4,0\n"
    np.save(tmp_path / "m.npy", SQUARE)
    for path in (
        write(tmp_path, "m.csv.gz", gzip.compress(text)),
        write(tmp_path, "m.txt.bz2", bz2.compress(text)),
        write(tmp_path, "m.csv", text.decode().encode("utf-16")),
        tmp_path / "m.npy",
    ):
        assert read_matrix(path).values.tolist() == SQUARE


@pytest.mark.parametrize("name", ["m.csv.gz", "m.csv.bz2", "m.csv.xz", "m.npy"])
def test_a_packed_file_that_is_damaged_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(AtlasError, match="cannot be read"):
        read_matrix(write(tmp_path, name, b"\x1f\x8b\x08damaged"))
    with pytest.raises(AtlasError, match="Export it as plain text"):
        read_matrix(write(tmp_path, "m.mat", b"MATLAB 5.0 MAT-file\x80\x81"))


def test_an_array_of_objects_is_not_run(tmp_path: Path) -> None:
    np.save(tmp_path / "m.npy", np.array([[object]]), allow_pickle=True)
    with pytest.raises(AtlasError, match="cannot be read"):
        read_matrix(tmp_path / "m.npy")


@pytest.mark.parametrize("kind", ["complex64", "complex128", "M8[s]", "m8[s]"])
def test_an_array_of_other_than_real_numbers_is_refused(
    tmp_path: Path, kind: str
) -> None:
    np.save(tmp_path / "m.npy", np.ones((2, 2), np.int64).astype(kind))
    with pytest.raises(AtlasError, match=r"real numbers, .*npy. holds values of"):
        read_matrix(tmp_path / "m.npy")


def source_of(folder: Path, matrix: str, **more: Any) -> TableSource:
    """Return an atlas without an image; paths are texts."""
    table = write(folder, "regions.csv", more.pop("table", TABLE))
    connectivity = write(folder, "m.csv", matrix)
    return TableSource(None, str(table), str(connectivity), **more)


@pytest.mark.parametrize("text", ["0 5 2\n0 0 1\n0 0 0\n", "9 0 0\n5 9 0\n2 1 9\n"])
def test_one_half_of_a_symmetric_matrix_is_the_whole(tmp_path: Path, text: str) -> None:
    source = source_of(tmp_path, text)
    graph = all_regions_graph(source, min_streamline_count=1.0)
    counts = {
        (e.source[0] + e.target[0]): e.streamline_count for e in graph.projections
    }
    assert counts == {"ab": 5, "ba": 5, "ac": 2, "ca": 2, "bc": 1, "cb": 1}
    (said,) = graph.metadata["assumed"]  # type: ignore[misc, union-attr]
    assert "m.csv' holds one half of a symmetric matrix" in said
    # Who says that it is directed means what it says.
    directed = source_of(tmp_path, "0 5 2\n0 0 1\n0 0 0\n", symmetric=False)
    graph = all_regions_graph(directed, min_streamline_count=1.0)
    assert len(graph.projections) == 3
    assert "assumed" not in graph.metadata


@pytest.mark.parametrize(
    ("text", "is_said"),
    [
        ("0;1,234\n1,234;0\n", True),
        ("0\t12,500\n12,500\t0\n", True),
        ("0 1,234\n1,234 0\n", True),
        (";a;b\na;0,000;1,234\nb;1,234;0,000\n", True),
        ("0,5;1,234\n1,234;0\n", False),  # half of something: decimals
        ("0;1,2340\n1,2340;0\n", False),
        ("0;1,234e+00\n1,234e+00;0\n", False),
        ("0,1234\n1234,0\n", False),  # between cells
        ('"x,100";"y,200"\n0;5\n5;0\n', False),  # in names
    ],
)
def test_commas_that_may_be_of_thousands_are_said(
    tmp_path: Path, text: str, is_said: bool
) -> None:
    found = parse_matrix(text, "'m'")
    assert any("commas in 'm' mark decimals" in said for said in found.assumed) == (
        is_said
    )


def test_a_graph_says_what_its_commas_mean(tmp_path: Path) -> None:
    text = "0;1,234;0\n1,234;0;2\n0;2;0\n"
    lengths = write(tmp_path, "l.csv", text.replace("1,234", "9,876"))
    source = source_of(tmp_path, text, lengths=lengths)
    assert source.connections().streamline_count[0, 1] == 1.234
    graph = all_regions_graph(source, min_streamline_count=1.0)
    weights, of_lengths = graph.metadata["assumed"]  # type: ignore[misc]
    assert "m.csv' mark decimals, not thousands: '1,234' is 1.234" in weights
    assert "l.csv' mark decimals, not thousands: '9,876' is 9.876" in of_lengths


def test_lengths_may_be_a_half_and_lack_numbers(tmp_path: Path) -> None:
    lengths = write(tmp_path, "lengths.txt", "nan 30 nan\n0 nan 40\n0 0 nan\n")
    source = source_of(tmp_path, "0 5 2\n5 0 1\n2 1 0\n", lengths=str(lengths))
    length_mm = source.connections().length_mm
    assert length_mm[0, 1] == length_mm[1, 0] == 30.0
    assert length_mm[2, 1] == 40.0
    assert np.isnan(length_mm[0, 2])


def test_rows_may_be_named_by_label(tmp_path: Path) -> None:
    table = TABLE.replace("name", "label,name").replace("\n", "\n7,", 1)
    table = table.replace("\nb", "\n1002,b").replace("\nc", "\n9,c")
    source = source_of(tmp_path, "9,7,1002\n0,2,1\n2,0,5\n1,5,0\n", table=table)
    # The columns are c, a and b.
    assert source.connections().streamline_count[0].tolist() == [0.0, 5.0, 2.0]


# --- The Virtual Brain's archives ----------------------------------------------------

MEMBERS = {
    "weights.txt": "0 5 0\n0 0 0\n3 0 0\n",
    "tract_lengths.txt": "0 30 0\n30 0 0\n40 0 0\n",
    "centres.txt": "a_left 1 2 3\nb_left 1 2 3\nc_right 1 2 3\n",
}


def archive(folder: Path, members: dict[str, str | bytes]) -> Path:
    path = folder / "connectivity.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, content in members.items():
            packed.writestr(name, content)
    return path


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"centres.txt": '"a_left" 1 2 3\n\n"b_left" 1 2 3\n"c_right"\t1\t2\t3\n\n'},
        {"centres.txt": "a_left,1,2,3\nb_left,1,2,3\nc_right,1,2,3\n"},
        {"centres.txt": "a_left 1 2 3 None\n b_left 1 2 3 None\n c_right 1 2 3 None"},
        {"weights.txt": "\n0 5 0\n\n0 0 0\n3 0 0\n\n"},
        {"__MACOSX/._weights.txt": b"\x00\x05\x16\x07", "areas.txt": "1\n1\n1\n"},
    ],
)
def test_an_archive_may_quote_names_and_have_blank_lines(
    tmp_path: Path, changes: dict[str, str | bytes]
) -> None:
    weights, lengths_mm = read_tvb(archive(tmp_path, {**MEMBERS, **changes}))
    assert weights.names == ("a_left", "b_left", "c_right")
    # Its rows receive: b projects to a, a to c.
    assert weights.values.tolist() == [[0, 0, 3], [5, 0, 0], [0, 0, 0]]
    assert lengths_mm is not None
    assert lengths_mm.values[0, 2] == 40.0


@pytest.mark.parametrize(
    ("suffix", "pack"), [(".bz2", bz2.compress), (".gz", gzip.compress)]
)
def test_members_may_be_packed_once_more(
    tmp_path: Path, suffix: str, pack: Any
) -> None:
    members = {f"x/{n}{suffix}": pack(text.encode()) for n, text in MEMBERS.items()}
    weights, _ = read_tvb(archive(tmp_path, members))
    assert weights.values[1, 0] == 5.0


def test_names_may_have_blanks_and_places_no_names(tmp_path: Path) -> None:
    centres = '"area a left" 1 2 3\narea b left 1 2 3\n"area c right" 1 2 3\n'
    weights, _ = read_tvb(archive(tmp_path, {**MEMBERS, "centres.txt": centres}))
    assert weights.names == ("area a left", "area b left", "area c right")
    bare = {**MEMBERS, "centres.txt": "1 2 3\n1 2 3\n1 2 3\n"}
    assert read_tvb(archive(tmp_path, bare))[0].names is None


@pytest.mark.parametrize("empty", ["", "\n", "0 0 0\n0 0 0\n0 0 0\n"])
def test_an_archive_without_lengths_has_none(tmp_path: Path, empty: str) -> None:
    path = archive(tmp_path, {**MEMBERS, "tract_lengths.txt": empty})
    source = TableSource(None, write(tmp_path, "t.csv", TABLE), path, symmetric=False)
    assert np.isnan(source.connections().length_mm).all()


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"weights.txt.bz2": b"BZh9damaged", "weights.txt": None}, "bz2.*is damaged"),
        ({"weights.txt": b"\xff\x00\x80\x81"}, "'weights.txt' in .* is damaged"),
        ({"weights.txt": ""}, "'weights' in .* is empty"),
        ({"weights.txt": "0 1\n1 0\n"}, "has 3 names for 2 rows"),
        ({"x/weights.txt": "0"}, "'weights' 2 times"),
        ({"centres.txt": "a 1 2 3\nb 1 2\n"}, "line 2: .*three coordinates, got 'b 1"),
        ({"weights.txt": None, "vertices.txt": "0"}, "no 'weights.txt'; it has"),
    ],
)
def test_an_archive_that_is_damaged_is_refused_by_member(
    tmp_path: Path, changes: dict[str, Any], reason: str
) -> None:
    members = {k: v for k, v in {**MEMBERS, **changes}.items() if v is not None}
    with pytest.raises(AtlasError, match=reason):
        read_tvb(archive(tmp_path, members))


def test_an_archive_with_flipped_bytes_is_refused(tmp_path: Path) -> None:
    path = archive(tmp_path, {**MEMBERS, "weights.txt": "0 1 2\n" * 400})
    content = bytearray(path.read_bytes())
    content[45:60] = b"\x55" * 15  # within the first member's packed data
    path.write_bytes(content)
    with pytest.raises(AtlasError, match=r"'weights.txt' in .* is damaged"):
        read_tvb(path)
    path.write_bytes(content[: len(content) // 2])
    with pytest.raises(AtlasError, match="no connectivity archive"):
        read_tvb(path)


# --- images and label tables ---------------------------------------------------------


def image(folder: Path, data: Any, unit: str, step: float, name: str = "l.nii") -> Path:
    made: Any = nibabel.Nifti1Image(data, np.diag([step, step, step, 1.0]))
    made.header.set_xyzt_units(unit)
    nibabel.save(made, folder / name)
    return folder / name


LABELS = "label,name,hemisphere,cell_density_per_mm3\n7,a,left,1\n9,b,left,1\n"


@pytest.mark.parametrize(
    ("unit", "step", "assumed"),
    [
        ("micron", 25.0, False),
        ("mm", 0.025, False),
        ("meter", 0.000025, False),
        ("unknown", 0.025, True),
    ],
)
def test_volumes_are_in_mm3_whatever_the_unit_of_the_image(
    tmp_path: Path, unit: str, step: float, assumed: bool
) -> None:
    data = np.full((2, 2, 2), 7, np.int16)
    data = np.concatenate([data, np.full((1, 2, 2), 9, np.int16)])
    source = TableSource(
        image(tmp_path, data, unit, step),
        write(tmp_path, "t.csv", LABELS),
        write(tmp_path, "m.csv", "0 500\n500 0\n"),
    )
    a, b = source.regions()
    # 8 voxels of 25 um: 8 * 0.025^3 mm3; the middle of two is 12.5 um from the first.
    assert a.volume_mm3 == pytest.approx(0.000125, rel=1e-5)
    assert a.centroid_mm == pytest.approx((0.0125, 0.0125, 0.0125), rel=1e-5)
    assert b.volume_mm3 == pytest.approx(0.0000625, rel=1e-5)
    about = source.describe()
    said = ["lengths in 'l.nii' are mm: its header names no unit"]
    assert about.get("assumed") == (said if assumed else None)


@pytest.mark.parametrize("kind", ["Nifti1Image", "Nifti2Image", "AnalyzeImage"])
def test_places_by_voxel_sizes_alone_are_said(tmp_path: Path, kind: str) -> None:
    made: Any = getattr(nibabel, kind)(np.array([[[7, 9]]], np.int16), None)
    made.header.set_zooms((2.0, 2.0, 2.0))
    path = tmp_path / ("l.img" if kind == "AnalyzeImage" else "l.nii")
    nibabel.save(made, path)
    table = write(tmp_path, "t.csv", LABELS)
    source = TableSource(path, table, write(tmp_path, "m.csv", "0 5\n5 0\n"))
    # Two voxels of 2 mm along z, their middle at 0.
    assert [r.centroid_mm for r in source.regions()] == [(0, 0, -1), (0, 0, 1)]
    graph = all_regions_graph(source, min_streamline_count=1.0)
    said = f"places (centroids) in '{path.name}' are taken from its header's voxel"
    assert any(each.startswith(said) for each in graph.metadata["assumed"])


@pytest.mark.parametrize("kind", ["Nifti1Image", "Spm99AnalyzeImage"])
def test_places_by_an_affine_are_not_assumed(tmp_path: Path, kind: str) -> None:
    affine = np.diag([2.0, 2.0, 2.0, 1.0])
    made: Any = getattr(nibabel, kind)(np.array([[[7, 9]]], np.int16), affine)
    if kind == "Nifti1Image":
        made.set_sform(None, 0)
        made.set_qform(affine, 1)
    path = tmp_path / ("l.nii" if kind == "Nifti1Image" else "l.img")
    nibabel.save(made, path)
    table = write(tmp_path, "t.csv", LABELS)
    source = TableSource(path, table, write(tmp_path, "m.csv", "0 5\n5 0\n"))
    assert "places" not in str(source.describe().get("assumed"))


@pytest.mark.parametrize("slope", [None, 2.0])
def test_labels_that_a_float_cannot_tell_apart_are_refused(
    tmp_path: Path, slope: float | None
) -> None:
    # A float32 has 24 bits: 2^24 + 1 is stored as 2^24.
    data = np.array([[[2**24 - 1, 2**24 + 1]]])
    made: Any = nibabel.Nifti1Image(data.astype(np.float32), np.eye(4))
    made.header.set_slope_inter(slope, 0 if slope else None)
    nibabel.save(made, tmp_path / "f.nii")
    refused_image(tmp_path, tmp_path / "f.nii", "type float32, .* 16777216 on apart")
    table = "label,name,hemisphere\n16777215,a,left\n16777217,b,left\n"
    table_path = write(tmp_path, "t.csv", table)
    matrix = write(tmp_path, "m.csv", "0 5\n5 0\n")
    for kind in (np.int32, np.float64):
        exact = image(tmp_path, data.astype(kind), "mm", 1.0)
        regions = TableSource(exact, table_path, matrix, fill="unknown").regions()
        assert [r.volume_mm3 for r in regions] == [1.0, 1.0]
    below = image(tmp_path, np.full((2, 2, 2), 2**24 - 1, np.float32), "mm", 1.0)
    write(tmp_path, "t.csv", table.replace("16777217,b,left\n", ""))
    one = write(tmp_path, "m.csv", "0\n")
    assert len(TableSource(below, table_path, one, fill="unknown").regions()) == 1


def test_a_painted_image_of_microns_lies_where_it_did(tmp_path: Path) -> None:
    labels = image(tmp_path, np.full((2, 2, 2), 7, np.int16), "micron", 25.0)
    write_area_map({"a": 3.0}, str(labels), {"a": 7}, str(tmp_path / "out.nii"))
    painted: Any = nibabel.load(tmp_path / "out.nii")
    assert painted.header.get_xyzt_units()[0] == "mm"
    assert painted.affine[0, 0] == pytest.approx(0.025)


def test_labels_of_ten_digits_cost_no_more_than_small_ones(tmp_path: Path) -> None:
    data = np.zeros((9, 3, 3), np.uint32)
    data[:4], data[4:6] = 3_000_000_007, 4_294_967_295
    table = "label,name,hemisphere\n3000000007,a,left\n4294967295,b,left\n"
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    source = TableSource(
        image(tmp_path, data, "mm", 1.0),
        write(tmp_path, "t.csv", table),
        write(tmp_path, "m.csv", "0 500\n500 0\n"),
        fill="unknown",
    )
    assert [r.volume_mm3 for r in source.regions()] == [36.0, 18.0]
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 300_000
    huge = {2**53: (1.0, (0.0, 0.0, 0.0))}
    assert measure_labels(np.full((1, 1, 1), 2**53), np.eye(4), [2**53]) == huge


def refused_image(folder: Path, path: Path, reason: str) -> None:
    """Check that an image is refused in one sentence, wherever one is taken."""
    table, matrix = write(folder, "t.csv", LABELS), write(folder, "m.csv", "0 5\n5 0\n")
    with pytest.raises(AtlasError, match=reason):
        TableSource(path, table, matrix)
    with pytest.raises(GraphError, match=reason):
        write_area_map({"a": 3.0}, path, {"a": 7}, folder / "out.nii")


def test_colours_and_series_and_surfaces_are_no_label_image(tmp_path: Path) -> None:
    colours = np.zeros((2, 2, 2), dtype=[("R", "u1"), ("G", "u1"), ("B", "u1")])
    path = image(tmp_path, colours, "mm", 1.0)
    refused_image(tmp_path, path, "holds colours. Export the labels themselves")
    path = image(tmp_path, np.full((2, 2, 2), 1 + 2j, np.complex64), "mm", 1.0)
    refused_image(tmp_path, path, "holds values of type complex64")
    path = image(tmp_path, np.zeros((2, 2, 2, 3), np.int16), "mm", 1.0)
    refused_image(tmp_path, path, "three dimensions, '.*' has 2 x 2 x 2 x 3. Take one")
    path = image(tmp_path, np.full((2, 2, 2), 1e30, np.float64), "mm", 1.0)
    refused_image(tmp_path, path, "are beyond 9007199254740992")
    path = image(tmp_path, np.full((2, 2, 2), np.nan, np.float32), "mm", 1.0)
    refused_image(tmp_path, path, "holds whole numbers")
    make: Any = nibabel.gifti.GiftiDataArray
    array = make(np.zeros(4, np.int32), intent="NIFTI_INTENT_LABEL")
    surface = tmp_path / "lh.label.gii"
    nibabel.save(nibabel.gifti.GiftiImage(darrays=[array]), surface)
    refused_image(tmp_path, surface, "GIFTI.*no volume.*column 'volume_mm3'")
    matrix = write(tmp_path, "m.csv", "0 5\n5 0\n")
    with pytest.raises(AtlasError, match=r"is XML .GIFTI.*label,name,hemisphere"):
        TableSource(None, surface, matrix)


def test_an_image_of_one_slice_or_a_series_of_one_is_one(tmp_path: Path) -> None:
    data = np.array([[7, 9]], np.int16)
    table, matrix = (
        write(tmp_path, "t.csv", LABELS),
        write(tmp_path, "m.csv", "0 5\n5 0\n"),
    )
    for shaped in (data, data[..., None], data[..., None, None]):
        source = TableSource(image(tmp_path, shaped, "mm", 2.0), table, matrix)
        assert [r.volume_mm3 for r in source.regions()] == [8.0, 8.0]


@pytest.mark.parametrize("name", ["background", "Unknown", "???", "Left-Unknown", ""])
def test_a_label_0_that_is_the_background_is_no_region(
    tmp_path: Path, name: str
) -> None:
    table = LABELS.replace("\n7", f"\n0,{name},,\n7", 1)
    source = TableSource(
        image(tmp_path, np.array([[[0, 7, 9]]], np.int16), "mm", 1.0),
        write(tmp_path, "t.csv", table),
        write(tmp_path, "m.csv", "0 5\n5 0\n"),
    )
    assert [r.name for r in source.regions()] == ["a left", "b left"]


def test_a_label_0_that_is_a_region_is_said_or_measured(tmp_path: Path) -> None:
    table = write(tmp_path, "t.csv", LABELS.replace("\n7,", "\n0,"))
    matrix = write(tmp_path, "m.csv", "0 5\n5 0\n")
    inside = image(tmp_path, np.array([[[0, 0, 9]]], np.int16), "mm", 1.0)
    with pytest.raises(AtlasError, match=r"Line 2 of .*label 0 is .a.*from 1"):
        TableSource(inside, table, matrix)
    with pytest.raises(GraphError, match="Label 0 is 'a left', but 0 is what lies"):
        write_area_map({"a left": 1.0}, inside, {"a left": 0}, tmp_path / "x.nii")
    marked = image(tmp_path, np.array([[[-1, 0, 0, 9]]], np.int16), "mm", 1.0)
    a, b = TableSource(marked, table, matrix).regions()
    assert (a.volume_mm3, b.volume_mm3) == (2.0, 1.0)
    # Without an image labels mean nothing: rows are rows.
    text = LABELS.replace("\n7,", "\n0,").replace("per_mm3", "per_mm3,volume_mm3", 1)
    table = write(tmp_path, "t.csv", text.replace(",1\n", ",1,5\n"))
    assert len(TableSource(None, table, matrix).regions()) == 2


def test_files_with_wrong_bytes_are_refused_and_nothing_else(tmp_path: Path) -> None:
    rng = random.Random(1)
    table, matrix = (
        write(tmp_path, "t.csv", LABELS),
        write(tmp_path, "m.csv", "0 5\n5 0\n"),
    )
    whole = image(tmp_path, np.array([[[7, 9]]], np.int16), "mm", 1.0).read_bytes()
    packed = archive(tmp_path, dict(MEMBERS)).read_bytes()
    np.save(tmp_path / "a.npy", SQUARE)
    array = (tmp_path / "a.npy").read_bytes()
    readers: list[tuple[str, bytes, int, Any]] = [  # of the first bytes some are wrong
        ("x.nii", whole, 352, lambda path: TableSource(path, table, matrix)),
        ("x.zip", packed, len(packed), read_tvb),
        ("x.npy", array, 128, read_matrix),
        ("x.csv", TABLE.encode(), 40, lambda path: TableSource(None, path, matrix)),
        ("x.txt", MEMBERS["weights.txt"].encode(), 16, read_matrix),
    ]
    n_refused = 0
    for name, content, n, reader in readers:
        for _ in range(200):
            wrong = bytearray(content)
            for _ in range(rng.randint(1, 4)):
                wrong[rng.randrange(n)] = rng.randrange(256)
            path = write(tmp_path, name, bytes(wrong))
            try:
                reader(path)
            except AtlasError as error:
                n_refused += name in str(error)
    assert n_refused > 300


# --- an atlas without an image -------------------------------------------------------


def test_a_table_may_state_what_an_image_would_tell(tmp_path: Path) -> None:
    table = TABLE.replace("volume_mm3", "volume_mm3,x_mm,y_mm,z_mm", 1)
    table = table.replace(",10,", ",10,-1,2,3,").replace(",20,", ",20,,,,")
    table = table.replace(",30,", ",30,,,,")
    source = source_of(tmp_path, "0 5 2\n5 0 1\n2 1 0\n", table=table)
    graph = all_regions_graph(source, min_streamline_count=1.0)
    a = graph.region("a left")
    assert (a.volume_mm3, a.centroid_mm) == (10.0, (-1.0, 2.0, 3.0))
    assert (a.cell_density_per_mm3, a.cell_density_rule) == (30000.0, "table")
    assert a.cell_count == 300_000.0
    assert graph.region("c right").centroid_mm is None
    assert graph.metadata["space"] == "that of the label table"


@pytest.mark.parametrize(
    ("table", "reason"),
    [
        (TABLE.replace(",20,", ",,"), r"Line 3 .*no volume for 'b left'"),
        (TABLE.replace(",20,", ",-2,"), "Line 3 .*volume_mm3 is a number above 0"),
        (TABLE.replace("40000", ""), "no cell density for 'b left'"),
        (TABLE.replace("40000", "many"), "Line 3 .*cell_density_per_mm3 is a number"),
        (
            TABLE.replace("name,", "x_mm,name,").replace("\n", "\n1,").strip("1,"),
            "Line 2 .*a centroid is three numbers",
        ),
    ],
)
def test_a_table_that_does_not_state_enough_is_refused(
    tmp_path: Path, table: str, reason: str
) -> None:
    with pytest.raises((AtlasError, IncompleteDataError), match=reason):
        source_of(tmp_path, "0 5 2\n5 0 1\n2 1 0\n", table=table)


def test_lines_are_counted_as_editors_do(tmp_path: Path) -> None:
    table = "# my atlas\n\n" + TABLE.replace("\nb", "\n\nb").replace(",20,", ",-2,")
    with pytest.raises(AtlasError, match="Line 6 of"):
        source_of(tmp_path, "0 5 2\n5 0 1\n2 1 0\n", table=table)


def test_densities_may_be_numbers(tmp_path: Path) -> None:
    table = TABLE.replace(",30000", ",").replace(",40000", ",")
    given = {"a": 1e4, "b left": 2e4}
    source = source_of(tmp_path, "0 5 2\n5 0 1\n2 1 0\n", table=table, densities=given)
    found = [region.own_density_per_mm3 for region in source.regions()]
    assert found == [10_000.0, 20_000.0, 50_000.0]
    assert {region.own_density_rule for region in source.regions()} == {"table"}
    for wrong, reason in (({"aa": 1.0}, "'aa' is no region"), ({"a": 0}, "above 0")):
        with pytest.raises(AtlasError, match=reason):
            source_of(tmp_path, "0 5 2\n5 0 1\n2 1 0\n", densities=wrong)


def test_a_plan_that_fails_for_want_of_edges_says_why(tmp_path: Path) -> None:
    graph = all_regions_graph(source_of(tmp_path, "0 5 2\n5 0 1\n2 1 0\n"))
    with pytest.raises(SpecError, match=r"No sensation reaches.*largest weight.*is 5,"):
        plan_network(
            graph,
            hand_interface(
                graph,
                inputs={"touch": ["a left"]},
                action=["b left"],
                value=["b left"],
                without=["proprioception", "goal", "vision"],
            ),
        )


def test_the_own_export_of_matrices_is_read(tmp_path: Path) -> None:
    matrix = "0 5 2\n5 0 0\n2 0 0\n"
    graph = all_regions_graph(source_of(tmp_path, matrix), min_streamline_count=1.0)
    relmat = export_graph(graph, "bids", tmp_path / "out")[0]
    again = TableSource(None, tmp_path / "regions.csv", relmat)
    assert again.connections().streamline_count.tolist() == [
        [0.0, 5.0, 2.0],
        [5.0, 0.0, 0.0],
        [2.0, 0.0, 0.0],
    ]


def shell(folder: Path, matrix: str, *more: str) -> Any:
    """Make a graph of an own atlas without an image by command."""
    table, connectivity = (
        write(folder, "regions.csv", TABLE),
        write(folder, "m.csv", matrix),
    )
    out = folder / "own.graph.json"
    files = ["--label-table", str(table), "--connectivity", str(connectivity)]
    given = ["graph", "--all", "--hemisphere", "both", *files, "--out", str(out), *more]
    return CliRunner().invoke(app, given)


def test_the_shell_builds_an_atlas_without_an_image(tmp_path: Path) -> None:
    result = shell(tmp_path, "0 500 0\n0 0 300\n0 0 0\n")
    assert result.exit_code == 0, result.output
    assert "Assumed: '" in result.stderr
    assert "one half of a symmetric matrix" in " ".join(result.stderr.split())
    graph = RegionGraph.load(tmp_path / "own.graph.json")
    assert len(graph.projections) == 4
    assert [r.cell_count for r in graph.regions] == [3e5, 8e5, 1.5e6]
    rules = ["--directed", "--edges", "density=1"]
    assert shell(tmp_path, "0 9 0\n0 0 8\n0 0 0\n", *rules).exit_code == 0
    graph = RegionGraph.load(tmp_path / "own.graph.json")
    ends = [(e.source, e.target) for e in graph.projections]
    assert ends == [("a left", "b left"), ("b left", "c right")]


def test_the_shell_says_that_no_weight_makes_an_edge(tmp_path: Path) -> None:
    result = shell(tmp_path, "0 12.6 0\n12.6 0 3\n0 3 0\n")
    said = " ".join(result.stderr.split())
    assert "largest weight of the connectome is 12.6, and none reaches the 100" in said
    assert "density=0.2" in said


@pytest.mark.slow
def test_the_shell_builds_a_network_of_an_own_atlas(tmp_path: Path) -> None:
    table = write(tmp_path, "t.csv", TABLE)
    matrix = write(tmp_path, "m.csv", "0 500 0\n500 0 300\n0 300 0\n")
    given = ["build", "--regions", "a", "b", "--label-table", str(table)]
    given += ["--connectivity", str(matrix), "--out", str(tmp_path / "own.keras")]
    given += ["--input", "touch=a", "--action", "b", "--value", "b", "--units", "128"]
    given += ["--without", "vision", "goal", "proprioception"]
    result = CliRunner().invoke(app, given)
    assert result.exit_code == 0, result.output
    spec = NetworkSpec.load(tmp_path / "own.network.json")
    assert spec.n_units == 128
    # 300,000 and 800,000 cells share what is above the floor of 32 each.
    assert spec.area("b left").n_units > spec.area("a left").n_units


def test_the_shell_says_what_an_own_atlas_needs(tmp_path: Path) -> None:
    given = ["graph", "--all", "--label-table", "t.csv", "--out", str(tmp_path / "g")]
    said = CliRunner().invoke(app, given).stderr
    assert "needs --label-table and --connectivity, and --label-image unless" in said
