# SPDX-License-Identifier: Apache-2.0
"""Statistics: how a task's sensations and states are related over time.

Random actions play, no network does. What is found is of the task and its body alone.
"""
