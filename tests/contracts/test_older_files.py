# SPDX-License-Identifier: Apache-2.0
"""Files that were written before the modules moved into rooms still load.

``tests/older`` was written on 2026-11-29 by the code of 2026-11-25: a graph, a plan and
a model of two areas, and two runs, whose configs name classes by the modules of that
time. Only paths of the machine were taken out of the configs, and the curves left out.
"""

import shutil
from pathlib import Path

import numpy as np
import pytest

import angora_train
import atlasnet
from angora_train.run import checkpoint
from tests.contracts.documents import ROOT

OLDER = ROOT / "tests" / "older"
AREAS = ["Area 3a (PostCG) left", "Area 4p (PreCG) left"]


def test_a_graph() -> None:
    graph = atlasnet.RegionGraph.load(OLDER / "two.graph.json")
    assert sorted(region.name for region in graph.regions) == AREAS
    assert graph.metadata["closing_cycles"] == []


def test_a_plan_with_the_words_of_its_time_for_timing() -> None:
    spec = atlasnet.NetworkSpec.load(OLDER / "two.network.json")
    assert [area.name for area in spec.areas] == AREAS
    assert [(p.source, p.target) for p in spec.pathways] == [
        (AREAS[0], AREAS[1]),
        (AREAS[1], AREAS[0]),
    ]
    assert [p.timing for p in spec.pathways] == ["same_step", "previous_step"]
    assert spec.provenance["closing_cycles"] == "none"
    assert "feedforward_closing_cycles" not in spec.to_json()


def test_a_model_computes_what_it_computed() -> None:
    model = atlasnet.load_model(OLDER / "two.keras")
    spec = atlasnet.spec_of(model)
    assert spec is not None
    assert {p.timing for p in spec.pathways} == {"same_step", "previous_step"}
    sensations = {
        tensor.name: np.linspace(
            -1.0, 1.0, 3 * tensor.shape[-1], dtype=np.float32
        ).reshape(1, 3, -1)
        for tensor in model.inputs
    }
    heads = {name: np.asarray(head) for name, head in model(sensations).items()}
    # Numbers that the older code printed.
    policy = [-8.52419e-4, -3.36617e-6, 7.97870e-4]
    value = [3.76062e-3, -9.39287e-2, -1.60365e-1]
    np.testing.assert_allclose(heads["policy"][0, :, 0], policy, atol=1e-8)
    np.testing.assert_allclose(heads["value"][0, :, 0], value, atol=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["cartpole", "reach"])
def test_a_run_goes_on(
    name: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    shutil.copytree(OLDER / name, tmp_path / name)
    stored = angora_train.load_config(str(OLDER / name / "config.yaml"))
    config = stored.model_copy(
        update={"directory": tmp_path / name, "n_cycles": stored.n_cycles + 1}
    )
    angora_train.train(config, angora_train.LocalComm(), resume=True)
    lines = (tmp_path / name / "metrics.jsonl").read_text(encoding="utf-8").splitlines()
    assert len(lines) == config.n_cycles
    # Neither saved what its worlds remember as it is saved now; all else goes on.
    reason = {"cartpole": "the checkpoint has none of them", "reach": "an older form"}
    (line,) = [text for text in caplog.messages if "begin new episodes" in text]
    assert reason[name] in line
    n_steps = [
        int(checkpoint.load(folder, "last").optimizer["0000"])
        for folder in (OLDER / name, tmp_path / name)
    ]
    assert n_steps[1] > n_steps[0] > 0


@pytest.mark.slow
def test_an_agent_plays() -> None:
    agent = angora_train.load_agent(OLDER / "reach")
    task = angora_train.make_vector_task("Reach", {}, n_worlds=3)
    played = angora_train.evaluate(angora_train.AgentActor(agent), task, 10_000)
    # -12.708 by the older code on another processor's arithmetic or the same.
    assert played.total_reward.mean() == pytest.approx(-12.708, rel=0.02)
