# SPDX-License-Identifier: Apache-2.0
import json

import numpy as np
import pytest

from angora_train.config.experiment import (
    ExperimentConfig,
    load_experiment,
    parse_seeds,
)
from angora_train.errors import CheckpointError, ConfigError
from angora_train.experiment.plan import planned_runs, run_numbers, save_experiment
from angora_train.experiment.report import plot_curves, write_report
from angora_train.experiment.results import read_results
from angora_train.experiment.state import locked, n_cycles_done, state_of


def make(directory, **changes):
    data = {
        "base": "reach",
        "change": ["n_cycles=10"],
        "vary": {
            "network": {"fpn": None, "wide": {"network": {"architecture": "wide"}}},
            "rate": {"slow": {"ppo.learning_rate": 1e-4}, "fast": {}},
        },
        "seeds": "0-1",
        "directory": str(directory),
        **changes,
    }
    return ExperimentConfig.from_dict(data)


def write_metrics(run, values):
    run.folder.mkdir(parents=True, exist_ok=True)
    rows = [
        {"cycle": i, "samples": 100 * i, "rollout/return": v, "time/learning_s": 36.0}
        for i, v in enumerate(values, start=1)
    ]
    text = "".join(json.dumps(row) + "\n" for row in rows)
    (run.folder / "metrics.jsonl").write_text(text + '{"cyc')  # cut short


def test_seeds_are_read():
    assert parse_seeds("0-9") == list(range(10))
    assert parse_seeds("3, 1,1") == [1, 3]
    for wrong in ("a", "1-", "", "-1"):
        with pytest.raises(ConfigError, match="Seeds read 0-9"):
            parse_seeds(wrong)
    with pytest.raises(ConfigError, match="ascends, got '5-2'"):
        parse_seeds("5-2")


def test_one_change_needs_no_list(tmp_path):
    made = make(tmp_path, change="n_cycles=10")
    assert made.change == ("n_cycles=10",)
    assert {run.config.n_cycles for run in planned_runs(made)} == {10}


def test_every_combination_is_run_first_seed_first(tmp_path):
    runs = planned_runs(make(tmp_path))
    assert [run.name for run in runs] == [
        f"{cell} seed {seed}"
        for seed in (0, 1)
        for cell in ("fpn+slow", "fpn+fast", "wide+slow", "wide+fast")
    ]
    slow_wide = runs[2].config
    assert slow_wide.network.architecture == "wide"
    assert slow_wide.ppo.learning_rate == 1e-4
    assert slow_wide.n_cycles == 10
    assert slow_wide.directory == tmp_path / "wide+slow" / "seed-0"
    assert runs[5].config.seed == 1
    assert runs[5].config.ppo.learning_rate == runs[1].config.ppo.learning_rate != 1e-4


def test_nothing_varied_is_one_run_a_seed(tmp_path):
    runs = planned_runs(make(tmp_path, vary={}, seeds=[3]))
    assert [run.folder for run in runs] == [tmp_path / "seed-3"]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"compare": "netwrk"}, "Close matches: network"),
        ({"vary": {"a": {}}}, "has no level"),
        ({"vary": {"a": {"x/y": {}}}}, "part of a folder's name"),
        ({"seeds": [1, 1]}, "each is given once"),
        ({"thresh": 1.0}, "Close matches: threshold"),
        ({"seeds": True}, "Seeds read 0-9"),
        ({"vary": {"a": {True: {}, "x": {}}}}, "a level is a name, got True"),
        ({"vary": {"a": {"x": {"seed": 3}}}}, "changes 'seed'"),
        ({"change": ["directory=/x"]}, "changes 'directory'"),
        ({"vary": {"state": {"x": {}}}}, "a column of the results"),
        (
            {
                "vary": {
                    "a": {"x": {"ppo": {"clip_range": 0.1}}},
                    "b": {"y": {"ppo.clip_range": 0.2}},
                }
            },
            "both change 'ppo.clip_range'",
        ),
        ({"vary": {"a": {"x": {"ppo.clip_rnge": 0.1}}}}, "x: .*clip_rnge.*clip_range"),
        ({"vary": {"a": {"x": {"n_cycles.b": 1}}}}, "is a value, not a section"),
    ],
)
def test_what_cannot_be_is_one_error(tmp_path, changes, words):
    with pytest.raises(ConfigError, match=words):
        planned_runs(make(tmp_path, **changes))


def test_an_experiment_is_read_again_and_seeds_may_come_one_by_one(tmp_path):
    first = make(tmp_path, seeds=[0])
    save_experiment(first)
    save_experiment(make(tmp_path, seeds=[4]))
    stored = load_experiment(tmp_path)
    assert stored.seeds == (0, 4)
    again = planned_runs(stored)
    assert {run.folder for run in planned_runs(first)} <= {run.folder for run in again}
    same = [run for run in again if run.seed == 0]
    assert [r.config for r in same] == [r.config for r in planned_runs(first)]


def test_a_seed_that_came_later_has_its_number_among_all(tmp_path):
    save_experiment(make(tmp_path, seeds=[3]))
    later = make(tmp_path, seeds=[5])
    save_experiment(later)
    numbers = run_numbers(tmp_path)
    # Four combinations with seed 3 come first.
    assert [numbers[run.folder] for run in planned_runs(later)] == [4, 5, 6, 7]
    stored = planned_runs(load_experiment(tmp_path))
    assert all(stored[n].folder == folder for folder, n in numbers.items())


def test_runs_of_levels_that_an_experiment_lacks_are_not_left_behind(tmp_path):
    """Else the file that tells what they are would be overwritten."""
    first = make(tmp_path, vary={"network": {"fpn": {}, "wide": {}}})
    save_experiment(first)
    last = planned_runs(first)[-1]
    last.folder.mkdir(parents=True)
    (last.folder / "config.yaml").write_text(last.config.to_yaml())
    written = (tmp_path / "experiment.yaml").read_text()
    for vary in ({"network": {"fpn": {}}}, {"rate": {"fast": {}}}, {}):
        with pytest.raises(ConfigError, match="'wide seed 1' is none of this one's"):
            save_experiment(make(tmp_path, vary=vary))
    assert (tmp_path / "experiment.yaml").read_text() == written
    more = {"network": {"fpn": {}, "wide": {}, "deep": {}}}  # levels may be added
    save_experiment(make(tmp_path, vary=more, seeds=[7]))


def test_another_experiment_is_not_mixed_in(tmp_path):
    first = make(tmp_path)
    save_experiment(first)
    run = planned_runs(first)[0]
    run.folder.mkdir(parents=True)
    (run.folder / "config.yaml").write_text(run.config.to_yaml())
    save_experiment(make(tmp_path, change=["n_cycles=20"]))  # longer is the same
    with pytest.raises(ConfigError, match="holds another experiment"):
        save_experiment(make(tmp_path, change=["ppo.clip_range=0.3"]))


def test_a_run_is_made_by_one_process(tmp_path):
    run = planned_runs(make(tmp_path))[0]
    assert state_of(run) == "waiting"
    with locked(run):
        assert state_of(run) == "running"
        with pytest.raises(CheckpointError, match="another"), locked(run):
            pass
    assert state_of(run) == "waiting"
    (run.folder / "failure.txt").write_text("it failed")
    assert state_of(run) == "failed"
    with locked(run):
        pass
    assert state_of(run) == "waiting"


def test_results_by_hand(tmp_path):
    experiment = make(tmp_path, seeds="0-2", threshold=8.0)
    runs = planned_runs(experiment)
    for run in runs:
        if run.levels["rate"] == "slow":
            end = {"fpn": 10.0, "wide": 4.0}[run.levels["network"]] + run.seed
            write_metrics(run, [None, *np.linspace(1.0, end, 9)])
    assert n_cycles_done(runs[0]) == 10
    results = read_results(experiment, runs)
    table = results.table().set_index("folder")
    assert table.loc["fpn+slow/seed-2", "result"] == 12.0  # the last of ten cycles
    assert table.loc["fpn+slow/seed-2", "hours"] == pytest.approx(0.1)
    assert np.isnan(table.loc["fpn+fast/seed-2", "result"])
    summary = results.summary().set_index(["level", "within"])
    fpn, wide = summary.loc[("fpn", "slow")], summary.loc[("wide", "slow")]
    assert (fpn.n_runs, fpn.iqm, wide.iqm) == (3, 11.0, 5.0)
    assert (fpn.share_reached, wide.share_reached) == (1.0, 0.0)
    assert wide.p_better_than_fpn == 0.0
    assert (fpn.iqm_low, fpn.iqm_high) == (10.0, 12.0)
    # Returns of seed 0 are 1, 2.125, ..., 10: the mean of the last three, 8.875, is
    # the first of at least 8; 7.75 came before.
    assert table.loc["fpn+slow/seed-0", "samples_to_threshold"] == 1000.0
    curves = results.curve_table()
    first = curves[(curves.level == "fpn") & (curves.within == "slow")].iloc[1]
    assert (first.samples, first.iqm) == (200.0, 1.0)
    panels = plot_curves(results)
    assert [ax.get_title(loc="left") for ax in panels] == ["slow", "fast"]
    written = write_report(results)
    assert all(path.is_file() for path in written)


def test_a_metric_that_no_run_has_is_refused(tmp_path):
    experiment = make(tmp_path, metric="rollout/retrn")
    runs = planned_runs(experiment)
    write_metrics(runs[0], [1.0])
    with pytest.raises(CheckpointError, match="Close matches: rollout/return"):
        read_results(experiment, runs)


def test_a_key_given_twice_is_refused(tmp_path):
    path = tmp_path / "e.yaml"
    path.write_text("vary:\n  a:\n    true: {}\n    yes: {}\n")
    with pytest.raises(ConfigError, match=r"twice"):
        load_experiment(path)
    path.write_text("seeds: 0\nmetric: x\nseeds: 1\n")
    with pytest.raises(ConfigError, match=r"'seeds' \(line 3\) twice"):
        load_experiment(path)


def test_a_run_that_went_further_is_judged_by_its_own_end(tmp_path):
    experiment = make(tmp_path, vary={}, seeds=[0], change=["n_cycles=5"])
    runs = planned_runs(experiment)
    write_metrics(runs[0], [0.0] * 36 + [5.0] * 4)
    assert read_results(experiment, runs).table().result[0] == 5.0
