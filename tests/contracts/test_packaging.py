# SPDX-License-Identifier: Apache-2.0
"""The wheel holds everything, and works where nothing else of the project is."""

import shutil
import subprocess
import sys
import sysconfig
import tomllib
import zipfile
from pathlib import Path

import pytest

from tests.contracts.documents import ROOT

PARTS = ("atlasnet", "angora_train", "data", "pyproject.toml", "LICENSE", "README.md")
USE = """
from importlib.resources import files
import angora_train, atlasnet
from atlasnet import SnapshotSource
print(len(SnapshotSource().regions()))
print(atlasnet.__file__, angora_train.__file__, files("atlasnet.data"), sep="\\n")
"""


def test_every_package_is_listed() -> None:
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    listed = tomllib.loads(text)["tool"]["setuptools"]["packages"]
    found = [
        str(path.parent.relative_to(ROOT)).replace("/", ".")
        for package in ("atlasnet", "angora_train")
        for path in (ROOT / package).rglob("__init__.py")
    ]
    assert sorted(listed) == sorted([*found, "atlasnet.data"])


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from a copy so that the checkout stays clean."""
    folder = tmp_path_factory.mktemp("wheel")
    source = folder / "source"
    source.mkdir()
    for part in PARTS:
        if (ROOT / part).is_dir():
            ignored = shutil.ignore_patterns("__pycache__")
            shutil.copytree(ROOT / part, source / part, ignore=ignored)
        else:
            shutil.copy(ROOT / part, source / part)
    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation"]
    _run(*build, "--outdir", str(folder), str(source), cwd=folder)
    (path,) = folder.glob("*.whl")
    return path


def _run(*command: str, cwd: Path) -> str:
    """Run a command and return what it printed."""
    done = subprocess.run(
        command, cwd=cwd, capture_output=True, text=True, check=False, timeout=300
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.slow
def test_the_wheel_holds_data_presets_types_and_licences(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    tables = {f"atlasnet/data/{path.name}" for path in (ROOT / "data").glob("*.csv")}
    assert tables
    assert tables <= names
    assert {
        "atlasnet/data/LICENSES.md",
        "atlasnet/data/manifest.json",
        "atlasnet/presets/fpn.yaml",
        "angora_train/presets/reach.yaml",
        "angora_train/presets/networks/wide.yaml",
        "atlasnet/py.typed",
        "angora_train/py.typed",
    } <= names
    licences = {name.partition("/licenses/")[2] for name in names}
    assert {"LICENSE", "data/LICENSES.md"} <= licences
    assert not [name for name in names if name.startswith(("tests", "data/"))]


@pytest.mark.slow
def test_the_wheel_works_from_any_folder(wheel: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    environment = tmp_path / "environment"
    _run(sys.executable, "-m", "venv", "--without-pip", str(environment), cwd=elsewhere)
    python = environment / "bin" / "python"
    install = ("install", "--no-deps", "--no-index", "--quiet", str(wheel))
    pip = (sys.executable, "-m", "pip", "--python", str(python))
    _run(*pip, *install, cwd=elsewhere)
    # Dependencies come from this environment, behind the wheel. A .pth file inside a
    # folder that a .pth file adds is not read: the checkout stays out of sight.
    (site,) = environment.glob("lib/python*/site-packages")
    (site / "behind.pth").write_text(sysconfig.get_path("purelib"), encoding="utf-8")

    n_regions, *places = _run(str(python), "-c", USE, cwd=elsewhere).splitlines()
    assert int(n_regions) > 294  # those of the connectome, and more that are mapped
    assert [place for place in places if not place.startswith(str(site))] == []
    program = str(environment / "bin" / "atlasnet")
    assert "Area 4p (PreCG)" in _run(
        program, "regions", "--search", "4p", cwd=elsewhere
    )
