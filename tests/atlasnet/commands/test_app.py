# SPDX-License-Identifier: Apache-2.0
"""The command ``atlasnet``."""

import json
import shutil
import subprocess
import sys
import zipfile
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner, Result

from atlasnet.bundle import Bundle, companion
from atlasnet.commands.app import app
from atlasnet.commands.arguments import (
    ErrorReportingGroup,
    parse_cells,
    parse_inputs,
    repeat_flags,
)
from atlasnet.errors import AtlasNetError, SpecError
from atlasnet.graph.graph import Region, RegionGraph
from atlasnet.plan.spec import NetworkSpec

SMALL = ["Area 4p (PreCG)", "Area 3a (PostCG)", "Area 2 (PostCS)", "Area hIP2 (IPS)"]
MAIN = "from atlasnet.commands.app import main; main()"


def run(*arguments: str) -> Result:
    """Run a command in this process."""
    return CliRunner().invoke(app, list(arguments))


def run_apart(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a command as the shell does, in a process of its own."""
    command = [sys.executable, "-c", MAIN, *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def message(result: Result) -> str:
    """Return the error of a command that failed as it should, in one line."""
    assert result.exit_code == 2, result.output
    assert result.stdout == ""
    assert "Traceback" not in result.stderr
    return result.stderr


def test_a_cell_is_of_all_areas_or_of_one() -> None:
    assert parse_cells(["rnn", "4p left=lstm", "gru"]) == ("gru", {"4p left": "lstm"})
    assert parse_cells([]) == (None, {})


@pytest.mark.parametrize("text", ["84x84", "84x84xRGB", "84,84,3", "84x-4x3", "²x84x3"])
def test_an_image_of_another_form_shows_the_form(text: str, tmp_path: Path) -> None:
    out = str(tmp_path / "a.keras")
    said = message(
        run("build", "--preset", "fpn-visual", "--image", text, "--out", out)
    )
    assert f"expected HEIGHTxWIDTHxCHANNELS, got '{text}'" in said


def test_visual_units_without_an_image_are_refused(tmp_path: Path) -> None:
    out = str(tmp_path / "a.keras")
    said = message(run("build", "--preset", "fpn", "--visual-units", "9", "--out", out))
    assert "no sensation is an image" in said


def test_a_preset_that_sees_pixels_is_shown_with_its_maps() -> None:
    result = run("show", "--preset", "fpn-visual", "--json")
    assert result.exit_code == 0, result.output
    shown = json.loads(result.stdout)
    maps = {node["name"]: node["map"] for node in shown["nodes"]}
    assert (maps["V6 left"]["height"], maps["V6 left"]["n_channels"]) == (3, 8)
    assert maps["4p left"] is None
    units = {node["name"]: node["n_units"] for node in shown["nodes"]}
    visual = [units[name] for name, layout in maps.items() if layout]
    assert shown["network"]["n_map_units"] == sum(visual) == 18_547
    assert "18720 units planned" in shown["network"]["provenance"]["visual_rule"]
    table = run("show", "--preset", "fpn-visual").stdout
    assert "21 x 21 x 23" in table


@pytest.mark.slow
def test_a_network_that_sees_two_cameras_is_built(tmp_path: Path) -> None:
    out = tmp_path / "eyes.keras"
    options = "--image 64x96x6 --visual-units 30000 --readout flatten --units 512"
    result = run(
        *["build", "--preset", "fpn-visual", "--floor", "8", "--out"],
        str(out),
        *options.split(),
    )
    assert result.exit_code == 0, result.output
    spec = NetworkSpec.load(tmp_path / "eyes.network.json")
    entry = next(entry for entry in spec.inputs if entry.name == "vision")
    assert entry.shape == (64, 96, 6)
    maps = [area.map for area in spec.areas if area.map is not None]
    assert {layout.readout for layout in maps} == {"flatten"}
    assert sum(a.n_units for a in spec.areas if a.map is None) == 512
    assert abs(sum(layout.n_units for layout in maps) - 30_000) < 1_000


@pytest.mark.slow
def test_options_of_areas_and_pathways_are_written_to_the_plan(tmp_path: Path) -> None:
    out = tmp_path / "a.keras"
    options = "--cell rnn --activation softplus --time-constant 0.05 --gain streamlines"
    options += " --strength fixed --delays --velocity 3 --inhibitory-share 0.25"
    options += " --noise 0.1 --activity-cost 0.01 --wiring-cost 0.02 --value-stem plain"
    result = run(
        "build", "--regions", *SMALL, "--out", str(out), "--units", "128",
        "--cell", "Area 3a (PostCG)=rate", *options.split(),
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    assert "Latencies" in result.stdout
    spec = NetworkSpec.load(tmp_path / "a.network.json")
    by_name = {area.name: area for area in spec.areas}
    assert by_name["Area 4p (PreCG) left"].cell == "rnn"
    assert by_name["Area 3a (PostCG) left"].cell == "rate"
    assert by_name["Area 4p (PreCG) left"].activation == "softplus"
    assert by_name["Area 4p (PreCG) left"].inhibitory_share == 0.25
    assert {p.strength_use for p in spec.pathways} == {"fixed"}
    assert len({p.strength for p in spec.pathways}) > 1
    assert all(p.delay_steps is not None for p in spec.pathways if p.length_mm)
    assert (spec.noise_std, spec.activity_cost, spec.wiring_cost) == (0.1, 0.01, 0.02)
    assert spec.value.stem == "plain"


def test_an_unknown_cell_is_refused(tmp_path: Path) -> None:
    for given in ("spiking", "4p=spiking"):
        result = run(
            "build", "--preset", "fpn", "--out", str(tmp_path / "a.keras"),
            "--cell", given,
        )  # fmt: skip
        assert "'dense', 'rate', 'rnn', 'gru' or 'lstm', got 'spiking'" in message(
            result
        )


# --- entry ---------------------------------------------------------------------------


def test_help_loads_neither_keras_nor_the_atlas() -> None:
    heavy = ["keras", "tensorflow", "siibra", "nilearn", "matplotlib", "pandas"]
    heavy += ["networkx", "numpy", "scipy", "pydantic"]
    code = (
        "import sys, atlasnet.commands.app\n"
        "try:\n"
        "    atlasnet.commands.app.main()\n"
        "finally:\n"
        f"    found = [m for m in {heavy} if m in sys.modules]\n"
        "    print('loaded:', found)\n"
    )
    command = [sys.executable, "-c", code, "--help"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "regions" in done.stdout
    assert done.stdout.endswith("loaded: []\n")


def test_an_error_is_one_message_and_exit_code_2() -> None:
    done = run_apart("build", "--regions", "Area 4q (PreCG)", "--out", "x.keras")
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.startswith("Error: No region 'Area 4q (PreCG) left'")
    assert len(done.stderr.splitlines()) == 1


def test_a_misspelt_option_is_exit_code_2() -> None:
    done = run_apart("build", "--regoins", "Area 4p (PreCG)", "--out", "x.keras")
    assert done.returncode == 2
    assert "--regions" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_bug_keeps_its_traceback() -> None:
    small = typer.Typer(cls=ErrorReportingGroup)

    @small.command()
    def fail(kind: str) -> None:
        raise RuntimeError("a bug") if kind == "bug" else AtlasNetError("a reason")

    @small.command()
    def other() -> None: ...

    bug = CliRunner().invoke(small, ["fail", "bug"])
    assert isinstance(bug.exception, RuntimeError)
    reason = CliRunner().invoke(small, ["fail", "reason"])
    assert (reason.exit_code, reason.stderr) == (2, "Error: a reason\n")


def test_the_version_is_printed() -> None:
    assert run("--version").stdout.startswith("atlasnet 0.")


# --- arguments -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("--r A B --out x", "--r A --r B --out x"),
        ("--r A --r B", "--r A --r B"),
        ("--r=A B", "--r=A --r B"),
        ("--out x --r A B C", "--out x --r A --r B --r C"),
        ("--r --out x", "--r --out x"),
        ("--out x y", "--out x y"),
        ("", ""),
    ],
)
def test_a_flag_takes_all_values_that_follow(words: str, expected: str) -> None:
    assert repeat_flags(words.split(), ["--r"]) == expected.split()


def test_several_values_and_repeated_flags_mean_the_same() -> None:
    # Both reach the atlas, which lacks the second region.
    together = run("build", "--out", "x.keras", "--regions", SMALL[0], "No such")
    repeated = ["--regions", SMALL[0], "--regions", "No such"]
    assert message(together) == message(run("build", "--out", "x.keras", *repeated))
    assert "No such left" in message(together)


def test_a_sensation_may_come_several_times() -> None:
    given = ["vision=Area hOc1 (V1, 17, CalcS), V6A", "goal=IFS", "vision=cIPS"]
    assert parse_inputs(given) == {
        "vision": ("Area hOc1 (V1, 17, CalcS), V6A", "cIPS"),
        "goal": ("IFS",),
    }


@pytest.mark.parametrize("entry", ["touch", "=3b", "touch=", "touch=3b,,1"])
def test_an_input_has_a_sensation_and_areas(entry: str) -> None:
    result = run("build", "--preset", "fpn", "--out", "x.keras", "--input", entry)
    assert f"expected SENSATION=AREA[,AREA], got '{entry}'" in message(result)


# --- regions -------------------------------------------------------------------------


def test_regions_are_listed_with_volume_density_and_rule() -> None:
    result = run("regions", "--search", "4P (precg)", "--json")
    [found] = json.loads(result.stdout)["regions"]
    assert found["name"] == "Area 4p (PreCG) left"
    assert found["volume_mm3"] == 1547.0
    assert found["cell_density_per_mm3"] == 21035.3
    assert found["cell_density_rule"] == "homologue"
    assert found["has_connections"] is True
    table = run("regions", "--search", "4p (PreCG)").stdout
    for text in ("Area 4p (PreCG) left", "1,547", "21,035", "homologue", "1 regions"):
        assert text in table


def test_regions_can_be_of_either_side_or_both() -> None:
    def names(side: str) -> list[str]:
        result = run("regions", "--hemisphere", side, "--json")
        return [row["name"] for row in json.loads(result.stdout)["regions"]]

    left, right, both = (names(side) for side in ("left", "right", "both"))
    assert all(name.endswith(" left") for name in left)
    assert sorted([*left, *right]) == both


def test_a_search_in_vain_names_what_is_near() -> None:
    result = run("regions", "--search", "Area 4pp (PreCG)")
    assert "Close matches: Area 4p (PreCG) left" in message(result)


def test_an_edited_snapshot_is_refused(tmp_path: Path) -> None:
    with as_file(files("atlasnet.data")) as shipped:
        shutil.copytree(shipped, tmp_path / "snapshot")
    table = tmp_path / "snapshot" / "regions.csv"
    table.write_text(table.read_text("utf-8").replace("1547", "1548"), "utf-8")
    result = run("regions", "--snapshot", str(tmp_path / "snapshot"))
    assert "corrupt or was edited" in message(result)
    assert str(table) in result.stderr


def test_a_folder_without_a_snapshot_is_refused(tmp_path: Path) -> None:
    result = run("show", "--preset", "fpn", "--snapshot", str(tmp_path))
    assert "There is no snapshot in" in message(result)


# --- build: what it refuses before it builds -----------------------------------------


def refuse(tmp_path: Path, *arguments: str) -> str:
    """Return why a build is refused, having checked that it wrote nothing."""
    out = tmp_path / "folder" / "x.keras"
    reason = message(run("build", "--out", str(out), *arguments))
    assert list(tmp_path.iterdir()) == []
    return reason


def test_an_unknown_region_names_the_nearest(tmp_path: Path) -> None:
    reason = refuse(tmp_path, "--regions", "Area 4pp (PreCG)", "3a")
    assert "No region 'Area 4pp (PreCG) left'" in reason
    assert "Area 4p (PreCG) left" in reason


def test_a_region_without_volume_has_no_units(tmp_path: Path) -> None:
    reason = refuse(tmp_path, "--regions", *SMALL, "Frontal-I (GapMap)")
    assert "'Frontal-I (GapMap) left' has no volume" in reason


def test_a_region_without_density_has_no_units(tmp_path: Path) -> None:
    reason = refuse(tmp_path, "--regions", *SMALL, "CA1 (Hippocampus)")
    assert "'CA1 (Hippocampus) left' has no cell density" in reason
    assert "(allocortex: only isocortex has a cortical density)" in reason


def test_an_action_area_that_no_sensation_reaches_is_refused(tmp_path: Path) -> None:
    reason = refuse(
        tmp_path,
        *("--regions", "Area 4p (PreCG)", "Area Fp1 (FPole)"),
        *("--without", "proprioception", "touch", "vision"),
    )
    assert "No sensation reaches the action area 'Area 4p (PreCG) left'" in reason


def test_a_total_below_the_floors_is_refused(tmp_path: Path) -> None:
    reason = refuse(tmp_path, "--regions", *SMALL, "--units", "127")
    # 4 areas of at least 32 units.
    assert "127 units are too few" in reason
    assert "at least 128" in reason


def test_a_sensation_without_an_area_is_refused(tmp_path: Path) -> None:
    reason = refuse(tmp_path, "--regions", "Area 4p (PreCG)", "Area hIP2 (IPS)")
    assert "'proprioception' enters no area" in reason
    assert "--input proprioception=AREA" in reason


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["--preset", "fnp"], "Close matches: fpn"),
        (
            ["--preset", "fpn", "--regions", "x"],
            "one of --regions, --preset, --all and --graph",
        ),
        ([], "one of --regions, --preset, --all and --graph"),
        (["--preset", "fpn", "--without", "smell"], "'smell'"),
        (["--preset", "fpn", "--action", "M2"], "No region"),
        (["--preset", "fpn", "--control-step", "0"], "control_step_s"),
        (["--preset", "fpn", "--exponent", "inf"], "exponent"),
        (["--preset", "fpn", "--min-streamlines", "0"], "above 0"),
        (["--preset", "fpn", "--seed", "-1"], "'--seed': "),
        (["--preset", "fpn", "--seed", "9" * 20], "4294967295"),
        (["--preset", "fpn", "--exponent", "400"], "to the power of 400"),
        (["--preset", "fpn", "--noise", "inf"], "noise_std"),
        (["--preset", "fpn", "--noise", "nan"], "--noise"),
        (["--preset", "fpn", "--wiring-cost", "inf"], "wiring_cost"),
        (["--preset", "fpn", "--time-constant", "inf"], "time_constant_s"),
        (["--preset", "fpn", "--control-step", "inf"], "control_step_s"),
        (["--preset", "fpn", "--units", "many"], "--units"),
    ],
)
def test_wrong_options_are_refused(
    arguments: list[str], reason: str, tmp_path: Path
) -> None:
    assert reason in refuse(tmp_path, *arguments)


def test_a_model_file_has_its_suffix(tmp_path: Path) -> None:
    result = run("build", "--preset", "fpn", "--out", str(tmp_path / "x.h5"))
    assert "ends in '.keras'" in message(result)


def test_a_place_that_cannot_be_written_is_refused_first(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    out = str(tmp_path / "file" / "x.keras")
    # The region is unknown too, but the place comes first.
    result = run("build", "--regions", "No such", "--out", out)
    assert "cannot write to the folder" in message(result)
    result = run("show", "--preset", "fpn", "--figures", str(tmp_path / "file"))
    assert "cannot write to the folder" in message(result)


@pytest.mark.parametrize("out", [".", ""])
@pytest.mark.parametrize(
    ("command", "flag"),
    [
        ("graph --preset fpn", "--out"),
        ("export missing.graph.json", "--out"),
        ("export missing.graph.json --format tvb", "--out"),
        ("snapshot --from siibra", "--out"),
        ("parameters missing.keras", "--csv"),
    ],
)
def test_a_folder_is_no_file_to_write(command: str, flag: str, out: str) -> None:
    assert f"Invalid value for '{flag}': '.' is a folder" in message(
        run(*command.split(), flag, out)
    )


def test_a_graph_that_cannot_be_read_is_one_error(tmp_path: Path) -> None:
    other = tmp_path / "x.bin"
    other.write_bytes(b"\xff\xfe")
    out = ["--out", str(tmp_path / "a.keras")]
    for path, reason in (
        (str(tmp_path), "Is a directory"),
        ("", "Is a directory"),
        (str(other), "can't decode"),
    ):
        for command in (["build", *out, "--graph", path], ["compare", path, path]):
            said = message(run(*command))
            assert f"The graph file '{Path(path)}' cannot be read: " in said
            assert reason in said
    with pytest.raises(SpecError, match="cannot be read: Is a directory"):
        NetworkSpec.load(tmp_path)
    with pytest.raises(SpecError, match="There is no network spec"):
        NetworkSpec.load(tmp_path / "x.network.json")


def test_a_graph_from_a_file_is_taken_as_it_is(
    tmp_path: Path, tiny_graph: RegionGraph
) -> None:
    tiny_graph.save(tmp_path / "tiny.graph.json")
    given = ["--edges", "50", "--no-cited", "--neighbours", "3", "--also", "x"]
    given += ["--hemisphere", "right", "--snapshot", "missing"]
    build = ["build", "--graph", str(tmp_path / "tiny.graph.json"), "--out"]
    build += [str(tmp_path / "a.keras")]
    assert (
        "leave out --also, --neighbours, --hemisphere, --snapshot, --edges, --no-cited."
    ) in message(run(*build, *given))
    # What is the default anyway says nothing, so the next thing is told.
    said = message(run(*build, "--edges", "100", "--hemisphere", "left"))
    assert "leave out" not in said


@pytest.mark.parametrize(
    ("given", "idle"),
    [
        (["--preset", "fpn", "--neighbours", "3"], "--preset has no use for --neigh"),
        (["--all", "--also", "4p"], "--all has no use for --also"),
        (["--all", "--no-blind"], "--all has no use for --no-blind"),
        (["--all", "--neighbours", "2", "--complete"], "--neighbours, --complete"),
        (["--regions", "4p", "--no-blind"], "--regions has no use for --no-blind"),
        (["--regions", "4p", "--complete"], "--complete (without --neighbours)"),
        (["--regions", "4p", "--seed", "1"], "--seed is for --null-model"),
    ],
)
def test_an_option_that_means_nothing_is_refused(
    tmp_path: Path, given: list[str], idle: str
) -> None:
    said = message(run("graph", *given, "--out", str(tmp_path / "g.graph.json")))
    assert idle in said
    assert not list(tmp_path.iterdir())


def test_options_of_another_way_to_a_snapshot_or_export_are_refused(
    tmp_path: Path, tiny_graph: RegionGraph
) -> None:
    here = str(tmp_path)
    for given, idle in (
        (["--compare", here, here, "--out", here], "--compare has no use for --out"),
        (["--compare", here, here, "--cohort", "X"], "has no use for --cohort"),
        (["--from-files", here, "--out", here, "--tolerance", "1"], "for --tolerance"),
        (["--from-files", here, "--out", here, "--json"], "has no use for --json"),
    ):
        assert idle in message(run("snapshot", *given))
    tiny_graph.save(tmp_path / "t.graph.json")
    given = ["--statistic", "n_units", "--out", str(tmp_path / "x.graphml")]
    said = message(run("export", str(tmp_path / "t.graph.json"), *given))
    assert "--statistic: for nifti only, the format is graphml" in said


# --- show ----------------------------------------------------------------------------


@pytest.fixture
def tiny_graph() -> RegionGraph:
    """The regions of the tiny spec; only M has a volume and a density."""
    motor = Region(
        name="M",
        hemisphere="left",
        volume_mm3=100.0,
        cell_density_per_mm3=20_000.0,
        cell_density_rule="surface_overlap",
    )
    return RegionGraph([motor, Region("P", "left"), Region("S", "left")])


def write_model(spec: NetworkSpec, path: Path) -> None:
    """Write what a model file has of a spec, in the place where Keras has it."""
    cell = {
        "registered_name": "atlasnet>AreaCell",
        "config": {"name": spec.name, "spec": spec.to_json(), "seed": 0},
    }
    layers = [{"class_name": "RNN", "config": {"cell": cell}}]
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("config.json", json.dumps({"config": {"layers": layers}}))


def show_json(*arguments: str) -> dict[str, Any]:
    """Return what ``show --json`` prints, as strict JSON."""

    def refuse_constant(name: str) -> None:
        raise AssertionError(f"{name} is no JSON")

    result = run("show", *arguments, "--json")
    assert result.exit_code == 0, result.output
    record = json.loads(result.stdout, parse_constant=refuse_constant)
    assert isinstance(record, dict)
    return record


def test_the_preset_has_35_nodes_and_all_units() -> None:
    record = show_json("--preset", "fpn", "--no-blind")
    assert len(record["nodes"]) == 35
    assert sum(node["n_units"] for node in record["nodes"]) == 2048
    motor = next(node for node in record["nodes"] if node["name"] == "4p left")
    assert motor["volume_mm3"] == 1547.0
    assert motor["cell_density_per_mm3"] == 21035.3
    assert motor["cell_count"] == pytest.approx(1547.0 * 21035.3)
    edge = next(
        edge
        for edge in record["edges"]
        if (edge["source"], edge["target"]) == ("3a left", "4p left")
    )
    assert edge["streamline_count"] == pytest.approx(2811.18, abs=0.005)
    assert edge["direction"] == "feedforward"
    assert edge["direction_rule"] == "cited"
    assert edge["length_mm"] > 0


def test_the_blind_preset_lacks_the_seven_visual_nodes() -> None:
    names = {node["name"] for node in show_json("--preset", "fpn")["nodes"]}
    whole = show_json("--preset", "fpn", "--no-blind")
    everything = {node["name"] for node in whole["nodes"]}
    visual = ("V1", "V2", "V3d", "V3A", "V6", "MT", "LO")
    assert everything - names == {f"{node} left" for node in visual}


def test_a_model_is_shown_without_keras(tmp_path: Path, tiny_spec: NetworkSpec) -> None:
    write_model(tiny_spec, tmp_path / "tiny.keras")
    record = show_json(str(tmp_path / "tiny.keras"))
    assert [node["name"] for node in record["nodes"]] == ["S", "P", "M"]
    assert [node["n_units"] for node in record["nodes"]] == [4, 5, 6]
    # Nothing beside it says how large the areas are.
    assert [node["volume_mm3"] for node in record["nodes"]] == [None] * 3
    assert [edge["timing"] for edge in record["edges"]] == [
        *("same_step", "same_step"),
        "previous_step",
    ]
    assert record["network"]["policy_size"] == 6
    assert record["metadata"] is None


@pytest.mark.parametrize("name", ["tiny.keras", "tiny.graph.json", "tiny.network.json"])
def test_companions_are_read_together(
    name: str, tmp_path: Path, tiny_spec: NetworkSpec, tiny_graph: RegionGraph
) -> None:
    write_model(tiny_spec, tmp_path / "tiny.keras")
    tiny_graph.save(tmp_path / "tiny.graph.json")
    tiny_spec.save(tmp_path / "tiny.network.json")
    nodes = {n["name"]: n for n in show_json(str(tmp_path / name))["nodes"]}
    assert {name: node["n_units"] for name, node in nodes.items()} == {
        **{"S": 4, "P": 5, "M": 6}
    }
    # 100 mm3 of 20,000 cells per mm3.
    assert nodes["M"]["cell_count"] == 2_000_000.0
    assert nodes["M"]["cell_density_rule"] == "surface_overlap"
    assert nodes["P"]["cell_count"] is None


def test_a_companion_of_another_network_is_set_aside(
    tmp_path: Path, tiny_spec: NetworkSpec, tiny_graph: RegionGraph
) -> None:
    tiny_spec.save(tmp_path / "tiny.network.json")
    RegionGraph([tiny_graph.region("M")]).save(tmp_path / "tiny.graph.json")
    result = run("show", str(tmp_path / "tiny.network.json"), "--json")
    assert "left aside" in result.stderr
    assert json.loads(result.stdout)["metadata"] is None
    assert Bundle.read(tmp_path / "tiny.graph.json").spec is None


def test_a_table_shows_regions_and_directions(
    tmp_path: Path, tiny_spec: NetworkSpec, tiny_graph: RegionGraph
) -> None:
    tiny_spec.save(tmp_path / "tiny.network.json")
    tiny_graph.save(tmp_path / "tiny.graph.json")
    table = run("show", str(tmp_path / "tiny.network.json")).stdout
    for text in ("3 regions", "surface overlap", "20,000", "feedforward", "rate"):
        assert text in table


def test_figures_are_drawn_beside_clean_json(
    tmp_path: Path, tiny_spec: NetworkSpec
) -> None:
    tiny_spec.save(tmp_path / "tiny.network.json")
    record = show_json(
        *(str(tmp_path / "tiny.network.json"), "--figure-format", "svg"),
        *("--figures", str(tmp_path / "figures")),
    )
    assert record["name"] == "tiny"
    assert [p.name for p in (tmp_path / "figures").iterdir()] == ["circuit.svg"]


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("x.json", "{}", "neither nodes and edges nor areas and pathways"),
        ("x.json", "[1, 2]", "neither nodes and edges nor areas and pathways"),
        ("x.json", "not JSON", "is not a model"),
        ("x.txt", "\x00\xff", "is not a model"),
        ("x.keras", "not a zip", "is no Keras model"),
        ("x.graph.json", '{"nodes": [], "edges": []}', "is broken"),
        ("x.network.json", '{"areas": [], "pathways": []}', "is broken"),
    ],
)
def test_a_file_of_another_kind_is_refused(
    name: str, content: str, reason: str, tmp_path: Path
) -> None:
    (tmp_path / name).write_text(content, encoding="latin-1")
    text = message(run("show", str(tmp_path / name)))
    assert reason in text
    assert str(tmp_path / name) in text


def test_a_model_of_another_maker_is_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "x.keras", "w") as archive:
        archive.writestr("config.json", '{"class_name": "Sequential", "config": {}}')
    assert "was not built by atlasnet" in message(
        run("show", str(tmp_path / "x.keras"))
    )


def test_a_missing_file_and_a_folder_are_refused(tmp_path: Path) -> None:
    assert "does not exist" in message(run("show", str(tmp_path / "x.keras")))
    assert "is a folder" in message(run("show", str(tmp_path)))


def test_show_takes_a_file_or_a_preset(tmp_path: Path) -> None:
    assert "either a FILE or --preset" in message(run("show"))
    both = run("show", str(tmp_path / "x.keras"), "--preset", "fpn")
    assert "either a FILE or --preset" in message(both)


def test_companions_share_their_name() -> None:
    assert companion(Path("a/b.network.json"), ".keras") == Path("a/b.keras")
    assert companion(Path("v1.2.keras"), ".graph.json") == Path("v1.2.graph.json")


def test_a_snapshot_needs_its_source_files(tmp_path: Path) -> None:
    out = tmp_path / "out"
    result = run("snapshot", "--from-files", str(tmp_path), "--out", str(out))
    assert "lacks" in message(result)
    assert not out.exists()


# --- build ---------------------------------------------------------------------------


@pytest.mark.slow
def test_a_network_is_built_from_regions_and_opened_again(tmp_path: Path) -> None:
    out = tmp_path / "small.keras"
    done = run_apart("build", "--regions", *SMALL, "--units", "512", "--out", str(out))
    assert done.returncode == 0, done.stderr
    # The defaults it took for inputs and action.
    assert "proprioception enters Area 3a (PostCG) left" in done.stdout
    assert "action is driven by Area 4p (PreCG) left" in done.stdout
    for name in ("small.keras", "small.graph.json", "small.network.json"):
        assert name in done.stdout
        assert (tmp_path / name).is_file()

    record = show_json(str(out))
    assert sum(node["n_units"] for node in record["nodes"]) == 512
    assert len(record["nodes"]) == 4

    import keras

    import atlasnet
    import atlasnet.layers

    own = atlasnet.load_model(out)
    plain = keras.models.load_model(out)
    assert own.count_params() == plain.count_params()
    assert f"{own.count_params():,} parameters" in done.stdout
    for node in record["nodes"]:
        assert own.get_layer(node["layer"]).output.shape[-1] == node["n_units"]
    # The model stands alone: it carries the spec that lies beside it.
    spec = NetworkSpec.load(tmp_path / "small.network.json")
    out.rename(tmp_path / "moved.keras")
    assert Bundle.read(tmp_path / "moved.keras").spec == spec
    assert atlasnet.spec_of(plain) == spec


@pytest.mark.slow
def test_a_preset_is_built_with_the_inputs_that_are_given(tmp_path: Path) -> None:
    out = tmp_path / "fpn.keras"
    done = run_apart(
        *("build", "--preset", "fpn", "--units", "900", "--out", str(out)),
        *("--input", "vision=V6A,cIPS", "--without", "goal", "--seed", "3"),
    )
    assert done.returncode == 0, done.stderr
    spec = Bundle.read(out).spec
    assert spec is not None
    assert spec.n_units == 900
    assert {entry.name: entry.areas for entry in spec.inputs} == {
        "proprioception": ("3a left", "2 left"),
        "touch": ("3b left", "1 left"),
        "vision": ("V6A left", "cIPS left"),
    }


def test_a_broken_companion_is_named(tmp_path: Path, tiny_spec: NetworkSpec) -> None:
    tiny_spec.save(tmp_path / "tiny.network.json")
    (tmp_path / "tiny.graph.json").write_text("{}")
    with pytest.raises(AtlasNetError, match=r"tiny\.graph\.json"):
        Bundle.read(tmp_path / "tiny.network.json")


def test_a_model_with_a_broken_spec_is_refused(
    tmp_path: Path, tiny_spec: NetworkSpec
) -> None:
    write_model(tiny_spec, tmp_path / "x.keras")
    with zipfile.ZipFile(tmp_path / "x.keras") as archive:
        config = archive.read("config.json").decode()
    with zipfile.ZipFile(tmp_path / "x.keras", "w") as archive:
        archive.writestr("config.json", config.replace("n_units", "units"))
    with pytest.raises(SpecError):
        Bundle.read(tmp_path / "x.keras")
