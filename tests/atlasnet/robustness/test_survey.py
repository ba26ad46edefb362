# SPDX-License-Identifier: Apache-2.0
"""Variants of a plan, and which statements survive them."""

import csv
import io
import json
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from atlasnet.atlas.assembly import preset_graph
from atlasnet.atlas.rules import GraphRules
from atlasnet.atlas.sources.snapshot import SnapshotSource
from atlasnet.commands.app import app
from atlasnet.errors import AtlasNetError, SpecError
from atlasnet.figures import plot_robustness
from atlasnet.graph.graph import RegionGraph
from atlasnet.plan.interface import hand_interface
from atlasnet.plan.planner import plan_network
from atlasnet.plan.sharing import UnitRule
from atlasnet.plan.spec import NetworkSpec
from atlasnet.robustness.choices import CHOICES, Variant, chosen, variants_of
from atlasnet.robustness.experiment import experiment_text
from atlasnet.robustness.survey import Survey, survey


def names(variants: tuple[Variant, ...]) -> list[str]:
    return [variant.name for variant in variants]


def run_survey(*choices: str, combine: bool = False) -> Survey:
    source = SnapshotSource()
    base = GraphRules(direction_model="hierarchy"), UnitRule()
    variants = variants_of(*base, chosen(choices), combine=combine)
    return survey(lambda rules: preset_graph(source, rules=rules), plan, base, variants)


def plan(graph: RegionGraph, rule: UnitRule) -> NetworkSpec:
    return plan_network(graph, hand_interface(graph), rule)


@pytest.fixture(scope="module")
def found() -> Survey:
    return run_survey("volume", "floor", combine=True)


def test_a_level_that_the_default_has_is_no_variant() -> None:
    base = GraphRules(edges="streamlines=300", volume="mean"), UnitRule(exponent=0.5)
    made = names(variants_of(*base, chosen(["edges", "volume", "exponent"])))
    assert made == [
        "default",
        *("volume-own", "volume-other"),
        *("edges-streamlines-30", "edges-streamlines-100", "edges-streamlines-1000"),
        *("exponent-1", "exponent-0.75"),
    ]


def test_combinations_come_after_single_changes_and_once() -> None:
    base = GraphRules(direction_model="hierarchy"), UnitRule()
    single = variants_of(*base)
    # One density, two volumes, 3 thresholds, one model, two exponents, three floors.
    assert len(single) == 1 + 1 + 2 + 3 + 1 + 2 + 3
    every = variants_of(*base, combine=True)
    assert every[: len(single)] == single
    assert len(every) == len(set(names(every))) == 2 * 3 * 4 * 2 * 3 * 4
    assert [v.is_single for v in every] == [True] * 13 + [False] * (576 - 13)


def test_a_variant_changes_what_it_says_and_keeps_the_rest() -> None:
    rules, units = Variant({"volume": "other", "floor": 16}).applied(
        GraphRules(weight="log", direction_table=()), UnitRule(total=1000)
    )
    assert (rules.volume, rules.weight) == ("other", "log")
    assert units == UnitRule(total=1000, floor=16)


def test_a_choice_that_there_is_not_is_named_with_the_nearest() -> None:
    with pytest.raises(AtlasNetError, match=r"'volum'.*matches: volume.*density"):
        chosen(["volum"])
    assert chosen([]) == CHOICES


def test_the_other_sides_volume_takes_3b_its_place(found: Survey) -> None:
    rows = {row["statement"]: row for row in found.summary()}
    assert rows["3b_largest"]["verdict"] == "falls"
    assert rows["3b_largest"]["falls_under"] == ["volume-other"]
    assert rows["3b_largest"]["default"] == rows["3b_largest"]["least"] == 1.0
    # default, 2 volumes, 3 floors; combinations 2 x 3, of which 3 have the other side.
    assert (rows["3b_largest"]["n_holds"], rows["3b_largest"]["n_tested"]) == (5, 6)
    assert rows["3b_largest"]["combinations_tested"] == 6
    assert rows["3b_largest"]["combinations_held"] == 3
    # Neither choice moves a pathway.
    assert rows["same_pathways"]["least"] == 1.0
    assert rows["same_pathways"]["verdict"] == "survives"
    assert rows["density"]["verdict"] == "reported"


def test_a_statement_that_is_false_of_the_default_is_called_so(found: Survey) -> None:
    rows = {row["statement"]: row for row in found.summary()}
    # Without premotor cortex the goal takes as many steps: by 3a and others.
    assert rows["premotor_between"]["default"] == 0.0
    assert rows["premotor_between"]["verdict"] == "false"


def test_what_cannot_be_planned_is_kept_with_its_reason() -> None:
    source = SnapshotSource()
    base = GraphRules(direction_model="hierarchy"), UnitRule(total=1000)
    variants = variants_of(*base, chosen(["floor"]))
    done = survey(lambda r: preset_graph(source, rules=r), plan, base, variants)
    assert names(done.variants) == ["default", "floor-1", "floor-16"]
    ((variant, reason),) = done.failures
    # 28 areas of 48 are 1,344.
    assert variant.name == "floor-48"
    assert "1000 units are too few: 28 areas with a floor of 48" in reason
    tight = base[0], UnitRule(total=100)
    with pytest.raises(SpecError, match="100 units are too few"):
        survey(lambda r: preset_graph(source, rules=r), plan, tight, variants)


def test_tables_have_every_number(found: Survey) -> None:
    rows = list(csv.DictReader(io.StringIO(found.to_csv())))
    assert len(rows) == len(found.variants) * len(found.statements)
    last = rows[-1]
    assert last["variant"] == "volume-mean,floor-48"
    assert (last["volume"], last["floor"], last["exponent"]) == ("mean", "48", "1")
    assert last["edges"] == "streamlines=100.0"
    by_key = {(r["variant"], r["statement"]): r for r in rows}
    assert by_key["default", "n_pathways"]["value"] == "402"
    assert by_key["default", "n_pathways"]["holds"] == ""
    assert by_key["volume-other", "3b_largest"]["holds"] == "no"
    summary = list(csv.DictReader(io.StringIO(found.summary_csv())))
    assert [row["statement"] for row in summary] == [s.name for s in found.statements]


def test_the_figure_has_a_row_a_statement_and_a_column_a_single_change(
    found: Survey,
) -> None:
    ax = plot_robustness(found)
    sentences = [label.get_text() for label in ax.get_yticklabels()]
    assert sentences == [s.sentence for s in found.statements]
    columns = [label.get_text() for label in ax.get_xticklabels()]
    assert columns == [
        *("default", "volume other", "volume mean"),
        *("floor 1", "floor 16", "floor 48"),
    ]
    assert len(ax.patches) == len(sentences) * len(columns)


def test_an_experiment_changes_one_choice_a_level(found: Survey) -> None:
    text = experiment_text(found, {"preset": "fpn"}, seeds="0-2", directory="runs/x")
    data = yaml.safe_load(text)
    levels = data["vary"]["choice"]
    assert levels["default"] == {}
    assert levels["volume-other"] == {"network.rules.volume": "other"}
    assert levels["floor-1"] == {"network.units.floor": 1}
    assert len(levels) == 6  # no combination
    assert data["change"] == [
        "network.preset=fpn",
        "network.rules.direction_model=hierarchy",
    ]
    assert (data["compare"], data["seeds"]) == ("choice", "0-2")


def run(*arguments: str):
    return CliRunner().invoke(app, ["robustness", *arguments])


def test_the_command_writes_tables_figure_and_experiment(tmp_path: Path) -> None:
    out = tmp_path / "study"
    result = run("--vary", "volume", "exponent", "--out", str(out), "--floor", "16")
    assert result.exit_code == 0, result.output
    assert "falls: volume-other" in " ".join(result.stdout.split())
    assert {path.name for path in out.iterdir()} == {
        *("statements.csv", "variants.csv", "robustness.png", "experiment.yaml")
    }
    data = yaml.safe_load((out / "experiment.yaml").read_text())
    assert "network.units.floor=16" in data["change"]
    assert "network.preset=fpn" in data["change"]
    assert data["directory"] == str(out / "runs")


def test_the_command_prints_one_json_object(tmp_path: Path) -> None:
    out = str(tmp_path)
    chosen_regions = ["--regions", "4p", "3a", "AIP", "PMv", "dlPFC", "--vary", "edges"]
    result = run(*chosen_regions, "--out", out, "--json")
    assert result.exit_code == 0, result.output
    rows = {r["statement"]: r for r in json.loads(result.stdout)["statements"]}
    assert rows["two_streams"]["verdict"] == "not said"
    # AIP and 4p are joined by fewer than 300 streamlines.
    assert rows["grasp_chain"]["most"] == "infinite"
    data = yaml.safe_load((tmp_path / "experiment.yaml").read_text())
    assert "network.regions=[4p, 3a, AIP, PMv, dlPFC]" in [
        change.replace("'", "") for change in data["change"]
    ]


def test_what_no_run_can_be_told_leaves_out_the_experiment(tmp_path: Path) -> None:
    also = ["--preset", "fpn", "--also", "MCC (stand-in)", "--vary", "floor"]
    result = run(*also, "--out", str(tmp_path))
    assert result.exit_code == 0, result.output
    assert "a run's config has no key for --also" in result.stderr
    assert not (tmp_path / "experiment.yaml").exists()
    assert (tmp_path / "statements.csv").is_file()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--vary", "volum"], "no choice 'volum' to vary. Close matches: volume"),
        (["--preset", "fpm"], "fpm"),
        (["--preset", "fpn", "--regions", "4p"], "give one of"),
        (["--units", "100"], "100 units are too few"),
    ],
)
def test_a_wrong_argument_is_one_message(
    arguments: list[str], message: str, tmp_path: Path
) -> None:
    result = run(*arguments, "--out", str(tmp_path / "x"))
    assert result.exit_code == 2
    assert message in " ".join(result.stderr.split())
    assert not (tmp_path / "x").exists()
