# SPDX-License-Identifier: Apache-2.0
"""The experiment that `atlasnet robustness` writes is one that can be run."""

from pathlib import Path

from typer.testing import CliRunner

from angora_train.config.experiment import load_experiment
from angora_train.experiment.plan import planned_runs
from atlasnet import GraphRules, UnitRule
from atlasnet.commands.app import app


def test_every_variant_becomes_a_run_with_its_rules(tmp_path: Path) -> None:
    densities = tmp_path / "own.csv"
    densities.write_text("name,cell_density_per_mm3\nArea 3a (PostCG),70000\n")
    given = ["--hemisphere", "right", "--units", "1500", "--edges", "density=0.4"]
    given += ["--density-table", str(densities), "--without", "touch"]
    given += ["--cell", "gru", "--seeds", "0,3", "--out", str(tmp_path / "out")]
    # The model is unsaid: the experiment says which one that was.
    result = CliRunner().invoke(app, ["robustness", *given])
    assert result.exit_code == 0, result.output
    densities.unlink()  # the file holds what it said
    experiment = load_experiment(tmp_path / "out" / "experiment.yaml")
    runs = {
        (r.levels["choice"], r.seed): r.config.network for r in planned_runs(experiment)
    }
    assert {seed for _, seed in runs} == {0, 3}
    assert experiment.compared == "choice"
    rules = GraphRules(
        edges="density=0.4",
        density_table={"Area 3a (PostCG)": 7e4},
        direction_model="hierarchy",
    )
    default = runs["default", 0]
    assert (default.preset, default.hemisphere) == ("fpn", "right")
    assert (default.rules, default.units) == (rules, UnitRule(total=1500))
    assert (default.without, default.plan.cell) == (("touch",), "gru")
    changed = {
        "volume-other": {"volume": "other"},
        "edges-streamlines-300": {"edges": "streamlines=300"},
        "density-surface_overlap": {"density": "surface_overlap"},
        "direction_model-structural_model": {"direction_model": "structural_model"},
    }
    for level, change in changed.items():
        fields = {name: getattr(rules, name) for name in GraphRules.model_fields}
        assert runs[level, 3].rules == GraphRules(**(fields | change))
        assert runs[level, 3].units == default.units
    assert runs["floor-48", 0].units == UnitRule(total=1500, floor=48)
    assert runs["exponent-0.5", 0].units == UnitRule(total=1500, exponent=0.5)
    assert len({name for name, _ in runs}) == 1 + 1 + 2 + 4 + 1 + 2 + 3
