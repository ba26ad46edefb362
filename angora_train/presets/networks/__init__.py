# SPDX-License-Identifier: Apache-2.0
"""Plain networks that ship with the package.

YAML files alone live here, see :mod:`angora_train.config.architecture`. Networks of
areas may not: they are presets of ``atlasnet``.
"""
