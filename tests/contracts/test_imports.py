# SPDX-License-Identifier: Apache-2.0
"""What loads what at run time; the order of imports is import-linter's affair."""

import subprocess
import sys
from pathlib import Path

import pytest

BACKENDS = {"keras", "tensorflow", "torch", "jax"}
DRAWING = {"matplotlib", "nilearn"}
BRAINS = {"atlasnet.atlas", "atlasnet.graph", "atlasnet.plan", "networkx", "pandas"}
TRAINING = {"gymnasium", "mpi4py", "mujoco", "xarray"}
PLANNING = """
from atlasnet import SnapshotSource, hand_interface, plan_network, preset_graph
graph = preset_graph(SnapshotSource(), "fpn", blind=True)
plan_network(graph, hand_interface(graph))
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("code", "unwanted"),
    [
        pytest.param(
            "import atlasnet",
            BACKENDS | DRAWING | TRAINING | {"siibra", "pandas", "numpy", "pydantic"},
            id="import atlasnet",
        ),
        pytest.param(PLANNING, BACKENDS | DRAWING | TRAINING | {"siibra"}, id="plan"),
        pytest.param(
            "import atlasnet.commands.app",
            BACKENDS | DRAWING | TRAINING | {"siibra", "pandas"},
            id="atlasnet --help",
        ),
        pytest.param(
            "import angora_train.commands.app",
            BACKENDS | DRAWING | TRAINING | {"siibra", "pandas"},
            id="angora-train --help",
        ),
        pytest.param(
            "import angora_train.tasks",
            BACKENDS | DRAWING | BRAINS | {"mpi4py"},
            id="tasks",
        ),
    ],
)
def test_nothing_is_loaded_before_it_is_needed(
    code: str, unwanted: set[str], tmp_path: Path
) -> None:
    listing = f"{code}\nimport sys\nprint(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", listing],
        check=True,
        stdout=subprocess.PIPE,
        text=True,
        cwd=tmp_path,
    )
    assert unwanted & set(done.stdout.split()) == set()
