# SPDX-License-Identifier: Apache-2.0
"""Run configurations that ship with the package.

YAML files alone live here, each number with where it comes from. What is not a key of
`angora_train.RunConfig` may not.
"""
