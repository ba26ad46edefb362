# SPDX-License-Identifier: Apache-2.0
"""A calm student does what it takes for best."""

import numpy as np
import pytest
from keras import ops

from angora_train.agent.distributions import DiagonalGaussian, MultiCategorical
from angora_train.learning.calm import Calm


def test_without_noise_each_actuator_takes_its_median() -> None:
    # Of the probabilities .1, .2, .7 the cumulative ones are .1, .3, 1: the median is
    # the last bin; of a normal distribution it is the mean.
    drawn = Calm(0.0, 1).shape(np.float32([[0.05], [0.95]]))
    bins = ops.log(ops.convert_to_tensor([[0.1, 0.2, 0.7]] * 2, "float32"))
    found = MultiCategorical(1, 3).sample(bins, drawn)
    assert np.asarray(ops.convert_to_numpy(found)).tolist() == [[2.0], [2.0]]
    normal = ops.convert_to_tensor([[0.3, 0.0]] * 2, "float32")
    found = DiagonalGaussian(1).sample(normal, drawn)
    assert np.asarray(ops.convert_to_numpy(found)) == pytest.approx(0.3, abs=1e-6)


def test_the_noise_of_the_network_stays() -> None:
    given = np.float32([[0.0, 0.9]])
    found = Calm(0.5, 1).shape(given)
    assert found.tolist() == [[0.25, given[0, 1].item()]]
    assert given[0, 0] == 0.0  # what was given is not changed
