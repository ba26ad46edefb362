# SPDX-License-Identifier: Apache-2.0
"""The Shadow Hand: the names of its parts, and its model."""
