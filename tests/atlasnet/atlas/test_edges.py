# SPDX-License-Identifier: Apache-2.0
"""Edge rules, weights, connectedness, directions by table and type."""

from pathlib import Path

import numpy as np
import pytest

from atlasnet.atlas.assembly import all_regions_graph, preset_graph
from atlasnet.atlas.edges import (
    InputShare,
    StreamlineThreshold,
    StrongestNeighbours,
    TargetDensity,
    count_components,
    join_components,
    parse_edge_rule,
    weigh,
)
from atlasnet.atlas.rules import GraphRules, TableClaim, read_direction_table
from atlasnet.atlas.selection import strongest_neighbours
from atlasnet.atlas.source import AtlasSource, Connections, RegionRecord
from atlasnet.atlas.sources.snapshot import SnapshotSource
from atlasnet.commands.summary import report_lines
from atlasnet.errors import AtlasError
from atlasnet.graph.direction import Decision, cortical_type_class, decide
from atlasnet.graph.graph import Projection, RegionGraph
from atlasnet.graph.order import break_cycles, processing_levels

# 0 - 1: 100, 1 - 2: 50, 2 - 3: 10, 0 - 2: 5, 0 - 3: nothing, 1 - 3: 1.
COUNTS = np.array(
    [
        [0.0, 100.0, 5.0, 0.0],
        [100.0, 0.0, 50.0, 1.0],
        [5.0, 50.0, 0.0, 10.0],
        [0.0, 1.0, 10.0, 0.0],
    ]
)
TOTAL = np.array([105.0, 151.0, 65.0, 20.0])


def pairs(mask: np.ndarray) -> set[tuple[int, int]]:
    return {(int(i), int(j)) for i, j in zip(*np.nonzero(mask), strict=True)}


def both(*ends: tuple[int, int]) -> set[tuple[int, int]]:
    return {pair for i, j in ends for pair in ((i, j), (j, i))}


@pytest.fixture(scope="module")
def source() -> SnapshotSource:
    return SnapshotSource()


def test_a_threshold_belongs_to_the_edges() -> None:
    mask = StreamlineThreshold(50.0).select(COUNTS, TOTAL)
    assert pairs(mask) == both((0, 1), (1, 2))


def test_a_density_takes_that_share_of_all_pairs() -> None:
    # 6 pairs: a third are the two strongest.
    assert pairs(TargetDensity(1 / 3).select(COUNTS, TOTAL)) == both((0, 1), (1, 2))
    # All, but the pair without a streamline.
    assert len(pairs(TargetDensity(1.0).select(COUNTS, TOTAL))) == 10


def test_the_strongest_neighbours_of_either_end_count() -> None:
    # 0 -> 1, 1 -> 0, 2 -> 1, 3 -> 2.
    mask = StrongestNeighbours(1).select(COUNTS, TOTAL)
    assert pairs(mask) == both((0, 1), (1, 2), (2, 3))


def test_the_share_of_the_input_differs_by_direction() -> None:
    # Of the input of 3, 10 / 20 come from 2; of that of 2, 10 / 65 from 3.
    mask = InputShare(0.4).select(COUNTS, TOTAL)
    assert (2, 3) in pairs(mask)
    assert (3, 2) not in pairs(mask)
    # 100 / 105 and 100 / 151.
    assert {(1, 0), (0, 1)} <= pairs(mask)


def test_weights_are_counts_logs_or_shares() -> None:
    assert weigh("streamlines", COUNTS, TOTAL)[0, 1] == 100.0
    assert weigh("log", COUNTS, TOTAL)[3, 1] == pytest.approx(np.log10(2.0))
    assert weigh("input_share", COUNTS, TOTAL)[2, 3] == pytest.approx(0.5)
    assert weigh("input_share", COUNTS, np.zeros(4))[2, 3] == 0.0


def test_what_falls_apart_is_joined_by_the_strongest_pairs() -> None:
    mask = StreamlineThreshold(60.0).select(COUNTS, TOTAL)
    assert count_components(mask) == 3
    assert join_components(mask, COUNTS) == ((1, 2), (2, 3))
    # Nothing joins a node without a streamline.
    alone = COUNTS.copy()
    alone[3] = alone[:, 3] = 0.0
    assert join_components(mask, alone) == ((1, 2),)


class Traced(AtlasSource):
    """An atlas of a few regions of the left hemisphere and the counts between them."""

    def __init__(self, names: str, counts: dict[str, float]) -> None:
        self._names = names
        self._counts = np.zeros((len(names), len(names)))
        for ends, count in counts.items():
            self._counts[names.index(ends[0]), names.index(ends[1])] = count

    def describe(self) -> dict[str, str | list[str]]:
        return {"source": "a test"}

    def regions(self) -> tuple[RegionRecord, ...]:
        return tuple(
            RegionRecord(
                name=f"{name} left",
                hemisphere="left",
                hierarchy=(),
                system="other cortex",
                is_isocortex=True,
                volume_mm3=10.0,
                centroid_mm=None,
                connectome_row=i,
            )
            for i, name in enumerate(self._names)
        )

    def connections(self) -> Connections:
        return Connections(self._counts, np.full_like(self._counts, np.nan))


def ends_of(graph: RegionGraph) -> list[str]:
    return [f"{e.source[0]}{e.target[0]}" for e in graph.projections]


@pytest.mark.parametrize("rule", ["density=1", "strongest=1", "strongest=5", "share=1"])
def test_a_directed_connectome_gives_no_projection_that_it_lacks(rule: str) -> None:
    traced = Traced("ABC", {"AB": 900.0, "BC": 800.0})
    graph = all_regions_graph(traced, "left", rules=GraphRules(edges=rule))
    assert ends_of(graph) == ["AB", "BC"]
    assert [e.streamline_count for e in graph.projections] == [900.0, 800.0]


def test_a_density_counts_the_directions_of_a_directed_connectome() -> None:
    # Of 6 projections a third are 2: the two strongest, whatever joins them back.
    counts = {"AB": 900.0, "BA": 3.0, "BC": 800.0, "CA": 10.0}
    graph = all_regions_graph(Traced("ABC", counts), "left", edges="density=0.3333")
    assert ends_of(graph) == ["AB", "BC"]


def test_what_joins_the_parts_of_a_directed_graph_has_a_count() -> None:
    # Half a pair each way of 6: AB, BA and CD first; CA holds the parts together.
    counts = {"AB": 900.0, "BA": 800.0, "CD": 700.0, "CA": 10.0}
    graph = all_regions_graph(Traced("ABCD", counts), "left", edges="density=0.25")
    assert ends_of(graph) == ["AB", "BA", "CA", "CD"]
    assert graph.metadata["edges_that_join_components"] == ["A left - C left"]


def test_neighbours_of_a_directed_connectome_are_afferents_too() -> None:
    # A hears 500 from C and tells B 300; D hears 200 and tells 200, 400 in all.
    traced = Traced("ABCD", {"AB": 300.0, "CA": 500.0, "AD": 200.0, "DA": 200.0})
    assert strongest_neighbours(traced, ["A"], 3) == ("A", "C left", "D left", "B left")


def test_weights_that_no_threshold_of_streamlines_fits_are_said() -> None:
    weighted = Traced("AB", {"AB": 12.6, "BA": 3.0})
    graph = all_regions_graph(weighted, "left")
    (said,) = report_lines(graph)[:1]
    assert "largest weight of the connectome is 12.6, and none reaches the 100" in said
    assert "density=0.2" in said
    assert "share=0.01" in said
    assert len(all_regions_graph(weighted, "left", edges="share=0.5").projections) == 2
    # Whoever wants cited pathways alone says so with a threshold that nothing reaches.
    none = all_regions_graph(weighted, "left", min_streamline_count=float("inf"))
    assert "remarks" not in none.metadata


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("streamlines=300", StreamlineThreshold(300.0)),
        ("density=0.1", TargetDensity(0.1)),
        ("strongest=4", StrongestNeighbours(4)),
        ("share=0.01", InputShare(0.01)),
    ],
)
def test_a_rule_can_be_written(text: str, rule: object) -> None:
    assert parse_edge_rule(text) == rule


@pytest.mark.parametrize(
    "text", ["", "density", "density=much", "weight=1", "strongest=1.5"]
)
def test_a_text_that_is_no_rule_is_refused(text: str) -> None:
    with pytest.raises(AtlasError, match="An edge rule is streamlines=N"):
        parse_edge_rule(text)


@pytest.mark.parametrize(
    "make",
    [
        lambda: StreamlineThreshold(0.0),
        lambda: StreamlineThreshold(float("nan")),
        lambda: TargetDensity(0.0),
        lambda: TargetDensity(1.1),
        lambda: StrongestNeighbours(0),
        lambda: InputShare(float("nan")),
    ],
)
def test_a_rule_out_of_range_is_refused(make: object) -> None:
    with pytest.raises(AtlasError):
        make()  # type: ignore[operator]


def test_the_graph_says_which_rule_and_weight_it_has(source: SnapshotSource) -> None:
    rules = GraphRules(edges=TargetDensity(0.1), weight="input_share", cited=False)
    graph = preset_graph(source, blind=True, rules=rules)
    # 28 regions have 378 pairs; a tenth are 38, both ways, and those that join.
    added = graph.metadata["edges_that_join_components"]
    assert isinstance(added, list)
    assert len(graph.projections) == 2 * (38 + len(added))
    assert graph.metadata["n_components"] == 1
    assert graph.metadata["edge_rule"] == "the strongest 0.1 of all pairs"
    assert graph.metadata["weight"] == "input_share"
    for edge in graph.projections:
        assert edge.weight is not None
        assert 0 < edge.weight < 1
        assert edge.strength == edge.weight


@pytest.mark.slow
def test_a_threshold_that_tears_the_graph_apart_is_reported(
    source: SnapshotSource,
) -> None:
    graph = all_regions_graph(source, "left", min_streamline_count=1000.0, cited=False)
    isolated = graph.metadata["isolated_regions"]
    assert isinstance(isolated, list)
    assert isolated
    ends = {name for e in graph.projections for name in (e.source, e.target)}
    assert set(isolated) == set(graph.names) - ends
    kept = StreamlineThreshold(1000.0, keep_connected=True)
    joined = all_regions_graph(
        source, "left", rules=GraphRules(edges=kept, cited=False)
    )
    # Only regions that have no streamline to any other in the graph stay apart.
    whole = all_regions_graph(source, "left", min_streamline_count=1e-9, cited=False)
    assert joined.metadata["n_components"] == whole.metadata["n_components"]


# --- directions ----------------------------------------------------------------------


def test_types_decide_by_their_rank() -> None:
    # Ranks: ALO 0, AG 1, DG 2, EU1 3, EU2 4, EU3 5, KO 6.
    assert cortical_type_class("EU3", "EU2") == "feedforward"
    assert cortical_type_class("AG", "KO") == "feedback"
    assert cortical_type_class("EU2", "EU2") == "lateral"
    assert cortical_type_class("EU2;EU3", "EU2") == "lateral"  # 4.5 and 4
    assert cortical_type_class("EU2;EU3", "EU1") == "feedforward"  # 4.5 and 3
    assert cortical_type_class(None, "EU2") is None
    assert cortical_type_class("EU9", "EU2") is None


def test_a_claim_decides_whatever_it_is_from() -> None:
    assert decide(("feedback", "table"), None, "feedforward", "cortical_type") == (
        Decision("feedback", "table")
    )
    assert decide(None, ("feedback", "table"), "feedback", "structural_model") == (
        Decision("lateral", "table", is_contradicted=True)
    )
    assert decide(None, None, None, "structural_model") == Decision("lateral", "none")


def test_a_users_table_comes_before_the_citations(
    source: SnapshotSource, tmp_path: Path
) -> None:
    table = tmp_path / "directions.csv"
    table.write_text(
        "source,target,direction,note\n"
        "AIP,PMv,feedback,my own tracing\n"
        "PMv,3b left,lateral,\n"
        "V6A,SMA,feedforward,\n"
    )
    rules = GraphRules(direction_table=read_direction_table(table))
    graph = preset_graph(source, blind=True, rules=rules)
    edge = graph.projection("AIP left", "PMv left")
    assert (edge.direction, edge.direction_rule) == ("feedback", "table")
    assert edge.citation == "my own tracing"
    assert graph.projection("PMv left", "3b left").direction_rule == "table"
    # 14 streamlines join V6A and SMA: the table adds no edge, and says so.
    assert graph.metadata["direction_table_unused"] == ["V6A left -> SMA left"]


def test_a_table_about_an_unknown_region_is_refused(source: SnapshotSource) -> None:
    claim = TableClaim("AIP", "PMV2", "feedback")
    with pytest.raises(AtlasError, match=r"names 'PMV2'.*Close matches: PMv left"):
        preset_graph(source, blind=True, rules=GraphRules(direction_table=(claim,)))


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("source,target\nA,B\n", "no column 'direction'"),
        ("source,target,direction\nA,B,forward\n", "Line 2 .*forward"),
        ("source,target,direction\nA,,lateral\n", "Line 2"),
        ("source,target,direction\nA,B,lateral\nA,B,lateral\n", "Line 3 .*once more"),
        ("", "no column"),
        ("source,target,direction\n", "has no row"),
    ],
)
def test_a_direction_table_that_cannot_be_is_refused(
    tmp_path: Path, text: str, reason: str
) -> None:
    (tmp_path / "t.csv").write_text(text)
    with pytest.raises(AtlasError, match=reason):
        read_direction_table(tmp_path / "t.csv")


def test_a_direction_table_that_is_missing_is_refused(tmp_path: Path) -> None:
    with pytest.raises(AtlasError, match="cannot be read"):
        read_direction_table(tmp_path / "t.csv")


def test_every_edge_says_which_rule_decided(source: SnapshotSource) -> None:
    for model, kinds in (
        ("structural_model", {"cited", "structural_model"}),
        ("cortical_type", {"cited", "cortical_type"}),
        ("none", {"cited", "none"}),
    ):
        graph = preset_graph(
            source,
            blind=True,
            rules=GraphRules(direction_model=model),  # type: ignore[arg-type]
        )
        assert {edge.direction_rule for edge in graph.projections} == kinds


# --- order ---------------------------------------------------------------------------


def forward(source: str, target: str, count: float, rule: str = "none") -> Projection:
    return Projection(
        *(source, target, count, None, None, "feedforward", rule),
        citation="x",
    )  # type: ignore[arg-type]


def test_a_cycle_is_broken_at_its_weakest_and_a_claim_is_no_weak_one() -> None:
    edges = [
        forward("a", "b", 10.0),
        forward("b", "c", 5.0, "table"),
        forward("c", "a", 7.0),
        forward("c", "d", 1.0),
    ]
    kept, closing = break_cycles(edges)
    # c -> a is weaker than a -> b, and nobody claims it.
    assert closing == (edges[2],)
    assert kept == (edges[0], edges[1], edges[3])
    assert break_cycles(reversed(edges))[1] == closing


def test_what_is_kept_has_no_cycle_whatever_the_graph(
    rng: np.random.Generator,
) -> None:
    import networkx as nx

    for _ in range(20):
        n = 12
        ends = rng.choice(n * n, 60, replace=False)
        edges = [
            forward(f"{e // n:02}", f"{e % n:02}", float(rng.integers(1, 9)))
            for e in ends
            if e // n != e % n
        ]
        kept, closing = break_cycles(edges)
        graph = nx.DiGraph([(e.source, e.target) for e in kept])
        assert nx.is_directed_acyclic_graph(graph)
        assert len(kept) + len(closing) == len(edges)
        # None was broken in vain: each closes a cycle with stronger ones.
        for edge in closing:
            assert nx.has_path(graph, edge.target, edge.source)


def test_levels_are_the_longest_feedforward_path() -> None:
    from atlasnet.graph.graph import Region

    graph = RegionGraph(
        [Region(name, "left") for name in "abcd"],
        [forward("a", "b", 1.0), forward("b", "c", 1.0), forward("a", "c", 9.0)],
    )
    assert processing_levels(graph) == {"a": 0, "b": 1, "c": 2, "d": 0}
