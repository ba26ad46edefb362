# SPDX-License-Identifier: Apache-2.0
"""A run of the preset `cube_hindsight` that takes seconds."""

SMALL = {
    "n_worlds": 4,
    "ppo.horizon": 8,
    "ppo.minibatch_size": 8,
    "hindsight.memory": 120,
    "hindsight.warm_up": 32,
    "hindsight.minibatch_size": 16,
    "hindsight.critic": "[16]",
    "task.options.n_starts": 4,
}
"""Changes of its config, by key."""
