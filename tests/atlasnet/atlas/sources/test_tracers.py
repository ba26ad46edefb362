# SPDX-License-Identifier: Apache-2.0
"""Counted tracer data, macaque homologues, and the pathway rows that use both."""

import csv
import re
from collections import defaultdict
from importlib.resources import files
from pathlib import Path

import pytest

from atlasnet.atlas.source import TracerFraction
from atlasnet.atlas.sources.snapshot import SnapshotSource
from atlasnet.atlas.sources.tracers import read_counts, tracer_fractions
from atlasnet.errors import AtlasError, SnapshotError


@pytest.fixture(scope="module")
def source() -> SnapshotSource:
    return SnapshotSource()


@pytest.fixture(scope="module")
def nodes_of(source: SnapshotSource) -> dict[str, tuple[str, ...]]:
    return {h.area: h.nodes for h in source.macaque_homologues()}


@pytest.fixture(scope="module")
def fraction_of(source: SnapshotSource) -> dict[tuple[str, str], TracerFraction]:
    return {(f.source_area, f.target_area): f for f in source.tracer_fractions()}


def _write(folder: Path, rows: list[tuple[str, str, str, str]]) -> Path:
    names = ("source", "inj_site", "supragranular", "infragranular")
    for name, column in zip(names, zip(*rows, strict=True), strict=True):
        (folder / f"{name}.txt").write_text("\n".join(column) + "\n")
    return folder


def test_a_fraction_is_the_mean_over_injections_of_all_cells_outside(
    tmp_path: Path,
) -> None:
    # F1 twice: F2 gave 60 and 20 cells, the area x, which is no node, 0 and 120. Means
    # 40 and 60, in all 100; cells within F1 do not count. 50 of the 80 are upper ones.
    rows = [
        ("F1", "F1", "900", "900"),
        ("F2", "F1", "40", "20"),
        ("x", "F1", "0", "0"),
        ("F5", "F1", "0", "0"),
        ("F1", "F1", "900", "900"),
        ("F2", "F1", "10", "10"),
        ("x", "F1", "60", "60"),
        ("F5", "F1", "0", "0"),
    ]
    nodes = {"F1": ("4a", "4p"), "F2": ("PMdc",), "F5": ("PMv",), "x": ()}
    found = list(tracer_fractions(read_counts(_write(tmp_path, rows)), nodes))
    assert [(f.source_area, f.fln, f.sln, f.n_cells) for f in found] == [
        ("F2", 0.4, 0.625, 80),
        ("F5", 0.0, None, 0),
    ]
    assert found[0].targets == ("4a", "4p")


def test_counts_that_are_none_are_refused(tmp_path: Path) -> None:
    _write(tmp_path, [("F2", "F1", "4", "x")])
    with pytest.raises(SnapshotError, match=r"whole numbers.*Fetch"):
        read_counts(tmp_path)
    (tmp_path / "source.txt").write_text("F2\nF5\n")
    with pytest.raises(SnapshotError, match=r"of one length.*'source': 2"):
        read_counts(str(tmp_path))


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ((1.5, 0.5, 3), r"fln of F2 -> F1 lies in \[0, 1\], got 1.5"),
        ((0.0, 0.5, 0), "an sln is known just where cells were counted"),
        ((0.1, 1.5, 3), r"sln of F2 -> F1 lies in \[0, 1\]"),
    ],
)
def test_a_fraction_that_cannot_be_is_refused(
    values: tuple[float, float, int], message: str
) -> None:
    with pytest.raises(AtlasError, match=message):
        TracerFraction("F2", "F1", ("PMdc",), ("4a",), *values, "A 2000", None)


def test_the_shipped_fractions_are_those_of_the_counts(fraction_of) -> None:
    # Quoted from the counts of Froudist-Walsh et al. 2021 before they were shipped.
    strong = fraction_of["7b", "F5"]
    assert (strong.fln, strong.sln, strong.n_cells) == (0.07564, 0.6671, 15828)
    assert fraction_of["F2", "F1"].fln == pytest.approx(0.4020, abs=5e-5)
    assert fraction_of["V1", "V2"].n_cells == 598838
    # Three of area 46, and AIP: none of 88,853 cells after the injection of F1.
    for area in ("46d", "9/46d", "9/46v", "46v", "AIP", "SII", "7b"):
        assert fraction_of[area, "F1"].n_cells == 0


def test_every_injected_area_has_a_fraction_of_every_other(fraction_of) -> None:
    sources, shares = defaultdict(set), defaultdict(float)
    for (source, target), fraction in fraction_of.items():
        sources[target].add(source)
        shares[target] += fraction.fln
    areas = set().union(*sources.values())
    assert len(sources) == 20
    assert all(found == areas - {target} for target, found in sources.items())
    assert all(0.0 < share <= 1.0 for share in shares.values())


def test_fractions_name_the_nodes_of_the_table_of_homologues(
    fraction_of, nodes_of
) -> None:
    for (source, target), fraction in fraction_of.items():
        assert fraction.sources == nodes_of[source]
        assert fraction.targets == nodes_of[target]


def test_a_macaque_area_is_the_same_node_in_every_table(source, nodes_of) -> None:
    nodes = {node.node for node in source.node_table()}
    assert set().union(*nodes_of.values()) <= nodes
    assert (nodes_of["PEc"], nodes_of["PGm"]) == (("7A",), ("7P",))
    # Kurata's PFop is SII; those of others are the operculum.
    assert nodes_of["SII"] == ("S2",)


def test_a_name_of_macaques_finds_the_nodes_of_the_table(nodes_of) -> None:
    text = (files("atlasnet.graph") / "synonyms.csv").read_text("utf-8")
    checked = set()
    for row in csv.DictReader(text.splitlines()):
        for name in set(row["names"].split("|")) & nodes_of.keys():
            if row["kind"] == "macaque" and nodes_of[name]:
                assert tuple(row["nodes"].split(";")) == nodes_of[name]
                checked.add(name)
    assert {"F1", "F5", "LIP", "MIP", "CIP"} <= checked


_QUOTE = re.compile(
    r"([\w/]+)->([\w/]+) FLN (0\.\d+|0)(?: SLN (\d\.\d\d) n (\d+))?(?: \((\d+) cells)?"
)


def test_rows_that_quote_counts_use_the_homologues_one_way(
    source, nodes_of, fraction_of
) -> None:
    n_quotes = 0
    for pathway in source.pathways():
        for quote in _QUOTE.findall(pathway.note):
            a, b, fln, sln, n, n_alone = quote
            n_quotes += 1
            assert (a, b) in fraction_of, pathway
            ends = {pathway.source, pathway.target}
            forth = pathway.source in nodes_of[a] and pathway.target in nodes_of[b]
            back = pathway.source in nodes_of[b] and pathway.target in nodes_of[a]
            assert forth or back, (ends, a, b)
            there = fraction_of[a, b]
            places = len(fln.partition(".")[2])
            assert there.fln == pytest.approx(float(fln), abs=0.51 * 10**-places)
            if sln:
                assert there.sln == pytest.approx(float(sln), abs=0.0051)
            if n or n_alone:
                assert there.n_cells == int(n or n_alone)
    assert n_quotes > 100
    assert not any("taken as" in p.note for p in source.pathways())


def test_no_verified_pathway_of_macaques_rests_on_a_count_below_a_thousandth(
    source, fraction_of
) -> None:
    counted = {"Markov NT", "Froudist-Walsh"}
    for pathway in source.pathways():
        quotes = [q for q in _QUOTE.findall(pathway.note)]
        rests_on_counts = any(pathway.citation.startswith(each) for each in counted)
        if pathway.support == "verified" and rests_on_counts:
            assert max(fraction_of[a, b].fln for a, b, *_ in quotes) >= 1e-3, pathway
