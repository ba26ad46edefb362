# SPDX-License-Identifier: Apache-2.0
"""The snapshot of the atlas: plain tables, see ``README.md``."""
