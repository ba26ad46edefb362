# SPDX-License-Identifier: Apache-2.0
"""Reaching with the fingertips: to the thumb, to free targets, one after another.

Goals and rewards of reaching live here. What any hand or any world has belongs to
``hand`` and ``worlds``.
"""
