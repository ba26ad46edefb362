# SPDX-License-Identifier: Apache-2.0
"""The command ``atlasnet``: options in, tables out.

Every command reads its options, calls public functions and prints. Nothing that a
Python user would miss may live here.
"""
