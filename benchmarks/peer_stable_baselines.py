# SPDX-License-Identifier: Apache-2.0
"""Stable-Baselines3 as its users run it: a process of its environment, not a script.

``python peer_stable_baselines.py ENVIRONMENT ROUNDS [--recurrent] [--threads N]``
prints a JSON list on its last line: samples per second of each round of gathering and
learning, in one process with 8 environments. The defaults are the library's but, with
``--recurrent``: one LSTM of 512 units for policy and value, minibatches of 1,024
samples, one a round, and 3 epochs.
"""

import argparse
import itertools
import json
import time

import gymnasium
import torch
from sb3_contrib import RecurrentPPO
from stable_baselines3 import PPO
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.env_util import make_vec_env

N_WORLDS = 8
N_UNITS = 512
MINIBATCH_SIZE = 1024


class Clock(BaseCallback):
    """Notes when each round begins."""

    def __init__(self) -> None:
        super().__init__()
        self.begun_s: list[float] = []

    def _on_rollout_start(self) -> None:
        self.begun_s.append(time.perf_counter())

    def _on_step(self) -> bool:
        return True

    def _on_training_end(self) -> None:
        self.begun_s.append(time.perf_counter())


def report() -> None:
    """Train, and print the speed of each round."""
    parser = argparse.ArgumentParser(description="Speed of Stable-Baselines3.")
    parser.add_argument("environment")
    parser.add_argument("rounds", type=int)
    parser.add_argument("--recurrent", action="store_true")
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    if options.recurrent:
        import gymnasium_robotics

        gymnasium.register_envs(gymnasium_robotics)
    worlds = make_vec_env(options.environment, N_WORLDS, seed=0)
    model = recurrent(worlds) if options.recurrent else PPO("MlpPolicy", worlds)
    n_samples = model.n_steps * N_WORLDS
    clock = Clock()
    model.learn(n_samples * options.rounds, callback=clock)
    times = itertools.pairwise(clock.begun_s)
    print(json.dumps([n_samples / (end - start) for start, end in times]))


def recurrent(worlds: object) -> RecurrentPPO:
    """Return a recurrent policy of about the size of ours, which is the larger."""
    return RecurrentPPO(
        "MultiInputLstmPolicy",
        worlds,
        n_steps=MINIBATCH_SIZE // N_WORLDS,
        batch_size=MINIBATCH_SIZE,
        n_epochs=3,
        policy_kwargs={
            "lstm_hidden_size": N_UNITS,
            "shared_lstm": True,
            "enable_critic_lstm": False,
        },
    )


if __name__ == "__main__":
    report()
