# SPDX-License-Identifier: Apache-2.0
"""Decoding: what can be read out of areas, when, and beyond which controls.

::

    recording -> targets + features -> rows of a lag -> ridge or classes -> scores
"""
