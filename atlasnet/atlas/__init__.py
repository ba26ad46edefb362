# SPDX-License-Identifier: Apache-2.0
"""Where atlas data come from."""
