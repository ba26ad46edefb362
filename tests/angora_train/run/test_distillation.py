# SPDX-License-Identifier: Apache-2.0
import json
import shutil
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from angora_train.agent.agent import Agent
from angora_train.analysis.actors import AgentActor, choosing
from angora_train.analysis.demonstration import demonstrate
from angora_train.analysis.evaluation import evaluate
from angora_train.config.loading import load_config
from angora_train.config.run import RunConfig
from angora_train.engine import make_engine
from angora_train.errors import CheckpointError, ConfigError
from angora_train.run import checkpoint
from angora_train.run.dry_run import describe
from angora_train.run.lineage import told
from angora_train.run.metrics import read_metrics
from angora_train.run.preparation import prepare
from angora_train.run.trainer import train
from angora_train.tasks.demonstrations import Demonstrations
from angora_train.tasks.registry import make_vector_task
from atlasnet import policy_only

pytestmark = pytest.mark.slow  # compiles with TensorFlow

CART = "gym:CartPole-v1"
BLIND = {"name": CART, "options": {"hidden": "velocity"}}
CHOICE = {"distribution": "categorical", "n_bins": 2}


@pytest.fixture(scope="module")
def balancer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run whose agent balances a pole for 500 steps: a linear law, by hand."""
    folder = tmp_path_factory.mktemp("balancer")
    seen = keras.Input((None, 4), name="proprioception")
    heads = {
        "policy": keras.layers.Dense(2, name="policy_head"),
        "value": keras.layers.Dense(1, name="value_head"),
    }
    model = keras.Model(
        {"proprioception": seen}, {name: head(seen) for name, head in heads.items()}
    )
    gains = np.float32([0.4, 2.0, 12.0, 4.0])  # of place, speed, angle, its speed
    heads["policy"].set_weights([np.stack([-gains, gains], 1), np.zeros(2, np.float32)])
    config = RunConfig.from_dict(
        {
            "task": {"name": CART},
            "policy": CHOICE,
            "normalization": {"sensations": False},
            "directory": str(folder),
        }
    )
    progress = {"cycle": 1, "best_return": None}
    stored = checkpoint.Checkpoint(model, config, {}, {"value": np.zeros(3)}, progress)
    checkpoint.save(folder, stored, ("last", "best"))
    return folder


def blind(folder: Path, teacher: Path | None, **changes: Any) -> RunConfig:
    """A recurrent student that does not see velocities."""
    data: dict[str, Any] = {
        "task": BLIND,
        "network": {"architecture": "simple", "cell": "gru"},
        "policy": CHOICE,
        "ppo": {
            "horizon": 64,
            "chunk_length": 16,
            "minibatch_size": 256,
            "n_epochs": 6,
        },
        "normalization": {"warm_up_steps": 10},
        "n_worlds": 16,
        "n_cycles": 12,
        "save_every": 4,
        "directory": str(folder),
        **changes,
    }
    if teacher is not None:
        data["distillation"] = {
            "teacher": str(teacher),
            "learning_rate": 3e-3,
            **data.get("distillation", {}),
        }
    return RunConfig.from_dict(data)


def short(folder: Path, teacher: Path | None, **changes: Any) -> RunConfig:
    """The same, for a moment only."""
    ppo = {"horizon": 8, "chunk_length": 4, "minibatch_size": 16, "n_epochs": 1}
    few = {"n_worlds": 4, "n_cycles": 2, "save_every": 1}
    return blind(folder, teacher, **{"ppo": ppo, **few, **changes})


def mean_return(agent: Agent) -> float:
    worlds = make_vector_task(CART, BLIND["options"], 20)  # type: ignore[arg-type]
    return float(evaluate(AgentActor(agent), worlds, 99).total_reward.mean())


def same_weights(one: Path, other: Path) -> bool:
    weights = [checkpoint.load(x, "last").model.weights for x in (one, other)]
    return all((a.numpy() == b.numpy()).all() for a, b in zip(*weights, strict=True))


def test_who_sees_no_velocities_learns_to_balance_from_who_does(
    balancer: Path, tmp_path: Path
) -> None:
    config = blind(tmp_path / "student", balancer)
    untrained = mean_return(prepare(config).agent(make_engine()))
    student = train(config)
    assert student.sensations == ("proprioception",)
    # Twenty-odd steps at first; the teacher balances for all 500.
    assert untrained < 60
    assert mean_return(student) > 4 * untrained
    rows = read_metrics(tmp_path / "student" / "metrics.jsonl")
    # Half of the worlds, less over a fifth of the cycles: 12 / 5 = 2.4.
    assert rows[0]["rollout/guided"] == 0.5
    assert rows[3]["rollout/guided"] == 0.0
    assert rows[0]["train/divergence"] > 0.0
    assert "train/policy_loss" not in rows[0]
    config = load_config(str(tmp_path / "student" / "config.yaml"))
    assert config.distillation is not None
    assert config.distillation.target == "distribution"


def test_recorded_trajectories_teach_who_sees_the_same(
    balancer: Path, tmp_path: Path
) -> None:
    worlds = make_vector_task(CART, n_worlds=8)
    actor = AgentActor(checkpoint.load_agent(balancer))
    found = demonstrate(actor, worlds, 256, 5, name=CART)
    path = found.save(tmp_path / "shown.npz")
    seeing = {"task": {"name": CART}}
    few = {"ppo": {"horizon": 32, "chunk_length": 8, "minibatch_size": 128}}
    config = blind(tmp_path / "run", path, **seeing, **few, n_cycles=8)
    student = train(config)
    worlds = make_vector_task(CART, n_worlds=10)
    assert evaluate(AgentActor(student), worlds, 99).total_reward.mean() > 100
    rows = read_metrics(tmp_path / "run" / "metrics.jsonl")
    assert rows[-1]["train/cross_entropy"] < rows[0]["train/cross_entropy"]
    assert rows[0]["rollout/guided"] == 1.0
    assert rows[0]["rollout/episodes"] == 0  # none of them is the student's
    stages = checkpoint.load_stages(tmp_path / "run")
    assert told(stages) == "learned from demonstrations"


def test_a_distillation_goes_on_exactly_where_it_stopped(
    balancer: Path, tmp_path: Path
) -> None:
    whole = short(tmp_path / "whole", balancer, n_cycles=4)
    parts = short(tmp_path / "parts", balancer, n_cycles=4)
    guided = {"guided_share": 0.5, "guided_until": 1.0}
    whole, parts = (
        x.model_copy(
            update={"distillation": x.distillation.model_copy(update=guided)}  # type: ignore[union-attr]
        )
        for x in (whole, parts)
    )
    train(whole)
    with pytest.raises(CheckpointError, match="resume"):
        train(whole)
    interrupted = parts.model_copy(update={"save_every": 2})
    stop = [0]

    def killed(metrics: Any) -> None:
        stop[0] = metrics["cycle"]
        if stop[0] == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(interrupted, report=killed)
    train(parts, resume=True)
    assert same_weights(tmp_path / "whole", tmp_path / "parts")


REACH: dict[str, Any] = {
    "task": {"name": "Reach"},
    "network": {"architecture": "simple", "cell": "gru"},
    "policy": {"distribution": "gaussian"},
    "ppo": {"horizon": 8, "chunk_length": 4, "minibatch_size": 16, "n_epochs": 1},
    "normalization": {"warm_up_steps": 2},
    "n_worlds": 4,
    "n_cycles": 1,
}


@pytest.fixture(scope="module")
def reacher(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A recurrent Gaussian agent of another network, without touch."""
    folder = tmp_path_factory.mktemp("reacher")
    train({**REACH, "task": {"name": "Reach"}, "directory": str(folder)})
    return folder


@pytest.mark.parametrize(
    ("policy", "target", "measure"),
    [
        ({"distribution": "multi_categorical"}, None, "cross_entropy"),
        ({"distribution": "beta"}, "mean", "cross_entropy"),
        ({"distribution": "gaussian"}, None, "divergence"),
        ({"distribution": "gaussian", "spread_depends_on_state": True}, None, None),
    ],
)
def test_a_recurrent_teacher_of_any_family_teaches_any_other(
    policy: dict[str, Any],
    target: str | None,
    measure: str | None,
    reacher: Path,
    tmp_path: Path,
) -> None:
    without = {"name": "Reach", "options": {"touch": False}}
    distillation = {"teacher": str(reacher), "target": target}
    data = {**REACH, "task": without, "policy": policy, "distillation": distillation}
    student = train({**data, "n_cycles": 2, "directory": str(tmp_path)})
    assert "touch" not in student.sensations
    rows = read_metrics(tmp_path / "metrics.jsonl")
    assert f"train/{measure or 'divergence'}" in rows[-1]
    worlds = checkpoint.load(tmp_path, "last").worlds
    states = [x for name, x in worlds.items() if name.startswith("guide/")]
    assert states
    assert any(x.any() for x in states)


def test_fine_tuning_begins_with_the_value_and_leaves_the_policy(
    balancer: Path, tmp_path: Path
) -> None:
    train(short(tmp_path / "student", balancer))
    student = checkpoint.load(tmp_path / "student", "last")
    base = short(tmp_path / "tuned", None).model_dump(mode="json")
    base["start"] = str(tmp_path / "student")
    base["ppo"]["value_warm_up_cycles"] = 2
    config = RunConfig.from_dict({**base, "n_cycles": 2})
    train(config)
    warm = checkpoint.load(tmp_path / "tuned", "last")
    of_policy = {w.path for w in policy_only(student.model).weights}
    ours = {w.path: w.numpy() for w in student.model.weights}
    for weight in warm.model.weights:
        is_same = bool((ours[weight.path] == weight.numpy()).all())
        assert is_same == (weight.path in of_policy), weight.path
    # Moments of sensations come along: 10 steps of 4 worlds, then 4 x 8 a cycle.
    assert student.sensed["proprioception"][0] == 40 + 2 * 32
    assert warm.sensed["proprioception"][0] == 40 + 4 * 32
    assert warm.moments["reward"][0] == 4 * 32
    train(config.model_copy(update={"n_cycles": 3}), resume=True)
    after = checkpoint.load(tmp_path / "tuned", "last")
    changed = [
        not (ours[w.path] == w.numpy()).all()
        for w in after.model.weights
        if w.path in of_policy
    ]
    assert all(changed)
    assert int(after.optimizer["0000"]) == 2  # updates since Adam began anew
    assert told(checkpoint.load_stages(tmp_path / "tuned")) == (
        "distilled, then fine-tuned"
    )
    first, second = checkpoint.load_stages(tmp_path / "tuned", "last")
    assert (first.teacher, first.n_samples) == (str(balancer), 64)
    assert (second.n_cycles, second.n_samples) == (3, 96)


def test_the_first_steps_after_the_warm_up_are_no_longer_than_others(
    balancer: Path, tmp_path: Path
) -> None:
    train(short(tmp_path / "student", balancer))
    base = short(tmp_path / "tuned", None).model_dump(mode="json")
    base["ppo"] |= {"value_warm_up_cycles": 30, "schedule": "constant"}
    base |= {"start": str(tmp_path / "student"), "n_cycles": 31, "save_every": 30}
    train(base)
    ours = {
        w.path: w.numpy() for w in checkpoint.load(base["start"], "best").model.weights
    }
    after = checkpoint.load(tmp_path / "tuned", "last").model
    of_policy = {w.path for w in policy_only(after).weights}
    longest = max(
        float(np.abs(ours[w.path] - w.numpy()).max())
        for w in after.weights
        if w.path in of_policy
    )
    # Adam's steps are at most about as long as the step size; there were two.
    assert longest < 2.1 * base["ppo"]["learning_rate"]


@pytest.mark.parametrize(
    ("change", "told_"),
    [
        ({"network": {"architecture": "deeper", "cell": "gru"}}, "of another network"),
        ({"policy": {**CHOICE, "distribution": "multi_categorical"}}, "policy.distrib"),
        ({"normalization": {"sensations": False}}, r"normalization\.sensations=True"),
    ],
)
def test_a_start_from_another_network_is_refused(
    change: dict[str, Any], told_: str, balancer: Path, tmp_path: Path
) -> None:
    train(short(tmp_path / "student", balancer, n_cycles=1))
    base = short(tmp_path / "tuned", None).model_dump(mode="json")
    with pytest.raises(ConfigError, match=told_):
        train({**base, **change, "start": str(tmp_path / "student")})
    assert not (tmp_path / "tuned").exists()


def test_an_areas_network_begins_where_another_of_its_kind_ended(
    tmp_path: Path,
) -> None:
    # Built inside its layer or read from a file, its weights have other paths.
    network = {"preset": "fpn", "units": {"total": 128, "floor": 1}}
    settings = {**REACH, "network": network}
    train({**settings, "directory": str(tmp_path / "a")})
    tuned = {**settings, "start": str(tmp_path / "a"), "directory": str(tmp_path / "b")}
    train({**tuned, "ppo": {**REACH["ppo"], "value_warm_up_cycles": 1}})
    one, other = (checkpoint.load(tmp_path / x, "last").model for x in "ab")
    of_policy = {weight.path for weight in policy_only(one).weights}
    # In the cycle of warm-up nothing has learned but what the value alone reads.
    for a, b in zip(one.weights, other.weights, strict=True):
        assert bool((a.numpy() == b.numpy()).all()) == (a.path in of_policy), a.path
    assert told(checkpoint.load_stages(tmp_path / "b")) == "learned, then fine-tuned"


def test_scales_of_rewards_that_nobody_recorded_are_not_taken_over(
    tmp_path: Path,
) -> None:
    seen = np.random.default_rng(0).normal(size=(8, 4, 2)).astype(np.float32)
    shown = Demonstrations({"proprioception": seen}, *CHOSEN).save(tmp_path / "a.npz")
    train(short(tmp_path / "student", shown))
    before = checkpoint.load(tmp_path / "student", "last")
    assert before.moments["reward"][2] == 0.0  # zeros alone
    tuned = short(tmp_path / "tuned", None).model_dump(mode="json")
    train({**tuned, "start": str(tmp_path / "student")})
    after = checkpoint.load(tmp_path / "tuned", "last")
    assert after.moments["reward"][0] == 2 * 32  # of its own steps, and no others
    assert after.sensed["proprioception"][0] > 2 * 32


CHOSEN = (np.ones((8, 4, 1), np.float32), np.zeros((8, 4), bool))
"""The second choice, eight steps of four trajectories."""


@pytest.mark.parametrize(
    ("changes", "told_"),
    [
        ({"sensations": {"propriception": None}}, "Close matches: propriception"),
        ({"task": "Reach"}, r"demonstrations did .*'Reach'.*'gym:CartPole-v1'"),
        ({"task": "Reech"}, r"demonstrations '.*a\.npz': No task 'Reech'"),
        ({"n_steps": 3}, r"hold 12 steps, .* reads 16\. Record more"),
    ],
)
def test_recordings_that_cannot_teach_are_refused(
    changes: dict[str, Any], told_: str, tmp_path: Path
) -> None:
    n = changes.get("n_steps", 8)
    name = next(iter(changes.get("sensations", {"proprioception": None})))
    seen = np.zeros((n, 4, 2), np.float32)
    action, is_first = (x[:n] for x in CHOSEN)
    of = changes.get("task", "")
    shown = Demonstrations({name: seen}, action, is_first, task=of)
    path = shown.save(tmp_path / "a.npz")
    with pytest.raises(ConfigError, match=told_):
        train(short(tmp_path / "run", path))
    assert not (tmp_path / "run").exists()


def test_a_run_goes_on_as_what_it_was(balancer: Path, tmp_path: Path) -> None:
    train(short(tmp_path / "student", balancer, n_cycles=1))
    longer = short(tmp_path / "student", balancer)
    changed: tuple[dict[str, Any], ...] = ({"distillation": None}, {"start": balancer})
    for change in changed:
        with pytest.raises(ConfigError, match=r"keeps what it is.*--set start="):
            train(longer.model_copy(update=change), resume=True)
    moved = tmp_path / "moved"
    shutil.copytree(balancer, moved)
    changes = [f"distillation.teacher={moved}", "n_cycles=2"]
    train(checkpoint.read_config(tmp_path / "student", overrides=changes), resume=True)
    (stage,) = checkpoint.load_stages(tmp_path / "student", "last")
    assert (stage.teacher, stage.n_cycles) == (str(moved), 2)


def test_choices_have_no_mean(balancer: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"'mean', but the actions.*choices among 2"):
        train(short(tmp_path / "a", balancer, distillation={"target": "mean"}))
    actor = AgentActor(choosing(checkpoint.load_agent(balancer), "expected"))
    with pytest.raises(ConfigError, match=r"choices among 2, written -1, 1"):
        demonstrate(actor, make_vector_task(CART, n_worlds=2), 3, 5)


def test_a_dry_run_reads_the_teacher_and_the_start(
    balancer: Path, tmp_path: Path
) -> None:
    config = short(tmp_path / "a", balancer)
    assert describe(config, 1, 1)["control steps in all"] == 64
    with pytest.raises(CheckpointError, match="no checkpoint 'best'"):
        describe(short(tmp_path / "a", tmp_path / "nowhere"), 1, 1)
    for start, told_ in ((tmp_path / "nowhere", "no checkpoint"), (balancer, "start:")):
        begun = short(tmp_path / "a", None).model_copy(update={"start": start})
        with pytest.raises((CheckpointError, ConfigError), match=told_):
            describe(begun, 1, 1)
    assert not (tmp_path / "a").exists()


def test_what_cannot_teach_is_refused(balancer: Path, tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="no checkpoint 'best'"):
        train(short(tmp_path / "a", tmp_path / "nowhere"))
    exported = tmp_path / "exported"
    exported.mkdir()
    (exported / "saved_model.pb").write_bytes(b"")
    with pytest.raises(ConfigError, match=r"exported program.*folder of a run"):
        train(short(tmp_path / "a", exported))
    (tmp_path / "a.keras").write_bytes(b"")
    with pytest.raises(ConfigError, match=r"a\.keras' is no teacher.*folder of a run"):
        train(short(tmp_path / "a", tmp_path / "a.keras"))
    with pytest.raises(ConfigError, match=r"task 'gym:CartPole-v1'.*'Reach'"):
        train(short(tmp_path / "a", balancer, task={"name": "Reach"}))
    seen = keras.Input((None, 2), name="proprioception")
    headless = keras.Model(
        {"proprioception": seen}, {"policy": keras.layers.Dense(2)(seen)}
    )
    headless.save(tmp_path / "headless.keras")
    blank = {"path": str(tmp_path / "headless.keras")}
    with pytest.raises(ConfigError, match=r"with 'policy' and 'value', got .*policy\."):
        train(short(tmp_path / "a", balancer, network=blank))
    worlds = make_vector_task(CART, n_worlds=2)
    actor = AgentActor(checkpoint.load_agent(balancer))
    shown = demonstrate(actor, worlds, 8, 5, name=CART).save(tmp_path / "shown.npz")
    with pytest.raises(ConfigError, match=r"shape \(4,\), the task's is \(2,\)"):
        train(short(tmp_path / "a", shown))
    other = {"name": CART, "options": {"sensation": "touch"}}
    with pytest.raises(ConfigError, match=r"lack the sensation 'touch'.*without"):
        train(short(tmp_path / "a", shown, task=other))
    assert not (tmp_path / "a").exists()


def test_an_exported_agent_tells_how_it_learned(balancer: Path, tmp_path: Path) -> None:
    from typer.testing import CliRunner

    from angora_train.commands.app import app

    arguments = ["export", str(balancer), "--out", str(tmp_path / "out")]
    assert CliRunner().invoke(app, arguments).exit_code == 0
    about = json.loads((tmp_path / "out" / "policy.json").read_text())
    assert about["training"] == "learned"
    assert about["stages"][0]["task"] == CART
