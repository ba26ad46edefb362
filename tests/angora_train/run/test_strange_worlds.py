# SPDX-License-Identifier: Apache-2.0
"""Environments of strangers: names that collide, and numbers that are none."""

from pathlib import Path
from typing import Any, ClassVar

import gymnasium
import numpy as np
import pytest
from gymnasium import spaces

from angora_train.agent.inputs import input_name, sensation_of
from angora_train.agent.normalization import (
    RewardNormalizer,
    SensationNormalizer,
    ValueNormalizer,
)
from angora_train.config.run import RunConfig
from angora_train.errors import CheckpointError, ConfigError, TaskError
from angora_train.learning.rollout import Collector
from angora_train.ranks.comm import LocalComm
from angora_train.run import checkpoint
from angora_train.run.checkpoint import load_agent
from angora_train.run.metrics import read_metrics
from angora_train.run.preparation import prepare
from angora_train.run.trainer import train
from angora_train.tasks import make_vector_task

# What the trainer, the network, NumPy's files or Keras call something of their own,
# and names that Keras does not allow.
NAMES = [
    *("log_prob", "advantage", "value_target", "sample", "value", "policy", "mask"),
    *("is_first", "noise", "uniforms", "spread", "state_0", "state_policy_lstm_0"),
    *("policy_lstm", "policy_1", "sensation.value", "file", "reward", "a/b", "a.b"),
    *("%2F", "a.npy", "a", "a b", "ä"),
]


class Strange(gymnasium.Env[dict[str, Any], Any]):
    """Random sensations; at one step something is not finite."""

    broken: ClassVar[dict[str, float]] = {}
    at_step = 5

    def __init__(self, names: tuple[str, ...] = ("touch",)) -> None:
        self.names = names
        self.observation_space = spaces.Dict(
            {name: spaces.Box(-9, 9, (2,)) for name in names}
        )
        self.action_space = spaces.Box(-1, 1, (1,))

    def _observe(self) -> dict[str, Any]:
        seen = {n: self.np_random.normal(size=2).astype("f4") for n in self.names}
        if self.n_steps == self.at_step:
            for name, value in self.broken.items():
                if name in seen:
                    seen[name][1] = value
        return seen

    def reset(self, *, seed: Any = None, options: Any = None) -> Any:
        super().reset(seed=seed)
        self.n_steps = 0
        return self._observe(), {}

    def step(self, action: Any) -> Any:
        self.n_steps += 1
        reward = self.broken.get("reward", 1.0) if self.n_steps == self.at_step else 1.0
        return self._observe(), reward, False, self.n_steps == 20, {}


if "Strange-v0" not in gymnasium.registry:
    gymnasium.register("Strange-v0", entry_point=Strange)


def config(directory: Path, names: tuple[str, ...] = ("touch",), **more: Any) -> Any:
    return RunConfig.from_dict(
        {
            "task": {"name": "gym:Strange-v0", "options": {"make": {"names": names}}},
            "network": {"architecture": "simple"},
            "policy": {"distribution": "gaussian"},
            "ppo": {
                "horizon": 8,
                "chunk_length": 4,
                "minibatch_size": 16,
                "n_epochs": 1,
            },
            "normalization": {"warm_up_steps": 2},
            "n_worlds": 2,
            "n_cycles": 1,
            "save_every": 1,
            "directory": str(directory),
            **more,
        }
    )


@pytest.mark.slow
def test_a_sensation_may_have_any_name(tmp_path: Path) -> None:
    # Before the first update the policy is the one that gathered: with the sensations
    # that it gathered with, the ratio is 1 and nothing diverges.
    rows: list[Any] = []
    wanted = config(tmp_path, tuple(NAMES), n_cycles=2)
    train(wanted.model_copy(update={"n_cycles": 1}), LocalComm(), rows.append)
    assert rows[0]["train/ratio"] == pytest.approx(1.0, abs=1e-6)
    assert rows[0]["train/approx_kl"] == pytest.approx(0.0, abs=1e-6)
    stored = checkpoint.load(tmp_path)
    assert set(stored.sensed) == set(NAMES)
    assert set(stored.moments) - set(map("sensation/{}".format, NAMES)) == {
        "reward",
        "target",
    }
    train(wanted, LocalComm(), rows.append, resume=True)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["log_prob", "policy", "noise", "is_first"])
def test_a_sensation_that_collides_is_learned_from_by_itself(
    name: str, tmp_path: Path
) -> None:
    rows: list[Any] = []
    train(config(tmp_path, (name,)), LocalComm(), rows.append)
    assert rows[0]["train/ratio"] == pytest.approx(1.0, abs=1e-6)


def test_names_of_inputs_lead_back_to_the_sensation() -> None:
    assert len({input_name(name) for name in NAMES}) == len(NAMES)
    assert [sensation_of(input_name(name)) for name in NAMES] == NAMES
    assert input_name("proprioception") == "proprioception"


def test_a_sensation_without_a_name_is_refused() -> None:
    with pytest.raises(TaskError, match="called ''"):
        make_vector_task("gym:Strange-v0", {"make": {"names": ("",)}})


@pytest.mark.slow
@pytest.mark.parametrize(
    ("broken", "at_step", "message"),
    [
        (
            {"touch": np.inf},
            5,
            r"step 5 of its episode: the sensation 'touch' is inf",
        ),
        ({"touch": np.nan}, 0, r"step 0 of its .* 'touch' is nan in channel 1"),
        ({"touch": -np.inf}, 20, r"step 20 of its .* 'touch' is -inf in channel 1"),
        ({"reward": np.nan}, 5, r"World 0, step 5 of its .*: the reward is nan"),
    ],
)
def test_what_is_not_finite_is_refused_at_its_step(
    broken: dict[str, float],
    at_step: int,
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    whole = config(tmp_path, n_cycles=6)
    train(whole.model_copy(update={"n_cycles": 1}), LocalComm())
    monkeypatch.setattr(Strange, "broken", broken)
    monkeypatch.setattr(Strange, "at_step", at_step)
    with pytest.raises(TaskError, match=message):
        train(whole, LocalComm(), resume=True)
    # Both marks load, and what they hold is finite; once mended the run goes on.
    for which in ("best", "last"):
        stored = checkpoint.load(tmp_path, which)
        assert all(np.isfinite(x).all() for x in stored.moments.values())
    monkeypatch.setattr(Strange, "broken", {})
    train(whole, LocalComm(), resume=True)


def test_moments_never_take_in_what_is_not_finite() -> None:
    comm, bad = LocalComm(), np.array([[0.0, 1.0], [0.0, np.inf]], np.float32)
    senses = SensationNormalizer({"a": 2, "touch": 2})
    with pytest.raises(TaskError, match="'touch' is inf in channel 1"):
        senses.update(comm, {"a": np.zeros((2, 2), np.float32), "touch": bad})
    assert all(moments.count == 0 for moments in senses.moments.values())
    rewards = RewardNormalizer(2, 0.9)
    with pytest.raises(TaskError, match="reward is inf"):
        rewards.update(comm, bad, np.zeros((2, 2), bool))
    assert (rewards.returns == 0).all()
    values = ValueNormalizer()
    values.update(comm, bad)  # the run ends by its gradient
    assert (values.moments.count, values.moments.mean[0]) == (3, pytest.approx(1 / 3))


@pytest.mark.slow
def test_a_network_whose_output_is_no_number_is_blamed_itself(tmp_path: Path) -> None:
    ready = prepare(config(tmp_path), range(2))
    agent = ready.agent()
    collector = Collector(ready.task, agent, seed=0)
    agent.model.get_layer("value").bias.assign([np.nan])
    with pytest.raises(Exception, match=r"network's value is not finite in world 0"):
        collector.collect(1, 4, 4)


@pytest.mark.slow
def test_a_checkpoint_that_is_not_finite_is_not_saved(tmp_path: Path) -> None:
    train(config(tmp_path), LocalComm())
    stored = checkpoint.load(tmp_path)
    before = sorted(tmp_path.glob("checkpoints/**"))
    stored.moments["reward"][1] = np.inf
    with pytest.raises(CheckpointError, match="normalisation, 'reward' is not finite"):
        checkpoint.save(tmp_path, stored, ("last", "best"))
    assert sorted(tmp_path.glob("checkpoints/**")) == before


@pytest.mark.slow
def test_beside_the_newest_checkpoint_there_is_another_whole_one(
    tmp_path: Path,
) -> None:
    train(config(tmp_path, n_cycles=3), LocalComm())
    root = tmp_path / "checkpoints"
    marks = {(root / mark).read_text() for mark in ("best", "last")}
    assert marks == {"cycle-000003"}  # every return is 20: the latest is best
    folders = sorted(path.name for path in root.glob("cycle-*"))
    assert folders == ["cycle-000002", "cycle-000003"]
    assert checkpoint.load(root / "cycle-000002").progress["cycle"] == 2


@pytest.mark.slow
def test_without_ranks_one_process_trains_and_strings_are_paths(
    tmp_path: Path,
) -> None:
    train(config(tmp_path / "run"))
    agent = load_agent(str(tmp_path / "run"), "last")
    assert agent.sensations == ("touch",)
    assert checkpoint.load(str(tmp_path / "run")).progress["cycle"] == 1
    assert len(read_metrics(str(tmp_path / "run" / "metrics.jsonl"))) == 1


@pytest.mark.slow
def test_a_run_that_is_refused_leaves_no_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Strange, "broken", {"touch": np.inf})
    monkeypatch.setattr(Strange, "at_step", 0)
    with pytest.raises(TaskError, match="step 0 of its episode"):
        train(config(tmp_path / "run"))
    wanted = config(tmp_path / "run", network={"preset": "fpn"})
    monkeypatch.setattr(Strange, "broken", {})
    # All that the preset senses and this task does not offer, in one message.
    with pytest.raises(ConfigError, match=r"'proprioception' enters .*'goal' enters"):
        train(wanted)
    assert list(tmp_path.iterdir()) == []
