# SPDX-License-Identifier: Apache-2.0
import csv
import datetime
import hashlib
import json
import shutil
from collections import Counter
from dataclasses import replace
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest

from atlasnet.atlas.sources.comparison import compare_sources
from atlasnet.atlas.sources.compilation import record_snapshot
from atlasnet.atlas.sources.hierarchy import SYSTEMS
from atlasnet.atlas.sources.recording import record_source
from atlasnet.atlas.sources.renewal import renew_snapshot
from atlasnet.atlas.sources.snapshot import SnapshotSource
from atlasnet.atlas.sources.tables import TABLES
from atlasnet.errors import AtlasError, SnapshotError

DATE = datetime.date(2026, 1, 2)


@pytest.fixture(scope="module")
def source():
    return SnapshotSource()


@pytest.fixture(scope="module")
def record_of(source):
    return {record.name: record for record in source.regions()}


@pytest.fixture
def copy(tmp_path):
    """A copy of the shipped snapshot, to be damaged."""
    for entry in files("atlasnet.data").iterdir():
        if entry.name.endswith((".csv", ".json")):
            (tmp_path / entry.name).write_bytes(entry.read_bytes())
    return tmp_path


def _count(source, record_of, a, b):
    i, j = record_of[a].connectome_row, record_of[b].connectome_row
    return source.connections().streamline_count[i, j]


def test_every_mapped_region_of_both_versions_is_there(source):
    regions = source.regions()
    assert sum(r.connectome_row is not None for r in regions) == 294
    assert sum(r.julich_3_1 is not None for r in regions) == 414
    assert sum(bool(r.julich_2_9 and r.julich_3_1) for r in regions) == 270
    assert len(regions) == 294 + 414 - 270
    assert len({r.name for r in regions}) == len(regions)
    assert {r.hemisphere for r in regions} == {"left", "right"}
    assert {r.system for r in regions} <= set(SYSTEMS)


def test_24_of_294_regions_have_no_volume(source):
    connected = [r for r in source.regions() if r.connectome_row is not None]
    assert sum(r.volume_mm3 is None for r in connected) == 24


def test_21_more_have_no_overlap_and_9_lose_theirs_outside_isocortex():
    text = (files("atlasnet.data") / "regions.csv").read_text(encoding="utf-8")
    rows = [r for r in csv.DictReader(text.splitlines()) if r["connectome_row"]]
    uses = [r["overlap_use"] for r in rows if r["volume_mm3"]]
    assert uses.count("none") == 21
    assert uses.count("outside isocortex") == 9


def test_only_isocortex_has_a_density_by_overlap(source, record_of):
    # These lie beside cortex whose density they would get.
    for name in ("DG (Hippocampus) left", "CA1 (Hippocampus) right"):
        assert record_of[name].volume_mm3 is not None
        assert record_of[name].overlap_density_per_mm3 is None
    with_density = [r for r in source.regions() if r.overlap_density_per_mm3]
    assert all(r.is_isocortex for r in with_density)
    assert not {r.system for r in with_density} & {"subcortical", "allocortex"}


def test_a_density_by_overlap_outside_isocortex_is_refused(record_of):
    hippocampus = record_of["DG (Hippocampus) left"]
    with pytest.raises(AtlasError, match="no cortical density: it is allocortex"):
        replace(hippocampus, overlap_density_per_mm3=40_000.0)
    with pytest.raises(AtlasError, match="positive number, got nan"):
        replace(record_of["Area 4p (PreCG) left"], volume_mm3=float("nan"))


def test_layers_have_the_cells_of_their_area(source):
    areas, layers = source.economo_areas(), source.economo_layers()
    assert set(layers) == set(areas)
    assert [layer.layer for layer in layers["FA"]] == ["I", "III", "V", "VI"]
    for symbol, listed in layers.items():
        mean = sum(layer.share * layer.cell_density_per_mm3 for layer in listed)
        # The digitised means leave out thicknesses that three areas have.
        tolerance = 0.07 if symbol in ("LC2", "OA", "OB") else 0.02
        assert mean == pytest.approx(areas[symbol].cell_density_per_mm3, rel=tolerance)
        assert sum(layer.share for layer in listed) == pytest.approx(1.0, abs=0.001)


def test_a_snapshot_without_the_optional_tables_is_still_one(copy, source):
    manifest = json.loads((copy / "manifest.json").read_text("utf-8"))
    for name in ("economo_layers.csv", "measured_layers.csv"):
        (copy / name).unlink()
        del manifest["files"][name]
    (copy / "manifest.json").write_text(json.dumps(manifest))
    older = SnapshotSource(copy)
    assert older.economo_layers() == {}
    assert older.regions() == source.regions()


def test_a_snapshot_is_recorded_into_one_file_and_read_back(source, tmp_path):
    record_source(source, tmp_path / "one.zip", DATE)
    recorded = SnapshotSource(tmp_path / "one.zip")
    assert recorded.connections().streamline_count.tolist() == (
        source.connections().streamline_count.tolist()
    )
    found = compare_sources(source, recorded)
    assert {d.name for d in found} == {
        *("snapshot_date", "snapshot_checksum", "recorded_source")
    }


def test_a_file_that_is_no_snapshot_is_refused(tmp_path):
    (tmp_path / "x.zip").write_text("no archive")
    with pytest.raises(SnapshotError, match="is no snapshot"):
        SnapshotSource(tmp_path / "x.zip")


def test_what_differs_between_two_sources_is_named(source, sources, tmp_path):
    record_snapshot(sources, tmp_path / "a", DATE)
    table = sources / "overlap/julich31_regions.csv"
    table.write_text(table.read_text().replace("2000,-50", "2001,-50"))
    path = sources / "domhof2022-julich29-sc/julich29_connectome.npz"
    with np.load(path) as file:
        arrays = dict(file)
    arrays["counts"][0, 1] = arrays["counts"][1, 0] = 3.5
    np.savez(path, **arrays)
    record_snapshot(sources, tmp_path / "b", DATE)
    found = compare_sources(
        SnapshotSource(tmp_path / "a"), SnapshotSource(tmp_path / "b")
    )
    named = {d.name: (d.a, d.b) for d in found if d.what != "description"}
    assert named == {
        "Area OP1 (POperc) left: volume_mm3": ("2000", "2001"),
        "Area OP1 (POperc) left - Frontal-I (GapMap) left: streamline_count": (
            *("2.5", "3.5"),
        ),
    }


def test_counts_between_known_regions(source, record_of):
    a, b = "Area 4p (PreCG) left", "Area 3a (PostCG) left"
    assert _count(source, record_of, a, b) == pytest.approx(2811.18, abs=0.005)
    assert _count(source, record_of, b, a) == _count(source, record_of, a, b)


def test_volume_and_centroid_of_4p(record_of):
    m1 = record_of["Area 4p (PreCG) left"]
    assert m1.volume_mm3 == 1547.0
    assert m1.centroid_mm == pytest.approx((-36.50, -19.00, 50.14))
    assert m1.siibra_id_3_1 == (
        "JULICH_BRAIN_CYTOARCHITECTONIC_ATLAS_V3_1_AREA_4P_PRECG_LEFT"
    )
    assert m1.hierarchy[-2:] == ("frontal lobe", "precentral gyrus")


def test_connections_are_symmetric_and_a_missing_length_is_nan(source):
    connections = source.connections()
    count, length_mm = connections.streamline_count, connections.length_mm
    assert count.shape == (294, 294)
    np.testing.assert_array_equal(count, count.T)
    np.testing.assert_array_equal(np.isnan(length_mm), count == 0)
    assert np.nanmin(length_mm) > 0
    # The source says that 36 % of the pairs have no streamline.
    assert np.mean(count == 0) == pytest.approx(0.36, abs=0.005)


def test_densities_and_types_of_economo_areas(source):
    areas = source.economo_areas()
    assert areas["FA"].cell_density_per_mm3 == 21035.3
    assert areas["OC"].cell_density_per_mm3 == 103076.2
    assert areas["PB1"].cell_density_per_mm3 == 106312.5
    assert areas["PB1"].cortical_type == "KO"
    assert areas["LE1"].cortical_type == "DG"
    assert areas["HD"].cortical_type is None
    assert len(areas) == 51


def test_there_are_35_nodes_a_hemisphere(source):
    sides = [node.hemisphere for node in source.node_table()]
    assert sides.count("left") == sides.count("right") == 35


def test_a_part_of_a_node_takes_the_nodes_homologue(source):
    homologues = source.homologues()
    aip = homologues["Area hIP2 (IPS) left"]
    assert (aip.node, aip.economo_symbols) == ("AIP", ("PE", "PF"))
    assert not aip.is_whole_node
    assert homologues["Area 4p (PreCG) left"].is_whole_node
    assert homologues["Frontal-II (GapMap) left"].node == "PMv"


def test_every_pathway_joins_two_nodes_and_has_its_support(source):
    nodes = {node.node for node in source.node_table()}
    pathways = source.pathways()
    assert {p.source for p in pathways} | {p.target for p in pathways} <= nodes
    assert len({(p.source, p.target) for p in pathways}) == len(pathways) == 202
    assert Counter(p.support for p in pathways) == {
        "verified": 145,
        "cited": 3,
        "doubtful": 10,
        "weak": 30,
        "denied": 14,
    }


def test_notes_with_figures_state_their_licence():
    text = (files("atlasnet.data") / "hand_network_pathways.csv").read_text("utf-8")
    for row in csv.DictReader(text.splitlines()):
        has_figures = "FLN" in row["note"] or "SLN" in row["note"]
        assert (row["note_licence"] == "CC BY-NC 4.0") == has_figures


def test_every_table_has_a_licence_and_a_source(source):
    folder = files("atlasnet.data")
    manifest = json.loads((folder / "manifest.json").read_text("utf-8"))
    licences = (folder / "LICENSES.md").read_text("utf-8")
    for table in TABLES:
        assert manifest["files"][table.name]["licence"] == table.licence
        assert manifest["files"][table.name]["source"]
        assert f"## `{table.name}`" in licences
    assert "CC BY-NC-SA 4.0" in manifest["files"]["regions.csv"]["licence"]
    assert manifest["files"]["connections.csv"]["licence"] == "CC BY 4.0"


def test_the_snapshot_is_under_3_mb():
    folder = files("atlasnet.data")
    sizes = [len(e.read_bytes()) for e in folder.iterdir() if e.is_file()]
    assert sum(sizes) < 3_000_000


def test_an_intact_copy_is_read_and_has_the_same_checksum(copy, source):
    assert SnapshotSource(copy).checksum == source.checksum


@pytest.mark.parametrize("name", [table.name for table in TABLES])
def test_one_edited_character_is_noticed_in_every_table(copy, name):
    content = bytearray((copy / name).read_bytes())
    content[len(content) // 2] ^= 1
    (copy / name).write_bytes(content)
    with pytest.raises(SnapshotError, match=rf"{name}.*edited.*atlasnet snapshot"):
        SnapshotSource(copy)


def test_a_table_cut_short_is_noticed(copy):
    content = (copy / "regions.csv").read_bytes()
    (copy / "regions.csv").write_bytes(content[:1000])
    with pytest.raises(SnapshotError, match="corrupt"):
        SnapshotSource(copy)


def test_a_missing_table_is_named(copy):
    (copy / "homologues.csv").unlink()
    with pytest.raises(SnapshotError, match=r"lacks .*homologues\.csv"):
        SnapshotSource(copy)


def test_a_folder_without_snapshot_is_named(tmp_path):
    with pytest.raises(SnapshotError, match="no snapshot"):
        SnapshotSource(tmp_path)


@pytest.mark.parametrize(
    ("manifest", "message"),
    [
        ("{", "corrupt"),
        ("[]", "corrupt"),
        ('{"schema_version": 1}', "corrupt"),
        ('{"schema_version": 99}', "schema version 99"),
    ],
)
def test_a_manifest_that_cannot_be_used_is_refused(copy, manifest, message):
    (copy / "manifest.json").write_text(manifest)
    with pytest.raises(SnapshotError, match=message):
        SnapshotSource(copy)


def test_a_table_with_other_columns_is_refused_even_with_its_checksum(copy):

    text = (copy / "economo_areas.csv").read_text("utf-8")
    (copy / "economo_areas.csv").write_text(text.replace("thickness_mm", "x"), "utf-8")
    manifest = json.loads((copy / "manifest.json").read_text("utf-8"))
    digest = hashlib.sha256((copy / "economo_areas.csv").read_bytes()).hexdigest()
    manifest["files"]["economo_areas.csv"]["sha256"] = digest
    (copy / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(SnapshotError, match=r"Line 2 of .*economo_areas"):
        SnapshotSource(copy).economo_areas()


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


@pytest.fixture
def sources(tmp_path):
    """Source files of three regions; the spelling of OP1 differs between versions."""
    root = tmp_path / "sources"
    connectome = root / "domhof2022-julich29-sc/julich29_connectome.npz"
    connectome.parent.mkdir(parents=True)
    names = ["Area OP1 (POperc) left", "Frontal-I (GapMap) left", "LB (Amygdala) left"]
    counts = np.float32([[9, 2.5, 0], [2.5, 7, 1], [0, 1, 3]])
    lengths_mm = np.float32([[5, 40, 0], [40, 6, 0], [0, 0, 4]])
    np.savez(connectome, regions=names, counts=counts, lengths_mm=lengths_mm)
    cortex = "telencephalon > cerebral cortex"
    for version, operculum in (("2.9", "OP1"), ("3.1", "Op1")):
        number = version.replace(".", "_")
        prefix = f"ATLAS_V{number}_"
        rows = [
            (f"Area {operculum} (POperc)", f"{cortex} > parietal lobe", "OP1_POPERC"),
            ("LB (Amygdala)", "telencephalon > cerebral nuclei", "LB_AMYGDALA"),
        ]
        if version == "2.9":
            rows.append(("Frontal-I (GapMap)", f"{cortex} > ", "FRONTAL_I_GAPMAP"))
        lines = ["region_name,region_id,region_key,path"]
        for name, place, key in rows:
            key = f"{'AREA_' if name.startswith('Area') else ''}{key}_LEFT"
            path = f"Atlas > {place} > {name} > {name} left"
            lines.append(f"{name} left,{prefix}{key},{key},{path}")
        folder = root / "siibra-julich-hierarchy"
        _write(folder / f"julich_{version}_leaves.csv", "\n".join(lines))
    _write(
        root / "overlap/julich31_regions.csv",
        "region,volume_mm3,x,y,z,economo_density_overlap,economo_thickness_overlap,"
        "economo_overlap\n"
        "Area Op1 (POperc) left,2000,-50,-20,17,50000.5,3.1,PF:1.00\n"
        "LB (Amygdala) left,900,-25,-4,-24,20000,2.0,HA:1.00\n",
    )
    _write(
        root / "voneconomo/economo_areas.csv",
        "symbol,ascii_symbol,name,cell_density_per_mm3,thickness_mm\n"
        "PF,PF,Supramarginal area,44122.8,3.42\nFD\u0394,FDdelta,Middle,35149.1,2.65\n"
        "PB1,PB1,Oral postcentral,106312.5,2.0\n",
    )
    _write(
        root / "voneconomo/economo_cortical_types_laminar_organization.csv",
        "Label,CorticalType\nPF,EU2\nPB,KO\n",
    )
    _write(
        root / "hand-network/regions.csv",
        "node,hemisphere,role,julich29,julich31,economo,cell_density_per_mm3,"
        "thickness_mm,volume_mm3,cell_count,x,y,z,cortical_type\n"
        "S2,left,touch,Area OP1 (POperc) left,Area Op1 (POperc) left,PF,44122.8,3.42,"
        "2000,88245600,-50,-20,17,EU2\n",
    )
    return root


def test_a_compiled_snapshot_is_read_back(sources, tmp_path):
    record_snapshot(sources, tmp_path / "out", DATE)
    source = SnapshotSource(tmp_path / "out")
    s2, gap, amygdala = source.regions()
    assert (s2.julich_2_9, s2.julich_3_1) == (
        "Area OP1 (POperc) left",
        "Area Op1 (POperc) left",
    )
    assert (s2.volume_mm3, s2.overlap_density_per_mm3) == (2000.0, 50000.5)
    assert (gap.volume_mm3, gap.julich_3_1) == (None, None)
    assert (amygdala.volume_mm3, amygdala.overlap_density_per_mm3) == (900.0, None)
    assert amygdala.system == "subcortical"
    connections = source.connections()
    assert connections.streamline_count[1, 0] == 2.5
    assert np.isnan(connections.length_mm[1, 2])  # 1 streamline, length 0 = missing
    assert np.isnan(connections.length_mm[0, 2])
    assert source.economo_areas()["PB1"].cortical_type == "KO"
    assert source.economo_areas()["FDdelta"].cortical_type is None
    assert source.describe()["snapshot_date"] == "2026-01-02"


def test_the_same_sources_make_the_same_snapshot(sources, tmp_path):
    for name in ("a", "b"):
        record_snapshot(sources, tmp_path / name, DATE)
    for path in (tmp_path / "a").iterdir():
        assert path.read_bytes() == (tmp_path / "b" / path.name).read_bytes()


def test_a_missing_source_file_is_named(sources, tmp_path):
    shutil.rmtree(sources / "overlap")
    with pytest.raises(SnapshotError, match=r"lacks 'overlap/julich31_regions\.csv'"):
        record_snapshot(sources, tmp_path / "out", DATE)


def test_an_asymmetric_connectome_is_refused(sources, tmp_path):
    path = sources / "domhof2022-julich29-sc/julich29_connectome.npz"
    with np.load(path) as file:
        arrays = dict(file)
    arrays["counts"][0, 1] += 1
    np.savez(path, **arrays)
    with pytest.raises(SnapshotError, match="not a symmetric matrix"):
        record_snapshot(sources, tmp_path / "out", DATE)


def test_counts_of_tracers_among_the_sources_are_computed_anew(sources, tmp_path):
    folder = sources / "macaque-hierarchy/raw_data"
    columns = {"source": "F2", "inj_site": "F1", "supragranular": "3"}
    for name, value in {**columns, "infragranular": "1"}.items():
        _write(folder / f"{name}.txt", f"{value}\n")
    record_snapshot(sources, tmp_path / "out", DATE)
    (only,) = SnapshotSource(tmp_path / "out").tracer_fractions()
    assert (only.sources, only.targets) == (("PMdc",), ("4a", "4p"))
    assert (only.fln, only.sln, only.n_cells) == (1.0, 0.75, 4)


def test_without_counts_the_shipped_fractions_are_taken(sources, source, tmp_path):
    record_snapshot(sources, tmp_path / "out", DATE)
    compiled = SnapshotSource(tmp_path / "out")
    assert compiled.tracer_fractions() == source.tracer_fractions()
    assert compiled.pathways() == source.pathways()


def test_a_snapshot_of_before_tracers_is_read(copy):
    manifest = json.loads((copy / "manifest.json").read_text("utf-8"))
    for name in ("macaque_homologues.csv", "tracer_fractions.csv"):
        (copy / name).unlink()
        del manifest["files"][name]
    (copy / "manifest.json").write_text(json.dumps(manifest))
    older = SnapshotSource(copy)
    assert older.tracer_fractions() == older.macaque_homologues() == ()
    assert len(older.pathways()) == 202


PATHWAYS = "hand_network_pathways.csv"
DENIAL = "5L,4p,,tracer,macaque,A 2000,,denied,4->5 FLN 0,facts\n"


def test_an_edited_table_is_read_again_after_its_checksums_are_renewed(copy, source):
    with (copy / PATHWAYS).open("a", encoding="utf-8") as file:
        file.write(DENIAL)
    with pytest.raises(SnapshotError, match=r"edited.*--renew"):
        SnapshotSource(copy)
    renew_snapshot(copy, DATE)
    renewed = SnapshotSource(copy)
    assert renewed.pathways()[:-1] == source.pathways()
    assert renewed.pathways()[-1].support == "denied"
    assert renewed.describe()["snapshot_date"] == "2026-01-02"
    assert "(203 rows)" in (copy / "README.md").read_text("utf-8")
    # The licence of a note follows from the note, whatever the editor wrote.
    assert (copy / PATHWAYS).read_text("utf-8").endswith("FLN 0,CC BY-NC 4.0\n")


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (DENIAL.replace("4p", "4q"), "names '4q', which is no node.*4p"),
        (DENIAL.replace("5L", "dlPFC"), "dlPFC -> 4p has two rows"),
        (DENIAL.replace("denied", "verified"), "verified and has no direction"),
        ("a,b\n", "does not have the columns source, target"),
    ],
)
def test_an_edit_that_cannot_be_is_refused_and_nothing_is_written(copy, row, message):
    with (copy / PATHWAYS).open("a", encoding="utf-8") as file:
        file.write(row)
    before = {path.name: path.read_bytes() for path in copy.iterdir()}
    with pytest.raises(SnapshotError, match=message):
        renew_snapshot(copy)
    assert {path.name: path.read_bytes() for path in copy.iterdir()} == before


def test_a_folder_of_some_tables_is_not_renewed(copy):
    (copy / PATHWAYS).unlink()
    with pytest.raises(SnapshotError, match=f"lacks '{PATHWAYS}'"):
        renew_snapshot(str(copy))
