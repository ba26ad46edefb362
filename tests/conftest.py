# SPDX-License-Identifier: Apache-2.0
"""What all tests share."""

import os
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("MPLBACKEND", "Agg")
# Tests get a temporary home; matplotlib keeps its font cache across them.
os.environ.setdefault(
    "MPLCONFIGDIR", str(Path(tempfile.gettempdir()) / f"matplotlib-{os.getuid()}")
)

from atlasnet.plan.spec import AreaSpec, InputSpec, NetworkSpec, PathwaySpec, ValueSpec


@pytest.fixture
def rng() -> np.random.Generator:
    """A generator that gives every test run the same numbers."""
    return np.random.default_rng(20250101)


@pytest.fixture(autouse=True)
def _offline(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """No test reaches the network or the user's home."""

    def refuse(*_: Any) -> None:
        raise OSError("tests do not use the network")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setenv("HOME", str(tmp_path))
    return


def pathway(source: str, target: str, timing: Any = "same_step") -> PathwaySpec:
    """Return a pathway, feedforward within the step and feedback a step later."""
    return PathwaySpec(
        source=source,
        target=target,
        timing=timing,
        direction="feedforward" if timing == "same_step" else "feedback",
        direction_rule="cited",
        streamline_count=100.0,
        length_mm=30.0,
    )


@pytest.fixture
def tiny_spec() -> NetworkSpec:
    """Three areas: touch -> S (dense) -> M (rate) <- goal, and M -> P -> M back."""
    return NetworkSpec(
        name="tiny",
        control_step_s=0.02,
        areas=(
            AreaSpec(name="S", n_units=4, cell="dense"),
            AreaSpec(name="P", n_units=5, cell="rate"),
            AreaSpec(name="M", n_units=6, cell="rate"),
        ),
        pathways=(
            pathway("S", "P"),
            pathway("P", "M"),
            pathway("M", "P", "previous_step"),
        ),
        inputs=(
            InputSpec(name="touch", size=3, areas=("S",)),
            InputSpec(name="goal", size=2, areas=("P",)),
        ),
        action_areas=("M",),
        policy_size=6,
        value=ValueSpec(areas=("P", "M"), auxiliary_size=2, hidden_units=(7,)),
    )
