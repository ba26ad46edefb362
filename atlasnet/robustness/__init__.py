# SPDX-License-Identifier: Apache-2.0
"""Which statements about a network survive other choices in its making."""
