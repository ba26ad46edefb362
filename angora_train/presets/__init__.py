# SPDX-License-Identifier: Apache-2.0
"""Run configurations that ship with the package."""
