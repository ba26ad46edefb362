# SPDX-License-Identifier: Apache-2.0
"""One list of dependencies, and nothing that only one machine has."""

import re
import shutil
import subprocess
import tomllib
from typing import Any

import pytest
import yaml
from packaging.requirements import Requirement

from tests.contracts.documents import ROOT


def _project() -> dict[str, Any]:
    """Return the project table of pyproject.toml."""
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    project: dict[str, Any] = tomllib.loads(text)["project"]
    return project


def _declared(*extras: str) -> list[Requirement]:
    """Return the declared dependencies, with those of some extras."""
    project = _project()
    lines = list(project["dependencies"])
    for extra in extras:
        lines += project["optional-dependencies"][extra]
    return [Requirement(line) for line in lines]


def _pins() -> list[tuple[Requirement, int]]:
    """Return every pin of requirements.txt and the number of its hashes."""
    text = (ROOT / "requirements.txt").read_text(encoding="utf-8")
    entries = text.replace("\\\n", " ").splitlines()
    lines = [line for line in entries if line and not line.lstrip().startswith("#")]
    return [
        (Requirement(line.partition("--hash")[0]), line.count("--hash=sha256:"))
        for line in lines
    ]


def test_conda_gets_the_same_packages_and_ranges() -> None:
    text = (ROOT / "environment.yml").read_text(encoding="utf-8")
    python, pip, listed = yaml.safe_load(text)["dependencies"]
    assert pip == "pip"
    assert python == f"python{_project()['requires-python']}"
    ours = {str(requirement) for requirement in _declared("train", "live")}
    assert {str(Requirement(line)) for line in listed["pip"]} == ours


def test_every_dependency_is_pinned_within_its_range() -> None:
    pinned: dict[str, list[Requirement]] = {}
    for pin, _ in _pins():
        pinned.setdefault(pin.name, []).append(pin)
    for requirement in _declared("train", "live", "dev"):
        for pin in pinned[requirement.name.lower().replace("_", "-")]:
            (exact,) = pin.specifier
            assert exact.operator == "=="
            assert requirement.specifier.contains(exact.version, prereleases=True)


def test_every_pin_has_a_hash() -> None:
    assert [pin.name for pin, n_hashes in _pins() if n_hashes == 0] == []


def test_what_is_pinned_names_no_index_and_no_place() -> None:
    text = (ROOT / "requirements.txt").read_text(encoding="utf-8")
    assert re.findall(r"--\w*index|--find-links|://| @ |file:", text) == []


def test_no_file_names_a_place_that_only_one_machine_has() -> None:
    if shutil.which("git") is None or not (ROOT / ".git").exists():
        pytest.skip("not a git checkout")
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    # Written in halves, so that this file does not find itself.
    places = "|".join(
        [
            "/" + "work/",
            "/" + "root/",
            "/" + "home/",
            "/" + "opt/",
            "pypi" + r"\.org",
            "python" + "hosted",
        ]
    )
    pattern = re.compile(places.encode())
    paths = [ROOT / name for name in listed.stdout.split("\0") if name]
    found = [p.name for p in paths if p.is_file() and pattern.search(p.read_bytes())]
    assert found == []
