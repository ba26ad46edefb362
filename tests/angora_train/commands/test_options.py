# SPDX-License-Identifier: Apache-2.0
"""A trained agent plays the task itself, but for what somebody asks for."""

from typing import Any

import pytest

from angora_train.config.run import RunConfig
from angora_train.run.compared import as_compared

FAST: dict[str, Any] = {
    "physics_model": "fast",
    "timestep_s": 0.016,
    "n_substeps": 5,
    "curriculum": {"first_rad": 0.9},
    "touch": False,
}


@pytest.mark.parametrize(
    ("changes", "kept"),
    [
        ([], {"touch"}),
        (
            ["task.options.physics_model=fast"],
            {"touch", "physics_model", "timestep_s", "n_substeps"},
        ),
        (["task.options.curriculum.first_rad=0.7"], {"touch", "curriculum"}),
        (["task.options.n_substeps=20"], {"touch", "n_substeps"}),
        (["task.options={}"], set(FAST)),
    ],
)
def test_what_was_for_training_is_left_out_unless_asked_for(
    changes: list[str], kept: set[str]
) -> None:
    config = RunConfig.from_dict({"task": {"name": "ReorientCube", "options": FAST}})
    assert set(as_compared(config, changes)[0].task.options) == kept


def test_other_tasks_are_played_as_they_were_trained() -> None:
    config = RunConfig.from_dict(
        {"task": {"name": "Reach", "options": {"touch": True}}}
    )
    assert as_compared(config, [])[0] is config
