# SPDX-License-Identifier: Apache-2.0
"""Processes: the one door to MPI, who gathers and learns, signals, silence.

What ranks say to each other lives here. What they compute may not.
"""
