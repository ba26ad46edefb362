# SPDX-License-Identifier: Apache-2.0
"""Learning from all that was ever done, told under goals that were reached instead."""
