# SPDX-License-Identifier: Apache-2.0
"""Tasks: bodies in a batched simulation, as Gymnasium environments.

Bodies, worlds, goals and rewards live here; importing this registers the tasks with
Gymnasium. Networks, learning and MPI may not be known here.
"""

from angora_train.tasks.registry import (
    make_config,
    make_task,
    make_vector_task,
    register_task,
    register_with_gymnasium,
    task_names,
    variant_of,
)

__all__ = [
    "make_config",
    "make_task",
    "make_vector_task",
    "register_task",
    "register_with_gymnasium",
    "task_names",
    "variant_of",
]

register_with_gymnasium()
