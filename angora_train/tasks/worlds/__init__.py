# SPDX-License-Identifier: Apache-2.0
"""Many simulated worlds at once: physics, commands, imperfections, pixels.

It knows bodies and time steps. Goals and rewards may not be known here.
"""
