# SPDX-License-Identifier: Apache-2.0
"""Plain networks that ship, see :mod:`angora_train.config.architecture`."""
