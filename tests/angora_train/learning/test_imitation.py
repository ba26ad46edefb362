# SPDX-License-Identifier: Apache-2.0
import math
from typing import Any

import numpy as np
import pytest

from angora_train.agent.distributions import (
    Beta,
    Categorical,
    DiagonalGaussian,
    MultiCategorical,
)
from angora_train.config.run import PPOConfig, RunConfig
from angora_train.errors import ConfigError
from angora_train.learning.guides import guided_share, target_of
from angora_train.learning.losses import cross_entropy, divergence, imitation_loss

LN2, LN3 = math.log(2.0), math.log(3.0)


def batch(label: Any, target: float = 0.0) -> dict[str, Any]:
    label = np.float32(label)
    steps = np.zeros(label.shape[:2], np.float32)
    mask = np.ones((len(label), 1), bool)
    return {
        "label": label,
        "value": steps,
        "value_target": steps + np.float32(target),
        "mask": mask,
    }


def test_the_divergence_of_categories_is_as_by_hand() -> None:
    # Teacher (3/4, 1/4), student (1/2, 1/2): 3/4 ln(3/2) + 1/4 ln(1/2)
    # = 3/4 ln 3 - ln 2 = 0.1308. The value is 2 from its target: 0.5 x 0.5 x 4 = 1.
    outputs = {
        "policy": np.zeros((1, 1, 2), np.float32),
        "value": np.zeros((1, 1, 1), np.float32),
    }
    family, ppo = Categorical(1, 2), PPOConfig(value_coef=0.5)
    loss, metrics = imitation_loss(
        outputs, batch([[[LN3, 0.0]]], target=2.0), family, ppo, divergence
    )
    assert float(metrics["divergence"]) == pytest.approx(0.75 * LN3 - LN2, abs=1e-6)
    assert float(metrics["value_loss"]) == pytest.approx(2.0)
    assert float(metrics["entropy"]) == pytest.approx(LN2)
    assert float(loss) == pytest.approx(0.75 * LN3 - LN2 + 1.0, abs=1e-6)


def test_the_divergence_of_normal_distributions_is_as_by_hand() -> None:
    # Teacher N(1, 1), student N(0, 2^2): ln 2 + (1 + 1) / (2 x 4) - 1/2 = ln 2 - 1/4.
    family = DiagonalGaussian(1)
    teacher, student = np.float32([[[1.0, 0.0]]]), np.float32([[[0.0, LN2]]])
    found = float(divergence(family, teacher, student)[0, 0])
    assert found == pytest.approx(LN2 - 0.25, abs=1e-6)


def test_the_cross_entropy_of_bins_is_as_by_hand() -> None:
    # Two actuators with three bins; probabilities (1/2, 1/4, 1/4) and (1/3, 1/3, 1/3).
    # Actions -1 and 0.4 are nearest to the bins 0 and 1: ln 2 + ln 3.
    family = MultiCategorical(2, 3)
    policy = np.float32([[[LN2, 0.0, 0.0, 0.0, 0.0, 0.0]]])
    label = family.sample_of(np.float32([[[-1.0, 0.4]]]))
    assert np.asarray(label).tolist() == [[[0.0, 1.0]]]
    found = float(cross_entropy(family, label, policy)[0, 0])
    assert found == pytest.approx(LN2 + LN3, abs=1e-6)


def test_what_fills_a_batch_counts_for_nothing() -> None:
    given = batch([[[LN3, 0.0]], [[0.0, np.inf]]])
    given["mask"] = np.array([[True], [False]])
    outputs = {
        "policy": np.zeros((2, 1, 2), np.float32),
        "value": np.zeros((2, 1, 1), np.float32),
    }
    loss, _ = imitation_loss(outputs, given, Categorical(1, 2), PPOConfig(), divergence)
    assert float(loss) == pytest.approx(0.75 * LN3 - LN2, abs=1e-6)


@pytest.mark.parametrize(
    "family", [MultiCategorical(2, 5), DiagonalGaussian(2), Beta(2)]
)
def test_a_sample_that_stands_for_an_action_gives_the_action(family: Any) -> None:
    action = np.float32([[-1.0, 0.5]])  # both are centres of five bins
    found = np.asarray(family.action(family.sample_of(action)))
    np.testing.assert_allclose(found, action, atol=1e-5)
    at_ends = family.log_prob(np.zeros((1, family.n_parameters), np.float32), action)
    assert np.isfinite(np.asarray(at_ends)).all()


def test_families_decide_what_is_learned_where_nobody_says() -> None:
    bins, normal = MultiCategorical(2, 11), DiagonalGaussian(2)
    assert target_of(None, DiagonalGaussian(2), normal) == "distribution"
    assert target_of(None, normal, bins) == "sampled"
    assert target_of(None, MultiCategorical(2, 5), bins) == "sampled"
    assert target_of(None, None, bins) == "sampled"
    assert target_of("mean", normal, bins) == "mean"
    with pytest.raises(ConfigError, match=r"DiagonalGaussian.*MultiCategorical"):
        target_of("distribution", normal, bins)
    with pytest.raises(ConfigError, match="recorded actions are all"):
        target_of("mean", None, bins)


def test_a_family_without_a_way_back_is_refused() -> None:
    class Own:
        n_parameters = 4

    with pytest.raises(ConfigError, match=r"Own cannot learn.*sample_of"):
        target_of(None, DiagonalGaussian(2), Own())  # type: ignore[arg-type]


def test_the_teacher_acts_in_fewer_and_fewer_worlds() -> None:
    given = {"teacher": "t", "guided_share": 1.0, "guided_until": 0.5}
    config = RunConfig.from_dict({"n_cycles": 8, "distillation": given})
    shares = [guided_share(config, cycle) for cycle in range(1, 9)]
    assert shares == [1.0, 0.75, 0.5, 0.25, 0.0, 0.0, 0.0, 0.0]
