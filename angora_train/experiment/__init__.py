# SPDX-License-Identifier: Apache-2.0
"""Experiments: many runs, made side by side, and what they say together.

What is compared stands in :mod:`angora_train.config.experiment`.
"""
