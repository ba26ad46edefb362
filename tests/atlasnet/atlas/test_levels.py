# SPDX-License-Identifier: Apache-2.0
from collections import Counter

import numpy as np
import pytest
from scipy.optimize import check_grad

from atlasnet.atlas import levels as module
from atlasnet.atlas.assembly import build_graph, preset_graph
from atlasnet.atlas.levels import Levels, fit_levels
from atlasnet.atlas.source import PathwayRecord, TracerFraction
from atlasnet.atlas.sources.snapshot import SnapshotSource
from atlasnet.errors import AtlasError

DENSITY = {"A": 80_000.0, "B": 40_000.0, "C": 20_000.0}


def claim(source, target, direction, support="verified"):
    return PathwayRecord(
        source, target, direction, "tracer", "macaque", "X 2000", None, support, ""
    )


CHAIN = [
    claim("C", "B", "feedforward"),
    claim("B", "A", "feedforward"),
    claim("A", "B", "feedback"),
    claim("A", "C", "feedback"),
]


@pytest.fixture(scope="module")
def source():
    return SnapshotSource()


def test_levels_follow_the_claims_against_the_density():
    # By density A stands lowest; four claims say that it stands highest.
    level = fit_levels(CHAIN, [], DENSITY).level
    assert level["C"] < level["B"] < level["A"]


def test_without_claims_about_it_an_area_stands_where_its_density_says():
    claims = [claim("A", "B", "feedforward")] * 8
    fitted = fit_levels(claims, [], {**DENSITY, "D": 60_000.0, "E": 10_000.0})
    assert fitted.level["D"] == pytest.approx(fitted.of(None, 60_000.0), abs=1e-3)
    assert fitted.level["E"] == pytest.approx(fitted.of("none", 10_000.0), abs=1e-3)
    assert fitted.of(None, None) is None


def test_counted_shares_count_and_few_cells_count_less():
    def fraction(n_cells):
        return TracerFraction(
            *("a", "c", ("A",), ("C",), 0.1, 0.05, n_cells, "X 2000", "10.1/x")
        )

    lateral = [claim("A", "C", "lateral"), claim("B", "C", "lateral")]
    rise = [
        fitted.level["C"] - fitted.level["A"]
        for fitted in (
            fit_levels(lateral, shares, DENSITY)
            for shares in ([], [fraction(3)] * 20, [fraction(5000)] * 20)
        )
    ]
    assert rise[0] > rise[1] > rise[2]  # cells of deep layers: from above


def test_weak_denied_and_doubtful_pathways_do_not_count():
    against = [
        claim("A", "C", "feedforward", "doubtful"),
        claim("A", "C", None, "denied"),
        claim("A", "C", "feedforward", "weak"),
    ]
    assert fit_levels([*CHAIN, *against], [], DENSITY) == fit_levels(CHAIN, [], DENSITY)


def test_nothing_to_fit_is_one_error():
    with pytest.raises(AtlasError, match="fitted to cited directions"):
        fit_levels([], [], DENSITY)


def test_the_gradient_is_that_of_the_loss():
    evidence = module._Evidence(
        ("A", "B", "C"),
        tuple(np.log(list(DENSITY.values()))),
        ((0, 1, 0), (1, 2, 1), (2, 0, 2)),
        ((0, 1, 0.8, 0.5), (2, 1, 0.3, 0.2)),
    )
    rng = np.random.default_rng(0)
    for _ in range(5):
        x = rng.normal(size=7)
        error = check_grad(
            lambda x: module._loss(x, evidence)[0],
            lambda x: module._loss(x, evidence)[1],
            x,
        )
        assert error < 1e-5


def test_probabilities_add_up_and_go_with_the_rise():
    levels = Levels({}, 1.0, 0.5, 10.0, 1.0)
    for rise in (-3.0, 0.0, 3.0):
        found = levels.probabilities(0.0, rise)
        assert sum(found.values()) == pytest.approx(1.0)
    # 1 / (1 + exp(-2)): two beyond the margin.
    assert levels.probabilities(0.0, 3.0)["feedforward"] == pytest.approx(
        0.8808, abs=1e-4
    )


def test_a_graph_by_the_hierarchy_keeps_what_is_cited(source):
    plain, graph = (
        preset_graph(source, direction_model=model)
        for model in ("structural_model", "hierarchy")
    )
    for before, after in zip(plain.projections, graph.projections, strict=True):
        if before.direction_rule == "cited":
            has_claim = "opposite" not in str(before.citation)
            assert not has_claim or after.direction == before.direction
    by_level = [e for e in graph.projections if e.direction_rule == "hierarchy"]
    assert all(1 / 3 <= e.direction_probability <= 1 for e in by_level)
    # M1 stands above S1 and below nobody that feeds it forward.
    motor = [e for e in by_level if e.source.startswith("4") and e.target[:2] == "3a"]
    assert Counter(e.direction for e in motor)["feedforward"] == 0


def test_directions_are_drawn_by_their_probabilities(source):
    rules = {"direction_model": "hierarchy"}
    names = ["4a", "3b", "AIP", "7A", "44", "PMv"]
    certain = build_graph(source, names, **rules)
    drawn = [build_graph(source, names, direction_sample=i, **rules) for i in range(40)]
    assert drawn[0] == build_graph(source, names, direction_sample=0, **rules)
    for k, edge in enumerate(certain.projections):
        if edge.direction_rule != "hierarchy":
            continue
        same = np.mean([g.projections[k].direction == edge.direction for g in drawn])
        # Forty draws: three standard errors are .24 at most.
        assert same == pytest.approx(edge.direction_probability, abs=0.24)


@pytest.mark.parametrize(
    "rules", [{"cited": False}, {"direction_model": "structural_model"}]
)
def test_a_sample_needs_probabilities(source, rules):
    with pytest.raises(AtlasError, match="direction_sample"):
        build_graph(source, ["4a", "3b"], direction_sample=1, **rules)


def test_what_is_fitted_to_citations_is_taken_where_they_count(source):
    named = preset_graph(source, direction_model="hierarchy")
    assert preset_graph(source) == named
    assert named.metadata["direction_model"] == "hierarchy"
    blind = preset_graph(source, cited=False)
    assert blind.metadata["direction_model"] == "structural_model"
