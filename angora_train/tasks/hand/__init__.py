# SPDX-License-Identifier: Apache-2.0
"""The Shadow Hand: the names of its parts, and its model.

What every task of the hand needs of it lives here. What the hand is to do may not.
"""
