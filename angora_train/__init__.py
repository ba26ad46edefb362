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

import lazy_loader

from atlasnet.moved import moved_into, redirect

# TensorFlow's own kernels multiply without AVX2 and FMA, and it takes oneDNN's only
# where a processor has AVX-512. On others an update takes half as long again without
# them. Read when TensorFlow is loaded.
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")

__version__ = "0.1.0"
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)

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
