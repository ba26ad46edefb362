# SPDX-License-Identifier: Apache-2.0
"""Pretraining of vision: pictures, rotations, the network and its error."""

import json
from pathlib import Path
from typing import Any

import keras
import mujoco
import numpy as np
import pytest
from typer.testing import CliRunner

import atlasnet
from angora_train.agent.distributions import MultiCategorical
from angora_train.commands import app as cli
from angora_train.config.loading import load_pretraining
from angora_train.config.run import NetworkConfig, PolicyConfig, PretrainingConfig
from angora_train.engine import make_engine
from angora_train.errors import ConfigError, DivergenceError, TaskError
from angora_train.networks.make import make_network
from angora_train.pretraining.fitting import _fit as fit
from angora_train.pretraining.fitting import pose_errors, pretrain
from angora_train.pretraining.images import PoseImages, load_images, make_images
from angora_train.pretraining.network import convolutional_stream, pose_network
from angora_train.pretraining.rotation import (
    from_matrix,
    matrices,
    mean_orientation,
    to_six_numbers,
    turned_apart,
)
from angora_train.tasks.cube.orientation import (
    about_axis,
    angle_between,
    canonical,
    multiply,
    parallel_orientations,
    rotate,
    uniform_orientations,
)
from angora_train.tasks.cube.starts import held_state
from angora_train.tasks.hand.cameras import open_eyes
from angora_train.tasks.hand.model import compose_cube_model
from angora_train.tasks.worlds.rendering import Renderer, Style
from angora_train.tasks.worlds.simulation import Simulation
from angora_train.tasks.worlds.vision import VisionConfig
from atlasnet.plan.spec import (
    AreaSpec,
    ImageSpec,
    InputSpec,
    MapSpec,
    NetworkSpec,
    ValueSpec,
)
from tests.conftest import pathway

SMALL = PretrainingConfig(height_px=32, width_px=32, hand="shapes")


@pytest.fixture
def _graphics() -> None:
    """Skip where there is truly no graphics library, as `make setup` would tell."""
    try:
        Renderer(mujoco.MjModel.from_xml_string("<mujoco/>"), Style()).close()
    except TaskError as error:
        pytest.skip(str(error))


def small(**changes: object) -> PretrainingConfig:
    return SMALL.model_copy(update={"n_images": 40, "n_held_out": 12, **changes})


# --- rotations ----------------------------------------------------------------------


def test_six_numbers_are_the_first_two_columns(rng: np.random.Generator) -> None:
    # A quarter about z: x leads to y, y to -x.
    quarter = about_axis(np.array([0.0, 0, 1]), np.pi / 2)
    six = to_six_numbers(quarter[None])
    np.testing.assert_allclose(six, [[0, 1, 0, -1, 0, 0]], atol=1e-6)
    q = uniform_orientations(rng, 50)
    # A quaternion and its negative are the same six numbers.
    assert (to_six_numbers(q) == to_six_numbers(-q)).all()


def test_any_six_numbers_are_a_rotation(rng: np.random.Generator) -> None:
    m = np.asarray(matrices(keras.ops.convert_to_tensor(rng.normal(size=(50, 6)))))
    np.testing.assert_allclose(
        m @ m.transpose(0, 2, 1), np.tile(np.eye(3), (50, 1, 1)), atol=1e-5
    )
    np.testing.assert_allclose(np.linalg.det(m), 1.0, atol=1e-5)


def test_rotations_survive_six_numbers_and_matrices(rng: np.random.Generator) -> None:
    q = np.concatenate([uniform_orientations(rng, 50), parallel_orientations()])
    again = from_matrix(np.asarray(matrices(to_six_numbers(q))))
    assert np.rad2deg(angle_between(q, again)).max() < 0.1
    v = rng.normal(size=3)
    m = np.asarray(matrices(to_six_numbers(q)))
    np.testing.assert_allclose(m @ v, rotate(q, v), atol=1e-5)


@pytest.mark.parametrize("angle_deg", [0.0, 30.0, 90.0, 180.0])
def test_the_loss_is_one_minus_the_cosine(
    angle_deg: float, rng: np.random.Generator
) -> None:
    q = uniform_orientations(rng, 20)
    axis = np.array([0.6, 0.0, 0.8])
    turned = multiply(about_axis(axis, np.deg2rad(angle_deg)), q)
    six = keras.ops.convert_to_tensor(3.0 * to_six_numbers(turned))
    loss = np.asarray(turned_apart(six, to_six_numbers(q)))
    assert loss == pytest.approx(1.0 - np.cos(np.deg2rad(angle_deg)), abs=1e-5)


def test_the_mean_orientation_does_not_mind_signs() -> None:
    z = np.array([0.0, 0, 1])
    q = np.stack([about_axis(z, a) for a in (0.2, 0.6)])
    q[1] *= -1
    np.testing.assert_allclose(mean_orientation(q), canonical(about_axis(z, 0.4)))


def test_errors_are_in_cm_and_degrees() -> None:
    truth = PoseImages(
        np.zeros((2, 4, 4, 3), np.uint8),
        np.float32([[0.0, 0, 0], [1, 0, 0]]),
        np.float32([[1.0, 0, 0, 0], [0, 0, 0, 1]]),
    )
    # 3 and 4 mm along two axes are 0.5 cm; half a turn about z is 90 degrees from a
    # quarter, whatever the quaternion's sign.
    said = np.array([[0.003, 0.004, 0.0], [1.0, 0.0, 0.0]])
    turned = np.stack([[-1.0, 0, 0, 0], about_axis(np.array([0.0, 0, 1]), np.pi / 2)])
    errors = pose_errors(said, turned, truth)
    assert errors.position_cm == pytest.approx([0.5, 0.0], abs=1e-6)
    assert errors.orientation_deg == pytest.approx([0.0, 90.0], abs=1e-4)
    assert errors.summary()["position_cm"] == pytest.approx(
        {"median": 0.25, "mean": 0.25}
    )


# --- pictures -----------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.usefixtures("_graphics")
def test_no_two_orientations_of_the_cube_look_alike() -> None:
    # Every face has a letter and a colour of its own: all 24 orientations with faces
    # parallel to the world's planes differ in what the camera sees. Least so the half
    # turn with N on top, which looks the same, and the shaded red I or crimson A below.
    model = compose_cube_model()
    simulation = Simulation(model, held_state(model), 24, n_substeps=1)
    qpos = held_state(model).qpos.copy()
    for world, orientation in enumerate(parallel_orientations()):
        qpos[27:31] = orientation
        simulation.place(world, qpos)
    eyes = open_eyes(VisionConfig(kind="rgb"), simulation)
    assert eyes is not None
    seen = eyes.see(np.arange(24)).astype(int)
    eyes.close()
    for i in range(24):
        for j in range(i):
            n_differing = (np.abs(seen[i] - seen[j]).max(axis=-1) > 12).sum()
            assert n_differing > 100


@pytest.mark.slow
@pytest.mark.usefixtures("_graphics")
def test_pictures_follow_from_seed_and_number_and_are_gone_on_with(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("angora_train.pretraining.images._SHARD", 16)
    told: list[tuple[int, int]] = []
    make_images(small(), tmp_path / "a", lambda i, n: told.append((i, n)))
    assert told[0] == (0, 52)
    assert told[-1] == (52, 52)
    files = sorted(path.name for path in (tmp_path / "a").glob("*.npz"))
    assert files == [
        "held_out-0000-12.npz",
        "training-0000-16.npz",
        "training-0001-16.npz",
        "training-0002-8.npz",
    ]
    whole = load_images(small(), tmp_path / "a", "training")
    assert whole.vision.shape == (40, 32, 32, 3)
    assert whole.vision.dtype == np.uint8
    np.testing.assert_allclose(np.linalg.norm(whole.orientation, axis=1), 1, atol=1e-5)
    assert (whole.orientation[:, 0] >= 0).all()
    # A missing file is made anew, the same; others are left alone.
    gone = tmp_path / "a" / "training-0001-16.npz"
    kept = tmp_path / "a" / "training-0000-16.npz"
    written_s = kept.stat().st_mtime_ns
    gone.unlink()
    make_images(small(), tmp_path / "a")
    again = load_images(small(), tmp_path / "a", "training")
    assert (again.vision == whole.vision).all()
    assert (again.position_m == whole.position_m).all()
    assert kept.stat().st_mtime_ns == written_s
    # More of them are more files; what is there already stays.
    make_images(small(n_images=48), tmp_path / "a")
    more = load_images(small(n_images=48), tmp_path / "a", "training")
    assert (more.vision[:32] == whole.vision[:32]).all()
    with pytest.raises(ConfigError, match=r"made with seed 0, wanted is 1.*seed=0"):
        make_images(small(seed=1), tmp_path / "a")
    gone.write_bytes(b"no pictures")
    with pytest.raises(ConfigError, match=r"training-0001-16.npz' cannot be read"):
        load_images(small(), tmp_path / "a", "training")


# --- network ------------------------------------------------------------------------


def test_the_head_says_places_in_metres_about_their_mean(
    rng: np.random.Generator,
) -> None:
    places = rng.normal([1.0, 0.9, 0.2], [0.02, 0.01, 0.03], (500, 3))
    model = pose_network(SMALL, places)
    out = model(rng.random((64, 32, 32, 3)).astype(np.float32))
    assert np.asarray(out["position_m"]).mean(axis=0) == pytest.approx(
        places.mean(axis=0), abs=0.1
    )
    assert out["rotation"].shape == (64, 6)


def test_a_network_of_ones_own_is_read_where_it_is_asked_to(tmp_path: Path) -> None:
    picture = keras.Input((32, 32, 3))
    x = keras.layers.Conv2D(4, 5, 4, name="first")(picture)
    x = keras.layers.GlobalMaxPooling2D(name="second")(x)
    path = tmp_path / "own.keras"
    atlasnet.save_model(keras.Model(picture, keras.layers.Dense(2)(x)), path)
    places = np.zeros((3, 3))
    for layers, width in ((("first",), 7 * 7 * 4), (("first", "second"), 200), ((), 2)):
        model = pose_network(small(network=path, features=layers), places)
        assert model.get_layer("rotation").kernel.shape == (width, 6)
    with pytest.raises(ConfigError, match=r"no layer 'secnd'.*matches: second"):
        pose_network(small(network=path, features=("secnd",)), places)
    with pytest.raises(ConfigError, match=r"reads \(32, 32, 3\); it must .*\(32, 40,"):
        pose_network(small(network=path, width_px=40), places)
    with pytest.raises(ConfigError, match="no model file"):
        pose_network(small(network=tmp_path / "none.keras"), places)


def test_settings_come_from_a_file_and_changes(tmp_path: Path) -> None:
    path = tmp_path / "pose.yaml"
    path.write_text("n_images: 50\n")
    config = load_pretraining(str(path), ["n_epochs=3"])
    assert (config.n_images, config.n_epochs, config.n_held_out) == (50, 3, 2000)
    with pytest.raises(ConfigError, match=r"'n_image'. Close matches: n_images"):
        load_pretraining(None, ["n_image=3"])


@pytest.mark.slow
@pytest.mark.usefixtures("_graphics")
def test_the_network_learns_and_a_run_reads_its_features(tmp_path: Path) -> None:
    settings = {
        "height_px": 32,
        "width_px": 32,
        "hand": "shapes",
        "n_images": 400,
        "n_held_out": 60,
        "n_epochs": 12,
        "batch_size": 32,
    }
    words = [w for k, v in settings.items() for w in ("--set", f"{k}={v}")]
    out = tmp_path / "pose"
    result = CliRunner().invoke(cli.app, ["pretrain", "--out", str(out), *words])
    assert result.exit_code == 0, result.stderr
    assert "held-out" in result.stdout
    report = json.loads((out / "report.json").read_text())
    error, baseline = report["error"], report["baseline"]
    assert error["position_cm"]["median"] < 0.8 * baseline["position_cm"]["median"]
    assert report["loss"][-1] < 0.7 * report["loss"][0]
    assert (out / "pose.png").stat().st_size > 10_000
    # The same settings give the same network, from pictures that are there already.
    config = load_pretraining(None, [f"{k}={v}" for k, v in settings.items()])
    again = pretrain(config, out)
    for key, row in again.report["error"].items():
        assert row == pytest.approx(error[key], rel=1e-2)
    # A run's network reads the features, and keeps the stream as it is.
    network = NetworkConfig.model_validate(
        {
            "regions": ["Area 4p (PreCG)", "Area 3a (PostCG)", "Area hIP2 (IPS)"],
            "n_units": 48,
            "floor": 8,
            "inputs": {"vision": ["Area hIP2 (IPS) left"]},
            "streams": {"vision": {"path": out / "pose.keras"}},
            "frozen": ["vision_stream"],
        }
    )
    shapes = {"vision": (32, 32, 3), "proprioception": (48,), "touch": (92,)}
    model = make_network(
        network,
        PolicyConfig(),
        {**shapes, "goal": (4,), "auxiliary": (26,)},
        MultiCategorical(20, 11),
        control_step_s=0.08,
        seed=0,
    )
    assert model.get_layer("vision_stream").n_features == 256
    given = {x.name: x.shape for x in model.inputs}
    assert given["vision"] == (None, None, 32, 32, 3)
    assert not any("vision_stream" in v.path for v in model.trainable_variables)
    conv = model.get_layer("vision_stream").stream.get_layer("conv_1")
    kept = atlasnet.load_model(out / "pose.keras").get_layer("conv_1")
    assert (np.asarray(conv.kernel) == np.asarray(kept.kernel)).all()


def test_streams_that_a_run_cannot_read_are_named(tmp_path: Path) -> None:
    path = tmp_path / "stream.keras"
    atlasnet.save_model(convolutional_stream((32, 32, 3)), path)

    def make(streams: dict[str, object], shapes: dict[str, tuple[int, ...]]) -> None:
        make_network(
            NetworkConfig.model_validate(
                {"architecture": "simple", "streams": streams}
            ),
            PolicyConfig(),
            shapes,
            MultiCategorical(20, 11),
            control_step_s=0.02,
            seed=0,
        )

    with pytest.raises(ConfigError, match=r"no sensation 'vison'.*matches: vision"):
        make({"vison": {"path": path}}, {"vision": (32, 32, 3)})
    with pytest.raises(ConfigError, match=r"reads \(32, 32, 3\), the task's .*\(7,\)"):
        make({"vision": {"path": path}}, {"vision": (7,)})
    with pytest.raises(ConfigError, match=r"streams.vision.layer: .*matches: conv_1"):
        make({"vision": {"path": path, "layer": "conv1"}}, {"vision": (32, 32, 3)})


@pytest.mark.slow
def test_a_stream_may_stand_for_areas_of_the_atlas(tmp_path: Path) -> None:
    path = tmp_path / "stream.keras"
    atlasnet.save_model(convolutional_stream((32, 32, 3)), path)
    stream = {"path": path, "replaces": ["V6A left", "cIPS left"]}
    given: dict[str, Any] = {
        "policy": PolicyConfig(),
        "shapes": {
            "vision": (32, 32, 3),
            "proprioception": (48,),
            "touch": (92,),
            "goal": (4,),
            "auxiliary": (26,),
        },
        "distribution": MultiCategorical(20, 11),
        "control_step_s": 0.08,
        "seed": 0,
    }
    network = {"n_units": 256, "floor": 4, "streams": {"vision": stream}}
    spec = atlasnet.spec_of(
        make_network(NetworkConfig.model_validate(network), **given)
    )
    assert spec is not None
    names = {area.name for area in spec.areas}
    assert names.isdisjoint({"V6A left", "cIPS left"})
    # 7P left reads V6A, and so the features instead; and mIPS, which read vision, too.
    (entry,) = [entry for entry in spec.inputs if entry.name == "vision"]
    assert entry.size == 256
    assert {"7P left", "mIPS left"} <= set(entry.areas)


@pytest.mark.slow
def test_a_network_takes_an_area_as_another_has_it(tmp_path: Path) -> None:
    given: dict[str, Any] = {
        "policy": PolicyConfig(),
        "shapes": {
            "vision": (7,),
            "proprioception": (48,),
            "touch": (92,),
            "goal": (4,),
            "auxiliary": (26,),
        },
        "distribution": MultiCategorical(20, 11),
        "control_step_s": 0.08,
        "seed": 0,
    }
    base = {"preset": "fpn-compact", "n_units": 64, "floor": 4}
    larger = NetworkConfig.model_validate({**base, "n_units": 128})
    path = tmp_path / "larger.keras"
    atlasnet.save_model(make_network(larger, **{**given, "seed": 7}), path)
    part = {"path": path, "parts": ["SSC left"], "replace": True}
    model = make_network(
        NetworkConfig.model_validate({**base, "pretrained": part}), **given
    )
    spec, other = atlasnet.spec_of(model), atlasnet.spec_of(atlasnet.load_model(path))
    assert spec is not None
    assert other is not None
    assert spec.area("SSC left") == other.area("SSC left")
    assert spec.area("PMC left").n_units < other.area("PMC left").n_units
    plain = {**base, "pretrained": {"path": path, "parts": ["SSC left"]}}
    with pytest.raises(ConfigError, match=r"'SSC left' cannot .* units here"):
        make_network(NetworkConfig.model_validate(plain), **given)


def test_a_loss_that_is_no_number_stops_the_learning(
    rng: np.random.Generator,
) -> None:
    images = PoseImages(
        rng.integers(0, 256, (8, 32, 32, 3)).astype(np.uint8),
        np.full((8, 3), np.nan, np.float32),
        uniform_orientations(rng, 8).astype(np.float32),
    )
    model = pose_network(SMALL, rng.normal(size=(8, 3)))
    engine = make_engine()
    with pytest.raises(DivergenceError, match="epoch 1, update 1 is nan"):
        fit(model, images, SMALL, engine, lambda *_: None)


# --- areas with maps ----------------------------------------------------------------


@pytest.fixture
def seeing_spec() -> NetworkSpec:
    """A picture of 16 x 16 enters V (4 x 4 x 3), which leads to W (2 x 2 x 5) and M."""
    v = MapSpec(height=4, width=4, n_channels=3, spacing_px=4, field_px=6.0)
    w = MapSpec(height=2, width=2, n_channels=5, spacing_px=8, field_px=14.0)
    return NetworkSpec(
        name="seeing",
        control_step_s=0.02,
        areas=(
            AreaSpec(name="V", n_units=48, cell="dense", map=v),
            AreaSpec(name="W", n_units=20, cell="rate", map=w),
            AreaSpec(name="M", n_units=6, cell="rate"),
        ),
        pathways=(
            pathway("V", "W"),
            pathway("W", "V", "previous_step"),
            pathway("W", "M"),
        ),
        inputs=(
            InputSpec(
                name="vision",
                size=16 * 16 * 3,
                areas=("V",),
                image=ImageSpec(height_px=16, width_px=16, n_channels=3),
            ),
            InputSpec(name="touch", size=4, areas=("M",)),
        ),
        action_areas=("M",),
        policy_size=2,
        value=ValueSpec(areas=("M",)),
    )


@pytest.mark.slow
def test_visual_areas_are_a_stream_that_is_pretrained(
    seeing_spec: NetworkSpec, tmp_path: Path, rng: np.random.Generator
) -> None:
    model, path = atlasnet.build_model(seeing_spec, seed=1), tmp_path / "seeing.keras"
    atlasnet.save_model(model, path)
    config = small(height_px=16, width_px=16, network=path)
    pose = pose_network(config, rng.normal(size=(9, 3)))
    # W, 20 units, is the end of the stream: V leads to it.
    assert pose.get_layer("rotation").kernel.shape == (20, 6)
    pictures = rng.random((2, 16, 16, 3)).astype(np.float32)
    read = keras.Model({x.name: x for x in model.inputs}, model.get_layer("w").output)
    given = {"vision": pictures[:, None], "touch": np.zeros((2, 1, 4), np.float32)}
    activity = np.asarray(read(given)).reshape(2, -1)
    rotation = pose.get_layer("rotation")
    expected = activity @ np.asarray(rotation.kernel) + np.asarray(rotation.bias)
    out = pose(pictures)
    np.testing.assert_allclose(out["rotation"], expected, atol=1e-5)
    # Saved and loaded, its areas are taken over by name.
    atlasnet.save_model(pose, tmp_path / "pose.keras")
    again = atlasnet.load_model(tmp_path / "pose.keras")
    np.testing.assert_allclose(again(pictures)["rotation"], out["rotation"], atol=1e-5)
    fresh = atlasnet.build_model(seeing_spec, seed=2)
    taken = atlasnet.take_weights(fresh, again, ["V", "W"]).taken
    assert taken == ("V", "vision -> V", "W -> V", "W", "V -> W", "W -> W")
    both = pose_network(
        config.model_copy(update={"features": ("V", "W")}), np.zeros((3, 3))
    )
    assert both.get_layer("rotation").kernel.shape == (68, 6)
    with pytest.raises(ConfigError, match=r"no layer 'X'"):
        pose_network(config.model_copy(update={"features": ("X",)}), np.zeros((3, 3)))
    with pytest.raises(ConfigError, match=r"it must read one picture of \(32, 32, 3\)"):
        pose_network(small(network=path), np.zeros((3, 3)))


@pytest.mark.slow
def test_areas_with_maps_are_lesioned_and_counted(
    seeing_spec: NetworkSpec, rng: np.random.Generator
) -> None:
    model = atlasnet.build_model(seeing_spec)
    x = {
        "vision": rng.random((2, 4, 16, 16, 3)).astype(np.float32),
        "touch": rng.random((2, 4, 4)).astype(np.float32),
    }

    def activity(one: keras.Model) -> dict[str, np.ndarray]:
        read = {name: one.get_layer(name).output for name in ("v", "w", "m")}
        inputs = {t.name: t for t in one.inputs}
        return {k: np.asarray(v) for k, v in keras.Model(inputs, read)(x).items()}

    before = activity(model)
    lesioned = activity(atlasnet.intervene(model, [atlasnet.Lesion(area="W")]))
    assert (lesioned["w"] == 0).all()
    assert (lesioned["v"][:, 0] == before["v"][:, 0]).all()
    assert (lesioned["v"][:, 1:] != before["v"][:, 1:]).any()
    lesion = atlasnet.Lesion(area="V", source="W")
    cut = activity(atlasnet.intervene(model, [lesion]))
    np.testing.assert_allclose(cut["v"], lesioned["v"], atol=1e-6)
    assert (cut["w"] != 0).any()
    blind = atlasnet.Lesion(area="V", source="vision")
    dark = activity(atlasnet.intervene(model, [blind]))["v"]
    np.testing.assert_allclose(dark[:, 0], 0, atol=1e-6)
    table = atlasnet.parameters_by_pathway(model)
    assert table.n_parameters.sum() == model.count_params()
    # V's kernel of a picture: 6 x 6 pixels, 3 colours, 3 channels.
    row = table[(table.target == "V") & (table.source == "vision")]
    assert row.n_parameters.item() == 6 * 6 * 3 * 3
