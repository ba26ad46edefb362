# SPDX-License-Identifier: Apache-2.0
from pathlib import Path

import pytest
import yaml

from angora_train.config.loading import load_config
from angora_train.config.run import RunConfig
from angora_train.config.settings import parse_mapping
from angora_train.errors import ConfigError
from atlasnet import GraphRules, PlanOptions, UnitRule
from atlasnet.atlas.edges import StrongestNeighbours


def test_a_resolved_config_reads_back_as_the_same_config(tmp_path: Path) -> None:
    config = load_config("reach", ["ppo.clip_range=0.1", "task.options={}"])
    assert config.ppo.clip_range == 0.1
    (tmp_path / "config.yaml").write_text(config.to_yaml())
    assert load_config(str(tmp_path / "config.yaml")) == config


@pytest.mark.parametrize(
    ("text", "value"),
    [("1e-2", 0.01), ("1E-2", 0.01), ("2.5e-3", 0.0025), (".5", 0.5), ("1", 1.0)],
)
def test_a_number_may_be_written_as_python_writes_it(text: str, value: float) -> None:
    changes = [f"ppo.learning_rate={text}", f"task.options.success_rad={text}"]
    config = load_config("reach", changes)
    assert config.ppo.learning_rate == config.task.options["success_rad"] == value


def test_counts_may_be_written_as_numbers_too_and_texts_stay_texts() -> None:
    config = load_config("reach", ["seed=010", "n_cycles=1e2"])
    assert (config.seed, config.n_cycles) == (10, 100)
    config = load_config("reach", ["directory='1e-2'"])
    assert yaml.safe_load(config.to_yaml())["directory"] == "1e-2"
    assert str(RunConfig.from_dict(parse_mapping(config.to_yaml(), "x")).directory) == (
        "1e-2"
    )


def test_an_unknown_key_is_named_with_the_nearest_one() -> None:
    with pytest.raises(ConfigError, match=r"'ppo\.cliprange'.*matches: clip_range"):
        load_config("reach", ["ppo.cliprange=0.1"])
    with pytest.raises(ConfigError, match=r"'n_world'.*matches: n_worlds"):
        RunConfig.from_dict({"n_world": 3})


@pytest.mark.parametrize(
    ("network", "message"),
    [
        ({"pretrained": [{"path": "a", "prats": []}]}, r"0\.prats'.*matches: parts"),
        ({"streams": {"vision": {"pth": "a"}}}, r"vision\.pth'.*Allowed: path, layer"),
    ],
)
def test_an_unknown_key_is_named_inside_lists_and_mappings(
    network: dict[str, object], message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        RunConfig.from_dict({"network": network})


def test_options_of_a_plan_are_typed_and_a_wrong_one_names_the_nearest() -> None:
    plan = load_config("reach", ["network.plan={cell: gru}"]).network.plan
    assert plan == PlanOptions(cell="gru")
    with pytest.raises(ConfigError, match=r"'network\.plan\.cel'.*matches: cells?"):
        load_config("reach", ["network.plan.cel=gru"])
    with pytest.raises(ConfigError, match=r"'network\.plan\.cell': .*got 'spiking'"):
        load_config("reach", ["network.plan.cell=spiking"])


def test_units_have_the_names_of_older_configs_too(tmp_path: Path) -> None:
    rule = UnitRule(total=64, exponent=0.5, floor=2)
    older = {"n_units": 64, "exponent": 0.5, "floor": 2, "plan": {}, "visual": {}}
    read = RunConfig.from_dict({"network": older}).network
    assert (read.units, read.plan, read.visual) == (rule, PlanOptions(), None)
    # The command line comes last, whatever the names.
    assert load_config("demo", ["network.n_units=64"]).network.units.total == 64
    path = tmp_path / "older.yaml"
    path.write_text(yaml.safe_dump({"network": older}))
    changed = load_config(str(path), ["network.units.total=128"]).network.units
    assert changed == UnitRule(total=128, exponent=0.5, floor=2)


def test_a_value_out_of_range_is_named_with_what_is_allowed() -> None:
    with pytest.raises(ConfigError, match=r"ppo\.clip_range.*less than 1, got 2"):
        load_config("reach", ["ppo.clip_range=2"])


def test_a_horizon_that_is_no_multiple_of_the_chunk_is_refused() -> None:
    # 100 / 16 = 6.25: the nearest multiple is 6 * 16 = 96.
    with pytest.raises(ConfigError, match=r"multiple of ppo.chunk_length.* is 96"):
        load_config("reach", ["ppo.horizon=100"])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        # 64 worlds x 64 steps = 4096 steps, 256 chunks of 16.
        (["ppo.minibatch_size=8192"], r"more than the 4096 .* The largest is 4096"),
        (["ppo.minibatch_size=1000"], r"multiple of ppo.chunk_length.* is 992"),
        # 60 chunks do not divide 256; 64 are nearest: 1024 steps.
        (["ppo.minibatch_size=960"], r"must divide the 4096 .* nearest is 1024"),
        (
            ["ppo.schedule=exponential", "ppo.final_learning_rate=0"],
            "above zero for the exponential",
        ),
    ],
)
def test_minibatches_and_schedules_that_cannot_be_are_refused(
    changes: list[str], message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        load_config("reach", changes)


def test_an_unknown_preset_is_named_with_the_nearest_one() -> None:
    with pytest.raises(ConfigError, match=r"'reech'.*Close matches: reach"):
        load_config("reech")


def test_a_file_that_is_no_mapping_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "list.yaml"
    path.write_text("- 1\n")
    with pytest.raises(ConfigError, match="must hold a mapping, got list"):
        load_config(str(path))
    path.write_text("a: [")
    with pytest.raises(ConfigError, match="no valid YAML"):
        load_config(str(path))


def test_an_override_reads_key_equals_value() -> None:
    with pytest.raises(ConfigError, match="KEY=VALUE, got 'seed'"):
        load_config("reach", ["seed"])


def test_a_value_that_is_no_yaml_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"no valid YAML\. Close its brackets"):
        load_config("reach", ["network.regions=[Area 4p"])


def test_a_config_file_ends_in_yaml(tmp_path: Path) -> None:
    (tmp_path / "run.txt").write_text("seed: 1")
    with pytest.raises(ConfigError, match=r"ends in \.yaml"):
        load_config(str(tmp_path / "run.txt"))


def test_a_config_cannot_be_changed() -> None:
    with pytest.raises(ValueError, match="frozen"):
        RunConfig().seed = 3  # type: ignore[misc]


def test_yaml_holds_plain_values_only() -> None:
    data = yaml.safe_load(RunConfig().to_yaml())
    assert data["directory"] == "runs/reach"
    assert data["ppo"]["horizon"] == 64


def test_of_older_and_newer_unit_keys_the_last_change_counts() -> None:
    changes = ["network.n_units=64", "network.units.total=128"]
    assert load_config("reach", changes).network.units.total == 128
    assert load_config("reach", changes[::-1]).network.units.total == 64


def test_an_older_and_a_newer_key_in_one_config_are_refused() -> None:
    network = {"n_units": 512, "units": {"total": 64}}
    with pytest.raises(
        ConfigError, match=r"n_units is the older name of .*units\.total"
    ):
        RunConfig.from_dict({"network": network})


def test_no_units_at_all_are_one_error() -> None:
    with pytest.raises(ConfigError, match=r"network\.units"):
        load_config("reach", ["network.n_units=64", "network.units=null"])


RULES = [
    *({"edges": text} for text in ("streamlines=0.5", "density=0.3", "strongest=4")),
    {"edges": "share=0.01"},
    {"min_streamline_count": 20, "volume": "mean", "density_rule": "surface_overlap"},
    {"direction_sample": 3, "layers_left_out": ["I", "VI"]},
]


@pytest.mark.parametrize("rules", RULES, ids=str)
def test_rules_of_the_graph_read_back_from_a_saved_config(
    rules: dict[str, object], tmp_path: Path
) -> None:
    config = load_config({"network": {"rules": rules}})
    assert config.network.rules == GraphRules(**rules)
    (tmp_path / "config.yaml").write_text(config.to_yaml())
    assert load_config(str(tmp_path / "config.yaml")) == config


def test_tables_of_rules_are_in_the_saved_config_whatever_becomes_of_the_files(
    tmp_path: Path,
) -> None:
    directions, densities = tmp_path / "directions.csv", tmp_path / "densities.csv"
    directions.write_text("source,target,direction,note\n3a,4p,feedforward,mine\n")
    densities.write_text(
        "name,cell_density_per_mm3,volume_mm3,thickness_mm,cortical_type,note\n"
        "3a,70000,,,,seen\n4p left,12000,900,2.5,AG,\n"
    )
    rules = {"direction_table": str(directions), "density_table": str(densities)}
    config = load_config({"network": {"rules": rules}})
    text = config.to_yaml()
    directions.unlink()
    densities.unlink()
    read = RunConfig.from_dict(parse_mapping(text, "saved")).network.rules
    assert read == config.network.rules
    assert read.direction_table[0].note == "mine"
    m1 = read.density_table[1]
    assert (m1.name, m1.volume_mm3, m1.tissue.thickness_mm) == ("4p left", 900.0, 2.5)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("edges=foo", r"^network\.rules: An edge rule is streamlines=N.*got 'foo'"),
        ("edges=-1", r"^network\.rules: min_streamline_count is above 0, got -1"),
        ("edgs=50", r"'network\.rules\.edgs'\. Close matches: edges"),
        ("volume=othr", r"'network\.rules\.volume': .*got 'othr'.*matches: other"),
        ("density_table=/no.csv", r"^network\.rules: The density table '/no\.csv'"),
        (
            "direction_table=[{source: 3a}]",
            r"'network\.rules\.direction_table\.0\.target'",
        ),
    ],
)
def test_a_wrong_rule_says_where_it_stands(change: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        load_config("reach", [f"network.rules.{change}"])


def test_a_rule_that_no_file_can_hold_is_refused_before_a_run_begins() -> None:
    apart = StrongestNeighbours(k=4, keep_connected=False)
    with pytest.raises(ConfigError, match=r"^network\.rules: .*cannot be written"):
        load_config({"network": {"rules": GraphRules(edges=apart)}})


def test_a_section_that_is_not_there_can_be_changed() -> None:
    config = load_config({"distillation": None}, ["distillation.teacher=runs/a"])
    assert config.distillation is not None
    assert config.distillation.teacher == Path("runs/a")
