# SPDX-License-Identifier: Apache-2.0
"""Values of the ends of episodes that a limit cut off."""

import numpy as np

from angora_train.learning.cut_off import CutOff


def test_every_end_is_valued_by_its_own_row() -> None:
    cut_off = CutOff(horizon=3, n_worlds=2)
    # Step 0 ends world 1, step 2 both: three ends, in blocks of two worlds.
    seen = {"goal": np.array([[1.0], [2.0]])}
    cut_off.add(0, np.array([False, True]), seen, {"memory": np.array([10.0, 20.0])})
    seen = {"goal": np.array([[3.0], [4.0]])}
    cut_off.add(2, np.array([True, True]), seen, {"memory": np.array([30.0, 40.0])})
    sizes = []

    def valued(observation: dict, state: dict) -> np.ndarray:
        sizes.append(len(state["memory"]))
        return observation["goal"][:, 0] + state["memory"]

    nan = np.nan
    np.testing.assert_array_equal(
        cut_off.values(valued), [[nan, 22.0], [nan, nan], [33.0, 44.0]]
    )
    assert sizes == [2, 2]  # always of as many worlds as there are


def test_nothing_cut_off_is_valued_nowhere() -> None:
    values = CutOff(2, 3).values(lambda observation, state: np.zeros(3))
    assert values.shape == (2, 3)
    assert np.isnan(values).all()
