# SPDX-License-Identifier: Apache-2.0
"""The real siibra, over files that the tests write, without a socket."""

import importlib.util
import os
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from atlasnet.atlas.assembly import build_graph
from atlasnet.atlas.rules import GraphRules
from atlasnet.atlas.sources.comparison import compare_sources
from atlasnet.atlas.sources.recording import record_source
from atlasnet.atlas.sources.siibra_source import SiibraSource
from atlasnet.atlas.sources.snapshot import SnapshotSource
from atlasnet.commands.app import app
from atlasnet.errors import AtlasError, AtlasUnavailableError, IncompleteDataError
from tests.atlasnet.siibra_files import (
    HOST,
    LAYERS,
    SideBySide,
    connectome,
    forbid_sockets,
)

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        importlib.util.find_spec("siibra") is None, reason="siibra is not installed"
    ),
]


@pytest.fixture(scope="module")
def answered(tmp_path_factory: pytest.TempPathFactory) -> SiibraSource:
    """A source that has answered everything once."""
    folder = tmp_path_factory.mktemp("siibra")
    files = SideBySide(folder / "files")
    with pytest.MonkeyPatch.context() as patch:
        for name, value in {
            **files.environment,
            **forbid_sockets(folder / "offline"),
        }.items():
            patch.setenv(name, value)
        source = SiibraSource(timeout_s=60.0)
        source.regions()
        source.measured_layers()
    return source


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SideBySide:
    """Files for siibra to be damaged, without a network."""
    files = SideBySide(tmp_path / "files")
    for name, value in {
        **files.environment,
        **forbid_sockets(tmp_path / "offline"),
    }.items():
        monkeypatch.setenv(name, value)
    return files


def test_regions_have_names_of_both_versions_and_their_place(
    answered: SiibraSource,
) -> None:
    records = {record.name: record for record in answered.regions()}
    # The connectome has the left side only, the maps have both.
    assert [record.connectome_row for record in answered.regions()] == [
        *(0, 1),
        *(None, None),
    ]
    operculum = records["Area OP1 (POperc) left"]
    assert operculum.julich_2_9 == "Area OP1 (POperc) left"
    assert operculum.julich_3_1 == "Area Op1 (POperc) left"
    assert operculum.siibra_id_3_1 == (
        "JULICH_BRAIN_CYTOARCHITECTONIC_ATLAS_V3_1_AREA_OP1_POPERC_LEFT"
    )
    assert operculum.hierarchy == ("telencephalon", "cerebral cortex", "frontal lobe")
    assert records["Area Op1 (POperc) right"].julich_2_9 is None


def test_volume_and_centroid_are_of_the_map(answered: SiibraSource) -> None:
    m1, operculum, *_ = answered.regions()
    # Two voxels of 8 mm3 at (0, 0, 0) and (0, 0, 2) mm; one at (2, 2, 2) mm.
    assert (m1.volume_mm3, m1.centroid_mm) == (16.0, (0.0, 0.0, 1.0))
    assert (operculum.volume_mm3, operculum.centroid_mm) == (8.0, (2.0, 2.0, 2.0))


def test_counts_are_a_mean_and_a_length_of_0_is_missing(answered: SiibraSource) -> None:
    connections = answered.connections()
    # Subjects: 10 and 0 streamlines, 40 mm and none.
    assert connections.streamline_count.tolist() == [[5.0, 5.0], [5.0, 7.0]]
    assert connections.length_mm.tolist() == [[3.0, 40.0], [40.0, 3.0]]
    assert answered.describe()["subject"] == "mean of 2"


def test_measured_densities_are_cells_per_mm3(answered: SiibraSource) -> None:
    layers = answered.measured_layers()["Area 4p (PreCG) left"]
    assert [layer.layer for layer in layers] == ["I", "II", "III", "IV", "V", "VI"]
    # A layer has 1000 um2 in a section of 20 um, which shrank by 1.931 in volume:
    # 20,000 * 1.931 ** (1/3) = 24,906 um3 for one cell, 40,152 cells per mm3.
    assert layers[0].cell_density_per_mm3 == pytest.approx(
        1e9 / (20_000 * 1.931 ** (1 / 3))
    )
    assert layers[1].cell_density_per_mm3 == pytest.approx(
        2 * layers[0].cell_density_per_mm3
    )
    assert [layer.share for layer in layers] == pytest.approx([1 / 6] * 6)
    assert "Area 4p (PreCG) right" in answered.measured_layers()


def test_a_graph_can_have_measured_densities(answered: SiibraSource) -> None:
    rules = GraphRules(density="measured_layers")
    graph = build_graph(answered, ["4p", "OP1"], rules=rules)
    m1 = graph.region("Area 4p (PreCG) left")
    # Seven cells in six equal layers of 24,906 um3 each.
    assert m1.cell_density_rule == "measured_layers"
    assert m1.cell_density_per_mm3 == pytest.approx(
        7 / 6 * 1e9 / (20_000 * 1.931 ** (1 / 3))
    )
    assert graph.region("Area OP1 (POperc) left").cell_density_rule == "homologue"
    without = build_graph(
        answered,
        ["4p"],
        rules=GraphRules(density="measured_layers", layers_left_out=("II",)),
    )
    # Five of the seven.
    assert without.region(m1.name).cell_density_per_mm3 == pytest.approx(
        5 / 7 * (m1.cell_density_per_mm3 or 0)
    )


def test_nodes_of_which_a_part_is_missing_are_left_out(answered: SiibraSource) -> None:
    # 4p is one region; S2 needs OP4 beside OP1.
    assert [node.node for node in answered.node_table()] == ["4p"]
    assert set(answered.homologues()) == {
        "Area 4p (PreCG) left",
        "Area 4p (PreCG) right",
        "Area OP1 (POperc) left",
        "Area Op1 (POperc) right",
    }


def test_a_recording_is_a_source_like_the_live_one(
    answered: SiibraSource, tmp_path: Path
) -> None:
    record_source(answered, tmp_path / "recording.zip")
    recorded = SnapshotSource(tmp_path / "recording.zip")
    assert recorded.regions() == answered.regions()
    assert recorded.measured_layers() == answered.measured_layers()
    assert recorded.describe()["cohort"] == "HCP"
    assert recorded.describe()["recorded_source"] == "siibra"
    whats = {d.what for d in compare_sources(answered, recorded)}
    assert whats == {"description"}
    record_source(answered, tmp_path / "again.zip")
    assert (tmp_path / "again.zip").read_bytes() == (
        tmp_path / "recording.zip"
    ).read_bytes()


def test_volumes_are_those_of_siibras_own_spatial_properties(
    files: SideBySide,
) -> None:
    code = (
        "import siibra\n"
        "region = siibra.get_region('julich 3.1', 'Area 4p (PreCG) left')\n"
        "[part] = region.spatial_props('mni152')\n"
        "print(part.volume, *part.centroid)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, **files.environment},
        capture_output=True,
        text=True,
        check=True,
    )
    volume_mm3, *centroid_mm = map(float, done.stdout.split())
    m1 = SiibraSource(timeout_s=60.0).regions()[0]
    assert m1.volume_mm3 == volume_mm3
    assert m1.centroid_mm == pytest.approx(tuple(centroid_mm))


def test_one_subject_can_be_chosen(files: SideBySide) -> None:
    source = SiibraSource(subject="000", timeout_s=60.0)
    assert source.connections().streamline_count[0, 1] == 10.0
    assert source.describe()["subject"] == "000"
    lone = SiibraSource(subject="001", timeout_s=60.0).connections()
    assert lone.streamline_count[0, 1] == 0.0
    assert np.isnan(lone.length_mm[0, 1])


def test_regions_can_be_of_one_version_alone(files: SideBySide) -> None:
    source = SiibraSource("2.9", "2.9", timeout_s=60.0)
    names = [record.julich_2_9 for record in source.regions()]
    assert "Area OP1 (POperc) right" in names
    assert {record.julich_3_1 for record in source.regions()} == {None}


@pytest.fixture
def of_3_1(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SiibraSource:
    files = SideBySide(tmp_path / "files", connectomes=("2.9", "3.1"))
    offline = forbid_sockets(tmp_path / "offline")
    for name, value in {**files.environment, **offline}.items():
        monkeypatch.setenv(name, value)
    return SiibraSource("3.1", "3.1", timeout_s=60.0)


def test_both_can_be_of_version_3_1(of_3_1: SiibraSource) -> None:
    source = of_3_1
    # In the order of the connectome of 3.1, which is not that of its maps.
    assert [(r.name, r.connectome_row) for r in source.regions()] == [
        ("Area Op1 (POperc) left", 0),
        ("Area 4p (PreCG) left", 1),
        ("Area 4p (PreCG) right", None),
        ("Area Op1 (POperc) right", None),
    ]
    operculum, m1, *_ = source.regions()
    assert {r.julich_2_9 for r in source.regions()} == {None}
    assert m1.siibra_id_3_1 == (
        "JULICH_BRAIN_CYTOARCHITECTONIC_ATLAS_V3_1_AREA_4P_PRECG_LEFT"
    )
    # Two voxels of 8 mm3 at (0, 0, 0) and (0, 0, 2) mm; one at (2, 2, 2) mm.
    assert (m1.volume_mm3, m1.centroid_mm) == (16.0, (0.0, 0.0, 1.0))
    assert (operculum.volume_mm3, operculum.centroid_mm) == (8.0, (2.0, 2.0, 2.0))
    # Subjects: 30 streamlines of 60 mm and none; 9 and 5 within, 1 and 7.
    connections = source.connections()
    assert connections.streamline_count.tolist() == [[7.0, 15.0], [15.0, 4.0]]
    assert connections.length_mm.tolist() == [[3.0, 60.0], [60.0, 3.0]]
    described = source.describe()
    assert (described["connections_version"], described["volumes_version"]) == (
        "3.1",
        "3.1",
    )


def test_a_graph_of_version_3_1_has_its_edges(of_3_1: SiibraSource) -> None:
    rules = GraphRules(min_streamline_count=15.0, cited=False)
    graph = build_graph(of_3_1, ["4p", "Op1"], rules=rules)
    m1, operculum = "Area 4p (PreCG) left", "Area Op1 (POperc) left"
    ends = {(e.source, e.target): e for e in graph.projections}
    assert set(ends) == {(m1, operculum), (operculum, m1)}
    for edge in ends.values():
        assert (edge.streamline_count, edge.length_mm) == (15.0, 60.0)
    # 21,035.3 cells per mm3 of von Economo's FA in 16 mm3.
    assert graph.region(m1).cell_count == pytest.approx(16 * 21_035.3)
    none = GraphRules(min_streamline_count=15.1, cited=False)
    assert not build_graph(of_3_1, ["4p", "Op1"], rules=none).projections


def test_without_a_connectome_of_version_3_1_one_error_says_what_there_is(
    files: SideBySide,
) -> None:
    assert refused(AtlasError, connections="3.1", volumes="3.1") == (
        "siibra has no StreamlineCounts of cohort 'HCP' for Julich-Brain 3.1. There "
        "is: none. Ask for the connections of 2.9; regions are matched by name."
    )


def refused(kind: type[Exception], **options: Any) -> str:
    """Return why a source with these options cannot be read."""
    with pytest.raises(kind) as caught:
        SiibraSource(timeout_s=60.0, **options).regions()
    return str(caught.value)


def test_a_cohort_or_subject_that_is_not_there_names_those_that_are(
    files: SideBySide,
) -> None:
    assert "There is: HCP." in refused(AtlasError, cohort="1000brains")
    assert "has no subject '007'" in refused(AtlasError, subject="007")


def test_without_a_connection_one_error_says_what_why_and_what_else(
    files: SideBySide,
) -> None:
    files.cached(f"{HOST}/sc.zip").unlink()
    reason = refused(AtlasUnavailableError)
    assert "StreamlineCounts of Julich-Brain 2.9, cohort HCP" in reason
    assert "tests do not use the network" in reason
    assert "The snapshot shipped with atlasnet can serve instead" in reason


def test_without_a_map_the_error_is_the_same_kind(files: SideBySide) -> None:
    files.cached(f"{HOST}/3.1/left.nii.gz").unlink()
    reason = refused(AtlasUnavailableError)
    assert reason.startswith("siibra did not give the volumes of Julich-Brain 3.1")


def test_without_a_configuration_the_error_is_the_same_kind(
    files: SideBySide, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("SIIBRA_USE_CONFIGURATION")
    monkeypatch.setenv("SIIBRA_CACHEDIR", str(tmp_path / "empty"))
    reason = refused(AtlasUnavailableError)
    assert "the regions of Julich-Brain 2.9" in reason
    assert "snapshot" in reason


def test_a_layer_that_is_missing_is_named(files: SideBySide) -> None:
    without_layer_4 = LAYERS.replace("4 Layer4 1000.0\n", "")
    files.put(f"{HOST}/M/v1.0/0316/0003/layerinfo.txt", without_layer_4.encode())
    with pytest.raises(IncompleteDataError, match=r"5 of 6 layers .*IV could not"):
        SiibraSource(timeout_s=60.0).measured_layers()


@pytest.mark.parametrize(
    ("counts", "reason"),
    [("5,10\n9,7\n", "not symmetric"), ("5,-1\n-1,7\n", "missing or negative")],
)
def test_a_connectome_that_cannot_be_is_refused(
    files: SideBySide, counts: str, reason: str
) -> None:
    files.put(f"{HOST}/sc.zip", connectome(counts, "3,40\n40,3\n"))
    assert reason in refused(IncompleteDataError, subject="000")


def test_without_siibra_the_error_says_how_to_install_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    absent = "class Absent:\n    def find_spec(self, name, *_):\n"
    absent += "        if name == 'siibra':\n"
    absent += "            raise ModuleNotFoundError(\"No module named 'siibra'\")\n"
    absent += "import sys\nsys.meta_path.insert(0, Absent())\n"
    for name, value in forbid_sockets(tmp_path / "offline", absent).items():
        monkeypatch.setenv(name, value)
    with pytest.raises(AtlasUnavailableError, match=r"pip install 'atlasnet\[live\]'"):
        SiibraSource().regions()


def test_a_socket_that_never_answers_cannot_hold_the_user(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/sc.zip"
        files = SideBySide(tmp_path / "files", sc_url=url)
        files.cached(url).unlink()
        for name, value in files.environment.items():
            monkeypatch.setenv(name, value)
        started = time.monotonic()
        out = tmp_path / "recording.zip"
        result = CliRunner().invoke(
            app, ["snapshot", "--from", "siibra", "--out", str(out), "--timeout", "8"]
        )
        assert time.monotonic() - started < 40.0
    assert result.exit_code == 2, result.output
    assert "no answer within 8 s" in result.stderr, result.stderr
    assert "StreamlineCounts" in result.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == ["files"]


def test_the_command_records_and_compares(files: SideBySide, tmp_path: Path) -> None:
    out = tmp_path / "a.zip"
    result = CliRunner().invoke(
        app, ["snapshot", "--from", "siibra", "--out", str(out), "--no-layers"]
    )
    assert result.exit_code == 0, result.output
    assert "4 regions" in result.stdout
    same = CliRunner().invoke(app, ["snapshot", "--compare", str(out), str(out)])
    assert same.stdout == "No difference.\n"


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"connections": "3.0"}, "2.9 or 3.1, got '3.0'"),
        ({"timeout_s": 0.0}, "above 0, got 0.0"),
        ({"timeout_s": float("nan")}, "above 0, got nan"),
    ],
)
def test_options_that_cannot_be_are_refused(
    options: dict[str, Any], reason: str
) -> None:
    with pytest.raises(AtlasError, match=reason):
        SiibraSource(**options)
