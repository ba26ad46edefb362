# SPDX-License-Identifier: Apache-2.0
"""Geometry: how the activity of areas lies in its space, and how it moves there."""
