# SPDX-License-Identifier: Apache-2.0
import zipfile
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

import atlasnet
from atlasnet.errors import SpecError
from atlasnet.layers import Area, AreaCell
from atlasnet.model.builder import build_model
from atlasnet.plan.spec import AreaSpec, InputSpec, NetworkSpec, ValueSpec
from tests.conftest import pathway


def sensations(
    spec: NetworkSpec, rng: np.random.Generator, n_steps: int = 5
) -> dict[str, Any]:
    widths = {entry.name: entry.size for entry in spec.inputs}
    widths["auxiliary"] = spec.value.auxiliary_size
    return {
        name: rng.normal(size=(2, n_steps, width)).astype(np.float32)
        for name, width in widths.items()
    }


def activity(model: keras.Model, layer: str) -> keras.Model:
    return keras.Model(model.inputs, model.get_layer(layer).output)


def to_numpy(variable: Any) -> Any:
    return variable.numpy().copy()


def ordered(model: keras.Model, x: dict[str, Any]) -> list[Any]:
    return [x[tensor.name] for tensor in model.inputs]


def test_every_area_is_a_layer_of_its_planned_size(tiny_spec: NetworkSpec) -> None:
    model = build_model(tiny_spec)
    areas = {
        layer.region: layer.output.shape[-1]
        for layer in model.layers
        if isinstance(layer, Area)
    }
    assert areas == {"S": 4, "P": 5, "M": 6}


def test_every_area_is_named_in_the_weights_and_in_the_summary(
    tiny_spec: NetworkSpec,
) -> None:
    model = build_model(tiny_spec)
    paths = {variable.path for variable in model.trainable_variables}
    lines: list[str] = []
    model.summary(print_fn=lines.append)
    for name in ("s", "p", "m"):
        assert any(path.endswith(f"/{name}/kernel") for path in paths)
        assert any(f" {name} (Area)" in line for line in "\n".join(lines).splitlines())


def test_parameters_are_those_of_the_pathways(tiny_spec: NetworkSpec) -> None:
    # S: touch 3 -> 4, bias 4: 16. P: goal 2 + S 4 + M 6 + itself 5 = 17 rows x 5, bias
    # 5: 90. M: P 5 + itself 6 = 11 rows x 6, bias 6: 72. Policy: 6 x 6 + 6 = 42.
    # Value: (5 + 6 + 2) x 7 + 7 = 98, then 7 + 1 = 8.
    assert build_model(tiny_spec).count_params() == 16 + 90 + 72 + 42 + 98 + 8


def test_a_pathway_acts_in_the_same_step_or_one_step_later(
    tiny_spec: NetworkSpec, rng: np.random.Generator
) -> None:
    model = build_model(tiny_spec)
    x = sensations(tiny_spec, rng)
    changed = {name: value.copy() for name, value in x.items()}
    changed["touch"][:, 2] += 1.0
    moved = {
        name: np.abs(
            np.asarray(activity(model, name)(ordered(model, changed)))
            - np.asarray(activity(model, name)(ordered(model, x)))
        ).max(axis=(0, 2))
        for name in ("s", "p", "m")
    }
    for name in ("s", "p", "m"):  # S -> P -> M within step 2, nothing before
        assert (moved[name][:2] == 0).all()
        assert moved[name][2] > 1e-6
    assert moved["s"][3] == 0  # dense: no memory, and nothing leads back to S


def test_a_pathway_of_the_step_before_arrives_one_step_later_and_not_before(
    tiny_spec: NetworkSpec, rng: np.random.Generator
) -> None:
    # Two areas without memory, A -> B one step later: what A did at step 2, B shows
    # at step 3 and at no other.
    spec = NetworkSpec(
        name="echo",
        control_step_s=0.02,
        areas=(
            AreaSpec(name="A", n_units=3, cell="dense"),
            AreaSpec(name="B", n_units=4, cell="dense"),
        ),
        pathways=(pathway("A", "B", "previous_step"),),
        inputs=(InputSpec(name="touch", size=3, areas=("A",)),),
        action_areas=("B",),
        policy_size=2,
        value=ValueSpec(areas=("B",)),
    )
    read = activity(build_model(spec), "b")
    x = rng.normal(size=(2, 5, 3)).astype(np.float32)
    changed = x.copy()
    changed[:, 2] += 1.0
    moved = np.abs(np.asarray(read([changed])) - np.asarray(read([x]))).max(axis=(0, 2))
    assert (moved[[0, 1, 2, 4]] == 0).all()
    assert moved[3] > 1e-6


def test_columns_of_a_kernel_belong_to_the_named_afferents(
    tiny_spec: NetworkSpec, rng: np.random.Generator
) -> None:
    model = build_model(tiny_spec)
    cell: AreaCell = model.get_layer("areas").cell
    columns = cell.afferent_columns("P")
    assert {name: (part.start, part.stop) for name, part in columns.items()} == {
        "goal": (0, 2),
        "S": (2, 6),
        "M": (6, 12),
        "P": (12, 17),
    }
    kernel = to_numpy(cell.populations[1].kernel)
    kernel[:, columns["goal"]] = 0.0
    cell.populations[1].kernel.assign(kernel)
    x = sensations(tiny_spec, rng)
    blind = {**x, "goal": x["goal"] + 1.0}
    read = activity(model, "p")
    same = np.asarray(read(ordered(model, x))) == np.asarray(
        read(ordered(model, blind))
    )
    assert same.all()


def test_only_the_value_head_reads_the_auxiliary_input(
    tiny_spec: NetworkSpec, rng: np.random.Generator
) -> None:
    model = build_model(tiny_spec)
    x = sensations(tiny_spec, rng)
    privileged = {**x, "auxiliary": x["auxiliary"] + 1.0}
    before, after = model(x), model(privileged)
    assert (np.asarray(before["policy"]) == np.asarray(after["policy"])).all()
    assert np.abs(np.asarray(before["value"] - after["value"])).max() > 1e-6


def test_an_areas_first_weights_do_not_depend_on_the_order_of_areas(
    tiny_spec: NetworkSpec,
) -> None:
    other = NetworkSpec(
        **{
            **tiny_spec.model_dump(),
            "inputs": tuple(reversed([i.model_dump() for i in tiny_spec.inputs])),
        }
    )
    first, second = build_model(tiny_spec), build_model(other)
    for a, b in zip(
        first.get_layer("areas").cell.populations,
        second.get_layer("areas").cell.populations,
        strict=True,
    ):
        assert (to_numpy(a.kernel) == to_numpy(b.kernel)).all()


def test_another_seed_gives_other_weights(tiny_spec: NetworkSpec) -> None:
    kernels = [
        to_numpy(build_model(tiny_spec, seed).get_layer("policy").kernel)
        for seed in (0, 0, 1)
    ]
    assert (kernels[0] == kernels[1]).all()
    assert (kernels[0] != kernels[2]).any()


@pytest.mark.slow
def test_a_saved_model_gives_the_same_outputs(
    tiny_spec: NetworkSpec, rng: np.random.Generator, tmp_path: Path
) -> None:
    model = build_model(tiny_spec)
    atlasnet.save_model(model, tmp_path / "tiny.keras")
    again = atlasnet.load_model(tmp_path / "tiny.keras")
    plain = keras.models.load_model(tmp_path / "tiny.keras")
    x = sensations(tiny_spec, rng)
    for other in (again, plain):
        for head in ("policy", "value"):
            assert (np.asarray(model(x)[head]) == np.asarray(other(x)[head])).all()
    assert atlasnet.spec_of(again) == tiny_spec


def test_a_model_whose_kernels_have_their_axes_the_other_way_is_refused(
    tiny_spec: NetworkSpec, tmp_path: Path
) -> None:
    # What was saved before says nothing of axes; a square kernel's shape does not tell.
    config = build_model(tiny_spec).get_layer("areas").cell.get_config()
    again = AreaCell.from_config(config)
    assert again.get_config() == config
    config.pop("kernel_axes")
    with pytest.raises(SpecError, match="axes the other way round"):
        AreaCell.from_config(config)
    atlasnet.save_model(build_model(tiny_spec), tmp_path / "new.keras")
    with (
        zipfile.ZipFile(tmp_path / "new.keras") as new,
        zipfile.ZipFile(tmp_path / "old.keras", "w") as old,
    ):
        for name in new.namelist():
            data = new.read(name)
            if name == "config.json":
                found = data.decode()
                text = found.replace('"kernel_axes"', '"other"')
                assert text != found
                data = text.encode()
            old.writestr(name, data)
    with pytest.raises(SpecError, match=r"old\.keras' cannot be read as a model"):
        atlasnet.load_model(tmp_path / "old.keras")


def test_a_file_that_is_no_model_is_one_clear_error(tmp_path: Path) -> None:
    (tmp_path / "broken.keras").write_text("nothing")
    with pytest.raises(SpecError, match=r"broken\.keras' cannot be read as a model"):
        atlasnet.load_model(tmp_path / "broken.keras")
    with pytest.raises(SpecError, match="no model file"):
        atlasnet.load_model(tmp_path / "missing.keras")
    with pytest.raises(SpecError, match=r"ends in '\.keras'"):
        atlasnet.load_model(tmp_path / "model.h5")


@pytest.mark.parametrize("name", ["value", "noise", "p", "areas", "a/b"])
def test_a_sensation_named_like_a_part_of_the_network_is_refused(
    name: str, tiny_spec: NetworkSpec
) -> None:
    first, *others = tiny_spec.model_dump()["inputs"]
    data = {**tiny_spec.model_dump(), "inputs": ({**first, "name": name}, *others)}
    spec = NetworkSpec.model_validate(data)
    with pytest.raises(SpecError, match=f"cannot be called '{name}'"):
        build_model(spec)
