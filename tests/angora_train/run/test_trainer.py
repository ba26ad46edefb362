# SPDX-License-Identifier: Apache-2.0
import json
import shutil
import signal
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from angora_train.agent.agent import Agent
from angora_train.config.run import NetworkConfig, PolicyConfig, RunConfig
from angora_train.errors import CheckpointError, ConfigError, InterruptedRunError
from angora_train.networks.make import make_network
from angora_train.ranks.comm import LocalComm
from angora_train.run import checkpoint
from angora_train.run.metrics import read_metrics
from angora_train.run.schedule import next_learning_rate
from angora_train.run.trainer import train

pytestmark = pytest.mark.slow  # compiles with TensorFlow, steps MuJoCo

REGIONS = [
    "Area 4p (PreCG)",
    "Area 3a (PostCG)",
    "Area 2 (PostCS)",
    "Area hIP2 (IPS)",
]


def small(directory: Path, **changes: Any) -> RunConfig:
    data: dict[str, Any] = {
        "network": {"regions": REGIONS, "n_units": 64, "floor": 8},
        "ppo": {"horizon": 8, "chunk_length": 4, "minibatch_size": 16},
        "normalization": {"warm_up_steps": 2},
        "n_worlds": 4,
        "n_cycles": 2,
        "save_every": 1,
        "directory": str(directory),
    }
    return RunConfig.from_dict({**data, **changes})


def test_a_run_leaves_metrics_config_graph_and_checkpoints(tmp_path: Path) -> None:
    config = small(tmp_path)
    shown: list[Any] = []
    train(config, LocalComm(), shown.append)
    rows = read_metrics(tmp_path / "metrics.jsonl")
    assert [row["cycle"] for row in rows] == [1, 2]
    assert [row["samples"] for row in rows] == [32, 64]  # 8 steps x 4 worlds a cycle
    assert [row["cycle"] for row in shown] == [1, 2]
    assert checkpoint.read_config(tmp_path) == config
    for name in ("graph.json", "network.json", "config.yaml"):
        assert (tmp_path / name).is_file()
    assert checkpoint.load(tmp_path, "last").progress["cycle"] == 2


def test_a_resumed_run_goes_on_where_it_stopped(tmp_path: Path) -> None:
    config = small(tmp_path, n_cycles=4)
    train(config.model_copy(update={"n_cycles": 2}), LocalComm())
    before = checkpoint.load(tmp_path, "last")
    train(config, LocalComm(), resume=True)
    rows = read_metrics(tmp_path / "metrics.jsonl")
    assert [row["cycle"] for row in rows] == [1, 2, 3, 4]
    assert rows[2]["samples"] == 3 * 32
    after = checkpoint.load(tmp_path, "last")
    # 2 updates an epoch, 4 epochs a cycle: Adam counts on from 16 to 32.
    assert int(before.optimizer["0000"]) == 16
    assert int(after.optimizer["0000"]) == 32
    # 2 warm-up steps of 4 worlds, then 32 samples a cycle.
    assert before.sensed["touch"][0] == 8 + 2 * 32
    assert after.sensed["touch"][0] == 8 + 4 * 32


def test_samples_are_counted_on_where_the_number_of_worlds_changes(
    tmp_path: Path,
) -> None:
    config = small(tmp_path, n_cycles=3)
    train(config.model_copy(update={"n_cycles": 2}), LocalComm())
    train(config.model_copy(update={"n_worlds": 8}), LocalComm(), resume=True)
    rows = read_metrics(tmp_path / "metrics.jsonl")
    # 8 steps of 4 worlds, twice, then of 8 worlds.
    assert [row["samples"] for row in rows] == [32, 64, 128]
    assert checkpoint.load(tmp_path, "last").progress["samples"] == 128


def test_a_run_has_a_best_checkpoint_before_any_episode_ends(tmp_path: Path) -> None:
    train(small(tmp_path), LocalComm())  # 16 steps of episodes of 100
    assert checkpoint.load(tmp_path, "best").progress["cycle"] == 2
    assert checkpoint.load(tmp_path, "last").progress["cycle"] == 2


def test_training_twice_gives_the_same_weights(tmp_path: Path) -> None:
    first = train(small(tmp_path / "a"), LocalComm())
    second = train(small(tmp_path / "b"), LocalComm())
    for a, b in zip(first.model.weights, second.model.weights, strict=True):
        assert (a.numpy() == b.numpy()).all()


def test_a_noisy_and_costly_network_goes_on_exactly_where_it_stopped(
    tmp_path: Path,
) -> None:
    plan = {"noise_std": 0.2, "activity_cost": 0.1, "wiring_cost": 0.01, "cell": "gru"}
    network = {"regions": REGIONS, "n_units": 64, "floor": 8, "plan": plan}
    whole = small(tmp_path / "whole", network=network)
    parts = small(tmp_path / "parts", network=network)
    train(whole, LocalComm())
    train(parts.model_copy(update={"n_cycles": 1}), LocalComm())
    train(parts, LocalComm(), resume=True)
    agents = [checkpoint.load_agent(tmp_path / name) for name in ("whole", "parts")]
    assert agents[0].n_noise == 3
    weights = [agent.model.weights for agent in agents]
    for a, b in zip(*weights, strict=True):
        assert (a.numpy() == b.numpy()).all()
    rows = read_metrics(tmp_path / "whole" / "metrics.jsonl")
    assert rows[-1]["train/activity_cost"] > 0.0
    assert rows[-1]["train/weight_cost"] > 0.0


def test_a_run_is_not_overwritten(tmp_path: Path) -> None:
    train(small(tmp_path, n_cycles=1), LocalComm())
    with pytest.raises(
        CheckpointError, match=r"holds a run already.*angora-train resume"
    ):
        train(small(tmp_path, n_cycles=1), LocalComm())


@pytest.mark.parametrize("name", ["optimizer.npz", "moments.npz"])
def test_a_checkpoint_of_another_network_is_refused(name: str, tmp_path: Path) -> None:
    # Same areas and sensations, other widths: as many arrays, of other shapes.
    other = {"regions": REGIONS, "n_units": 72, "floor": 8}
    train(small(tmp_path / "a", n_cycles=1), LocalComm())
    train(small(tmp_path / "b", n_cycles=1, network=other), LocalComm())
    mine, theirs = (checkpoint._folder(tmp_path / run, "last") for run in "ab")
    if name == "optimizer.npz":
        shutil.copy(theirs / name, mine / name)
    else:
        with np.load(mine / name) as stored:
            shorter = {key: stored[key][:-2] for key in stored.files}
        np.savez(mine / name, **shorter)
    with pytest.raises(CheckpointError, match="belongs to another network"):
        train(small(tmp_path / "a"), LocalComm(), resume=True)


def test_a_checkpoint_without_an_optimizer_plays_but_is_not_resumed(
    tmp_path: Path,
) -> None:
    agent = train(small(tmp_path / "a", n_cycles=1), LocalComm())
    (checkpoint._folder(tmp_path / "a", "last") / "optimizer.npz").unlink()
    again = checkpoint.load_agent(tmp_path / "a", "last")
    for a, b in zip(agent.model.weights, again.model.weights, strict=True):
        assert (a.numpy() == b.numpy()).all()
    with pytest.raises(CheckpointError, match=r"no optimizer\.npz.*start=FOLDER"):
        train(small(tmp_path / "a"), LocalComm(), resume=True)
    begun = small(tmp_path / "b", n_cycles=1, start=tmp_path / "a")
    train(begun, LocalComm())


def test_a_run_that_is_done_says_how_to_train_longer(tmp_path: Path) -> None:
    train(small(tmp_path, n_cycles=1), LocalComm())
    with pytest.raises(ConfigError, match=r"all its 1 cycles.*--set n_cycles=2"):
        train(small(tmp_path, n_cycles=1), LocalComm(), resume=True)


def test_a_folder_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match="Cannot write to"):
        train(small(tmp_path / "file" / "run"), LocalComm())


def test_worlds_that_cannot_be_shared_are_refused(tmp_path: Path) -> None:
    class Five(LocalComm):
        size = 5

    with pytest.raises(ConfigError, match=r"n_worlds is 4, fewer than the 5 ranks"):
        train(small(tmp_path), Five())


def test_a_model_that_does_not_fit_the_task_is_refused(tmp_path: Path) -> None:
    train(small(tmp_path / "a", n_cycles=1), LocalComm())
    path = checkpoint._folder(tmp_path / "a", "last") / "model.keras"
    with pytest.raises(
        ConfigError, match=r"policy head is 220 wide; it must be 100 wide"
    ):
        train(
            small(tmp_path / "b", network={"path": str(path)}, policy={"n_bins": 5}),
            LocalComm(),
        )


def test_a_sensation_that_the_task_lacks_is_named_with_its_areas(
    tmp_path: Path,
) -> None:
    numb = {"name": "Reach", "options": {"touch": False}}
    network = {"preset": "fpn", "n_units": 448, "floor": 4}
    expected = r"'touch' enters .*3b left.*does not offer.*network.without=\[touch\]"
    with pytest.raises(ConfigError, match=expected):
        train(small(tmp_path, task=numb, network=network), LocalComm())
    left_out = {**network, "without": ["touch"]}
    agent = train(small(tmp_path, task=numb, network=left_out), LocalComm())
    assert "touch" not in agent.sensations


@pytest.mark.parametrize(
    ("hemisphere", "sides"),
    [
        pytest.param("right", {"right"}, marks=pytest.mark.long),
        ("both", {"left", "right"}),
    ],
)
def test_the_right_hemisphere_and_both_learn_to_reach(
    hemisphere: str, sides: set[str], tmp_path: Path
) -> None:
    network = {
        "preset": "fpn",
        "hemisphere": hemisphere,
        "units": {"total": 4 * 28 * len(sides), "floor": 2},
    }
    train(small(tmp_path, network=network, n_kept=2), LocalComm())
    first, last = sorted((tmp_path / "checkpoints").glob("cycle-*"))
    before, after = (checkpoint.load(folder).model for folder in (first, last))
    # Every area learns, of the side that does not move the hand, too.
    for old, new in zip(before.weights, after.weights, strict=True):
        assert not np.array_equal(old, new), old.path
    rows = read_metrics(tmp_path / "metrics.jsonl")
    assert [row["cycle"] for row in rows] == [1, 2]
    assert all(np.isfinite(row["train/policy_loss"]) for row in rows)
    spec = json.loads((tmp_path / "network.json").read_text())
    units = {area["name"]: area["n_units"] for area in spec["areas"]}
    assert {name.rsplit(" ", 1)[1] for name in units} == sides
    # 28 areas a side, four units each on average.
    assert (len(units), sum(units.values())) == (28 * len(sides), 112 * len(sides))
    # The hand is a right one: the left hemisphere moves it where there is one.
    side = "left" if "left" in sides else "right"
    assert spec["action_areas"] == [f"4a {side}", f"4p {side}"]
    assert checkpoint.read_config(tmp_path).network.hemisphere == hemisphere


def test_an_unknown_region_is_named_before_any_simulation(tmp_path: Path) -> None:
    wrong = {"regions": ["Area 4q (PreCG)"], "n_units": 64}
    with pytest.raises(ConfigError, match="Area 4p"):
        train(small(tmp_path, network=wrong), LocalComm())
    assert not (tmp_path / "metrics.jsonl").exists()


def rates(directory: Path, kls: list[float], **ppo: Any) -> list[float]:
    config = small(
        directory,
        n_cycles=len(kls) + 1,
        ppo={"horizon": 8, "chunk_length": 4, "minibatch_size": 16, **ppo},
    )
    found = [next_learning_rate(config, 0, 0.0, 0.0)]
    for cycle, kl in enumerate(kls, start=1):
        found.append(next_learning_rate(config, cycle, found[-1], kl))
    return found


def test_learning_rates_by_hand(tmp_path: Path) -> None:
    ends = {"learning_rate": 1.0, "final_learning_rate": 0.0}
    kls = [0.0] * 4
    linear = rates(tmp_path, kls, **ends)
    assert linear == [1.0, 0.75, 0.5, 0.25, 0.0]
    ends["final_learning_rate"] = 1.0 / 16
    exponential = rates(tmp_path, kls, schedule="exponential", **ends)
    assert exponential == pytest.approx([1, 1 / 2, 1 / 4, 1 / 8, 1 / 16])
    assert rates(tmp_path, kls, schedule="constant", **ends) == [1.0] * 5


def test_the_adaptive_schedule_follows_the_divergence(tmp_path: Path) -> None:
    # Above twice the target of 0.01 it slows down by 1.5, below half of it it speeds
    # up by as much, between them nothing changes; it stays above the last step size.
    kls = [0.021, 0.004, 0.009, 0.5, 0.5]
    found = rates(
        tmp_path,
        kls,
        schedule="adaptive",
        target_kl=0.01,
        learning_rate=3e-3,
        final_learning_rate=1.5e-3,
    )
    assert found == pytest.approx([3e-3, 2e-3, 3e-3, 3e-3, 2e-3, 1.5e-3])


class _Stop(Exception):  # noqa: N818 (no error)
    pass


def _stop_after(config: RunConfig, cycle: int) -> None:
    """Start a run, or go on with it, until it breaks off after a cycle."""

    def stop(metrics: Any) -> None:
        if metrics["cycle"] == cycle:
            raise _Stop

    has_begun = (Path(config.directory) / "metrics.jsonl").exists()
    with pytest.raises(_Stop):
        train(config, LocalComm(), stop, resume=has_begun)


def _require_unbroken(
    task: str, changes: dict[str, Any], tmp_path: Path, n_cycles: int, every: int
) -> None:
    """Require that a run which breaks off every few cycles is the unbroken one."""
    chosen = {"name": task, "options": {"episode_s": 0.4, **changes}}
    if task == "Reach":  # episodes end inside all parts
        chosen["options"]["episode_s"] = 0.22
    network = {"architecture": "simple", "cell": "gru"}
    common = {"task": chosen, "network": network, "n_cycles": n_cycles}
    whole = train(small(tmp_path / "whole", **common), LocalComm())
    config = small(tmp_path / "parts", **common)
    for cycle in range(every, n_cycles, every):
        _stop_after(config, cycle)
    parts = train(config, LocalComm(), resume=True)
    for a, b in zip(whole.model.weights, parts.model.weights, strict=True):
        assert (a.numpy() == b.numpy()).all(), a.path
    rows = [
        read_metrics(tmp_path / run / "metrics.jsonl") for run in ("whole", "parts")
    ]
    for row, other in zip(*rows, strict=True):
        for name, value in row.items():
            if not name.startswith("time/"):
                assert other[name] == value, name


TASKS = pytest.mark.parametrize(
    ("task", "changes"),
    [
        ("Reach", {"sensing": {"touch": {"noise_std": 0.1, "delay_steps": 2}}}),
        ("ReorientCubeZ", {"physics": {"mass": [0.5, 1.5]}}),
    ],
)


@TASKS
def test_two_times_two_cycles_give_the_weights_of_four(
    task: str, changes: dict[str, Any], tmp_path: Path
) -> None:
    _require_unbroken(task, changes, tmp_path, n_cycles=4, every=2)


@pytest.mark.long
@TASKS
def test_a_run_that_breaks_off_after_every_cycle_is_the_unbroken_one(
    task: str, changes: dict[str, Any], tmp_path: Path
) -> None:
    _require_unbroken(task, changes, tmp_path, n_cycles=8, every=1)


def test_a_signal_ends_a_run_after_the_cycle_with_a_checkpoint(tmp_path: Path) -> None:
    def interrupt(metrics: Any) -> None:
        if metrics["cycle"] == 2:
            signal.raise_signal(signal.SIGTERM)

    config = small(tmp_path, n_cycles=9, save_every=9)
    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(
        InterruptedRunError, match=r"after cycle 3 of 9.*angora-train resume"
    ) as caught:
        train(config, LocalComm(), interrupt)
    assert caught.value.signal == signal.SIGTERM
    assert checkpoint.load(tmp_path, "last").progress["cycle"] == 3
    assert signal.getsignal(signal.SIGTERM) == before


def test_the_last_checkpoints_are_kept(tmp_path: Path) -> None:
    train(small(tmp_path, n_cycles=4, n_kept=2), LocalComm())
    kept = {path.name for path in (tmp_path / "checkpoints").glob("cycle-*")}
    best = (tmp_path / "checkpoints" / "best").read_text()
    assert kept - {best} == {"cycle-000003", "cycle-000004"} - {best}


def test_metrics_can_be_read_by_tensorboard(tmp_path: Path) -> None:
    train(small(tmp_path), LocalComm())
    (events,) = (tmp_path / "tensorboard").glob("events.*")
    content = events.read_bytes()
    for name in (b"train/approx_kl", b"time/steps_per_s"):
        assert content.count(name) == 2  # two cycles


@pytest.mark.parametrize("family", ["gaussian", "beta"])
def test_continuous_policies_train(family: str, tmp_path: Path) -> None:
    config = small(
        tmp_path,
        network={"architecture": "simple", "cell": "lstm", "shared": True},
        policy={"distribution": family},
        normalization={"warm_up_steps": 2, "value": True},
    )
    agent = train(config, LocalComm())
    again = checkpoint.load_agent(tmp_path, "last")
    assert again.distribution.n_parameters == agent.distribution.n_parameters == 40
    names = {layer.name for layer in agent.model.layers}
    assert ("spread" in names) == (family == "gaussian")


def test_frozen_layers_keep_their_weights(tmp_path: Path) -> None:
    network = {"architecture": "simple", "frozen": ["policy_lstm", "value_*"]}
    start = train(small(tmp_path / "a", network=network, n_cycles=1), LocalComm())
    more = small(tmp_path / "a", network=network, n_cycles=2)
    before = {layer.name: layer.get_weights() for layer in start.model.layers}
    after = train(more, LocalComm(), resume=True)
    for layer in after.model.layers:
        is_equal = [
            (a == b).all()
            for a, b in zip(before[layer.name], layer.get_weights(), strict=True)
        ]
        if layer.name in {"policy_lstm", "value_1", "value_lstm"}:
            assert all(is_equal)
        elif layer.name in {"policy", "policy_1"}:
            assert not any(is_equal)


@pytest.mark.slow
def test_frozen_areas_keep_their_weights_also_when_resumed(tmp_path: Path) -> None:
    network = {
        "regions": ["Area 4p (PreCG)", "Area 3a (PostCG)", "Area hIP2 (IPS)"],
        "n_units": 48,
        "floor": 8,
        "frozen": ["Area 3a (PostCG) left", "value_*"],
    }
    start = train(small(tmp_path / "a", network=network, n_cycles=1), LocalComm())
    more = small(tmp_path / "a", network=network, n_cycles=2)

    def weights(agent: Agent) -> dict[str, np.ndarray]:
        paths = [v.path.split("/")[-2:] for v in agent.model.variables]
        values = [np.asarray(v).copy() for v in agent.model.variables]
        return {"/".join(p): v for p, v in zip(paths, values, strict=True)}

    before = weights(start)
    after = weights(train(more, LocalComm(), resume=True))
    assert set(after) == set(before)
    for name, value in after.items():
        is_frozen = "area_3a" in name or "value_" in name
        assert (value == before[name]).all() == is_frozen, name


def test_weights_are_taken_over_by_name(tmp_path: Path) -> None:
    given = {"architecture": "simple", "cell": "gru"}
    first = train(small(tmp_path / "a", network=given, n_cycles=1), LocalComm())
    path = checkpoint._folder(tmp_path / "a", "last") / "model.keras"
    model = make_network(
        NetworkConfig.model_validate({**given, "pretrained": path}),
        PolicyConfig(),
        {t.name: t.shape[2:] for t in first.model.inputs},
        first.distribution,
        control_step_s=0.02,
        seed=99,
        directory=tmp_path,
    )
    (note,) = json.loads((tmp_path / "pretrained.json").read_text())
    assert note["path"] == str(path)
    assert {"policy", "value", "policy_gru"} <= set(note["taken"])
    for a, b in zip(first.model.weights, model.weights, strict=True):
        assert (a.numpy() == b.numpy()).all()
    other = NetworkConfig(architecture="wide", cell="gru", pretrained=path)
    with pytest.raises(
        ConfigError, match=r"Nothing can be taken over: no part has the same name"
    ):
        make_network(
            other,
            PolicyConfig(),
            {"touch": (3,)},
            first.distribution,
            control_step_s=0.02,
            seed=0,
        )


def test_bad_networks_are_named(tmp_path: Path) -> None:
    wrong = {"architecture": "simple", "frozen": ["polisy"]}
    with pytest.raises(ConfigError, match=r"frozen: .*'polisy'.*matches: policy"):
        train(small(tmp_path, network=wrong), LocalComm())
    everything = {"architecture": "simple", "frozen": ["*"]}
    with pytest.raises(ConfigError, match="leaves nothing"):
        train(small(tmp_path, network=everything), LocalComm())


def test_a_policy_that_cannot_choose_is_refused(tmp_path: Path) -> None:
    task = {"name": "gym:CartPole-v1"}
    with pytest.raises(ConfigError, match=r"must be multi_categorical or.*n_bins=2"):
        train(small(tmp_path, task=task, policy={"distribution": "beta"}), LocalComm())
