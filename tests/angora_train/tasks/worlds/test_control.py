# SPDX-License-Identifier: Apache-2.0
"""What actions ask of actuators, by hand."""

from typing import Any

import mujoco
import numpy as np
import pytest

from angora_train.errors import TaskError
from angora_train.tasks import make_config
from angora_train.tasks.worlds.control import ControlConfig, PositionControl
from angora_train.tasks.worlds.simulation import Simulation

# A hinge driven directly, a hinge driven through a gear of 2, and a tendon over both
# (length 0.1 * first + 0.3 * second).
_ARM = """
<mujoco>
  <option gravity="0 0 0"/>
  <worldbody>
    <body><joint name="a" type="hinge"/><geom size="0.1"/>
      <body><joint name="b" type="hinge"/><geom size="0.1"/></body></body>
  </worldbody>
  <tendon><fixed name="t"><joint joint="a" coef="0.1"/>
    <joint joint="b" coef="0.3"/></fixed></tendon>
  <actuator>
    <position joint="a" ctrlrange="-1 3"/>
    <position joint="b" gear="2" ctrlrange="-2 2"/>
    <position tendon="t" ctrlrange="0 0.4"/>
    {extra}
  </actuator>
</mujoco>
"""


def _simulate(qpos: Any = ((0.0, 0.0),), extra: str = "") -> Simulation:
    model = mujoco.MjModel.from_xml_string(_ARM.format(extra=extra))
    simulation = Simulation(model, mujoco.MjData(model), len(qpos), n_substeps=1)
    for world, angles in enumerate(qpos):
        simulation.place(world, np.array(angles))
    return simulation


def _act(*actions: float) -> Any:
    return np.array([actions], np.float32)


def test_absolute_actions_span_the_range() -> None:
    control = PositionControl(ControlConfig(), _simulate())
    for actions, expected in (
        ((0, 0, 0), (1, 0, 0.2)),
        ((1, 1, 1), (3, 2, 0.4)),
        ((-1, -0.5, 0.5), (-1, -1, 0.3)),
    ):
        np.testing.assert_allclose(control.commands(_act(*actions)), [expected])


def test_relative_actions_start_from_joint_angle_geared_angle_and_tendon_length() -> (
    None
):
    # At angles 0.5 and 0.2: joint 0.5; gear 2 * 0.2 = 0.4; tendon 0.05 + 0.06 = 0.11.
    # An action of 0.25 adds a quarter of half the range: 0.5, 0.5 and 0.05.
    simulation = _simulate([(0.5, 0.2)])
    control = PositionControl(ControlConfig(mode="relative"), simulation)
    simulation.place(0, np.array([0.5, 0.2]))
    np.testing.assert_allclose(control.commands(_act(0, 0, 0)), [[0.5, 0.4, 0.11]])
    np.testing.assert_allclose(
        control.commands(_act(0.25, 0.25, 0.25)), [[1.0, 0.9, 0.16]]
    )


def test_relative_commands_end_with_the_range() -> None:
    simulation = _simulate([(2.5, 0.9)])
    control = PositionControl(ControlConfig(mode="relative"), simulation)
    commands = control.commands(_act(1, 1, -1))
    np.testing.assert_allclose(commands[:, :2], [[3.0, 2.0]])
    assert commands[0, 2] == pytest.approx(0.52 - 0.2)


def test_smoothing_takes_a_share_of_what_is_new() -> None:
    # From a command of 1: 0.3 * 3 + 0.7 * 1 = 1.6, then 0.3 * 3 + 0.7 * 1.6 = 2.02.
    control = PositionControl(ControlConfig(new_share=0.3), _simulate())
    control.restart([0], np.array([[1.0, 0.0, 0.2]]))
    assert control.commands(_act(1, 0, 0))[0, 0] == pytest.approx(1.6)
    assert control.commands(_act(1, 0, 0))[0, 0] == pytest.approx(2.02)


def test_a_new_episode_forgets_the_last_command_in_its_world_only() -> None:
    simulation = _simulate([(0.0, 0.0), (0.0, 0.0)])
    control = PositionControl(ControlConfig(new_share=0.5), simulation)
    control.restart([0, 1], np.ones((2, 3)))
    control.commands(np.ones((2, 3), np.float32))  # 0.5 * 3 + 0.5 * 1 = 2
    control.restart([1], np.array([[-1.0, 0, 0]]))
    commands = control.commands(np.ones((2, 3), np.float32))
    # 0.5 * 3 + 0.5 * 2 and 0.5 * 3 - 0.5 * 1
    np.testing.assert_allclose(commands[:, 0], [2.5, 1.0])


def test_without_smoothing_the_past_does_not_matter() -> None:
    control = PositionControl(ControlConfig(), _simulate())
    control.restart([0], np.full((1, 3), 99.0))
    np.testing.assert_allclose(control.commands(_act(1, 1, 1)), [[3, 2, 0.4]])


def test_an_actuator_without_a_range_is_refused() -> None:
    simulation = _simulate(extra='<motor name="free" joint="a"/>')
    with pytest.raises(TaskError, match="'free' has no ctrlrange"):
        PositionControl(ControlConfig(), simulation)


def test_an_actuator_without_a_position_cannot_be_relative() -> None:
    extra = '<adhesion name="glue" body="box" ctrlrange="0 1"/>'
    model = mujoco.MjModel.from_xml_string(
        _ARM.format(extra=extra).replace("<body>", '<body name="box">', 1)
    )
    simulation = Simulation(model, mujoco.MjData(model), 1, n_substeps=1)
    PositionControl(ControlConfig(), simulation)
    with pytest.raises(TaskError, match=r"'glue'.*control: absolute"):
        PositionControl(ControlConfig(mode="relative"), simulation)


def test_a_mode_alone_stands_for_a_control() -> None:
    assert ControlConfig.model_validate("relative") == ControlConfig(mode="relative")
    config = make_config("Reach", {"control": "relative"})
    assert config.control == ControlConfig(mode="relative", new_share=1.0)
    assert type(config).model_validate_json(config.model_dump_json()) == config


@pytest.mark.parametrize("share", [0.0, 1.1, float("nan")])
def test_a_share_is_between_nothing_and_all(share: float) -> None:
    with pytest.raises(TaskError, match="new_share"):
        ControlConfig(new_share=share)


def test_an_unknown_mode_is_one_clear_error() -> None:
    with pytest.raises(TaskError, match=r"control.mode.*'absolute' or 'relative'"):
        make_config("Reach", {"control": "velocity"})
