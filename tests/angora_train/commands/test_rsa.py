# SPDX-License-Identifier: Apache-2.0
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from typer.testing import CliRunner

from angora_train.analysis.figures import plot_fits
from angora_train.analysis.recording.schema import VERSION
from angora_train.commands.app import app
from tests.angora_train.analysis.rsa.test_comparison import planted

MODELS = ("--model", "goal=goal", "--model", "posture=vision")
FAST = ("--phases", "3", "--resamples", "50")


def write(path: Path) -> Path:
    recording = planted(0, goal=1.0)
    recording["area"] = ("unit", ["A left"] * 8 + ["B left"] * 8)
    recording.attrs["recording_version"] = VERSION
    recording.to_netcdf(path, engine="h5netcdf")
    return path


def test_a_recording_becomes_tables_arrays_and_pictures(tmp_path: Path) -> None:
    path = write(tmp_path / "one.nc")
    arguments = ["rsa", str(path), *MODELS, *FAST, "--event", "goal", "--before", "0"]
    result = CliRunner().invoke(app, [*arguments, "--after", "4"])
    assert result.exit_code == 0, result.output
    table = pd.read_csv(tmp_path / "rsa.csv")
    assert set(table["area"]) == {"A left", "B left"}
    assert set(table["control"]) == {"trained", "shuffled"}
    with xr.open_dataset(tmp_path / "rsa.nc", engine="h5netcdf") as arrays:
        assert arrays.sizes["pair"] == 18 * 17 // 2  # 6 kinds in 3 phases
    pair = pd.read_csv(tmp_path / "rsa_alignment.csv")
    assert pair[["area", "other"]].to_numpy().tolist() == [
        ["A left", "B left"],
        ["A left", "mean of others"],
        ["B left", "mean of others"],
    ]
    np.testing.assert_allclose(pair["cka"], pair["cka"][0])  # of one other, that one
    names = {x.name for x in tmp_path.glob("*.png")}
    assert names == {
        *("rsa_all.png", "rsa_within.png", "rsa_between.png", "rsa_correlation.png"),
        *("rsa_alignment.png", "rsa_movie.png"),
    }
    with xr.open_dataset(tmp_path / "rsa_movie.nc", engine="h5netcdf") as movie:
        assert movie["overall"].dims == ("control", "lag")
    axes = plot_fits(table)
    assert [ax.get_title(loc="left") for ax in axes] == [
        *("goal kind", "phase", "goal", "posture")
    ]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--model", "posture"), "NAME=VARIABLE"),
        (("--model", "posture=vison"), "Close match"),
        (("--by", "gaol"), "Allowed: goal, phase, contact, labels"),
        (("--by", "labels"), "go together"),
        (("--folds", "1"), "1 fold cannot be cross-validated"),
        (("--rdm", "none.csv"), "There is no matrix"),
        (("--event", "reached"), "success_at"),
    ],
)
def test_a_wrong_option_is_one_sentence(
    options: tuple[str, ...], said: str, tmp_path: Path
) -> None:
    path = write(tmp_path / "one.nc")
    result = CliRunner().invoke(app, ["rsa", str(path), *FAST, *options])
    assert result.exit_code != 0
    assert said in f"{result.output} {result.exception}"
    assert [x.name for x in tmp_path.iterdir()] == ["one.nc"]


def test_labels_of_each_subject_make_conditions_and_a_movie(tmp_path: Path) -> None:
    paths = [write(tmp_path / f"{name}.nc") for name in ("one", "two")]
    names = np.array(["a", "b", "c", "d", "e", "f"])
    labels = pd.concat(
        pd.DataFrame({"subject": s, "episode": range(60), "label": np.tile(names, 10)})
        for s in ("one", "two")
    )
    labels.to_csv(tmp_path / "labels.csv", index=False)
    options = ["--by", "labels,phase", "--labels", str(tmp_path / "labels.csv")]
    options += ["--event", "goal", "--before", "0", "--after", "3"]
    out = tmp_path / "out"
    arguments = ["rsa", *map(str, paths), *MODELS, *FAST, *options, "--out", str(out)]
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 0, f"{result.output} {result.exception}"
    with xr.open_dataset(out / "rsa_movie.nc", engine="h5netcdf") as movie:
        assert movie.sizes["subject"] == 2
        assert movie.sizes["pair"] == 15  # six labels
        assert movie.attrs["over"] == "subjects"
    pair = pd.read_csv(out / "rsa_alignment.csv")
    assert {"one", "two", "all"} == set(pair["subject"])
    labels[labels["subject"] == "one"].to_csv(tmp_path / "labels.csv", index=False)
    result = CliRunner().invoke(app, arguments)
    assert "no rows of the subject 'two'" in f"{result.output} {result.exception}"
