# SPDX-License-Identifier: Apache-2.0
from pathlib import Path

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
    assert pair[["area", "other"]].to_numpy().tolist() == [["A left", "B left"]]
    names = {x.name for x in tmp_path.glob("*.png")}
    assert names == {
        *("rsa_all.png", "rsa_within.png", "rsa_between.png", "rsa_correlation.png"),
        *("rsa_alignment.png", "rsa_movie.png"),
    }
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
