# SPDX-License-Identifier: Apache-2.0
"""Sample-Factory on a hand of Gymnasium-Robotics: a process of its environment.

``python peer_sample_factory.py --env=NAME ...`` takes Sample-Factory's own arguments,
as its example for environments of Gymnasium does. What it logs goes to standard output.
"""

import os
import sys
from typing import Any

import gymnasium
import gymnasium_robotics
from sample_factory.cfg.arguments import parse_full_cfg, parse_sf_args
from sample_factory.envs.env_utils import register_env
from sample_factory.train import run_rl


def make_world(name: str, *_: Any, **__: Any) -> gymnasium.Env:
    """Make an environment whose observation is one vector."""
    gymnasium_robotics.register_robotics_envs()
    return gymnasium.wrappers.FlattenObservation(gymnasium.make(name))


def train() -> int:
    """Train as told on the command line."""
    os.dup2(1, 2)  # it logs to standard error
    parser, config = parse_sf_args()
    register_env(config.env, make_world)
    return int(run_rl(parse_full_cfg(parser)))


if __name__ == "__main__":
    sys.exit(train())
