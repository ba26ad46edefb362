# SPDX-License-Identifier: Apache-2.0
"""A run: its preparation, loop, checkpoints and metrics, and what it would do.

Here the parts are put together and written to a run's folder. How a part works may
not be decided here.
"""
