# SPDX-License-Identifier: Apache-2.0
"""Plain networks that ship with the package, see :mod:`angora_train.widths`."""
