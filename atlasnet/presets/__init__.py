# SPDX-License-Identifier: Apache-2.0
"""Networks that ship with the package, as data.

YAML files alone live here: which regions, what enters them, what they drive. Numbers of
the atlas may not.
"""
