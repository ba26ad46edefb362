# SPDX-License-Identifier: Apache-2.0
"""Networks that ship with the package, as data."""
