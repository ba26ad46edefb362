# SPDX-License-Identifier: Apache-2.0
import math

import pytest
from scipy.stats import norm

from atlasnet.graph.direction import (
    Decision,
    decide,
    laminar_class,
    structural_sln,
)


@pytest.mark.parametrize(
    ("source", "target"), [(54080.1, 21035.3), (36043.8, 25391.4), (21035.3, 84699.15)]
)
def test_sln_is_the_probit_of_the_log_ratio_of_densities(source, target):
    expected = norm.cdf(-0.152 - 1.534 * math.log(target / source))
    assert structural_sln(source, target) == pytest.approx(expected, abs=1e-12)


def test_equal_densities_are_lateral():
    # Phi(-0.152) = 0.4396.
    assert structural_sln(3e4, 3e4) == pytest.approx(0.4396, abs=1e-4)
    assert laminar_class(structural_sln(3e4, 3e4)) == "lateral"


def test_3a_to_4p_is_feedforward_and_back_is_feedback():
    # ln(21035.3 / 54080.1) = -0.9442; -0.152 + 1.534 * 0.9442 = 1.2964, Phi = 0.9026;
    # back: -0.152 - 1.4484 = -1.6004, Phi = 0.0547.
    assert structural_sln(54080.1, 21035.3) == pytest.approx(0.9026, abs=1e-4)
    assert structural_sln(21035.3, 54080.1) == pytest.approx(0.0547, abs=1e-4)
    assert laminar_class(0.9026) == "feedforward"
    assert laminar_class(0.0547) == "feedback"


def test_7a_to_pmdc_is_at_the_border_and_stays_lateral_only_below_it():
    # ln(25391.4 / 36043.8) = -0.3503; -0.152 + 0.5374 = 0.3854, Phi = 0.6500.
    assert structural_sln(36043.8, 25391.4) == pytest.approx(0.65, abs=5e-4)


@pytest.mark.parametrize("sln", [0.35, 0.5, 0.65])
def test_the_limits_belong_to_lateral(sln):
    assert laminar_class(sln) == "lateral"


def decided(cited, cited_opposite, expected):
    """Decide by citations of a pathway and its opposite, and the structural model."""
    claims = [None if c is None else (c, "cited") for c in (cited, cited_opposite)]
    return decide(*claims, expected, "structural_model")


def test_a_citation_comes_before_the_structural_model():
    assert decided("lateral", None, "feedforward") == Decision("lateral", "cited")


def test_the_structural_model_speaks_where_the_literature_is_silent():
    assert decided(None, None, "feedforward") == Decision(
        "feedforward", "structural_model"
    )
    assert decided(None, "feedforward", "feedback") == Decision(
        "feedback", "structural_model"
    )


@pytest.mark.parametrize("order", ["feedforward", "feedback"])
def test_both_ways_never_have_the_same_order(order):
    contradicted = Decision("lateral", "cited", is_contradicted=True)
    assert decided(None, order, order) == contradicted


def test_an_opposite_pathway_cited_as_lateral_contradicts_nothing():
    assert decided(None, "lateral", "feedforward") == Decision(
        "feedforward", "structural_model"
    )


def test_without_densities_nothing_is_claimed():
    assert decided(None, "feedforward", None) == Decision("lateral", "none")
