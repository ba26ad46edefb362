# SPDX-License-Identifier: Apache-2.0
"""angora_train: recurrent PPO over MPI for models with named sensations.

::

    keras.Model -> Agent -> Trainer -> Checkpoint -> analysis

The public names are resolved when they are first used: ``import angora_train`` loads
neither Keras nor MuJoCo nor MPI.

Examples
--------
>>> import angora_train
>>> config = angora_train.load_config("reach", ["seed=1"])
>>> config.task.name, config.seed
('Reach', 1)
"""

import os
from typing import TYPE_CHECKING

from atlasnet.names import moved_into, redirect, resolve

# TensorFlow's own kernels multiply without AVX2 and FMA, and it takes oneDNN's only
# where a processor has AVX-512. On others an update takes half as long again without
# them. Read when TensorFlow is loaded.
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")

if TYPE_CHECKING:
    from angora_train.agent.agent import Agent as Agent
    from angora_train.agent.distributions import Distribution as Distribution
    from angora_train.agent.export import export_agent as export_agent
    from angora_train.agent.normalization import Normalizer as Normalizer
    from angora_train.agent.normalization import RewardScaler as RewardScaler
    from angora_train.analysis.actors import AgentActor as AgentActor
    from angora_train.analysis.evaluation import Evaluation as Evaluation
    from angora_train.analysis.evaluation import evaluate as evaluate
    from angora_train.analysis.group import read_group as read_group
    from angora_train.analysis.intervals import summarize as summarize
    from angora_train.analysis.pictures import film as film
    from angora_train.analysis.pictures import write_video as write_video
    from angora_train.analysis.record import load_recording as load_recording
    from angora_train.analysis.record import record as record
    from angora_train.analysis.record import save_recording as save_recording
    from angora_train.config.run import RunConfig as RunConfig
    from angora_train.config.run import load_config as load_config
    from angora_train.errors import AngoraError as AngoraError
    from angora_train.networks.make import make_network as make_network
    from angora_train.pretraining.fitting import pretrain as pretrain
    from angora_train.ranks.comm import Comm as Comm
    from angora_train.ranks.comm import LocalComm as LocalComm
    from angora_train.ranks.comm import make_comm as make_comm
    from angora_train.run.checkpoint import Checkpoint as Checkpoint
    from angora_train.run.checkpoint import load_agent as load_agent
    from angora_train.run.trainer import train as train
    from angora_train.tasks.base import Task as Task
    from angora_train.tasks.base import TaskConfig as TaskConfig
    from angora_train.tasks.base import VectorTask as VectorTask
    from angora_train.tasks.base import Verdict as Verdict
    from angora_train.tasks.registry import make_task as make_task
    from angora_train.tasks.registry import make_vector_task as make_vector_task
    from angora_train.tasks.registry import register_task as register_task
    from angora_train.tasks.registry import task_names as task_names
    from angora_train.tasks.worlds.simulation import Simulation as Simulation

_HOME = {
    "Agent": "agent.agent",
    "AgentActor": "analysis.actors",
    "AngoraError": "errors",
    "Checkpoint": "run.checkpoint",
    "Comm": "ranks.comm",
    "Distribution": "agent.distributions",
    "Evaluation": "analysis.evaluation",
    "LocalComm": "ranks.comm",
    "Normalizer": "agent.normalization",
    "RewardScaler": "agent.normalization",
    "RunConfig": "config.run",
    "Simulation": "tasks.worlds.simulation",
    "Task": "tasks.base",
    "TaskConfig": "tasks.base",
    "VectorTask": "tasks.base",
    "Verdict": "tasks.base",
    "evaluate": "analysis.evaluation",
    "export_agent": "agent.export",
    "film": "analysis.pictures",
    "load_agent": "run.checkpoint",
    "load_config": "config.run",
    "load_recording": "analysis.record",
    "make_comm": "ranks.comm",
    "make_network": "networks.make",
    "make_task": "tasks.registry",
    "make_vector_task": "tasks.registry",
    "pretrain": "pretraining.fitting",
    "read_group": "analysis.group",
    "record": "analysis.record",
    "register_task": "tasks.registry",
    "save_recording": "analysis.record",
    "summarize": "analysis.intervals",
    "task_names": "tasks.registry",
    "train": "run.trainer",
    "write_video": "analysis.pictures",
}

__all__ = sorted(_HOME)
__version__ = "0.1.0"
__getattr__ = resolve("angora_train", _HOME)

redirect(
    moved_into(
        {
            "angora_train.agent": (
                "distributions export normalization recurrence special"
            ),
            "angora_train.analysis": "evaluation group pictures report",
            "angora_train.config": "settings",
            "angora_train.learning": (
                "advantages experience learner losses minibatches rollout"
            ),
            "angora_train.ranks": "comm interruption roles watchdog",
            "angora_train.run": "checkpoint metrics trainer",
            "angora_train.tasks.cube": (
                "goals orientation reorient_cube reorient_cube_z"
            ),
            "angora_train.tasks.gym": "hidden_velocity",
            "angora_train.tasks.reaching": (
                "fingertips free_reach free_reach_sequence meeting reach "
                "reach_sequence rewards sequence"
            ),
            "angora_train.tasks.worlds": (
                "control mesa pulses randomization realism rendering simulation vision"
            ),
        },
        {
            "angora_train.architectures": "angora_train.networks.plain",
            "angora_train.cli": "angora_train.commands.app",
            "angora_train.network": "angora_train.networks.make",
            "angora_train.plan": "angora_train.run.dry_run",
            "angora_train.projection": "angora_train.agent.projected_cell",
            "angora_train.tasks.cube_rewards": "angora_train.tasks.cube.rewards",
            "angora_train.tasks.gym_adapter": "angora_train.tasks.gym.adapter",
            "angora_train.tasks.hand.starts": "angora_train.tasks.cube.starts",
            "angora_train.tasks.memory": "angora_train.tasks.saving",
            "angora_train.widths": "angora_train.config.architecture",
        },
    )
)


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOME])
