# SPDX-License-Identifier: Apache-2.0
"""The benchmark of other programs' files counts each once, and builds what it says."""

import runpy
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import networkx as nx
import pytest

from tests.contracts.documents import ROOT


@pytest.fixture
def foreign(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(ROOT / "benchmarks")
    found = runpy.run_path(str(ROOT / "benchmarks" / "foreign.py"))
    return SimpleNamespace(**found)


def test_every_file_is_read_or_refused_with_its_reason(
    foreign: Any, tmp_path: Path
) -> None:
    place = tmp_path / "matrices-1"
    place.mkdir()
    for name, text in (
        ("good.csv", "a,b\n0,5\n5,0\n"),
        ("directed.csv", "0 5\n3 0\n"),
        ("broken.csv", "0 1\n1\n"),
        ("other.md", "no matrix"),
    ):
        (place / name).write_text(text)
    empty = tmp_path / "empty-2"
    empty.mkdir()
    packages = [foreign.Package(n, ("*.csv",)) for n in ("matrices==1", "empty==2")]
    figures = foreign.read_all(packages, tmp_path)
    counts = {name: figures[name]["value"] for name in list(figures)[:4]}
    assert counts == {
        "files_tried": 3,
        "files_read": 2,
        "files_refused_with_reason": 1,
        "packages_without_matrices": 1,
    }
    assert figures["matrices/good.csv"]["value"] == 2
    assert figures["matrices/directed.csv"]["value"] == 2
    assert "'broken.csv' is not square" in figures["matrices/broken.csv"]["reason"]
    assert figures["empty/-"]["reason"] == "ships no matrix"


def test_the_random_network_has_ten_units_and_pathways_a_region(foreign: Any) -> None:
    spec = foreign.random_spec(30)
    assert (len(spec.areas), spec.n_units, len(spec.pathways)) == (30, 300, 300)
    graph = foreign.random_graph(30, 300)
    assert graph == foreign.random_graph(30, 300)
    first = graph.names[0]
    assert nx.descendants(graph.to_networkx(), first) == set(graph.names[1:])
