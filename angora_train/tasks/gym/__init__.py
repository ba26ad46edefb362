# SPDX-License-Identifier: Apache-2.0
"""Any environment of Gymnasium as a task.

The adapter and its wrappers live here. What depends on the hand may not.
"""
