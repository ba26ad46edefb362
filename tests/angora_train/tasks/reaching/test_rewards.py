# SPDX-License-Identifier: Apache-2.0
"""Reward terms, by hand."""

import numpy as np
import pytest

from angora_train.tasks.reaching.rewards import (
    FreeReachScales,
    ReachScales,
    free_reach_reward,
    reach_distance,
    reach_reward,
)


def test_distance_is_the_norm_over_all_fingertips() -> None:
    # Each of the 15 numbers is 2 mm off: sqrt(15 * 0.002^2) = 0.002 * 3.872983.
    goals = np.full((4, 15), 0.5)
    np.testing.assert_allclose(reach_distance(goals + 0.002, goals), 0.007745967)


def test_reward_is_minus_the_distance_plus_a_bonus_within_two_centimetres() -> None:
    # Thumb off by (3, 4, 0) / 1000 m: 5 mm, a success. Off by 30 and 40 mm: 50 mm.
    goals = np.zeros((2, 15))
    tips = np.zeros((2, 15))
    tips[0, 12:14] = 0.003, 0.004
    tips[1, 12:14] = 0.030, 0.040
    terms = reach_reward(tips, goals, ReachScales())
    np.testing.assert_allclose(terms["distance"], [-0.005, -0.050])
    np.testing.assert_allclose(terms["success"], [0.1, 0.0])


@pytest.mark.parametrize(("offset_m", "bonus"), [(0.0199, 0.1), (0.02, 0.0)])
def test_success_begins_below_the_threshold(offset_m: float, bonus: float) -> None:
    tips, goals = np.zeros(15), np.zeros(15)
    tips[7] = offset_m
    assert reach_reward(tips, goals, ReachScales())["success"] == bonus


def test_scales_multiply_their_terms() -> None:
    scales = ReachScales(distance=10.0, success=3.0, success_distance_m=0.5)
    tips, goals = np.zeros(15), np.zeros(15)
    tips[0] = 0.25
    terms = reach_reward(tips, goals, scales)
    assert {name: float(term) for name, term in terms.items()} == {
        "distance": -2.5,
        "success": 3.0,
    }


def test_leading_axes_are_kept() -> None:
    terms = reach_reward(np.zeros((3, 7, 15)), np.ones(15), ReachScales())
    assert {term.shape for term in terms.values()} == {(3, 7)}


def test_free_reaching_by_hand() -> None:
    # Thumb at the origin; ff 3 cm away, mf 5 cm (3-4-0), rf 6 cm, lf 7 cm. Target ff:
    # distance 0.03 (no success); in the zone of 6.015 cm are mf by 1.015 cm and rf by
    # 0.015 cm, together 0.0103 m, a hundredth of which is 1.03e-4.
    tips = np.zeros((5, 3))
    tips[0, 0], tips[1, :2], tips[2, 2], tips[3, 1] = 0.03, (0.03, 0.04), 0.06, 0.07
    terms = free_reach_reward(tips.ravel(), np.array(0), FreeReachScales())
    assert terms["distance"] == pytest.approx(-0.03)
    assert terms["success"] == 0.0
    assert terms["zone"] == pytest.approx(-1.03e-4)
    # Target lf: now ff is in the zone too, by 3.015 cm.
    terms = free_reach_reward(tips.ravel(), np.array(3), FreeReachScales())
    assert terms["distance"] == pytest.approx(-0.07)
    assert terms["zone"] == pytest.approx(-(1.03e-4 + 3.015e-4))


@pytest.mark.parametrize(("offset_m", "bonus"), [(0.0199, 0.1), (0.0201, 0.0)])
def test_a_finger_is_met_below_the_threshold(offset_m: float, bonus: float) -> None:
    tips = np.full((5, 3), 1.0)
    tips[2], tips[4] = (0.0, 0.0, offset_m), 0.0
    terms = free_reach_reward(tips.ravel(), np.array(2), FreeReachScales())
    assert terms["success"] == bonus
    assert terms["zone"] == 0.0  # the target itself may come as near as it likes


def test_free_reaching_keeps_leading_axes() -> None:
    targets = np.zeros((3, 7), np.int64)
    terms = free_reach_reward(np.ones((3, 7, 15)), targets, FreeReachScales())
    assert {term.shape for term in terms.values()} == {(3, 7)}
