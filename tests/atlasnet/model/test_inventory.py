# SPDX-License-Identifier: Apache-2.0
"""Where a model's parameters are."""

import json
from pathlib import Path

import keras
import pandas as pd
import pytest
from matplotlib.axes import Axes
from typer.testing import CliRunner

import atlasnet
from atlasnet.commands import app as cli
from atlasnet.figures import plot_circuit
from atlasnet.model.builder import build_model
from atlasnet.model.components import freeze
from atlasnet.model.inventory import parameters_by_area, parameters_by_pathway
from atlasnet.plan.spec import NetworkSpec


def test_parameters_are_listed_by_pathway(tiny_spec: NetworkSpec) -> None:
    # S has 4 units, P 5, M 6. P reads goal 2, S 4, M 6 and itself 5; see
    # test_parameters_are_those_of_the_pathways for the sums.
    model = build_model(tiny_spec)
    table = parameters_by_pathway(model)
    of_p = table[table.target == "P"]
    assert of_p[["source", "kind", "n_heard", "n_parameters"]].values.tolist() == [
        ["goal", "sensation", 2, 10],
        ["S", "same_step", 4, 20],
        ["M", "previous_step", 6, 30],
        ["P", "recurrent", 5, 25],
        ["", "biases", 0, 5],
    ]
    assert table.n_parameters.sum() == model.count_params()
    heads = table[table.kind == "layer"].set_index("target").n_parameters
    assert heads.to_dict() == {"policy": 42, "value_1": 98, "value": 8}


@pytest.mark.parametrize("cell", ["dense", "rate", "rnn", "gru", "lstm"])
def test_parameters_of_every_cell_are_counted(
    tiny_spec: NetworkSpec, cell: str
) -> None:
    areas = [a.model_copy(update={"cell": cell}) for a in tiny_spec.areas]
    model = build_model(tiny_spec.model_copy(update={"areas": tuple(areas)}))
    for table in (parameters_by_pathway(model), parameters_by_area(model)):
        assert table.n_parameters.sum() == model.count_params()


def test_parameters_are_listed_by_area(tiny_spec: NetworkSpec) -> None:
    model = build_model(tiny_spec)
    freeze(model, ["P", "policy"])
    table = parameters_by_area(model).set_index("name")
    assert table.loc["P"].to_dict() == {
        "layer": "p",
        "cell": "rate",
        "n_units": 5,
        "afferents": "goal, S, M",
        "n_parameters": 90,
        "is_trained": False,
    }
    assert table.is_trained.to_dict() == {
        "S": True,
        "P": False,
        "M": True,
        "policy": False,
        "value_1": True,
        "value": True,
    }


def test_any_keras_model_has_layers() -> None:
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2, name="only")])
    table = parameters_by_area(model)
    assert table[["name", "cell", "n_units", "n_parameters"]].values.tolist() == [
        ["only", "Dense", 2, 8]
    ]


def texts(ax: Axes) -> set[str]:
    return {text.get_text() for text in ax.texts}


def test_the_circuit_shows_parameters(tiny_spec: NetworkSpec) -> None:
    table = parameters_by_area(build_model(tiny_spec))
    counts = dict(zip(table["name"], table["n_parameters"], strict=True))
    ax = plot_circuit(tiny_spec, n_parameters={**counts, "M": 12_345, "S": 2_000_000})
    shown = texts(ax)
    # The value's layers, 98 and 8, are one box.
    assert {"90 weights", "12.3k weights", "2M weights", "42 weights"} <= shown
    assert "106 weights" in shown
    assert not any("weights" in text for text in texts(plot_circuit(tiny_spec)))
    assert "parameters" in ax.get_title(loc="left")


@pytest.mark.slow
def test_the_command_lists_parameters(tiny_spec: NetworkSpec, tmp_path: Path) -> None:
    path = tmp_path / "tiny.keras"
    model = build_model(tiny_spec)
    atlasnet.save_model(model, path)
    tiny_spec.save(tmp_path / "tiny.network.json")

    def call(*words: str) -> str:
        result = CliRunner().invoke(cli.app, [*words])
        assert result.exit_code == 0, result.stderr
        return result.stdout

    shown = call("parameters", str(path))
    assert f"{model.count_params():,}" in shown
    csv = tmp_path / "a.csv"
    words = ("--by", "pathway", "--json", "--csv", str(csv))
    found = json.loads(call("parameters", str(path), *words))
    assert found["n_parameters"] == model.count_params()
    assert found["pathway"][0]["source"] == "touch"
    assert pd.read_csv(csv).n_parameters.sum() == model.count_params()
    figures = call("show", str(path), "--figures", str(tmp_path / "figures"))
    assert "units and parameters" in " ".join(figures.split())
    missing = CliRunner().invoke(cli.app, ["parameters", str(tmp_path / "no.keras")])
    assert missing.exit_code == 2
    assert "no model file" in missing.stderr
