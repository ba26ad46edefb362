# SPDX-License-Identifier: Apache-2.0
"""A model drawn by hand learns a task of Gymnasium, with exchangeable preprocessors."""

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from angora_train.agent.normalization import IdentityNormalizer, SensationNormalizer
from angora_train.analysis.actors import AgentActor
from angora_train.analysis.evaluation import evaluate
from angora_train.analysis.intervals import summarize
from angora_train.config.run import RunConfig
from angora_train.errors import ConfigError
from angora_train.ranks.comm import LocalComm
from angora_train.run import checkpoint
from angora_train.run.trainer import train
from angora_train.tasks import make_vector_task

pytestmark = pytest.mark.slow  # compiles with TensorFlow


class Halved(IdentityNormalizer):
    """A user's own preprocessor: divides by what it counts."""

    def __init__(self, sizes: Any, clip: float) -> None:
        super().__init__(sizes, clip)
        self.n_updates = 0.0

    def update(self, comm: Any, samples: Any) -> None:
        self.n_updates += 1

    def normalize(self, observation: Any) -> dict[str, Any]:
        return {k: v / np.float32(2) for k, v in super().normalize(observation).items()}

    def state(self) -> dict[str, Any]:
        return {"n_updates": np.array([self.n_updates])}

    def restore(self, state: Any) -> None:
        self.n_updates = float(state["n_updates"][0])


class Tenth:
    """A user's own scale of rewards."""

    def __init__(self, n_worlds: int, discount: float) -> None: ...

    def update(self, comm: Any, rewards: Any, ended: Any) -> None: ...

    def normalize(self, rewards: Any) -> Any:
        return rewards / 10

    def state(self) -> dict[str, Any]:
        return {}

    def restore(self, state: Any) -> None: ...


def _network(path: Path, size: int, n_parameters: int, *, has_memory: bool) -> str:
    """Draw a small network and save it."""
    keras.utils.set_random_seed(0)
    sensed = keras.Input((None, size), name="proprioception")
    heads = {}
    for head, width in (("policy", n_parameters), ("value", 1)):
        x = keras.layers.Dense(32, activation="tanh")(sensed)
        layer: Any = keras.layers.Dense(32, activation="tanh")
        if has_memory:
            layer = keras.layers.LSTM(16, return_sequences=True)
        heads[head] = keras.layers.Dense(width)(layer(x))
    keras.Model({"proprioception": sensed}, heads).save(path)
    return str(path)


def _config(directory: Path, n_cycles: int, **changes: Any) -> RunConfig:
    network = directory / "network.keras"
    if not network.exists():
        _network(network, 4, 2, has_memory=False)
    data: dict[str, Any] = {
        "task": {"name": "gym:CartPole-v1"},
        "network": {"path": str(network)},
        "policy": {"n_bins": 2},
        "ppo": {
            "horizon": 64,
            "chunk_length": 16,
            "n_epochs": 6,
            "minibatch_size": 256,
            "learning_rate": 3e-3,
            "discount": 0.98,
        },
        "n_worlds": 16,
        "n_cycles": n_cycles,
        "directory": str(directory / "run"),
    }
    return RunConfig.from_dict({**data, **changes})


def test_a_pole_is_balanced_after_a_few_seconds_of_training(tmp_path: Path) -> None:
    shown: list[Any] = []
    agent = train(_config(tmp_path, 15), LocalComm(), shown.append)
    # At random a pole falls after about 22 steps; 500 is the longest episode.
    assert shown[0]["rollout/return"] < 60
    assert "rollout/distance_m" not in shown[0]
    assert shown[0]["reward/environment"] == shown[0]["rollout/return"]
    task = make_vector_task("gym:CartPole-v1", n_worlds=10)
    played = evaluate(AgentActor(agent), task, seed=1)
    assert played.total_reward.mean() > 200
    np.testing.assert_array_equal(played.total_reward, played.n_steps)
    assert np.isnan(played.distance_m).all()
    assert set(summarize(played, seed=0)) == {"return", "success"}


def test_a_network_with_memory_trains_where_velocities_are_hidden(
    tmp_path: Path,
) -> None:
    network = _network(tmp_path / "lstm.keras", 2, 2, has_memory=True)
    config = _config(
        tmp_path,
        2,
        task={"name": "gym:CartPole-v1", "options": {"hidden": "velocity"}},
        network={"path": network},
    )
    agent = train(config, LocalComm())
    assert set(agent.initial_state(3)) != set()


def test_a_policy_with_other_bins_than_choices_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"among 2: policy.n_bins must be 2, got 11"):
        train(_config(tmp_path, 1, policy={}), LocalComm())


@pytest.mark.parametrize(
    ("choice", "kind"),
    [(True, SensationNormalizer), (False, IdentityNormalizer), ("own", Halved)],
)
def test_preprocessors_are_exchanged_by_the_config(
    tmp_path: Path, choice: bool | str, kind: type
) -> None:
    if choice == "own":
        choice = f"{__name__}:Halved"
    normalization = {"sensations": choice, "reward": False, "warm_up_steps": 2}
    train(_config(tmp_path, 1, normalization=normalization), LocalComm())
    loaded = checkpoint.load_agent(tmp_path / "run", "last").normalizer
    assert type(loaded).__name__ == kind.__name__
    if isinstance(loaded, Halved):
        assert loaded.n_updates == 2  # the warm-up and one cycle
    if kind is not SensationNormalizer:
        seen = {"proprioception": np.ones((1, 4), np.float32)}
        expected = 0.5 if kind is Halved else 1.0
        assert (loaded.normalize(seen)["proprioception"] == expected).all()


def test_a_scale_of_rewards_of_one_s_own_survives_a_resume(tmp_path: Path) -> None:
    normalization = {"reward": f"{__name__}:Tenth"}
    config = _config(tmp_path, 1, normalization=normalization)
    train(config, LocalComm())
    longer = config.model_copy(update={"n_cycles": 2})
    train(longer, LocalComm(), resume=True)
    assert checkpoint.load(tmp_path / "run", "last").progress["cycle"] == 2
