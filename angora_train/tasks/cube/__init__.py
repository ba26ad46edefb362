# SPDX-License-Identifier: Apache-2.0
"""Turning a cube in the hand.

Goals, starts, rewards and orientation of the cube live here. What any hand or any
world has belongs to ``hand`` and ``worlds``.
"""
