# SPDX-License-Identifier: Apache-2.0
"""Layers and models are saved, read and run as Keras's own are, on any backend."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

import atlasnet
import atlasnet.layers
from atlasnet.layers import AreaCell, IntervenedCell, SwitchedCell
from atlasnet.model.builder import build_model
from atlasnet.plan.spec import NetworkSpec

_SCRIPT = """
import sys, numpy as np, keras, atlasnet
model = atlasnet.load_model(sys.argv[1])
x = dict(np.load(sys.argv[2]))
assert keras.config.backend() == sys.argv[4]
layers = {a.layer for a in atlasnet.spec_of(model).areas}
read = {name: model.get_layer(name).output for name in layers}
whole = keras.Model({t.name: t for t in model.inputs}, {**model.output, **read})
out = {name: np.asarray(value) for name, value in whole(x).items()}
np.savez(sys.argv[3], **out)
"""


def test_every_layer_is_registered_under_its_name() -> None:
    for name in atlasnet.layers.__all__:
        layer = getattr(atlasnet.layers, name)
        if not (isinstance(layer, type) and issubclass(layer, keras.layers.Layer)):
            continue
        registered = keras.saving.get_registered_object(f"atlasnet>{name}")
        assert registered is layer


def test_cells_survive_their_configuration(tiny_spec: NetworkSpec) -> None:
    cell = AreaCell(tiny_spec, seed=3, frozen=("S",), name="cell")
    again = AreaCell.from_config(cell.get_config())
    assert again.get_config() == cell.get_config()
    assert (again.spec, again.seed, again.frozen) == (tiny_spec, 3, ("S",))
    done = [atlasnet.Lesion(area="S"), atlasnet.Noise(area="P", standard_deviation=1.0)]
    lesioned = IntervenedCell(tiny_spec, seed=3, frozen=("P",), interventions=done)
    copy = IntervenedCell.from_config(lesioned.get_config())
    assert copy.get_config() == lesioned.get_config()
    assert (copy.interventions, copy.frozen) == (tuple(done), ("P",))
    switched = SwitchedCell(tiny_spec, seed=3, interventions=done)
    other = SwitchedCell.from_config(switched.get_config())
    assert other.get_config() == switched.get_config()


def run_elsewhere(
    backend: str, model: Path, x: dict[str, Any], folder: Path
) -> dict[str, np.ndarray]:
    """Return what a saved model gives in a process with another backend."""
    np.savez(folder / "x.npz", **x)
    out = folder / f"{backend}.npz"
    words = [str(model), str(folder / "x.npz"), str(out), backend]
    environment = {**os.environ, "KERAS_BACKEND": backend}
    subprocess.run([sys.executable, "-c", _SCRIPT, *words], check=True, env=environment)
    with np.load(out) as file:
        return {name: file[name] for name in file.files}


@pytest.mark.slow
def test_the_same_file_gives_the_same_under_tensorflow_and_jax(
    tmp_path: Path, rng: np.random.Generator
) -> None:
    graph = atlasnet.preset_graph(atlasnet.SnapshotSource(), "fpn", blind=False)
    spec = atlasnet.plan_network(graph, atlasnet.hand_interface(graph), name="fpn")
    model = build_model(spec)
    atlasnet.save_model(model, tmp_path / "fpn.keras")
    x = {
        t.name: rng.normal(size=(2, 12, *t.shape[2:])).astype(np.float32)
        for t in model.inputs
    }
    found = {
        backend: run_elsewhere(backend, tmp_path / "fpn.keras", x, tmp_path)
        for backend in ("tensorflow", "jax")
    }
    assert len(found["jax"]) == len(spec.areas) + 2
    for name, value in found["tensorflow"].items():
        np.testing.assert_allclose(found["jax"][name], value, atol=2e-5, err_msg=name)
        assert np.std(value) > 0
