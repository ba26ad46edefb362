# SPDX-License-Identifier: Apache-2.0
"""Encoding and flow: what areas say of brain data, and of each other.

::

    recording + responses -> encode -> share of what is no noise
    recording + pathways -> subspace -> performance by rank
"""
